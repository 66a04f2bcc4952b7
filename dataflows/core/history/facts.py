"""What a timeline says about its order: the milestones, amounts, lines, shipments and holds that rules speak of.

Every fact is a pure function of the history and is computed when first asked for. Instants are event times in µs, UTC; None means
that it has not come to that. Facts that a later event could still change are simply computed again from the longer history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import TypeVar, cast

from dataflows.core.clocks import Calendar, deadline
from dataflows.core.history.holds import Hold, build_holds
from dataflows.core.history.lazy import fact
from dataflows.core.history.quantities import covered, line_key, match, quantity
from dataflows.core.history.shipments import Shipment, build_shipments, return_trackings
from dataflows.core.history.timeline import Timeline
from dataflows.core.policy import Policy, RuleSetting
from dataflows.core.policy.model import Dims
from schemas.events import (
    InventoryAllocated,
    Line,
    Money,
    OrderCancel,
    OrderPlaced,
    Payment,
    PaymentRefunded,
    WarehouseShipment,
)
from schemas.instants import earliest
from schemas.patch import merge_patch
from schemas.record import Record

Value = TypeVar("Value")
TERMS = frozenset(("prepaid", "on_ship", "on_delivery", "invoice", "external"))
METHODS = frozenset(("ship", "pickup", "local", "digital"))
RETURNS = ("return.requested", "return.authorized", "return.shipped", "return.received", "return.inspected")
Segment = tuple[Value, int, "int | None", "Record"]


def amount(money: Money | None) -> Decimal:
    """The amount of an event; 0 where none is said."""
    return Decimal(money.amount) if money is not None else Decimal(0)


class Facts:
    """The facts of one order under one policy. `now` is the log time at which they are asked for."""

    def __init__(self, timeline: Timeline, policy: Policy, tenant: str, now: int) -> None:
        self.t = timeline
        self.policy = policy
        self.tenant = tenant
        self.now = now

    # the order itself

    @fact
    def placed(self) -> Record | None:
        """The first `order.placed`; without it nothing is expected of an order."""
        return next(iter(self.t.of("order.placed")), None)

    @fact
    def placed_at(self) -> int:
        """When the order was placed."""
        return self.placed.at if self.placed is not None else 0

    @fact
    def versions(self) -> list[tuple[OrderPlaced, int, Record]]:
        """The order's fields as placed and after each update: (fields, since, event)."""
        if self.placed is None:
            return []
        versions = [(cast("OrderPlaced", self.placed.event.data), self.placed.at, self.placed)]
        for record in self.t.of("order.updated"):
            if record.at >= self.placed.at:
                versions.append((merge_patch(versions[-1][0], cast("dict[str, object]", record.event.data)), record.at, record))
        return versions

    @fact
    def fields(self) -> OrderPlaced:
        """The order's fields as they stand now."""
        return self.versions[-1][0]

    def segments(self, value_of: Callable[[OrderPlaced], Value]) -> list[Segment[Value]]:
        """The values that a field had: (value, from, until, event); consecutive equal values are one segment."""
        segments: list[Segment[Value]] = []
        for fields, since, record in self.versions:
            value = value_of(fields)
            if segments and segments[-1][0] == value:
                continue
            if segments:
                previous = segments[-1]
                segments[-1] = (previous[0], previous[1], since, previous[3])
            segments.append((value, since, None, record))
        return segments

    @fact
    def terms(self) -> str:
        """Payment terms; unknown ones count as prepaid."""
        terms = self.fields.payment_terms
        return terms if terms in TERMS else "prepaid"

    @fact
    def method(self) -> str:
        """How the goods reach the customer; unknown methods count as ship."""
        method = self.fields.method
        return method if method in METHODS else "ship"

    @fact
    def site(self) -> str | None:
        """The last site that a warehouse or inventory event named."""
        for record in reversed(self.t.records):
            if record.event.type.startswith(("warehouse.", "inventory.")):
                site = cast("str | None", getattr(record.event.data, "site", None))
                if site is not None:
                    return site
        return None

    # settings, clocks and zones

    @fact
    def dims(self) -> Dims:
        """What policy overrides may depend on, for the order as a whole."""
        return self._dims(None)

    def _dims(self, shipment: Shipment | None) -> Dims:
        if self.placed is None:
            return Dims(self.tenant, self.site, None, None, None, None, None)
        fields = self.fields
        chosen = shipment or (self.shipments[0] if self.shipments else None)
        return Dims(
            self.tenant,
            (shipment.said("site") if shipment else None) or self.site,
            chosen.said("carrier") if chosen else None,
            (chosen.said("service") if chosen else None) or fields.service,
            fields.ship_to.country if fields.ship_to else None,
            fields.channel,
            fields.customer.tier if fields.customer else None,
        )

    def of(self, shipment: Shipment, setting: RuleSetting) -> RuleSetting:
        """A rule's setting for one shipment: its own carrier, service and site count."""
        if not self.policy.overrides:
            return setting
        return self.policy.setting(setting.kind, self._dims(shipment))

    def calendar(self, setting: RuleSetting, shipment: Shipment | None = None, carrier: str | None = None) -> Calendar:
        """The calendar by which a rule counts business time; `carrier` is that of a parcel that is no shipment."""
        clock, ship_to = setting.clock, self.fields.ship_to
        country, region = (ship_to.country, ship_to.region) if ship_to else (None, None)
        if clock == "site":
            return self.policy.site_calendar((shipment.said("site") if shipment else None) or self.site, self.tenant)
        if clock == "carrier":
            return self.policy.carrier_calendar(shipment.said("carrier") if shipment else carrier, country, region)
        if clock == "destination":
            return self.policy.destination_calendar(country, region)
        return self.policy.tenant_calendar(self.tenant) if clock == "tenant" else self.policy.calendar(clock)

    @fact
    def ship_to_zone(self) -> str:
        """The destination's time zone: the order's own, else the policy's for its country and region, else UTC."""
        ship_to = self.fields.ship_to
        if ship_to is None:
            return "UTC"
        return self.policy.valid_zone(ship_to.timezone) or self.policy.ship_to_zone(ship_to.country, ship_to.region)

    @fact
    def site_zone(self) -> str:
        """The time zone in which ship-by dates end."""
        return self.policy.site_zone(self.site, self.tenant)

    def ship_deadline(self, text: str) -> int:
        """The instant at which a `ship_by` ends."""
        return deadline(text, self.site_zone)

    def promise_deadline(self, text: str) -> int:
        """The instant at which a `promised_by` (or an ETA) ends."""
        return deadline(text, self.ship_to_zone)

    def emits(self, milestone: str) -> bool:
        """Whether the policy says that the feeds emit this milestone."""
        return milestone in self.policy.emits

    @fact
    def domestic(self) -> bool:
        """Origin and destination lie in one country, as far as both are known."""
        origin = self.policy.site_country(self.site)
        ship_to = self.fields.ship_to
        return origin is None or ship_to is None or ship_to.country is None or origin == ship_to.country

    # lines and quantities

    @fact
    def lines(self) -> dict[str, Line]:
        """The order's lines as they stand, by their name."""
        return {line_key(line, i): line for i, line in enumerate(self.fields.lines or ())}

    @fact
    def ordered(self) -> dict[str, int]:
        """Ordered quantity per line (1 where none is said)."""
        return {key: quantity(line) for key, line in self.lines.items()}

    @fact
    def _cancels(self) -> list[tuple[int, list[Line]]]:
        return [(r.at, list(lines)) for r in self.t.of("order.cancelled") if (lines := cast("OrderCancel", r.event.data).lines)]

    @fact
    def gone(self) -> dict[str, int]:
        """Lines that were cancelled whole, and when."""
        left = dict(self.ordered)
        gone: dict[str, int] = {}
        for at, lines in self._cancels:
            for line in lines:
                key = match(line, self.lines)
                if key is not None and key not in gone:
                    left[key] -= quantity(line, left[key])
                    if left[key] <= 0:
                        gone[key] = at
        return gone

    @fact
    def wanted(self) -> dict[str, int]:
        """Quantity per line that is not cancelled."""
        if not self._cancels:
            return self.ordered
        left = dict(self.ordered)
        for _, lines in self._cancels:
            for line in lines:
                key = match(line, self.lines)
                if key is not None:
                    left[key] -= quantity(line, max(left[key], 0))
        return {key: amount for key, amount in left.items() if amount > 0}

    # the ends of an order

    @fact
    def cancelled(self) -> int | None:
        """When the whole order was cancelled: by one event, or by the last of its lines."""
        whole = next((r.at for r in self.t.of("order.cancelled") if not cast("OrderCancel", r.event.data).lines), None)
        by_line = max(self.gone.values()) if self.lines and len(self.gone) == len(self.lines) else None
        return earliest(whole, by_line)

    @fact
    def refunded(self) -> int | None:
        """When everything that was captured (or, without captures, the total) had been refunded."""
        refunds = self.t.of("payment.refunded")
        if not refunds:
            return None
        total = self.fields.total
        captures = [cast("Payment", r.event.data).amount for r in self.t.of("payment.captured")]
        currency = total.currency if total else next((m.currency for m in captures if m), None)
        goal = sum((amount(m) for m in captures if m and m.currency == currency), Decimal(0))
        if not any(captures):
            goal = amount(total)
        paid_back = Decimal(0)
        for record in refunds:
            data = cast("PaymentRefunded", record.event.data)
            if data.amount is None:
                if not data.lines:
                    return record.at
            elif data.amount.currency == currency:
                paid_back += amount(data.amount)
            if goal > 0 and paid_back >= goal:
                return record.at
        return None

    @fact
    def ended(self) -> int | None:
        """When nothing more was owed to the customer: cancelled or refunded in full."""
        return earliest(self.cancelled, self.refunded)

    # money

    def first(self, *types: str) -> int | None:
        """When the first event of these types happened."""
        return min((known[0].at for t in types if (known := self.t.by_type.get(t))), default=None)

    def instants(self, *types: str) -> Iterable[int]:
        """When the events of these types happened."""
        return (r.at for t in types for r in self.t.by_type.get(t, ()))

    @fact
    def captured(self) -> int | None:
        """When money was first taken."""
        return self.first("payment.captured")

    @fact
    def authorized(self) -> int | None:
        """When money was first secured; a capture satisfies it."""
        return self.first("payment.authorized", "payment.captured")

    # milestones of all lines

    def cover(self, type_: str) -> int | None:
        """When the events of one type had covered every line."""
        steps = [(r.at, cast("InventoryAllocated", r.event.data).lines) for r in self.t.of(type_)]
        return covered(steps, self.lines, self.ordered, self.wanted)

    @fact
    def shipments(self) -> list[Shipment]:
        """All shipments of the order."""
        labels, handovers = self.t.of("warehouse.label_created"), self.t.of("warehouse.shipped")
        scans = self.t.of("carrier.scan")
        if not (labels or handovers or scans):
            return []
        return build_shipments(labels, handovers, scans, self.t.of("warehouse.shipment_cancelled"), self.returning)

    @fact
    def returning(self) -> frozenset[str]:
        """The tracking numbers of return parcels."""
        if not any(t in self.t.by_type for t in RETURNS):
            return frozenset()
        return return_trackings(self.t.of(*RETURNS), self.t.of("warehouse.label_created", "warehouse.shipped"))

    def subset(self, keys: Iterable[str]) -> dict[str, int]:
        """The wanted quantities of some lines."""
        return {key: self.wanted[key] for key in keys if key in self.wanted}

    def shipped_of(self, wanted: dict[str, int]) -> int | None:
        """When these quantities had left."""
        steps = [(s.shipped, s.lines) for s in self.shipments if s.left and s.shipped is not None]
        return covered(_known(steps), self.lines, self.ordered, wanted)

    def delivered_of(self, wanted: dict[str, int]) -> int | None:
        """When these quantities had been delivered."""
        steps = [(s.delivered, s.lines) for s in self.shipments if s.live and s.delivered is not None]
        return covered(_known(steps), self.lines, self.ordered, wanted)

    @fact
    def shipped(self) -> int | None:
        """When all of the order had left."""
        return self.shipped_of(self.wanted)

    @fact
    def delivered(self) -> int | None:
        """When all of the order had been delivered."""
        return self.delivered_of(self.wanted)

    @fact
    def packed(self) -> int | None:
        """When all was packed; leaving implies it."""
        return earliest(self.cover("warehouse.packed"), self.shipped)

    @fact
    def picked(self) -> int | None:
        """When all was picked; packing implies it."""
        return earliest(self.cover("warehouse.picked"), self.packed)

    @fact
    def released(self) -> int | None:
        """When the order was given to its warehouse; later steps imply it."""
        return earliest(self.cover("warehouse.released"), self.first("warehouse.pick_started"), self.picked)

    @fact
    def allocated(self) -> int | None:
        """When stock was reserved for all of it; a release implies it."""
        return earliest(self.cover("inventory.allocated"), self.released)

    @fact
    def holds(self) -> list[Hold]:
        """All holds."""
        placings = self.t.of("order.hold_placed")
        return build_holds(placings, self.t.of("order.hold_released")) if placings else []

    def shipment(self, identifier: str | None) -> Shipment | None:
        """The shipment that goes by an identifier."""
        return next((s for s in self.shipments if s.known_as(identifier)), None)

    @fact
    def handovers(self) -> list[tuple[Record, WarehouseShipment]]:
        """All `warehouse.shipped` events with their data."""
        return [(r, cast("WarehouseShipment", r.event.data)) for r in self.t.of("warehouse.shipped")]


def _known(steps: Sequence[tuple[int | None, Sequence[Line] | None]]) -> list[tuple[int, Sequence[Line] | None]]:
    return [(at, lines) for at, lines in steps if at is not None]
