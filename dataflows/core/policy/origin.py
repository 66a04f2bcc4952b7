"""Where each setting of a rule comes from: the layers of a policy file, from the rule's own default to the override that wins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dataflows.core.clocks import Calendar
from dataflows.core.policy.diff import named, settings_of, words
from dataflows.core.policy.form import PolicyForm, change_of
from dataflows.core.policy.matching import matcher
from dataflows.core.policy.model import Dims
from dataflows.core.policy.policy import Policy
from dataflows.core.policy.setting import Described, RuleSetting, changed
from schemas.tree import Tree

DEFAULT: Final = "default"
ALL: Final = "*"


@dataclass(frozen=True, slots=True)
class Layer:
    """One place that says something of a rule: what it is called, the line of the file, and what the rule's settings are with it.

    `stated`: the settings that it names; others may move along with them (`steps` with `threshold`).
    """

    name: str
    line: int | None
    stated: tuple[str, ...]
    settings: dict[str, str]


@dataclass(frozen=True, slots=True)
class Origin:
    """A setting that holds: its value, the layer that it comes from, and what it was in the layers before that."""

    setting: str
    value: str
    layer: str
    line: int | None
    moved: bool
    """The layer does not name it: it moved along with what the layer names."""
    before: tuple[str, ...]


def origins(rule: Described, policy: Policy, form: PolicyForm, tree: Tree, dims: Dims | None) -> tuple[Origin, ...]:
    """Where the settings of a rule come from: of all orders, or of those that `dims` says."""
    found: dict[str, Origin] = {}
    for layer in _layers(rule, policy, form, tree, dims):
        for name, value in layer.settings.items():
            known = found.get(name)
            if known is None:
                found[name] = Origin(name, value, layer.name, layer.line, moved=False, before=())
            elif name in layer.stated or value != known.value:
                moved = name not in layer.stated
                found[name] = Origin(name, value, layer.name, layer.line, moved, (*known.before, known.value))
    return tuple(found.values())


def others(rule: Described, policy: Policy, form: PolicyForm, tree: Tree) -> tuple[Layer, ...]:
    """The overrides that say something of a rule, as their orders see it if none but this one is for them."""
    base = policy.base[[one.kind for one in policy.rules].index(rule.kind)]
    entries = (_entry(rule, base, policy, form, tree, number) for number in range(len(policy.overrides)))
    return tuple(entry[0] for entry in entries if entry is not None)


def _layers(rule: Described, policy: Policy, form: PolicyForm, tree: Tree, dims: Dims | None) -> Iterator[Layer]:
    setting: RuleSetting = rule.defaults
    yield Layer(DEFAULT, None, (), settings_of(rule, setting))
    for key, name in ((ALL, "rules '*'"), (rule.kind, "rules")):
        if key in form.rules:
            change = change_of(form.rules[key])
            setting = changed(setting, change)
            yield Layer(name, tree.at(("rules", key), key=True)[0], tuple(change), settings_of(rule, setting))
    if dims is None:
        return
    for number in sorted(range(len(policy.overrides)), key=lambda number: policy.overrides[number].weight):
        entry = _entry(rule, setting, policy, form, tree, number) if matcher(policy.overrides[number])(dims) else None
        if entry is not None:
            layer, setting = entry
            yield layer


def _entry(
    rule: Described, setting: RuleSetting, policy: Policy, form: PolicyForm, tree: Tree, number: int
) -> tuple[Layer, RuleSetting] | None:
    """What an override makes of a setting: its entry for all rules, after it that of the rule; None if it has neither."""
    said = [key for key in (ALL, rule.kind) if key in form.overrides[number].rules]
    if not said:
        return None
    stated: list[str] = []
    for key in said:
        change = change_of(form.overrides[number].rules[key])
        setting = changed(setting, change)
        stated += change
    name = f"orders with {words(named(policy.overrides[number].when))}"
    line = tree.at(("overrides", number, "rules", said[-1]), key=True)[0]
    return Layer(name, line, tuple(stated), settings_of(rule, setting)), setting


def calendar_of(policy: Policy, clock: str, dims: Dims) -> Calendar:
    """The calendar that a clock means for an order of which this much is known."""
    region = dims.region.partition("-")[2] if dims.region and dims.region.startswith(f"{dims.country}-") else dims.region
    match clock:
        case "site":
            return policy.site_calendar(dims.site, dims.tenant)
        case "carrier":
            return policy.carrier_calendar(dims.carrier, dims.country, region)
        case "destination":
            return policy.destination_calendar(dims.country, region)
        case "tenant":
            return policy.tenant_calendar(dims.tenant)
        case _:
            return policy.calendar(clock)
