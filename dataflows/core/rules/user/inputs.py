"""The triggers of a user's rule: every trait of an event that can change what it finds. Nothing of it is stated by hand.

What only time changes the engine knows from the conditions that a rule found; what it has open it evaluates at every event; and what may
change the meaning of earlier events (an update, a cancellation, a void) makes it evaluate everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from dataflows.core.history.returns import RETURNS
from dataflows.core.policy import RuleSetting
from dataflows.core.predicates import Part, Predicate
from dataflows.core.predicates.parts import PART_INPUTS
from dataflows.core.rules.model import Triggers
from dataflows.core.rules.user.terms import DATES, SCAN, STATUSES, WORDS, Choice, DateName, Occurrence, OtherStatus, UserRule, Word
from dataflows.core.rules.vocabulary import UNHEARD
from schemas.envelope import HEARTBEAT
from schemas.events import DATA_MODELS

_SHIPPING: Final = ("warehouse.label_created", "warehouse.shipped", "warehouse.shipment_cancelled", SCAN)
_CLOCKS: Final = {
    "site": tuple(name for name in DATA_MODELS if name.startswith(("warehouse.", "inventory."))),
    "carrier": _SHIPPING,
}
"""The events that can change which calendar counts."""
_COVERED: Final = frozenset(("allocated", "released", "picked", "packed", "shipped", "delivered"))
"""Words of an order or a line that are reached once all units are covered."""
_NEEDS: Final = {
    Part.SHIPMENT: (*_SHIPPING, "estimate"),
    Part.PARCEL: (*_SHIPPING, "estimate"),
    Part.PAYMENT: tuple(name for name in DATA_MODELS if name.startswith("payment.")),
    Part.RETURN: RETURNS,
    Part.HOLD: ("order.hold_placed",),
}
"""Events without which an order has no such part."""


def triggers_of(rule: UserRule, setting: RuleSetting) -> Triggers:
    """The triggers of a rule.

    What waits for something is armed by what it counts from, and evaluated when it can first be true; what ends the wait makes nothing true
    and triggers nothing. All that can make it true sooner does when it comes: a filter, a date, another calendar, a part that comes after
    what it counts from. A rule whose threshold differs from part to part is evaluated at every event that can change it.
    """
    if rule.form not in ("overdue", "silent", "lasting") or rule.cases or rule.shares or isinstance(rule.since, DateName):
        return Triggers(inputs_of(rule, setting.clock), needs=needs_of(rule))
    found = {name for predicate in _predicates(rule) for name in _expanded(predicate.inputs)} - {"order.placed", "order.updated"}
    spans = (setting.threshold, *(step.at for step in setting.steps), *(span for _, span in rule.states if span is not None))
    if any(span.unit != "us" for span in spans):
        found.update(_CLOCKS.get(setting.clock, ()))
    if rule.each is not Part.ORDER and not (isinstance(rule.since, Word) and rule.since.part is rule.each):
        found.update(PART_INPUTS[rule.each])
    begins = set[str]() if rule.since is None else _traits(rule.since)
    if rule.since is None or rule.form == "silent":
        begins |= _source_traits(rule)
    if _may_come_to_lie_earlier(rule):
        return Triggers(tuple(sorted(found | begins)), needs=needs_of(rule))
    return Triggers(tuple(sorted(found)), tuple(sorted(begins - found)), needs_of(rule))


def _may_come_to_lie_earlier(rule: UserRule) -> bool:
    """Whether an event can move what the rule counts from further back: a step without lines, after one of some lines, covers all."""
    if rule.form == "lasting":
        return rule.each is not Part.PARCEL
    words = rule.since.words if isinstance(rule.since, Choice) else (rule.since,)
    return any(isinstance(word, Word) and word.part in (Part.ORDER, Part.LINE) and word.name in _COVERED for word in words)


def _source_traits(rule: UserRule) -> set[str]:
    """The traits of what is counted from where an entry has no `since`: the events that were heard, or the statuses."""
    if rule.form == "silent":
        return set(rule.source or (name for name in DATA_MODELS if not name.startswith(UNHEARD) and name != HEARTBEAT))
    return {SCAN} if rule.each is Part.PARCEL else {trait for name in STATUSES for trait in WORDS[Part.ORDER][name]}


def inputs_of(rule: UserRule, clock: str) -> tuple[str, ...]:
    """The traits of all events that can change what the rule finds."""
    found: set[str] = set(_CLOCKS.get(clock, ()))
    found.update(PART_INPUTS.get(rule.each, ("order.placed", "order.updated", "order.cancelled")))
    for predicate in _predicates(rule):
        found.update(_expanded(predicate.inputs))
    for term in _terms(rule):
        found.update(_traits(term))
    if rule.form in ("silent", "lasting"):
        found.update(_source_traits(rule))
    return tuple(sorted(found))


def needs_of(rule: UserRule) -> tuple[str, ...]:
    """Traits of which an order must have one for the rule to find anything; empty where that cannot be said."""
    if rule.each in _NEEDS:
        return _NEEDS[rule.each]
    first = rule.when if rule.form in ("reported", "early") else rule.since
    return tuple(sorted(_traits(first))) if isinstance(first, Word | Occurrence | Choice) else ()


def _predicates(rule: UserRule) -> Iterator[Predicate]:
    if rule.where is not None:
        yield rule.where
    for case in rule.cases:
        yield case.where
    for term in _terms(rule):
        if isinstance(term, Occurrence) and term.where is not None:
            yield term.where


def _expanded(names: Iterable[str]) -> Iterator[str]:
    """Names of event types; `warehouse.*` are all of that prefix."""
    for name in names:
        if name.endswith("*"):
            yield from (each for each in DATA_MODELS if each.startswith(name[:-1]))
        elif name in DATA_MODELS:
            yield name


def _terms(rule: UserRule) -> Iterator[Word | Occurrence | OtherStatus | DateName | Choice]:
    yield from rule.until
    yield from rule.unless
    yield from rule.after
    yield from rule.not_after
    for term in (rule.since, rule.when, rule.date, rule.later_than, rule.earlier_than):
        if term is not None:
            yield term


def _traits(term: Word | Occurrence | OtherStatus | DateName | Choice) -> set[str]:
    match term:
        case Word():
            return set(WORDS[term.part][term.name])
        case Choice():
            return {trait for word in term.words for trait in WORDS[word.part][word.name]}
        case DateName():
            return set(DATES[term.name][1])
        case Occurrence() if term.types == (SCAN,) and term.where is not None and term.where.statuses:
            return {f"{SCAN}:{status}" for status in term.where.statuses}
        case Occurrence():
            return set(term.types)
        case OtherStatus():
            return {SCAN}
