"""The complete effective policy as plain data in the shape of a policy file, and the version that is its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import cast

from dataflows.core.clocks import CalendarSpec, Span
from dataflows.core.policy.effective_handling import Plain, actions_of, guardrails_of, messages_of, priority_of
from dataflows.core.policy.handling import ACTION_POLICY, GUARDRAILS
from dataflows.core.policy.messaging import MESSAGE_POLICY
from dataflows.core.policy.model import (
    BACKFILL,
    MOST_EVENTS,
    PACE,
    BackfillPolicy,
    Dims,
    FeedPolicy,
    Ladder,
    LadderStep,
    Override,
    PacePolicy,
    Place,
)
from dataflows.core.policy.policy import Policy
from dataflows.core.policy.priority import PRIORITY
from dataflows.core.policy.setting import ADDED, NAMES, OF_CASES, Change, Described, Fallback, RuleSetting, Step
from dataflows.core.policy.values import MILESTONES, WEEKDAYS
from schemas.instants import NEVER, iso
from schemas.plain import Data

Value = str | int | Span | Fallback | Step | tuple[str, ...] | tuple[Step, ...] | dict[str, str] | dict[str, Span | None] | None


_USUAL = RuleSetting(kind="")
"""Settings about cases are written out where they are not these: they are the same for most rules."""


def version_of(policy: Policy) -> str:
    """The policy's version: 16 hexadecimal digits of the SHA-256 of its canonical JSON, without its name and what belongs to the state."""
    canonical = {key: value for key, value in effective(policy).items() if key not in {"name", "identifiers"}}
    if policy.retention.most_events == MOST_EVENTS:
        cast("dict[str, Plain]", canonical["retention"]).pop("most_events")
    if policy.backfill == BACKFILL:
        del canonical["backfill"]
    if policy.pace == PACE:
        del canonical["pace"]
    if policy.actions == ACTION_POLICY:
        del canonical["actions"]
    if policy.guardrails == GUARDRAILS:
        del canonical["guardrails"]
    if policy.messages == MESSAGE_POLICY:
        del canonical["messages"]
    if policy.priority == PRIORITY:
        del canonical["priority"]
    canonical["rules"] = {rule.kind: _canonical(rule, setting) for rule, setting in zip(policy.rules, policy.base, strict=True)}
    text = json.dumps(canonical, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def effective(policy: Policy) -> dict[str, Plain]:
    """Everything that holds under a policy, defaults included, such that a file with this content is the same policy."""
    retention = policy.retention
    found: dict[str, Plain] = {
        "name": policy.name,
        "zone": policy.zone,
        "emits": [milestone for milestone in MILESTONES if milestone in policy.emits],
        "tolerance": {currency: str(amount) for currency, amount in sorted(policy.tolerances.items())},
        "zones": dict(sorted(policy.zones.items())),
        "calendars": {name: _calendar(spec) for name, spec in sorted(policy.calendars.items())},
        "sites": _places(policy.sites),
        "carriers": _places(policy.carriers),
        "countries": _places(policy.countries),
        "tenants": _places(policy.tenants),
        "retention": {
            "close_after": str(Span(retention.close_after, "us")),
            "dedupe": str(Span(retention.dedupe, "us")),
            "expire_unknown": str(Span(retention.expire_unknown, "us")),
            "most_events": str(retention.most_events),
        },
        "backfill": _backfill(policy.backfill),
        "pace": "off" if policy.pace is None else _pace(policy.pace),
        "watch_from": "" if policy.watch_from == NEVER else iso(policy.watch_from),
        "actions": actions_of(policy.actions),
        "guardrails": guardrails_of(policy.guardrails),
        "messages": messages_of(policy.messages),
        "priority": priority_of(policy.priority),
        "feeds": {prefix: _feed(feed) for prefix, feed in sorted(policy.feeds.items())},
        "teams": _places(policy.teams),
        "ladders": {name: _ladder(ladder) for name, ladder in sorted(policy.ladders.items())},
        "identifiers": {} if policy.identifiers is None else {**policy.identifiers._asdict()},
        "custom_rules": {rule.kind.partition(".")[2]: _entry({**rule.stated}) for rule in policy.rules if rule.stated is not None},
        "rules": {rule.kind: setting_of(rule, setting) for rule, setting in zip(policy.rules, policy.base, strict=True)},
        "overrides": [_override(override) for override in policy.overrides],
    }
    if policy.learns:
        del found["emits"]
    return {key: value for key, value in found.items() if value or key in {"emits", "rules"}}


def _entry(stated: Data) -> Plain:
    """A rule of the user as its file states it; a key without a value is written as an empty text."""
    if isinstance(stated, dict):
        return {name: _entry(value) for name, value in stated.items()}
    return [_entry(item) for item in stated] if isinstance(stated, list) else stated or ""


def setting_of(rule: Described, setting: RuleSetting) -> dict[str, Plain]:
    """A rule's setting as a file would state it: what has an effect on the rule."""
    shown = rule.settings - {name for name in OF_CASES | {"owners"} if getattr(setting, name) == getattr(_USUAL, name)}
    return {name: _plain(cast("Value", getattr(setting, name))) for name in NAMES if name in shown}


def _canonical(rule: Described, setting: RuleSetting) -> dict[str, Plain]:
    """The setting as the version counts it: fields that came later only where they differ from the default."""
    defaults = rule.defaults
    has = {
        "anchor": setting.anchor is not None,
        "international": setting.international is not None or defaults.international is not None,
        "fallback": setting.fallback is not None or defaults.fallback is not None,
        "fields": bool(setting.fields or defaults.fields),
        **{name: getattr(setting, name) != getattr(defaults, name) for name in ADDED},
    }
    return {name: _plain(cast("Value", getattr(setting, name))) for name in NAMES if has.get(name, True)}


def _change(change: Change) -> dict[str, Plain]:
    values = cast("dict[str, Value]", change)
    return {name: _plain(values[name]) for name in NAMES if name in values}


def _plain(value: Value) -> Plain:
    if value is None:
        return "off"
    if isinstance(value, Fallback):
        return {"anchor": value.anchor, "threshold": str(value.threshold)}
    if isinstance(value, Step):
        return _step(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in sorted(value.items())}
    if isinstance(value, (str, int, Span)):
        return str(value)
    return [_plain(item) for item in value]


def _step(step: Step) -> Plain:
    found: dict[str, Plain] = {"at": str(step.at), "severity": step.severity}
    found |= {name: text for name, text in (("since", step.since), ("unless", step.unless), ("owner", step.owner)) if text}
    if step.above:
        found["above"] = {currency: str(amount) for currency, amount in step.above}
    return found


def _override(override: Override) -> Plain:
    when: dict[str, Plain] = {
        name: [*sorted(allowed)] for name, allowed in zip(Dims._fields, override.when, strict=True) if allowed is not None
    }
    rules: dict[str, Plain] = {kind: _change(change) for kind, change in sorted(override.rules.items())}
    return {"when": when, "rules": {"*": _change(override.everything), **rules} if override.everything else rules}


def _places(places: Mapping[str, Place]) -> Plain:
    found: dict[str, Plain] = {}
    for name, place in sorted(places.items()):
        parts = (("country", place.country), ("zone", place.zone), ("calendar", place.calendar))
        found[name] = {part: value for part, value in parts if value is not None}
    return found


def _backfill(terms: BackfillPolicy) -> Plain:
    return {name: str(Span(n, "us")) for name, n in (("after", terms.after), ("settle", terms.settle), ("max_age", terms.max_age))}


def _pace(terms: PacePolicy) -> Plain:
    spans = {name: str(Span(n, "us")) for name, n in (("floor", terms.floor), ("catch_up", terms.catch_up), ("longest", terms.longest))}
    return {"factor": str(terms.factor), **spans}


def _feed(feed: FeedPolicy) -> Plain:
    found: dict[str, Plain] = {"delay": str(Span(feed.delay, "us")), "silence": str(Span(feed.silence, "us"))}
    if feed.cadence is not None:
        found["cadence"] = str(Span(feed.cadence, "us"))
    if feed.owner is not None:
        found["owner"] = feed.owner
    return found


def _ladder(ladder: Ladder) -> Plain:
    return {"steps": [_rung(step) for step in ladder.steps], "repeat": str(ladder.repeat), "off_duty": ladder.off_duty}


def _rung(step: LadderStep) -> Plain:
    found: dict[str, Plain] = {"wait": str(step.wait)}
    found |= {name: value for name, value in (("team", step.team), ("role", step.role), ("zone", step.zone)) if value}
    if step.hours is not None:
        found["days"] = ",".join(WEEKDAYS[day] for day in sorted(step.hours))
        found["hours"] = ", ".join(f"{_time(opens)}-{_time(closes)}" for opens, closes in next(iter(step.hours.values())))
    return found


def _calendar(spec: CalendarSpec) -> Plain:
    found: dict[str, Plain] = {"zone": spec.zone}
    if spec.hours is not None:
        found["hours"] = {
            WEEKDAYS[day]: ", ".join(f"{_time(opens)}-{_time(closes)}" for opens, closes in hours)
            for day, hours in sorted(spec.hours.items())
            if hours
        }
    if spec.holidays is not None:
        found["holidays"] = spec.holidays
    for name, days in (("closed", spec.closed), ("open", spec.open)):
        if days:
            found[name] = [day.isoformat() for day in sorted(days)]
    if spec.cutoff is not None:
        cutoff = spec.cutoff
        found["cutoff"] = _time(cutoff) if isinstance(cutoff, int) else {WEEKDAYS[day]: _time(at) for day, at in sorted(cutoff.items())}
    return found


def _time(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
