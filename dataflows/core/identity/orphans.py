"""Events that wait at an alias for the order that they belong to, and those that nobody claims in time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec.structs import replace

from dataflows.core.engine.backfill import Backfill
from dataflows.core.identity.items import ResolvedEvent, Tie
from dataflows.core.identity.recent import Recent
from schemas.record import Orphan, Record
from schemas.values import as_id


class AliasKey(NamedTuple):
    """An alias of a tenant."""

    tenant: str
    kind: str
    value: str

    @property
    def text(self) -> str:
        """The alias as output records about it name it, and decisions: an identifier, though its value alone may be as long as one."""
        return as_id(f"{self.kind}:{self.value}")


@dataclass(slots=True)
class PendingEvents:
    """The events that wait at one alias, by source and ID, each with whether it keeps watch here; and the orphan raised for them.

    `due`: when somebody may be missed, while none is raised and one keeps watch (µs of log time). A program of before closed an orphan for
    age here; then the one that stands here is resolved.
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
    """Events by the aliases at which they wait; `after` says how long those of a tenant may (µs of log time), None: nobody minds.

    What is told long after it happened (`backfill`) may besides wait for the rest of its history. What becomes of an orphan until somebody
    claims it is for the shard of its alias to say, which is told of every further event.
    """

    def __init__(self, keep: int, after: Callable[[str], int | None], backfill: Backfill) -> None:
        self._after = after
        self._backfill = backfill
        self._unkept: set[AliasKey] = set()
        """Orphans that were raised by a program of before: the shards of their aliases have yet to be told."""
        self.pendings: Recent[AliasKey, PendingEvents] = Recent(keep)
        self.due: list[tuple[int, AliasKey]] = []
        """When somebody may be missed, as a heap."""
        self.signals: list[ResolvedEvent] = []

    def __len__(self) -> int:
        return len(self.pendings)

    def wait(self, key: AliasKey, record: Record, *, watch: bool) -> None:
        """Lets an event wait at an alias; a duplicate waits once."""
        pending = self.pendings.get(key)
        if pending is None:
            self.pendings.set(key, pending := PendingEvents())
        identity = (record.event.source, record.event.id)
        if identity in pending.events:
            return
        if watch and pending.raised is None and not pending.watched() and (after := self._after(key.tenant)) is not None:
            self._expect(key, pending, self._missed_at([record], after))
        pending.events[identity] = (record, watch)
        self.pendings.touched(key)
        if watch and pending.raised is not None and not pending.raised.resolved:
            self._signal(replace(pending.raised, log=record.log, records=()), record)

    def release(self, key: AliasKey, log: int, order: str) -> list[Record]:
        """The events that wait at an alias which has just been tied to `order`, in log order."""
        pending = self.pendings.pop(key)
        if pending is None:
            return []
        self._settle(key, pending, log, order)
        return sorted((record for record, _ in pending.events.values()), key=place)

    def take(self, key: AliasKey, log: int) -> tuple[Orphan | None, list[tuple[Record, bool]]]:
        """Takes everything out that waits at an alias, for another shard: the orphan with what keeps watch for it, and the other events."""
        pending = self.pendings.pop(key)
        if pending is None:
            return None, []
        raised, events = pending.raised, sorted(pending.events.values(), key=lambda event: place(event[0]))
        if raised is None or not (watched := tuple(record for record, watch in events if watch)):
            return None, events
        self._tell_kept(key, raised, log)
        return replace(raised, log=log, records=watched), [event for event in events if not event[1]]

    def adopt(self, key: AliasKey, orphan: Orphan) -> None:
        """Takes over an orphan that another shard raised, with the events that keep watch for it."""
        pending = self.pendings.get(key)
        if pending is None:
            self.pendings.set(key, pending := PendingEvents())
        pending.events |= {(record.event.source, record.event.id): (record, True) for record in orphan.records}
        pending.raised, pending.due = orphan, None
        self.pendings.touched(key)

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
        while self.due and self.due[0][0] < log:
            due, key = heapq.heappop(self.due)
            self.pendings.advance(due)
            pending = self.pendings.get(key)
            if pending is not None and pending.raised is not None:
                self._tell_kept(key, pending.raised, log)
                continue
            watched, after = pending.watched() if pending is not None else [], self._after(key.tenant)
            if pending is None or not watched or after is None:
                continue
            records = tuple(sorted(watched, key=place))
            missed_at = self._missed_at(records, after)
            if missed_at > due:
                self._expect(key, pending, missed_at)
                continue
            since = records[0].log
            deadline = since + after if self._backfill.late(records[0]) else due
            orphan = pending.raised = Orphan(key.tenant, key.text, due, since, deadline, resolved=False, order=None, records=records)
            pending.due = None
            self.pendings.touched(key)
            self._signal(orphan)
        self.pendings.advance(log)

    def restore(
        self, last: int | None, entries: Iterable[tuple[AliasKey, int, PendingEvents | None]], changed_at: int | None, *, kept: bool
    ) -> None:
        """Goes on from kept rooms. If the policy has changed, who waits is missed when the new one says so, but not before `changed_at`.

        `kept`: the shards of aliases keep what they were told of orphans; else they are told again of those that stand open.
        """
        self.pendings.restore(last, entries)
        for key, _, pending in list(self.pendings.entries()):
            if pending is not None and pending.raised is not None:
                if not kept and not pending.raised.resolved:
                    self._unkept.add(key)
                    heapq.heappush(self.due, (pending.raised.log, key))
                continue
            after = self._after(key.tenant)
            if pending is None or after is None:
                continue
            if changed_at is None:
                if pending.due is not None:
                    heapq.heappush(self.due, (pending.due, key))
            elif watched := pending.watched():
                self._expect(key, pending, max(self._missed_at(sorted(watched, key=place), after), changed_at))

    def _missed_at(self, records: Sequence[Record], after: int) -> int:
        """When somebody is missed for whom these records wait, which are in log order."""
        backfilling = self._backfill.span_of(records)
        return records[0].log + after if backfilling is None else max(records[0].log + after, backfilling.until)

    def _tell_kept(self, key: AliasKey, raised: Orphan, log: int) -> None:
        """Tells the shard of an alias at `log` of an orphan that a program of before said there, if it has not been told."""
        if key not in self._unkept:
            return
        self._unkept.discard(key)
        pending = self.pendings.get(key)
        records = [] if pending is None else sorted(pending.watched(), key=place)
        self._signal(replace(raised, log=log, said=True, records=tuple(records) or raised.records))

    def _expect(self, key: AliasKey, pending: PendingEvents, due: int) -> None:
        """Plans to see at `due` whether somebody is missed."""
        pending.due = due
        self.pendings.touched(key)
        heapq.heappush(self.due, (due, key))

    def _settle(self, key: AliasKey, pending: PendingEvents, log: int, order: str) -> None:
        raised, pending.raised = pending.raised, None
        if raised is not None and not raised.resolved:
            self._tell_kept(key, raised, log)
            self._signal(replace(raised, log=log, resolved=True, order=order))

    def _signal(self, orphan: Orphan, by: Record | None = None) -> None:
        """Says it at the place of the first event that waits there, or of `by`."""
        first = orphan.records[0] if by is None else by
        self.signals.append(
            ResolvedEvent(orphan.log, first.topic, first.partition, first.offset, first.sub, orphan.tenant, orphan.alias, orphan)
        )
