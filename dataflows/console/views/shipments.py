"""Shipments at risk: one row for each parcel, with the gravest of its exceptions, what is due and when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, NamedTuple, get_args

from sqlalchemy import Connection
from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.filters import ReadFilter, read_filter
from dataflows.console.listing import ROWS, ReadList, ShownList, emptiness, helpers
from dataflows.console.routes import Route
from dataflows.console.text import mark
from dataflows.console.visit import BadRequestError, Visit
from sinks.cases.queries.facets import facets
from sinks.cases.queries.parcels import KEYS, ParcelPage, ParcelRow, list_parcels
from sinks.cases.queries.rows import Page
from sinks.cases.queries.wanted import ExceptionFilter, FilterError, Sort

SORTS: Final[dict[Sort, str]] = {
    "gravity": mark("gravest first"),
    "clock": mark("by the clock that runs out next"),
    "due": mark("by deadline"),
    "age": mark("oldest first"),
    "value": mark("most valuable first"),
}
assert set(SORTS) == set(KEYS) <= set(get_args(Sort))


class ReadParcels(NamedTuple):
    """A page of parcels, and what they can be narrowed by."""

    page: ParcelPage
    counts: ReadList


async def show_shipments(visit: Visit) -> Response:
    """The parcels that a filter of exceptions leaves."""
    read = read_filter(visit.request.query_params, visit.person.by)
    stands = tuple(one for one in read.wanted.statuses if one in ("open", "suppressed")) or ("open",)
    read = read._replace(wanted=replace(read.wanted, statuses=stands, shipments=True), sort=read.sort if read.sort in SORTS else "gravity")
    try:
        found = await visit.read(read_parcels, visit, read, visit.request.query_params.get("after") or None)
    except FilterError as error:
        raise BadRequestError(str(error)) from error
    shown = ShownList(visit, read, found.counts, (), defaults={"shipments": ["yes"]})
    shown.after = found.page.after
    shown.query.pop("shipments", None)
    return visit.page(
        "lists/shipments.html",
        list=shown,
        parcels=found.page.rows,
        many=found.page.many,
        sorts=[(sort, visit.say(label)) for sort, label in SORTS.items()],
        sort=read.sort,
        columns=("parcel",),
        **helpers(visit),
        views=(),
        choices={},
        empty=emptiness(visit, narrowed=shown.is_narrowed),
        last_scan=last_scan,
    )


def read_parcels(connection: Connection, visit: Visit, read: ReadFilter, after: str | None) -> ReadParcels:
    """A page of the parcels. Raises FilterError."""
    wanted = visit.person.narrow(read.wanted)
    page = list_parcels(connection, wanted, now=visit.now, limit=ROWS, after=after, sort=read.sort)
    counted = None
    if not visit.wants_fragment:
        counted = facets(connection, read.wanted, visit.person.narrow(ExceptionFilter()), now=visit.now)
    rows = Page([parcel.row for parcel in page.rows], page.after)
    return ReadParcels(page, ReadList(rows, counted))


def last_scan(parcel: ParcelRow) -> Any:
    """What the carrier said last of a parcel, where one is meant and it said anything."""
    scans = [one["last_scan"] for one in parcel.shipments if one.get("last_scan")]
    return scans[-1] if scans else None


ROUTES: Final = (Route("shipments", "/shipments", show_shipments, Needs.READ),)
