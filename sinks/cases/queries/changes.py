"""What has changed in the store since a place in its logs: so whoever shows rows learns of every change, once, however long it was away.

A position is how far each log is in the store (`offsets`). It is written in the transaction of the rows, and a row says which record it is
made of: what stands behind a position is what has changed since. A row that changes again meanwhile is found by the next look.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, cast

import orjson
from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    FromClause,
    Integer,
    Select,
    Table,
    Text,
    and_,
    case,
    false,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.sql.visitors import iterate, replacement_traverse

from sinks.cases.expressions import Expression, listed
from sinks.cases.queries.conditions import STANDING, at_instant, of_actions, of_exceptions, shape
from sinks.cases.queries.prepared import prepared
from sinks.cases.queries.wanted import ActionFilter, ExceptionFilter
from sinks.cases.tables import Instants, action_events, actions, exception_events, exceptions, incidents, offsets

TOPICS: Final = ("actions", "exceptions", "incidents")
"""The logs whose records change what lists show."""
MOST: Final = 4_000
"""Changed rows that are told of; of more it is only said that there are too many."""
PLACE: Final = "place"
"""Which of several filters a row is of."""

Position = Mapping[str, int]
"""By part of a log: the offset of the record after the last one that the store holds."""


class PositionError(ValueError):
    """A text that is no position."""


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A row that has changed: its ID, the number of its last event, and that of the last one before the position; None: it is new."""

    id: str
    sequence: int
    before: int | None = None


@dataclass(frozen=True, slots=True)
class StoreChanges:
    """What has changed between two positions. `exceptions` are also those of whose actions one has changed.

    `complete`: False if there was too much of it, or the store is not the one (or not as far as the one) that the position is of.
    """

    position: Position
    exceptions: Sequence[ChangedRow] = ()
    actions: Sequence[ChangedRow] = ()
    incidents: Sequence[ChangedRow] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class MatchedRow:
    """A changed row that a filter wants, or wanted before it changed."""

    id: str
    sequence: int
    now: bool
    before: bool


def position(connection: Connection) -> dict[str, int]:
    """How far the store is."""
    found = connection.execute(select(offsets.c.log_partition, offsets.c.next_offset).where(offsets.c.topic.in_(TOPICS)))
    return {str(row.log_partition): int(row.next_offset) for row in found}


def packed_position(place: Position) -> str:
    """A position as a text for an address or a header."""
    return base64.urlsafe_b64encode(orjson.dumps(dict(place), option=orjson.OPT_SORT_KEYS)).decode().rstrip("=")


def unpacked_position(text: str) -> dict[str, int]:
    """The position that a text says. Raises PositionError."""
    try:
        found: object = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise PositionError("this is no position in the store")
    place = cast("dict[str, object]", found)
    if not all(isinstance(offset, int) and not isinstance(offset, bool) and 0 <= offset < 1 << 63 for offset in place.values()):
        raise PositionError("this is no position in the store")
    return cast("dict[str, int]", place)


def changes(connection: Connection, since: Position, most: int = MOST) -> StoreChanges:
    """What has changed since a position, and how far the store is now."""
    here = position(connection)
    if any(here.get(name, 0) < offset for name, offset in since.items()):
        return StoreChanges(here, complete=False)
    moved = {name: (since.get(name, 0), to) for name, to in here.items() if since.get(name, 0) < to}
    if not moved:
        return StoreChanges(here)
    said = {table: list(_behind(connection, table, moved, most)) for table in (exceptions, actions, incidents)}
    if any(len(found) > most for found in said.values()):
        return StoreChanges(here, complete=False)
    of_exceptions_ = {row.id: row for row in _numbered(connection, exception_events, said[exceptions], moved)}
    beside = sorted({row.exception_id for row in said[actions] if row.exception_id} - of_exceptions_.keys())
    for row in connection.execute(select(exceptions.c.exception_id, exceptions.c.sequence).where(exceptions.c.exception_id.in_(beside))):
        of_exceptions_[row.exception_id] = ChangedRow(row.exception_id, row.sequence, row.sequence)
    return StoreChanges(
        here,
        list(of_exceptions_.values()),
        list(_numbered(connection, action_events, said[actions], moved)),
        [ChangedRow(row.id, row.sequence, None if row.sequence == 1 else row.sequence - 1) for row in said[incidents]],
    )


def matching_exceptions(
    connection: Connection, changed: Sequence[ChangedRow], wanted: Sequence[ExceptionFilter], now: datetime
) -> list[list[MatchedRow]]:
    """By filter, which of some changed exceptions it wants as they are, or wanted as they were. Raises FilterError.

    One statement for all filters that differ only in what they look for, such as those of many people for what is theirs.
    """
    found: list[list[MatchedRow]] = [[] for _ in wanted]
    alike: dict[ExceptionFilter, list[dict[str, object]]] = {}
    for place, one in enumerate(wanted):
        alike.setdefault(shape(one), []).append({PLACE: place, **at_instant(one, now)})
    for filter_, asks in alike.items():
        for place, row in _matching(connection, _exceptions_asked, filter_, changed, asks):
            found[place].append(row)
    return found


def matching_actions(connection: Connection, changed: Sequence[ChangedRow], wanted: ActionFilter) -> list[MatchedRow]:
    """The same of actions, and of one filter."""
    return [row for _, row in _matching(connection, _actions_asked, wanted, changed, [{PLACE: 0}])]


def _behind(connection: Connection, table: Table, moved: Mapping[str, tuple[int, int]], most: int) -> Iterator[Any]:
    """Rows of a table whose record stands in what has come: ID, number, log, place; and of an action its exception."""
    columns, (key,) = table.c, table.primary_key.columns
    beside = columns.exception_id if table is actions else literal(None)
    for name, (begin, end) in sorted(moved.items()):
        rows = select(key.label("id"), columns.sequence, columns.log_partition, beside.label("exception_id"))
        here = and_(columns.log_partition == name, columns.log_offset >= begin, columns.log_offset < end)
        yield from connection.execute(rows.where(here).order_by(columns.log_offset).limit(most + 1))


def _numbered(connection: Connection, events: Table, rows: Sequence[Any], moved: Mapping[str, tuple[int, int]]) -> Iterator[ChangedRow]:
    """The rows with the number of the event that they said before."""
    key = next(iter(events.primary_key.columns))
    older = or_(
        false(), *(and_(events.c.log_partition == name, events.c.log_offset < begin) for name, (begin, _) in sorted(moved.items()) if begin)
    )
    last = (
        select(key.label("id"), func.max(events.c.sequence).label("sequence")).where(key.in_([row.id for row in rows]), older).group_by(key)
    )
    before = {row.id: row.sequence for row in connection.execute(last)} if rows else {}
    for row in rows:
        yield ChangedRow(row.id, row.sequence, before.get(row.id))


def _matching(
    connection: Connection,
    make: Callable[..., Select[*tuple[Any, ...]]],
    wanted: Hashable,
    changed: Sequence[ChangedRow],
    asks: Sequence[Mapping[str, object]],
) -> Iterator[tuple[int, MatchedRow]]:
    """What matches, each row with the place of the filter that it matches."""
    if not changed:
        return
    numbers = {row.id: row.sequence for row in changed}
    given = {
        "changed": orjson.dumps([{"id": row.id, "before": row.before} for row in changed]).decode(),
        "asks": orjson.dumps([_written(connection, one) for one in asks], default=str).decode(),
    }
    for row in connection.execute(prepared(connection, make, wanted, connection.dialect.name), given):
        yield row.place, MatchedRow(row.id, max(row.sequence, numbers[row.id]), bool(row.now), bool(row.before))


def _written(connection: Connection, asks: Mapping[str, object]) -> dict[str, object]:
    """What is asked for, with instants as the database compares them."""
    write = Instants().dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return {name: write(value) if write is not None and isinstance(value, datetime) else value for name, value in asks.items()}


def _exceptions_asked(wanted: ExceptionFilter, dialect: str) -> Select[*tuple[Any, ...]]:
    # Clocks are those of now: what only a clock has taken into a list, or out of it, is no change of the row.
    return _asking(
        dialect,
        exceptions,
        exception_events,
        of_exceptions(wanted),
        of_exceptions(replace(wanted, breached=None, due_within=None, handed_within=None)),
    )


def _actions_asked(wanted: ActionFilter, dialect: str) -> Select[*tuple[Any, ...]]:
    conditions = of_actions(wanted)
    return _asking(dialect, actions, action_events, conditions, conditions)


def _asking(dialect: str, table: Table, events: Table, now: Sequence[Expression], before: Sequence[Expression]) -> Select[*tuple[Any, ...]]:
    """Of rows by ID and filters by place: whether conditions hold of them, and whether they held as the event said that stood before."""
    (key,), there = table.primary_key.columns, next(iter(events.primary_key.columns))
    names = {bind.key: bind.type for condition in (*now, *before) for bind in _asked_of(condition)}
    changed = listed(dialect, "changed", {"id": Text(), "before": BigInteger()})
    asks = listed(dialect, "asks", {PLACE: Integer(), **names})
    joined = changed.join(table, key == changed.c.id).outerjoin(events, and_(there == key, events.c.sequence == changed.c.before))
    holds = and_(true(), *(_of_asks(condition, asks) for condition in now))
    held = and_(there.is_not(None), *(_of_asks(_as_said(condition, table, events), asks) for condition in before))
    rows = (
        select(asks.c[PLACE], key.label("id"), table.c.sequence, holds.label("now"), held.label("before"))
        .select_from(joined.join(asks, true()))
        .subquery("matched")
    )
    return select(rows).where(or_(rows.c.now, rows.c.before))


def _asked_of(condition: Expression) -> Iterator[BindParameter[Any]]:
    """What is asked anew each time, of a condition."""
    found = cast("Iterator[BindParameter[Any]]", (each for each in iterate(condition) if isinstance(each, BindParameter)))
    return (each for each in found if not each.unique)


def _of_asks(condition: Expression, asks: FromClause) -> Expression:
    """A condition of parameters as a condition of a row of them."""
    return replacement_traverse(condition, {}, lambda element, **_: cast("Any", _ask(element, asks)))


def _ask(element: object, asks: FromClause) -> object:
    return asks.c[element.key] if isinstance(element, BindParameter) and not element.unique else None


def _as_said(condition: Expression, table: Table, events: Table) -> Expression:
    """A condition of the rows as a condition of what an event of theirs said, as far as events say it."""
    key = next(iter(table.primary_key.columns))
    said: dict[object, Expression] = {
        column: events.c[column.name] for column in table.columns if column is not key and column.name in events.c
    }
    if table is exceptions:
        stood = events.c.status.in_(sorted(STANDING))
        said[exceptions.c.closed_at] = case((stood, None), else_=events.c.detected_at)
    return replacement_traverse(condition, {}, lambda element, **_: cast("Any", said.get(element)))
