"""Rows of the store as the events that they were made of: whoever shows an exception's history reads it from a topic or from here alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row

from schemas.instants import iso, micros
from sinks.cases.queries.rows import SaidEvent, values

Values = Mapping[str, Any]
_CASE = (
    *("team", "assignee", "until", "until_kind", "waiting_on", "ack_by", "resolve_by", "acknowledged_at", "paused_since", "reopenings"),
    *("reassignments", "flaps", "outcome", "label", "note_ref", "by", "decided_at"),
)
_EXCEPTION = (
    *("exception_id", "sequence", "order_id", "kind", "scope", "episode", "status", "suppressed_by", "resolution", "severity", "blocking"),
    *("score", "score_terms", "owner", "lane", "due_at", "occurred_at", "resolved_at", "resolved_by", "changed_by", "summary"),
    *("arithmetic", "deadline", "context", "backfilled", "guardrails", "messages", "recommended"),
)
_OF_EVENTS = ("sequence", "status", "suppressed_by", "resolution", "severity", "score", "owner", "lane", "due_at", "summary", "arithmetic")
_ACTION = (
    *(
        "action_id",
        "exception_id",
        "order_id",
        "action",
        "parameters",
        "idempotency_key",
        "reason",
        "evidence",
        "sequence",
        "step",
        "target",
    ),
    *("payload_hash", "state", "lane", "guardrails", "needs_approval_by", "approvers", "approvals_needed", "initiated_by", "approved_by"),
    *("expires_at", "held_until", "irreversible", "attempt", "retry_at", "compensates", "replaces", "owner", "policy"),
)
_OF_ACTION_EVENTS = (
    "sequence",
    "state",
    "lane",
    "guardrails",
    "approvals_needed",
    "approved_by",
    "attempt",
    "retry_at",
    "reason",
    "policy",
)


def exception_data(exception: Row[Any], case: Row[Any] | None, evidence: Sequence[Row[Any]]) -> dict[str, object]:
    """The last event of an exception."""
    row, about = values(exception), {} if case is None else values(case)
    data = _taken(row, _EXCEPTION)
    ended = about.get("ended_state")
    data |= {
        "detected_at": _plain(row["changed_at"]),
        "case": {
            **_taken(about, _CASE),
            "state": row["case_state"],
            "ended": ended and {"state": ended, "by": about["ended_by"], "at": _plain(about["ended_at"])},
        },
        "escalation": _escalation(about, "escalation_reason"),
        "score_clock": _clock(row),
        "evidence": [_cited(values(each)) for each in evidence if each.last_sequence >= row["sequence"]],
        "policy": {"version": row["policy"], "rule": row["rule"], "mode": row["mode"]},
    }
    return data


def exception_events(latest: Mapping[str, object], rows: Sequence[Row[Any]]) -> list[SaidEvent]:
    """Its events: the last one whole, of those before it what the store keeps; what never changes is taken from the last."""
    found: list[SaidEvent] = []
    decided: object = None
    for each in rows:
        row = values(each)
        changed = {name: _plain(row[f"changed_by_{name}"]) for name in ("source", "id", "type", "time")} if row["changed_by_type"] else None
        if changed is not None and str(changed["type"]).startswith("case."):
            decided = _plain(row["detected_at"])
        over = row["status"] == "resolved"
        case = dict.fromkeys(_CASE) | _taken(row, ("team", "assignee", "until", "waiting_on", "outcome", "label", "by"))
        data = {
            **latest,
            **_taken(row, _OF_EVENTS),
            "detected_at": _plain(row["detected_at"]),
            "resolved_at": _plain(row["time"]) if over else None,
            "resolved_by": changed if over else None,
            "changed_by": changed,
            "case": {**case, "state": row["case_state"], "decided_at": decided, "ended": None},
            "escalation": _escalation({**row, "escalated_at": row["detected_at"]}, "case_state"),
            "policy": {**cast("dict[str, object]", latest["policy"]), "version": row["policy"]},
            "deadline": latest["deadline"] if _plain(row["due_at"]) == latest["due_at"] else None,
        }
        found.append(SaidEvent(row["sequence"], row["type"], row["detected_at"], data))
    if found:
        last = found.pop()
        found.append(SaidEvent(last.sequence, last.type, last.at, latest))
    return found


def action_data(action: Row[Any]) -> dict[str, object]:
    """The last event of an action."""
    row = values(action)
    value = None if row["value"] is None else {"amount": str(row["value"]), "currency": row["currency"]}
    message = {name: row[f"message_{name}"] for name in ("topic", "channel", "language", "promised_by")}
    return {
        **_taken(row, _ACTION),
        "value": value,
        "message": message if row["message_topic"] else None,
        "escalation": _escalation({**row, "escalation_reason": "approval_overdue"}, "escalation_reason"),
    }


def action_events(latest: Mapping[str, object], rows: Sequence[Row[Any]]) -> list[SaidEvent]:
    """Its events: of each what the store keeps; what never changes is taken from the last."""
    found: list[SaidEvent] = []
    for each in rows:
        row = values(each)
        escalation = _escalation({**row, "escalated_at": row["time"], "escalation_reason": "approval_overdue"}, "escalation_reason")
        found.append(
            SaidEvent(row["sequence"], row["type"], row["time"], {**latest, **_taken(row, _OF_ACTION_EVENTS), "escalation": escalation})
        )
    return found


def _taken(row: Values, names: Sequence[str]) -> dict[str, object]:
    return {name: _plain(row.get(name)) for name in names}


def _plain(value: object) -> object:
    return iso(micros(value)) if isinstance(value, datetime) else value


def _cited(row: Values) -> dict[str, object]:
    places = {"topic": row["topic"], "partition": row["topic_partition"], "offset": row["topic_offset"]}
    return {"source": row["source"], "id": row["event_id"], "type": row["type"], "time": _plain(row["time"]), **places}


def _clock(row: Values) -> dict[str, object] | None:
    if row["clock_breach"] is None:
        return None
    instants = {name: _plain(row[f"clock_{name}"]) for name in ("since", "until", "due")}
    return {**instants, **{name: row[f"clock_{name}"] for name in ("breach", "time_left", "lateness")}}


def _escalation(row: Values, reason: str) -> dict[str, object] | None:
    if not row.get("escalation_level"):
        return None
    team, _, role = str(row["escalation_to"] or "").partition("/")
    found = {"level": row["escalation_level"], "to": row["escalation_to"], "team": team, "role": role or None}
    why = row[reason] if reason != "case_state" else "acknowledge_overdue" if row["case_state"] in ("new", "open") else "resolve_overdue"
    return {**found, "since": _plain(row["escalated_at"]), "reason": why}
