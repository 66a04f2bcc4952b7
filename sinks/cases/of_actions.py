"""The rows of an `action.*` event: the action, its event, its message; and of `automation.state`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from schemas.messages import OURS
from sinks.cases.changes import Change, Logged, Put, Row, place
from sinks.cases.fields import EventFields
from sinks.cases.of_exceptions import scoped
from sinks.cases.tables import action_events, actions, automation, identifiers, messages

KNOWN: Final = (
    "action_id exception_id order_id action parameters idempotency_key reason evidence sequence step target payload_hash state lane"
    " guardrails needs_approval_by approvers approvals_needed initiated_by approved_by expires_at held_until value irreversible attempt"
    " retry_at compensates message replaces owner escalation policy cut"
).split()
_SAME: Final = (
    "action state lane guardrails approvals_needed approved_by attempt retry_at escalation_level escalation_to reason policy".split()
)
"""What an event's row says in the same words as the action's."""
EXECUTED: Final = "executed"


def action_changes(envelope: EventFields, record: Logged) -> Iterator[Change]:
    """The rows of an event. Raises UnprojectableError."""
    data, time = envelope.inner("data"), envelope.need_instant("time")
    tenant, sequence = envelope.text("tenant") or "default", data.count("sequence", 1)
    key = {
        "action_id": data.need("action_id"),
        "tenant": tenant,
        "order_id": data.need("order_id"),
        "exception_id": data.text("exception_id"),
        "sequence": sequence,
    }
    row = _action(data)
    yield Put(actions, {**key, **row, "proposed_at": time, "changed_at": time, **place(record)})
    event = {"type": envelope.need("type"), "time": time, **{name: row[name] for name in _SAME}}
    yield Put(action_events, {**key, **event, **place(record)})
    for kind, value in scoped(row["target"]):
        yield Put(identifiers, {"tenant": tenant, "kind": kind, "value": value, "order_id": key["order_id"]})
    if data.inner("message"):
        yield Put(
            messages,
            {
                **key,
                "message_id": key["action_id"],
                "state": row["state"],
                **{name: row[f"message_{name}"] for name in ("topic", "channel", "language", "promised_by")},
                "by": OURS,
                "asked_at": time,
                "sent_at": time if row["state"] == EXECUTED else None,
            },
        )


def _action(data: EventFields) -> Row:
    value, escalation, message = data.inner("value"), data.inner("escalation"), data.inner("message")
    return {
        "action": data.need("action"),
        "step": data.text("step"),
        "target": data.text("target"),
        "state": data.text("state") or "proposed",
        "lane": data.text("lane") or "review",
        "parameters": data.json("parameters"),
        "idempotency_key": data.text("idempotency_key") or data.need("action_id"),
        "payload_hash": data.text("payload_hash"),
        "reason": data.text("reason") or "",
        "evidence": data.json("evidence"),
        "guardrails": data.json("guardrails"),
        "needs_approval_by": data.instant("needs_approval_by"),
        "approvers": data.json("approvers"),
        "approvals_needed": data.count("approvals_needed"),
        "initiated_by": data.text("initiated_by"),
        "approved_by": data.json("approved_by"),
        "expires_at": data.instant("expires_at"),
        "held_until": data.instant("held_until"),
        "value": value.amount("amount"),
        "currency": value.text("currency"),
        "irreversible": data.flag("irreversible"),
        "attempt": data.count("attempt"),
        "retry_at": data.instant("retry_at"),
        "compensates": data.text("compensates"),
        "replaces": data.text("replaces"),
        "owner": data.text("owner"),
        "escalation_level": escalation.count("level"),
        "escalation_to": escalation.text("to"),
        "escalated_at": escalation.instant("since"),
        **{f"message_{name}": message.text(name) for name in ("topic", "channel", "language", "promised_by")},
        "policy": data.text("policy"),
        "cut": data.json("cut"),
        "extra": data.besides(KNOWN),
    }


def automation_changes(envelope: EventFields, record: Logged) -> Iterator[Change]:
    """The row of `automation.state`. Raises UnprojectableError."""
    data = envelope.inner("data")
    state: Row = {
        "tenant": envelope.text("tenant") or "default",
        "paused": data.json("paused") or [],
        "time": envelope.need_instant("time"),
    }
    yield Put(automation, {**state, **place(record)})
