"""Lists of exceptions: all of them by any filter, the team's queue, and both as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from dataflows.console import own_lists
from dataflows.console.access import Needs
from dataflows.console.export import MOST_EXPORTED, exported
from dataflows.console.filters import LABELS, WAITING_ON, ReadFilter, read_filter, to_query
from dataflows.console.listing import Query, ReadList, ShownList, emptiness, helpers, read_facets, read_rows, seen_columns
from dataflows.console.routes import Route
from dataflows.console.selecting import MOST_CHOSEN
from dataflows.console.visit import BadRequestError, Visit
from sinks.cases.queries.facets import count_rows
from sinks.cases.queries.wanted import ACTION_STATES, IN_HAND, RESTING, FilterError

TAKEN: Final = 10
"""How many of the queue's rows that somebody has are shown below those that nobody has."""


async def show_exceptions(visit: Visit) -> Response:
    """All exceptions that a filter leaves."""
    read = read_filter(visit.request.query_params, visit.person.by)
    found = await listed(visit, read, counted=not visit.wants_fragment)
    return await answered(visit, "lists/exceptions.html", read, found)


async def show_queue(visit: Visit) -> Response:
    """What is open of the teams that one sees: what nobody has first."""
    read = read_filter(visit.request.query_params, visit.person.by)
    free = read._replace(wanted=replace(read.wanted, assignees=(), unassigned=True, assigned=False))
    taken = read._replace(wanted=replace(read.wanted, assignees=(), unassigned=False, assigned=True))
    found = await listed(visit, free, counted=not visit.wants_fragment)
    others = await visit.read(read_rows, visit, taken, limit=TAKEN)
    more = visit.url("exceptions", to_query(taken.wanted, taken.sort)) if others.after else None
    resting = visit.url("exceptions", to_query(replace(taken.wanted, states=RESTING))) if taken.wanted.states == IN_HAND else None
    return await answered(
        visit,
        "lists/queue.html",
        free,
        found,
        taken=others.rows,
        more_taken=more,
        resting_taken=resting,
        defaults={"assignee": ["nobody"]},
    )


async def export_exceptions(visit: Visit) -> Response:
    """What a filter leaves, as CSV."""
    params = visit.request.query_params
    read = read_filter(params, visit.person.by)
    columns = await visit.own(seen_columns, visit, visit.person)
    many = await visit.read(count_rows, visit.person.narrow(read.wanted), now=visit.now, most=MOST_EXPORTED + 1)
    await visit.reads("export", visit.route, min(many, MOST_EXPORTED))
    name = f"exceptions-{visit.now:%Y%m%dT%H%M%SZ}{f'-first-{MOST_EXPORTED}' if many > MOST_EXPORTED else ''}.csv"
    return StreamingResponse(
        exported(visit, read, columns, bom=params.get("bom") == "yes"),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def listed(visit: Visit, read: ReadFilter, *, counted: bool) -> ReadList:
    """A page of a list. Raises BadRequestError of a place that is none of it."""
    try:
        rows = await visit.read(read_rows, visit, read, after=visit.request.query_params.get("after") or None)
        return ReadList(rows, await read_facets(visit, read.wanted) if counted else None)
    except FilterError as error:
        raise BadRequestError(str(error)) from error


async def answered(
    visit: Visit, template: str, read: ReadFilter, found: ReadList, *, defaults: Query | None = None, **more: object
) -> Response:
    """The page of a list. `defaults`: what its filter always has."""
    columns, views = await visit.own(_kept, visit)
    shown = ShownList(visit, read, found, columns, defaults=defaults)
    context: dict[str, Any] = {
        **helpers(visit),
        "list": shown,
        "columns": columns,
        "views": views,
        "most_exported": MOST_EXPORTED,
        "most_chosen": MOST_CHOSEN,
        "choices": {"action": ACTION_STATES, "label": LABELS, "waiting_on": WAITING_ON},
        "empty": emptiness(visit, narrowed=shown.is_narrowed),
        **more,
    }
    return visit.page(template, **context)


def _kept(visit: Visit) -> tuple[tuple[str, ...], Sequence[own_lists.SavedView]]:
    """What the reader keeps of lists: columns and views. Blocking."""
    return seen_columns(visit, visit.person), own_lists.views_of(visit.parts.own, visit.person)


ROUTES: Final = (
    Route("exceptions", "/exceptions", show_exceptions, Needs.READ),
    Route("exceptions_csv", "/exceptions.csv", export_exceptions, Needs.READ),
    Route("queue", "/queue", show_queue, Needs.READ),
)
