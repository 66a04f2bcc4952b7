"""Log time of recorded events: when a file says that something became known, made safe against absurd dates.

A record's own instant is its `recordedtime`, else its `time`. Its log time is the greater of its own instant and the greatest before it
less the allowed out-of-orderness, so that log time never runs far backwards. A record that is ahead of the greatest by more than a bound
is *held*: it moves time only once the record after it, from elsewhere, is beyond the bound as well, so that one absurd date cannot push
time. All numbers are µs since the epoch, UTC, or spans in µs.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.instants import DAY, HOUR
from schemas.record import Record
from sources.batch import BEGINNING

DEFAULT_OUT_OF_ORDER = HOUR
JUMP_BOUND = 7 * DAY
"""A record further ahead than this needs a second one that confirms it."""
LAST_JUMP = 366 * DAY
"""At the end of a file there is no second record any more: an uncontradicted jump of at most this much counts all the same."""


@dataclass(slots=True)
class _Held:
    own: int
    record: Record
    contradicted: bool = False


class LogClock:
    """Gives the records of one partition their log time, in the order in which they stand in the file.

    `greatest` is the log time reached; `floor` is `greatest` less the allowed out-of-orderness, and no later record gets less. Records
    that had been held and are let go lie in `freed`, with their log time set, until the caller takes them.
    """

    __slots__ = ("_held", "_limit", "_out_of_order", "floor", "freed", "greatest")

    def __init__(self, out_of_order: int = DEFAULT_OUT_OF_ORDER) -> None:
        self._out_of_order = out_of_order
        self._held: list[_Held] = []
        self.freed: list[Record] = []
        self.greatest = BEGINNING
        self.floor = BEGINNING
        self._limit = BEGINNING + JUMP_BOUND

    def stamp(self, own: int) -> int | None:
        """The log time of a record whose own instant is `own`; None if it must be held (call `hold`)."""
        if own > self.greatest:
            if own > self._limit:
                return None
            self.greatest = own
            self.floor = own - self._out_of_order
            self._limit = own + JUMP_BOUND
            if self._held:
                self._pass()
            return own
        if self._held:
            self._pass()
        floor = self.floor
        return max(own, floor)

    def hold(self, own: int, record: Record) -> None:
        """Keeps a record that is too far ahead until a second one confirms it or the file ends."""
        event = record.event
        open_ = [held for held in self._held if not held.contradicted]
        self._held.append(_Held(own, record))
        if any(held.record.event.id != event.id or held.record.event.source != event.source for held in open_):
            self._reach(min(own, *(held.own for held in open_)))
            self._free()

    def finish(self, until: int | None) -> list[Record]:
        """The records still held at the end of the file, with their log time set.

        One that no later record contradicted counts if it is at most `LAST_JUMP` ahead or no later than `until`. Any other is given the
        greatest log time: it is applied, but moves no time.
        """
        last = self._held
        last.sort(key=lambda held: (held.own, held.record.offset))
        for held in last:
            fits = self.greatest == BEGINNING or held.own - self.greatest <= LAST_JUMP or (until is not None and held.own <= until)
            if fits and not held.contradicted:
                self._reach(max(held.own, self.greatest))
            held.record.log = self.greatest
        self._held = []
        return [held.record for held in last]

    def _reach(self, instant: int) -> None:
        self.greatest = instant
        self.floor = instant - self._out_of_order
        self._limit = instant + JUMP_BOUND

    def _pass(self) -> None:
        """An ordinary record came after those that are held: it contradicts them, and may bring time near them."""
        for held in self._held:
            held.contradicted = True
        self._free()

    def _free(self) -> None:
        """Lets go what is within the bound by now; each may bring the next one within it."""
        self._held.sort(key=lambda held: (held.own, held.record.offset))
        while self._held and self._held[0].own <= self._limit:
            held = self._held.pop(0)
            held.record.log = max(held.own, self.floor)
            self.freed.append(held.record)
            self._reach(max(self.greatest, held.own))
