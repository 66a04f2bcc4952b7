"""From a policy file's form, which is known to be right, to the `Policy` that the engine asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from dataflows.core.clocks import CalendarSpec
from dataflows.core.policy.effective import version_of
from dataflows.core.policy.form import CalendarForm, FeedForm, LadderForm, OverrideForm, PolicyForm, RungForm, change_of
from dataflows.core.policy.form_handling import ActionsForm, GuardrailForm, PriorityForm
from dataflows.core.policy.form_messages import MessagesForm, cap_of
from dataflows.core.policy.handling import ACTION_POLICY, APPROVERS, GUARDRAILS, ActionPolicy, Budget, Guardrail
from dataflows.core.policy.matching import regions_meant
from dataflows.core.policy.messaging import MessagePolicy
from dataflows.core.policy.model import BackfillPolicy, Dims, FeedPolicy, Ladder, LadderStep, Override, PacePolicy, Place, RetentionPolicy
from dataflows.core.policy.policy import Policy
from dataflows.core.policy.priority import SEVERITY_POINTS, TIER_POINTS, Priority
from dataflows.core.policy.setting import Change, Described, changed
from dataflows.core.policy.values import FROM_THE_START
from schemas.identifiers import Identifiers
from schemas.instants import NEVER

NOTHING: Change = {}
CADENCES = 3
"""A feed of which only the cadence is stated may stay out this many times (P): two missed calls can be chance."""


def build(form: PolicyForm, rules: tuple[Described, ...]) -> Policy:
    """The policy that a file states for these rules."""
    settings = {rule.kind: rule.defaults for rule in rules}
    everything = change_of(form.rules["*"]) if "*" in form.rules else NOTHING
    for kind, setting in settings.items():
        own = change_of(form.rules[kind]) if kind in form.rules else NOTHING
        settings[kind] = changed(changed(setting, everything), own)
    policy = Policy(
        name=form.name,
        version="",
        zone=form.zone,
        emits=FROM_THE_START if form.emits is None else frozenset(form.emits),
        zones=form.zones,
        calendars={name: _calendar(calendar, form.zone) for name, calendar in form.calendars.items()},
        sites={name: Place(site.country, site.zone, site.calendar) for name, site in form.sites.items()},
        carriers={name: Place(calendar=carrier.calendar) for name, carrier in form.carriers.items()},
        countries={name: Place(zone=country.zone, calendar=country.calendar) for name, country in form.countries.items()},
        tenants={name: Place(zone=tenant.zone, calendar=tenant.calendar) for name, tenant in form.tenants.items()},
        retention=RetentionPolicy(
            form.retention.close_after.n, form.retention.dedupe.n, form.retention.expire_unknown.n, form.retention.most_events
        ),
        rules=rules,
        base=tuple(settings[rule.kind] for rule in rules),
        overrides=tuple(_override(override) for override in form.overrides),
        feeds={prefix: _feed(feed) for prefix, feed in sorted(form.feeds.items())},
        tolerances=form.tolerance,
        backfill=BackfillPolicy(form.backfill.after.n, form.backfill.settle.n, form.backfill.max_age.n),
        pace=None if form.pace is None else PacePolicy(form.pace.factor, form.pace.floor.n, form.pace.catch_up.n, form.pace.longest.n),
        watch_from=NEVER if form.watch_from is None else form.watch_from,
        identifiers=None if form.identifiers is None else Identifiers(**dict(form.identifiers)),
        learns=form.emits is None,
        actions=_actions(form.actions),
        guardrails=_guardrails(form.guardrails),
        messages=_messages(form.messages),
        priority=priority_stated(form.priority),
        teams={name: Place(zone=team.zone, calendar=team.calendar) for name, team in form.teams.items()},
        ladders={name: _ladder(ladder) for name, ladder in form.ladders.items()},
    )
    return replace(policy, version=version_of(policy))


def priority_stated(form: PriorityForm) -> Priority:
    """The weights of the score: what is said of one severity or tier leaves the others as they are."""
    stated = {name: getattr(form, name) for name in form.model_fields_set}
    for name, usual in (("severity", SEVERITY_POINTS), ("tiers", TIER_POINTS)):
        if name in stated:
            stated[name] = {**usual, **{key.casefold(): points for key, points in stated[name].items()}}
    if "half_at" in stated:
        stated["half_at"] = dict(stated["half_at"])
    return Priority(**stated)


def _override(form: OverrideForm) -> Override:
    values = {name: cast("tuple[str, ...] | None", getattr(form.when, name)) for name in Dims._fields}
    if form.when.region is not None:
        values["region"] = tuple(meant for text in form.when.region for meant in regions_meant(text, form.when.country) or (text.strip(),))
    return Override(
        when=tuple(None if allowed is None else frozenset(allowed) for allowed in values.values()),
        everything=change_of(form.rules["*"]) if "*" in form.rules else NOTHING,
        rules={kind: change_of(setting) for kind, setting in form.rules.items() if kind != "*"},
    )


def _feed(form: FeedForm) -> FeedPolicy:
    cadence = None if form.cadence is None else form.cadence.n
    silence = form.silence.n if form.silence is not None else CADENCES * (cadence or 0)
    return FeedPolicy(form.delay.n, silence, cadence, form.owner)


def _ladder(form: LadderForm) -> Ladder:
    return Ladder(tuple(_rung(rung) for rung in form.steps), form.repeat, form.off_duty)


def _rung(form: RungForm) -> LadderStep:
    hours = None
    if form.days is not None or form.hours is not None:
        hours = dict.fromkeys(form.days or range(7), form.hours or ((0, 24 * 60),))
    return LadderStep(form.wait, form.team or "", form.role or "", hours, form.zone)


def _calendar(form: CalendarForm, zone: str) -> CalendarSpec:
    return CalendarSpec(
        zone=form.zone or zone,
        hours=None if form.hours is None else {day: hours for days, hours in form.hours.items() for day in days},
        holidays=form.holidays,
        closed=frozenset(form.closed),
        open=frozenset(form.open),
        cutoff=form.cutoff,
    )


def _actions(form: ActionsForm) -> ActionPolicy:
    within = form.approve_within
    return ActionPolicy(
        approval_timeout=form.approval_timeout.n,
        remember=form.remember.n,
        approvers={**APPROVERS, **form.approvers},
        second_approval_above=form.second_approval_above,
        budgets=tuple(Budget(each.most, each.rule, each.action, each.tenant, each.each is not None) for each in form.budgets),
        quiet=form.quiet_hours,
        approve_within=min(ACTION_POLICY.approve_within, form.approval_timeout.n // 2) if within is None else within.n,
        ladder=form.ladder,
    )


def _messages(form: MessagesForm) -> MessagePolicy:
    return MessagePolicy(
        form.channels, form.consent, cap_of(form.cap), form.languages, {word.casefold(): topic for word, topic in form.topics.items()}
    )


def _guardrails(stated: Mapping[str, GuardrailForm | None]) -> tuple[Guardrail, ...]:
    found = {guardrail.name: guardrail for guardrail in GUARDRAILS}
    for name, form in stated.items():
        if form is None:
            found.pop(name, None)
        else:
            says = form.says or (found[name].says if name in found else name.replace("_", " "))
            found[name] = Guardrail(name, form.when, form.lane, tuple(sorted(set(form.actions))), says)
    return tuple(found[name] for name in sorted(found))
