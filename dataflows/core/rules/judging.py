"""The judge of each form: a function of an order's facts and of the rule's setting, built once from the form's data."""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.core.history.facts import Facts
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.armed import awaited
from dataflows.core.rules.lasting import held, silent_order, silent_parcel, silent_return, staying
from dataflows.core.rules.overdue import overdue
from dataflows.core.rules.reading import (
    tests_of,
)
from dataflows.core.rules.reported import reported, reported_parcel
from dataflows.core.rules.structs import AnyForm, Find, Found, Lasting, Overdue, Reported, Silent
from dataflows.core.rules.vocabulary import (
    Held,
    Scope,
)


def judge_of(forms: Sequence[AnyForm]) -> Find:
    """The judge of a rule: what each of its forms finds, one after another."""
    judges = [_judge(form) for form in forms]
    if len(judges) == 1:
        return judges[0]
    return lambda o, s: (condition for judge in judges for condition in judge(o, s))


def _judge(form: AnyForm) -> Find:
    if isinstance(form, Overdue):
        found = overdue(form)
    elif isinstance(form, Reported):
        found = reported_parcel(form) if form.each is Scope.PARCEL else reported(form)
    elif isinstance(form, Silent):
        found = {Scope.ORDER: silent_order, Scope.PARCEL: silent_parcel, Scope.RETURN: silent_return}[form.each](form)
        if form.proven:
            found = _proven(form.proven, found)
    elif isinstance(form, Lasting):
        found = held(form, form.state) if isinstance(form.state, Held) else staying(form, form.state)
    else:
        found = form.find
    return _where_it_applies(form, found)


def _proven(milestones: tuple[str, ...], found: Find) -> Find:
    return lambda o, s: awaited(o, milestones, found(o, s)) if o.policy.learns else found(o, s)


def _where_it_applies(form: AnyForm, found: Find) -> Find:
    """Asks of the order first whether the form speaks of it."""
    methods, terms, only = frozenset(form.methods), frozenset(form.terms), tests_of(form.only)
    by_terms = dict(form.emits)
    always = by_terms.get("*", "")
    if not (methods or terms or by_terms or only):
        return found

    def judge(o: Facts, s: RuleSetting) -> Found:
        if (methods and methods.isdisjoint(o.methods)) or (terms and o.paid_on not in terms):
            return ()
        if only is not None and not only(o.fields):
            return ()
        milestone = always or by_terms.get(o.paid_on, "")
        if not by_terms or o.policy.awaits(milestone):
            return found(o, s)
        return awaited(o, (milestone,), found(o, s)) if milestone and o.policy.learns else ()

    return judge
