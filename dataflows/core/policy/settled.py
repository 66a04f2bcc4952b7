"""What only shows once a rule's setting has been put together: limits that can never fire, or lie where the rule does not take them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, cast

from pydantic import BaseModel

from dataflows.core.clocks import Span
from dataflows.core.clocks.spans import Later, Portion, apart
from dataflows.core.policy.form import PolicyForm, change_of
from dataflows.core.policy.setting import (
    SEVERITIES,
    STEP_MILESTONES,
    Change,
    Described,
    Fallback,
    RuleSetting,
    Step,
    changed,
    moved,
)
from dataflows.core.policy.values import FROM_THE_START
from schemas.learned import ENOUGH, SCANS
from schemas.tree import Fault, Path, Tree

_OF_STEPS: Final = ("clock", "feeds")
_ARMING: Final = ("switch", "threshold", "steps", "grace", "international", "fallback")
_SPANS: Final = ("threshold", "international")


def settled_faults(tree: Tree, form: PolicyForm, rules: tuple[Described, ...]) -> Iterator[Fault]:
    """Everything wrong with the settings that the file makes, each at what the file states of it."""
    base = {rule.kind: rule.defaults for rule in rules}
    yield from _layer(tree, ("rules",), _changes(form.rules), base, form, rules)
    for i, override in enumerate(form.overrides):
        own = dict(base)
        yield from _layer(tree, ("overrides", i, "rules"), _changes(override.rules), own, form, rules)


def unheard(awaited: Iterable[str], emits: Iterable[str] | None) -> bool:
    """Whether no milestone of some is listed; where none are listed, all can be learned."""
    if emits is None:
        return False
    listed = {*emits, *(SCANS if "scans" in emits else ())}
    return listed.isdisjoint(awaited)


def _unproven(awaited: Iterable[str]) -> bool:
    """Whether a rule waits for milestones alone that must be seen first, of systems that need not tell of them. Carriers mostly scan."""
    needed = set(awaited)
    return bool(needed) and needed.isdisjoint(FROM_THE_START | SCANS)


def _changes(rules: Mapping[str, BaseModel]) -> dict[str, Change]:
    return {kind: change_of(form) for kind, form in rules.items()}


def _layer(
    tree: Tree, path: Path, changes: Mapping[str, Change], base: dict[str, RuleSetting], form: PolicyForm, rules: Iterable[Described]
) -> Iterator[Fault]:
    """The faults of one layer; `base` is what it changes, and then what it has made of that."""
    for rule in rules:
        kind, own = rule.kind, changes.get(rule.kind, {})
        before = base[kind]
        setting = base[kind] = changed(changed(before, changes.get("*", {})), own)
        stated = [name for name in own if name in rule.settings and getattr(setting, name) != getattr(before, name)]
        for name in stated:
            value = getattr(setting, name)
            if name in rule.limits and isinstance(value, Span) and not rule.limits[name][0].n <= value.n <= rule.limits[name][1].n:
                least, most = rule.limits[name]
                yield tree.fault((*path, kind, name), f"{kind} takes a `{name}` of {least} to {most}")
            early = _early(name, value)
            if early is not None and not rule.dated:
                message = f"{kind} counts from what has happened: {early} before it is no limit"
                yield tree.fault((*path, kind, name), message, key=name == "steps")
            # What is raised at once has a clock where it has a span to count, and waits for no feed.
            counted = "threshold" in rule.settings if name == "clock" else rule.waits or rule.settings >= {"threshold", "grace"}
            if name in _OF_STEPS and not counted and not setting.steps:
                yield tree.fault((*path, kind, name), f"`{name}` counts for the `steps` of {kind} only, and it has none", key=True)
            if name == "steps":
                yield from _foreign_steps(tree, (*path, kind, name), rule, setting.steps)
            if path[0] == "overrides" and name in rule.general:
                yield tree.fault((*path, kind, name), f"`{name}` of {kind} holds for all orders alike: state it under `rules`", key=True)
        yield from _warnings(tree, (*path, kind), rule, before, setting, stated, form)


def _foreign_steps(tree: Tree, path: Path, rule: Described, steps: tuple[Step, ...]) -> Iterator[Fault]:
    """Steps that ask for what the rule does not say."""
    for i, step in enumerate(steps):
        if step.since in STEP_MILESTONES and step.at.n < 0:
            yield tree.fault((*path, i, "at"), f"`{step.since}` has happened: {step.at} before it is no limit")
        if isinstance(step.at, Portion) and (step.depends or step.owner):
            yield tree.fault((*path, i, "at"), f"at {step.at} of the wait it only warns: `since`, `unless`, `above` and `owner` come later")
        elif isinstance(step.at, Portion) and "threshold" not in rule.settings:
            yield tree.fault((*path, i, "at"), f"{rule.kind} is raised at once: there is no wait of which {step.at} could pass")
        if step.owner and not step.unless:
            yield tree.fault((*path, i, "owner"), "a step has an `owner` of its own only while its `unless` is not reached", key=True)
        if step.depends and rule.placeless:
            yield tree.fault(
                (*path, i), f"{rule.kind} speaks of events without an order: a step cannot ask for `since`, `unless` or `above`"
            )


def _early(name: str, value: object) -> Span | None:
    """What a setting says that lies before the rule's anchor."""
    if name == "fallback" and isinstance(value, Fallback):
        value = value.threshold
    steps = cast("tuple[Step, ...]", value) if name == "steps" else ()
    spans = [value] if isinstance(value, Span) else [step.at for step in steps if not step.since]
    return next((span for span in spans if span.n < 0), None)


def _warnings(
    tree: Tree, path: Path, rule: Described, before: RuleSetting, setting: RuleSetting, stated: Iterable[str], form: PolicyForm
) -> Iterator[Fault]:
    """What can be used as it is and would have no effect."""
    kind = setting.kind
    arming = next((name for name in stated if name in _ARMING), None)
    if arming is not None and rule.awaits and setting.switch != "off" and unheard(rule.awaits, form.emits):
        message = f"never fires: {kind} waits for `{'` or `'.join(rule.awaits)}`, which `emits` does not list"
        yield tree.fault((*path, arming), message, key=True, warning=True)
    span = next((name for name in stated if name in _ARMING and name != "switch"), None)
    if form.emits is None and span is not None and setting.switch != "off" and _unproven(rule.awaits):
        message = (
            f"{kind} waits for `{'` or `'.join(rule.awaits)}`: it fires only where {ENOUGH} orders have shown one, unless `emits` lists it"
        )
        yield tree.fault((*path, span), message, key=True, warning=True)
    if "threshold" in stated and "steps" not in stated:
        for step in before.steps:
            alone = moved((step,), before.threshold, setting.threshold)
            if isinstance(step.at, (Later, Portion)) or step.depends:
                continue
            distance = apart(step.at, before.threshold)
            if (not alone and distance is not None and distance.unit != setting.threshold.unit) or (alone == (step,) and distance is None):
                message = f"the step at {step.at} ({step.severity}) of {kind} cannot move along with a threshold in another unit"
                yield tree.fault((*path, "threshold"), f"{message}: state `steps` as well", key=True, warning=True)
    if "steps" in stated:
        yield from _idle_steps(tree, path, setting)
    spans = [getattr(setting, name) for name in _SPANS]
    spans += [step.at for step in setting.steps if not step.since and not isinstance(step.at, Portion)]
    spans += [] if setting.fallback is None else [setting.fallback.threshold]
    if "clock" in stated and "threshold" in rule.settings and all(span is None or span.unit == "us" for span in spans):
        message = f"`clock` of {kind} counts business time, and all its spans are elapsed time: state them in bd or bh"
        yield tree.fault((*path, "clock"), message, key=True, warning=True)


def _idle_steps(tree: Tree, path: Path, setting: RuleSetting) -> Iterator[Fault]:
    """Steps that change nothing: severity only rises, from the first instant on."""
    for i, step in enumerate(setting.steps):
        if isinstance(step.at, Portion):
            continue
        later = (
            step.depends or isinstance(step.at, Later) or ((distance := apart(step.at, setting.threshold)) is not None and distance.n >= 0)
        )
        if later and not step.owner and SEVERITIES.index(step.severity) <= SEVERITIES.index(setting.severity):
            message = f"changes nothing: {setting.kind} is {setting.severity} from its threshold on, and severity only rises"
            yield tree.fault((*path, "steps", i, "severity"), message, warning=True)
