"""Lists as CSV: rows as they are read, in pieces, so that none is held whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from dataflows.console.columns import COLUMNS, EXPORTED, Cell
from dataflows.console.filters import ReadFilter
from dataflows.console.spreadsheet import csv_lines
from dataflows.console.visit import Visit
from sinks.cases.queries.exceptions import list_exceptions
from sinks.cases.queries.rows import ExceptionRow

MOST_EXPORTED: Final = 50_000
"""How many rows an export has at most."""
PIECE: Final = 500
"""How many rows are read at a time."""
BOM: Final = "\ufeff"
"""What some spreadsheets know UTF-8 by."""


async def exported(visit: Visit, read: ReadFilter, columns: Sequence[str], *, bom: bool, most: int = MOST_EXPORTED) -> AsyncIterator[str]:
    """The lines of an export: a head, then up to `most` rows in the order of the list. Instants are UTC, as in the contract."""
    cells: dict[str, Callable[[ExceptionRow], Cell]] = {**{name: COLUMNS[name].cell for name in columns}, **EXPORTED}
    wanted = visit.person.narrow(read.wanted)
    yield (BOM if bom else "") + csv_lines([cells])
    after: str | None = None
    left = most
    while left > 0:
        page = await visit.read(list_exceptions, wanted, now=visit.now, limit=min(PIECE, left), after=after, sort=read.sort)
        if page.rows:
            yield csv_lines([cell(row) for cell in cells.values()] for row in page.rows)
        left -= len(page.rows)
        after = page.after
        if after is None:
            return
