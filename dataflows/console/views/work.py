"""My work: what somebody has, by the clock that runs out next; what wakes today; what waits; what was handed over; what may be approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection
from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.columns import USUAL
from dataflows.console.filters import ReadFilter, to_query
from dataflows.console.listing import emptiness, helpers
from dataflows.console.own_lists import views_of
from dataflows.console.routes import Route
from dataflows.console.text import mark
from dataflows.console.visit import Visit
from sinks.cases.queries.actions import list_actions
from sinks.cases.queries.exceptions import list_several
from sinks.cases.queries.rows import ExceptionRow, Page
from sinks.cases.queries.wanted import IN_HAND, ActionFilter, ExceptionFilter

FEW: Final = 10
MANY: Final = 50
"""How many rows a part has, the first one and the others."""
SORT: Final = "clock"
MOST_APPROVALS: Final = 200
"""How many waiting approvals are looked at."""
COLUMNS: Final = tuple(name for name in USUAL if name != "assignee")


class WorkPart(NamedTuple):
    """A part of the page. `more`: where the rest is; None if this is all."""

    name: str
    title: str
    rows: Sequence[ExceptionRow]
    more: str | None


TITLES: Final = {
    "mine": mark("Mine, by the clock that runs out next"),
    "handed": mark("Handed to me since yesterday"),
    "waking": mark("Snoozed, waking today"),
    "waiting": mark("Waiting for somebody else"),
}


async def show_work(visit: Visit) -> Response:
    """The page that the console begins with."""
    reads = parts(visit)
    lists = await visit.read(read_work, visit, list(reads.values()))
    approvals, capped = await _approvals(visit)
    handed = {row.exception_id for row in lists[1].rows}
    listed: list[WorkPart] = []
    seen: set[str] = set()
    for (name, read), one in zip(reads.items(), lists, strict=True):
        # A row stands in the first part that it belongs to only: what was handed over is marked among what is in hand.
        rows = [row for row in one.rows if row.exception_id not in seen]
        seen |= {row.exception_id for row in rows}
        more = visit.url("exceptions", to_query(read.wanted, read.sort, visit.person.by)) if one.after else None
        listed.append(WorkPart(name, visit.say(TITLES[name]), rows, more))
    return visit.page(
        "lists/work.html",
        parts=listed,
        approvals=approvals,
        approvals_capped=capped,
        columns=COLUMNS,
        **helpers(visit, handed),
        views=await visit.own(views_of, visit.parts.own, visit.person),
        empty=emptiness(visit, narrowed=False),
    )


def parts(visit: Visit) -> Mapping[str, ReadFilter]:
    """The filters of the page's parts, by name. Days are those of the reader's zone."""
    mine = (visit.person.by,)
    today = datetime.combine(visit.now.astimezone(visit.zone).date(), time(), visit.zone)
    until_midnight, since_yesterday = today + timedelta(days=1) - visit.now, visit.now - (today - timedelta(days=1))
    asked = {
        "mine": ExceptionFilter(assignees=mine, states=IN_HAND),
        "handed": ExceptionFilter(assignees=mine, handed_within=_minutes(since_yesterday)),
        "waking": ExceptionFilter(assignees=mine, states=("snoozed",), waking_within=_minutes(until_midnight)),
        "waiting": ExceptionFilter(assignees=mine, states=("waiting",)),
    }
    return {name: ReadFilter(wanted, SORT) for name, wanted in asked.items()}


def read_work(connection: Connection, visit: Visit, reads: Sequence[ReadFilter]) -> Sequence[Page[ExceptionRow]]:
    """The first rows of each part."""
    asked_for = [(visit.person.narrow(read.wanted), FEW if at else MANY) for at, read in enumerate(reads)]
    return list_several(connection, asked_for, SORT, now=visit.now)


async def _approvals(visit: Visit) -> tuple[int, bool]:
    """How many approvals somebody may give, and whether there may be more."""
    if not visit.may("approve"):
        return 0, False
    wanted = visit.person.narrow(ActionFilter(waiting=True))
    waiting = await visit.shared(("approvals", wanted), list_actions, wanted, limit=MOST_APPROVALS)
    return sum(row.may_approve(visit.person.by, visit.person.roles) for row in waiting.rows), waiting.after is not None


def _minutes(span: timedelta) -> timedelta:
    """In whole minutes, as URLs have it: one list is cached as one statement all through a minute."""
    return timedelta(minutes=max(span // timedelta(minutes=1), 1))


ROUTES: Final = (Route("work", "/", show_work, Needs.READ),)
