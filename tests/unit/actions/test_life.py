"""The life of an action: from what a rule asks for to its end."""

from __future__ import annotations

from typing import Any

import pytest

from dataflows.core.actions.digest import payload_hash
from dataflows.core.actions.shard import ActionShard
from dataflows.core.engine.exceptions import action_id
from dataflows.core.rules.guarding import Objection
from tests.support.actions import ANNA, BEN, CARA, Desk, intent, policy_of
from tests.support.logs import DAY, HOUR, MINUTE, T0

REFUND, REPLACE, NOTIFY = "approve_refund", "approve_replacement", "notify_customer"
LOST, RETURNED = "shipment.lost_confirmed", "return.received_not_refunded"


def refund(desk: Desk, **more: Any) -> str:
    """A proposed refund of an order; its ID."""
    asked = intent(RETURNED, REFUND, lane="review", **more)
    assert desk.take(asked) == [("action.proposed", "proposed")]
    return asked.action_id


def test_an_action_of_lane_auto_is_requested_at_once_under_the_id_of_before() -> None:
    """Of exception, step and number: what was out before there were action shards has the same ID."""
    desk, asked = Desk(), intent()
    assert desk.take(asked) == [("action.requested", "requested")]
    assert asked.action_id == action_id(asked.exception, NOTIFY, 1)
    state = desk.states[asked.action_id]
    assert (state["sequence"], state["initiated_by"], state["irreversible"]) == (1, "rule:shipment.delivery_overdue", True)
    assert state["payload_hash"] == payload_hash("default", "A-1", asked.exception, NOTIFY, "customer", asked.parameters)
    assert desk.take(asked) == []  # The same firing again.


def test_an_action_that_is_begun_and_executed_is_followed_to_its_end() -> None:
    """Each step is said with its number; what comes after the end is refused."""
    desk, asked = Desk(), intent()
    desk.take(asked)
    id_ = asked.action_id
    assert desk.decide("action.begun", action_id=id_, attempt=1) == [("action.updated", "begun")]
    assert desk.decide("action.begun", action_id=id_, attempt=1, id_="again") == [("reject", "not_requested")]
    assert desk.decide("action.executed", action_id=id_, attempt=1) == [("action.updated", "executed")]
    assert desk.decide("action.failed", action_id=id_, attempt=1) == [("reject", "not_begun")]
    assert desk.states[id_]["sequence"] == 3
    assert desk.take(intent(sort="gone", log=T0 + HOUR)) == []


def test_what_failed_for_good_begins_again_only_as_a_replay() -> None:
    """A person may ask for it; not where its reason has gone, nor where automation is paused."""
    desk, asked = Desk(), intent()
    desk.take(asked)
    id_ = asked.action_id
    desk.decide("action.begun", action_id=id_, attempt=1)
    desk.decide("action.failed", action_id=id_, attempt=1, code="http_401")
    assert desk.decide("action.begun", action_id=id_, attempt=2) == [("reject", "not_requested")]
    desk.decide("automation.paused", scope="all", by=ANNA)
    assert desk.decide("action.begun", action_id=id_, attempt=2, replay=True) == [("reject", "automation_paused")]
    desk.decide("automation.resumed", scope="all", by=ANNA)
    assert desk.decide("action.begun", action_id=id_, attempt=1, replay=True) == [("reject", "attempt_repeated")]
    assert desk.decide("action.begun", action_id=id_, attempt=2, replay=True) == [("action.updated", "begun")]
    assert desk.decide("action.failed", action_id=id_, attempt=2, code="http_401") == [("action.updated", "failed")]
    assert desk.decide("action.begun", action_id=id_, attempt=3, replay=True) == [("action.updated", "begun")]
    assert desk.decide("action.executed", action_id=id_, attempt=3) == [("action.updated", "executed")]
    assert desk.decide("action.begun", action_id=id_, attempt=4, replay=True) == [("reject", "not_requested")]


def test_what_nobody_wants_any_more_is_not_replayed() -> None:
    """Its reason has gone since it failed."""
    desk, asked = Desk(), intent()
    desk.take(asked)
    desk.decide("action.begun", action_id=asked.action_id, attempt=1)
    desk.decide("action.failed", action_id=asked.action_id, attempt=1, code="http_401")
    desk.take(intent(sort="gone", log=T0 + 1))
    assert desk.decide("action.begun", T0 + 2, action_id=asked.action_id, attempt=2, replay=True) == [("reject", "not_wanted")]


def test_what_failed_and_may_be_tried_again_begins_again_with_the_next_attempt() -> None:
    """A repeated number is refused; without another attempt the failure is the end (S58)."""
    desk, asked = Desk(), intent()
    desk.take(asked)
    id_ = asked.action_id
    desk.decide("action.begun", action_id=id_, attempt=1)
    assert desk.decide("action.failed", action_id=id_, attempt=1, retry_at="2026-04-20T09:00:00Z") == [("action.updated", "failed")]
    assert desk.decide("action.begun", action_id=id_, attempt=1) == [("reject", "attempt_repeated")]
    assert desk.decide("action.begun", action_id=id_, attempt=2) == [("action.updated", "begun")]
    assert desk.decide("action.failed", action_id=id_, attempt=2, code="gone") == [("action.updated", "failed")]
    assert desk.decide("action.begun", action_id=id_, attempt=3) == [("reject", "not_requested")]


def test_a_doubt_ends_by_an_observation_only_and_blocks_its_target_until_then() -> None:
    """Neither an outcome nor another attempt ends it, and nothing else touches what may have been changed (S54, S58)."""
    desk = Desk()
    asked = intent("payment.declined_hard", "hold_order")
    desk.take(asked)
    id_ = asked.action_id
    desk.decide("action.begun", action_id=id_)
    assert desk.decide("action.in_doubt", action_id=id_, code="timeout") == [("action.updated", "in_doubt")]
    for type_ in ("action.executed", "action.failed", "action.begun"):
        assert desk.decide(type_, action_id=id_) == [("reject", "in_doubt")]
    other = intent("order.duplicate_suspected", "hold_order", number=2)
    assert desk.take(other) == [("action.proposed", "blocked")]
    assert desk.decide("action.observed", action_id=id_, outcome="perhaps") == [("reject", "bad_outcome")]
    said = desk.decide("action.observed", action_id=id_, outcome="executed", evidence="it is held")
    assert said == [("action.updated", "executed"), ("action.updated", "proposed")]


@pytest.mark.parametrize("wanted", [True, False])
def test_what_is_observed_not_to_have_happened_is_tried_again_where_that_is_said(wanted: bool) -> None:
    """As what failed is: while its reason stands, by the next attempt. An observation of another attempt says nothing of this one."""
    desk, asked, again = Desk(), intent("payment.declined_hard", "hold_order"), "2026-04-20T09:00:00Z"
    desk.take(asked)
    id_ = asked.action_id
    desk.decide("action.begun", action_id=id_, attempt=1)
    desk.decide("action.in_doubt", action_id=id_, attempt=1)
    if not wanted:
        desk.take(intent("payment.declined_hard", "hold_order", sort="gone", log=T0 + 1))
    seen = {"action_id": id_, "outcome": "not_executed", "retry_at": again}
    assert desk.decide("action.observed", T0 + 2, attempt=2, **seen) == [("reject", "other_attempt")]
    assert desk.decide("action.observed", T0 + 2, attempt=1, **seen)[0] == ("action.updated", "failed")
    assert desk.states[id_]["retry_at"] == (again if wanted else None)
    begun = [("action.updated", "begun")] if wanted else [("reject", "not_requested")]
    assert desk.decide("action.begun", T0 + 3, action_id=id_, attempt=2) == begun


def test_a_doubt_that_the_next_call_may_end_is_said_and_ends_nothing() -> None:
    """The attempt goes on, when its call is made again is said, and any outcome may follow (contract, `retry_at` absent: final)."""
    for type_, state in (("action.executed", "executed"), ("action.failed", "failed"), ("action.in_doubt", "in_doubt")):
        desk, asked = Desk(), intent("payment.declined_hard", "hold_order")
        desk.take(asked)
        id_ = asked.action_id
        desk.decide("action.begun", action_id=id_, attempt=1)
        for minute in (5, 35):
            waits = f"2026-04-20T09:{minute:02}:00Z"
            said = desk.decide("action.in_doubt", action_id=id_, attempt=1, code="timeout", retry_at=waits)
            assert said == [("action.updated", "begun")]
            assert desk.states[id_]["retry_at"] == waits
        assert desk.decide("action.begun", action_id=id_, attempt=2)[0][0] == "reject"
        assert desk.decide(type_, action_id=id_, attempt=1)[0] == ("action.updated", state)
        assert desk.states[id_]["retry_at"] is None


def test_an_action_whose_reason_goes_before_it_begins_is_withdrawn() -> None:
    """Proposed or requested."""
    for lane in ("auto", "review"):
        desk = Desk()
        desk.take(intent(lane=lane))
        assert desk.take(intent(lane=lane, sort="gone", log=T0 + HOUR)) == [("action.withdrawn", "withdrawn")]


def test_an_action_whose_reason_goes_after_it_began_is_made_good() -> None:
    """By the action of the table, which waits for a person; if it was not carried out after all, there is nothing to make good."""
    desk = Desk()
    asked = intent("payment.declined_hard", "hold_order")
    desk.take(asked)
    desk.decide("action.begun", action_id=asked.action_id)
    assert desk.take(intent("payment.declined_hard", "hold_order", sort="gone", log=T0 + HOUR)) == [("action.proposed", "proposed")]
    good = next(state for state in desk.states.values() if state["compensates"])
    assert (good["action"], good["compensates"], good["approvals_needed"]) == ("release_order", asked.action_id, 1)
    assert desk.decide("action.failed", T0 + HOUR, action_id=asked.action_id) == [
        ("action.updated", "failed"),
        ("action.withdrawn", "withdrawn"),
    ]


def test_what_was_begun_before_its_withdrawal_was_read_is_a_fact_and_made_good() -> None:
    """It is accepted, once."""
    desk, asked = Desk(), intent()
    desk.take(asked, intent(sort="gone", log=T0 + MINUTE))
    said = desk.decide("action.begun", T0 + MINUTE, action_id=asked.action_id)
    assert said == [("action.updated", "begun"), ("action.proposed", "proposed")]
    assert desk.decide("action.executed", T0 + MINUTE, action_id=asked.action_id) == [("action.updated", "executed")]


def test_an_action_that_was_out_before_the_upgrade_is_withdrawn_under_its_id() -> None:
    """The action shard does not know it; its exception does."""
    desk, gone = Desk(), intent("fulfilment.pack_overdue", "create_warehouse_task", sort="gone", number=3)
    assert desk.take(gone) == [("action.withdrawn", "withdrawn")]
    assert desk.states[gone.action_id]["idempotency_key"] == action_id(gone.exception, "create_warehouse_task", 3)


def test_a_step_of_a_rule_is_mapped_to_its_action_and_stands_beside_it() -> None:
    """The rule's own word is finer."""
    desk, asked = Desk(), intent("fulfilment.pack_overdue", "create_warehouse_task")
    desk.take(asked)
    state = desk.states[asked.action_id]
    assert (state["action"], state["step"], state["target"]) == ("create_task", "create_warehouse_task", "task")


def test_money_needs_a_person_whatever_the_lane() -> None:
    """And a second one above the limit of the policy; what is not known is taken to be much (S41, S43)."""
    limits = "actions: {second_approval_above: {EUR: 50}}"
    for amount, text, needed in (
        (("80.00", "EUR"), "", 1),
        (("50.00", "EUR"), limits, 1),
        (("50.01", "EUR"), limits, 2),
        (("1", "USD"), limits, 2),
    ):
        desk = Desk(text)
        asked = intent(RETURNED, REFUND, lane="auto", amount=amount)
        assert desk.take(asked) == [("action.proposed", "proposed")]
        assert desk.states[asked.action_id]["approvals_needed"] == needed
        assert desk.states[asked.action_id]["lane"] == "review"


def test_two_persons_agree_above_the_limit() -> None:
    """The same person does not count twice (S43, S60)."""
    desk = Desk("actions: {second_approval_above: {EUR: 50}}")
    id_ = refund(desk)
    assert desk.approve(id_) == [("action.updated", "proposed")]
    assert desk.approve(id_) == [("reject", "already_approved")]
    assert desk.approve(id_, "user:ANNA") == [("reject", "already_approved")]
    assert desk.approve(id_, BEN) == [("action.requested", "requested")]
    assert desk.states[id_]["approved_by"] == [ANNA, BEN]
    assert desk.approve(id_, CARA) == [("reject", "wrong_state")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"payload_hash": None}, "no_hash"),
        ({"payload_hash": "0" * 64}, "wrong_hash"),
        ({"by": None}, "no_name"),
        ({"by": "service:dispatch"}, "not_a_person"),
        ({"by_roles": ["viewer"]}, "role_missing"),
        ({"by_roles": None}, "role_missing"),
        ({"topic": "order-events"}, "not_a_decision_source"),
        ({"order": "A-2"}, "unknown_action"),
    ],
)
def test_an_approval_that_may_not_count_has_no_effect(change: dict[str, Any], reason: str) -> None:
    """It is given back with the reason; the action waits as before (S47)."""
    desk = Desk()
    id_ = refund(desk)
    before = dict(desk.states[id_])
    assert desk.approve(id_, **change) == [("reject", reason)]
    assert desk.states[id_] == before
    assert desk.approve(id_) == [("action.requested", "requested")]


def test_a_repeated_approval_counts_once_and_an_old_one_never() -> None:
    """The same event again is dropped; that of an earlier firing names another action."""
    desk = Desk("actions: {second_approval_above: {EUR: 50}}")
    first = refund(desk)
    assert desk.approve(first, id_="e1") == [("action.updated", "proposed")]
    assert desk.approve(first, id_="e1") == []
    desk.take(intent(RETURNED, REFUND, sort="gone", lane="review", log=T0 + HOUR))
    second = refund(desk, number=2, log=T0 + 2 * HOUR)
    assert desk.approve(first, BEN, T0 + 3 * HOUR) == [("reject", "wrong_state")]
    assert desk.states[second]["approved_by"] == []


def test_who_asked_for_an_action_does_not_approve_it() -> None:
    """Four eyes: another person does (S47)."""
    desk = Desk()
    money = {"amount": {"amount": "5.00", "currency": "EUR"}}
    assert desk.decide("action.initiated", by=ANNA, action=REFUND, parameters=money, id_="i1") == [("action.proposed", "proposed")]
    assert desk.decide("action.initiated", by=ANNA, action=REFUND, parameters=money, id_="i1") == []
    (id_,) = desk.states
    assert desk.states[id_]["initiated_by"] == ANNA
    assert desk.approve(id_) == [("reject", "own_action")]
    assert desk.approve(id_, BEN) == [("action.requested", "requested")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"by": None}, "no_name"),
        ({"by": "service:bot"}, "not_a_person"),
        ({"action": "mark_shipped"}, "illegal_action"),
        ({"parameters": {}}, "parameters"),
        ({"parameters": {"amount": "5 EUR"}}, "parameters"),
        ({"exception_id": "no such"}, "unknown_exception"),
        ({"topic": "t"}, "not_a_decision_source"),
    ],
)
def test_what_a_person_may_not_ask_for_is_refused(data: dict[str, Any], reason: str) -> None:
    """By name."""
    asked: dict[str, Any] = {"by": ANNA, "action": REFUND, "parameters": {"amount": {"amount": "5.00", "currency": "EUR"}}}
    assert Desk().decide("action.initiated", **(asked | data)) == [("reject", reason)]


def test_what_is_no_step_for_an_exception_cannot_be_asked_for_in_its_name() -> None:
    """The table of kinds and actions is the only source (S37)."""
    desk, known = Desk(), intent("fulfilment.pack_overdue", "create_task")
    desk.take(known)
    asked: dict[str, Any] = {"by": ANNA, "exception_id": known.exception}
    assert desk.decide("action.initiated", action="cancel_order", **asked) == [("reject", "illegal_action")]
    assert desk.decide("action.initiated", action="reroute", **asked) == [("action.proposed", "proposed")]


def test_nobody_agrees_in_time() -> None:
    """It expires, and an approval comes too late."""
    desk = Desk("actions: {approval_timeout: 4 h}")
    id_ = refund(desk)
    assert desk.states[id_]["expires_at"] == "2026-04-20T12:00:00Z"
    assert desk.states[id_]["needs_approval_by"] == "2026-04-20T10:00:00Z"
    assert desk.wait(T0 + 4 * HOUR - 1) == [("action.updated", "proposed")]
    assert desk.wait(T0 + 4 * HOUR) == [("action.updated", "expired")]
    assert desk.approve(id_, log=T0 + 5 * HOUR) == [("reject", "wrong_state")]


def test_a_person_rejects() -> None:
    """Also what was requested and has not begun; who asked may take it back without a role."""
    desk = Desk()
    id_ = refund(desk)
    hashed = desk.states[id_]["payload_hash"]
    assert desk.decide("action.rejected", action_id=id_, by=BEN, by_roles=["viewer"], payload_hash=hashed) == [("reject", "role_missing")]
    assert desk.decide("action.rejected", action_id=id_, by=BEN, by_roles=["admin"], payload_hash=hashed) == [
        ("action.updated", "rejected")
    ]


def test_two_irreversible_actions_of_one_target_exclude_each_other() -> None:
    """The later one is blocked, with both rules named, and goes on to a person when the first has ended (S55)."""
    desk = Desk()
    first = intent(LOST, REPLACE, lane="review")
    second = intent("shipment.damaged", REPLACE, lane="review", number=2)
    desk.take(first)
    assert desk.take(second) == [("action.proposed", "blocked")]
    why = desk.states[second.action_id]["guardrails"][-1]["reason"]
    assert LOST in why
    assert "shipment.damaged" in why
    assert desk.approve(second.action_id) == [("reject", "blocked")]
    gone = intent(LOST, REPLACE, lane="review", sort="gone", log=T0 + HOUR)
    assert desk.take(gone) == [("action.withdrawn", "withdrawn"), ("action.updated", "proposed")]
    assert desk.approve(second.action_id, log=T0 + HOUR) == [("action.requested", "requested")]


def test_what_is_about_the_whole_order_excludes_what_is_about_a_part_of_it() -> None:
    """Two parts do not exclude each other, nor do a message and a refund."""
    desk = Desk()
    desk.take(intent(RETURNED, REFUND, scope="return:R1", lane="review"))
    other = intent("payment.cancelled_not_refunded", REFUND, lane="review", number=2)
    assert desk.take(other) == [("action.proposed", "blocked")]
    assert desk.take(intent(RETURNED, REFUND, scope="return:R2", lane="review", number=3)) == [("action.proposed", "proposed")]
    assert desk.take(intent(number=4)) == [("action.requested", "requested")]


def test_a_budget_holds_by_the_tenants_day_and_counts_what_was_given_back() -> None:
    """Beyond it a person is asked, who cannot exceed it either; the next day there is room again."""
    desk = Desk("zone: Asia/Tokyo\nactions: {budgets: [{action: notify_customer, most: 1}]}")
    one, two, three = (intent(order=f"B-{n}", number=n, log=T0 + n) for n in (1, 2, 3))
    assert desk.take(one) == [("action.requested", "requested")]
    assert desk.take(two) == [("action.proposed", "proposed")]
    assert desk.spoken(two.action_id) == ["budget"]
    assert desk.approve(two.action_id, order="B-2", log=T0 + 2) == [("reject", "budget")]
    assert desk.take(intent(order="B-1", sort="gone", log=T0 + 2)) == [("action.withdrawn", "withdrawn")]
    assert desk.approve(two.action_id, order="B-2", log=T0 + 2) == [("action.requested", "requested")]
    assert desk.take(three) == [("action.proposed", "proposed")]
    midnight = T0 + 7 * HOUR  # T0 is 17:00 in Tokyo.
    assert desk.approve(three.action_id, order="B-3", log=midnight - 1) == [("reject", "budget")]
    assert desk.approve(three.action_id, order="B-3", log=midnight) == [("action.requested", "requested")]


def test_a_budget_of_what_has_begun_is_never_given_back() -> None:
    """Whatever becomes of it."""
    desk = Desk("actions: {budgets: [{rule: shipment.delivery_overdue, most: 1}]}")
    one, two = intent(order="B-1"), intent(order="B-2", number=2)
    desk.take(one)
    desk.decide("action.begun", order="B-1", action_id=one.action_id)
    desk.decide("action.failed", order="B-1", action_id=one.action_id)
    assert desk.take(two) == [("action.proposed", "proposed")]


def test_a_budget_for_each_customer_is_a_cap() -> None:
    """Of every customer on its own."""
    desk = Desk("actions: {budgets: [{action: notify_customer, each: customer, most: 1}]}")
    said = [desk.take(intent(order=f"B-{n}", number=n, customer=customer)) for n, customer in enumerate(("c1", "c2", "c1"), 1)]
    assert [each[0][1] for each in said] == ["requested", "requested", "proposed"]


def test_a_pause_stops_what_nobody_agreed_to_and_says_so() -> None:
    """In its scope; what begins all the same is a fact and made good (S52)."""
    desk = Desk()
    first = intent(order="B-1")
    desk.take(first)
    assert desk.decide("automation.paused", scope="action:notify_customer", by=ANNA, reason="wrong text") == [("automation.state", "")]
    assert desk.decide("automation.paused", scope="action:notify_customer", by=BEN) == []
    second = intent(order="B-2", number=2)
    assert desk.take(second) == [("action.proposed", "proposed")]
    assert desk.spoken(second.action_id) == ["automation_paused"]
    assert desk.approve(second.action_id, order="B-2") == [("reject", "automation_paused")]
    assert desk.take(intent("fulfilment.pack_overdue", "create_task", order="B-3", number=3)) == [("action.requested", "requested")]
    begun = desk.decide("action.begun", order="B-1", action_id=first.action_id)
    assert begun == [("action.updated", "begun"), ("action.proposed", "proposed")]
    assert desk.decide("automation.resumed", scope="action:notify_customer", by=ANNA) == [("automation.state", "")]
    assert desk.approve(second.action_id, order="B-2") == [("action.requested", "requested")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"scope": "action:mark_shipped"}, "bad_scope"),
        ({"scope": "everything"}, "bad_scope"),
        ({"by": None}, "no_name"),
        ({"topic": "t"}, "not_a_decision_source"),
    ],
)
def test_a_pause_that_may_not_count_is_refused(data: dict[str, Any], reason: str) -> None:
    """With the reason."""
    stated: dict[str, Any] = {"scope": "all", "by": ANNA}
    assert Desk().decide("automation.paused", **(stated | data)) == [("reject", reason)]


def test_a_message_waits_for_the_end_of_the_quiet_hours() -> None:
    """Then it is requested, unless its reason has gone; an approval before that counts and waits as well."""
    held = [Objection("quiet_hours", "hold", "quiet")]
    desk, asked = Desk(), intent(hold_until=T0 + 2 * HOUR, guardrails=held)
    assert desk.take(asked) == [("action.proposed", "proposed")]
    assert desk.states[asked.action_id]["held_until"] == "2026-04-20T10:00:00Z"
    assert desk.wait(T0 + 2 * HOUR) == [("action.requested", "requested")]
    desk, asked = Desk(), intent(hold_until=T0 + 2 * HOUR, guardrails=held)
    desk.take(asked)
    assert desk.take(intent(sort="gone", log=T0 + HOUR)) == [("action.withdrawn", "withdrawn")]
    assert desk.wait(T0 + 3 * HOUR) == []
    desk, asked = Desk(), intent(hold_until=T0 + 2 * HOUR, guardrails=held, lane="review")
    desk.take(asked)
    assert desk.approve(asked.action_id) == [("action.updated", "proposed")]
    assert desk.wait(T0 + 2 * HOUR) == [("action.requested", "requested")]


def test_what_is_not_known_yet_cannot_be_requested() -> None:
    """A refund whose amount nobody knows."""
    desk = Desk()
    id_ = refund(desk, amount=None)
    assert (desk.states[id_]["lane"], desk.spoken(id_)) == ("block", ["parameters"])
    assert desk.approve(id_) == [("reject", "parameters")]


def test_an_action_is_forgotten_once_its_end_is_old_and_its_exception_has_ended() -> None:
    """Not while the exception could still say that its reason has gone."""
    desk, asked = Desk(), intent()
    desk.take(asked)
    desk.decide("action.executed", action_id=asked.action_id)
    desk.wait(T0 + 100 * DAY)
    assert len(desk.shard) == 1
    assert desk.take(intent(sort="gone", log=T0 + 101 * DAY)) == []
    desk.wait(T0 + 101 * DAY)
    assert len(desk.shard) == 0


def test_a_shard_goes_on_from_its_rows() -> None:
    """At every step, and says the same."""
    text = "actions: {second_approval_above: {EUR: 50}, budgets: [{action: approve_refund, most: 1}]}"
    asked = intent(RETURNED, REFUND, lane="review")
    plain = Desk(text)
    hashed = payload_hash("default", "A-1", asked.exception, REFUND, "order", asked.parameters)
    decisions = [
        asked,
        plain.decision("action.approved", T0, action_id=asked.action_id, by=ANNA, by_roles=["admin"], payload_hash=hashed),
        plain.decision("automation.paused", T0, scope="tenant:other", by=ANNA),
        plain.decision("action.approved", T0, action_id=asked.action_id, by=BEN, by_roles=["admin"], payload_hash=hashed),
        plain.decision("action.begun", T0 + 1, action_id=asked.action_id),
        intent(RETURNED, REFUND, lane="review", sort="gone", log=T0 + 2),
    ]
    expected = [body for item in decisions for body in _bodies(plain.shard, item)]
    shard = ActionShard(policy_of(text))
    kept: dict[bytes, bytes] = {}
    said: list[bytes] = []
    for item in decisions:
        said += _bodies(shard, item)
        for key, value in shard.changes():
            if value is None:
                del kept[key]
            else:
                kept[key] = value
        assert kept == dict(shard.rows())
        shard = ActionShard(policy_of(text))
        shard.restore(kept.items())
    assert said == expected


def _bodies(shard: ActionShard, item: Any) -> list[bytes]:
    shard.apply(item)
    return [out.body for out in shard.drain()]
