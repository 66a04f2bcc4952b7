"""What rules are made with: `overdue`, `reported`, `silent`, `lasting` and `custom` each make a rule; `rule` makes one of several forms.

Adding a rule is one entry in the module of its domain, and its stories in the tests. `within` is the rule's default `threshold`; spans are
texts such as `4 bd`, `24 h` or `-24 h`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict, Unpack, cast

from dataflows.core.clocks import span
from dataflows.core.policy.setting import NORMAL, OF_ALL, SCOPES, Fallback, Lane, RuleSetting, Severity, Step
from dataflows.core.rules import derive
from dataflows.core.rules.judging import judge_of
from dataflows.core.rules.model import Fits, Rule
from dataflows.core.rules.structs import AnyForm, Between, Custom, Find, Lasting, Overdue, Reported, Silent
from dataflows.core.rules.vocabulary import Anchor, ByTerms, Date, EventTerm, Held, Milestone, Scope, Staying, Strictly, Term, Where
from schemas.events import Customer, Money, OrderPlaced, ShipTo

TIMED = frozenset(("threshold", "clock", "grace", "steps", "feeds"))
STEPPED = frozenset(("clock", "steps", "feeds"))
OPTIONAL = ("anchor", "grace", "international", "fallback", "fields", "margin", "count", "owners", "raise_after")
"""Settings that a rule has only if it has a default for them."""
Terms = Milestone | EventTerm | tuple[Milestone | EventTerm, ...]


class Entry(TypedDict, total=False):
    """What every rule states besides its form: who owns it and what to do (`actions`: action to reason, best first), its defaults.

    `source`: where the default comes from; `advice`: what would have prevented it, where the data does not say; `limits`: between what a
    span that a policy sets must lie.
    """

    owner: str
    severity: Severity
    lane: Lane
    actions: Mapping[str, str]
    source: str
    advice: str
    within: str
    clock: str
    anchor: str
    international: str
    grace: str
    fallback: tuple[str, str]
    steps: tuple[tuple[str, Severity] | Step, ...]
    suppressed_by: tuple[str, ...]
    feeds: tuple[str, ...]
    fields: tuple[str, ...]
    margin: str
    raise_after: str
    count: int
    owners: Mapping[str, str]
    minor_lane: Lane
    minor_severity: Severity
    limits: Mapping[str, tuple[str, str]]


class Of(TypedDict, total=False):
    """The orders that a form speaks of: see `structs.Form`; `emits` is a milestone, or one for each of some payment terms."""

    methods: tuple[str, ...]
    terms: tuple[str, ...]
    emits: str | Mapping[str, str]
    only: tuple[Where, ...]


class StatedEntry(Entry, Of, total=False):
    """All of it."""


def setting_of(kind: str, entry: Entry) -> RuleSetting:
    """The default setting that a rule's entry states."""
    fallback = entry.get("fallback")
    return RuleSetting(
        kind=kind,
        anchor=entry.get("anchor"),
        threshold=span(entry.get("within", "0 s")),
        international=span(entry["international"]) if "international" in entry else None,
        clock=entry.get("clock", "destination"),
        grace=span(entry.get("grace", "0 s")),
        fallback=None if fallback is None else Fallback(anchor=fallback[0], threshold=span(fallback[1])),
        suppressed_by=entry.get("suppressed_by", ()),
        feeds=entry.get("feeds", ()),
        steps=tuple(step if isinstance(step, Step) else Step(at=span(step[0]), severity=step[1]) for step in entry.get("steps", ())),
        severity=entry.get("severity", "medium"),
        owner=entry.get("owner", "OPS"),
        lane=entry.get("lane", "review"),
        fields=entry.get("fields", ()),
        margin=span(entry.get("margin", "0 s")),
        raise_after=span(entry.get("raise_after", "0 s")),
        count=entry.get("count", 0),
        owners=dict(entry.get("owners", {})),
        minor_lane=entry.get("minor_lane", "auto"),
        minor_severity=entry.get("minor_severity", "medium"),
    )


def settings_of(forms: tuple[AnyForm, ...], entry: Entry) -> frozenset[str]:
    """The settings that have an effect on a rule."""
    timed = derive.shape_of(forms) == "timeout"
    found = OF_ALL | (TIMED if timed else STEPPED) | {name for name in OPTIONAL if name in entry}
    found |= {name for name in ("minor_lane", "minor_severity") if name in entry}
    first = forms[0]
    return found - frozenset(first.ignores) if isinstance(first, Custom) else found


def order_paths() -> tuple[str, ...]:
    """The fields that an order can lack, by path: `total`, `ship_to.country`."""
    parts: dict[str, Any] = {"total": Money, "customer": Customer, "ship_to": ShipTo}
    inner = (f"{name}.{field}" for name, part in parts.items() for field in part.model_fields)
    return (*OrderPlaced.model_fields, *inner)


def choices_of(forms: tuple[AnyForm, ...], entry: Entry) -> dict[str, tuple[str, ...]]:
    """The names that `owners` (scopes, the normal path, kinds of holds) and `fields` (of an order) may have."""
    held = [k for form in forms if isinstance(form, Lasting) and isinstance(form.state, Held) for k in form.state.kinds]
    found: dict[str, tuple[str, ...]] = {"owners": (*SCOPES, NORMAL, *(held if "owners" in entry else ()))}
    if "fields" in entry:
        found["fields"] = order_paths()
    return found


def rule(kind: str, definition: str, *forms: AnyForm, **entry: Unpack[Entry]) -> Rule:
    """A rule that finds what each of its forms finds."""
    setting = setting_of(kind, entry)
    since = forms[0].since if isinstance(forms[0], Overdue) else None
    anchors = ("terms", since.prepaid.value, since.on_ship.value) if isinstance(since, ByTerms) else ()
    return Rule(
        kind=kind,
        shape=derive.shape_of(forms),
        definition=definition,
        clears=derive.clears_of(forms),
        prevented_by=entry.get("advice") or derive.prevented_by(forms),
        source=entry.get("source", "event"),
        actions=tuple(entry.get("actions", {}).items()),
        defaults=setting,
        judge=judge_of(forms),
        triggers=derive.merged([derive.triggers_of(form, setting) for form in forms]),
        anchors=anchors,
        fits=derive.fits_of(forms),
        sited=derive.sited(forms),
        settings=settings_of(forms, entry),
        awaits=tuple(milestone for _, milestone in forms[0].emits),
        limits={name: (span(least), span(most)) for name, (least, most) in entry.get("limits", {}).items()},
        general=forms[0].general if isinstance(forms[0], Custom) else (),
        waits=isinstance(forms[0], Custom) and forms[0].absence,
        choices=choices_of(forms, entry),
        forms=forms,
        methods=derive.orders_of(form.methods for form in forms),
        terms=derive.orders_of(form.terms for form in forms),
        dated=derive.dated(forms),
        placeless=isinstance(forms[0], Custom) and forms[0].placeless,
        of_money=isinstance(forms[0], Custom) and forms[0].of_money,
    )


def overdue(  # noqa: PLR0913 (the terms of the form)
    kind: str,
    definition: str,
    *,
    since: Anchor | tuple[Milestone, ...],
    until: Term | tuple[Term, ...],
    unless: Terms = (),
    each: Scope = Scope.ORDER,
    label: str = "",
    ahead: bool = False,
    owing: bool = False,
    also: tuple[AnyForm, ...] = (),
    **stated: Unpack[StatedEntry],
) -> Rule:
    """A rule that something was not reached within a span of an anchor (see `structs.Overdue`)."""
    form = Overdue(since=since, until=_many(until), unless=_many(unless), each=each, label=label, ahead=ahead, owing=owing, **_of(stated))
    return rule(kind, definition, form, *also, **_entry(stated))


def reported(  # noqa: PLR0913 (the terms of the form)
    kind: str,
    definition: str,
    *,
    when: EventTerm | tuple[EventTerm, ...],
    until: Term | tuple[Term, ...] = (),
    unless: Terms = (),
    after: tuple[Milestone | EventTerm | Strictly, ...] = (),
    not_after: Terms = (),
    each: Scope = Scope.ORDER,
    detail: tuple[str, ...] = (),
    first: bool = False,
    tracked: bool = False,
    minor: EventTerm | None = None,
    for_good: bool = False,
    also: tuple[AnyForm, ...] = (),
    **stated: Unpack[StatedEntry],
) -> Rule:
    """A rule that an event makes true (see `structs.Reported`)."""
    form = Reported(
        when=_many(when),
        until=_many(until),
        unless=_many(unless),
        after=after,
        not_after=_many(not_after),
        each=each,
        detail=detail,
        first=first,
        tracked=tracked,
        minor=minor,
        for_good=for_good,
        **_of(stated),
    )
    return rule(kind, definition, form, *also, **_entry(stated))


def silent(  # noqa: PLR0913 (the terms of the form)
    kind: str,
    definition: str,
    *,
    heard: EventTerm | None = None,
    unless: Terms = (),
    each: Scope = Scope.ORDER,
    undated: bool = False,
    paused_by: tuple[Held | Between, ...] = (),
    proven: tuple[str, ...] = (),
    also: tuple[AnyForm, ...] = (),
    **stated: Unpack[StatedEntry],
) -> Rule:
    """A rule that nothing was heard for a span (see `structs.Silent`)."""
    form = Silent(heard=heard, unless=_many(unless), each=each, undated=undated, paused_by=paused_by, proven=proven, **_of(stated))
    return rule(kind, definition, form, *also, **_entry(stated))


def lasting(
    kind: str,
    definition: str,
    *,
    state: Held | Staying,
    until: tuple[EventTerm, ...] = (),
    unless: Terms = (),
    into: Date | None = None,
    also: tuple[AnyForm, ...] = (),
    **stated: Unpack[StatedEntry],
) -> Rule:
    """A rule that a state has lasted for a span (see `structs.Lasting`)."""
    form = Lasting(state=state, until=until, unless=_many(unless), into=into, **_of(stated))
    return rule(kind, definition, form, *also, **_entry(stated))


def custom(  # noqa: PLR0913 (what no form says)
    kind: str,
    definition: str,
    *,
    find: Find,
    inputs: tuple[str, ...],
    clears: str,
    requires: tuple[str, ...] = (),
    unless_seen: tuple[str, ...] = (),
    ignores: tuple[str, ...] = (),
    general: tuple[str, ...] = (),
    absence: bool = False,
    dated: bool = False,
    placeless: bool = False,
    of_money: bool = False,
    by: Date | None = None,
    fits: Fits | None = None,
    **stated: Unpack[StatedEntry],
) -> Rule:
    """A rule that a function finds; it waits for something if it states `within` (see `structs.Custom`)."""
    form = Custom(
        find=find,
        inputs=inputs,
        requires=requires,
        unless_seen=unless_seen,
        timed="within" in stated,
        clears=clears,
        ignores=ignores,
        general=general,
        absence=absence,
        dated=dated,
        placeless=placeless,
        of_money=of_money,
        by=by,
        fits=fits,
        **_of(stated),
    )
    return rule(kind, definition, form, **_entry(stated))


def _many(terms: object) -> tuple[Any, ...]:
    return tuple(cast("Iterable[Any]", terms)) if isinstance(terms, tuple) else (terms,)


def _of(stated: StatedEntry) -> dict[str, Any]:
    """What a form says of the orders that it is for."""
    emits = stated.get("emits", {})
    pairs = (("*", emits),) if isinstance(emits, str) else tuple(emits.items())
    terms = stated.get("terms", ()) or tuple(name for name, _ in pairs if name != "*")
    return {"methods": stated.get("methods", ()), "terms": terms, "emits": pairs, "only": stated.get("only", ())}


def _entry(stated: StatedEntry) -> Entry:
    return cast("Entry", {name: value for name, value in stated.items() if name not in Of.__annotations__})
