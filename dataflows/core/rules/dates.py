"""Deadlines that an order's own dates set: units are due by the date of their line, those of lines without one by the order's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, cast

from dataflows.core.clocks import Calendar
from dataflows.core.history.facts import Facts
from dataflows.core.history.obligations import Unit
from dataflows.core.history.versions import Segment
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import Condition, count, timeout
from dataflows.core.rules.structs import Find, Found, Overdue
from dataflows.core.rules.vocabulary import Date, Milestone
from schemas.instants import earliest

Deadline = Callable[[Facts, str], int]
DEADLINES: dict[Date, Deadline] = {Date.SHIP_BY: Facts.ship_deadline, Date.PROMISED_BY: Facts.promise_deadline}
LABELS = {Date.SHIP_BY: "ship by", Date.PROMISED_BY: "promised by"}
STEPS: dict[Milestone, tuple[str, ...]] = {
    Milestone.SHIPPED: ("left",),
    Milestone.DELIVERED: ("kept",),
    Milestone.RELEASED: ("warehouse.released", "warehouse.picked", "warehouse.packed", "left"),
}
"""The steps that meet what is due by a date."""
READY = ("warehouse.packed", "left")
"""The steps that make goods ready to be collected."""
Stretch = tuple[int, "int | None"]


class _Due(NamedTuple):
    """A rule as it speaks of one date."""

    form: Overdue
    name: str
    label: str
    deadline: Deadline


def by_date(form: Overdue, date: Date) -> Find:
    """The judge of what is due by a date. Each value that the date had is a deadline, replaced when the next one comes."""
    until, due = cast("Milestone", form.until[0]), _Due(form, date.value, LABELS[date], DEADLINES[date])

    def judge(o: Facts, s: RuleSetting) -> Found:
        calendar, (plain, own), told = o.calendar(s), o.line_dates(due.name), o.dates(due.name)
        common: dict[tuple[str, Unit], None] = {}
        for method, unit in _units(o, until, frozenset(form.methods)):
            dated = own.get(unit.key)
            if dated is not None:
                words, scope = f"line {unit.key} {due.label}", f"line:{unit.key}"
                for segment in dated:
                    yield _timeout(o, s, due, calendar, unit, segment, words, scope)
                if unit.key not in plain and method == "ship":
                    yield from _undated(o, s, unit, _without(o, due.name, unit.key))
            if dated is None or unit.key in plain:
                common[method, unit._replace(key="")] = None
        for method, unit in common:
            undated: list[Stretch] = []
            for segment in told:
                if segment[0] is not None and _is_due(o, due, unit, segment, [x for _, x in common]):
                    yield _timeout(o, s, due, calendar, unit, segment, due.label, None)
                else:
                    undated.append((segment[1], segment[2]))
            if method == "ship":
                yield from _undated(o, s, unit, undated)

    return judge


def _units(o: Facts, until: Milestone, methods: frozenset[str]) -> Iterator[tuple[str, Unit]]:
    """The units of which a rule speaks, each with how it reaches the customer."""
    first = o.first("warehouse.pick_started") if until is Milestone.RELEASED else None
    collected = until is Milestone.SHIPPED and "pickup" in o.methods
    for steps, wanted in ((STEPS[until], True), (READY, False)) if collected else ((STEPS[until], None),):
        for unit in o.units(*steps, first=first):
            line = o.line_ever(unit.key)
            method = o.method if line is None else o.method_of(line)
            if (not methods or method in methods) and (wanted is None or wanted is (method != "pickup")):
                yield method, unit


def _is_due(o: Facts, due: _Due, unit: Unit, segment: Segment[str | None], others: Iterable[Unit]) -> bool:
    """Whether the order's date is a unit's.

    It is not that of units which came later: of those it is only if it lay ahead, and something was still awaited by it.
    """
    text, since, _, _ = segment
    at = unit.since
    if text is None or at <= max(o.placed_at, since):
        return text is not None
    if due.deadline(o, text) <= at:
        return False
    return any(x.since < at and (x.met is None or x.met >= at) and (x.gone is None or x.gone >= at) for x in others)


def _timeout(  # noqa: PLR0913 (every argument is a term of the deadline)
    o: Facts, s: RuleSetting, due: _Due, calendar: Calendar, unit: Unit, segment: Segment[str | None], words: str, scope: str | None
) -> Condition | None:
    """That a unit was not where it should be by a date, while that was in force."""
    text, since, moved, record = segment
    if text is None or not _overlap(unit, since, moved):
        return None
    at, begun = due.deadline(o, text), max(since, unit.since)
    if due.form.ahead and count(calendar, at, s.threshold) <= begun:
        return None
    lifted = earliest(o.ended, unit.gone)
    return timeout(
        s, calendar, at, f"{words} {text}", (record,), scope=scope, since=begun, met=unit.met, lifted=lifted, moved=moved
    )  # fmt: skip


def _overlap(unit: Unit, since: int, until: int | None) -> bool:
    """Whether a unit was owed at some instant of a stretch."""
    return (until is None or until > unit.since) and (unit.gone is None or unit.gone > since)


def _without(o: Facts, name: str, key: str) -> Sequence[Stretch]:
    """While neither a line nor its order has a date."""
    known = o.segments(lambda fields: getattr(fields, name) or any(getattr(x, name) for x in o.lines_called(fields, key)))
    return [(since, until) for dated, since, until, _ in known if not dated]


def _undated(o: Facts, s: RuleSetting, unit: Unit, stretches: Iterable[Stretch]) -> Iterator[Condition | None]:
    """While a unit has no date: the rule's `fallback`, from the capture (prepaid) or from placing, or from when it was ordered."""
    if s.fallback is None or o.placed is None:
        return
    paid = o.terms == "prepaid" and s.fallback.anchor == "captured"
    anchor = o.captured if paid else o.placed_at
    if anchor is None:
        return
    evidence, label = (tuple(o.t.of("payment.captured")[:1]), "captured") if paid else ((o.placed,), "placed")
    if unit.since > anchor:
        anchor, label = unit.since, "ordered"
        evidence = tuple(record for _, at, record in o.versions if at == anchor)[:1] or evidence
    for since, until in stretches:
        if _overlap(unit, since, until):
            begun, lifted = max(since, unit.since), earliest(o.ended, unit.gone)
            span, calendar = s.fallback.threshold, o.calendar(s)
            yield timeout(s, calendar, anchor, label, evidence, span=span, since=begun, met=unit.met, lifted=lifted, moved=until)
