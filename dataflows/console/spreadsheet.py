"""Lines of CSV as spreadsheets read them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from schemas.instants import iso, micros

FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would calculate."""


def csv_lines(rows: Iterable[Iterable[object]]) -> str:
    """A line for each row."""
    out = io.StringIO()
    csv.writer(out).writerows(map(cell_text, row) for row in rows)
    return out.getvalue()


def cell_text(value: object) -> str:
    """A cell as it is written: instants in UTC; a text that would be taken for a formula gets an apostrophe, numbers stay numbers."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return iso(micros(value))
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULAS) else text
