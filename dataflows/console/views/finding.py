"""Search: orders by any of their names. What is looked for is sent in the form, and stands in no address: it may be a customer's ID."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from sqlalchemy import Connection
from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.routes import Route
from dataflows.console.visit import Visit
from sinks.cases.queries.exceptions import by_id, list_exceptions, resolve_prefix
from sinks.cases.queries.facets import count_rows
from sinks.cases.queries.rows import ExceptionRow, FoundOrder
from sinks.cases.queries.search import search
from sinks.cases.queries.wanted import ExceptionFilter

LONGEST: Final = 200
MOST_ORDERS: Final = 50
MOST_COUNTED: Final = 1_000
SHORTEST_ID: Final = 8
"""From how many characters on a text is tried as the beginning of an exception's ID."""


class FoundThings(NamedTuple):
    """What was found. `of_sku`: how many open exceptions are about an SKU of this name."""

    orders: Sequence[FoundOrder]
    exceptions: Sequence[ExceptionRow]
    of_sku: int


async def show_search(visit: Visit) -> Response:
    """The form; with `?order=` what is found by an order's ID."""
    order = visit.request.query_params.get("order", "").strip()[:LONGEST]
    return await _answered(visit, order) if order else visit.page("lists/search.html", q="", found=None, most=MOST_ORDERS)


async def find(visit: Visit) -> Response:
    """What is found; one order alone is gone to."""
    form = await visit.form()
    text = str(form.get("q", "")).strip()[:LONGEST]
    return await _answered(visit, text) if text else visit.page("lists/search.html", q="", found=None, most=MOST_ORDERS)


async def _answered(visit: Visit, text: str) -> Response:
    found = await visit.read(look, visit, text)
    sorts = sorted({order.by for order in found.orders}) or ["nothing"]
    await visit.reads("search", ",".join(sorts), len(found.orders) + len(found.exceptions))
    if len(found.orders) == 1 and not found.exceptions and not found.of_sku:
        order = found.orders[0]
        return visit.done(visit.url("order", tenant=order.tenant, order=order.order_id))
    if len(found.exceptions) == 1 and not found.orders and not found.of_sku:
        return visit.done(visit.url("exception", id=found.exceptions[0].exception_id))
    return visit.page("lists/search.html", q=text, found=found, most=MOST_ORDERS)


def look(connection: Connection, visit: Visit, text: str) -> FoundThings:
    """What has this name of what somebody may see."""
    scope = visit.person.narrow(ExceptionFilter(statuses=(), modes=()))
    orders = search(connection, text, scope.tenants, limit=MOST_ORDERS)
    if not visit.person.scope.is_whole:
        orders = [order for order in orders if _is_seen(connection, visit, scope, order)]
    ids = resolve_prefix(connection, text) if len(text) >= SHORTEST_ID else []
    rows = [row for row in by_id(connection, ids, visit.now) if visit.person.may_see(row.tenant, row.team, row.site)]
    of_sku = count_rows(connection, visit.person.narrow(ExceptionFilter(skus=(text,))), now=visit.now, most=MOST_COUNTED)
    return FoundThings(orders, rows, of_sku)


def _is_seen(connection: Connection, visit: Visit, scope: ExceptionFilter, order: FoundOrder) -> bool:
    """Whether one of an order's exceptions is within the scope."""
    wanted = visit.person.narrow(replace(scope, orders=(order.order_id,)))
    page = list_exceptions(connection, wanted, now=visit.now, limit=100)
    return any(row.tenant == order.tenant for row in page.rows)


ROUTES: Final = (
    Route("search", "/search", show_search, Needs.READ),
    Route("find", "/search", find, Needs.READ, ("POST",)),
)
