"""Terms of the vocabulary as functions of facts. Each is built once, when a rule is made; instants are µs, UTC."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from operator import attrgetter
from typing import cast

from dataflows.core.history.facts import Facts
from dataflows.core.history.shipments import Parcel, Shipment, possession
from dataflows.core.rules.vocabulary import MILESTONES, POSSESSED, Event, Lines, Milestone, Next, Op, Strictly, Term, Where
from schemas.events import Line
from schemas.instants import earliest
from schemas.record import Record

Matches = Callable[[Record], bool]
Tests = Callable[[object], bool]
Instant = Callable[[Facts], "int | None"]
OfParcel = Callable[[Facts, Shipment, Parcel], "int | None"]
Clearings = Callable[[Facts, Shipment, Parcel, int], "int | None"]
OVER = Milestone.OVER


def field_of(data: object, path: str) -> object:
    """The value of a field by its path (`ship_to.country`); None where it is missing."""
    value = data
    for name in path.split("."):
        value = cast("dict[str, object]", value).get(name) if isinstance(value, dict) else cast("object", getattr(value, name, None))
        if value is None:
            return None
    return value


def test_of(where: Where) -> Tests:
    """A test as a function of what holds the field."""
    name, values, op = where.field, frozenset(where.values), where.op
    if op is Op.NAMED:
        return lambda data: name in cast("dict[str, object]", data)
    if "." in name:
        read: Callable[[object], object] = lambda data: field_of(data, name)  # noqa: E731 (one of two readers)
    else:
        read = attrgetter(name)
    if op is Op.IS:
        return lambda data: read(data) in values
    if op is Op.IS_NOT:
        return lambda data: read(data) not in values
    if op is Op.GIVEN:
        return lambda data: bool(read(data))
    limit = cast("int", where.values[0])
    if op is Op.ABOVE:
        return lambda data: cast("int", read(data) or 0) > limit
    return lambda data: cast("int", read(data) or 0) <= limit


@cache
def tests_of(wheres: tuple[Where, ...]) -> Tests | None:
    """All tests as one; None where there is none."""
    tests = [test_of(where) for where in wheres]
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        one, two = tests
        return lambda data: one(data) and two(data)
    return lambda data: all(test(data) for test in tests)


@cache
def matcher(event: Event) -> Matches:
    """Whether a record of one of the event's types passes its tests."""
    if event.where == POSSESSED.where:
        return possession
    tests = tests_of(event.where)
    if tests is None:
        return lambda _: True
    return lambda record: tests(record.event.data)


def any_of(events: Sequence[Event]) -> Matches:
    """Whether a record passes the tests of one of several events."""
    matches = [matcher(event) for event in events]
    return matches[0] if len(matches) == 1 else lambda record: any(test(record) for test in matches)


def records_of(event: Event) -> Callable[[Facts], Iterable[Record]]:
    """The events of an order that are such, as they happened."""
    types, tests = event.types, tests_of(event.where)
    if tests is None:
        return lambda o: o.t.of(*types)
    return lambda o: (record for record in o.t.of(*types) if tests(record.event.data))


def reached(term: Milestone | Event) -> Instant:
    """When an order first came to a term."""
    if isinstance(term, Milestone):
        return cast("Instant", attrgetter(MILESTONES[term].fact))
    types, found = term.types, records_of(term)
    if not term.where:
        return lambda o: o.first(*types)
    return lambda o: next((record.at for record in found(o)), None)


def first_reached(terms: Sequence[Milestone | Event]) -> Instant:
    """When an order first came to one of the terms."""
    readers = [reached(term) for term in terms]
    if not readers:
        return lambda _: None
    if len(readers) == 1:
        return readers[0]
    return lambda o: earliest(*(read(o) for read in readers))


# what speaks of a SKU


def speaks_of(lines: Sequence[Line] | None, sku: str | None) -> bool:
    """Whether an event's lines have the SKU; an event without lines speaks of all."""
    return not lines or sku is None or any(line.sku == sku for line in lines)


def lines_of(record: Record) -> Sequence[Line]:
    """The lines of an event."""
    return cast("Sequence[Line] | None", getattr(record.event.data, "lines", None)) or ()


def concerns(event: Event, o: Facts, sku: str | None) -> Matches:
    """Whether an event speaks of a SKU of the order."""
    if event.lines is Lines.ANY:
        return lambda record: speaks_of(lines_of(record), sku)
    if event.lines is Lines.IGNORED:
        return lambda _: True
    if event.lines is Lines.STATED:
        return lambda record: bool(lines := lines_of(record)) and speaks_of(lines, sku)
    ids = {line.line_id for line in o.lines.values() if line.sku == sku and line.line_id}
    return lambda record: any((sku is not None and line.sku == sku) or line.line_id in ids for line in lines_of(record))


# shipments and parcels


def ended_for(o: Facts, shipment: Shipment) -> int | None:
    """When nothing more was expected of a shipment: its order ended, or it was voided or replaced."""
    return earliest(o.ended, shipment.voided, shipment.replaced)


def of_parcel(milestone: Milestone) -> OfParcel:
    """When a parcel, or what it belongs to, first came to a milestone."""
    match milestone:
        case Milestone.DELIVERED:
            return lambda _o, _s, parcel: parcel.delivered
        case Milestone.RETURNED:
            return lambda _o, _s, parcel: parcel.returned
        case Milestone.ENDED:
            return lambda o, shipment, _: ended_for(o, shipment)
        case Milestone.OVER:
            return lambda o, shipment, parcel: earliest(ended_for(o, shipment), parcel.delivered, parcel.returned)
        case Milestone.FIRST_SCAN:
            return lambda _o, shipment, _p: shipment.first_scan
        case Milestone.HANDED_OVER:
            return lambda _o, shipment, _p: shipment.handed_over
        case _:
            order = reached(milestone)
            return lambda o, _s, _p: order(o)


def clearing(term: Term) -> Clearings:
    """When a term is reached that ends what a parcel's scan (at a position) began."""
    if isinstance(term, Milestone):
        milestone = of_parcel(term)
        return lambda o, shipment, parcel, position: (
            at if (at := milestone(o, shipment, parcel)) is not None and at >= parcel.scans[position].at else None
        )
    if isinstance(term, Strictly):
        later = of_parcel(term.milestone)
        return lambda o, shipment, parcel, position: (
            at if (at := later(o, shipment, parcel)) is not None and at > parcel.scans[position].at else None
        )
    matches = matcher(term.event if isinstance(term, Next) else term)
    if isinstance(term, Next):
        wanted = not term.other
        return lambda _o, _s, parcel, position: next((r.at for r in parcel.scans[position + 1 :] if matches(r) is wanted), None)

    def scans_from(_o: Facts, _shipment: Shipment, parcel: Parcel, position: int) -> int | None:
        at = parcel.scans[position].at
        return next((r.at for r in parcel.scans if r.at >= at and matches(r)), None)

    return scans_from


def tracked(o: Facts) -> Iterator[tuple[Shipment, Parcel]]:
    """All parcels with a tracking number."""
    return ((shipment, parcel) for shipment in o.shipments for parcel in shipment.parcels if parcel.tracking)
