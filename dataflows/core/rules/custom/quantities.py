"""Conflicts about how much of what was shipped. Only what a warehouse confirms counts, never what a label names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dataflows.core.history.covering import Cell, Filling
from dataflows.core.history.facts import Facts
from dataflows.core.history.shipments import Shipment
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import signal
from dataflows.core.rules.reading import ended_for
from dataflows.core.rules.structs import Found
from schemas.events import Line, OrderPlaced
from schemas.record import Record


class _Shipped(NamedTuple):
    """A shipment as it left: of what it had too much, how much of that had left with it, and what nobody had ordered."""

    at: int
    shipment: Shipment
    surplus: dict[Cell, int]
    unordered: list[Line]


def _walk(o: Facts) -> tuple[list[_Shipped], list[Shipment]]:
    """Shipments with lines as they left, and those that only repeat what had left before."""
    walk: list[_Shipped] = []
    twice: list[Shipment] = []
    taken: dict[Cell, int] = {}
    known = [(x.shipped, x) for x in o.shipments if x.live and x.confirmed and x.shipped is not None]
    if o.plain_lines and _are_pieces(o, [line for _, x in known for line in x.confirmed]):
        return walk, twice
    for at, shipment in sorted(known, key=lambda item: (item[0], item[1].key)):
        filling = _owed(o, at, taken)
        over = filling.add(shipment.confirmed)
        surplus: dict[Cell, int] = {}
        for _, cell, count in over:
            if cell is not None:
                surplus[cell] = surplus.get(cell, 0) + count
        unordered = [line for line, cell, _ in over if cell is None]
        mine = [cell for cell, count in filling.filled.items() if count > taken.get(cell, 0)]
        if taken and not unordered and not shipment.replaces and all(cell in surplus for cell in mine):
            twice.append(shipment)
            continue
        taken = {cell: filling.filled.get(cell, 0) + surplus.get(cell, 0) for cell in {**filling.filled, **surplus}}
        walk.append(_Shipped(at, shipment, {cell: taken[cell] for cell in surplus}, unordered))
    return walk, twice


def _are_pieces(o: Facts, lines: Sequence[Line]) -> bool:
    """Whether lines are plainly some of those of the order, and none is there twice: then all that left was owed."""
    names = {(line.line_id, line.sku, line.quantity) for line in lines}
    return len(names) == len(lines) and o.pieces.keys() >= names


def _owed(o: Facts, at: int, taken: dict[Cell, int] | None = None) -> Filling:
    """What there was to ship at an instant, by the lines as they stood then, without what was cancelled."""
    change = o.obligations.at(at)
    return Filling(o.obligations.shape, change.due, change.most, dict(taken or {}))


def _evidence(shipment: Shipment) -> tuple[Record, ...]:
    return tuple(shipment.handovers) or tuple(shipment.scans[:1])


def quantity_mismatch(o: Facts, s: RuleSetting) -> Found:
    for shipped in _walk(o)[0] if o.lines else ():
        for cell, total in shipped.surplus.items():
            fits = next((at for _, at, _ in o.versions if at > shipped.at and total <= _owed(o, at).size(cell)), None)
            evidence, scope = _evidence(shipped.shipment), f"line:{cell[0]}"
            yield signal(o, s, evidence[0], at=shipped.at, clears=(fits,), lifted=o.ended, scope=scope, evidence=evidence)


def unordered_item(o: Facts, s: RuleSetting) -> Found:
    for shipped in _walk(o)[0] if o.lines else ():
        for line in shipped.unordered:
            ordered = next((at for fields, at, _ in o.versions if at > shipped.at and _has(fields, line)), None)
            evidence, scope = _evidence(shipped.shipment), f"line:{line.sku or line.line_id}"
            yield signal(o, s, evidence[0], at=shipped.at, clears=(ordered,), lifted=o.ended, scope=scope, evidence=evidence)


def _has(fields: OrderPlaced, line: Line) -> bool:
    """Whether an order's lines, as they stood, have what an event's line names: a line, or a component of a kit."""
    for known in fields.lines or ():
        if (line.line_id and known.line_id == line.line_id) or (line.sku and known.sku == line.sku):
            return True
        if line.sku and any(part.sku == line.sku for part in known.components or ()):
            return True
    return False


def duplicate_shipment(o: Facts, s: RuleSetting) -> Found:
    if not o.lines or len(o.shipments) < 2:
        return
    for shipment in _walk(o)[1]:
        evidence, lifted, setting = _evidence(shipment), ended_for(o, shipment), o.of(shipment, s)
        yield signal(
            *(o, setting, evidence[0]), at=shipment.shipped, lifted=lifted, scope=shipment.scope, evidence=evidence, shipment=shipment
        )
