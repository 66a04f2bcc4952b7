"""What a history says about its order: the milestones, amounts, lines, shipments and holds that rules speak of.

Every fact is a pure function of the history and is computed when it is first asked for. `folding` keeps facts up with a history that
grows. Nobody may change what a fact gives. Instants are event times in µs, UTC; None means that it has not come to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from dataflows.core.clocks import Calendar
from dataflows.core.history.dims import PLAIN, agreed, further
from dataflows.core.history.grouping import Shipments
from dataflows.core.history.holds import Hold, Holds
from dataflows.core.history.money import Payments
from dataflows.core.history.order_fields import ANNOUNCED, FIELDS, HOLDS, LINES, MONEY, PARCELS, SITED, STEPS, FieldFacts, fact
from dataflows.core.history.quantities import Cancellations, LineCoverage, OrderLines, line_key
from dataflows.core.history.returns import RETURNS, Return, Returns
from dataflows.core.history.shipments import Shipment, scan_of, tracking_numbers
from dataflows.core.policy import RuleSetting
from dataflows.core.policy.model import Dims
from schemas.events import InventoryAllocated, Line, WarehouseShipment
from schemas.instants import FAR, earliest
from schemas.record import Record


class Facts(FieldFacts):
    """The facts of one order under one policy."""

    # settings, clocks and zones

    @fact(*FIELDS, *HOLDS, folds=(*SITED, *PARCELS))
    def dims(self) -> Dims:
        """What policy overrides may depend on, for the order as a whole."""
        return self._dims(None)

    def _dims(self, shipment: Shipment | None) -> Dims:
        """What overrides of this policy ask for. The carrier and the service of an order are those on which all its shipments agree."""
        named = self.policy.named
        if self.placed is None:
            return Dims(self.tenant, self.site if "site" in named else None)
        fields, chosen = self.fields, [shipment] if shipment else [x for x in self.shipments if x.live]
        ship_to = fields.ship_to
        found = Dims(
            self.tenant,
            ((shipment.said("site") if shipment else None) or self.site) if "site" in named else None,
            agreed(chosen, "carrier") if "carrier" in named else None,
            (agreed(chosen, "service") or fields.service) if "service" in named else None,
            ship_to.country if ship_to else None,
            fields.channel,
            fields.customer.tier if fields.customer else None,
        )
        return found if named <= PLAIN else further(found, named, fields, self.method, self.terms, self.holds if "hold" in named else ())

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

    # lines and quantities

    @fact("order.placed", folds=("order.updated",))
    def book(self) -> OrderLines:
        """The order's lines as they stand, and which of them an event speaks of."""
        return OrderLines({line_key(line, i): line for i, line in enumerate(self.fields.lines or ())}, self._wanted_by)

    def _wanted_by(self, line: Line) -> tuple[int, int]:
        """By when a line is to be shipped and delivered."""
        ship_by, promised_by = line.ship_by or self.fields.ship_by, line.promised_by or self.fields.promised_by
        return (
            FAR if ship_by is None else self.ship_deadline(ship_by),
            FAR if promised_by is None else self.promise_deadline(promised_by),
        )

    @property
    def lines(self) -> Mapping[str, Line]:
        """The order's lines as they stand, by their name."""
        return self.book.lines

    @property
    def ordered(self) -> dict[str, int]:
        """Ordered quantity per line (1 where none is said)."""
        return self.book.ordered

    @fact("order.placed", folds=("order.updated", "order.cancelled"))
    def cancellations(self) -> Cancellations:
        """What was cancelled of the lines."""
        return Cancellations(self.book, self.t.of("order.cancelled"))

    @property
    def gone(self) -> dict[str, int]:
        """Lines that were cancelled whole, and when."""
        return self.cancellations.gone

    @property
    def wanted(self) -> dict[str, int]:
        """Quantity per line that is not cancelled."""
        return self.cancellations.wanted

    # the ends of an order

    @fact(*LINES)
    def cancelled(self) -> int | None:
        """When the whole order was cancelled: by one event, or by the last of its lines."""
        return earliest(self.cancellations.whole, self.cancellations.by_line)

    @fact(folds=MONEY)
    def payments(self) -> Payments:
        """What was taken and paid back."""
        return Payments.build(self.t.of("payment.captured"), self.t.of("payment.refunded"))

    @fact(*FIELDS, *MONEY)
    def refunded(self) -> int | None:
        """When everything that was captured (or, without captures, the total) had been refunded."""
        return self.payments.paid_back(self.fields.total) if "payment.refunded" in self.t.by_type else None

    @fact(*LINES, *MONEY)
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

    @fact("payment.captured")
    def captured(self) -> int | None:
        """When money was first taken."""
        return self.first("payment.captured")

    @fact("payment.authorized", "payment.captured")
    def authorized(self) -> int | None:
        """When money was first secured; a capture satisfies it."""
        return self.first("payment.authorized", "payment.captured")

    # shipments and returns

    @fact(folds=PARCELS)
    def grouped(self) -> Shipments:
        """All shipments of the order, and which events are whose."""
        scans, returning = self.t.of("carrier.scan"), self.returning
        if returning:
            scans = [r for r in scans if scan_of(r).tracking_number not in returning]
        return Shipments.build(self.t.of(*ANNOUNCED), scans, self.t.of("warehouse.shipment_cancelled"))

    @property
    def shipments(self) -> list[Shipment]:
        """All shipments of the order, by their key."""
        return self.grouped.all

    def shipment(self, identifier: str | None) -> Shipment | None:
        """The shipment that goes by an identifier."""
        return self.grouped.named(identifier)

    @fact(folds=PARCELS)
    def returned(self) -> Returns:
        """All returns of the order. A tracking number that a label or a hand-over names is not of a return's parcel."""
        if not any(t in self.t.by_type for t in RETURNS):
            return Returns()
        outbound = frozenset(n for r in self.t.of(*ANNOUNCED) for n in tracking_numbers(cast("WarehouseShipment", r.event.data)))
        return Returns.build(self.t.of(*RETURNS), self.t.of("carrier.scan"), outbound)

    @property
    def returns(self) -> list[Return]:
        """All returns of the order, by their first step, with the scans of their parcels."""
        return self.returned.all

    @property
    def returning(self) -> set[str]:
        """The tracking numbers of return parcels."""
        return self.returned.numbers

    @property
    def handovers(self) -> list[tuple[Record, WarehouseShipment]]:
        """All `warehouse.shipped` events with their data."""
        return [(r, cast("WarehouseShipment", r.event.data)) for r in self.t.of("warehouse.shipped")]

    @fact(folds=HOLDS)
    def held(self) -> Holds:
        """All holds, and which of them are open."""
        return Holds.build(self.t.of("order.hold_placed"), self.t.of("order.hold_released"))

    @property
    def holds(self) -> list[Hold]:
        """All holds, as they happened."""
        return self.held.all

    # milestones of all lines

    @fact("order.placed", folds=(*LINES[1:], *STEPS))
    def covers(self) -> dict[str, LineCoverage]:
        """When steps of the warehouse had covered each line, by their type, as far as that has been asked for."""
        return {}

    def cover(self, type_: str) -> int | None:
        """When the events of one type had covered every line."""
        known = self.covers.get(type_)
        if known is None:
            known = LineCoverage(self.book, self.wanted)
            for record in self.t.of(type_):
                known.take(record.at, cast("InventoryAllocated", record.event.data).lines)
            if type_ in STEPS:
                self.covers[type_] = known
        return known.whole()

    @fact("order.placed", folds=(*LINES[1:], *PARCELS))
    def departures(self) -> LineCoverage:
        """When each line had left."""
        return LineCoverage(self.book, self.wanted).over((s, s.shipped) for s in self.shipments if s.left)

    @fact("order.placed", folds=(*LINES[1:], *PARCELS))
    def arrivals(self) -> LineCoverage:
        """When each line had been delivered."""
        return LineCoverage(self.book, self.wanted).over((s, s.delivered) for s in self.shipments if s.live)

    def subset(self, keys: Iterable[str]) -> dict[str, int]:
        """The wanted quantities of some lines."""
        return {key: self.wanted[key] for key in keys if key in self.wanted}

    def shipped_of(self, keys: Iterable[str]) -> int | None:
        """When what is wanted of these lines had left."""
        return self.departures.of(keys)

    def delivered_of(self, keys: Iterable[str]) -> int | None:
        """When what is wanted of these lines had been delivered."""
        return self.arrivals.of(keys)

    @fact(*LINES, folds=PARCELS)
    def shipped(self) -> int | None:
        """When all of the order had left."""
        return self.departures.whole()

    @fact(*LINES, folds=PARCELS)
    def delivered(self) -> int | None:
        """When all of the order had been delivered."""
        return self.arrivals.whole()

    @fact(*LINES, "warehouse.packed", folds=PARCELS)
    def packed(self) -> int | None:
        """When all was packed; leaving implies it."""
        return earliest(self.cover("warehouse.packed"), self.shipped)

    @fact(*LINES, "warehouse.packed", "warehouse.picked", folds=PARCELS)
    def picked(self) -> int | None:
        """When all was picked; packing implies it."""
        return earliest(self.cover("warehouse.picked"), self.packed)

    @fact(*LINES, "warehouse.packed", "warehouse.picked", "warehouse.pick_started", "warehouse.released", folds=PARCELS)
    def released(self) -> int | None:
        """When the order was given to its warehouse; later steps imply it."""
        return earliest(self.cover("warehouse.released"), self.first("warehouse.pick_started"), self.picked)

    @fact(*LINES, *STEPS, "warehouse.pick_started", folds=PARCELS)
    def allocated(self) -> int | None:
        """When stock was reserved for all of it; a release implies it."""
        return earliest(self.cover("inventory.allocated"), self.released)
