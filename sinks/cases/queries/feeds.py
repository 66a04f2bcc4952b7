"""Feeds as the store knows them: those that were ever silent, milestones that nobody has ever told, and when feeds were silent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, select

from sinks.cases.queries.rows import values
from sinks.cases.tables import feeds, incidents

STALE: Final = "feed.stale"
NEVER_SEEN: Final = "feed.never_seen"
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A feed that was ever silent for too long. `mark`: what it had spoken up to when this was said; `held`: orders that waited then."""

    tenant: str
    feed: str
    stale: bool
    mark: datetime | None
    stale_since: datetime | None
    silence: str | None
    cadence: str | None
    owner: str | None
    said_at: datetime
    held: int | None


@dataclass(frozen=True, slots=True)
class FeedIncident:
    """A silence of a feed, or a milestone that nobody has ever told; `closed_at` None: it lasts."""

    incident_id: str
    sequence: int
    tenant: str
    kind: str
    dimension: str
    value: str
    milestone: str | None
    count: int | None
    owner: str | None
    summary: str | None
    since: datetime | None
    opened_at: datetime
    closed_at: datetime | None


def feed_rows(connection: Connection, tenants: Collection[str] = ()) -> list[FeedRow]:
    """The feeds, those that are silent first; `tenants`: none for all."""
    open_ = and_(
        incidents.c.kind == STALE, incidents.c.status == "open", incidents.c.value == feeds.c.feed, incidents.c.tenant == feeds.c.tenant
    )
    columns = (feeds.c[name] for name in ("tenant", "feed", "stale", "mark", "stale_since", "silence", "cadence", "owner"))
    rows = select(*columns, feeds.c.time.label("said_at"), incidents.c.member_count.label("held")).select_from(
        feeds.outerjoin(incidents, open_)
    )
    if tenants:
        rows = rows.where(feeds.c.tenant.in_(tenants))
    found = connection.execute(rows.order_by(feeds.c.stale.desc(), feeds.c.tenant, feeds.c.feed))
    return [FeedRow(**values(row)) for row in found]


def feed_incidents(connection: Connection, kind: str, tenants: Collection[str] = (), *, standing: bool | None = None) -> list[FeedIncident]:
    """Silences or untold milestones, the last first, at most `MOST`; `standing`: only those that last, or only those that are over."""
    names = ("incident_id", "sequence", "tenant", "kind", "dimension", "value", "milestone", "owner", "summary", "since")
    columns = (incidents.c[name] for name in (*names, "opened_at", "closed_at"))
    rows = select(*columns, incidents.c.member_count.label("count")).where(incidents.c.kind == kind)
    if tenants:
        rows = rows.where(incidents.c.tenant.in_(tenants))
    if standing is not None:
        rows = rows.where(incidents.c.closed_at.is_(None) if standing else incidents.c.closed_at.is_not(None))
    found = connection.execute(rows.order_by(incidents.c.opened_at.desc(), incidents.c.incident_id).limit(MOST))
    return [FeedIncident(**values(row)) for row in found]
