"""What happened to an order, in the order of time: what came in, what was said of it, what people and programs did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, select

from sinks.cases.queries.rows import OrderMoment
from sinks.cases.tables import action_events, audit, evidence, exception_events, messages, notes

LANES: Final = ("evidence", "decision", "note", "exception", "action", "message")
"""In which order entries of one instant stand."""


def timeline(connection: Connection, tenant: str, order_id: str) -> list[OrderMoment]:
    """All that the store has of an order. At one instant what came in stands before what was said of it."""
    return sorted(
        (
            *_evidence(connection, tenant, order_id),
            *_said(connection, tenant, order_id),
            *_decided(connection, tenant, order_id),
            *_written(connection, tenant, order_id),
        ),
        key=lambda entry: (entry.at, LANES.index(entry.lane)),
    )


def _evidence(connection: Connection, tenant: str, order_id: str) -> Iterator[OrderMoment]:
    seen: set[tuple[str, str]] = set()
    rows = select(evidence).where(evidence.c.tenant == tenant, evidence.c.order_id == order_id)
    for row in connection.execute(rows.order_by(evidence.c.time, evidence.c.source, evidence.c.event_id)):
        if (row.source, row.event_id) not in seen:  # several exceptions may rest on one event
            seen.add((row.source, row.event_id))
            yield OrderMoment(row.time, "evidence", row.type, row.source, None, row.event_id)


def _said(connection: Connection, tenant: str, order_id: str) -> Iterator[OrderMoment]:
    rows = select(exception_events).where(exception_events.c.tenant == tenant, exception_events.c.order_id == order_id)
    for row in connection.execute(rows.order_by(exception_events.c.exception_id, exception_events.c.sequence)):
        yield OrderMoment(row.detected_at, "exception", row.type, row.by, row.exception_id, row.summary)
    rows = select(action_events).where(action_events.c.tenant == tenant, action_events.c.order_id == order_id)
    for row in connection.execute(rows.order_by(action_events.c.action_id, action_events.c.sequence)):
        yield OrderMoment(row.time, "action", row.type, None, row.action_id, f"{row.action}: {row.state}")


def _decided(connection: Connection, tenant: str, order_id: str) -> Iterator[OrderMoment]:
    rows = select(audit).where(audit.c.tenant == tenant, audit.c.subject == order_id)
    for row in connection.execute(rows.order_by(audit.c.logged_at, audit.c.event_id)):
        at = row.logged_at or row.refused_at or row.time
        if at is not None:
            text = row.outcome if row.reason is None else f"{row.outcome}: {row.reason}"
            yield OrderMoment(at, "decision", row.type or "decision", row.by, row.exception_id or row.action_id, text)


def _written(connection: Connection, tenant: str, order_id: str) -> Iterator[OrderMoment]:
    rows = select(messages).where(messages.c.tenant == tenant, messages.c.order_id == order_id, messages.c.sent_at.is_not(None))
    for row in connection.execute(rows.order_by(messages.c.sent_at, messages.c.message_id)):
        yield OrderMoment(row.sent_at, "message", "message.sent", row.by, row.action_id, row.topic)
    rows = select(notes).where(notes.c.tenant == tenant, notes.c.order_id == order_id)
    for row in connection.execute(rows.order_by(notes.c.note_ref)):
        at = row.at or row.said_at
        if at is not None:
            yield OrderMoment(at, "note", "case.noted", row.by, row.exception_id or row.action_id, row.text)
