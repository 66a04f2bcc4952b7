"""The rows of a decision: who decided what, and what it adds beside: a note's reference, a suggestion, a policy.

Nothing is erased here: whether an `order.forgotten` counts is the engine's to say, which then does (`exception.forgotten`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from schemas.deciding import FORGOTTEN
from sinks.cases.changes import Change, Logged, Put, Row, appended, place
from sinks.cases.fields import EventFields
from sinks.cases.tables import audit, notes, policies, suggestions

NOTED, SUGGESTED, ACTIVATED = "case.noted", "suggestion.made", "policy.activated"
APPLIED, REFUSED = "applied", "refused"
RESULTS: Final = ("outcome", "label", "scope", "version")
"""What a decision comes to, in a word, by the field that says it."""
COLUMNS: Final = ("exception_id", "action_id", "by", "by_roles", "note", "attempt", "endpoint", "reference", "code", "retry_at", *RESULTS)
LEFT_OUT: Final = ("text", "result", "customer_id")
"""What no row of the audit holds: whole policies, what endpoints answered, who was forgotten."""


def decision_changes(envelope: EventFields, record: Logged) -> Iterator[Change]:
    """The rows of a decision, of whatever type. Raises UnprojectableError."""
    type_, data = envelope.need("type"), envelope.inner("data")
    tenant, subject, time = envelope.text("tenant") or "default", envelope.text("subject"), envelope.need_instant("time")
    key = {"tenant": tenant, "source": envelope.need("source"), "event_id": envelope.need("id")}
    forgotten = type_ == FORGOTTEN
    yield Put(
        audit,
        {
            **key,
            "type": type_,
            "time": time,
            "subject": None if forgotten else subject,
            **_audited(data),
            "note": None if forgotten else data.text("note"),
            "outcome": APPLIED,
            **dict.fromkeys(("reason", "detail", "refused_at")),
            **place(record),
        },
    )
    by = data.text("by")
    if type_ == NOTED and (reference := data.text("note_ref")):
        named: Row = {"order_id": subject, "exception_id": data.text("exception_id"), "action_id": None}
        yield Put(
            notes,
            {"note_ref": reference, "tenant": tenant, **named, "by": by, "at": None, "text": None, **_said(record)},
        )
    elif type_ == SUGGESTED:
        suggested = {name: data.text(name) for name in ("kind", "value", "model")}
        about: Row = {"order_id": subject, "exception_id": data.need("exception_id"), "confidence": data.real("confidence")}
        yield Put(suggestions, {**key, **about, **suggested, "by": by, "time": time, **place(record)})
    elif type_ == ACTIVATED:
        yield Put(policies, {**key, **_policy(data), "by": by, "time": time, **place(record)})


def _audited(data: EventFields) -> Row:
    return {
        "exception_id": data.text("exception_id"),
        "action_id": data.text("action_id"),
        "by": data.text("by"),
        "by_roles": data.json("by_roles"),
        "attempt": data.number("attempt"),
        **{name: data.text(name) for name in ("endpoint", "reference", "code")},
        "retry_at": data.instant("retry_at"),
        "result": next((said for name in RESULTS if (said := data.text(name))), None),
        "data": data.besides((*COLUMNS, *LEFT_OUT)),
    }


def _policy(data: EventFields) -> Row:
    return {
        "version": data.need("version"),
        **{name: data.text(name) for name in ("text", "note", "against", "engine", "text_hash")},
        **{name: data.json(name) for name in ("by_roles", "covered")},
    }


def _said(record: Logged) -> Row:
    return {"said_at": appended(record)}
