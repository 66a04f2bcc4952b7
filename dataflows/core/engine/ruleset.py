"""The rules of one policy as the engine uses them: each by its place, its kind and the masks of its triggers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from dataflows.core.engine.traits import mask
from dataflows.core.history.unclaimed import ORPHAN
from dataflows.core.policy import Dims, Policy, RuleSetting
from dataflows.core.policy.policy import overridden
from dataflows.core.rules.dates import date_of
from dataflows.core.rules.model import Rule

EVERY_EVENT = "*"
OF_SHIPMENT = frozenset(("carrier", "service", "site"))
"""What a shipment has of its own, of the dimensions that settings may depend on."""
FAILED = "data.rule_failed"
"""The kind, beside orphans, that speaks of orders which are not known to be placed, and of what the engine notes itself."""


@dataclass(frozen=True, slots=True)
class TriggerMasks:
    """What a rule says of its triggers, as masks of traits; `needs` is 0 where it needs nothing, `arms_always` where any event arms it."""

    on: int
    arms: int
    arms_always: bool
    needs: int
    unless: int
    met_by: int

    def may_concern(self, traits: int) -> bool:
        """Whether the rule may have something to say of an order with these traits."""
        if self.needs and not self.needs & traits:
            return False
        return self.arms_always or (self.on | self.arms) & traits != 0


def _triggers(rule: Rule) -> TriggerMasks:
    given = rule.triggers
    arms = set(given.arms)
    return TriggerMasks(
        mask(given.on), mask(arms - {EVERY_EVENT}), EVERY_EVENT in arms, mask(given.needs), mask(given.unless), mask(given.met_by)
    )


def _gone(kind: str) -> Rule:
    """Stands for a rule of the user that the policy had once: what is still to be said of its exceptions."""
    return Rule(
        kind=kind,
        shape="signal",
        definition="The rule is no longer in the policy.",
        clears="",
        prevented_by="",
        source="",
        actions=(),
        defaults=RuleSetting(kind=kind, switch="off"),
        judge=lambda _facts, _setting: (),
    )


def _by_parcel(policy: Policy) -> dict[str, tuple[RuleSetting, ...]]:
    places = [Dims._fields.index(name) for name in sorted(OF_SHIPMENT)]
    found: dict[str, tuple[RuleSetting, ...]] = {}
    for setting in policy.base:
        mine = [override for override in policy.overrides if override.everything or setting.kind in override.rules]
        if any(override.when[place] is not None for override in mine for place in places):
            found[setting.kind] = (setting, *(overridden(setting, override) for override in mine))
    return found


class RuleSet:
    """The rules of a policy, in the order in which they are evaluated."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.rules = cast("tuple[Rule, ...]", policy.rules)
        self.index = {rule.kind: index for index, rule in enumerate(self.rules)}
        """The place of each kind."""
        self.triggers = tuple(map(_triggers, self.rules))
        self.dates = tuple(date_of(rule.forms) for rule in self.rules)
        """The date that each counts from, if it counts from one."""
        self.failed = self.index.get(FAILED)
        self.orphan = frozenset(index for kind, index in self.index.items() if kind == ORPHAN)
        self.unplaced = self.orphan | {index for kind, index in self.index.items() if kind == FAILED}
        """The rules that speak of orders which are not known to be placed."""
        self.overridden = frozenset(kind for o in policy.overrides for kind in (o.rules if not o.everything else self.index))
        """The kinds whose setting may differ from order to order."""
        self.by_parcel = _by_parcel(policy)
        """Of the kinds whose setting may differ from parcel to parcel of an order: their settings with each override alone, and without."""
        self.by_shipment = self.overridden if policy.named & OF_SHIPMENT else frozenset[str]()
        """Those whose setting may differ from one shipment of an order to another."""

    def by_kind(self, kind: str) -> Rule:
        """The rule of a kind; one that finds nothing where the policy no longer has it."""
        index = self.index.get(kind)
        return _gone(kind) if index is None else self.rules[index]
