"""The facts of one order, computed from its whole history (section 2 of the catalogue)."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.oracle.judging.calendars import Calendar, deadline
from tests.oracle.judging.fields import Fields
from tests.oracle.judging.reading import NEVER, Line, mapping, money, text
from tests.oracle.judging.shipments import Shipment, first, return_numbers, shipments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold: from when until when."""

    hold: str
    scope: str | None
    start: int
    release: int


def matching(line: Line, lines: Sequence[Line]) -> list[Line]:
    """The order's lines that an event's line means: by line ID, else by SKU."""
    by_id = [one for one in lines if line.line_id and one.line_id == line.line_id]
    return by_id or [one for one in lines if line.sku and one.sku == line.sku]


def spread(
    events_lines: Iterable[Line], lines: Sequence[Line], owed: Mapping[str, Decimal], whole: Callable[[Line], Decimal]
) -> dict[str, Decimal]:
    """How much of each of the order's lines the given lines are together.

    What names a SKU counts for the lines of that SKU in the order of `lines`, for each as much as is owed of it; what is over counts for
    the first.
    Without a quantity a line is meant as a whole, and all lines of a SKU are.
    """
    sums: dict[str, Decimal] = {}
    for line in events_lines:
        mine = matching(line, lines)
        left = ZERO if line.quantity is None else line.quantity
        for one in mine:
            part = whole(one) if line.quantity is None else min(left, max(owed.get(one.key, ZERO) - sums.get(one.key, ZERO), ZERO))
            sums[one.key] = sums.get(one.key, ZERO) + part
            left -= part if line.quantity is not None else ZERO
        if mine and left > 0:
            sums[mine[0].key] += left
    return sums


@dataclass
class Order(Fields):
    """One order with what follows from its history."""

    # --- cancels and refunds ----------------------------------------------------------------------------------------

    def whole(self, line: Line) -> Decimal:
        """The quantity ordered; a line without one is of one piece."""
        return Decimal(1) if line.quantity is None else line.quantity

    @functools.cached_property
    def in_turn(self) -> list[Line]:
        """The order's lines, those that are wanted first at first: by ship-by date, then by promise, a line's own or else the order's."""
        fields = self.states[-1][1]

        def wanted(line: Line) -> tuple[int, int]:
            ship_by, promised_by = line.ship_by or text(fields, "ship_by"), line.promised_by or text(fields, "promised_by")
            return (
                self.ship_deadline(ship_by) if ship_by else NEVER,
                self.promise_deadline(promised_by) if promised_by else NEVER,
            )

        return sorted(self.lines, key=wanted)

    def quantities(self, events_lines: Iterable[Line], owed: Mapping[str, Decimal] | None = None) -> dict[str, Decimal]:
        """How much of each of the order's lines the given lines are together. `owed`: how much of each is owed, the whole if left out."""
        return spread(events_lines, self.in_turn, owed or {line.key: self.whole(line) for line in self.lines}, self.whole)

    @functools.cached_property
    def cancelled(self) -> dict[str, Decimal]:
        """Cancelled quantities by line."""
        return self.quantities(line for event in self.of("order.cancelled") for line in event.lines)

    @functools.cached_property
    def live(self) -> dict[str, Decimal]:
        """The lines that are left with what is left of them."""
        left = {line.key: self.whole(line) - self.cancelled.get(line.key, ZERO) for line in self.lines}
        return {key: quantity for key, quantity in left.items() if quantity > 0}

    def gone(self, lines: Sequence[Line]) -> int:
        """When line cancels had left nothing of these lines."""
        so_far: list[Line] = []
        for event in self.of("order.cancelled"):
            so_far += event.lines
            sums = self.quantities(so_far)
            if lines and all(sums.get(line.key, ZERO) >= self.whole(line) for line in lines):
                return event.at
        return NEVER

    @functools.cached_property
    def cx(self) -> int:
        """CX: cancelled as a whole."""
        return min(first([event for event in self.of("order.cancelled") if not event.lines]), self.gone(self.lines))

    @functools.cached_property
    def ref(self) -> int:
        """REF: fully refunded."""
        captures = self.of("payment.captured")
        paid = [amount for event in captures if (amount := money(event.data, "amount"))]
        total = self.total
        currency = total.currency if total else (paid[0].currency if paid else None)
        whole = total.amount if total else ZERO
        target = sum((amount.amount for amount in paid if amount.currency == currency), ZERO) if paid else whole
        back = ZERO
        for event in self.of("payment.refunded"):
            amount = money(event.data, "amount")
            if amount is None and not event.lines:
                return event.at
            if amount is not None and amount.currency == currency:
                back += amount.amount
                if target > 0 and back >= target:
                    return event.at
        return NEVER

    @property
    def x(self) -> int:
        """X: cancelled or fully refunded."""
        return min(self.cx, self.ref)

    # --- milestones -------------------------------------------------------------------------------------------------

    @property
    def auth(self) -> int:
        """AUTH."""
        return first(self.of("payment.authorized", "payment.captured"))

    @property
    def cap(self) -> int:
        """CAP."""
        return first(self.of("payment.captured"))

    def reached(self, steps: Sequence[tuple[int, Sequence[Line]]], keys: Iterable[str]) -> int:
        """When the steps (time, lines) together cover the live quantity of the lines named by `keys`."""
        if not self.lines or any(not lines for _, lines in steps):
            return min((at for at, _ in steps), default=NEVER)
        wanted = [key for key in keys if key in self.live]
        if not wanted:
            return NEVER
        so_far: list[Line] = []
        for at, lines in sorted(steps, key=lambda step: step[0]):
            so_far += lines
            sums = self.quantities(so_far, self.live)
            if all(sums.get(key, ZERO) >= self.live[key] for key in wanted):
                return at
        return NEVER

    def cover(self, type_: str) -> int:
        """Cover(type) for a warehouse step."""
        return self.reached([(event.at, event.lines) for event in self.of(type_)], list(self.live))

    @functools.cached_property
    def shipments(self) -> list[Shipment]:
        """All shipments."""
        return shipments(self.history)

    @functools.cached_property
    def return_numbers(self) -> set[str]:
        """Tracking numbers of return parcels."""
        return return_numbers(self.history)

    def xs(self, shipment: Shipment) -> int:
        """XS of a shipment."""
        return min(self.x, shipment.voided, shipment.replaced)

    def ship_of(self, keys: Iterable[str]) -> int:
        """SHIP of the lines named by `keys`."""
        return self.reached([(one.shipped, one.lines) for one in self.shipments if one.counts and one.shipped < NEVER], keys)

    def delivery_of(self, keys: Iterable[str]) -> int:
        """DLV of the lines named by `keys`."""
        there = [one for one in self.shipments if one.voided == NEVER and one.replaced == NEVER and one.delivered < NEVER]
        return self.reached([(one.delivered, one.lines) for one in there], keys)

    @functools.cached_property
    def ship(self) -> int:
        """SHIP."""
        return self.ship_of(self.live)

    @functools.cached_property
    def dlv(self) -> int:
        """DLV."""
        return self.delivery_of(self.live)

    @functools.cached_property
    def packed(self) -> int:
        """PACKED."""
        return min(self.cover("warehouse.packed"), self.ship)

    @functools.cached_property
    def picked(self) -> int:
        """PICKED."""
        return min(self.cover("warehouse.picked"), self.packed)

    @functools.cached_property
    def released(self) -> int:
        """RELEASED."""
        return min(self.cover("warehouse.released"), first(self.of("warehouse.pick_started")), self.picked)

    @functools.cached_property
    def allocated(self) -> int:
        """ALLOCATED."""
        return min(self.cover("inventory.allocated"), self.released)

    # --- holds ------------------------------------------------------------------------------------------------------

    def scope_of(self, shipment_id: str | None) -> str | None:
        """The scope of something said of a shipment ID."""
        if shipment_id is None:
            return None
        return next((one.scope for one in self.shipments if shipment_id in one.shipment_ids), f"shipment:{shipment_id}")

    @functools.cached_property
    def holds(self) -> list[Hold]:
        """All holds; a second placing of an open one is none."""
        found: list[Hold] = []
        open_until: dict[tuple[str, ...], int] = {}
        for event in self.of("order.hold_placed"):
            names = {name: event.text(name) or "" for name in ("hold", "hold_id", "shipment_id")}
            key = (event.source, *names.values())
            if event.at < open_until.get(key, -NEVER):
                continue
            release = first(
                [
                    other
                    for other in self.of("order.hold_released")
                    if other.at >= event.at
                    and other.source == event.source
                    and all(other.text(name) in (None, value) for name, value in names.items())
                ]
            )
            open_until[key] = release
            found.append(Hold(names["hold"], self.scope_of(names["shipment_id"] or None), event.at, release))
        return found

    # --- places and calendars ---------------------------------------------------------------------------------------

    @functools.cached_property
    def site(self) -> str | None:
        """The site that was named last."""
        named = [site for event in self.history if event.type.startswith(("warehouse.", "inventory.")) if (site := event.text("site"))]
        return named[-1] if named else None

    @property
    def country(self) -> str | None:
        """Latest country of destination."""
        return text(mapping(self.latest, "ship_to"), "country")

    @property
    def region(self) -> str | None:
        """Latest region of destination."""
        return text(mapping(self.latest, "ship_to"), "region")

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

    def ship_deadline(self, written: str) -> int:
        """A `ship_by` as an instant, in the site's zone."""
        return deadline(written, self.policy.site_zone(self.site))

    def promise_deadline(self, written: str) -> int:
        """A `promised_by` or `eta` as an instant, in the zone of the destination."""
        zone = text(mapping(self.latest, "ship_to"), "timezone") or self.policy.country_zone(self.country, self.region)
        return deadline(written, zone)

    def in_force(self, name: str, at: int) -> str | None:
        """The order's own date field at an instant."""
        return next((one.value for one in self.segments(lambda fields: text(fields, name)) if one.start <= at < one.end), None)
