"""Orders of a list other than by gravity: by the clock that runs out next, by deadline, by age, by value. Of what is not over only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import BigInteger, Connection, Select, Text, func, literal, select, tuple_
from sqlalchemy import cast as sql_cast

from schemas.instants import EPOCH, FAR, micros
from sinks.cases.expressions import Expression, Micros
from sinks.cases.queries.conditions import at_instant, next_clock, of_exceptions, shape
from sinks.cases.queries.cursors import packed, unpacked
from sinks.cases.queries.prepared import asked, prepared
from sinks.cases.queries.wanted import ExceptionFilter, Sort
from sinks.cases.tables import exceptions

_E = exceptions.c
NO_VALUE: Final = 1
"""Where in the order what has no value stands: behind all that has one, whose keys are negative or 0."""


def _micros(instant: Expression) -> Expression:
    return func.coalesce(Micros(instant), literal(FAR, BigInteger()))


KEYS: Final[dict[Sort, Callable[[], Expression]]] = {
    "clock": lambda: _micros(next_clock()),
    "due": lambda: _micros(_E.due_at),
    "age": lambda: Micros(_E.raised_at),
    "value": lambda: func.coalesce(-sql_cast(_E.total * 10_000, BigInteger), NO_VALUE),
}
"""What each sorts by, the smallest first: whole numbers, so that a cursor holds them exactly. What has no such instant comes last."""


def ids_sorted(wanted: ExceptionFilter, sort: Sort, behind: bool) -> Select[*tuple[Any, ...]]:
    """The statement for IDs in an order: `now`, `many`, and behind a place `key`, `id`."""
    inner = select(_E.exception_id, KEYS[sort]().label("key")).where(*of_exceptions(wanted)).subquery("standing")
    found = inner.c
    rows = select(found.exception_id, found.key).order_by(found.key, found.exception_id).limit(asked("many", BigInteger()))
    if behind:
        rows = rows.where(tuple_(found.key, found.exception_id) > tuple_(asked("key", BigInteger()), asked("id", Text())))
    return rows


def sorted_ids(
    connection: Connection, wanted: ExceptionFilter, sort: Sort, now: datetime, limit: int, after: str | None
) -> tuple[list[str], datetime, str | None]:
    """IDs of a page, the instant that it is of, and the cursor of the next one. Raises FilterError."""
    place = dict[str, object]()
    if after is not None:
        looked, key, exception_id = unpacked(after, sort, (int, int, str))
        now, place = EPOCH + timedelta(microseconds=cast("int", looked)), {"key": key, "id": exception_id}
    asks = {**at_instant(wanted, now), "many": limit + 1, **place}
    found = connection.execute(prepared(connection, ids_sorted, shape(wanted), sort, bool(place)), asks).all()
    cursor = None
    if len(found) > limit:
        last = found[limit - 1]
        cursor = packed(sort, (micros(now), last.key, last.exception_id))
    return [row.exception_id for row in found[:limit]], now, cursor
