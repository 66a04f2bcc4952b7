"""When several calendars are open at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dataflows.core.clocks.calendar import Calendar
from dataflows.core.clocks.spans import Span

_OPENS: Final = Span(0, "bh")
_TRIES: Final = 1_000


def open_together(at: int, calendars: Iterable[Calendar]) -> int | None:
    """The first instant from one on that lies in the hours of all calendars; None if none of very many does."""
    wanted = tuple(calendars)
    for _ in range(_TRIES):
        later = at
        for calendar in wanted:
            later = calendar.add(later, _OPENS)
        if later == at:
            return at
        at = later
    return None
