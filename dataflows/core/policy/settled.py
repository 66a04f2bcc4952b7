"""What only shows once a rule's setting has been put together: limits that can never fire, or lie where the rule does not take them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pydantic import BaseModel

from dataflows.core.clocks import Span
from dataflows.core.policy.form import PolicyForm, change_of
from dataflows.core.policy.setting import Change, Described, RuleSetting, changed
from schemas.learned import SCANS
from schemas.tree import Fault, Path, Tree

_OF_STEPS: Final = ("clock", "feeds")
_TIMES: Final = ("threshold", "steps", "grace", "international", "fallback")


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
            if name in _OF_STEPS and "threshold" not in rule.settings and not setting.steps:
                yield tree.fault((*path, kind, name), f"`{name}` counts for the `steps` of {kind} only, and it has none", key=True)
            if path[0] == "overrides" and name in rule.general:
                yield tree.fault((*path, kind, name), f"`{name}` of {kind} holds for all orders alike: state it under `rules`", key=True)
        times = next((name for name in stated if name in _TIMES), None)
        if times is not None and rule.awaits and setting.switch != "off" and unheard(rule.awaits, form.emits):
            message = f"never fires: {kind} waits for `{'` or `'.join(rule.awaits)}`, which `emits` does not list"
            yield tree.fault((*path, kind, times), message, key=True)
