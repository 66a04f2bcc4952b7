"""From a policy file's form, which is known to be right, to the `Policy` that the engine asks."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from dataflows.core.clocks import CalendarSpec, span
from dataflows.core.policy.effective import version_of
from dataflows.core.policy.form import CalendarForm, FeedForm, OverrideForm, PolicyForm, SettingForm
from dataflows.core.policy.model import Dims, FeedPolicy, Override, Place, RetentionPolicy
from dataflows.core.policy.policy import Policy
from dataflows.core.policy.setting import Change, Described, Fallback, RuleSetting, Step

CADENCES = 3
"""A feed of which only the cadence is stated may stay out this many times (P): two missed calls can be chance."""


def build(form: PolicyForm, rules: tuple[Described, ...]) -> Policy:
    """The policy that a file states for these rules."""
    settings = {rule.kind: default_setting(rule) for rule in rules}
    everything = _change(form.rules["*"]) if "*" in form.rules else Change()
    for kind, setting in settings.items():
        own = _change(form.rules[kind]) if kind in form.rules else Change()
        settings[kind] = replace(replace(setting, **everything), **own)
    policy = Policy(
        name=form.name,
        version="",
        zone=form.zone,
        emits=frozenset(form.emits),
        zones=form.zones,
        calendars={name: _calendar(calendar, form.zone) for name, calendar in form.calendars.items()},
        sites={name: Place(site.country, site.zone, site.calendar) for name, site in form.sites.items()},
        carriers={name: Place(calendar=carrier.calendar) for name, carrier in form.carriers.items()},
        countries={name: Place(zone=country.zone, calendar=country.calendar) for name, country in form.countries.items()},
        tenants={name: Place(zone=tenant.zone, calendar=tenant.calendar) for name, tenant in form.tenants.items()},
        retention=RetentionPolicy(form.retention.close_after.n, form.retention.dedupe.n, form.retention.expire_unknown.n),
        rules=rules,
        base=tuple(settings[rule.kind] for rule in rules),
        overrides=tuple(_override(override) for override in form.overrides),
        feeds={prefix: _feed(feed) for prefix, feed in sorted(form.feeds.items())},
    )
    return replace(policy, version=version_of(policy))


def default_setting(rule: Described) -> RuleSetting:
    """A rule's setting as it comes. Raises ValueError if a span in its defaults is none."""
    defaults = rule.defaults
    return RuleSetting(
        kind=rule.kind,
        switch="on",
        anchor=defaults.anchor,
        threshold=span(defaults.threshold),
        international=None if defaults.international is None else span(defaults.international),
        clock=defaults.clock,
        grace=span(defaults.grace),
        fallback=None if defaults.fallback is None else Fallback(defaults.fallback[0], span(defaults.fallback[1])),
        suppressed_by=defaults.suppressed_by,
        feeds=defaults.feeds,
        steps=tuple(Step(span(at), severity) for at, severity in defaults.steps),
        severity=defaults.severity,
        owner=defaults.owner,
        lane=defaults.lane,
        fields=defaults.fields,
    )


def _change(form: SettingForm) -> Change:
    values: dict[str, object] = {name: getattr(form, name) for name in form.model_fields_set}
    if "fallback" in values:
        values["fallback"] = None if form.fallback is None else Fallback(form.fallback.anchor, form.fallback.threshold)
    if "steps" in values:
        values["steps"] = tuple(Step(step.at, step.severity) for step in form.steps)
    return cast("Change", values)


def _override(form: OverrideForm) -> Override:
    values = (cast("tuple[str, ...] | None", getattr(form.when, dimension)) for dimension in Dims._fields)
    return Override(
        when=tuple(None if allowed is None else frozenset(allowed) for allowed in values),
        everything=_change(form.rules["*"]) if "*" in form.rules else Change(),
        rules={kind: _change(setting) for kind, setting in form.rules.items() if kind != "*"},
    )


def _feed(form: FeedForm) -> FeedPolicy:
    cadence = None if form.cadence is None else form.cadence.n
    silence = form.silence.n if form.silence is not None else CADENCES * (cadence or 0)
    return FeedPolicy(form.delay.n, silence, cadence, form.owner)


def _calendar(form: CalendarForm, zone: str) -> CalendarSpec:
    return CalendarSpec(
        zone=form.zone or zone,
        hours=None if form.hours is None else {day: hours for days, hours in form.hours.items() for day in days},
        holidays=form.holidays,
        closed=frozenset(form.closed),
        open=frozenset(form.open),
        cutoff=form.cutoff,
    )
