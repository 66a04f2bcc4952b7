"""Shipments at risk: one row for each parcel, with the gravest of its exceptions, what is due and when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, get_args

from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.filters import ReadFilter, read_filter
from dataflows.console.listing import ROWS, ReadList, ShownList, emptiness, helpers, read_facets
from dataflows.console.routes import Route
from dataflows.console.text import mark
from dataflows.console.visit import BadRequestError, Visit
from sinks.cases.queries.parcels import KEYS, ParcelPage, ParcelRow, list_parcels
from sinks.cases.queries.rows import Page
from sinks.cases.queries.wanted import FilterError, Sort

SORTS: Final[dict[Sort, str]] = {
    "gravity": mark("gravest first"),
    "clock": mark("by the clock that runs out next"),
    "due": mark("by deadline"),
    "age": mark("oldest first"),
    "value": mark("most valuable first"),
}
assert set(SORTS) == set(KEYS) <= set(get_args(Sort))


async def show_shipments(visit: Visit) -> Response:
    """The parcels that a filter of exceptions leaves."""
    read = read_filter(visit.request.query_params, visit.person.by)
    stands = tuple(one for one in read.wanted.statuses if one in ("open", "suppressed")) or ("open",)
    read = read._replace(wanted=replace(read.wanted, statuses=stands, shipments=True), sort=read.sort if read.sort in SORTS else "gravity")
    try:
        page = await read_parcels(visit, read, visit.request.query_params.get("after") or None)
        counted = None if visit.wants_fragment else await read_facets(visit, read.wanted)
    except FilterError as error:
        raise BadRequestError(str(error)) from error
    found = ReadList(Page([parcel.row for parcel in page.rows], page.after), counted)
    shown = ShownList(visit, read, found, (), defaults={"shipments": ["yes"]})
    shown.query.pop("shipments", None)
    return visit.page(
        "lists/shipments.html",
        list=shown,
        parcels=page.rows,
        many=page.many,
        sorts=[(sort, visit.say(label)) for sort, label in SORTS.items()],
        sort=read.sort,
        columns=("parcel",),
        **helpers(visit),
        views=(),
        choices={},
        empty=emptiness(visit, narrowed=shown.is_narrowed),
        last_scan=last_scan,
    )


async def read_parcels(visit: Visit, read: ReadFilter, after: str | None) -> ParcelPage:
    """A page of the parcels; all of them are grouped for each, which all who look at the same share. Raises FilterError."""
    wanted = visit.person.narrow(read.wanted)
    what = ("parcels", wanted, read.sort, after)
    return await visit.shared(what, list_parcels, wanted, now=visit.now, limit=ROWS, after=after, sort=read.sort)


def last_scan(parcel: ParcelRow) -> Any:
    """What the carrier said last of a parcel, where one is meant and it said anything."""
    scans = [one["last_scan"] for one in parcel.shipments if one.get("last_scan")]
    return scans[-1] if scans else None


ROUTES: Final = (Route("shipments", "/shipments", show_shipments, Needs.READ),)
