"""What follows from a rule's data: at which events it is judged, what it waits for, its shape and its texts. Nothing of it is kept by hand.

The engine knows an order by *traits*: the types of its events and finer ones (see `Triggers`). Too many triggers cost time, one too few
is a missed alarm: where the data does not say, the triggers are those of any event of the type.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

from dataflows.core.history.returns import RETURNS
from dataflows.core.policy.setting import RuleSetting, Shape
from dataflows.core.rules.model import Fits, Triggers
from dataflows.core.rules.reading import tests_of
from dataflows.core.rules.structs import AnyForm, Custom, Lasting, Overdue, Reported, Silent
from dataflows.core.rules.vocabulary import (
    MILESTONES,
    POSSESSED,
    STATED_TRAITS,
    Anchor,
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
    Staying,
    Strictly,
    Term,
)

SCAN = "carrier.scan"
ANY = "*"
PARCELS = frozenset((Scope.SHIPMENT, Scope.PARCEL))
MONEY = ("payment.captured", "payment.dispute_closed", "order.updated")
"""After which there may be money that can go back."""
DATED_BY = {Date.SHIP_BY: ("order.placed",), Date.PROMISED_BY: ("order.placed",)}


def event_traits(event: EventTerm) -> tuple[str, ...]:
    """Traits of which every such event has one."""
    if event.types == (SCAN,):
        if event == POSSESSED:
            return (SCAN,)
        for where in event.where:
            if where.field == "status" and where.op is Op.IS:
                return tuple(f"{SCAN}:{status}" for status in where.values)
            if where.field == "reason" and where.op is Op.IS and None not in where.values:
                return (f"{SCAN}+reason",)
    elif any(where.field == "risk" and where.values == ("high",) for where in event.where):
        return ("high risk",)
    return event.types


def _types(terms: Iterable[Term]) -> tuple[str, ...]:
    """The event types of which one has been seen if any of the terms was reached."""
    found: list[str] = []
    for term in terms:
        if isinstance(term, Milestone):
            found.extend(MILESTONES[term].types or (SCAN,))
        elif isinstance(term, Strictly):
            found.extend(MILESTONES[term.milestone].met or MILESTONES[term.milestone].types)
        else:
            found.extend((term.event if isinstance(term, Next) else term).types)
    return _unique(found)


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _met(until: Sequence[Term], each: Scope) -> tuple[tuple[str, ...], bool]:
    """Traits after which nothing is awaited, and whether an event that speaks of a part is enough.

    Of what is awaited for parts of an order, an event that speaks of the whole order tells (the engine knows which do).
    """
    first: list[str] = []
    whole: list[str] = []
    for term in until:
        if isinstance(term, Milestone):
            (first if MILESTONES[term].first else whole).extend(MILESTONES[term].met)
        elif isinstance(term, EventTerm) and each is Scope.ORDER and not term.where:
            first.extend(term.types)
    return (_unique(first), True) if first else (_unique(whole), False)


def _arming(since: Anchor | tuple[Milestone, ...]) -> tuple[str, ...]:
    if isinstance(since, tuple):
        return _unique(chain.from_iterable(MILESTONES[milestone].arms for milestone in since))
    if isinstance(since, Milestone):
        return MILESTONES[since].arms
    if isinstance(since, Covered):
        return (since.event,)
    if isinstance(since, ByTerms):
        return _unique((*MILESTONES[since.prepaid].arms, *MILESTONES[since.on_ship].arms))
    if isinstance(since, StatedInstant):
        return since.event.types
    return DATED_BY[since] if isinstance(since, Date) else event_traits(since)


def _overdue(form: Overdue, setting: RuleSetting) -> Triggers:
    arms = _arming(form.since)
    if isinstance(form.since, Date):
        if setting.fallback is not None:
            arms = (*arms, "payment.captured")
        met, _ = _met(form.until, form.each)
        return Triggers(on=("order.updated",), arms=arms, met_by=met, dated=form.since.value)
    if isinstance(form.since, StatedInstant):
        traits = STATED_TRAITS.get((form.since.event.types[0], form.since.field))
        if traits is None:
            return Triggers(on=form.since.event.types)
        return Triggers(arms=traits[:1], met_by=traits[1:], partly=True, dated=form.since.field)
    if isinstance(form.since, EventTerm) and form.each is Scope.ORDER:
        return Triggers(arms=arms)  # What met one such event meets no later one.
    if form.each is Scope.RETURN:
        return Triggers(arms=(*arms, *MONEY), needs=arms) if Milestone.REFUND in form.until else Triggers(arms=arms)
    met, partly = _met(form.until, form.each)
    unless = met if partly and form.since is not Milestone.PLACED else ()
    # The scan of one parcel shows that the others are waited for rightly.
    on = ("parcel scanned",) if form.each is Scope.SHIPMENT else ()
    return Triggers(on=on, arms=arms, met_by=met, partly=partly, unless=unless)


def _silent(form: Silent) -> Triggers:
    met = _unique(chain.from_iterable(MILESTONES[term].met for term in form.unless if isinstance(term, Milestone)))
    undated = ("ship_by",) if form.undated else ()
    if form.each is Scope.ORDER:
        arms = (ANY,) if form.heard is None else event_traits(form.heard)
        return Triggers(arms=arms, unless=undated, met_by=met, silence=not (form.heard and form.heard.where))
    if form.each is Scope.PARCEL:
        return Triggers(arms=(SCAN,), met_by=met, silence=True)
    types = () if form.heard is None else form.heard.types
    return Triggers(arms=(*types, SCAN), needs=RETURNS)


def triggers_of(form: AnyForm, setting: RuleSetting) -> Triggers:
    """When a rule that is this form must be judged."""
    if isinstance(form, Overdue):
        found = _overdue(form, setting)
    elif isinstance(form, Silent):
        found = _silent(form)
    elif isinstance(form, Lasting):
        state = form.state
        arms = ("order.hold_placed",) if isinstance(state, Held) else event_traits(state.event)
        found = Triggers(arms=arms, on=arms if form.into else ())
    elif isinstance(form, Reported):
        found = Triggers(on=_unique(chain.from_iterable(map(event_traits, form.when))), needs=_types(form.after))
    else:
        always = (ANY,) if ANY in form.inputs else ()
        on = tuple(trait for trait in form.inputs if trait != ANY)
        found = Triggers(on=on, arms=always, needs=form.requires, unless=form.unless_seen)
    if form.methods == ("pickup",):
        found = replace(found, unless=(*found.unless, "unfetched"))
    terms = tuple(f"terms:{name}" for name in form.terms)
    return replace(found, needs=found.needs or terms) if terms else found


def merged(each: Sequence[Triggers]) -> Triggers:
    """The triggers of a rule of several forms: whatever triggers one of them, and nothing that ends the waiting of one alone."""
    if len(each) == 1:
        return each[0]
    return Triggers(
        on=_unique(chain.from_iterable(t.on for t in each)),
        arms=_unique(chain.from_iterable(t.arms for t in each)),
        needs=_unique(chain.from_iterable(t.needs for t in each)) if all(t.needs for t in each) else (),
        met_by=each[0].met_by if not any(t.arms for t in each[1:]) else (),
        dated=each[0].dated if not any(t.arms for t in each[1:]) else None,
        silence=each[0].silence and not any(t.arms for t in each[1:]),
    )


def fits_of(forms: Sequence[AnyForm]) -> Fits | None:
    """Whether an event's data alone rules out that it makes the rule true; None where the data does not say."""
    if len(forms) != 1:
        return None
    form = forms[0]
    if isinstance(form, Custom):
        return form.fits
    tests = [tests_of(event.where) for event in form.when] if isinstance(form, Reported) else []
    known = [test for test in tests if test is not None]
    if not known or len(known) < len(tests):
        return None
    if len(known) == 1:
        only = known[0]
        return lambda data, _: not only(data)
    return lambda data, _: not any(test(data) for test in known)


def sited(forms: Sequence[AnyForm]) -> bool:
    """Whether a deadline of the rule is a ship-by date, or one like it, which ends in the zone of the site."""
    return any(getattr(form, name, None) is Date.SHIP_BY for form in forms for name in ("since", "into", "by"))


def dated(forms: Sequence[AnyForm]) -> bool:
    """Whether the rule counts from a date that may lie ahead."""
    since = (getattr(form, "since", None) for form in forms)
    return any(isinstance(form, Custom) and form.dated for form in forms) or any(isinstance(each, (Date, StatedInstant)) for each in since)


def orders_of(each: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The methods (or terms) of the orders that one of several forms speaks of; none where one of them speaks of all."""
    known = list(each)
    return _unique(chain.from_iterable(known)) if all(known) else ()


def shape_of(forms: Sequence[AnyForm]) -> Shape:
    """Whether the rule waits for something, or something that was reported makes it true."""
    first = forms[0]
    timed = first.timed if isinstance(first, Custom) else not isinstance(first, Reported)
    return "timeout" if timed else "signal"


# texts


def _end(form: AnyForm) -> str:
    each = Scope.PARCEL if isinstance(form, Lasting) and isinstance(form.state, Staying) else getattr(form, "each", Scope.ORDER)
    return "the end of the shipment" if each in PARCELS else "the end of the order"


def _other(event: EventTerm) -> str:
    reason = any(where.field == "reason" for where in event.where)
    if any(where.field == "status" for where in event.where):
        return "the next scan of another kind" if reason else "the next scan with another status"
    return "the next scan without that reason"


def _text(term: object, form: AnyForm) -> str:
    if term in (Milestone.ENDED, Milestone.OVER):
        return _end(form)
    if isinstance(term, Milestone):
        return MILESTONES[term].text
    if isinstance(term, Strictly):
        return MILESTONES[term.milestone].text
    if isinstance(term, Next):
        return _other(term.event) if term.other else "the next " + (term.event.text or "such scan")
    event = term if isinstance(term, EventTerm) else None
    return "" if event is None else event.text or "a " + " or ".join(event.types)


def _listed(parts: Iterable[str]) -> str:
    known = _unique(part for part in parts if part)
    last = [part for part in known if part.startswith("the end of")]
    known = (*(part for part in known if part not in last), *last)
    return known[0] if len(known) == 1 else ", ".join(known[:-1]) + ", or " + known[-1]


def _clears(form: AnyForm) -> list[str]:
    if isinstance(form, Custom):
        return [form.clears]
    found: list[str] = []
    if isinstance(form, Silent):
        found.append("any event" if form.each is Scope.ORDER and form.heard is None else "the next scan" if form.each in PARCELS else "")
        if form.each is Scope.RETURN:
            found += ["the next scan", "the arrival of the return"]
    elif isinstance(form, Lasting):
        found.append("the release of the hold" if isinstance(form.state, Held) else _other(form.state.event))
    if not isinstance(form, Silent):
        found += [_text(term, form) for term in form.until]
    if isinstance(form, Overdue) and isinstance(form.since, Date):
        found.append("a moved date")
    return [*found, *(_text(term, form) for term in form.unless)]


def clears_of(forms: Sequence[AnyForm]) -> str:
    """What ends a condition, for people."""
    return _listed(chain.from_iterable(_clears(form) for form in forms))


def prevented_by(forms: Sequence[AnyForm]) -> str:
    """What would have prevented it: what was awaited, in time. Of what is reported it is advice, which no data tells."""
    form = forms[0]
    if isinstance(form, Overdue):
        known = [MILESTONES[t].event if isinstance(t, Milestone) else _text(t, form) for t in form.until]
        return _listed(known)
    if isinstance(form, Silent):
        return "any event" if form.each is Scope.ORDER else "a carrier.scan"
    if isinstance(form, Lasting):
        return "an order.hold_released" if isinstance(form.state, Held) else _other(form.state.event)
    return ""
