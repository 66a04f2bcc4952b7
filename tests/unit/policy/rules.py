"""A few rules and a way to write policy files, for the tests of the policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflows.core.policy import Policy
from dataflows.core.policy.setting import RuleDefaults
from dataflows.core.rules.load import load_policy
from dataflows.core.rules.model import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dataflows.core.history.facts import Facts
    from dataflows.core.policy import RuleSetting
    from dataflows.core.rules.conditions import Condition


def never(_facts: Facts, _setting: RuleSetting) -> Iterable[Condition | None]:
    """A judge that finds nothing."""
    return ()


def made(kind: str, defaults: RuleDefaults, anchors: tuple[str, ...] = ()) -> Rule:
    """A rule that never finds anything."""
    return Rule(kind, "timeout", f"{kind} is late.", "the milestone", "the milestone", "P", (), defaults, never, anchors=anchors)


RULES = (
    made("payment.auth_missing", RuleDefaults("FIN", "medium", "block", "1 h", suppressed_by=("payment.capture_overdue",))),
    made("payment.capture_overdue", RuleDefaults("FIN", "medium", "review", "24 h", anchor="terms"), ("terms", "placed", "shipped")),
    made("fulfilment.ship_overdue", RuleDefaults("FULF", "high", "auto", anchor="ship_by", clock="site", fallback=("captured", "72 h"))),
    made(
        "shipment.scan_gap",
        RuleDefaults("CARR", "low", "auto", "3 bd", "5 bd", clock="carrier", steps=(("10 bd", "high"),), feeds=("carrier",)),
    ),
    made("order.master_data_incomplete", RuleDefaults("DATA", "medium", "block", fields=("total", "ship_to.country"))),
)


def written(folder: Path, text: str) -> Path:
    """A policy file with this content."""
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def loaded(folder: Path, text: str) -> Policy:
    """The policy that this content states for the rules above."""
    return load_policy(written(folder, text), RULES)
