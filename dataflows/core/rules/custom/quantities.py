"""Conflicts about how much of what was shipped. Only what a warehouse confirms counts, never what a label names.

What came back, was lost or is to be replaced may be sent again: from then on it is not among what has left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from dataflows.core.history.covering import Cell, Filling
from dataflows.core.history.facts import Facts
from dataflows.core.history.parcels import scan_of, turned_back
from dataflows.core.history.returns import Return
from dataflows.core.history.shipments import Shipment
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import signal
from dataflows.core.rules.of_returns import RESOLUTIONS, said_of
from dataflows.core.rules.reading import ended_for
from dataflows.core.rules.structs import Found
from schemas.events import Line, OrderPlaced, ReturnStep, SupportContacted
from schemas.record import Record

REPLACED = frozenset(("exchange", "replacement"))
"""What a customer gets who sends goods back and gets goods for them."""


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
    gross: dict[Cell, int] = {}
    sent: list[tuple[Shipment, dict[Cell, int]]] = []
    known = [(x.shipped, x) for x in o.shipments if x.live and x.confirmed and x.shipped is not None]
    if o.plain_lines and _are_pieces(o, [line for _, x in known for line in x.confirmed]):
        return walk, twice
    for at, shipment in sorted(known, key=lambda item: (item[0], item[1].key)):
        back = _back(o, at, gross, sent)
        taken = {cell: count - back.get(cell, 0) for cell, count in gross.items()}
        filling = _owed(o, at, taken)
        over = filling.add(shipment.confirmed, shared=True)
        surplus: dict[Cell, int] = {}
        for _, cell, count in over:
            if cell is not None:
                surplus[cell] = surplus.get(cell, 0) + count
        unordered = [line for line, cell, _ in over if cell is None]
        mine = [cell for cell, count in filling.filled.items() if count > taken.get(cell, 0)]
        if gross and not unordered and not shipment.replaces and all(cell in surplus for cell in mine):
            twice.append(shipment)
            continue
        left = {cell: filling.filled.get(cell, 0) + surplus.get(cell, 0) for cell in {**filling.filled, **surplus}}
        held = {cell: count - taken.get(cell, 0) for cell, count in left.items()}
        sent.append((shipment, held))
        gross = {cell: gross.get(cell, 0) + held.get(cell, 0) for cell in {**gross, **held}}
        walk.append(_Shipped(at, shipment, {cell: left[cell] for cell in surplus}, unordered))
    return walk, twice


def _back(o: Facts, at: int, gross: dict[Cell, int], sent: Sequence[tuple[Shipment, dict[Cell, int]]]) -> dict[Cell, int]:
    """What of all that had left by an instant may be sent again: it did not arrive, or goods are owed for what the customer sends back."""
    back: dict[Cell, int] = {}
    for shipment, held in sent:
        if _failed(o, shipment, at):
            back = {cell: back.get(cell, 0) + held.get(cell, 0) for cell in {**back, **held}}
    filling = Filling(o.obligations.shape, {}, o.obligations.at(at).most)
    for known in o.returns:
        lines = _to_replace(o, known, at)
        if lines == []:
            return gross
        for line in lines or ():
            left = line.quantity
            for cell in filling.cells_of(line):
                rest = gross.get(cell, 0) - back.get(cell, 0)
                count = rest if left is None else min(left, rest)
                left = None if left is None else left - count
                back[cell] = back.get(cell, 0) + count
    return back


def _failed(o: Facts, shipment: Shipment, at: int) -> bool:
    """Whether a shipment, or a part of it, had turned back, was lost or spoiled, or is missed by the customer."""
    for record in shipment.scans:
        data = scan_of(record)
        if record.at <= at and (turned_back(record) or data.status in ("lost", "damaged") or data.reason == "disposed"):
            return True
    if shipment.delivered is None:
        return False
    missed = (r.at for r in o.t.of("support.contacted") if cast("SupportContacted", r.event.data).intent == "not_received")
    return any(shipment.delivered <= contact <= at for contact in missed)


def _to_replace(o: Facts, known: Return, at: int) -> list[Line] | None:
    """The lines of a return for which the customer was to get goods at an instant; none are named: all. None where it was not so."""
    words = [record for record in said_of(o, known) if record.at <= at]
    if not words or words[-1].event.type == "return.cancelled":
        return None
    steps = [cast("ReturnStep", record.event.data) for record in words]
    if next((step.resolution for step in reversed(steps) if step.resolution in RESOLUTIONS), None) not in REPLACED:
        return None
    named = [step.lines for step in steps if step.lines]
    return named[-1] if named else []


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
