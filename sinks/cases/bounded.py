"""Texts as long as indexes take them: a longer one is kept by its beginning and a hash, so that it stays another than any other.

Identifiers that come in are not so long (`schemas.values.Id`); those in a log from before they were bounded in bytes may be, and so may
names of open sets, such as carriers. A row of an index has as many bytes as PostgreSQL allows and no more: the record of a longer one
would be kept without its rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from sqlalchemy import Column, Index, Table, Text

from sinks.cases.changes import Row
from sinks.cases.hashes import digest
from sinks.cases.tables.base import MOST

MARK: Final = "~"
DIGITS: Final = 64
"""Of a hash; a column that is too narrow for it has the first quarter."""
LONGEST_CHARACTER: Final = 4
"""Bytes of a character in UTF-8."""

OF_WHOM: Final = frozenset(("tenant", "order_id", "customer_id", "exception_id", "action_id"))
"""Columns that tables are joined and erased by: the same text in each, whether an index has it or not."""


def bounded(table: Table, row: Row) -> Row:
    """A row whose texts the indexes of its table take: the row itself, but for texts that are too long."""
    long = {name: most for name, most in bounds(table) if (text := row[name]) is not None and _too_long(text, most)}
    if not long:
        return row
    tenant = row.get("tenant") or ""
    return {**row, **{name: shortened(tenant, row[name], most) for name, most in long.items()}}


def shortened(tenant: str, name: str, most: int) -> str:
    """A text in at most so many bytes: itself, else its beginning and the hash of tenant and text."""
    if not _too_long(name, most):
        return name
    ending = MARK + digest(tenant, name)[: DIGITS if most > 2 * DIGITS else DIGITS // 4]
    return name.encode()[: most - len(ending)].decode(errors="ignore") + ending


def known_digest(tenant: str, name: str, most: int) -> str:
    """The hash of a tenant and a name that stands in the store: a name that was shortened bears it."""
    _, mark, hash_ = name.rpartition(MARK)
    short_by = most - len(name.encode())
    return hash_ if mark and len(hash_) == DIGITS and 0 <= short_by < LONGEST_CHARACTER else digest(tenant, name)


@cache
def bounds(table: Table) -> tuple[tuple[str, int], ...]:
    """The columns of text that an index of a table has, or that say of whom a row is, each with the bytes that it may take."""
    own = [column for column in table.columns if column.name in OF_WHOM]
    texts = (column for columns in (own, *indexed(table).values()) for column in columns if isinstance(column.type, Text))
    return tuple(sorted({(column.name, column.info[MOST]) for column in texts}))


def indexed(table: Table) -> dict[str, list[Column[Any]]]:
    """The columns of each index of a table, those that it only carries along too."""
    return {
        f"pk_{table.name}": list(table.primary_key),
        **{str(index.name): [*index.columns, *_carried(table, index)] for index in table.indexes},
    }


def _carried(table: Table, index: Index) -> Iterator[Column[Any]]:
    for name in index.dialect_kwargs.get("postgresql_include") or ():
        yield table.columns[name]


def _too_long(text: str, most: int) -> bool:
    return len(text) * LONGEST_CHARACTER > most and len(text.encode()) > most
