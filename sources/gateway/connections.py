"""Open connections: how many there may be, how many of one sender, and which goes where there is one too many.

Nobody new is turned away: a connection that waits goes instead, the one that lags most. What a connection lags behind is the least rate at
which a request must come. So whoever trickles, stalls or says nothing makes way for whoever sends, from however many addresses it comes;
and a request that has come whole is never cut off.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, Literal, TypeAlias

from sources.gateway.peers import Limits

Stage: TypeAlias = Literal["new", "idle", "head", "body", "answer", "unread"]
"""What a connection is at: open and silent, between requests, in a request's head or body, being answered, not reading its answer."""
RESERVE: Final = 64
"""Connections beyond the limit where all of them are being answered: for health checks above all."""
SHARE: Final = 50
"""When there is one too many, up to one in so many go at once: looking for them takes time, and whoever opens many opens more."""
LATE_S: Final = 1.0
"""Those who lag by less go only one at a time."""


class GatewayConnection:
    """An open connection. `stop` ends it; `clock` gives seconds that never go back."""

    __slots__ = ("_at", "_clock", "_owed", "_rate", "evicted", "peer", "stage", "stop")

    def __init__(self, peer: str | None, rate: float, stop: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.peer, self.stop = peer, stop
        self.evicted = False
        """Whether it had to make way."""
        self._rate, self._clock = rate, clock
        self.enter("new")

    def enter(self, stage: Stage) -> None:
        """It is at something else now, and lags behind nothing yet."""
        self.stage: Stage = stage
        self._owed, self._at = 0.0, self._clock()

    def came(self, count: int) -> None:
        """So many bytes came. Those that come faster than they must earn nothing for later: who stalls then lags from there on."""
        now = self._clock()
        self._owed = max(0.0, self._owed + now - self._at - count / self._rate)
        self._at = now

    def lag(self) -> float:
        """By how many seconds it is behind the least rate. Silence counts in full, also between requests."""
        return self._owed + self._clock() - self._at


class Connections:
    """All open connections, by sender. `evicted` is told at what each was that had to make way."""

    def __init__(self, limits: Limits, evicted: Callable[[Stage], None] = lambda _: None) -> None:
        self._most, self._most_of_peer = limits.connections, limits.connections_of_peer
        self._evicted = evicted
        self._open: set[GatewayConnection] = set()
        self._peers: Counter[str | None] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: GatewayConnection) -> bool:
        """Takes a new connection, and makes room for it; False if there is none to be had: all are being answered."""
        full = len(self._open) >= self._most and not self._make_way(self._open, self._most // SHARE)
        if full and len(self._open) >= self._most + RESERVE:
            return False
        self._open.add(connection)
        self._count(connection)
        return True

    def remove(self, connection: GatewayConnection) -> None:
        """It is closed."""
        if connection in self._open:
            self._open.remove(connection)
            self._uncount(connection.peer)

    def speaks_for(self, connection: GatewayConnection, peer: str | None) -> None:
        """A proxy's connection has the request of somebody; None: of nobody any more."""
        if connection in self._open and connection.peer != peer:
            self._uncount(connection.peer)
            connection.peer = peer
            self._count(connection)

    def evict(self, connection: GatewayConnection) -> None:
        """It makes way."""
        connection.evicted = True
        self._evicted(connection.stage)
        self.remove(connection)
        connection.stop()

    def _count(self, connection: GatewayConnection) -> None:
        peer = connection.peer
        self._peers[peer] += 1
        if peer is not None and self._peers[peer] > self._most_of_peer:
            others = (one for one in self._open if one.peer == peer and one is not connection)
            self._make_way(others, self._most_of_peer // SHARE)

    def _uncount(self, peer: str | None) -> None:
        self._peers[peer] -= 1
        if not self._peers[peer]:
            del self._peers[peer]

    def _make_way(self, connections: Iterable[GatewayConnection], count: int) -> bool:
        """Ends those that lag most; returns whether there was one."""
        waiting = ((one.lag(), id(one), one) for one in connections if one.stage != "answer")
        worst = heapq.nlargest(max(1, count), waiting)
        for number, (lag, _, one) in enumerate(worst):
            if not number or lag > LATE_S:
                self.evict(one)
        return bool(worst)
