"""Events that wait at an alias for the order that they belong to, and those that nobody claims in time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from dataflows.core.identity.items import Orphan, ResolvedEvent, Tie
from dataflows.core.identity.recent import Recent
from schemas.record import Record


class AliasKey(NamedTuple):
    """An alias of a tenant."""

    tenant: str
    kind: str
    value: str

    @property
    def text(self) -> str:
        """The alias as output records about it name it."""
        return f"{self.kind}:{self.value}"


@dataclass(slots=True)
class PendingEvents:
    """The events that wait at one alias, by source and ID, each with whether it keeps watch here; and the orphan raised for them.

    `due`: while none is raised and one keeps watch, when somebody may be missed (µs of log time).
    """

    events: dict[tuple[str, str], tuple[Record, bool]] = field(default_factory=dict[tuple[str, str], tuple[Record, bool]])
    raised: Orphan | None = None
    due: int | None = None

    def watched(self) -> list[Record]:
        """The records that keep watch here."""
        return [record for record, watch in self.events.values() if watch]


def place(record: Record) -> tuple[int, str, int, int, int]:
    """Where a record stands in the log."""
    return (record.log, record.topic, record.partition, record.offset, record.sub)


class PendingQueue:
    """Events by the aliases at which they wait; `after` says how long those of a tenant may (µs of log time), None: nobody minds."""

    def __init__(self, keep: int, after: Callable[[str], int | None]) -> None:
        self._after = after
        self.pendings: Recent[AliasKey, PendingEvents] = Recent(keep)
        self._due: list[tuple[int, AliasKey]] = []
        self.signals: list[ResolvedEvent] = []

    def __len__(self) -> int:
        return len(self.pendings)

    @property
    def next_due(self) -> int | None:
        """The instant at which somebody may be missed next."""
        return self._due[0][0] if self._due else None

    def wait(self, key: AliasKey, record: Record, *, watch: bool) -> None:
        """Lets an event wait at an alias; a duplicate waits once."""
        pending = self.pendings.get(key)
        if pending is None:
            self.pendings.set(key, pending := PendingEvents())
        identity = (record.event.source, record.event.id)
        if identity in pending.events:
            return
        if watch and pending.raised is None and not pending.watched() and (after := self._after(key.tenant)) is not None:
            self._expect(key, pending, record.log + after)
        pending.events[identity] = (record, watch)
        self.pendings.touched(key)

    def release(self, key: AliasKey, log: int, order: str) -> list[Record]:
        """The events that wait at an alias which has just been tied to `order`, in log order."""
        pending = self.pendings.pop(key)
        if pending is None:
            return []
        self._settle(key, pending, log, order)
        return sorted((record for record, _ in pending.events.values()), key=place)

    def forget(self, key: AliasKey, record: Record | Tie, log: int) -> None:
        """Lets an event go that has found its order `record.order` elsewhere."""
        pending = self.pendings.get(key)
        if pending is None or pending.events.pop((record.event.source, record.event.id), None) is None:
            return
        self.pendings.touched(key)
        if not pending.watched():
            self._settle(key, pending, log, record.order)
        if not pending.events:
            self.pendings.pop(key)

    def advance(self, log: int) -> None:
        """Lets log time pass: who is due before `log` is missed."""
        while self._due and self._due[0][0] < log:
            due, key = heapq.heappop(self._due)
            self.pendings.advance(due)
            pending = self.pendings.get(key)
            watched, after = pending.watched() if pending is not None else [], self._after(key.tenant)
            if pending is None or pending.raised is not None or not watched or after is None:
                continue
            since = min(record.log for record in watched)
            if since + after > due:
                self._expect(key, pending, since + after)
                continue
            records = tuple(sorted(watched, key=place))
            pending.raised, pending.due = (
                Orphan(key.tenant, key.text, due, since, due, 1, resolved=False, order=None, records=records),
                None,
            )
            self.pendings.touched(key)
            self._signal(pending.raised)
        self.pendings.advance(log)

    def restore(self, last: int | None, entries: Iterable[tuple[AliasKey, int, PendingEvents | None]], changed_at: int | None) -> None:
        """Goes on from kept rooms. If the policy has changed, who waits is missed when the new one says so, but not before `changed_at`."""
        self.pendings.restore(last, entries)
        for key, _, pending in list(self.pendings.entries()):
            after = self._after(key.tenant)
            if pending is None or pending.raised is not None or after is None:
                continue
            if changed_at is None:
                if pending.due is not None:
                    heapq.heappush(self._due, (pending.due, key))
            elif watched := pending.watched():
                self._expect(key, pending, max(min(record.log for record in watched) + after, changed_at))

    def _expect(self, key: AliasKey, pending: PendingEvents, due: int) -> None:
        """Plans to see at `due` whether somebody is missed."""
        pending.due = due
        self.pendings.touched(key)
        heapq.heappush(self._due, (due, key))

    def _settle(self, key: AliasKey, pending: PendingEvents, log: int, order: str) -> None:
        raised = pending.raised
        if raised is not None:
            pending.raised = None
            self._signal(
                Orphan(key.tenant, raised.alias, log, raised.since, raised.due, 2, resolved=True, order=order, records=raised.records)
            )

    def _signal(self, orphan: Orphan) -> None:
        first = orphan.records[0]
        self.signals.append(
            ResolvedEvent(orphan.log, first.topic, first.partition, first.offset, first.sub, orphan.tenant, orphan.alias, orphan)
        )
