"""What a history says about its order: the milestones, amounts, lines, shipments and holds that rules speak of.

Every fact is a pure function of the history and is computed when it is first asked for. `folding` keeps facts up with a history that
grows. Nobody may change what a fact gives. Instants are event times in µs, UTC; None means that it has not come to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from dataflows.core.clocks import Calendar
from dataflows.core.history.again import Stretch
from dataflows.core.history.covering import Covered, Shape
from dataflows.core.history.grouping import Shipments, identifiers, one_parcel
from dataflows.core.history.holds import Hold, Holds
from dataflows.core.history.leaving import delivered, ready, steps_of
from dataflows.core.history.money import Payments
from dataflows.core.history.obligations import Obligations, Step, Unit
from dataflows.core.history.order_fields import (
    ANNOUNCED,
    FIELDS,
    HOLDS,
    LINES,
    METHODS,
    MONEY,
    OWED,
    PARCELS,
    SITED,
    STEPS,
    FieldFacts,
    fact,
)
from dataflows.core.history.parcels import scan_of
from dataflows.core.history.quantities import Cancellations, LineCoverage, OrderLines, line_key
from dataflows.core.history.returns import RETURNS, Return, Returns
from dataflows.core.history.shipments import Shipment
from dataflows.core.history.standing import tracking_numbers
from dataflows.core.history.versions import Versions, says
from dataflows.core.policy import RuleSetting
from dataflows.core.policy.model import Dims
from schemas.events import InventoryAllocated, Line, OrderCancel, OrderPlaced, WarehouseShipment
from schemas.instants import FAR, earliest
from schemas.record import Record

STARTED = "warehouse.pick_started"
LATER = ("warehouse.released", STARTED, "warehouse.picked", "warehouse.packed", "left")
"""Steps of which each implies those before it."""


class Facts(FieldFacts):
    """The facts of one order under one policy."""

    # settings, clocks and zones

    @fact(*FIELDS, folds=(*SITED, *PARCELS))
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

    @fact(*LINES, "order.reinstated")
    def cancelled(self) -> int | None:
        """When the whole order was cancelled: by one event, or by the last of its lines."""
        return earliest(self.lives[-1].until, self.cancellations.by_line)

    @fact(folds=MONEY)
    def payments(self) -> Payments:
        """What was taken and paid back."""
        return Payments.build(self.t.of("payment.captured"), self.t.of("payment.refunded"))

    @fact(*FIELDS, *MONEY)
    def refunded(self) -> int | None:
        """When everything that was captured (or, without captures, the total) had been refunded."""
        return self.payments.paid_back(self.fields.total) if "payment.refunded" in self.t.by_type else None

    @fact(*LINES, "order.reinstated", *MONEY)
    def ended(self) -> int | None:
        """When nothing more was owed to the customer: cancelled or refunded in full."""
        refunded = self.refunded
        again = refunded is not None and len(self.lives) > 1 and refunded < self.lives[-1].since
        return self.cancelled if again else earliest(self.cancelled, refunded)

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
        scans, relabels, returned = self.t.of("carrier.scan"), self.t.of("carrier.relabelled"), self.returned
        if returned.numbers:
            scans = [r for r in scans if not returned.has(r)]
            relabels = [r for r in relabels if not any(returned.owns(name) for _, name in identifiers(r))]
        return Shipments.build(self.t.of(*ANNOUNCED), scans, self.t.of("warehouse.shipment_cancelled"), relabels)

    @property
    def shipments(self) -> list[Shipment]:
        """All shipments of the order, by their key."""
        return self.grouped.all

    def shipment(self, identifier: str | None) -> Shipment | None:
        """The shipment that goes by an identifier."""
        return self.grouped.named(identifier)

    @fact(folds=PARCELS)
    def returned(self) -> Returns:
        """All returns of the order. A tracking number that a label or a hand-over names is of no return's parcel from then on."""
        if not any(t in self.t.by_type for t in RETURNS):
            return Returns()
        outbound: dict[str, int] = {}
        parcel_of = one_parcel(self.t.of("carrier.relabelled"))
        for record in self.t.of(*ANNOUNCED):
            for number in tracking_numbers(cast("WarehouseShipment", record.event.data)):
                outbound.setdefault(parcel_of.get(number, number), record.at)
        return Returns.build(self.t.of(*RETURNS), self.t.of("carrier.scan"), outbound, self.first("warehouse.shipped"), parcel_of)

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
    def pauses(self) -> list[Stretch]:
        """When the whole order was held."""
        return [(h.record.at, h.released) for h in self.holds if h.shipment_id is None and h.released != h.record.at]

    @property
    def holds(self) -> list[Hold]:
        """All holds, as they happened."""
        return self.held.all

    # what is owed, and the milestones of all of it

    @fact(*OWED)
    def plain_lines(self) -> bool:
        """Whether what the order owes of its lines never changed, and each is one thing: most orders are so."""
        lines = self.fields.lines or ()
        changes = self.t.of("order.cancelled", "payment.refunded")
        return not (
            len(self.lines) < len(lines)
            or "digital" in self.methods
            or any(x.method or x.components or x.parent_line_id or (x.quantity is not None and x.quantity < 1) for x in lines)
            or any(cast("OrderCancel", r.event.data).lines for r in changes)
            or len(self.lives) > 1
            or any(says(record, "lines") for _, _, record in self.versions[1:])
        )

    @property
    def plain(self) -> bool:
        """Whether its lines are plain, and its shipments say what is in them."""
        shipments = self.shipments
        return self.plain_lines and (len(shipments) < 2 or all(x.lines and not x.replaces for x in shipments) or not self.lines)

    def method_of(self, line: Line) -> str:
        """How a line reaches the customer."""
        return line.method if line.method is not None and line.method in METHODS else self.method

    @fact(*FIELDS)
    def methods(self) -> frozenset[str]:
        """How its lines reach the customer."""
        return frozenset(self.method_of(line) for line in self.lines.values()) or frozenset((self.method,))

    @fact(*FIELDS)
    def ever(self) -> dict[str, Line]:
        """All lines that it ever had by their name, as they were last told."""
        found = dict(self.lines)
        for fields, _, _ in reversed(self.versions):
            for i, line in enumerate(fields.lines or ()):
                found.setdefault(line_key(line, i), line)
        return found

    def method_by(self, key: str) -> str:
        """How the line of a name reaches the customer; as the order does, if there is none."""
        line = self.ever.get(key)
        return self.method if line is None else self.method_of(line)

    def lines_called(self, fields: OrderPlaced, key: str) -> Iterable[Line]:
        """The lines of one version of the order that have a name."""
        return (line for i, line in enumerate(fields.lines or ()) if line_key(line, i) == key)

    @fact(*OWED, *PARCELS)
    def obligations(self) -> Obligations:
        """What the order owes of its lines as these change, and by what left it was covered."""
        history = cast("Versions", self.history)
        shape = Shape(self.ever, self.method_of, self._wanted_by)
        waivers = [r for r in self.t.of("order.cancelled", "payment.refunded") if cast("OrderCancel", r.event.data).lines]
        left = steps_of(self.shipments, lambda x: x.shipped if x.left else None, lambda x: x.labelled)
        return Obligations(shape, history, waivers, left, self.lives)

    @fact(*OWED, *STEPS, *PARCELS)
    def covered(self) -> dict[str, Covered]:
        """How steps of each kind covered what is owed, as far as that has been asked for."""
        return {}

    def covered_by(self, kind: str) -> Covered:
        """How what is owed was covered: by warehouse steps of a type, or by what `left`, was `delivered`, or kept the promise (`kept`)."""
        if kind == "left":
            return self.obligations.left
        known = self.covered.get(kind)
        if known is None:
            if kind == STARTED:
                steps: Iterable[Step] = [(r.at, None) for r in self.t.of(kind)]
            elif kind in STEPS:
                steps = [(r.at, cast("InventoryAllocated", r.event.data).lines) for r in self.t.of(kind)]
            else:
                reached = {"delivered": delivered, "ready": ready, "kept": self.kept}[kind]
                steps = steps_of(self.shipments, lambda x: reached(x) if x.left else None, lambda x: earliest(x.labelled, x.handed_over))
            known = self.covered[kind] = self.obligations.over(steps)
        return known

    @fact("order.placed", folds=(*LINES[1:], *STEPS))
    def covers(self) -> dict[str, LineCoverage]:
        """When steps of the warehouse had covered each line of a plain order, by their type, as far as that has been asked for."""
        return {}

    def cover(self, type_: str) -> int | None:
        """When the events of one type had covered every line."""
        if not self.plain_lines:
            return self.obligations.whole(self.covered_by(type_)) if self.lines else self.first(type_)
        return self.line_cover(type_).whole()

    def line_cover(self, type_: str) -> LineCoverage:
        """When the events of one type had covered each line of a plain order."""
        known = self.covers.get(type_)
        if known is None:
            known = LineCoverage(self.book, self.ordered)
            for record in self.t.of(type_):
                known.take(record.at, cast("InventoryAllocated", record.event.data).lines)
            if type_ in STEPS:
                self.covers[type_] = known
        return known

    @fact("order.placed", folds=(*LINES[1:], *PARCELS))
    def departures(self) -> LineCoverage:
        """When each line of a plain order had left."""
        return LineCoverage(self.book, self.ordered).over((s, s.shipped) for s in self.shipments if s.left)

    @fact("order.placed", folds=(*LINES[1:], *PARCELS))
    def arrivals(self) -> LineCoverage:
        """When each line of a plain order had been delivered."""
        return LineCoverage(self.book, self.ordered).over((s, s.delivered) for s in self.shipments if s.left)

    @fact(*OWED, folds=PARCELS)
    def shipped(self) -> int | None:
        """When all of the order had left."""
        return self.departures.whole() if self.plain or not self.lines else self.obligations.whole(self.obligations.left)

    @fact(*OWED, folds=PARCELS)
    def delivered(self) -> int | None:
        """When all of the order had been delivered."""
        return self.arrivals.whole() if self.plain or not self.lines else self.obligations.whole(self.covered_by("delivered"))

    def _reached(self, *kinds: str) -> int | None:
        """When every unit had come to one of several steps, of which the later ones imply the earlier."""
        if not self.lines:
            return earliest(*(self.shipped if kind == "left" else self.first(kind) for kind in kinds))
        return self.obligations.whole(*map(self.covered_by, kinds))

    @fact(*OWED, "warehouse.packed", folds=PARCELS)
    def packed(self) -> int | None:
        """When all was packed; leaving implies it."""
        return self._reached(*LATER[3:])

    @fact(*OWED, "warehouse.packed", "warehouse.picked", folds=PARCELS)
    def picked(self) -> int | None:
        """When all was picked; packing implies it."""
        return self._reached(*LATER[2:])

    @fact(*OWED, "warehouse.packed", "warehouse.picked", STARTED, "warehouse.released", folds=PARCELS)
    def released(self) -> int | None:
        """When the order was given to its warehouse; later steps imply it."""
        return self._reached("warehouse.released", *LATER[1:])

    @fact(*OWED, *STEPS, STARTED, folds=PARCELS)
    def allocated(self) -> int | None:
        """When stock was reserved for all of it; a release implies it."""
        return self._reached("inventory.allocated", *LATER)

    def units(self, *kinds: str) -> Iterable[Unit]:
        """What is owed of each line, and when steps of one of these kinds had covered it (see `covered_by`)."""
        if not self.lines and self.plain_lines:
            # Of an order without lines the first step covers all.
            instants = (self.shipped if kind == "left" else self.came_first(kind) for kind in kinds)
            return (Unit("", 1, self.placed_at, self.lives[0].until, earliest(*instants), self.placed_at),)
        return self.obligations.units(*map(self.covered_by, kinds))

    def came_first(self, kind: str) -> int | None:
        """Of an order without lines, when the first of its shipments, or a step of the warehouse, came there."""
        if kind in STEPS or kind == STARTED:
            return self.first(kind)
        reached = {"delivered": delivered, "ready": ready, "kept": self.kept}[kind]
        return earliest(*(reached(x) for x in self.shipments if x.left))

    def kept(self, shipment: Shipment) -> int | None:
        """When a shipment kept a delivery promise, or nobody waited for it any more since it turned back and was refunded.

        Nobody will ever scan what has no tracking number: it has when it left.
        """
        untracked = self.method == "ship" and not shipment.trackings and not shipment.scans
        return shipment.handed_over if untracked else earliest(shipment.kept, self.settled(shipment))

    def settled(self, shipment: Shipment) -> int | None:
        """When a shipment that turned back had been refunded by its lines."""
        if "payment.refunded" not in self.t.by_type:
            return None
        turned = next((r.at for r in shipment.scans if scan_of(r).status in ("returning", "returned")), None)
        return None if turned is None else self.obligations.settled(shipment.lines or (), turned)

    def obligations_met(self, kind: str, key: str, level: int) -> int | None:
        """When steps of a kind had covered so many units of a line."""
        return self.covered_by(kind).at(key, level)

    def shipped_of(self, keys: Iterable[str]) -> int | None:
        """When what is owed of some lines had left."""
        return self._all_of("left", keys)

    def delivered_of(self, keys: Iterable[str]) -> int | None:
        """When what is owed of some lines had been delivered."""
        return self._all_of("delivered", keys)

    def _all_of(self, kind: str, keys: Iterable[str]) -> int | None:
        met = [self.met_of(kind, key) for key in keys]
        return max((at for at in met if at is not None), default=None) if None not in met else None

    def met_of(self, kind: str, key: str) -> int | None:
        """When the units of a line that are owed now had been covered."""
        met = [unit.met for unit in self.units(kind) if unit.gone is None and unit.key in (key, "")]
        return max((at for at in met if at is not None), default=None) if None not in met else None
