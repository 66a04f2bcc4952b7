"""What of one policy is judged otherwise under another one, and what becomes automatic by it. Both only compare settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import reduce
from typing import Final, cast

from dataflows.core.policy.diff import When, within
from dataflows.core.policy.policy import Policy, overridden
from dataflows.core.policy.setting import Described, RuleSetting
from schemas.actions import ACTIONS, action_of

_COMPARED: Final = ("rules", "base", "overrides")
_OF_THE_STATE: Final = ("name", "version", "identifiers", "feeds", "tenants", "retention")
_WHAT_IS_DONE: Final = ("actions", "guardrails", "teams", "ladders", "messages", "priority")
"""What is done about an exception, not whether it is one."""
_ELSEWHERE: Final = frozenset((*_COMPARED, *_OF_THE_STATE, *_WHAT_IS_DONE))
"""Fields of a policy that do not say of every rule what it finds."""


def altered(old: Policy, new: Policy) -> frozenset[str]:
    """The kinds of `new` of which something may be found otherwise than under `old`: all of them where a section changed that all read."""
    kinds = frozenset(rule.kind for rule in new.rules)
    if any(getattr(old, each.name) != getattr(new, each.name) for each in fields(Policy) if each.compare and each.name not in _ELSEWHERE):
        return kinds
    before = {rule.kind: (rule, setting) for rule, setting in zip(old.rules, old.base, strict=True)}
    return frozenset(
        rule.kind
        for rule, setting in zip(new.rules, new.base, strict=True)
        if rule.kind not in before
        or before[rule.kind][1] != setting
        or before[rule.kind][0].stated != rule.stated
        or _overrides(old, rule.kind) != _overrides(new, rule.kind)
    )


def _overrides(policy: Policy, kind: str) -> list[object]:
    """What overrides say of a kind, in order."""
    mine = ((each.when, each.everything, each.rules.get(kind)) for each in policy.overrides if each.everything or kind in each.rules)
    return list[object](mine)


def newly_automatic(old: Policy, new: Policy) -> dict[str, str]:
    """The rules that carry out by themselves under `new` what cannot be undone, and did not under `old`: of each, the action.

    Every way in which an override sets a rule counts for itself.
    """
    known = {rule.kind: rule for rule in old.rules}
    whens: list[When | None] = [None, *dict.fromkeys(each.when for policy in (old, new) for each in policy.overrides)]
    found: dict[str, str] = {}
    for rule in new.rules:
        action = irreversible(rule)
        if action is None or rule.kind in found:
            continue
        before = known.get(rule.kind)
        same = before is not None and irreversible(before) == action and before.stated == rule.stated
        if any(automatic(new, rule, when) and not (same and automatic(old, cast("Described", before), when)) for when in whens):
            found[rule.kind] = action
    return found


def irreversible(rule: Described) -> str | None:
    """The action that a rule asks for, if it cannot be undone and no person need agree to it."""
    actions = cast("tuple[tuple[str, str], ...]", getattr(rule, "actions", ()))
    spec = ACTIONS.get(action_of(actions[0][0]) or "") if actions else None
    return None if spec is None or spec.reversible or spec.approval else spec.name


def automatic(policy: Policy, rule: Described, when: When | None) -> bool:
    """Whether what a rule asks for is carried out without a person, for the orders of an override (None: for those of none)."""
    setting = _setting(policy, rule.kind, when)
    if setting is None or setting.switch != "on":
        return False
    lanes = {setting.lane, *_lanes_of_steps(rule)}
    if "minor_lane" in rule.settings:
        lanes.add(setting.minor_lane)
    return "auto" in lanes


def _setting(policy: Policy, kind: str, when: When | None) -> RuleSetting | None:
    base = next((setting for setting in policy.base if setting.kind == kind), None)
    if base is None or when is None:
        return base
    counts = sorted((each for each in policy.overrides if within(when, each.when)), key=lambda each: each.weight)
    return reduce(overridden, counts, base)


def _lanes_of_steps(rule: Described) -> Iterator[str]:
    """The lanes that steps of a rule of the user lead to."""
    steps = rule.stated.get("steps") if rule.stated is not None else None
    for step in cast("Iterable[object]", steps if isinstance(steps, list) else ()):
        if isinstance(step, dict) and isinstance(lane := cast("dict[str, object]", step).get("lane"), str):
            yield lane
