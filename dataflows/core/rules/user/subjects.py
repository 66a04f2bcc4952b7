"""The parts of an order that an entry speaks of, one after another: what a predicate is asked of, its scope, and when it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from dataflows.core.history.facts import Facts
from dataflows.core.history.quantities import line_key
from dataflows.core.history.shipments import Shipment
from dataflows.core.predicates import Part
from dataflows.core.predicates.parts import ParcelPart, PaymentPart, ReturnPart, parcels_of, payments_of, returns_of
from dataflows.core.rules.reading import ended_for
from schemas.instants import earliest


class Subject(NamedTuple):
    """One of the parts.

    `began`, `ended`: when there was such a part, and until when something was expected of it; `key`: of a line its name; `shipment`: the
    one whose carrier, service and site count, if there is one.
    """

    part: object
    scope: str | None = None
    began: int = 0
    ended: int | None = None
    shipment: Shipment | None = None
    key: str = ""


def _order(o: Facts) -> Iterator[Subject]:
    yield Subject(None, ended=o.ended)


def _lines(o: Facts) -> Iterator[Subject]:
    for position, line in enumerate(o.fields.lines or ()):
        key = line_key(line, position)
        yield Subject(line, f"line:{key}", ended=earliest(o.ended, o.gone.get(key)), key=key)


def _shipments(o: Facts) -> Iterator[Subject]:
    for shipment in o.shipments:
        yield Subject(shipment, shipment.scope, _announced(shipment), ended_for(o, shipment), shipment)


def _parcels(o: Facts) -> Iterator[Subject]:
    for part in parcels_of(o):
        yield Subject(part, part.shipment.scope, _announced(part.shipment), ended_for(o, part.shipment, part.parcel), part.shipment)


def _announced(shipment: Shipment) -> int:
    """When something was first said of a shipment."""
    return earliest(shipment.labelled, shipment.handed_over, *(r.at for r in shipment.scans[:1])) or 0


def _payments(o: Facts) -> Iterator[Subject]:
    for part in payments_of(o):
        yield Subject(part, None if part.payment_id is None else f"payment:{part.payment_id}", part.records[0].at, o.cancelled)


def _returns(o: Facts) -> Iterator[Subject]:
    for part in returns_of(o):
        yield Subject(part, None if part.return_id is None else f"return:{part.return_id}", part.records[0].at)


def _holds(o: Facts) -> Iterator[Subject]:
    for hold in o.holds:
        shipment = o.shipment(hold.shipment_id)
        scope = None if hold.shipment_id is None else shipment.scope if shipment else f"shipment:{hold.shipment_id}"
        yield Subject(hold, scope, hold.record.at, o.ended, shipment)


SUBJECTS: dict[Part, Callable[[Facts], Iterable[Subject]]] = {
    Part.ORDER: _order,
    Part.LINE: _lines,
    Part.SHIPMENT: _shipments,
    Part.PARCEL: _parcels,
    Part.PAYMENT: _payments,
    Part.RETURN: _returns,
    Part.HOLD: _holds,
}
"""How the parts of each kind are found."""


def line_covered(o: Facts, type_: str, key: str) -> int | None:
    """When the events of one type had covered a line."""
    return o.line_cover(type_).of((key,)) if o.plain_lines else o.met_of(type_, key)


__all__ = ["SUBJECTS", "ParcelPart", "PaymentPart", "ReturnPart", "Subject", "line_covered"]
