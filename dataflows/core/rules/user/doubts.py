"""Entries that are well written and can never fire, or of which a part has no effect."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dataflows.core.clocks import Span
from dataflows.core.predicates import Part
from dataflows.core.rules.user.terms import Choice, FormName, UserRule, Word

_ANNOUNCED = (Part.SHIPMENT, Part.PARCEL)
_IN_THE_HOUSE = ("placed", "captured", "authorized", "allocated", "released", "picked", "packed")
Doubt = tuple[tuple[str | int, ...], str]
"""Where in the entry, and what."""


def doubts_about(rule: UserRule, threshold: Span | None) -> Iterator[Doubt]:
    """What of a rule can never be true, or never counts."""
    yield from _OF_FORM[rule.form](rule, threshold)
    for number, case in enumerate(rule.cases):
        if any(case.where == earlier.where for earlier in rule.cases[:number]):
            yield ("within", number), "never counts: an earlier case has the same test"


def warnings_about(rule: UserRule) -> Iterator[Doubt]:
    """What of a rule counts less than it seems to say."""
    since = rule.since
    if rule.each in _ANNOUNCED and isinstance(since, Word) and since.part is Part.ORDER and since.name in _IN_THE_HOUSE:
        part = rule.each.value
        message = f"a {part} is known from its label, hand-over or first scan on: an order that stops after `{since.name}` and before that"
        yield ("since",), f"{message} is never late here; `each: order` waits for those too"


def _overdue(rule: UserRule, _: Span | None) -> Iterator[Doubt]:
    for name, terms in (("until", rule.until), ("unless", rule.unless)):
        if isinstance(rule.since, Word) and rule.since in terms:
            yield (name,), f"can never fire: it ends with what it begins with ({rule.since.name})"


def _early(rule: UserRule, threshold: Span | None) -> Iterator[Doubt]:
    if threshold is not None and isinstance(rule.since, Word | Choice) and threshold.n <= 0:
        yield ("within",), "can never fire: nothing is reached sooner than at once; write how soon is too early, such as `2 h`"


def _reported(rule: UserRule, _: Span | None) -> Iterator[Doubt]:
    if rule.within is not None and rule.times == 1:
        yield ("within",), "has no effect: it is the time within which something happens so many `times`"


def _silent(rule: UserRule, threshold: Span | None) -> Iterator[Doubt]:
    if threshold is not None and threshold.n <= 0:
        yield ("within",), f"`{rule.form}` needs a time longer than nothing"


def _lasting(rule: UserRule, threshold: Span | None) -> Iterator[Doubt]:
    yield from _silent(rule, threshold)
    if rule.each not in (Part.ORDER, Part.PARCEL):
        hint = "of a hold: `overdue`, since `placed`, until `released`"
        yield ("each",), f"`lasting` speaks of the status of an order or of a parcel; {hint}"


def _apart(rule: UserRule, _: Span | None) -> Iterator[Doubt]:
    if rule.date is not None and rule.date in (rule.later_than, rule.earlier_than):
        yield ("date",), "can never fire: a date is not later or earlier than itself"


_OF_FORM: dict[FormName, Callable[[UserRule, Span | None], Iterator[Doubt]]] = {
    "overdue": _overdue,
    "early": _early,
    "reported": _reported,
    "silent": _silent,
    "lasting": _lasting,
    "apart": _apart,
}
