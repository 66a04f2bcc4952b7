"""Tracking numbers of a shard: which orders hold each, since when, and the events that are theirs by it.

A number may be of several orders (freight), and one that a carrier uses again after its parcel has ended is the new order's from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import intern
from typing import Final, Protocol, cast

from dataflows.core.identity import tracking
from dataflows.core.identity.items import SCAN, AliasLookup, Head, ResolvedEvent, Tie
from dataflows.core.identity.orphans import AliasKey, PendingQueue
from dataflows.core.identity.recent import AliasTable
from dataflows.core.identity.relabels import RELABELLED, TRACKING, KnownNumber, MovedNumbers, parcel_of, replaced_by
from dataflows.core.identity.shared import GOODS, RecentEvents
from schemas.events import CarrierScan
from schemas.instants import NEVER
from schemas.record import Orphan, Record

LABELS: Final = frozenset({"warehouse.label_created", "warehouse.shipped"})
ENDED: Final = frozenset({"delivered", "returned"})


class FindingReport(Protocol):
    """Says something of an order that follows from an event; `orders`: those that it is about."""

    def __call__(
        self, head: Head, record: Record | Tie, order: str, kind: str, scope: str | None, at: int, orders: tuple[str, ...]
    ) -> None:
        """Says it."""
        ...


class Parcels:
    """The numbers of a shard; `moved`: those that went on to the next stage. `join` gives an event to an order."""

    def __init__(
        self, keep: int, moved: MovedNumbers | None, waiting: PendingQueue, join: Callable[[Head, Record, str], None], report: FindingReport
    ) -> None:
        self._keep = keep
        self._waiting = waiting
        self._join = join
        self._report = report
        self.moved = moved
        self.numbers: dict[str, tracking.Numbers] = {}
        self.nameless: dict[str, RecentEvents] = {}
        self.onward: list[AliasLookup] = []

    def advance(self, log: int) -> None:
        """Lets log time pass."""
        for numbers in self.numbers.values():
            numbers.advance(log)
        if self.moved is not None:
            self.moved.advance(log)

    def see(self, head: Head, record: Record | Tie, number: str, *, watch: bool) -> None:
        """An event that names this number, with its order or without."""
        tenant, moved = record.event.tenant, self.moved
        numbers = self._numbers_of(tenant, head.log)
        if moved is not None and (moved.tables or record.event.type == RELABELLED):
            nameless = self.nameless[tenant].of(number) if tenant in self.nameless else ()
            onward = moved.onward(head, number, watch=watch, known=KnownNumber(numbers.known(number), nameless, self._waiting))
            if onward:
                self.onward += onward
                return
        if record.order:
            self._tie(head, record, numbers, number)
        elif not self._place(head, cast("Record", record), number):
            self._waiting.wait(AliasKey(tenant, TRACKING, number), cast("Record", record), watch=watch)

    def tie_relabelled(self, head: ResolvedEvent, own: Record) -> None:
        """An event that named no order has been given to one: a relabel ties both its numbers by that."""
        if own.event.type == RELABELLED and self.moved is None:
            for number in (replaced_by(own), replaced_by(own, new=True)):
                self.remember(head, own, number)
                self.see(head, cast("Record", head.item), number, watch=False)

    def take_over(self, head: ResolvedEvent, value: str) -> None:
        """What the stage before knew of a number that moves here."""
        number, known = parcel_of(value)
        self._numbers_of(head.tenant, head.log).learn(number, known)

    def adopt(self, head: ResolvedEvent, number: str) -> None:
        """Takes over an orphan and its events from the stage before."""
        key = AliasKey(head.tenant, TRACKING, number)
        self._waiting.adopt(key, cast("Orphan", head.item))
        found = tracking.holders(self._numbers_of(head.tenant, head.log), number, NEVER)
        for waiting in self._waiting.release(key, head.log, found[0]) if found else ():
            self._place(head, waiting, number)

    def nameless_of(self, head: Head, step: Record, number: str) -> list[Record]:
        """The events of a number that came in before and are of the order of `step`, those that belong to goods."""
        tenant = step.event.tenant
        known = self.nameless.get(tenant)
        if known is None:
            return []
        known.advance(head.log)
        return [
            own
            for own in known.of(number)
            if own.event.type in GOODS and step.order in tracking.holders(self.numbers[tenant], number, own.at)
        ]

    def _numbers_of(self, tenant: str, log: int) -> tracking.Numbers:
        numbers = self.numbers.get(tenant)
        if numbers is None:
            numbers = self.numbers[tenant] = AliasTable(self._keep)
            numbers.advance(log)
        return numbers

    def _tie(self, head: Head, record: Record | Tie, numbers: tracking.Numbers, number: str) -> None:
        tenant, order = record.event.tenant, record.order
        if type(head) is ResolvedEvent:
            self._waiting.forget(AliasKey(tenant, TRACKING, number), record, head.log)
        known = numbers.known(number)
        if known != order:
            further = known is not None and tracking.new_to(numbers, number, order)
            reused = tracking.tie(numbers, number, intern(order), record.at, labelled=record.event.type in LABELS)
            if reused:
                self._report(head, record, order, "conflict.tracking_reused", number, record.at, tracking.formers(numbers, number))
            if known is None and len(self._waiting):
                for waiting in self._waiting.release(AliasKey(tenant, TRACKING, number), head.log, order):
                    self._join(head, waiting, order)
                    self.remember(head, waiting, number)
                    self._end(head, waiting, number)
            elif further:
                self._share(head, tenant, number, order)
        self._end(head, record, number)

    def _place(self, head: Head, record: Record, number: str) -> bool:
        """Gives an event without an order to those that hold its number at that instant; whether there are any."""
        self._end(head, record, number)  # Which orders it is of: where it ended the parcel of the one, the other used the number again.
        numbers = self.numbers[record.event.tenant]
        found = tracking.holders(numbers, number, record.at)
        for holder in found:
            if not self._led(record, number, holder):
                self._join(head, record, holder)
        if found:
            self.remember(head, record, number)
        return bool(found)

    def _led(self, record: Record, number: str, order: str) -> bool:
        """Whether a relabel was given to an order by the number that it replaced, which is looked at first."""
        if record.event.type != RELABELLED or number == (former := replaced_by(record)):
            return False
        return order in tracking.holders(self.numbers[record.event.tenant], former, record.at)

    def remember(self, head: Head, record: Record, number: str) -> None:
        """An event that names no order itself is that of every order of its number, of those too that are tied to it later."""
        known = self.nameless.get(record.event.tenant)
        if known is None:
            known = self.nameless[record.event.tenant] = RecentEvents()
        known.advance(head.log)
        known.note(number, record)

    def _share(self, head: Head, tenant: str, number: str, order: str) -> None:
        """Gives a further order of a number the events that came in before."""
        known = self.nameless.get(tenant)
        if known is None:
            return
        known.advance(head.log)
        for own in known.of(number):
            if order in tracking.holders(self.numbers[tenant], number, own.at) and not self._knows(own, number, order):
                self._join(head, own, order)

    def _knows(self, own: Record, number: str, order: str) -> bool:
        """Whether an order has been given a remembered relabel by its other number."""
        if own.event.type != RELABELLED:
            return False
        other = replaced_by(own, new=number == replaced_by(own))
        return order in tracking.holders(self.numbers[own.event.tenant], other, own.at)

    def _end(self, head: Head, record: Record | Tie, number: str) -> None:
        event = record.event
        if event.type != SCAN or cast("CarrierScan", event.data).status not in ENDED:
            return
        numbers = self.numbers[event.tenant]
        for holder in tracking.end(numbers, number, record.at):
            others = tracking.formers(numbers, number)
            self._report(head, record, holder.order, "conflict.tracking_reused", number, holder.since, others)
