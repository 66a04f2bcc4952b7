"""The engine and an independent judge agree about actions, over random demands, decisions, forgeries, restarts and policies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, cast

import yaml
from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.actions.shard import ActionShard, action_position
from dataflows.core.engine.intents import Intent
from schemas.output import OutputRecord
from schemas.record import Record
from tests.oracle.judging.action_terms import Decided, Demand, Key, Saying, terms_of
from tests.oracle.judging.actions import ActionJudge
from tests.property.histories import examples
from tests.property.test_actions import POLICY, drawn
from tests.support.actions import policy_of

POLICIES = (
    POLICY,
    "",
    "zone: Asia/Tokyo\nactions: {approval_timeout: 9 h, budgets: [{most: 3}, {action: hold_order, most: 1}]}\n",
    "actions: {approve_within: 2 h, second_approval_above: {EUR: 15, USD: 15}, budgets: [{each: customer, most: 2}]}\n",
)


def demand(intent: Intent) -> Demand:
    """What an order says, as the judge reads it."""
    return Demand(
        log=intent.log,
        sort=intent.sort,
        key=(intent.exception, intent.step, intent.number),
        id=intent.action_id,
        tenant=intent.tenant,
        order=intent.order,
        exception=intent.exception,
        kind=intent.kind,
        action=intent.action,
        target=intent.target,
        parameters=intent.parameters,
        lane=intent.lane,
        spoken=tuple((each.name, each.effect, each.reason) for each in intent.guardrails),
        customer=intent.customer,
        amount=intent.amount,
        quiet_until=intent.hold_until,
    )


def decided(record: Record) -> Decided:
    """What somebody decided, as the judge reads it: from the event as it was sent."""
    event = json.loads(record.raw)
    return Decided(record.log, record.topic, record.event.tenant, record.order, event["id"], event["type"], event["data"])


def engine_of(items: Sequence[Intent | Record], policy: str, until: int, restarts: Random) -> list[tuple[str, int, dict[str, Any]]]:
    """Topic, log time and data of all that the engine says; it is stored and restored now and then."""
    shard = ActionShard(policy_of(policy))
    outs: list[OutputRecord] = []
    for item in items:
        shard.apply(item)
        outs += shard.drain()
        if restarts.random() < 0.1:
            rows = sorted(shard.rows())
            shard = ActionShard(policy_of(policy))
            shard.restore(rows)
    shard.advance(until)
    outs += shard.drain()
    return [
        (out.topic, out.log, json.loads(out.body)["data"] if out.topic == "actions" else {**out.data, "raw": out.body})
        for out in outs
        if out.type != "automation.state"
    ]


def names_of(said: Iterable[dict[str, Any]]) -> dict[Key, str]:
    """What the IDs stand for of actions that are made of others, or of a decision: by what the events say of them."""
    names: dict[Key, str] = {}
    for data in said:
        id_ = data["action_id"]
        if data["replaces"] is not None:
            names["again", data["replaces"]] = id_
        elif data["compensates"] is not None:
            names["compensation", data["compensates"]] = id_
        elif not data["initiated_by"].startswith("rule:"):
            names["initiated", data["evidence"][-1]["id"]] = id_
    return names


def as_said(topic: str, log: int, data: dict[str, Any]) -> Saying | None:
    """What the judge would say of it."""
    if topic != "actions":
        return None
    spoken = tuple(sorted(each["name"] for each in data["guardrails"]))
    return (log, data["action_id"], data["state"], data["lane"], tuple(data["approved_by"]), spoken, data["approvals_needed"])


def agree(items: Sequence[Intent | Record], policy: str, until: int, restarts: Random) -> ActionJudge:
    """Has both judge the same log, and compares: every line about actions, and every refusal with its reason."""
    items = sorted(items, key=action_position)
    found = engine_of(items, policy, until, restarts)
    names = names_of(data for topic, _, data in found if topic == "actions")
    judge = ActionJudge(terms_of(cast("dict[str, object]", yaml.safe_load(policy) or {})), names)
    judge.judge([demand(item) if isinstance(item, Intent) else decided(item) for item in items], until)
    assert [each for topic, log, data in found if (each := as_said(topic, log, data)) is not None] == judge.said
    refused = [(json.loads(data["raw"])["id"], data["reason"]) for topic, _, data in found if topic == "rejects"]
    assert refused == judge.refused
    return judge


@given(seed=st.integers(0, 2**32))
@examples(60)
def test_the_engine_agrees_with_the_judge_about_actions(seed: int) -> None:
    """Line by line, under several policies."""
    policy = POLICIES[seed % len(POLICIES)]
    world, end = drawn(seed, late=True, keen=seed % 3 > 0, policy=policy)
    judge = agree(world.items, policy, end, Random(seed))
    for each in judge.all.values():
        # It has ended, or waits visibly: for a person, for the end of the quiet hours, for a rival, for what carries it out.
        assert each.over or each.state in ("proposed", "blocked", "requested", "begun", "in_doubt", "failed")
        assert each.state != "proposed" or each.missing or each.quiet_until > end
        assert each.state != "blocked" or each.rival
