"""What holds of every rule, simply because it is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataflows.core.clocks import span
from dataflows.core.engine.ruleset import EVERY_EVENT
from dataflows.core.engine.triggers import ARRIVAL_TRAITS, DATES
from dataflows.core.rules import RULES, RULES_BY_KIND
from schemas.events import DATA_MODELS
from sources.simulator import FAULTS
from tests.support.stories import stories

if TYPE_CHECKING:
    from dataflows.core.rules.model import Rule

OWNERS = {"ECOM", "FULF", "FIN", "OPS", "CARR", "CS", "DATA"}
FINER = {*ARRIVAL_TRAITS, "carrier.scan+reason", "scanned", "high risk", "expires", "settled", "note", "future", EVERY_EVENT}

OF_THE_PROGRAM = "data.rule_failed"
"""The kind that speaks of a fault in the program: no event makes it true, so nothing but the engine can look for it."""

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)


def test_the_registry_is_in_order_and_without_doubles() -> None:
    """A kind has one rule; rules are judged by kind, so that a replay writes them in one order."""
    kinds = [rule.kind for rule in RULES]
    assert kinds == sorted(set(kinds))


@every_rule
def test_a_rule_tells_people_what_it_means(rule: Rule) -> None:
    """It has a definition, a source of its default, what clears and what prevents it, an owner and a first action with its reason."""
    assert rule.definition.endswith(".")
    assert all((rule.source, rule.clears, rule.prevented_by, rule.actions))
    assert all(action and reason for action, reason in rule.actions)
    assert rule.defaults.owner in OWNERS


@every_rule
def test_a_rule_has_defaults_that_a_policy_could_state(rule: Rule) -> None:
    """Its spans are spans, and what suppresses it are kinds other than itself."""
    spans = [rule.defaults.threshold, rule.defaults.grace, rule.defaults.margin, *(step.at for step in rule.defaults.steps)]
    assert all(span(str(stated)) == stated for stated in spans)
    assert rule.kind not in rule.defaults.suppressed_by
    assert RULES_BY_KIND.keys() >= set(rule.defaults.suppressed_by)


@every_rule
def test_a_rule_looks_at_events_that_there_are(rule: Rule) -> None:
    """Its traits are event types, scan statuses or finer traits that the engine gives; a dated rule names a date that an event brings."""
    traits = {*rule.triggers.on, *rule.triggers.arms, *rule.triggers.met_by}
    assert {trait for trait in traits if trait not in DATA_MODELS and not trait.startswith("carrier.scan:")} <= FINER
    assert rule.triggers.on or rule.triggers.arms or rule.kind == OF_THE_PROGRAM
    assert rule.triggers.dated is None or rule.triggers.dated in DATES


@every_rule
def test_a_rule_has_stories_and_a_fault(rule: Rule) -> None:
    """Stories say when it holds and when not; the simulator can make it happen."""
    if rule.kind == OF_THE_PROGRAM:
        pytest.skip("no event of a correct program makes it true; tests/unit/core/test_poison.py does")
    assert sum(story.kind == rule.kind for story in stories()) >= 2
    assert any(fault.kind == rule.kind for fault in FAULTS)
