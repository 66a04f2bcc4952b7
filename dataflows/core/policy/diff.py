"""What changes from one policy to another, by rule and setting: values as they hold, not lines of text.

Three kinds of places change: sections of the policy, settings of a rule, and settings of a rule for the orders of an override. What holds
for the orders of an override is worked out with every override that counts for all of them; of it only that is listed in which it differs
from what is listed for all orders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Final

from dataflows.core.policy.effective import effective, setting_of
from dataflows.core.policy.effective_handling import Plain
from dataflows.core.policy.model import Dims
from dataflows.core.policy.policy import Policy, overridden
from dataflows.core.policy.setting import Described, RuleSetting

OF_THE_STATE: Final = ("identifiers", "feeds", "tenants")
"""Sections that belong to the state: they change by a clean stop and a restart, never while the engine runs."""
OVERRIDES: Final = "overrides"
LEARNED: Final = "learned"
"""What `emits` is where a policy does not list milestones."""
When = tuple[frozenset[str] | None, ...]
Settings = Mapping[str, str]
"""What a rule's settings hold, by name."""


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """One setting that is another: `old` and `new` as a policy file states them, None where there is no such thing.

    `section` is `rules`, `overrides` or another section of the policy; `kind` is of `rules` and `overrides`; `when` says for which orders.
    What changes for all orders, but not for those of an override, is listed for these as well: `old` is `new`.
    """

    section: str
    setting: str
    old: str | None
    new: str | None
    kind: str | None = None
    when: dict[str, list[str]] | None = None


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """All that changes. `restart`: the sections among it that need a clean stop."""

    changes: tuple[PolicyChange, ...]
    restart: tuple[str, ...]


def diff(old: Policy, new: Policy) -> PolicyDiff:
    """What changes from one policy to another."""
    sections = [*_sections(effective(old), effective(new))]
    overrides = [*_overrides(old, new)]
    if not overrides and old.overrides != new.overrides:
        sections.append(PolicyChange(OVERRIDES, "order", "as it was", "another; it counts for orders that several of them fit"))
    rules = sorted((*_rules(old, new), *overrides), key=lambda change: str(change.kind))  # What is for all orders stays first.
    changed = {change.section for change in sections}
    return PolicyDiff((*sections, *rules), tuple(name for name in OF_THE_STATE if name in changed))


def _sections(old: Mapping[str, Plain], new: Mapping[str, Plain]) -> Iterator[PolicyChange]:
    """All sections but the name and those of rules and overrides. Their order is that of a policy that is shown."""
    for section in dict.fromkeys((*old, *new)):
        if section in {"name", "rules", OVERRIDES}:
            continue
        missing = LEARNED if section == "emits" else None
        before, after = dict(_leaves(old.get(section, missing))), dict(_leaves(new.get(section, missing)))
        for name in dict.fromkeys((*before, *after)):
            if before.get(name) != after.get(name):
                yield PolicyChange(section, name, before.get(name), after.get(name))


def _leaves(value: Plain | None, name: str = "") -> Iterator[tuple[str, str]]:
    """The single values of a section, by their names: `house.hours.mon`."""
    if value is None:
        return
    if not isinstance(value, dict):
        yield name, written(value)
        return
    if not value and name:
        yield name, "{}"
    for key, inner in value.items():
        yield from _leaves(inner, f"{name}.{key}" if name else key)


def written(value: Plain) -> str:
    """A value on one line, as a policy file may state it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {written(inner)}" for name, inner in value.items()) + "}"
    return "[" + ", ".join(map(written, value)) + "]" if isinstance(value, list) else value


def settings_of(rule: Described, setting: RuleSetting) -> dict[str, str]:
    """A rule's settings that have an effect on it, each on one line."""
    return {name: written(value) for name, value in setting_of(rule, setting).items()}


def _rules(old: Policy, new: Policy) -> Iterator[PolicyChange]:
    before, after = _base(old), _base(new)
    for kind in sorted(before.keys() | after.keys()):
        yield from _settings("rules", kind, before.get(kind, {}), after.get(kind, {}))


def _settings(section: str, kind: str, before: Settings, after: Settings, when: When | None = None) -> Iterator[PolicyChange]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield PolicyChange(section, name, before.get(name), after.get(name), kind, None if when is None else named(when))


def _base(policy: Policy) -> dict[str, dict[str, str]]:
    return {rule.kind: settings_of(rule, setting) for rule, setting in zip(policy.rules, policy.base, strict=True)}


def named(when: When) -> dict[str, list[str]]:
    """The orders of an override, as a policy file names them."""
    return {name: sorted(allowed) for name, allowed in zip(Dims._fields, when, strict=True) if allowed is not None}


def _overrides(old: Policy, new: Policy) -> Iterator[PolicyChange]:
    """What changes for the orders of each override, beyond what changes for more orders than these."""
    listed: dict[tuple[str, str], list[tuple[When | None, PolicyChange]]] = {}
    for change in _rules(old, new):
        listed.setdefault((str(change.kind), change.setting), []).append((None, change))
    whens = dict.fromkeys(override.when for policy in (old, new) for override in policy.overrides)
    for when in sorted(whens, key=lambda one: sum(allowed is not None for allowed in one)):
        before, after = _for(old, when), _for(new, when)
        for kind in sorted(before.keys() | after.keys()):
            for change in _settings(OVERRIDES, kind, before.get(kind, {}), after.get(kind, {}), when):
                wider = listed.setdefault((kind, change.setting), [])
                if not any((one.old, one.new) == (change.old, change.new) and (w is None or within(when, w)) for w, one in wider):
                    wider.append((when, change))
                    yield change
        for kind, name in [place for place, (one, *_) in listed.items() if one[0] is None]:
            kept = before.get(kind, {}).get(name)
            wider = listed[kind, name]
            if kept is None or kept != after.get(kind, {}).get(name):
                continue
            if not any(one.old == one.new == kept and w is not None and within(when, w) for w, one in wider):
                # It changes for all orders, but these have an override of their own for it.
                stays = PolicyChange(OVERRIDES, name, kept, kept, kind, named(when))
                wider.append((when, stays))
                yield stays


def _for(policy: Policy, when: When) -> dict[str, dict[str, str]]:
    """What holds for the orders of an override, as far as nothing else is known of them."""
    counts = sorted((override for override in policy.overrides if within(when, override.when)), key=lambda override: override.weight)
    found: dict[str, dict[str, str]] = {}
    for rule, setting in zip(policy.rules, policy.base, strict=True):
        found[rule.kind] = settings_of(rule, reduce(overridden, counts, setting))
    return found


def within(when: When, wider: When) -> bool:
    """Whether every order of `when` is one of `wider`, as far as their words show it."""
    return all(
        allowed is None or (mine is not None and {text.casefold() for text in mine} <= {text.casefold() for text in allowed})
        for mine, allowed in zip(when, wider, strict=True)
    )


def words(when: Mapping[str, list[str]]) -> str:
    """The orders of an override, for a person: `tier gold or silver, country US`."""
    return ", ".join(f"{name.replace('_', ' ')} {' or '.join(values)}" for name, values in when.items())
