"""Orders, and decisions about what is said of them, some forged, through the whole engine: what comes out is what the judge says."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, cast

import orjson
from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.actions.shard import action_position
from dataflows.core.engine.intents import INTENTS, Intent, decode_intent
from dataflows.core.engine.orders import HOT
from dataflows.core.engine.shard import Shard
from dataflows.detect.router import OF_ACTIONS
from schemas.instants import HOUR, MINUTE
from schemas.messages import MESSAGES
from schemas.wire import micros
from tests.oracle.judging.action_terms import terms_of
from tests.oracle.judging.actions import ActionJudge
from tests.property.histories import History, examples, histories
from tests.property.test_action_judge import as_said, decided, demand, names_of
from tests.support.actions import policy_of
from tests.support.engine import records_of, run
from tests.support.logs import iso

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dataflows.core.policy import Policy
    from schemas.output import OutputRecord
    from schemas.record import Record

DAY = 24 * HOUR
TEXT = """
actions: {quiet_hours: 21:00-08:00, approve_within: 4 h, approval_timeout: 20 h, budgets: [{action: notify_customer, most: 1}]}
"""
TERMS = {"actions": {"approve_within": "4 h", "approval_timeout": "20 h", "budgets": [{"action": "notify_customer", "most": "1"}]}}


def decisions(outs: Iterable[OutputRecord], lots: Random) -> list[dict[str, object]]:
    """What is decided about what was said when nobody decided anything: people agree or not, and a dispatch carries out."""
    found: list[dict[str, object]] = []

    def say(type_: str, order: str, tenant: str, at: int, data: dict[str, Any], *, forged: bool = False) -> None:
        head = {"specversion": "1.0", "id": f"d{len(found)}", "source": "/desk", "type": type_, "subject": order, "tenant": tenant}
        found.append({**head, "time": iso(at), "data": data, "forged": forged})

    for out in outs:
        if out.topic != "actions" or lots.random() < 0.3:
            continue
        event = orjson.loads(out.body)
        data, tenant, at = event["data"], event["tenant"], out.log + lots.choice((0, 1, MINUTE, 2 * HOUR))
        about = {"action_id": data["action_id"]}
        agreed = {**about, "by": "user:anna", "by_roles": ["approver"], "payload_hash": data["payload_hash"]}
        if data["state"] == "proposed":
            say("action.approved", out.order, tenant, at, agreed, forged=lots.random() < 0.2)
        if data["state"] in ("proposed", "requested"):
            say("action.begun", out.order, tenant, at + lots.choice((1, HOUR)), about)
            outcome = lots.choice(("executed", "failed", "in_doubt"))
            say(f"action.{outcome}", out.order, tenant, at + 2 * HOUR, about)
            if outcome == "in_doubt":
                say("action.observed", out.order, tenant, at + 3 * HOUR, {**about, "outcome": "executed"})
    return found


def _named(record: Record) -> list[str]:
    """The action that a decision is about."""
    named = orjson.loads(record.raw)["data"].get("action_id")
    return [] if named is None else [str(named)]


@examples(15)
@given(histories(), st.integers(0, 2**32))
def test_what_comes_out_of_orders_and_decisions_is_what_the_judge_says(history: History, seed: int) -> None:
    """Whatever an order's shard asks for, asks again or takes back; a decision in another topic has no effect."""
    lots, policy = Random(seed), policy_of(TEXT)
    lines, until = history.lines(), micros(history.last) + 4 * DAY
    made = decisions(run(records_of(lines), policy, until), lots)
    forged = {line["id"] for line in made if line.pop("forged")}
    told = sorted([*lines, *made], key=lambda line: str(line.get("recordedtime") or line["time"]))
    records = records_of(told)
    for record in records:
        if record.event.source == "/desk" and record.event.id in forged:
            record.topic = "events"
    records.sort(key=lambda record: (record.log, record.topic, record.partition, record.offset))
    intents: list[Intent] = []

    class Listening(Shard):
        """An order shard to which the test listens."""

        def drain(self) -> list[OutputRecord]:
            outs = super().drain()
            intents.extend(decode_intent(out.body) for out in outs if out.topic == INTENTS)
            return outs

    def listening(at: Policy, hot: int = HOT) -> Listening:
        return Listening(at, hot)

    outs = run(records, policy, until, make=listening)
    every = [(out.log, orjson.loads(out.body)["data"]) for out in outs if out.type.startswith("action.")]
    # What customers are told has a ledger and properties of its own; it shares no target with other actions.
    messages = {data["action_id"] for _, data in every if data["action"] in MESSAGES}
    messages |= {data["action_id"] for _, data in every if data["compensates"] in messages}
    said = [(log, data) for log, data in every if data["action_id"] not in messages]
    about = [record for record in records if record.event.type in OF_ACTIONS and not ({*_named(record)} & messages)]
    asked = [intent for intent in intents if intent.sort in ("asked", "guarded", "gone") and intent.action not in MESSAGES]
    said_and_decided: list[Intent | Record] = [*asked, *about]
    items = sorted(said_and_decided, key=action_position)
    judge = ActionJudge(terms_of(cast("dict[str, object]", TERMS)), names_of(data for _, data in said))
    judge.judge([demand(item) if isinstance(item, Intent) else decided(item) for item in items if item.log <= until], until)
    assert [as_said("actions", log, data) for log, data in said] == judge.said
    for log, data in every:
        if data["sequence"] == 1 and data["initiated_by"].startswith("rule:") and data["replaces"] is data["compensates"] is None:
            said_of = [out for out in outs if out.topic == "exceptions" and out.data["exception_id"] == data["exception_id"]]
            stood = [out.status for out in said_of if out.log <= log]
            assert stood[-1:] == ["open"], data  # At the end of its instant.
    rejects = [(orjson.loads(out.body), out.kind) for out in outs if out.topic == "rejects"]
    refused = [
        (event["id"], reason) for event, reason in rejects if event["type"] in OF_ACTIONS and event["data"].get("action_id") not in messages
    ]
    assert refused == judge.refused
    assert {reason for id_, reason in refused if id_ in forged} <= {"not_a_decision_source"}
