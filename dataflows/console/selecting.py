"""Which rows of a list somebody has chosen, in a form: those whose boxes are ticked, or all that a filter leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from sqlalchemy import Connection
from starlette.datastructures import FormData, QueryParams

from dataflows.console.filters import read_filter
from dataflows.console.listing import matching
from dataflows.console.visit import Visit
from sinks.cases.queries.exceptions import by_id
from sinks.cases.queries.rows import ExceptionRow

BOXES: Final = "x"
"""The name of the boxes; each has the ID and, behind a colon, the number of the last event that was seen."""
MOST_CHOSEN: Final = 500
"""How many rows can be chosen at once."""


class ChosenRows(NamedTuple):
    """The rows, in the order of the list. `seen`: by ID the number of the event that was on the page. `more`: there are more."""

    rows: list[ExceptionRow]
    seen: Mapping[str, int]
    more: bool


async def chosen(visit: Visit, form: FormData, most: int = MOST_CHOSEN) -> ChosenRows:
    """What a form names of what the person may see. `all`: all that the filter `match` leaves; else what the boxes say."""
    if form.get("all"):
        return await visit.read(_all, visit, str(form.get("match", "")), most)
    seen: dict[str, int] = {}
    for value in form.getlist(BOXES):
        id_, _, sequence = str(value).partition(":")
        if sequence.isascii() and sequence.isdigit() and len(sequence) < 10:
            seen[id_] = int(sequence)
    ids = list(seen)[:most]
    rows = await visit.read(_named, visit, ids)
    return ChosenRows(rows, {row.exception_id: seen[row.exception_id] for row in rows}, len(seen) > most)


def _all(connection: Connection, visit: Visit, query: str, most: int) -> ChosenRows:
    read = read_filter(QueryParams(parse_qsl(query)), visit.person.by)
    rows, more = matching(connection, visit, read.wanted, most)
    return ChosenRows(rows, {row.exception_id: row.sequence for row in rows}, more)


def _named(connection: Connection, visit: Visit, ids: list[str]) -> list[ExceptionRow]:
    return [row for row in by_id(connection, ids, visit.now) if visit.person.may_see(row.tenant, row.team, row.site)]
