"""Shipments at risk: one row for each parcel of which an exception stands, with the gravest of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import BigInteger, Connection, Select, Text, case, func, literal_column, select, true, tuple_
from sqlalchemy import cast as sql_cast

from schemas.instants import EPOCH, FAR, micros
from sinks.cases.expressions import Bytewise, Expression, Micros
from sinks.cases.queries.conditions import at_instant, of_exceptions, shape, standing
from sinks.cases.queries.cursors import packed, unpacked
from sinks.cases.queries.exceptions import MOST_ROWS, SINCE, by_id
from sinks.cases.queries.prepared import asked, prepared
from sinks.cases.queries.rows import ExceptionRow, Page
from sinks.cases.queries.wanted import ExceptionFilter, FilterError, Sort
from sinks.cases.tables import exceptions, orders

_E = exceptions.c
PREFIX: Final = "shipment:"
GRAVER: Final = 1 << 53
"""What a severity counts in the order by gravity: more than any instant."""
ABOVE: Final = 10**17
"""More than any place in that order: with it on top all have as many digits, and are compared as texts."""
DIGITS: Final = len(str(ABOVE))
EMPTY: Final = literal_column("''", Text())
_FAR: Final = literal_column(str(FAR), BigInteger())


@dataclass(frozen=True, slots=True)
class ParcelRow:
    """A parcel. `name`: its shipment ID or tracking number, None: shipping of the order as a whole. `row`: the gravest of its exceptions.

    `exceptions`: how many stand. `due`: when the clock of one of their cases runs out next. `shipments`: what is known of the parcel, or of
    all parcels of the order, as in `orders.shipments`.
    """

    tenant: str
    order_id: str
    name: str | None
    row: ExceptionRow
    exceptions: int
    due: datetime | None
    promise: str | None
    shipments: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ParcelPage(Page[ParcelRow]):
    """A page of parcels. `many`: how many the whole list has."""

    many: int


def _gravity() -> Expression:
    """The place of an exception in the order by gravity."""
    return sql_cast(_E.severity_rank, BigInteger) * literal_column(str(GRAVER), BigInteger()) + Micros(SINCE)


KEYS: Final[dict[Sort, Callable[[], Expression]]] = {
    "gravity": _gravity,
    "clock": lambda: func.coalesce(Micros(_E.clock_at), _FAR),
    "due": lambda: func.coalesce(Micros(_E.due_at), _FAR),
    "age": lambda: Micros(_E.raised_at),
    "value": lambda: func.coalesce(-sql_cast(_E.total * literal_column("10000"), BigInteger), literal_column("1")),
}
"""What parcels are sorted by, the smallest first; of the exceptions of a parcel the smallest counts."""


def list_parcels(
    connection: Connection,
    wanted: ExceptionFilter | None = None,
    *,
    now: datetime,
    limit: int = 50,
    after: str | None = None,
    sort: Sort = "gravity",
) -> ParcelPage:
    """A page of parcels at risk; the filter is of their exceptions. Raises FilterError."""
    wanted = _of_shipments(wanted)
    if not 1 <= limit <= MOST_ROWS:
        raise FilterError(f"a page has 1 to {MOST_ROWS} rows")
    if sort not in KEYS:
        raise FilterError(f"parcels are not sorted by {sort}")
    place = dict[str, object]()
    if after is not None:
        looked, key, exception_id = unpacked(after, f"parcels-{sort}", (int, int, str))
        now, place = EPOCH + timedelta(microseconds=cast("int", looked)), {"key": key, "id": exception_id}
    asks = {**at_instant(wanted, now), "most": limit + 1, **place}
    answer = connection.execute(prepared(connection, parcels_of, shape(wanted), sort, bool(place)), asks).all()
    found = [row for row in answer if row.exception_id is not None]
    cursor = None
    if len(found) > limit:
        last = found[limit - 1]
        cursor = packed(f"parcels-{sort}", (micros(now), last.key, last.exception_id))
    rows = {row.exception_id: row for row in by_id(connection, [one.exception_id for one in found[:limit]], now)}
    known = _known(connection, list(rows.values()))
    listed: list[ParcelRow] = []
    for one in found[:limit]:
        row, name = rows[one.exception_id], one.parcel or None
        promise, shipments = known.get((row.tenant, row.order_id), (None, []))
        own = [each for each in shipments if name in (each.get("shipment"), *each.get("tracking_numbers", ()))]
        due = None if one.due == FAR else EPOCH + timedelta(microseconds=one.due)
        listed.append(ParcelRow(row.tenant, row.order_id, name, row, one.exceptions, due, promise, own if name else shipments))
    return ParcelPage(listed, cursor, answer[0].many)


def parcels_of(wanted: ExceptionFilter, sort: Sort, behind: bool) -> Select[*tuple[Any, ...]]:
    """The statement: `now`, `most`, and behind a place `key`, `id`. Without a parcel there is one row, which says that there is none."""
    parcel, gravest = (
        _parcel().label("parcel"),
        Bytewise(sql_cast(literal_column(str(ABOVE), BigInteger()) + _gravity(), Text) + _E.exception_id),
    )
    parcels = (
        select(
            parcel,
            func.min(gravest).label("gravest"),
            func.count().label("exceptions"),
            func.min(KEYS[sort]()).label("key"),
            func.min(func.coalesce(Micros(_E.clock_at), _FAR)).label("due"),
        )
        .where(*of_exceptions(wanted))
        # An index of all orders is not to be read for this, which SQLite does to group by the order itself.
        .group_by(func.coalesce(_E.tenant, EMPTY), func.coalesce(_E.order_id, EMPTY), parcel)
        .cte("parcels")
    )
    one = parcels.c
    exception_id = func.substr(one.gravest, literal_column(str(DIGITS + 1))).label("exception_id")
    rows = select(exception_id, one.parcel, one.key, one.exceptions, one.due)
    if behind:
        rows = rows.where(tuple_(one.key, exception_id) > tuple_(asked("key", BigInteger()), asked("id", Text())))
    page = rows.order_by(one.key, exception_id).limit(asked("most", BigInteger())).subquery("page")
    many = select(func.count().label("many")).select_from(parcels).subquery("counted")
    return select(page, many.c.many).select_from(many.outerjoin(page, true())).order_by(page.c.key, page.c.exception_id)


def _parcel() -> Expression:
    """The name of the parcel that an exception is about; empty where it is about shipping as a whole."""
    name = func.substr(_E.scope, literal_column(str(len(PREFIX) + 1)))
    return case((_E.scope.startswith(PREFIX), name), else_=literal_column("''", Text()))


def _of_shipments(wanted: ExceptionFilter | None) -> ExceptionFilter:
    found = replace(wanted or ExceptionFilter(), shipments=True)
    if not standing(found):
        raise FilterError("shipments at risk are of what is open or suppressed")
    return found


def _known(connection: Connection, rows: Sequence[ExceptionRow]) -> dict[tuple[str, str], tuple[str | None, Sequence[Mapping[str, Any]]]]:
    ids = list(dict.fromkeys(row.order_id for row in rows))
    if not ids:
        return {}
    # By order ID alone: of pairs SQLite would look for in the whole table. Another tenant's order of that ID is looked up by nobody.
    found = connection.execute(
        select(orders.c.tenant, orders.c.order_id, orders.c.promise, orders.c.shipments).where(orders.c.order_id.in_(ids))
    )
    return {(row.tenant, row.order_id): (row.promise, row.shipments or []) for row in found}
