"""Exceptions in a list: what is open gravest first, as of the instant of looking; what is over newest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, cast

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    FromClause,
    Integer,
    Row,
    Select,
    Text,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)

from schemas.instants import EPOCH, micros
from sinks.cases.expressions import listed
from sinks.cases.queries.conditions import at_instant, of_exceptions, shape, standing
from sinks.cases.queries.cursors import packed, unpacked
from sinks.cases.queries.gravity import score_at
from sinks.cases.queries.prepared import asked, prepared
from sinks.cases.queries.rows import ActionBrief, ExceptionRow, Page, values
from sinks.cases.queries.sorting import sorted_ids
from sinks.cases.queries.wanted import ExceptionFilter, FilterError, Sort
from sinks.cases.tables import Instants, actions, cases, exceptions

_E, _A = exceptions.c, actions.c
MOST_ROWS: Final = 1_000
"""The longest page."""
SEVERITIES: Final = ("critical", "high", "medium", "low")
UNKNOWN: Final = len(SEVERITIES)
"""The rank of a severity that this program does not know."""
RANKS: Final = range(UNKNOWN + 1)
SINCE: Final = func.coalesce(_E.due_at, _E.occurred_at, _E.raised_at)
"""Since when it is so: its deadline, else when it came about."""
OVER: Final = frozenset(("executed", "failed", "rejected", "expired", "withdrawn"))
"""States of actions of which nothing more is awaited."""
_PLAIN = (
    *(_E.exception_id, _E.sequence, _E.tenant, _E.order_id, _E.kind, _E.scope, _E.status, _E.resolution, _E.severity),
    *(
        _E.severity_rank,
        _E.blocking,
        _E.lane,
        _E.owner,
        _E.team,
        _E.assignee,
        _E.case_state,
        _E.until,
        _E.ack_by,
        _E.resolve_by,
        _E.acknowledged_at,
    ),
    *(
        _E.paused_since,
        _E.escalation_level,
        _E.due_at,
        _E.raised_at,
        _E.changed_at,
        _E.resolved_at,
        _E.carrier,
        _E.site,
        _E.country,
        _E.summary,
        _E.total,
        _E.currency,
        _E.tier,
        _E.sku,
        _E.next_step,
        _E.told_at.label("informed_at"),
        _E.policy,
    ),
)


def list_exceptions(
    connection: Connection,
    wanted: ExceptionFilter | None = None,
    *,
    now: datetime,
    limit: int = 50,
    after: str | None = None,
    sort: Sort | None = None,
) -> Page[ExceptionRow]:
    """A page of a list. `after`: the cursor of the page before; its instant of looking then counts instead of `now`.

    What is not over comes by severity, by score as of `now`, the oldest first among equals, or as `sort` says; all other lists by when
    they were last said, the newest first. Raises FilterError.
    """
    wanted = wanted or ExceptionFilter()
    if not 1 <= limit <= MOST_ROWS:
        raise FilterError(f"a page has 1 to {MOST_ROWS} rows")
    stands = standing(wanted)
    sort = sort or ("gravity" if stands else "newest")
    if sort == "newest":
        return _newest(connection, wanted, now, limit, after)
    if not stands:
        raise FilterError("what is over comes by when it was last said: sort so, or leave what is over out")
    if sort == "gravity":
        return _gravest(connection, wanted, now, limit, after)
    ids, looked, cursor = sorted_ids(connection, wanted, sort, now, limit, after)
    return Page(by_id(connection, ids, looked), cursor)


def list_several(
    connection: Connection, asked_for: Sequence[tuple[ExceptionFilter, int]], sort: Sort, *, now: datetime
) -> list[Page[ExceptionRow]]:
    """First pages of what is not over, of so many rows each. What rows are made of is read once for all of them. Raises FilterError."""
    found = [sorted_ids(connection, wanted, sort, now, limit, None) for wanted, limit in asked_for]
    ids = list(dict.fromkeys(exception_id for page, _, _ in found for exception_id in page))
    rows = {row.exception_id: row for row in by_id(connection, ids, now)}
    return [Page([rows[one] for one in page if one in rows], cursor) for page, _, cursor in found]


def by_id(connection: Connection, exception_ids: Sequence[str], now: datetime) -> list[ExceptionRow]:
    """The exceptions of these IDs that there are, in the order of the IDs."""
    found = _asked_of(connection, rows_of, exception_ids, micros=micros(now))
    places = {exception_id: place for place, exception_id in enumerate(exception_ids)}
    return _whole(connection, sorted(found, key=lambda row: places[str(row.exception_id)]))


def of_order(connection: Connection, tenant: str, order_id: str, now: datetime) -> list[ExceptionRow]:
    """All exceptions of an order, the first said first."""
    ordered = _rows().where(_E.tenant == tenant, _E.order_id == order_id).order_by(_E.raised_at, _E.exception_id)
    return _whole(connection, connection.execute(ordered, {"micros": micros(now)}).all())


def resolve_prefix(connection: Connection, prefix: str) -> list[str]:
    """Up to three IDs that begin so: none if there is no such exception, several if it is not clear which is meant."""
    return beginning(connection, _E.exception_id, prefix)


def beginning(connection: Connection, column: Column[str], prefix: str) -> list[str]:
    """Up to three values of a column of UUIDs that begin so, found by its index."""
    text = prefix.strip().lower()
    if not text or set(text) - set("0123456789abcdef-"):
        return []
    found = select(column).where(column >= text, column < f"{text}g", func.substr(column, 1, len(text)) == text).order_by(column).limit(3)
    return [str(value) for value in connection.scalars(found)]


def gravest_of(wanted: ExceptionFilter, behind: bool) -> Select[*tuple[Any, ...]]:
    """The statement for the gravest of one severity: `rank`, `now`, `micros`, `many`, and behind a place `score`, `since`, `id`."""
    inner = _rows().where(_E.severity_rank == asked("rank", Integer()), *of_exceptions(wanted)).subquery("standing")
    found = inner.c
    rows = select(inner).order_by(found.score.desc(), found.since, found.exception_id).limit(asked("many", Integer()))
    if behind:
        points, since = asked("score", Integer()), asked("since", Instants())
        later = tuple_(found.since, found.exception_id) > tuple_(since, asked("id", Text()))
        rows = rows.where(or_(found.score < points, and_(found.score == points, later)))
    return rows


def newest_of(wanted: ExceptionFilter, behind: bool) -> Select[*tuple[Any, ...]]:
    """The statement for what was last said newest: `now`, `micros`, `many`, and behind a place `changed`, `id`."""
    rows = _rows().where(*of_exceptions(wanted)).order_by(_E.changed_at.desc(), _E.exception_id.desc())
    if behind:
        changed = asked("changed", Instants())
        rows = rows.where(tuple_(_E.changed_at, _E.exception_id) < tuple_(changed, asked("id", Text())))
    return rows.limit(asked("many", Integer()))


@cache
def _rows() -> Select[*tuple[Any, ...]]:
    return select(*_PLAIN, SINCE.label("since"), score_at(asked("micros", BigInteger())).label("score"))


def _gravest(connection: Connection, wanted: ExceptionFilter, now: datetime, limit: int, after: str | None) -> Page[ExceptionRow]:
    first, place = 0, dict[str, object]()
    if after is not None:
        looked, rank, points, since, exception_id = unpacked(after, "gravest", (int, int, int, int, str))
        now, first = _instant(looked), cast("int", rank)
        place = {"score": points, "since": _instant(since), "id": exception_id}
    found: list[Row[Any]] = []
    common = {**at_instant(wanted, now), "micros": micros(now)}
    for rank in RANKS[first:]:
        # One severity at a time: whoever reads the gravest does not have the score of all others counted.
        if len(found) <= limit and (not wanted.severities or rank == UNKNOWN or SEVERITIES[rank] in wanted.severities):
            behind = bool(place) and rank == first
            asks = {**common, "rank": rank, "many": limit + 1 - len(found), **(place if behind else {})}
            found += connection.execute(prepared(connection, gravest_of, shape(wanted), behind), asks).all()
    cursor = None
    if len(found) > limit:
        last = found[limit - 1]
        cursor = packed("gravest", (micros(now), last.severity_rank, last.score, micros(last.since), last.exception_id))
    return Page(_whole(connection, found[:limit]), cursor)


def _newest(connection: Connection, wanted: ExceptionFilter, now: datetime, limit: int, after: str | None) -> Page[ExceptionRow]:
    place = dict[str, object]()
    if after is not None:
        looked, changed, exception_id = unpacked(after, "newest", (int, int, str))
        now, place = _instant(looked), {"changed": _instant(changed), "id": exception_id}
    asks = {**at_instant(wanted, now), "micros": micros(now), "many": limit + 1, **place}
    found = connection.execute(prepared(connection, newest_of, shape(wanted), bool(place)), asks).all()
    cursor = None
    if len(found) > limit:
        last = found[limit - 1]
        cursor = packed("newest", (micros(now), micros(last.changed_at), last.exception_id))
    return Page(_whole(connection, found[:limit]), cursor)


def rows_of(dialect: str) -> Select[*tuple[Any, ...]]:
    """The statement for rows by their IDs: `ids`, `micros`."""
    return _rows().where(_E.exception_id.in_(select(_ids(dialect).c.id)))


def beside(dialect: str) -> Select[*tuple[Any, ...]]:
    """The statement for what stands of exceptions in other tables: `ids`. Of each a row for every action, the one to show last."""
    over = _A.state.in_([literal_column(f"'{state}'", Text()) for state in sorted(OVER)])
    joined = exceptions.outerjoin(cases, cases.c.exception_id == _E.exception_id).outerjoin(actions, _A.exception_id == _E.exception_id)
    of_case = (cases.c.waiting_on, cases.c.reopenings, cases.c.escalation_to, cases.c.label)
    return (
        select(_E.exception_id, *of_case, _A.action_id, _A.action, _A.state)
        .select_from(joined)
        .where(_E.exception_id.in_(select(_ids(dialect).c.id)))
        .order_by(case((over, literal_column("0", Integer())), else_=literal_column("1", Integer())), _A.proposed_at, _A.action_id)
    )


def _ids(dialect: str) -> FromClause:
    return listed(dialect, "ids", {"id": Text()})


def _asked_of(
    connection: Connection, make: Callable[[str], Select[*tuple[Any, ...]]], exception_ids: Sequence[str], **more: object
) -> Sequence[Row[Any]]:
    """What a statement says of some exceptions."""
    ids = orjson.dumps([{"id": one} for one in exception_ids]).decode()
    return connection.execute(prepared(connection, make, connection.dialect.name), {"ids": ids, **more}).all()


def _whole(connection: Connection, found: Sequence[Row[Any]]) -> list[ExceptionRow]:
    """Rows with what stands in other tables."""
    ids = [str(row.exception_id) for row in found]
    others = {row.exception_id: row for row in _asked_of(connection, beside, ids)} if ids else {}
    return [_row(row, others[row.exception_id]) for row in found]


def _row(row: Row[*tuple[Any, ...]], other: Row[*tuple[Any, ...]]) -> ExceptionRow:
    found = values(row)
    del found["severity_rank"]
    return ExceptionRow(
        **{**found, "team": row.team or row.owner},
        waiting_on=other.waiting_on,
        reopenings=other.reopenings or 0,
        escalated_to=other.escalation_to,
        label=other.label,
        action=None if other.action_id is None else ActionBrief(other.action_id, other.action, other.state),
    )


def _instant(value: object) -> datetime:
    return EPOCH + timedelta(microseconds=cast("int", value))
