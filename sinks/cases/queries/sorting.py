"""Orders of a list other than by gravity: by the clock that runs out next, by deadline, by age, by value. Of what is not over only.

Each is read from an index in its order. What has no such instant or value comes behind all that has one, by its ID.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import BigInteger, Column, Connection, Select, Text, select, tuple_

from schemas.instants import EPOCH, FAR, micros
from sinks.cases.queries.conditions import at_instant, of_exceptions, shape
from sinks.cases.queries.cursors import packed, unpacked
from sinks.cases.queries.prepared import asked, prepared
from sinks.cases.queries.wanted import ExceptionFilter, FilterError, Sort
from sinks.cases.tables import exceptions

_E = exceptions.c
COLUMNS: Final[dict[Sort, Column[Any]]] = {"clock": _E.clock_at, "due": _E.due_at, "age": _E.raised_at, "value": _E.total}
"""What each sorts by: instants from the earliest on, values from the greatest on."""
FALLING: Final = frozenset(("value",))
PARTS: Final = 10**4
"""A cursor holds amounts exactly: in parts of their fourth place."""


def ids_sorted(wanted: ExceptionFilter, sort: Sort, keyed: bool, behind: bool) -> Select[*tuple[Any, ...]]:
    """The statement for IDs in an order: `now`, `many`, and behind a place `key` and `id`. `keyed`: of what has what it sorts by."""
    column = COLUMNS[sort]
    rows = select(_E.exception_id, column.label("key")).where(*of_exceptions(wanted)).limit(asked("many", BigInteger()))
    if not keyed:
        rows = rows.where(column.is_(None)).order_by(_E.exception_id)
        return rows.where(_E.exception_id > asked("id", Text())) if behind else rows
    rows = rows.where(column.is_not(None))
    here, place = tuple_(column, _E.exception_id), tuple_(asked("key", column.type), asked("id", Text()))
    if sort in FALLING:
        rows = rows.order_by(column.desc(), _E.exception_id.desc())
        return rows.where(here < place) if behind else rows
    rows = rows.order_by(column, _E.exception_id)
    return rows.where(here > place) if behind else rows


def sorted_ids(
    connection: Connection, wanted: ExceptionFilter, sort: Sort, now: datetime, limit: int, after: str | None
) -> tuple[list[str], datetime, str | None]:
    """IDs of a page, the instant that it is of, and the cursor of the next one. Raises FilterError."""
    place, parts = dict[str, object](), (True, False) if COLUMNS[sort].nullable else (True,)
    if after is not None:
        looked, key, exception_id = unpacked(after, sort, (int, int, str))
        now, place = EPOCH + timedelta(microseconds=cast("int", looked)), {"id": exception_id}
        if key == FAR:
            parts = (False,)
        else:
            place["key"] = _unpacked(sort, cast("int", key))
    common = at_instant(wanted, now)
    found: list[Any] = []
    for keyed in parts:
        if len(found) > limit:
            break
        behind = place if keyed is parts[0] else {}
        asks = {**common, "many": limit + 1 - len(found), **behind}
        found += connection.execute(prepared(connection, ids_sorted, shape(wanted), sort, keyed, bool(behind)), asks).all()
    cursor = None
    if len(found) > limit:
        last = found[limit - 1]
        cursor = packed(sort, (micros(now), _packed(last.key), last.exception_id))
    return [row.exception_id for row in found[:limit]], now, cursor


def _packed(key: datetime | Decimal | None) -> int:
    if key is None:
        return FAR
    return micros(key) if isinstance(key, datetime) else int(key * PARTS)


def _unpacked(sort: Sort, key: int) -> datetime | Decimal:
    """Raises FilterError of what no list has as its key."""
    if sort == "value":
        return Decimal(key) / PARTS
    try:
        return EPOCH + timedelta(microseconds=key)
    except OverflowError:
        raise FilterError("the cursor is none of this list: begin at the first page") from None
