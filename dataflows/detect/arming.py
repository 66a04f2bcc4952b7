"""Which rules are armed for a tenant, and of each that is not, why: what is waited for, by rule instead of by milestone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import msgspec

from dataflows.core.policy import Policy
from dataflows.core.policy.values import FROM_THE_START
from dataflows.core.rules.model import Rule
from dataflows.core.rules.structs import Silent
from dataflows.detect.armed import Armed, ArmedReport, Teller
from schemas.learned import SCANS

ARMED, PARTLY, NOT_ARMED, OFF = "armed", "partly", "not_armed", "off"
LISTED, UNLISTED, START, LEARNED, FEW, NEVER = "listed", "unlisted", "start", "learned", "few", "never"
STATES: Final = (NOT_ARMED, PARTLY, ARMED, OFF)
"""How a rule stands: what a reader asks about comes first."""


class AwaitedMilestone(msgspec.Struct, frozen=True):
    """A milestone that a rule waits for: whether it is armed for the tenant, why or why not, and who was seen to emit it."""

    milestone: str
    armed: bool
    why: str
    tellers: tuple[Teller, ...]


class RuleArming(msgspec.Struct, frozen=True):
    """A rule for one tenant. `state`: `partly` where it is armed for some carriers or sites only; `awaited`: one of these must be known."""

    kind: str
    switch: str
    state: str
    awaited: tuple[AwaitedMilestone, ...]


def tenants_of(report: ArmedReport) -> list[str]:
    """The tenants of whose feeds anything was seen."""
    return sorted({teller.tenant for one in report.milestones for teller in one.tellers})


def arming(policy: Policy, report: ArmedReport, tenant: str) -> tuple[RuleArming, ...]:
    """Every rule of a policy for a tenant, by kind."""
    milestones = {one.milestone: _for_tenant(policy, one, tenant) for one in report.milestones}
    found: list[RuleArming] = []
    for rule, setting in zip(cast("tuple[Rule, ...]", policy.rules), policy.base, strict=True):
        awaited = tuple(milestones[name] for name in awaited_by(rule, policy) if name in milestones)
        found.append(RuleArming(rule.kind, setting.switch, OFF if setting.switch == "off" else _state(awaited), awaited))
    return tuple(found)


def awaited_by(rule: Rule, policy: Policy) -> list[str]:
    """The milestones of which one must be known to be emitted for a rule to say anything."""
    proven = (name for form in rule.forms if isinstance(form, Silent) for name in form.proven) if policy.learns else ()
    stated = (one for name in rule.awaits for one in (sorted(SCANS) if name == "scans" else (name,)))
    return list(dict.fromkeys((*stated, *proven)))


def _for_tenant(policy: Policy, one: Armed, tenant: str) -> AwaitedMilestone:
    mine = tuple(teller for teller in one.tellers if teller.tenant == tenant)
    if not policy.learns:
        return AwaitedMilestone(one.milestone, one.armed, LISTED if one.armed else UNLISTED, mine)
    if one.milestone in FROM_THE_START:
        return AwaitedMilestone(one.milestone, True, START, mine)
    if any(teller.since is not None for teller in mine):
        return AwaitedMilestone(one.milestone, True, LEARNED, mine)
    return AwaitedMilestone(one.milestone, False, FEW if mine else NEVER, mine)


def _state(awaited: Sequence[AwaitedMilestone]) -> str:
    if not awaited:
        return ARMED
    armed = [one for one in awaited if one.armed]
    if not armed:
        return NOT_ARMED
    everywhere = any(one.why != LEARNED or all(teller.since is not None for teller in one.tellers) for one in armed)
    return ARMED if everywhere else PARTLY
