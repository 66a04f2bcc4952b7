"""Saved views of lists, and the columns that lists show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import QueryParams
from starlette.responses import Response

from dataflows.console import own_lists
from dataflows.console.access import EVERY, Needs
from dataflows.console.columns import chosen
from dataflows.console.filters import read_filter, to_query
from dataflows.console.listing import helpers
from dataflows.console.own_lists import ALL, PRIVATE, TEAM, SavedView, ViewError
from dataflows.console.routes import Route
from dataflows.console.text import mark
from dataflows.console.visit import BadRequestError, NotHereError, Visit
from sinks.cases.queries.facets import COLUMNS as FACETED
from sinks.cases.queries.facets import facets
from sinks.cases.queries.wanted import ExceptionFilter

ROUTED: Final = ("exceptions", "queue", "shipments")
"""The lists of which views can be saved."""
LONGEST_QUERY: Final = 4_000
SAVED: Final = mark("The view is saved.")
DELETED: Final = mark("The view is deleted.")
CHANGED: Final = mark("The view is changed.")
COLUMNS_CHOSEN: Final = mark("Lists show these columns now.")


async def show_views(visit: Visit) -> Response:
    """One's own views and those of others."""
    return await _shown(visit)


async def save(visit: Visit) -> Response:
    """Saves the filter of a list as a view."""
    form = await visit.form()
    route, query = str(form.get("route", "")), str(form.get("query", ""))
    if route not in ROUTED or len(query) > LONGEST_QUERY:
        raise BadRequestError(f"a view is of one of the lists {', '.join(ROUTED)}")
    read = read_filter(QueryParams(parse_qsl(query)), visit.person.by)
    # As the author's `me` stays whoever looks, it is written as `me`.
    query = urlencode(to_query(read.wanted, read.sort, visit.person.by), doseq=True)
    name, shared = str(form.get("name", "")), str(form.get("shared", PRIVATE))
    try:
        await visit.own(own_lists.save_view, visit.parts.own, visit.person, name, shared, route, query, visit.now)
    except ViewError as error:
        return await _shown(visit, problem=str(error))
    return visit.done(_with(visit.url(route), query), visit.say(SAVED))


async def change(visit: Visit) -> Response:
    """Renames, shares, moves or deletes a view of one's own."""
    form = await visit.form()
    own, person, id_ = visit.parts.own, visit.person, str(form.get("id", ""))
    name, shared = str(form.get("name", "")), str(form.get("shared", PRIVATE))
    actions: dict[str, tuple[Callable[[], bool], str | None]] = {
        "change": (lambda: own_lists.change_view(own, person, id_, name, shared, visit.now), CHANGED),
        "up": (lambda: own_lists.move_view(own, person, id_, -1), None),
        "down": (lambda: own_lists.move_view(own, person, id_, 1), None),
        "delete": (lambda: own_lists.delete_view(own, person, id_), DELETED),
    }
    act, message = actions.get(str(form.get("do", "")), (None, None))
    if act is None:
        raise BadRequestError(f"a view is {', '.join(actions)}")
    try:
        if not await visit.own(act):
            raise NotHereError
    except ViewError as error:
        return await _shown(visit, problem=str(error))
    return visit.done(visit.url("views"), None if message is None else visit.say(message))


async def choose_columns(visit: Visit) -> Response:
    """Keeps the columns that lists show."""
    form = await visit.form()
    names = [] if form.get("usual") else [str(name) for name in form.getlist("columns")]
    await visit.own(own_lists.choose_columns, visit.parts.own, visit.person, chosen(names) if names else (), visit.now)
    return visit.done(visit.local(str(form.get("back", "")) or None), visit.say(COLUMNS_CHOSEN))


async def _shown(visit: Visit, problem: str | None = None) -> Response:
    def url_of(view: SavedView) -> str:
        return _with(visit.url(view.route), view.query)

    views = await visit.own(own_lists.views_of, visit.parts.own, visit.person)
    kept = await visit.own(own_lists.columns_of, visit.parts.own, visit.person)
    return visit.page(
        "lists/views.html",
        status=400 if problem else 200,
        problem=problem,
        mine=[view for view in views if view.by == visit.person.by],
        others=[view for view in views if view.by != visit.person.by],
        url_of=url_of,
        shares=await shares(visit),
        **helpers(visit),
        columns=chosen(kept),
    )


async def shares(visit: Visit) -> list[tuple[str, str]]:
    """With whom somebody may share: values of the form and their names."""
    found = [(PRIVATE, visit.say(_PRIVATE))]
    if not visit.may("decide"):
        return found
    teams = [team for team in visit.person.scope.teams if team != EVERY]
    if EVERY in visit.person.scope.teams:
        bounds = visit.person.narrow(ExceptionFilter())
        counted = await visit.read(facets, ExceptionFilter(), bounds, now=visit.now)
        teams = sorted(str(value) for value, _ in counted.values.get(_TEAMS, ()) if value)
    found += [(f"{TEAM}{team}", visit.say(_WITH_TEAM, team=team)) for team in teams]
    return [*found, (ALL, visit.say(_WITH_ALL))]


def _with(url: str, query: str) -> str:
    return f"{url}?{query}" if query else url


_PRIVATE: Final = mark("only for me")
_WITH_TEAM: Final = mark("with the team %(team)s")
_WITH_ALL: Final = mark("with all")
_TEAMS: Final = "teams"
assert _TEAMS in FACETED

ROUTES: Final = (
    Route("views", "/views", show_views, Needs.READ),
    Route("save_view", "/views", save, Needs.READ, ("POST",)),
    Route("change_view", "/views/change", change, Needs.READ, ("POST",)),
    Route("choose_columns", "/views/columns", choose_columns, Needs.READ, ("POST",)),
)
