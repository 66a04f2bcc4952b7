"""Lists as CSV: rows as they are read, in pieces, so that none is held whole."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Final

from dataflows.console.columns import COLUMNS, EXPORTED, Cell
from dataflows.console.filters import ReadFilter
from dataflows.console.visit import Visit
from schemas.instants import iso, micros
from sinks.cases.queries.exceptions import list_exceptions
from sinks.cases.queries.rows import ExceptionRow

MOST_EXPORTED: Final = 50_000
"""How many rows an export has at most."""
PIECE: Final = 500
"""How many rows are read at a time."""
BOM: Final = "\ufeff"
"""What some spreadsheets know UTF-8 by."""
FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would calculate."""


async def exported(visit: Visit, read: ReadFilter, columns: Sequence[str], *, bom: bool, most: int = MOST_EXPORTED) -> AsyncIterator[str]:
    """The lines of an export: a head, then up to `most` rows in the order of the list. Instants are UTC, as in the contract."""
    cells: dict[str, Callable[[ExceptionRow], Cell]] = {**{name: COLUMNS[name].cell for name in columns}, **EXPORTED}
    wanted = visit.person.narrow(read.wanted)
    yield (BOM if bom else "") + _lines([list(cells)])
    after: str | None = None
    left = most
    while left > 0:
        page = await visit.read(list_exceptions, wanted, now=visit.now, limit=min(PIECE, left), after=after, sort=read.sort)
        if page.rows:
            yield _lines([[cell_text(cell(row)) for cell in cells.values()] for row in page.rows])
        left -= len(page.rows)
        after = page.after
        if after is None:
            return


def cell_text(value: Cell) -> str:
    """A cell as it is written. What a spreadsheet would take for a formula gets an apostrophe; numbers stay numbers."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return iso(micros(value))
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULAS) else text


def _lines(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()
