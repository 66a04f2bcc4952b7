"""How far the store is: whether it is kept true at all, and how much it lacks."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from sinks.cases.queries.rows import StaleFeed, StoreStanding
from sinks.cases.tables import feeds, offsets
from sinks.cases.tables import standing as writers

SILENT: Final = timedelta(seconds=30)
"""A store whose writer has not been seen for so long is not kept true; it notes that it is there every few seconds."""


def standing(connection: Connection) -> StoreStanding:
    """As its writer noted it last. What of it is too long ago is for whoever shows it to say."""
    last = connection.scalar(select(func.max(offsets.c.logged_at)))
    row = connection.execute(select(writers).where(writers.c.name == "writer")).one_or_none()
    return StoreStanding(None, last, None) if row is None else StoreStanding(row.seen_at, last, row.behind)


def stale_feeds(connection: Connection, tenants: Collection[str] = ()) -> list[StaleFeed]:
    """The feeds that are silent for longer than the policy allows, the longest silent first; `tenants`: none for all."""
    rows = select(feeds.c.tenant, feeds.c.feed, feeds.c.stale_since, feeds.c.owner).where(feeds.c.stale)
    if tenants:
        rows = rows.where(feeds.c.tenant.in_(tenants))
    found = connection.execute(rows.order_by(feeds.c.stale_since, feeds.c.tenant, feeds.c.feed))
    return [StaleFeed(row.tenant, row.feed, row.stale_since, row.owner) for row in found]
