"""What an order owes in goods, and when it came to the milestones of all that it owes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import cast

from dataflows.core.history.covering import UnitCoverage
from dataflows.core.history.goods import GoodsFacts
from dataflows.core.history.leaving import delivered, ready, steps_of
from dataflows.core.history.obligations import Obligations, Step, Unit
from dataflows.core.history.order_fields import LINES, OWED, PARCELS, STEPS, fact
from dataflows.core.history.parcels import scan_of
from dataflows.core.history.quantities import LineCoverage
from dataflows.core.history.shipments import Shipment
from dataflows.core.history.versions import Versions
from schemas.events import InventoryAllocated, OrderCancel
from schemas.instants import FAR, earliest

STARTED = "warehouse.pick_started"
LATER = ("warehouse.released", STARTED, "warehouse.picked", "warehouse.packed", "left")
"""Steps of which each implies those before it."""
UNKNOWN = -FAR


class MilestoneFacts(GoodsFacts):
    """The obligations of one order, under one policy."""

    @property
    @abstractmethod
    def shipments(self) -> list[Shipment]:
        """All shipments of the order, by their key."""

    @property
    def plain(self) -> bool:
        """Whether its lines are plain, and its shipments say what is in them."""
        shipments = self.shipments
        return self.plain_lines and (len(shipments) < 2 or all(x.lines and not x.replaces for x in shipments) or not self.lines)

    @fact(*OWED, *PARCELS)
    def obligations(self) -> Obligations:
        """What the order owes of its lines as these change, and by what left it was covered."""
        history = cast("Versions", self.history)
        waivers = [r for r in self.t.of("order.cancelled", "payment.refunded") if cast("OrderCancel", r.event.data).lines]
        left = steps_of(self.shipments, lambda x: x.shipped if x.left else None, lambda x: x.labelled)
        return Obligations(self.shape, history, waivers, left, self.lives)

    @fact(*OWED, *STEPS, STARTED, *PARCELS)
    def covered(self) -> dict[str, UnitCoverage]:
        """How steps of each kind covered what is owed, as far as that has been asked for."""
        return {}

    def covered_by(self, kind: str) -> UnitCoverage:
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
                reached = REACHED[kind]
                steps = steps_of(self.shipments, lambda x: reached(self, x) if x.left else None, lambda x: earliest(x.labelled, x.shipped))
            known = self.covered[kind] = self.obligations.over(steps)
        return known

    @fact("order.placed", folds=(*LINES[1:], *STEPS))
    def covers(self) -> dict[str, LineCoverage]:
        """When steps of the warehouse had covered each line of a plain order, by their type, as far as that has been asked for."""
        return {}

    def cover(self, type_: str) -> int | None:
        """When the events of one type had covered every line."""
        if not self.plain_lines and not self.lines:
            return self.first(type_)
        if not self.plain_lines:
            # What is waived in the end goes no further: a step that had covered some of it begins nothing.
            at = self.obligations.whole(self.covered_by(type_))
            return at if at is not None and any(self.obligations.at(at).owed.get(key, 0) > 0 for key in self.shape.physical) else None
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
        if self.plain or not self.lines:
            return self._from_placing(self.departures.whole())
        return self.obligations.whole(self.obligations.left)

    @fact(*OWED, folds=PARCELS)
    def delivered(self) -> int | None:
        """When all of the order had been delivered."""
        if self.plain or not self.lines:
            return self._from_placing(self.arrivals.whole())
        return self.obligations.whole(self.covered_by("delivered"))

    def _from_placing(self, at: int | None) -> int | None:
        """What happened to lines before they were ordered, by another clock, counts from the placing."""
        return at if at is None or not self.lines else max(at, self.placed_at)

    def _reached(self, *kinds: str) -> int | None:
        """When every unit had come to one of several steps, of which the later ones imply the earlier."""
        if not self.lines:
            return earliest(*(self.shipped if kind == "left" else self.first(kind) for kind in kinds))
        met = self._met_whole(kinds)
        if met is None:
            return self.obligations.whole(*map(self.covered_by, kinds))
        known = [at for at in met.values() if at is not None]
        if not known:
            return None
        over = max(known) if len(known) == len(met) else FAR
        cancelled = self.lives[0].until
        if cancelled is not None and cancelled < over:
            over = max(at if at is not None and at < cancelled else cancelled for at in met.values())
        return min((at for at in (*known, self.versions[0][1]) if at >= over and at >= min(known)), default=None)

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

    def units(self, *kinds: str) -> tuple[Unit, ...]:
        """What is owed of each line, and when steps of one of these kinds had covered it (see `covered_by`)."""
        if not self.lines:
            # Of an order without lines the first step covers all.
            if self.method == "digital":
                return ()
            instants = (self.shipped if kind == "left" else self.came_first(kind) for kind in kinds)
            met = earliest(*instants)
            return tuple(Unit("", 1, life.since, life.until, met, self.placed_at) for life in self.lives)
        known = self.owed_units.get(kinds)
        if known is None:
            lines = self._met_whole(kinds)
            if lines is not None:
                ordered, life, owed = self.versions[0][1], self.lives[0], self.ordered
                keys = self.shape.physical if len(owed) > 1 else owed
                known = tuple(Unit(key, owed[key], ordered, life.until, lines[key], ordered) for key in keys)
            else:
                known = tuple(self.obligations.units(*map(self.covered_by, kinds)))
            self.owed_units[kinds] = known
        return known

    def _met_whole(self, kinds: Iterable[str]) -> dict[str, int | None] | None:
        """When each line of a plain order was met by steps of several kinds; None unless each of these spoke of whole lines, as most do.

        `obligations` says the same of any order, from all that was ever told of it.
        """
        if not self.plain_lines or len(self.pieces) < len(self.lines):
            return None
        met: dict[str, int | None] = dict.fromkeys(self.lines)
        for kind in kinds:
            if kind not in self.whole_steps:
                self.whole_steps[kind] = self._met_by(self._steps_of(kind))
            by_kind = self.whole_steps[kind]
            if by_kind is None:
                return None
            for key, since in by_kind.items():
                before = met[key]
                if before is None or since < before:
                    met[key] = since
        return met

    @fact(*OWED, *STEPS, STARTED, *PARCELS)
    def whole_steps(self) -> dict[str, dict[str, int] | None]:
        """When steps of a kind met each line, as far as that has been asked for; None where one did not speak of whole lines."""
        return {}

    def _met_by(self, steps: Iterable[Step]) -> dict[str, int] | None:
        pieces, placed = self.pieces, self.versions[0][1]
        met: dict[str, int] = {}
        for at, lines in steps:
            if at == UNKNOWN:
                return None
            since = max(at, placed)
            for name in [(x.line_id, x.sku, x.quantity) for x in lines] if lines else pieces:
                key = pieces.get(name)
                if key is None:
                    return None
                if since < met.get(key, FAR):
                    met[key] = since
        return met

    def _steps_of(self, kind: str) -> Iterable[Step]:
        """The steps of a kind; one at `UNKNOWN` where it takes all shipments to know what each covers."""
        if kind == STARTED:
            return [(r.at, None) for r in self.t.by_type.get(kind, ())]
        if kind in STEPS:
            return [(r.at, cast("InventoryAllocated", r.event.data).lines) for r in self.t.by_type.get(kind, ())]
        shipments, reached = self.shipments, REACHED[kind]
        known = [(at, x.lines) for x in shipments if x.left and (at := reached(self, x)) is not None]
        if (len(shipments) > 1 and not all(lines for _, lines in known)) or any(x.replaces for x in shipments):
            return ((UNKNOWN, None),)
        return known

    @fact(*OWED, *STEPS, STARTED, *PARCELS)
    def owed_units(self) -> dict[tuple[str, ...], tuple[Unit, ...]]:
        """The units of an order with lines, as far as they have been asked for."""
        return {}

    def came_first(self, kind: str) -> int | None:
        """Of an order without lines, when the first of its shipments, or a step of the warehouse, came there."""
        if kind in STEPS or kind == STARTED:
            return self.first(kind)
        return earliest(*(REACHED[kind](self, x) for x in self.shipments if x.left))

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


REACHED: dict[str, Callable[[MilestoneFacts, Shipment], int | None]] = {
    "left": lambda _, shipment: shipment.shipped,
    "delivered": lambda _, shipment: delivered(shipment),
    "ready": lambda _, shipment: ready(shipment),
    "kept": MilestoneFacts.kept,
    "handed": lambda _, shipment: shipment.handed_over if not shipment.trackings and not shipment.scans else None,
}
"""When a shipment of an order came to where it covers what is owed."""
