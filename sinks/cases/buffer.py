"""Rows on their way into the database: joined with what is there, then written at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Table, bindparam, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from sinks.cases.bounded import bounded
from sinks.cases.changes import Row
from sinks.cases.merging import MERGES, ONCE

Key: TypeAlias = tuple[Any, ...]
AT_ONCE: Final = 400
"""Rows asked for by key in one statement: SQLite takes 32,766 parameters, and PostgreSQL plans long lists slowly."""


class RowBuffer:
    """Rows by table and key. `flush` writes them within the transaction of its connection."""

    def __init__(self) -> None:
        self._rows: dict[Table, dict[Key, list[Row]]] = {}

    def put(self, table: Table, row: Row) -> None:
        """Takes in a row, as long as the table's indexes take it."""
        row = bounded(table, row)
        rows = self._rows.setdefault(table, {}).setdefault(_key(table, row), [])
        if not rows or table not in ONCE:
            rows.append(row)

    def flush(self, connection: Connection) -> int:
        """Writes what was taken in, and forgets it. Returns how many rows were written; those that change nothing are not.

        Rows join the one that is there one after the other, as they came: what a row means may depend on the one before it.
        """
        written = 0
        # In one order of tables and keys, so that two writers would wait for each other instead of blocking each other.
        for table in sorted(self._rows, key=lambda table: table.name):
            taken = self._rows[table]
            there = {} if table in ONCE else {_key(table, row): row for row in _there(connection, table, list(taken))}
            changed: list[Row] = []
            for key in sorted(taken):
                before = there.get(key)
                rows = taken[key] if before is None else [before, *taken[key]]
                joined = reduce(MERGES[table], rows)
                if joined != before:
                    changed.append(joined)
            if changed:
                _write(connection, table, changed)
                written += len(changed)
        self._rows.clear()
        return written


def _key(table: Table, row: Row) -> Key:
    return tuple(row[column.name] for column in table.primary_key)


def _there(connection: Connection, table: Table, keys: Sequence[Key]) -> Iterator[Row]:
    columns = list(table.primary_key)
    for some in parts(keys, AT_ONCE):
        wanted = columns[0].in_([key[0] for key in some]) if len(columns) == 1 else tuple_(*columns).in_(some)
        for row in connection.execute(select(table).where(wanted)).mappings():
            yield dict(row)


def parts(all_: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    """A sequence in parts of at most so many."""
    for start in range(0, len(all_), most):
        yield all_[start : start + most]


def _write(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    insert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)
    insert = insert.values({column.name: bindparam(column.name) for column in table.columns})
    if table in ONCE:
        statement = insert.on_conflict_do_nothing()
    else:
        key = {column.name for column in table.primary_key}
        others = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in key}
        statement = insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=others)
    connection.execute(statement, list(rows))
