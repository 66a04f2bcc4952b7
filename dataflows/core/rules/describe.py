"""A rule's data in words: for the catalogue, so that what it says of the forms is what is judged."""

from __future__ import annotations

from collections.abc import Iterable

from dataflows.core.rules.model import Rule
from dataflows.core.rules.structs import AnyForm, Custom, Lasting, Overdue, Reported, Silent
from dataflows.core.rules.vocabulary import (
    ByTerms,
    Covered,
    Date,
    EventTerm,
    Held,
    Milestone,
    Next,
    Op,
    Scope,
    StatedInstant,
    Strictly,
    Where,
)

OPS = {
    Op.IS: "{field} is {values}",
    Op.IS_NOT: "{field} is not {values}",
    Op.ABOVE: "{field} above {values}",
    Op.AT_MOST: "{field} at most {values}",
    Op.GIVEN: "{field} given",
    Op.NAMED: "{field} named",
}


def form_of(rule: Rule) -> str:
    """The forms of a rule by name."""
    return " and ".join(dict.fromkeys(type(form).__name__.lower() for form in rule.forms))


def each_of(rule: Rule) -> str:
    """What one of its conditions speaks of."""
    form = rule.forms[0]
    if isinstance(form, Lasting):
        return "hold" if isinstance(form.state, Held) else "parcel"
    return "" if isinstance(form, Custom) else form.each.value


def begins(rule: Rule) -> str:
    """What its forms begin with."""
    return "; or ".join(_begins(form) for form in rule.forms)


def _begins(form: AnyForm) -> str:
    if isinstance(form, Overdue):
        since = form.since if isinstance(form.since, tuple) else (form.since,)
        return ", then ".join(term(one) for one in since) + (
            "" if form.each is Scope.ORDER or not isinstance(since[0], EventTerm) else ", the first"
        )
    if isinstance(form, Reported):
        parts = [" or ".join(map(event, form.when))]
        parts += [f"after {' or '.join(map(term, form.after))}"] if form.after else []
        parts += [f"not after {' or '.join(map(term, form.not_after))}"] if form.not_after else []
        return ", ".join(parts)
    if isinstance(form, Silent):
        return "any event" if form.heard is None else event(form.heard)
    if isinstance(form, Lasting):
        if isinstance(form.state, Held):
            return f"a hold of {', '.join(form.state.kinds)}" + (f", or the last `margin` before {form.into.value}" if form.into else "")
        return f"{event(form.state.event)}, the first of a run"
    return "the function's own"


def term(one: object) -> str:
    """An anchor or an ending in words."""
    if isinstance(one, Milestone):
        return one.value
    if isinstance(one, Strictly):
        return f"{one.milestone.value} at another instant"
    if isinstance(one, EventTerm):
        return event(one)
    if isinstance(one, Next):
        return f"the next {'other scan than ' if one.other else ''}{event(one.event)}"
    if isinstance(one, Covered):
        return f"{one.event} of every line"
    if isinstance(one, ByTerms):
        return f"{one.prepaid.value} (prepaid), {one.on_ship.value} (on_ship)"
    if isinstance(one, StatedInstant):
        return f"the {one.field} of {event(one.event)}"
    return f"each {one.value}" if isinstance(one, Date) else str(one)


def event(one: EventTerm) -> str:
    """Events in words: their types and what is tested of them."""
    tests = "; ".join(map(_test, one.where))
    return "/".join(one.types) + (f" ({tests})" if tests else "")


def _test(where: Where) -> str:
    values = "/".join("none" if value is None else str(value) for value in where.values)
    return OPS[where.op].format(field=where.field, values=values)


def ends(rule: Rule) -> str:
    """What its forms end with."""
    return "; or ".join(_listed(_ends(form)) for form in rule.forms)


def _ends(form: AnyForm) -> Iterable[str]:
    if isinstance(form, Custom):
        return (form.clears,)
    if isinstance(form, Silent):
        return ("the next event", *map(term, form.unless))
    own = ("its release",) if isinstance(form, Lasting) and isinstance(form.state, Held) else ()
    own = ("the next other scan",) if isinstance(form, Lasting) and not own else own
    return (*own, *map(term, form.until), *map(term, form.unless))


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(parts))


def evaluated_at(rule: Rule) -> str:
    """The traits of events at which it is evaluated, at once or after its span; with those that the order must or may not have seen."""
    parts = [", ".join(dict.fromkeys((*rule.triggers.on, *rule.triggers.arms)))]
    parts += [f"if {' or '.join(rule.triggers.needs)}"] if rule.triggers.needs else []
    parts += [f"unless {' or '.join(rule.triggers.unless)}"] if rule.triggers.unless else []
    return " ".join(part.replace("*", "any event") for part in parts if part)
