"""The stream of changes of an open page, and the switch that lets it rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import QueryParams
from starlette.responses import Response, StreamingResponse

from dataflows.console.access import EVERY, Needs
from dataflows.console.filters import read_filter
from dataflows.console.live.hub import TooManyPagesError
from dataflows.console.live.interests import Interest, Shows
from dataflows.console.live.opening import hub_of
from dataflows.console.live.resting import rest
from dataflows.console.live.standing import StandingLine, trouble
from dataflows.console.live.stream import HEADERS, stream
from dataflows.console.routes import Route
from dataflows.console.visit import BadRequestError, Visit
from sinks.cases.queries.changes import PositionError, unpacked_position
from sinks.cases.queries.conditions import of_exceptions
from sinks.cases.queries.wanted import ActionFilter, ExceptionFilter, FilterError

SHOWS: Final[dict[str, Shows]] = {"exceptions": "exceptions", "actions": "actions", "feeds": "feeds"}
MOST_IDS: Final = 200
"""Rows that a page may name as all that it shows."""


def interest_of(visit: Visit, given: QueryParams) -> Interest:
    """What the page shows, cut down to what its reader may see. Raises BadRequestError."""
    shows = SHOWS.get(named := given.get("shows", "exceptions"))
    if shows is None:
        raise BadRequestError(visit.say("%(name)s is nothing that can be followed.", name=named[:40]))
    only = tuple(sorted(set(given.getlist("only"))))[:MOST_IDS]
    every = ExceptionFilter(statuses=(), modes=())
    wanted = every if only else read_filter(given, visit.person.by).wanted
    narrowed = visit.person.narrow(wanted)
    of_actions = ActionFilter(
        tenants=tuple(given.getlist("tenant")), orders=tuple(given.getlist("order")), waiting=given.get("waiting") == "yes"
    )
    try:
        of_exceptions(narrowed)
    except FilterError as error:
        raise BadRequestError(str(error)) from error
    return Interest(shows, narrowed, visit.person.narrow(of_actions), only)


async def follow(visit: Visit) -> Response:
    """Server-sent events: what has changed since the page was made."""
    request, hub = visit.request, hub_of(visit.parts)
    text = request.headers.get("Last-Event-ID") or request.query_params.get("since") or ""
    try:
        since = unpacked_position(text) if text else None
    except PositionError as error:
        raise BadRequestError(str(error)) from error
    try:
        page = hub.open(interest_of(visit, request.query_params), visit.person.by, since)
    except TooManyPagesError:
        return Response(visit.say("You have too many pages open: close some."), 429, {"Retry-After": "60"}, "text/plain")

    async def lines() -> Sequence[StandingLine]:
        return await standing_lines(visit)

    async def lives() -> bool:
        return visit.session is None or await visit.own(visit.parts.sessions.lives, visit.session.digest, visit.parts.clock())

    visit.parts.known_store()
    return StreamingResponse(stream(hub, page, lines, lives), 200, HEADERS, "text/event-stream")


async def standing_lines(visit: Visit) -> Sequence[StandingLine]:
    """What the reader is to know of what they see, as of now."""
    hub, now = hub_of(visit.parts), visit.parts.clock()
    if hub.standing is None:
        return [StandingLine("stale", visit.say("The store does not answer. What you see may be over."))]
    watch, tenants = visit.parts.heads.engine, visit.person.scope.tenants
    engine = None if watch is None else watch.look()
    feeds = [feed for feed in hub.standing.feeds if EVERY in tenants or feed.tenant in tenants]
    return trouble(hub.standing.store, feeds, engine, now, visit)


async def pause(visit: Visit) -> Response:
    """Lets pages rest, or follow again; kept for the person."""
    form = await visit.form()
    paused = form.get("paused") == "yes"
    await visit.own(rest, visit.parts.own, visit.person.name, now=paused)
    back = form.get("back")
    return visit.done(visit.local(back if isinstance(back, str) else None))


ROUTES: Final = (
    Route("live", "/live", follow, Needs.READ),
    Route("live_pause", "/live/pause", pause, Needs.READ, ("POST",)),
)
