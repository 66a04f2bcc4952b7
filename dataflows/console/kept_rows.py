"""Rows of lists as they are written, kept for some seconds: people who look at the same gravest rows have each written once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Final

from markupsafe import Markup

from dataflows.console.parts import ConsoleParts
from dataflows.console.visit import Visit
from sinks.cases.queries.rows import ExceptionRow

SECONDS: Final = 10
"""For how long; what a row says of time is as old at most."""
MOST: Final = 4_000
NAME: Final = "kept_rows"
Write = Callable[[ExceptionRow], Markup]


class KeptRows:
    """Rows as they were written within the same few seconds, by all that they depend on. On one event loop."""

    def __init__(self) -> None:
        self._since, self._rows = 0, dict[Hashable, Markup]()

    def get(self, seconds: float, what: Hashable, write: Callable[[], Markup]) -> Markup:
        """A row at an instant."""
        since = int(seconds // SECONDS)
        if since != self._since:
            self._since, self._rows = since, {}
        found = self._rows.get(what)
        if found is None:
            found = write()
            if len(self._rows) < MOST:
                self._rows[what] = found
        return found


def kept_rows(parts: ConsoleParts) -> KeptRows:
    """Those of a console."""
    return parts.more.setdefault(NAME, KeptRows())  # type: ignore[return-value]


def row_writer(visit: Visit, handed: Collection[str]) -> Callable[[ExceptionRow, Sequence[str], Write], Markup]:
    """What templates write rows by: with the columns of the list, and the macro that writes a row where none is kept."""
    rows, seconds = kept_rows(visit.parts), visit.now.timestamp()
    reader = (visit.language.code, visit.zone.key, visit.may("decide"))

    def written(row: ExceptionRow, columns: Sequence[str], write: Write) -> Markup:
        mine, new = row.assignee == visit.person.by, row.exception_id in handed
        return rows.get(seconds, (row, tuple(columns), reader, mine, new), lambda: write(row))

    return written
