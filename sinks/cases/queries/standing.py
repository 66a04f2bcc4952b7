"""How far the store is: whether it is kept true at all, and how much it lacks."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from sinks.cases.queries.rows import StoreStanding
from sinks.cases.tables import offsets
from sinks.cases.tables import standing as writers


def standing(connection: Connection) -> StoreStanding:
    """As its writer noted it last. What of it is too long ago is for whoever shows it to say."""
    last = connection.scalar(select(func.max(offsets.c.logged_at)))
    row = connection.execute(select(writers).where(writers.c.name == "writer")).one_or_none()
    return StoreStanding(None, last, None) if row is None else StoreStanding(row.seen_at, last, row.behind)
