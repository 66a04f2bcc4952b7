"""What a policy says of actions and guardrails: how it is read, written out, and what is wrong with it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dataflows.core.policy.handling import ACTION_POLICY, GUARDRAILS, Budget, Guardrail
from dataflows.core.policy.messaging import MESSAGE_POLICY, MessageCap, MessagePolicy
from dataflows.core.policy.show import render
from dataflows.core.rules import RULES
from dataflows.core.rules.legality import BY_KIND, legal
from dataflows.core.rules.load import check_policy, load_policy
from schemas.actions import ACTIONS, STEPS, action_of

if TYPE_CHECKING:
    from pathlib import Path

ALL = """\
actions:
  approval_timeout: 8 h
  approve_within: 2 h
  ladder: desks
  remember: 10 d
  approvers: {approve_refund: [finance, admin]}
  second_approval_above: {EUR: 500}
  budgets:
    - {action: notify_customer, most: 500}
    - {rule: payment.declined_soft, tenant: acme, most: 0}
    - {action: notify_customer, each: customer, most: 2}
  quiet_hours: 22:00-07:30
ladders: {desks: {steps: [{wait: 0 h, role: lead}]}}
guardrails:
  good_customers: {when: "order.tier in [gold, vip]", lane: block, actions: [cancel_order]}
  high_value: {when: order.total > 250 EUR}
  failed_capture: 'off'
messages:
  channels: [push, email]
  consent: required
  cap: {most: 1, within: 36 h}
  languages: {Germany: de, '*': nl}
  topics: {Shipping Delay: delay}
"""


def written(folder: Path, text: str) -> Path:
    """A policy file."""
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_that_can_be_said_is_read(tmp_path: Path) -> None:
    """What is not said is as built in."""
    policy = load_policy(written(tmp_path, ALL))
    actions = policy.actions
    assert (actions.approve_within, actions.ladder) == (2 * 3_600_000_000, "desks")
    assert (actions.approval_timeout, actions.remember) == (8 * 3_600_000_000, 10 * 86_400_000_000)
    assert (actions.roles_for("approve_refund"), actions.roles_for("hold_order")) == (("admin", "finance"), ("admin", "approver"))
    assert actions.approvals_for(Decimal(500), "EUR") == 1
    much = ((Decimal("500.01"), "EUR"), (Decimal(1), "USD"), (None, None))
    assert [actions.approvals_for(*each) for each in much] == [2, 2, 2]
    assert actions.budgets == (
        Budget(500, action="notify_customer"),
        Budget(0, rule="payment.declined_soft", tenant="acme"),
        Budget(2, action="notify_customer", each_customer=True),
    )
    assert actions.quiet == (22 * 60, 7 * 60 + 30)
    own = {"good_customers"} | {each.name for each in GUARDRAILS} - {"failed_capture"}
    assert [each.name for each in policy.guardrails] == sorted(own)
    named = {each.name: each for each in policy.guardrails}
    assert named["good_customers"] == Guardrail("good_customers", "order.tier in [gold, vip]", "block", ("cancel_order",), "good customers")
    assert named["high_value"].when == "order.total > 250 EUR"
    assert policy.messages == MessagePolicy(
        ("push", "email"), "required", MessageCap(1, 36 * 3_600_000_000), {"DE": "de", "*": "nl"}, {"shipping delay": "delay"}
    )
    assert [policy.messages.language(country) for country in ("DE", "FR", None)] == ["de", "nl", "nl"]


def test_nothing_said_is_as_built_in_and_no_part_of_the_version(tmp_path: Path) -> None:
    """So the version of every policy stays what it was before there were such sections."""
    plain = load_policy(None)
    assert (plain.actions, plain.guardrails, plain.messages) == (ACTION_POLICY, GUARDRAILS, MESSAGE_POLICY)
    empty = load_policy(written(tmp_path, "actions:\nguardrails: {}\n"))
    assert empty.version == plain.version
    assert load_policy(written(tmp_path, "actions: {quiet_hours: 'off'}\n")).version != plain.version
    assert load_policy(written(tmp_path, "guardrails: {high_value: 'off'}\n")).version != plain.version


@pytest.mark.parametrize("text", ["", ALL, "actions: {quiet_hours: 'off'}\nguardrails: {fraud_hold: 'off'}\nmessages: {cap: 'off'}\n"])
def test_what_is_written_out_reads_back_the_same(tmp_path: Path, text: str) -> None:
    """Sections, budgets and all."""
    policy = load_policy(written(tmp_path, text))
    again = load_policy(written(tmp_path, render(policy)))
    assert (again.version, again.actions, again.guardrails) == (policy.version, policy.actions, policy.guardrails)
    assert again.messages == policy.messages


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("actions: {aproval_timeout: 4 h}", '(did you mean "approval_timeout"?)'),
        ("actions: {approval_timeout: 0 h}", "this must be longer than nothing"),
        ("actions: {approval_timeout: 4 h, approve_within: 4 h}", "4 h is not before the action expires (4 h)"),
        ("actions: {ladder: nights}", "unknown ladder 'nights'"),
        ("actions: {approvers: {aprove_refund: [x]}}", '(did you mean "approve_refund"?)'),
        ("actions: {approvers: {approve_refund: []}}", "name at least one role that may approve"),
        ("actions: {budgets: [{action: notify_customer}]}", "most"),
        ("actions: {budgets: [{most: many}]}", "'many' is no number of actions a day"),
        ("actions: {budgets: [{most: 5, rule: payment.captured}]}", "unknown rule kind 'payment.captured'"),
        ("actions: {budgets: [{most: 5, each: order}]}", "unknown each 'order'; known: customer"),
        ("actions: {quiet_hours: 21:00}", "are no quiet hours such as '21:00-08:00'"),
        ("actions: {quiet_hours: 21:00-21:00}", "for none write off"),
        ("actions: {second_approval_above: {EURO: 5}}", "'EURO' is no currency"),
        ("guardrails: {rich: {when: order.totl > 5 EUR}}", "unknown field 'order.totl' (did you mean \"order.total\"?)"),
        ("guardrails: {rich: {when: order.total >}}", "guardrails.rich.when"),
        ("guardrails: {rich: {when: order.total > 5 EUR, lane: auto}}", "unknown lane 'auto'; known: review, block"),
        ("guardrails: {rich: {when: order.total > 5 EUR, actions: [ship_it]}}", "unknown action 'ship_it'"),
        ("guardrails: {rich: {lane: review}}", "when"),
        (
            "messages: {chanels: sms}",
            'messages.chanels: unknown key; known here: channels, consent, cap, languages, topics (did you mean "channels"?)',
        ),
        ("messages: {channels: [sms, sms]}", "name at least one channel, and each once"),
        ("messages: {channels: [E mail]}", "'e mail' is no channel such as email or sms"),
        ("messages: {cap: {most: 0, within: 1 d}}", "'0' is no number of messages: 1 to 1000"),
        ("messages: {cap: {most: 1}}", "within"),
        ("messages: {languages: {DE: german}}", "'german' is no language such as en or pt-BR"),
        ("messages: {topics: {late: dely}}", "unknown topic 'dely'"),
        ("messages: {consent: maybe}", "unknown consent 'maybe'; known: stated, required, off"),
        ("guardrails: {rich: {whn: order.total > 5 EUR}}", '(did you mean "when"?)'),
        (
            "custom_rules: {x: {says: y, form: reported, when: support.contacted, actions: {shout: why}}}",
            "unknown action 'shout'; known: approve_refund",
        ),
        (
            "custom_rules: {x: {says: y, form: reported, when: support.contacted, actions: {approve_refund: why}}}",
            "a rule of your own may not propose approve_refund: pay money back",
        ),
    ],
)
def test_what_is_wrong_is_told_by_name(tmp_path: Path, text: str, problem: str) -> None:
    """With what was probably meant."""
    found = [str(each) for each in check_policy(written(tmp_path, text + "\n"))]
    assert any(problem in each for each in found), found


def test_every_step_of_every_rule_is_an_action_that_is_legal_for_it() -> None:
    """The table of what is legal is written by hand: a rule that names more must first be allowed to."""
    for rule in RULES:
        for step, _ in rule.actions:
            assert action_of(step) in legal(rule.kind), (rule.kind, step)


def test_the_tables_name_what_there_is() -> None:
    """Kinds, actions and steps; what gives money away is named for single kinds only."""
    assert set(BY_KIND) <= {rule.kind for rule in RULES}
    assert {name for names in BY_KIND.values() for name in names} <= set(ACTIONS)
    assert set(STEPS) == {step for rule in RULES for step, _ in rule.actions} - set(ACTIONS)
    assert set(STEPS.values()) <= set(ACTIONS)
    money = {name for name, spec in ACTIONS.items() if spec.money}
    assert money == {"approve_refund", "approve_replacement"}
    assert not money & legal("custom.anything")
    assert not money & legal("fulfilment.pack_overdue")
