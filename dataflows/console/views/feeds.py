"""Feeds: who speaks, who is silent, who was never heard, and what that holds back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection
from starlette.responses import Response

from dataflows.console.access import EVERY, Needs
from dataflows.console.engine import EngineStanding
from dataflows.console.routes import Route
from dataflows.console.visit import Visit
from sinks.cases.queries.feeds import NEVER_SEEN, STALE, FeedIncident, FeedRow, feed_incidents, feed_rows

MOST_SILENCES: Final = 30


class ShownFeed(NamedTuple):
    """A feed. `state`: `fresh`, `stale`, `recovered` (as the store knows it), `unheard`. `mark`: up to when it has spoken."""

    tenant: str | None
    feed: str
    state: str
    mark: datetime | None
    since: datetime | None
    silence: str | None
    cadence: str | None
    owner: str | None
    held: int | None


class FeedsFound(NamedTuple):
    """What the store knows."""

    feeds: Sequence[FeedRow]
    unseen: Sequence[FeedIncident]
    silences: Sequence[FeedIncident]


def known(connection: Connection, tenants: tuple[str, ...]) -> FeedsFound:
    """Reads it."""
    return FeedsFound(
        feed_rows(connection, tenants),
        feed_incidents(connection, NEVER_SEEN, tenants, standing=True),
        feed_incidents(connection, STALE, tenants, standing=False)[:MOST_SILENCES],
    )


async def see(visit: Visit) -> Response:
    """The page."""
    tenants = () if EVERY in visit.person.scope.tenants else visit.person.scope.tenants
    found = await visit.read(known, tenants)
    engine = visit.head.engine if visit.head is not None else None
    shown = together(found.feeds, engine)
    silent = [one for one in shown if one.state == "stale"]
    return visit.page(
        "insight/feeds.html",
        feeds=shown,
        silent=silent,
        unseen=found.unseen,
        silences=found.silences,
        asked_engine=engine is not None,
    )


def together(feeds: Sequence[FeedRow], engine: EngineStanding | None) -> list[ShownFeed]:
    """What the store and the engine know of feeds: the engine knows all that the policy declares, the store those that were silent."""
    fresh: Mapping[str, object] = {} if engine is None else engine.feeds
    rows: list[ShownFeed] = []
    for row in feeds:
        live = None if engine is None else engine.feeds.get(row.feed)
        stale = row.stale if live is None else live.stale
        state = "stale" if stale else "recovered" if live is None else "fresh"
        mark = row.mark if live is None or live.watermark is None else live.watermark
        held = row.held if live is None else live.deferred
        rows.append(
            ShownFeed(row.tenant, row.feed, state, mark, row.stale_since if stale else None, row.silence, row.cadence, row.owner, held)
        )
    known_ = {row.feed for row in feeds}
    if engine is not None:
        for name in sorted(fresh.keys() - known_):
            live = engine.feeds[name]
            state = "unheard" if live.watermark is None else "stale" if live.stale else "fresh"
            rows.append(ShownFeed(None, name, state, live.watermark, None, None, None, None, live.deferred))
    order = ("stale", "unheard", "recovered", "fresh")
    return sorted(rows, key=lambda one: (order.index(one.state), one.feed, one.tenant or ""))


ROUTES: Final = (Route("feeds", "/feeds", see, Needs.READ),)
