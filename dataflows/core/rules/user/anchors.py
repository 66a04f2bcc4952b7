"""Where an expectation begins, and what ends it: the instants of one part of an order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias, cast

from dataflows.core.clocks import Calendar
from dataflows.core.history.facts import Facts
from dataflows.core.history.parcels import scan_of
from dataflows.core.policy import RuleSetting
from dataflows.core.predicates import Part
from dataflows.core.predicates.parts import ParcelPart
from dataflows.core.rules.user.dates import values_of
from dataflows.core.rules.user.reading import chosen, happened, reached
from dataflows.core.rules.user.subjects import Subject
from dataflows.core.rules.user.terms import Choice, DateName, Occurrence, OtherStatus, Term, Word
from schemas.record import Record

Anchored: TypeAlias = tuple[int, str, Record, "int | None", "int | None"]
"""An anchor: its instant, what it is called, the event that shows it, since when it has been known (if later) and when it was replaced."""
Anchors: TypeAlias = Callable[[Facts, Subject], Iterable[Anchored]]
End: TypeAlias = Callable[[int, "Record | None"], "int | None"]
"""When the first of some terms came at or after an instant; the record is the event that began it, which does not end it."""


def calendar_of(o: Facts, s: RuleSetting, subject: Subject) -> Calendar:
    """The calendar that counts for a part."""
    return o.calendar(s, subject.shipment)


def shown(o: Facts, at: int) -> Record:
    """The last event that happened at an instant, as evidence of what came of it; the placing where there is none."""
    records = o.t.records
    place = bisect_left(records, at + 1, key=lambda record: record.at) - 1
    return records[place] if place >= 0 and records[place].at == at else cast("Record", o.placed)


def anchors_of(since: Word | Occurrence | DateName | Choice, each: Part) -> Anchors:
    """The anchors of a part, as they came."""
    if isinstance(since, DateName):
        values = values_of(since.name)
        return lambda o, subject: ((d.at, d.label, d.record, d.since, d.until) for d in values(o, subject))
    if isinstance(since, Occurrence):
        found, text = happened(since, each), since.text
        return lambda o, subject: ((r.at, text, r, None, None) for r in found(o, subject))
    read = chosen(since) if isinstance(since, Choice) else reached(since)
    label = " or ".join(word.name for word in since.words) if isinstance(since, Choice) else since.name
    label = label.replace("_", " ")

    def one(o: Facts, subject: Subject) -> Iterator[Anchored]:
        at = read(o, subject)
        if at is not None:
            yield at, label, shown(o, at), None, None

    return one


def ends_of(terms: Iterable[Term], each: Part) -> Callable[[Facts, Subject], End]:
    """The ends of what begins in a part; each event is looked at once for all beginnings."""
    listed = list(terms)
    words = [reached(term) for term in listed if isinstance(term, Word)]
    events = [happened(term, each) for term in listed if isinstance(term, Occurrence)]
    other = any(isinstance(term, OtherStatus) for term in listed)

    def of_part(o: Facts, subject: Subject) -> End:
        single = [at for word in words if (at := word(o, subject)) is not None]
        rows = [event(o, subject) for event in events]
        following = _other_statuses(subject) if other else {}

        def end(at: int, record: Record | None) -> int | None:
            found = [known for known in single if known >= at]
            found += [later for row in rows if (later := _next(row, at, record)) is not None]
            if record is not None and (changed := following.get(id(record))) is not None:
                found.append(changed)
            return min(found, default=None)

        return end

    return of_part


def _next(records: Sequence[Record], at: int, but: Record | None) -> int | None:
    """When the first of some events, in their order, came at or after an instant."""
    for place in range(bisect_left(records, at, key=lambda record: record.at), len(records)):
        if records[place] is not but:
            return records[place].at
    return None


def _other_statuses(subject: Subject) -> dict[int, int]:
    """When each scan of a parcel (by its identity) was followed by one of another status."""
    scans = cast("ParcelPart", subject.part).parcel.scans
    found: dict[int, int] = {}
    for place in range(len(scans) - 2, -1, -1):
        scan, following = scans[place], scans[place + 1]
        if scan_of(scan).status != scan_of(following).status:
            found[id(scan)] = following.at
        elif id(following) in found:
            found[id(scan)] = found[id(following)]
    return found
