"""Retention: cases that have been over for long go, with all that is about them, and orders without any."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, exists, func, select, update

from sinks.cases.buffer import parts
from sinks.cases.tables import (
    action_events,
    actions,
    audit,
    cases,
    evidence,
    exception_events,
    exception_skus,
    exceptions,
    identifiers,
    incident_members,
    messages,
    notes,
    offsets,
    orders,
    suggestions,
)

AT_ONCE: Final = 500
BY_EXCEPTION: Final = (cases, exception_events, exception_skus, evidence, notes, suggestions, messages)


def newest(connection: Connection) -> datetime | None:
    """How far the logs are read, by the time of append: what ages are counted from, so that a store that was away keeps what it has."""
    return connection.execute(select(func.max(offsets.c.logged_at))).scalar()


def purge(connection: Connection, days: int) -> int:
    """Takes away at most `AT_ONCE` exceptions that were over `days` before the newest record; returns how many.

    What was decided stays in the audit, without its notes. Within the transaction of `connection`.
    """
    now = newest(connection)
    if now is None:
        return 0
    old = exceptions.c.closed_at < now - timedelta(days=days)
    gone = connection.execute(select(exceptions.c.exception_id, exceptions.c.tenant, exceptions.c.order_id).where(old).limit(AT_ONCE)).all()
    ids = [row.exception_id for row in gone]
    theirs = connection.execute(select(actions.c.action_id).where(actions.c.exception_id.in_(ids))).scalars().all()
    for some in parts(theirs, AT_ONCE):
        connection.execute(delete(action_events).where(action_events.c.action_id.in_(some)))
        connection.execute(delete(messages).where(messages.c.action_id.in_(some)))
        connection.execute(update(audit).where(audit.c.action_id.in_(some)).values(note=None))
        connection.execute(delete(actions).where(actions.c.action_id.in_(some)))
    for table in BY_EXCEPTION:
        connection.execute(delete(table).where(table.c.exception_id.in_(ids)))
    connection.execute(delete(incident_members).where(incident_members.c.member_id.in_(ids)))
    connection.execute(update(audit).where(audit.c.exception_id.in_(ids)).values(note=None))
    connection.execute(delete(exceptions).where(exceptions.c.exception_id.in_(ids)))
    for tenant, order_id in sorted({(row.tenant, row.order_id) for row in gone}):
        left = exists().where(exceptions.c.tenant == tenant, exceptions.c.order_id == order_id)
        if not connection.execute(select(left)).scalar():
            for table in (orders, identifiers, messages):
                connection.execute(delete(table).where(table.c.tenant == tenant, table.c.order_id == order_id))
    return len(ids)
