"""At what pace sources tell a milestone that orders owe, and when one of them has fallen silent.

Nobody declares these feeds. What is counted is not time but hours in which orders came to owe the milestone: a night or a weekend in which
nothing is sold is no silence, however long. A source is silent once more such hours have passed since its last word than it has ever left
between two words in the last weeks, times a factor, and at least a floor. It speaks again with its next word.

It stands in the identity step, where one shard can see all of a tenant's orders; what begins and ends goes to every order's shard, at the
place in the log of the record that showed it. The router lets one record an hour of each sort through. A further one of an hour changes
nothing, so how the log is partitioned, cut or read again makes no difference.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from dataflows.core.identity.items import Head, ResolvedEvent, put, record_of
from dataflows.core.identity.recent import Recent
from dataflows.core.policy import PacePolicy
from schemas.instants import DAY, HOUR
from schemas.learned import ENOUGH, SHOWN_BY
from schemas.record import Silenced, Silences

WINDOW: Final = 28 * DAY
"""For how long a pause between two words says how long the next may be."""
KNOWN_AFTER: Final = 14 * DAY
"""For how long a source must have spoken before its pace is known: two weekends."""
KEPT: Final = 2 * WINDOW
MOST: Final = 50
"""Sources of one milestone that are followed: whoever makes up more is not waited for."""


class SourcePace(Struct, array_like=True):
    """One source of a milestone. Instants are µs of log time; its fields are stored data."""

    first: int
    hour: int
    """The hour of its last word."""
    at: int
    """The first word of that hour."""
    hours: int = 1
    """In how many hours it has spoken, as far as that matters."""
    run: int = 0
    """In how many hours since then an order came to owe the milestone."""
    pauses: dict[int, int] = {}
    """By day, the longest of such pauses that ended on it."""
    silent: bool = False
    ended: int | None = None
    """When it last spoke again after a silence."""

    def limit(self, terms: PacePolicy, now: int) -> int:
        """How many such hours may pass before it is silent."""
        since = (now - WINDOW) // DAY
        return max(terms.floor // HOUR, terms.factor * max((n for day, n in self.pauses.items() if day >= since), default=0))

    def known(self, now: int) -> bool:
        """Whether it has spoken for long and often enough to have a pace."""
        return self.hours >= ENOUGH and now - self.first >= KNOWN_AFTER

    def speak(self, hour: int, log: int, limit: int) -> bool:
        """Takes the first word of an hour in; whether a silence ends with it.

        A silence says nothing of the pace. If it is the second in some weeks, the pace may have become another: it counts as far as it was
        allowed.
        """
        pause, ended = self.run, self.silent
        if ended:
            pause = min(pause, limit) if self.ended is not None and log - self.ended < WINDOW else 0
            self.ended = log
        if pause:
            day = log // DAY
            since = (log - WINDOW) // DAY
            self.pauses = {known: n for known, n in self.pauses.items() if known >= since}
            self.pauses[day] = max(pause, self.pauses.get(day, 0))
        self.hour, self.at, self.hours, self.run, self.silent = hour, log, min(self.hours + 1, ENOUGH), 0, False
        return ended


class Pace(Struct, array_like=True):
    """A milestone of a tenant: the last hour in which an order came to owe it, and who tells it. `silent`: all of them are silent."""

    owed: int
    tellers: dict[str, SourcePace] = {}
    silent: bool = False


class Paces:
    """The paces of one alias shard, by tenant and milestone. `terms`: None, nobody asks for them."""

    def __init__(self, terms: PacePolicy | None) -> None:
        self._terms = terms
        self.known: Recent[str, bytes] = Recent(KEPT)

    def see(self, head: Head, name: str) -> list[ResolvedEvent]:
        """Takes in a record that tells a milestone or shows that it is owed; what falls silent or speaks again with it."""
        record = record_of(head)
        terms, event, log = self._terms, record.event, head.log
        if terms is None:
            return []
        self.known.advance(log)
        packed = self.known.get(name)
        pace = Pace(-1) if packed is None else msgspec.msgpack.decode(packed, type=Pace)
        hour = log // HOUR
        changes = self._hear(pace, event.source, hour, log) if event.type in SHOWN_BY else self._owe(pace, hour, log)
        self.known.set(name, msgspec.msgpack.encode(pace))
        if not changes:
            return []
        return [put(head, record, "", Silences(log, event.tenant, name.rpartition("\n")[2], tuple(changes)))]

    def _hear(self, pace: Pace, source: str, hour: int, log: int) -> list[Silenced]:
        assert self._terms is not None
        teller = pace.tellers.get(source)
        if teller is None:
            pace.tellers = {name: one for name, one in pace.tellers.items() if log - one.at < KEPT}
            if len(pace.tellers) < MOST:
                pace.tellers[source] = SourcePace(log, hour, log)
            return self._ends(pace)
        if hour <= teller.hour:
            return []
        since = teller.at
        ended = teller.speak(hour, log, teller.limit(self._terms, log))
        return [*([Silenced(source, since, over=True)] if ended else []), *self._ends(pace)]

    def _ends(self, pace: Pace) -> list[Silenced]:
        """Of a word of any source: it is not all of them that are silent."""
        ended, pace.silent = pace.silent, False
        return [Silenced("", 0, over=True)] if ended else []

    def _owe(self, pace: Pace, hour: int, log: int) -> list[Silenced]:
        terms = self._terms
        assert terms is not None
        if hour <= pace.owed:
            return []
        pace.owed = hour
        found: list[Silenced] = []
        speaking = 0
        for source, teller in pace.tellers.items():
            teller.run += hour > teller.hour
            over, known = teller.run > teller.limit(terms, log), teller.known(log)
            speaking += not over
            if over and known and not teller.silent:
                teller.silent = True
                found.append(Silenced(source, teller.at, over=False))
        silent = [teller.at for teller in pace.tellers.values() if teller.silent]
        if silent and not speaking and not pace.silent:
            pace.silent = True
            found.append(Silenced("", max(silent), over=False))
        return found
