"""How much is let in: requests per second of a connection, requests and bytes at a time, the size and the pace of a body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

from starlette.types import Message, Receive

from sources.gateway.connections import Connections, GatewayConnection

GRACE_S: Final = 5.0
"""By how many seconds a request may fall behind the least rate."""


class Bucket:
    """A token bucket: `rate` requests per second, `burst` at once. `clock` gives seconds that never go back."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float]) -> None:
        self.rate, self.burst = rate, burst
        self._clock = clock
        self._tokens, self._at = float(burst), clock()

    def take(self) -> float:
        """Takes a token; returns 0, or after how many seconds there will be one."""
        now = self._clock()
        self._tokens = min(float(self.burst), self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self.rate


class TooLargeError(Exception):
    """The body is larger than the connection takes."""


class BusyError(Exception):
    """More bytes are under way than are allowed."""


class GoneError(Exception):
    """The sender went away before the body was complete."""


class Buffered:
    """Counts the bytes of the bodies that are held at a time. Where there are too many, the body that lags most makes way."""

    def __init__(self, most: int, connections: Connections) -> None:
        self._most, self._connections = most, connections
        self._bodies: set[Body] = set()
        self.now = 0

    def add(self, body: Body, count: int) -> None:
        """More bytes of a body are held. Raises BusyError if that is too many, and no other that is not complete lags more."""
        while self.now + count > self._most:
            _, _, slowest = max((one.connection.lag(), id(one), one) for one in self._bodies | {body})
            if slowest is body:
                raise BusyError
            self._connections.evict(slowest.connection)
            slowest.let_go()
        self.now += count
        self._bodies.add(body)

    def complete(self, body: Body) -> None:
        """A body is there: it is held, but does not stall any more."""
        self._bodies.discard(body)

    def release(self, body: Body, count: int) -> None:
        """Bytes are held no more."""
        self.now -= count
        self._bodies.discard(body)


class Body:
    """The pieces of a body as they come on a connection, counted in `buffered` until it is let go."""

    def __init__(self, buffered: Buffered, connection: GatewayConnection, most: int) -> None:
        self._buffered, self._most = buffered, most
        self.connection = connection
        self._pieces: list[bytes] = []
        self.size = 0
        """Bytes that came."""
        self._held = 0

    async def read(self, receive: Receive, headers: dict[str, str], patience: float) -> bytes:
        """The body of a request, if it comes within `patience` seconds and at the least rate; stops reading as soon as it is too large.

        Raises TooLargeError, BusyError, GoneError, TimeoutError.
        """
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._most:
            raise TooLargeError
        clock = asyncio.get_running_loop().time
        end = clock() + patience
        async with asyncio.timeout(min(patience, GRACE_S)) as limit:
            while self._take(await receive()):
                limit.reschedule(min(end, clock() + GRACE_S - self.connection.lag()))
        self._buffered.complete(self)
        return b"".join(self._pieces)

    def hold(self, count: int) -> None:
        """So many bytes more are held, made from the body. Raises BusyError if that is too many."""
        self._buffered.add(self, count)
        self._held += count
        self._buffered.complete(self)

    def let_go(self) -> None:
        """The body is not held any more."""
        self._buffered.release(self, self._held)
        self._pieces, self._held = [], 0

    def _take(self, message: Message) -> bool:
        """Takes a piece; returns whether there are more."""
        if message["type"] == "http.disconnect" or self.connection.evicted:
            raise GoneError
        piece = cast("bytes", message.get("body", b""))
        if self.size + len(piece) > self._most:
            raise TooLargeError
        self._buffered.add(self, len(piece))
        self._held += len(piece)
        self.size += len(piece)
        self._pieces.append(piece)
        return bool(message.get("more_body"))
