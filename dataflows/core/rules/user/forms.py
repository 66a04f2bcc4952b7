"""The six forms: each a function of a part of an order and the setting that holds for it, built once from the entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias, cast

from dataflows.core.clocks import Calendar, Span
from dataflows.core.history.facts import Facts
from dataflows.core.history.parcels import scan_of
from dataflows.core.policy import RuleSetting
from dataflows.core.predicates import Part
from dataflows.core.predicates.parts import ParcelPart
from dataflows.core.rules.conditions import count, signal, timeout
from dataflows.core.rules.structs import Found
from dataflows.core.rules.user.anchors import anchors_of, calendar_of, ends_of, shown
from dataflows.core.rules.user.dates import DatedValue, values_of
from dataflows.core.rules.user.reading import Happened, first_of, happened, reached
from dataflows.core.rules.user.subjects import Subject
from dataflows.core.rules.user.terms import STATUSES, Choice, DateName, FormName, Occurrence, UserRule, Word
from dataflows.core.rules.vocabulary import UNHEARD
from schemas.instants import earliest
from schemas.record import Record

Each: TypeAlias = Callable[[Facts, RuleSetting, Subject], Found]


def overdue(rule: UserRule) -> Each:
    """Something was not reached within the threshold after an anchor."""
    since = cast("Word | Occurrence | DateName | Choice", rule.since)
    anchors, lifted = anchors_of(since, rule.each), first_of(rule.unless, rule.each)
    words = [reached(term) for term in rule.until if isinstance(term, Word)]
    events_in = ends_of([term for term in rule.until if not isinstance(term, Word)], rule.each)

    def find(o: Facts, s: RuleSetting, subject: Subject) -> Found:
        calendar, events = calendar_of(o, s, subject), events_in(o, subject)
        reached_at = earliest(*(word(o, subject) for word in words))
        lift = earliest(lifted(o, subject), subject.ended)
        for at, label, record, known, moved in anchors(o, subject):
            begins = record.at if isinstance(since, Occurrence) else at
            after = begins if known is None else max(known, subject.began)
            met = earliest(reached_at, events(after, record))
            yield timeout(
                s,
                calendar,
                at,
                label,
                (record,),
                scope=subject.scope,
                since=after if known is not None else None,
                begun=after if known is not None else None,
                met=met,
                lifted=lift,
                moved=moved,
            )

    return find


def early(rule: UserRule) -> Each:
    """Something was reached sooner than the threshold after an anchor (before it, where the threshold is negative)."""
    since, when = cast("Word | DateName | Choice", rule.since), cast("Word | Occurrence", rule.when)
    anchors, ends_in, lifted = anchors_of(since, rule.each), ends_of(rule.until, rule.each), first_of(rule.unless, rule.each)
    reads: Happened | None = happened(when, rule.each) if isinstance(when, Occurrence) else None
    word = reached(when) if isinstance(when, Word) else None

    def instants(o: Facts, subject: Subject) -> list[tuple[int, Record]]:
        if reads is not None:
            return [(r.at, r) for r in reads(o, subject)]
        at = word(o, subject) if word is not None else None
        return [] if at is None else [(at, shown(o, at))]

    def find(o: Facts, s: RuleSetting, subject: Subject) -> Found:
        calendar, ends = calendar_of(o, s, subject), ends_in(o, subject)
        lift = earliest(lifted(o, subject), subject.ended)
        known_anchors = list(anchors(o, subject))
        for at, record in instants(o, subject):
            for anchor, _, proof, known, moved in known_anchors:
                counts = (known <= at and (moved is None or at < moved)) if known is not None else anchor <= at
                if counts and at < count(calendar, anchor, s.threshold):
                    evidence = (record,) if proof is record else (proof, record)
                    clears = (ends(at, record),)
                    yield signal(
                        o, s, record, at=at, clears=clears, lifted=lift, scope=subject.scope, evidence=evidence, shipment=subject.shipment
                    )

    return find


def reported(rule: UserRule) -> Each:
    """An event says so; or so many such events came, within a time if one is stated."""
    found, ends_in = happened(cast("Occurrence", rule.when), rule.each), ends_of(rule.until, rule.each)
    lifted, times, within = first_of(rule.unless, rule.each), rule.times, rule.within
    after, before = first_of(rule.after, rule.each), first_of(rule.not_after, rule.each)

    def find(o: Facts, s: RuleSetting, subject: Subject) -> Found:
        records = found(o, subject)
        if len(records) < times:
            return
        ends, came, went = ends_in(o, subject), after(o, subject), before(o, subject)
        lift = earliest(lifted(o, subject), subject.ended)
        calendar = calendar_of(o, s, subject) if within is not None else None
        for position in range(times - 1, len(records)):
            counted = records[position - times + 1 : position + 1]
            record = counted[-1]
            if within is not None and calendar is not None and count(calendar, counted[0].at, within) < record.at:
                continue
            if (rule.after and (came is None or came > record.at)) or (went is not None and went <= record.at):
                continue
            clears = (ends(record.at, record),)
            evidence = tuple(counted)
            yield signal(o, s, record, clears=clears, lifted=lift, scope=subject.scope, evidence=evidence, shipment=subject.shipment)

    return find


def silent(rule: UserRule) -> Each:
    """Nothing was heard for the threshold, since an anchor if there is one."""
    each, lifted = rule.each, first_of(rule.unless, rule.each)
    since = None if rule.since is None else anchors_of(rule.since, each)
    source = happened(Occurrence(rule.source, None, ""), each) if rule.source else None

    def heard(o: Facts, subject: Subject) -> Sequence[Record]:
        if source is not None:
            return source(o, subject)
        return [record for record in o.t.records if not record.event.type.startswith(UNHEARD)]

    def find(o: Facts, s: RuleSetting, subject: Subject) -> Found:
        calendar, lift = calendar_of(o, s, subject), earliest(lifted(o, subject), subject.ended)
        known = heard(o, subject)
        words: list[tuple[int, str, Record]] = [(r.at, f"last event {r.event.type}", r) for r in known]
        if since is not None:
            first = next(iter(since(o, subject)), None)
            if first is None:
                return
            words = [(first[0], first[1], first[2]), *(word for word in words if word[0] > first[0])]
        for position, (at, label, record) in enumerate(words):
            until = words[position + 1][0] if position + 1 < len(words) else None
            yield timeout(s, calendar, at, label, (record,), scope=subject.scope, met=until, lifted=lift)

    return find


def lasting(rule: UserRule) -> Each:
    """A status has lasted for the threshold: of a parcel that of its scans, of an order the last step that all of it has reached."""
    spans, lifted = dict(rule.states), first_of(rule.unless, rule.each)
    runs = _statuses if rule.each is Part.PARCEL else _steps_of_order()

    def find(o: Facts, s: RuleSetting, subject: Subject) -> Found:
        calendar, lift = calendar_of(o, s, subject), earliest(lifted(o, subject), subject.ended)
        for status, at, until, record in runs(o, subject):
            if not spans or status in spans:
                span, label = spans.get(status), f"{status.replace('_', ' ')} since"
                yield timeout(s, calendar, at, label, (record,), scope=subject.scope, span=span, met=until, lifted=lift)

    return find


Runs: TypeAlias = Iterable[tuple[str, int, "int | None", Record]]


def _statuses(_: Facts, subject: Subject) -> Runs:
    """The statuses of a parcel's scans, each from the first of a row of such scans until the next other one."""
    scans = cast("ParcelPart", subject.part).parcel.scans
    first = 0
    for position in range(1, len(scans) + 1):
        if position == len(scans) or scan_of(scans[position]).status != scan_of(scans[first]).status:
            until = None if position == len(scans) else scans[position].at
            yield scan_of(scans[first]).status, scans[first].at, until, scans[first]
            first = position


def _steps_of_order() -> Callable[[Facts, Subject], Runs]:
    reads = [(name, reached(Word(Part.ORDER, name))) for name in STATUSES]

    def runs(o: Facts, subject: Subject) -> Runs:
        known = [(name, read(o, subject)) for name, read in reads]
        for position, (name, at) in enumerate(known):
            later = earliest(*(instant for _, instant in known[position + 1 :]))
            if at is not None and name != "delivered" and (later is None or later > at):
                yield name, at, later, shown(o, at)

    return runs


def apart(rule: UserRule) -> Each:
    """A date lies more than the threshold after another, or before it, as long as both are so."""
    other, later = cast("DateName", rule.later_than or rule.earlier_than), rule.later_than is not None
    dates, others, lifted = values_of(cast("DateName", rule.date).name), values_of(other.name), first_of(rule.unless, rule.each)
    ends_in = ends_of(rule.until, rule.each)

    def find(o: Facts, s: RuleSetting, subject: Subject) -> Found:
        calendar, lift = calendar_of(o, s, subject), earliest(lifted(o, subject), subject.ended)
        against, ends = list(others(o, subject)), ends_in(o, subject)
        for one in dates(o, subject):
            for two in against:
                since, until = max(one.since, two.since), earliest(one.until, two.until)
                if (until is None or since < until) and _beyond(calendar, one, two, s.threshold, later=later):
                    record = max(one.record, two.record, key=lambda r: r.at)
                    clears = (until, ends(since, None))
                    detail = f"{one.label}, {two.label}"
                    yield signal(
                        o,
                        s,
                        record,
                        at=since,
                        clears=clears,
                        lifted=lift,
                        scope=subject.scope,
                        evidence=(one.record,) if one.record is two.record else (two.record, one.record),
                        detail=detail,
                        shipment=subject.shipment,
                    )

    return find


def _beyond(calendar: Calendar, one: DatedValue, two: DatedValue, threshold: Span, *, later: bool) -> bool:
    if later:
        return one.at > count(calendar, two.at, threshold)
    return count(calendar, one.at, threshold) < two.at


FORMS: dict[FormName, Callable[[UserRule], Each]] = {
    "overdue": overdue,
    "early": early,
    "reported": reported,
    "silent": silent,
    "lasting": lasting,
    "apart": apart,
}
