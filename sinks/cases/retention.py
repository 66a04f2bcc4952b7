"""Retention: cases that have been over for long go, with all that is about them, orders without any, and what is about no case."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, and_, delete, exists, func, or_, select, update

from schemas.actions import FINAL as ENDED
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
    incidents,
    messages,
    notes,
    offsets,
    orders,
    rejects,
    suggestions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    _purge_actions(connection, connection.execute(select(actions.c.action_id).where(actions.c.exception_id.in_(ids))).scalars().all())
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


def purge_apart(connection: Connection, days: int) -> int:
    """Takes away what is about no case and was over as long ago, at most `AT_ONCE` of each sort; returns how much.

    Those are incidents, rejects, and actions that a person asked for.
    """
    now = newest(connection)
    if now is None:
        return 0
    limit = now - timedelta(days=days)
    over = or_(actions.c.state.in_(sorted(ENDED)), and_(actions.c.state == "failed", actions.c.retry_at.is_(None)))
    asked = select(actions.c.action_id).where(actions.c.exception_id.is_(None), over, actions.c.changed_at < limit).limit(AT_ONCE)
    ids = connection.execute(asked).scalars().all()
    _purge_actions(connection, ids)
    closed = connection.execute(select(incidents.c.incident_id).where(incidents.c.closed_at < limit).limit(AT_ONCE)).scalars().all()
    connection.execute(delete(incident_members).where(incident_members.c.incident_id.in_(closed)))
    connection.execute(delete(incidents).where(incidents.c.incident_id.in_(closed)))
    old = select(rejects.c.logged_at).where(rejects.c.logged_at < limit).order_by(rejects.c.logged_at).limit(AT_ONCE).subquery()
    last = connection.execute(select(func.max(old.c.logged_at))).scalar()
    gone = 0 if last is None else connection.execute(delete(rejects).where(rejects.c.logged_at <= last)).rowcount
    return len(ids) + len(closed) + gone


def _purge_actions(connection: Connection, ids: Sequence[str]) -> None:
    for some in parts(ids, AT_ONCE):
        connection.execute(delete(action_events).where(action_events.c.action_id.in_(some)))
        connection.execute(delete(messages).where(messages.c.action_id.in_(some)))
        connection.execute(update(audit).where(audit.c.action_id.in_(some)).values(note=None))
        connection.execute(delete(actions).where(actions.c.action_id.in_(some)))
