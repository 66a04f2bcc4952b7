"""One order's history: its events without duplicates, withdrawals and scans of other parcels, in the order in which they happened.

Arrival order leaves no trace here: whatever comes when, the same events make the same timeline.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from enum import Enum
from itertools import chain
from operator import attrgetter
from typing import NamedTuple, cast

from schemas.events import EvidenceWithdrawn
from schemas.record import IdentityFinding, Record

WITHDRAWN = "evidence.withdrawn"
SCAN = "carrier.scan"
PLACED = "order.placed"
ANNOUNCED = ("warehouse.label_created", "warehouse.shipped")
ANCHORS = frozenset((PLACED, *ANNOUNCED))
"""Events that say since when a scan can be this order's."""
REUSE_WINDOW = 30 * 24 * 3_600_000_000
"""How long (µs) before an order is placed and labelled a scan may lie and still be of its parcel: carriers use numbers again after some
months (EasyPost, Tracking: "carriers recycle"), and an order that is entered late is entered within a month."""


class Added(Enum):
    """What adding a record did: nothing, lengthened the history at its end, or changed it further back.

    An event of the same instant as the last one counts as further back: which of the two came first in the log says nothing.
    """

    DUPLICATE = 0
    APPENDED = 1
    INSERTED = 2


def happened(record: Record) -> tuple[int, str, str]:
    """The order of a history: by when it happened, then by identity."""
    event = record.event
    return (record.at, event.source, event.id)


class Failure(NamedTuple):
    """A rule that could not be judged: from log time `since` to `until` (µs; None: it still fails).

    `error` is the class of what it threw; `source` and `id` name the event that triggered it, empty if it was the passing of time.
    """

    kind: str
    error: str
    since: int
    until: int | None
    source: str
    id: str


class Timeline:
    """The events of one order; `records` and `by_type` hold those that count, sorted by when they happened.

    `hidden` are those that do not: withdrawn, or scans of another parcel that had the number before. Taking an event in costs O(log n)
    look-ups, whatever comes when; `moved` are the events that the last `add` hid or brought back.
    """

    __slots__ = (
        "_apart",
        "_first",
        "_ids",
        "_merged",
        "_since",
        "_withdrawals",
        "_withdrawn",
        "by_type",
        "failures",
        "moved",
        "notes",
        "records",
        "size",
    )

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.by_type: dict[str, list[Record]] = {}
        self.notes: list[IdentityFinding] = []
        self.failures: list[Failure] = []
        self.moved: list[Record] = []
        self.size = 0
        """How many events have been taken in, whether or not they count."""
        self._first: Record | None = None
        self._ids: dict[str, tuple[Record, ...] | Record] = {}
        self._withdrawals: dict[str, list[Record]] = {}
        self._withdrawn: dict[int, Record] = {}
        self._apart: dict[int, Record] = {}
        self._since: int | None = None
        self._merged: dict[tuple[str, ...], list[Record]] = {}

    @property
    def hidden(self) -> list[Record]:
        """The events that do not count."""
        return [*self._withdrawn.values(), *self._apart.values()]

    @property
    def anything_hidden(self) -> bool:
        """Whether some event does not count."""
        return bool(self._withdrawn or self._apart)

    @property
    def first_logged(self) -> Record:
        """The event that was logged first, whether or not it counts."""
        if self._first is None:
            self._first = min((*self.records, *self.hidden), key=attrgetter("position"))
        return self._first

    def fill(self, records: list[Record], hidden: Sequence[Record]) -> None:
        """Makes an empty timeline what another one was: its `records`, and what it had `hidden`."""
        self.records = records
        self.size = len(records) + len(hidden)
        by_type = self.by_type
        for record in records:
            type_ = record.event.type
            same = by_type.get(type_)
            if same is None:
                by_type[type_] = [record]
            else:
                same.append(record)
        self._ids = {record.event.id: record for record in records}
        if hidden or len(self._ids) < len(records):
            self._ids = {}
            for record in (*records, *hidden):
                self._identify(record)
        for record in (r for r in (*by_type.get(WITHDRAWN, ()), *hidden) if r.event.type == WITHDRAWN):
            self._withdrawals.setdefault(_withdraws(record), []).append(record)
        for record in hidden:
            (self._withdrawn if self._is_named(record) else self._apart)[id(record)] = record
        self._since = self._window()

    def add(self, record: Record) -> Added:
        """Takes one record in; duplicates by (`source`, `id`) have no effect."""
        same_id = record.event.id in self._ids
        if same_id and self.knows(record):
            return Added.DUPLICATE
        if self.moved:
            self.moved = []
        named = bool(self._withdrawals) and self._is_named(record)
        type_ = record.event.type
        if type_ == WITHDRAWN:
            self._withdrawals.setdefault(_withdraws(record), []).append(record)
            self._withdraw(record)
        if same_id:
            self._identify(record)
        else:
            self._ids[record.event.id] = record
        self.size += 1
        if self._first is not None and record.position < self._first.position:
            self._first = record
        if named:
            self._withdrawn[id(record)] = record
            return Added.INSERTED
        records = self.records
        if (not records or record.at > records[-1].at) and type_ != WITHDRAWN:
            records.append(record)
            same = self.by_type.get(type_)
            if same is None:
                self.by_type[type_] = [record]
            else:
                same.append(record)
            if self._merged:
                for types, merged in self._merged.items():
                    if type_ in types:
                        merged.append(record)
            apart = type_ in ANCHORS and self._set_apart()
            return Added.INSERTED if apart else Added.APPENDED
        self._insert(record)
        if type_ in (SCAN, WITHDRAWN) or type_ in ANCHORS:
            self._set_apart()
        return Added.INSERTED

    def hits(self, withdrawal: Record) -> bool:
        """Whether a withdrawal names an event that is known."""
        return any(_names(withdrawal, r) for r in self._with_id(_withdraws(withdrawal)))

    def knows(self, record: Record) -> bool:
        """Whether an event of this identity has been taken in."""
        known = self._ids.get(record.event.id)
        if known is None:
            return False
        source = record.event.source
        return any(r.event.source == source for r in known) if isinstance(known, tuple) else known.event.source == source

    def find(self, source: str, identity: str) -> Record | None:
        """The event of this identity that counts; None if there is none."""
        known = [r for r in self._with_id(identity) if r.event.source == source]
        return known[0] if known and id(known[0]) not in self._withdrawn and id(known[0]) not in self._apart else None

    def at(self, instant: int) -> list[Record]:
        """The events that happened at an instant."""
        records = self.records
        first = bisect_left(records, instant, key=_instant)
        last = bisect_right(records, instant, first, key=_instant)
        return records[first:last]

    def of(self, *types: str) -> list[Record]:
        """The events of these types, as they happened."""
        if len(types) == 1:
            return self.by_type.get(types[0], [])
        known = self._merged.get(types)
        if known is None:
            parts = [same for t in types if (same := self.by_type.get(t))]
            known = self._merged[types] = sorted(chain.from_iterable(parts), key=happened) if len(parts) > 1 else list(*parts)
        return known

    def _identify(self, record: Record) -> None:
        known = self._ids.get(record.event.id)
        if known is None:
            self._ids[record.event.id] = record
        else:
            self._ids[record.event.id] = (*known, record) if isinstance(known, tuple) else (known, record)

    def _with_id(self, identity: str) -> tuple[Record, ...]:
        known = self._ids.get(identity)
        return () if known is None else known if isinstance(known, tuple) else (known,)

    def _is_named(self, record: Record) -> bool:
        """Whether a withdrawal names this event."""
        return any(_names(w, record) for w in self._withdrawals.get(record.event.id, ()))

    def _lists_with(self, type_: str) -> list[list[Record]]:
        """The sorted lists that hold the events of a type."""
        return [self.records, self.by_type.setdefault(type_, []), *(merged for types, merged in self._merged.items() if type_ in types)]

    def _insert(self, record: Record) -> None:
        for known in self._lists_with(record.event.type):
            insort(known, record, key=happened)

    def _withdraw(self, withdrawal: Record) -> None:
        for record in self._with_id(_withdraws(withdrawal)):
            if id(record) not in self._withdrawn and _names(withdrawal, record):
                if self._apart.pop(id(record), None) is None:
                    self._hide(record)
                self._withdrawn[id(record)] = record

    def _hide(self, record: Record) -> None:
        """Takes an event out of those that count."""
        self.moved.append(record)
        type_ = record.event.type
        place = happened(record)
        for known in self._lists_with(type_):
            del known[bisect_left(known, place, key=happened)]
        if not self.by_type[type_]:
            del self.by_type[type_]

    def _set_apart(self) -> bool:
        """Hides the scans of another parcel, and counts those again that are none after all; whether there were any."""
        since = self._window()
        if SCAN not in self.by_type and not self._apart:
            self._since = since
            return False
        gone: list[Record] = []
        for record in self.by_type.get(SCAN, ()) if since is not None else ():
            if record.at >= cast("int", since):
                break
            gone.append(record)
        back: list[Record] = []
        if since != self._since and self._apart:
            back = [r for r in self._apart.values() if since is None or r.at >= since]
        self._since = since
        for record in gone:
            self._hide(record)
            self._apart[id(record)] = record
        for record in back:
            del self._apart[id(record)]
            self._insert(record)
        self.moved += back
        return bool(gone or back)

    def _window(self) -> int | None:
        """The instant before which no scan is this order's; None while it is not known to be placed."""
        placed = self.by_type.get(PLACED)
        if not placed:
            return None
        first = placed[0].at
        for type_ in ANNOUNCED:
            known = self.by_type.get(type_)
            if known and known[0].at < first:
                first = known[0].at
        return first - REUSE_WINDOW


def _instant(record: Record) -> int:
    return record.at


def _withdraws(withdrawal: Record) -> str:
    """The ID of the events that a withdrawal names."""
    return cast("EvidenceWithdrawn", withdrawal.event.data).event_id


def _names(withdrawal: Record, record: Record) -> bool:
    data = cast("EvidenceWithdrawn", withdrawal.event.data)
    event = record.event
    return data.event_id == event.id and data.event_source in (None, event.source)
