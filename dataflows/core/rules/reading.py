"""Terms of the vocabulary as functions of facts. Each is built once, when a rule is made; instants are µs, UTC."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from operator import attrgetter
from typing import cast

from dataflows.core.history.facts import Facts
from dataflows.core.history.parcels import Parcel, possession
from dataflows.core.history.shipments import Shipment
from dataflows.core.rules.vocabulary import MILESTONES, POSSESSED, EventTerm, Lines, Milestone, Next, Op, Strictly, Term, Where
from schemas.events import Line
from schemas.instants import earliest
from schemas.record import Record

Matches = Callable[[Record], bool]
Tests = Callable[[object], bool]
Instant = Callable[[Facts], "int | None"]
OfParcel = Callable[[Facts, Shipment, Parcel], "int | None"]
Clearings = Callable[[Facts, Shipment, Parcel], Callable[[int], "int | None"]]
OVER = Milestone.OVER
WORDS = frozenset(("status", "reason"))
"""Fields of scans that are words: they are tested most often."""


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
    # A tuple, not a set: a field may hold an object, which has no hash.
    name, values, op = where.field, where.values, where.op
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
def matcher(event: EventTerm) -> Matches:
    """Whether a record of one of the event's types passes its tests."""
    if event.where == POSSESSED.where:
        return possession
    tests = tests_of(event.where)
    if tests is None:
        return lambda _: True
    first = event.where[0]
    if len(event.where) == 1 and first.op is Op.IS and first.field in WORDS:
        read, values = attrgetter(f"event.data.{first.field}"), frozenset(first.values)
        return lambda record: read(record) in values
    return lambda record: tests(record.event.data)


def any_of(events: Sequence[EventTerm]) -> Matches:
    """Whether a record passes the tests of one of several events."""
    matches = [matcher(event) for event in events]
    return matches[0] if len(matches) == 1 else lambda record: any(test(record) for test in matches)


def positions_of(events: Sequence[EventTerm]) -> Callable[[Parcel], Iterable[int]]:
    """The positions of the scans of a parcel that pass the tests of one of several events."""
    by_index = [known for event in events if (known := _indexed(event)) is not None]
    matches = any_of(events)
    if len(by_index) < len(events):
        return lambda parcel: (position for position, record in enumerate(parcel.scans) if matches(record))
    narrow = any(len(event.where) > 1 for event in events)

    def positions(parcel: Parcel) -> Iterable[int]:
        parts = [part for name, values in by_index for value in values if (part := parcel.having(**{name: value}))]
        if not parts:
            return ()
        found: Sequence[int] = parts[0] if len(parts) == 1 else sorted({position for part in parts for position in part})
        return [position for position in found if matches(parcel.scans[position])] if narrow else found

    return positions


def _indexed(event: EventTerm) -> tuple[str, tuple[str, ...]] | None:
    """The statuses or reasons of which a scan must have one to be such an event; None if it is not told by these."""
    for where in event.where:
        if where.field in ("status", "reason") and where.op is Op.IS and None not in where.values:
            return where.field, cast("tuple[str, ...]", tuple(where.values))
    return None


def records_of(event: EventTerm) -> Callable[[Facts], Iterable[Record]]:
    """The events of an order that are such, as they happened."""
    types, tests = event.types, tests_of(event.where)
    if tests is None:
        return lambda o: o.t.of(*types)
    return lambda o: (record for record in o.t.of(*types) if tests(record.event.data))


def following(event: EventTerm) -> Callable[[Facts], Callable[[int], int | None]]:
    """Of an order, when such an event came first at or after an instant."""
    types, found = event.types, records_of(event)

    def of_order(o: Facts) -> Callable[[int], int | None]:
        known = found(o) if event.where or not set(types).isdisjoint(o.t.by_type) else ()
        return first_from([r.at for r in known])

    return of_order


def first_from(instants: Sequence[int]) -> Callable[[int], int | None]:
    """The first of some instants, in their order, at or after a given one."""

    def of(at: int) -> int | None:
        place = bisect_left(instants, at)
        return instants[place] if place < len(instants) else None

    return of


def reached(term: Milestone | EventTerm) -> Instant:
    """When an order first came to a term."""
    if isinstance(term, Milestone):
        return cast("Instant", attrgetter(MILESTONES[term].fact))
    types, found = term.types, records_of(term)
    if not term.where:
        return lambda o: o.first(*types)
    return lambda o: next((record.at for record in found(o)), None)


def first_reached(terms: Sequence[Milestone | EventTerm]) -> Instant:
    """When an order first came to one of the terms."""
    readers = [reached(term) for term in terms]
    if not readers:
        return lambda _: None
    if len(readers) == 1:
        return readers[0]
    if len(readers) == 2:
        one, two = readers
        return lambda o: earliest(one(o), two(o))
    return lambda o: earliest(*(read(o) for read in readers))


# what speaks of a SKU


def speaks_of(lines: Sequence[Line] | None, sku: str | None) -> bool:
    """Whether an event's lines have the SKU; an event without lines speaks of all."""
    return not lines or sku is None or any(line.sku == sku for line in lines)


def lines_of(record: Record) -> Sequence[Line]:
    """The lines of an event."""
    return cast("Sequence[Line] | None", getattr(record.event.data, "lines", None)) or ()


def concerns(event: EventTerm, o: Facts, sku: str | None) -> Matches:
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


def ended_for(o: Facts, shipment: Shipment, parcel: Parcel | None = None) -> int | None:
    """When nothing more was expected of a shipment or of a parcel of it: its order ended, or it was voided or replaced.

    Nothing is expected either of a number of which the parcel went over to another.
    """
    return earliest(o.ended, shipment.replaced, shipment.voided if parcel is None else shipment.over_of(parcel))


def of_parcel(milestone: Milestone) -> OfParcel:
    """When a parcel, or what it belongs to, first came to a milestone."""
    match milestone:
        case Milestone.DELIVERED:
            return lambda _o, _s, parcel: parcel.delivered
        case Milestone.RETURNED:
            return lambda _o, _s, parcel: parcel.returned
        case Milestone.ENDED:
            return ended_for
        case Milestone.OVER:
            return lambda o, shipment, parcel: earliest(ended_for(o, shipment, parcel), parcel.delivered, parcel.returned)
        case Milestone.SETTLED:
            return lambda o, shipment, _: o.settled(shipment)
        case Milestone.FIRST_SCAN:
            return lambda _o, _s, parcel: parcel.first_scan
        case Milestone.HANDED_OVER:
            return lambda _o, shipment, _p: shipment.handed_over
        case _:
            order = reached(milestone)
            return lambda o, _s, _p: order(o)


def clearing(term: Term) -> Clearings:
    """Of a parcel, when a term is reached that ends what its scan at a position began."""
    if isinstance(term, Milestone | Strictly):
        milestone, strictly = of_parcel(term.milestone if isinstance(term, Strictly) else term), isinstance(term, Strictly)

        def once(o: Facts, shipment: Shipment, parcel: Parcel) -> Callable[[int], int | None]:
            at = milestone(o, shipment, parcel)
            if at is None:
                return lambda _: None
            return lambda position: at if at > (began := parcel.scans[position].at) or (at == began and not strictly) else None

        return once
    matches = matcher(term.event if isinstance(term, Next) else term)
    wanted = not (isinstance(term, Next) and term.other)

    def scans(_o: Facts, _shipment: Shipment, parcel: Parcel) -> Callable[[int], int | None]:
        positions = [position for position, record in enumerate(parcel.scans) if matches(record) is wanted]
        instants = [parcel.scans[position].at for position in positions]
        if not isinstance(term, Next):
            from_instant = first_from(instants)
            return lambda position: from_instant(parcel.scans[position].at)

        def after(position: int) -> int | None:
            place = bisect_right(positions, position)
            return instants[place] if place < len(positions) else None

        return after

    return scans


def tracked(o: Facts) -> Iterator[tuple[Shipment, Parcel]]:
    """All parcels with a tracking number."""
    return ((shipment, parcel) for shipment in o.shipments for parcel in shipment.parcels if parcel.tracking)
