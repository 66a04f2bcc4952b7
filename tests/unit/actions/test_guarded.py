"""Lanes that are judged again: what becomes of an action when other things speak against it than when it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace as changed

from dataflows.core.actions.shard import ActionShard
from dataflows.core.rules.guarding import Objection
from tests.support.actions import ANNA, BEN, Desk, intent, policy_of
from tests.support.logs import HOUR, T0

if TYPE_CHECKING:
    from dataflows.core.engine.intents import Intent

FRAUD = Objection("fraud_hold", "block", "the order is held for fraud")
VALUE = Objection("high_value", "review", "the order is worth more than 1000")
DECLINED = "payment.declined_soft"


def again(asked: Intent, *spoken: Objection, log: int = T0 + 1, lane: str | None = None, **more: Any) -> Intent:
    """What the order's shard says later of the same action."""
    lanes = {each.effect for each in spoken} | {lane or asked.lane}
    worst = next((each for each in ("block", "review") if each in lanes), "auto")
    return changed(asked, log=log, sort="guarded", guardrails=list(spoken), lane=worst, **more)


def asked(desk: Desk, *spoken: Objection, step: str = "retry_payment", lane: str = "auto", **more: Any) -> Intent:
    """An action that an exception asks for."""
    lanes = {each.effect for each in spoken} | {lane}
    worst = next((each for each in ("block", "review") if each in lanes), "auto")
    found = intent(DECLINED, step, lane=worst, guardrails=spoken, **more)
    desk.take(found)
    return found


def replaced(desk: Desk, first: str) -> str:
    """The action that stands in the place of another one."""
    (found,) = [id_ for id_, data in desk.states.items() if data["replaces"] == first]
    return found


@pytest.mark.parametrize(("spoken", "lane"), [(FRAUD, "block"), (VALUE, "review")])
def test_what_was_requested_and_has_not_begun_goes_back_to_a_person(spoken: Objection, lane: str) -> None:
    """It is withdrawn under its ID, so that nobody begins it, and proposed under another one, with the reason (S39, S40)."""
    desk = Desk()
    first = asked(desk)
    assert desk.state(first.action_id) == "requested"
    assert desk.take(again(first, spoken)) == [("action.withdrawn", "withdrawn"), ("action.proposed", "proposed")]
    assert spoken.reason in desk.states[first.action_id]["reason"]
    second = replaced(desk, first.action_id)
    assert (desk.states[second]["lane"], desk.spoken(second), desk.states[second]["approvals_needed"]) == (lane, [spoken.name], 1)
    assert desk.take(again(first, spoken, log=T0 + 2)) == []
    assert desk.approve(second, log=T0 + 3) == [("action.requested", "requested")]


def test_nothing_new_changes_nothing() -> None:
    """The same guardrails, or fewer, of what was requested: it stays as it was said."""
    desk = Desk()
    first = asked(desk)
    assert desk.take(again(first)) == []
    assert desk.state(first.action_id) == "requested"


@pytest.mark.parametrize("state", ["begun", "executed", "in_doubt", "failed"])
def test_what_has_begun_is_a_fact(state: str) -> None:
    """No guardrail reaches it any more."""
    desk = Desk()
    first = asked(desk)
    desk.decide("action.begun", action_id=first.action_id)
    if state != "begun":
        more: dict[str, Any] = {"retry_at": "2026-04-21T00:00:00Z"} if state == "failed" else {}
        desk.decide(f"action.{state}", action_id=first.action_id, **more)
    assert desk.take(again(first, FRAUD, log=T0 + 5)) == []
    assert desk.state(first.action_id) == state


def test_who_approved_it_has_seen_what_asks_for_a_person_but_not_what_blocks() -> None:
    """An approved refund stays requested when it becomes a matter for a person; a fraud hold takes it back."""
    desk = Desk()
    first = asked(desk, VALUE)
    desk.approve(first.action_id)
    other = Objection("no_stock", "review", "stock of the order is missing")
    assert desk.take(again(first, VALUE, other)) == []
    assert desk.take(again(first, VALUE, FRAUD, log=T0 + 2))[0] == ("action.withdrawn", "withdrawn")
    second = replaced(desk, first.action_id)
    assert desk.states[second]["approved_by"] == []
    assert desk.decide("action.begun", T0 + 3, action_id=second) == [("reject", "not_requested")]


def test_a_guardrail_that_is_silent_again_loosens_no_more_than_the_block() -> None:
    """What was once held for a person waits for one; what blocked it and has gone is said no more."""
    desk = Desk()
    first = asked(desk, FRAUD)
    assert desk.states[first.action_id]["lane"] == "block"
    assert desk.take(again(first, lane="auto")) == [("action.updated", "proposed")]
    data = desk.states[first.action_id]
    assert (data["lane"], data["guardrails"], data["approvals_needed"]) == ("review", [], 1)
    assert desk.wait(T0 + 3 * 24 * HOUR + 5)[-1] == ("action.updated", "expired")


def test_what_waits_for_the_morning_needs_a_person_when_a_guardrail_speaks_by_then() -> None:
    """It is not requested at the end of the quiet hours (S40)."""
    desk = Desk()
    first = asked(desk, Objection("quiet_hours", "hold", "it is quiet"), hold_until=T0 + 8 * HOUR)
    assert desk.take(again(first, VALUE)) == [("action.updated", "proposed")]
    assert desk.states[first.action_id]["approvals_needed"] == 1
    assert desk.spoken(first.action_id) == ["quiet_hours", "high_value"]
    assert ("action.requested", "requested") not in desk.wait(T0 + 9 * HOUR)


def test_a_refund_of_another_amount_is_another_action() -> None:
    """What was approved was the old one; a hash that was read before approves nothing (S41)."""
    desk = Desk()
    first = intent("return.received_not_refunded", "approve_refund", lane="review")
    desk.take(first)
    hashed = desk.states[first.action_id]["payload_hash"]
    less = {"amount": {"amount": "30.00", "currency": "EUR"}}
    desk.take(again(first, parameters={**first.parameters, **less}, amount=("30.00", "EUR")))
    second = replaced(desk, first.action_id)
    assert desk.state(first.action_id) == "withdrawn"
    assert desk.states[second]["value"] == less["amount"]
    assert desk.approve(second, payload_hash=hashed) == [("reject", "wrong_hash")]
    assert desk.approve(second) == [("action.requested", "requested")]


def test_what_began_before_it_was_read_that_it_was_taken_back_is_done_once() -> None:
    """The one that stands in its place is withdrawn: the same is not asked for twice."""
    desk = Desk()
    first = asked(desk)
    desk.take(again(first, FRAUD))
    second = replaced(desk, first.action_id)
    said = desk.decide("action.begun", T0 + 2, action_id=first.action_id, attempt=1)
    assert (desk.state(first.action_id), desk.state(second)) == ("begun", "withdrawn")
    assert said[-1] == ("action.proposed", "proposed")  # What makes it good, since it should not have been begun.
    assert desk.approve(second, log=T0 + 3) == [("reject", "wrong_state")]
    gone = changed(first, sort="gone", log=T0 + 4)
    assert desk.take(gone) == []  # It is under way, and what makes it good is proposed already.


def test_the_budget_of_what_is_taken_back_is_free_again() -> None:
    """Until somebody approves it anew."""
    desk = Desk("actions: {budgets: [{action: retry_payment, most: 1}]}")
    first = asked(desk)
    desk.take(again(first, FRAUD))
    other = intent(DECLINED, "retry_payment", order="A-2", log=T0 + 2)
    assert desk.take(other) == [("action.requested", "requested")]
    assert desk.approve(replaced(desk, first.action_id), log=T0 + 3) == [("reject", "budget")]


def test_a_doubt_takes_back_what_is_requested_for_the_same_target() -> None:
    """Nobody knows what it would meet; it is a person's once the doubt has ended (S54, S58)."""
    desk = Desk()
    hold = intent("payment.declined_hard", "hold_order")
    release = intent("order.stalled", "release_order", number=2)
    desk.take(hold, release)
    desk.decide("action.begun", action_id=hold.action_id)
    said = desk.decide("action.in_doubt", action_id=hold.action_id)
    assert said == [("action.updated", "in_doubt"), ("action.withdrawn", "withdrawn"), ("action.proposed", "blocked")]
    second = replaced(desk, release.action_id)
    assert desk.approve(second) == [("reject", "blocked")]
    assert desk.decide("action.observed", action_id=hold.action_id, outcome="executed")[-1] == ("action.updated", "proposed")
    assert desk.approve(second) == [("action.requested", "requested")]


def test_an_approval_that_is_overdue_escalates_once_and_then_expires() -> None:
    """To who may approve it, in the team that has the exception (S35, S43)."""
    desk = Desk()
    first = changed(intent(DECLINED, "retry_payment", lane="review"), owner="FIN")
    desk.take(first)
    assert desk.wait(T0 + 24 * HOUR - 1) == []
    assert desk.wait(T0 + 24 * HOUR) == [("action.updated", "proposed")]
    said = desk.states[first.action_id]["escalation"]
    assert (said["level"], said["to"], said["reason"]) == (1, "FIN/admin", "approval_overdue")
    assert desk.wait(T0 + 72 * HOUR) == [("action.updated", "expired")]


LADDER = """
teams: {FIN: {zone: Europe/Amsterdam}, OPS: {}}
actions: {approve_within: 1 h, ladder: nights}
ladders:
  nights:
    steps:
      - {wait: 0 h, role: lead}
      - {wait: 2 h, team: OPS, days: mon-fri, hours: "13:00-14:00", zone: UTC}
"""


def test_it_escalates_along_a_ladder_in_its_windows() -> None:
    """Rung by rung; what is approved escalates no more."""
    desk = Desk(LADDER)
    first = changed(intent(DECLINED, "retry_payment", lane="review"), owner="FIN")
    desk.take(first)
    assert desk.states[first.action_id]["needs_approval_by"] == "2026-04-20T09:00:00Z"
    assert desk.wait(T0 + HOUR) == [("action.updated", "proposed")]
    assert desk.states[first.action_id]["escalation"]["to"] == "FIN/lead"
    assert desk.wait(T0 + 5 * HOUR - 1) == []
    assert desk.wait(T0 + 5 * HOUR) == [("action.updated", "proposed")]
    assert (desk.states[first.action_id]["escalation"]["level"], desk.states[first.action_id]["escalation"]["to"]) == (2, "OPS")
    assert desk.approve(first.action_id, BEN, log=T0 + 6 * HOUR) == [("action.requested", "requested")]
    assert desk.states[first.action_id]["escalation"] is None
    assert desk.states[first.action_id]["needs_approval_by"] is None


def test_an_approval_in_time_escalates_nothing() -> None:
    """Nor does what is not a person's."""
    desk = Desk()
    first, free = asked(desk, VALUE), intent("payment.declined_hard", "hold_order", order="A-2")
    desk.take(free)
    desk.approve(first.action_id, ANNA)
    assert desk.wait(T0 + 48 * HOUR) == []


def test_an_action_that_was_asked_for_anew_survives_a_restart() -> None:
    """Which of the two stands for its exception is known from the rows."""
    desk = Desk()
    first = asked(desk)
    desk.take(again(first, FRAUD))
    second = replaced(desk, first.action_id)
    fresh = ActionShard(policy_of(""))
    fresh.restore(sorted(desk.shard.rows()))
    desk.shard = fresh
    assert desk.take(changed(first, sort="gone", log=T0 + 9)) == [("action.withdrawn", "withdrawn")]
    assert desk.state(second) == "withdrawn"
