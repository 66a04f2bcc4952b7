"""Deadlines that an order's own dates set: one for the order as a whole, one for each line with a date of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

from dataflows.core.history.facts import Facts
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import Condition, count, timeout
from dataflows.core.rules.reading import first_reached, reached
from dataflows.core.rules.structs import Find, Found, Overdue
from dataflows.core.rules.vocabulary import Date, Milestone, Scope
from schemas.instants import earliest

Deadline = Callable[[Facts, str], int]
OfLines = Callable[[Facts, Iterable[str]], "int | None"]
DEADLINES: dict[Date, Deadline] = {Date.SHIP_BY: Facts.ship_deadline, Date.PROMISED_BY: Facts.promise_deadline}
LABELS = {Date.SHIP_BY: "ship by", Date.PROMISED_BY: "promised by"}
OF_LINES: dict[Milestone, OfLines] = {Milestone.SHIPPED: Facts.shipped_of, Milestone.DELIVERED: Facts.delivered_of}


def by_date(form: Overdue, date: Date) -> Find:
    """The judge of what is due by a date. Each value that the date had is a deadline, replaced when the next one comes."""
    return _of_lines(form, date) if form.each is Scope.LINE else _of_order(form, date)


def _of_order(form: Overdue, date: Date) -> Find:
    met, lifted = first_reached(cast("tuple[Milestone, ...]", form.until)), first_reached(form.unless)
    deadline, label, name = DEADLINES[date], LABELS[date], date.value

    def judge(o: Facts, s: RuleSetting) -> Found:
        calendar = o.calendar(s)
        for text, since, until, record in o.dates(name):
            if text is not None and not (form.ahead and count(calendar, deadline(o, text), s.threshold) <= since):
                at = deadline(o, text)
                yield timeout(s, calendar, at, f"{label} {text}", (record,), since=since, met=met(o), lifted=lifted(o), moved=until)

    return judge


def _of_lines(form: Overdue, date: Date) -> Find:
    until = cast("Milestone", form.until[0])
    whole, of_lines = reached(until), OF_LINES[until]
    deadline, label, name = DEADLINES[date], LABELS[date], date.value

    def judge(o: Facts, s: RuleSetting) -> Found:
        calendar = o.calendar(s)
        plain, own = o.line_dates(name)
        if plain or not o.lines:
            met = whole(o) if len(plain) == len(o.lines) else of_lines(o, plain)
            lifted = ended_for(o, plain)
            for text, since, moved, record in o.dates(name):
                if text is not None:
                    at = deadline(o, text)
                    yield timeout(s, calendar, at, f"{label} {text}", (record,), since=since, met=met, lifted=lifted, moved=moved)
        for key, segments in own.items():
            met, lifted, scope = of_lines(o, [key]), ended_for(o, [key]), f"line:{key}"
            for text, since, moved, record in segments:
                if text is not None:
                    words, at = f"line {key} {label} {text}", deadline(o, text)
                    yield timeout(s, calendar, at, words, (record,), scope=scope, since=since, met=met, lifted=lifted, moved=moved)
        if s.fallback is not None and o.method == "ship":
            yield from _undated(o, s, name, whole)

    return judge


def _undated(o: Facts, s: RuleSetting, name: str, whole: Callable[[Facts], int | None]) -> Iterable[Condition | None]:
    """While neither the order nor a line has a date: the rule's `fallback`, from the capture (prepaid) or from placing."""
    if s.fallback is None or o.placed is None:
        return
    paid = o.terms == "prepaid" and s.fallback.anchor == "captured"
    anchor = o.captured if paid else o.placed_at
    if anchor is None:
        return
    evidence, label = (tuple(o.t.of("payment.captured")[:1]), "captured") if paid else ((o.placed,), "placed")
    for dated, since, moved, _ in o.segments(lambda fields: any(getattr(x, name) for x in (fields, *(fields.lines or ())))):
        if not dated:
            span, met = s.fallback.threshold, whole(o)
            yield timeout(s, o.calendar(s), anchor, label, evidence, span=span, since=since, met=met, lifted=o.ended, moved=moved)


def ended_for(o: Facts, keys: list[str]) -> int | None:
    """When the order ended, or all of these lines were cancelled."""
    cancelled = [o.gone[key] for key in keys if key in o.gone]
    return earliest(max(cancelled) if keys and len(cancelled) == len(keys) else None, o.ended)
