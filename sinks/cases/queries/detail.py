"""One exception, one action, one order: each with all that belongs to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from sinks.cases.queries import said
from sinks.cases.queries.actions import action_row, actions_for
from sinks.cases.queries.exceptions import by_id, of_order
from sinks.cases.queries.rows import ActionDetail, ExceptionDetail, NoteRow, OrderDetail, values
from sinks.cases.queries.timeline import timeline
from sinks.cases.tables import action_events, actions, cases, evidence, exception_events, exceptions, notes, orders


def exception_detail(connection: Connection, exception_id: str, now: datetime) -> ExceptionDetail | None:
    """An exception with its events, its evidence, its actions and its notes; None if the store has none of that ID."""
    row = connection.execute(select(exceptions).where(exceptions.c.exception_id == exception_id)).one_or_none()
    if row is None:
        return None
    case = connection.execute(select(cases).where(cases.c.exception_id == exception_id)).one_or_none()
    cited = connection.execute(
        select(evidence).where(evidence.c.exception_id == exception_id).order_by(evidence.c.time, evidence.c.source, evidence.c.event_id)
    ).all()
    data = said.exception_data(row, case, cited)
    rows = connection.execute(
        select(exception_events).where(exception_events.c.exception_id == exception_id).order_by(exception_events.c.sequence)
    ).all()
    of_it = connection.execute(
        select(actions).where(actions.c.exception_id == exception_id).order_by(actions.c.proposed_at, actions.c.action_id)
    ).all()
    (listed,) = by_id(connection, [exception_id], now)
    return ExceptionDetail(
        row=listed,
        data=data,
        events=said.exception_events(data, rows),
        actions=[_action(connection, action) for action in of_it],
        notes=notes_of(connection, exception_id),
    )


def action_detail(connection: Connection, action_id: str) -> ActionDetail | None:
    """An action with its events; None if the store has none of that ID."""
    row = connection.execute(select(actions).where(actions.c.action_id == action_id)).one_or_none()
    return None if row is None else _action(connection, row)


def order_detail(connection: Connection, tenant: str, order_id: str, now: datetime) -> OrderDetail | None:
    """An order with its exceptions, its actions and its timeline; None if the store has nothing of it."""
    row = connection.execute(select(orders).where(orders.c.tenant == tenant, orders.c.order_id == order_id)).one_or_none()
    found, acts = of_order(connection, tenant, order_id, now), actions_for(connection, tenant, order_id)
    if row is None and not found and not acts:
        return None
    return OrderDetail(
        tenant=tenant,
        order_id=order_id,
        data={} if row is None else values(row),
        exceptions=found,
        actions=acts,
        timeline=timeline(connection, tenant, order_id),
    )


def notes_of(connection: Connection, exception_id: str) -> list[NoteRow]:
    """The notes of an exception, the oldest first."""
    rows = select(notes).where(notes.c.exception_id == exception_id).order_by(notes.c.at, notes.c.note_ref)
    return [NoteRow(row.note_ref, row.by, row.at or row.said_at, row.text) for row in connection.execute(rows)]


def _action(connection: Connection, row: Row[Any]) -> ActionDetail:
    data = said.action_data(row)
    rows = connection.execute(
        select(action_events).where(action_events.c.action_id == row.action_id).order_by(action_events.c.sequence)
    ).all()
    return ActionDetail(action_row(row), data, said.action_events(data, rows))
