"""One order's history: its events without duplicates, withdrawals and scans of other parcels, in the order in which they happened.

Arrival order leaves no trace here: whatever comes when, the same events make the same timeline.
"""

from __future__ import annotations

from bisect import insort
from enum import Enum
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

    `hidden` are those that do not: withdrawn, or scans of another parcel that had the number before.
    """

    __slots__ = ("by_type", "failures", "hidden", "ids", "notes", "records", "withdrawals")

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.by_type: dict[str, list[Record]] = {}
        self.ids: set[str] = set()
        self.hidden: list[Record] = []
        self.withdrawals: list[Record] = []
        self.notes: list[IdentityFinding] = []
        self.failures: list[Failure] = []

    def add(self, record: Record) -> Added:
        """Takes one record in; duplicates by (`source`, `id`) have no effect."""
        if self.knows(record):
            return Added.DUPLICATE
        self.ids.add(record.event.id)
        type_ = record.event.type
        named = any(_names(w, record) for w in self.withdrawals)
        if type_ == WITHDRAWN:
            self.withdrawals.append(record)
            self._withdraw(record)
        if named:
            self.hidden.append(record)
            return Added.INSERTED
        records = self.records
        if (not records or record.at > records[-1].at) and type_ != WITHDRAWN:
            records.append(record)
            same = self.by_type.get(type_)
            if same is None:
                self.by_type[type_] = [record]
            else:
                same.append(record)
            apart = type_ in ANCHORS and SCAN in self.by_type and self._set_apart()
            return Added.INSERTED if apart else Added.APPENDED
        self._insert(record)
        if type_ in (SCAN, WITHDRAWN) or type_ in ANCHORS:
            self._set_apart()
        return Added.INSERTED

    def hits(self, withdrawal: Record) -> bool:
        """Whether a withdrawal names an event that is known."""
        return any(_names(withdrawal, r) for known in (self.hidden, self.records) for r in known)

    def knows(self, record: Record) -> bool:
        """Whether an event of this identity has been taken in."""
        return record.event.id in self.ids and self._knows(record.event.source, record.event.id)

    def of(self, *types: str) -> list[Record]:
        """The events of these types, as they happened."""
        if len(types) == 1:
            return self.by_type.get(types[0], [])
        return sorted((r for t in types for r in self.by_type.get(t, ())), key=happened)

    def fail(self, kind: str, error: str, now: int, record: Record | None) -> bool:
        """Notes that a rule cannot be judged at log time `now` (µs); whether that is new. `record`: what triggered it, if anything."""
        if any(failure.kind == kind and failure.until is None for failure in self.failures):
            return False
        source, id_ = (record.event.source, record.event.id) if record is not None else ("", "")
        self.failures.append(Failure(kind, error, now, None, source, id_))
        return True

    def mend(self, kind: str, now: int) -> bool:
        """Notes that a rule can be judged again at log time `now` (µs); whether that is new. It has failed for a moment at least."""
        for place, failure in enumerate(self.failures):
            if failure.kind == kind and failure.until is None:
                self.failures[place] = failure._replace(until=max(now, failure.since + 1))
                return True
        return False

    def _insert(self, record: Record) -> None:
        insort(self.records, record, key=happened)
        insort(self.by_type.setdefault(record.event.type, []), record, key=happened)

    def _knows(self, source: str, identity: str) -> bool:
        return any(r.event.id == identity and r.event.source == source for known in (self.records, self.hidden) for r in known)

    def _withdraw(self, withdrawal: Record) -> None:
        for record in [r for r in self.records if _names(withdrawal, r)]:
            self._hide(record)

    def _hide(self, record: Record) -> None:
        self.records = [r for r in self.records if r is not record]
        type_ = record.event.type
        self.by_type[type_] = [r for r in self.by_type[type_] if r is not record]
        if not self.by_type[type_]:
            del self.by_type[type_]
        self.hidden.append(record)

    def _set_apart(self) -> bool:
        """Hides the scans of another parcel, and counts those again that are none after all; whether there were any."""
        since = self._since()
        gone = [] if since is None else [r for r in self.by_type.get(SCAN, ()) if r.at < since]
        back = [
            r
            for r in self.hidden
            if r.event.type == SCAN and (since is None or r.at >= since) and not any(_names(w, r) for w in self.withdrawals)
        ]
        for record in gone:
            self._hide(record)
        for record in back:
            self.hidden = [r for r in self.hidden if r is not record]
            self._insert(record)
        return bool(gone or back)

    def _since(self) -> int | None:
        """The instant before which no scan is this order's; None while it is not known to be placed."""
        placed = self.by_type.get(PLACED)
        if not placed:
            return None
        first = min((placed[0].at, *(known[0].at for type_ in ANNOUNCED if (known := self.by_type.get(type_)))))
        return first - REUSE_WINDOW


def _names(withdrawal: Record, record: Record) -> bool:
    data = cast("EvidenceWithdrawn", withdrawal.event.data)
    event = record.event
    return data.event_id == event.id and data.event_source in (None, event.source)
