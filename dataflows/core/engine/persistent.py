"""What core lets be kept between runs: rows of plain data, each under a key of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeAlias

Row: TypeAlias = "tuple[bytes, bytes]"
"""A key and its value. The first byte of the key says of what kind it is."""

Change: TypeAlias = "tuple[bytes, bytes | None]"
"""A row that was set anew, or (None) that is no more."""


class Persistent(Protocol):
    """State that is kept row by row.

    Guarantee: what was restored from all the changes up to some call of `changes`, or from `rows` right after it, and is then given what
    came later, says exactly what the original says. Nothing is tracked, and nothing of this costs anything, before the first call.
    """

    def changes(self) -> Iterable[Change]:
        """The rows that changed since the last call, each once; at the first call of something that was not restored, all rows."""
        ...

    def rows(self) -> Iterable[Row]:
        """All rows, as of now."""
        ...

    def restore(self, rows: Iterable[Row]) -> None:
        """Goes on from rows; only what has been given nothing yet can be restored.

        Raises:
            ValueError: if a row was written by a later version, or is of no known kind.
        """
        ...
