"""What goes wrong, how often, and where: failure modes and recurrence within a window of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection, FromClause, and_, desc, func, select

from sinks.cases.expressions import counted
from sinks.cases.queries.windows import QUARTER, Window, chosen, in_time, is_current, quarter_of, said_in
from sinks.cases.tables import exception_skus, exceptions
from sinks.cases.views.clocks import STANDS
from sinks.cases.views.recurrence import DIMENSIONS

_E = exceptions.c
PLACES: Final = ("carrier", "site", "sku", "route", "country")
"""The dimensions in which recurrence is shown."""


@dataclass(frozen=True, slots=True)
class FailureMode:
    """A kind within a window.

    `previous`: how many in as much time before it. `customers`: how many customers it met; `repeated`: how many of them more than once.
    `money`: by currency the totals of the orders concerned, each order once.
    """

    kind: str
    count: int
    previous: int
    open: int
    customers: int
    repeated: int
    money: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class RecurrencePlace:
    """A carrier, site, SKU, route or country, and how many exceptions of how many orders it had."""

    value: str
    count: int
    previous: int
    open: int
    orders: int


@dataclass(frozen=True, slots=True)
class FlowStep:
    """A quarter of an hour in which something was first said, or said to be over."""

    at: datetime
    raised: int
    closed: int


def failure_modes(connection: Connection, window: Window) -> list[FailureMode]:
    """The kinds of a window, the most frequent first."""
    current = is_current(window)
    by_customer = (
        select(
            *(_E.kind, _E.customer_id),
            counted(current).label("now"),
            counted(~current).label("before"),
            counted(and_(current, STANDS)).label("open"),
        )
        .where(*said_in(window.with_previous()))
        .group_by(_E.kind, _E.customer_id)
        .subquery("by_customer")
    )
    found, known = by_customer.c, by_customer.c.customer_id.is_not(None)
    rows = select(
        found.kind,
        func.sum(found.now).label("many"),
        func.sum(found.before).label("previous"),
        func.sum(found.open).label("open"),
        counted(and_(known, found.now > 0)).label("customers"),
        counted(and_(known, found.now > 1)).label("repeated"),
    ).group_by(found.kind)
    money = _money(connection, window)
    modes = [
        FailureMode(row.kind, int(row.many), int(row.previous), int(row.open), row.customers, row.repeated, money.get(row.kind, {}))
        for row in connection.execute(rows)
    ]
    return sorted((mode for mode in modes if mode.count or mode.previous), key=lambda mode: (-mode.count, mode.kind))


def _money(connection: Connection, window: Window) -> dict[str, dict[str, Decimal]]:
    """By kind and currency the totals of the orders concerned."""
    by_order = (
        select(_E.kind, _E.currency, func.max(_E.total).label("total"))
        .where(*said_in(window), _E.total.is_not(None), _E.currency.is_not(None))
        .group_by(_E.kind, _E.currency, _E.tenant, _E.order_id)
        .subquery("by_order")
    )
    found: dict[str, dict[str, Decimal]] = {}
    rows = select(by_order.c.kind, by_order.c.currency, func.sum(by_order.c.total)).group_by(by_order.c.kind, by_order.c.currency)
    for kind, currency, total in connection.execute(rows):
        found.setdefault(kind, {})[currency] = total
    return found


def recurrence(connection: Connection, window: Window, dimension: str, most: int = 10) -> list[RecurrencePlace]:
    """Where it happened most within a window: the values of a dimension with the most exceptions."""
    value, current = DIMENSIONS[dimension], is_current(window)
    # Orders are told apart by grouping: PostgreSQL sorts the rows of each value to count what is distinct among them, at twice the cost.
    by_order = (
        select(
            value.label("value"),
            counted(current).label("now"),
            counted(~current).label("before"),
            counted(and_(current, STANDS)).label("open"),
        )
        .select_from(_of(dimension))
        .where(*said_in(window.with_previous()), value.is_not(None))
        .group_by("value", _E.tenant, _E.order_id)
        .subquery("by_order")
    )
    found = by_order.c
    rows = (
        select(
            found.value,
            func.sum(found.now).label("many"),
            func.sum(found.before).label("previous"),
            func.sum(found.open).label("open"),
            counted(found.now > 0).label("orders"),
        )
        .group_by(found.value)
        .order_by(desc("many"), found.value)
        .limit(most)
    )
    return [
        RecurrencePlace(row.value, int(row.many), int(row.previous), int(row.open), row.orders)
        for row in connection.execute(rows)
        if row.many
    ]


def _of(dimension: str) -> FromClause:
    """What a dimension is read from: an exception may be about several SKUs, and counts for each."""
    if dimension != "sku":
        return exceptions
    return exceptions.join(exception_skus, exception_skus.c.exception_id == _E.exception_id)


def kinds_over_time(connection: Connection, window: Window, step: int) -> dict[str, list[int]]:
    """By kind how many were first said in each step of so many seconds, the last step ending where the window does."""
    steps = max(1, -(-int(window.length.total_seconds()) // step))
    begin = int(window.until.timestamp()) - steps * step
    place = (quarter_of(_E.raised_at) * QUARTER - begin) // step
    rows = select(_E.kind, place.label("place"), func.count().label("many")).where(*said_in(window)).group_by(_E.kind, "place")
    found: dict[str, list[int]] = {}
    for kind, where, many in connection.execute(rows):
        found.setdefault(kind, [0] * steps)[min(max(int(where), 0), steps - 1)] += many
    return found


def flow(connection: Connection, window: Window) -> Sequence[FlowStep]:
    """What came and what went in each quarter of an hour of a window in which anything did."""
    raised, closed = (
        {
            int(step): many
            for step, many in connection.execute(
                select(quarter_of(column).label("step"), func.count()).where(*chosen(window), *in_time(column, window)).group_by("step")
            )
        }
        for column in (_E.raised_at, _E.closed_at)
    )
    return [
        FlowStep(datetime.fromtimestamp(step * QUARTER, UTC), raised.get(step, 0), closed.get(step, 0))
        for step in sorted(raised.keys() | closed.keys())
    ]
