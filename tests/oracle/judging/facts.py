"""The facts of one order, computed from its whole history (section 2 of the catalogue)."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.oracle.judging.calendars import Calendar
from tests.oracle.judging.covering import ZERO
from tests.oracle.judging.goods import Goods
from tests.oracle.judging.money import once
from tests.oracle.judging.parcels import first
from tests.oracle.judging.reading import NEVER, lines_of, money, text

if TYPE_CHECKING:
    from decimal import Decimal

    from tests.oracle.judging.reading import Event, Line
    from tests.oracle.judging.shipments import Shipment


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold: from when until when."""

    hold: str
    scope: str | None
    start: int
    release: int


@dataclass
class Order(Goods):
    """One order with what follows from its history."""

    # --- cancels and refunds ----------------------------------------------------------------------------------------

    def gone(self) -> int:
        """When nothing was left of the order after cancels of lines, if that is still so."""
        begun = max(first([event for event in self.of("order.cancelled") if event.lines]), self.placed)
        since = NEVER
        for at, owed, _ in self._cancelled.pages if self.lines else []:
            since = NEVER if at < begun or any(owed.values()) else min(since, at)
        return since

    @functools.cached_property
    def cx(self) -> int:
        """CX: cancelled as a whole."""
        return min(self.lives[-1][1], self.gone())

    @functools.cached_property
    def ref(self) -> int:
        """REF: fully refunded."""
        captures = self.of("payment.captured")
        paid = [amount for event in captures if (amount := money(event.data, "amount"))]
        total = self.total
        currency = total.currency if total else (paid[0].currency if paid else None)
        whole = total.amount if total else ZERO

        def told(type_: str, at: int = NEVER) -> list[tuple[Event, Decimal]]:
            events = [(event, money(event.data, "amount")) for event in self.of(type_) if event.at <= at]
            return [(event, amount.amount) for event, amount in events if amount and amount.currency == currency]

        target = once(told("payment.captured")) if paid else whole
        refunds = self.of("payment.refunded")
        for event in refunds:
            others = [one for one, _ in told("payment.refunded") if one.source != event.source]
            known = event.text("payment_id") and any(one.text("payment_id") == event.text("payment_id") for one in others)
            if not money(event.data, "amount") and not event.lines and not known:
                return event.at
            if target > 0 and once(told("payment.refunded", event.at)) >= target:
                return event.at
        return NEVER

    @property
    def x(self) -> int:
        """X: cancelled or fully refunded."""
        return min(self.cx, self.ref if self.ref >= self.lives[-1][0] or len(self.lives) == 1 else NEVER)

    # --- milestones -------------------------------------------------------------------------------------------------

    @property
    def auth(self) -> int:
        """AUTH."""
        return first(self.of("payment.authorized", "payment.captured"))

    @property
    def cap(self) -> int:
        """CAP."""
        return first(self.of("payment.captured"))

    def cover(self, type_: str) -> int:
        """Cover(type) for a warehouse step; what was done before the placing counts from it. None where nothing was owed any more."""
        at = max(self.complete(self.told(type_)), self.placed)
        return at if not self.lines or any(unit.ordered <= at < unit.gone for unit in self.units) else NEVER

    def xs(self, shipment: Shipment) -> int:
        """XS of a shipment."""
        return min(self.x, shipment.voided, shipment.replaced)

    @functools.cached_property
    def ship(self) -> int:
        """SHIP."""
        return self.complete(*self.chains("shipped"))

    @functools.cached_property
    def dlv(self) -> int:
        """DLV."""
        return self.complete(*self.chains("delivered"))

    @functools.cached_property
    def packed(self) -> int:
        """PACKED."""
        return self.complete(*self.chains("packed", "shipped"))

    @functools.cached_property
    def picked(self) -> int:
        """PICKED."""
        return self.complete(*self.chains("picked", "packed", "shipped"))

    @functools.cached_property
    def released(self) -> int:
        """RELEASED."""
        return self.complete(*self.chains("released", "started", "picked", "packed", "shipped"))

    @functools.cached_property
    def allocated(self) -> int:
        """ALLOCATED."""
        return self.complete(*self.chains("allocated", "released", "started", "picked", "packed", "shipped"))

    # --- holds ------------------------------------------------------------------------------------------------------

    def scope_of(self, shipment_id: str | None) -> str | None:
        """The scope of something said of a shipment ID."""
        if shipment_id is None:
            return None
        return next((one.scope for one in self.shipments if shipment_id in one.shipment_ids), f"shipment:{shipment_id}")

    @functools.cached_property
    def holds(self) -> list[Hold]:
        """All holds; a second placing of an open one is none.

        A release ends the holds of its own source that match all that it names, and those of any source with the ID that it names. If there
        are none, one that names a kind ends the only open hold of that kind.
        """
        placed: list[tuple[Event, int]] = []
        names = ("hold", "hold_id", "shipment_id")
        for event in sorted(self.of("order.hold_placed", "order.hold_released"), key=lambda one: (one.at, one.type)):
            still = [n for n, (_, release) in enumerate(placed) if release == NEVER]
            if event.type == "order.hold_placed":
                key = [event.source, *(event.text(name) for name in names)]
                if not any([placed[n][0].source, *(placed[n][0].text(name) for name in names)] == key for n in still):
                    placed.append((event, NEVER))
                continue
            fitting = [n for n in still if all(event.text(name) in (None, placed[n][0].text(name)) for name in names)]
            ending = [n for n in fitting if placed[n][0].source == event.source or event.text("hold_id")]
            if not ending and event.text("hold") and not event.text("hold_id") and len(fitting) == 1:
                ending = fitting
            for n in ending:
                placed[n] = (placed[n][0], event.at)
        return [Hold(event.text("hold") or "", self.scope_of(event.text("shipment_id")), event.at, release) for event, release in placed]

    @property
    def pauses(self) -> list[tuple[int, int]]:
        """When the whole order was held."""
        return [(hold.start, hold.release) for hold in self.holds if hold.scope is None and hold.start < hold.release]

    # --- places and calendars ---------------------------------------------------------------------------------------

    @property
    def domestic(self) -> bool:
        """Whether it stays in the site's country, as far as known."""
        known = self.policy.sites.get(self.site or "")
        return known is None or known.country is None or self.country is None or known.country == self.country

    def calendar(self, clock: str, carrier: str | None = None) -> Calendar:
        """The calendar that a clock means for this order."""
        if clock == "site":
            return self.policy.site_calendar(self.site)
        if clock == "carrier":
            return self.policy.carrier_calendar(carrier, self.country, self.region)
        if clock == "destination":
            return self.policy.destination_calendar(self.country, self.region)
        if clock == "tenant":
            return Calendar(self.policy.zone)
        return self.policy.calendars[clock]

    def in_force(self, name: str, at: int) -> str | None:
        """The order's own date field at an instant."""
        return next((one.value for one in self.segments(lambda fields: text(fields, name)) if one.start <= at < one.end), None)

    # --- what a step of severity may ask for ------------------------------------------------------------------------

    def date_before(self, name: str, end: int, scope: str | None) -> int | None:
        """A date as it stood just before an instant, as that date's deadline: the line's own, else the order's, else the first of all."""
        versions = self.segments(lambda fields: (text(fields, name), [(line.key, date_of(line, name)) for line in lines_of(fields)]))
        own, lines = next((one.value for one in versions if one.start <= end - 1 < one.end), versions[-1].value)
        of_line = next((date for key, date in lines if scope == f"line:{key}" and date), None)
        counts = [of_line] if of_line else [own] if own else [date for _, date in lines if date]
        read = self.ship_deadline if name == "ship_by" else self.promise_deadline
        return min((read(date) for date in counts if date), default=None)

    def total_before(self, end: int) -> Decimal | None:
        """The total as it stood just before an instant, in the currency of the latest."""
        versions = self.segments(lambda fields: money(fields, "total"))
        known = next((one.value for one in versions if one.start <= end - 1 < one.end), versions[-1].value)
        return known.amount if known and known.currency == self.currency else None

    def came_to(self, milestone: str, scope: str | None) -> int:
        """When it came to a milestone; of a shipment whether that left or arrived."""
        if scope and scope.startswith("shipment:") and milestone in ("shipped", "delivered"):
            return next((getattr(one, milestone) for one in self.shipments if one.scope == scope), NEVER)
        names = {"authorized": "auth", "captured": "cap", "shipped": "ship", "delivered": "dlv"}
        return int(getattr(self, names.get(milestone, milestone)))

    @functools.cached_property
    def currency(self) -> str | None:
        """The currency that amounts are compared in: the latest total's, else that of the first capture with an amount."""
        amounts = [self.total, *(money(event.data, "amount") for event in self.of("payment.captured"))]
        return next((one.currency for one in amounts if one), None)


def date_of(line: Line, name: str) -> str | None:
    """A date of a line."""
    return line.ship_by if name == "ship_by" else line.promised_by
