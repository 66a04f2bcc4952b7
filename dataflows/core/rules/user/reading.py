"""Terms as functions of an order's facts and one of its parts. Each is built once, when a policy is read; instants are µs, UTC."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import TypeAlias, cast

from dataflows.core.history.facts import Facts
from dataflows.core.history.holds import Hold
from dataflows.core.history.parcels import is_estimate
from dataflows.core.history.shipments import Shipment
from dataflows.core.predicates import Part
from dataflows.core.predicates.parts import ParcelPart, PaymentPart, ReturnPart
from dataflows.core.rules.reading import lines_of, speaks_of
from dataflows.core.rules.user.subjects import Subject, line_covered
from dataflows.core.rules.user.terms import SCAN, WORDS, Choice, Occurrence, Word
from schemas.events import Line
from schemas.instants import earliest
from schemas.record import Record

Reached: TypeAlias = Callable[[Facts, Subject], "int | None"]
Happened: TypeAlias = Callable[[Facts, Subject], "Sequence[Record]"]
_ORDER_FACTS = {name: name for name in WORDS[Part.ORDER]} | {"placed": "placed_at"}
_LINE_STEPS = {
    "allocated": ("inventory.allocated", "warehouse.released", "warehouse.picked", "warehouse.packed"),
    "released": ("warehouse.released", "warehouse.picked", "warehouse.packed"),
    "picked": ("warehouse.picked", "warehouse.packed"),
    "packed": ("warehouse.packed",),
}


def reached(word: Word) -> Reached:
    """When a part came to what a word says; None while it has not."""
    name = word.name
    match word.part:
        case Part.ORDER:
            if name == "labelled":
                return lambda o, _: o.first("warehouse.label_created")
            read = cast("Callable[[Facts], int | None]", attrgetter(_ORDER_FACTS[name]))
            return lambda o, _: read(o)
        case Part.LINE:
            return _of_line(name)
        case Part.SHIPMENT:
            return _of_shipment(name)
        case Part.PARCEL:
            return _of_parcel(name)
        case Part.PAYMENT:
            return lambda _, subject: cast("PaymentPart", subject.part).first(f"payment.{name}")
        case Part.RETURN:
            if name == "refunded":
                return _refunded
            return lambda _, subject: cast("ReturnPart", subject.part).first(f"return.{name}")
        case _:
            if name == "placed":
                return lambda _, subject: cast("Hold", subject.part).record.at
            return lambda _, subject: cast("Hold", subject.part).released


def _of_line(name: str) -> Reached:
    if name == "cancelled":
        return lambda o, subject: earliest(o.cancelled, o.gone.get(subject.key))
    if name == "shipped":
        return lambda o, subject: o.met_of("left", subject.key)
    if name == "delivered":
        return lambda o, subject: o.met_of("delivered", subject.key)
    steps, started = _LINE_STEPS[name], name in ("allocated", "released")

    def read(o: Facts, subject: Subject) -> int | None:
        first = o.first("warehouse.pick_started") if started else None
        return earliest(*(line_covered(o, step, subject.key) for step in steps), first, o.met_of("left", subject.key))

    return read


def _of_shipment(name: str) -> Reached:
    if name == "ended":
        return lambda _, subject: subject.ended
    read = cast("Callable[[Shipment], int | None]", attrgetter(name))
    return lambda _, subject: read(cast("Shipment", subject.shipment))


def _of_parcel(name: str) -> Reached:
    match name:
        case "delivered" | "returned":
            read = cast("Callable[[object], int | None]", attrgetter(name))
            return lambda _, subject: read(cast("ParcelPart", subject.part).parcel)
        case "first_scan":
            return lambda _, subject: cast("ParcelPart", subject.part).parcel.first_scan
        case _:
            return _of_shipment(name)


def _refunded(o: Facts, subject: Subject) -> int | None:
    """A refund that names the return, or one that names none and came after the return began."""
    part = cast("ReturnPart", subject.part)
    began = part.records[0].at
    nameless = (r.at for r in o.t.of("payment.refunded") if getattr(r.event.data, "return_id", None) is None and r.at >= began)
    return earliest(*(r.at for r in part.refunds), *nameless)


def chosen(choice: Choice) -> Reached:
    """The earliest or the latest of several words."""
    reads = [reached(word) for word in choice.words]

    def read(o: Facts, subject: Subject) -> int | None:
        instants = [each(o, subject) for each in reads]
        if not choice.latest:
            return earliest(*instants)
        known = [at for at in instants if at is not None]
        return max(known) if len(known) == len(instants) else None

    return read


def happened(event: Occurrence, each: Part) -> Happened:
    """The events of a part that are such, as they happened. An event that speaks of no part is the order's, and so every part's."""
    types, where = event.types, event.where
    of_part = _of_part(each, types)
    if where is None:
        return of_part
    return lambda o, subject: [record for record in of_part(o, subject) if where.holds(o, record)]


def _of_part(each: Part, types: tuple[str, ...]) -> Happened:
    chosen_types = frozenset(types)
    if each is Part.PARCEL and types == (SCAN,):
        return lambda _, subject: cast("ParcelPart", subject.part).parcel.scans
    if each is Part.SHIPMENT and chosen_types <= {SCAN, "warehouse.label_created", "warehouse.shipped"}:
        return lambda _, subject: _of_one_shipment(cast("Shipment", subject.shipment), chosen_types)
    if each is Part.PAYMENT and all(type_.startswith("payment.") for type_ in types):
        return lambda _, subject: [r for r in cast("PaymentPart", subject.part).records if r.event.type in chosen_types]
    if each is Part.RETURN and all(type_.startswith("return.") for type_ in types):
        return lambda _, subject: [r for r in cast("ReturnPart", subject.part).records if r.event.type in chosen_types]
    if each is Part.LINE:
        return lambda o, subject: [r for r in o.t.of(*types) if speaks_of(lines_of(r), cast("Line", subject.part).sku)]
    if SCAN in chosen_types:
        return lambda o, _: [r for r in o.t.of(*types) if r.event.type != SCAN or not is_estimate(r)]
    return lambda o, _: o.t.of(*types)


def _of_one_shipment(shipment: Shipment, types: frozenset[str]) -> Sequence[Record]:
    found: list[Record] = []
    if SCAN in types:
        found += shipment.scans
    if "warehouse.label_created" in types:
        found += shipment.labels
    if "warehouse.shipped" in types:
        found += shipment.handovers
    return sorted(found, key=lambda r: (r.at, r.event.source, r.event.id))


def first_of(terms: Iterable[Word | Occurrence], each: Part) -> Reached:
    """When the first of several terms was reached."""
    reads = [_first(term, each) for term in terms]
    if not reads:
        return lambda _o, _s: None
    if len(reads) == 1:
        return reads[0]
    return lambda o, subject: earliest(*(read(o, subject) for read in reads))


def _first(term: Word | Occurrence, each: Part) -> Reached:
    if isinstance(term, Word):
        return reached(term)
    found = happened(term, each)
    return lambda o, subject: next((r.at for r in found(o, subject)), None)
