"""Instants and lengths of time: integers of microseconds since 1970-01-01T00:00:00Z, and what they are in text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FAR: Final = 1 << 62
"""Later than every instant."""
NEVER: Final = -FAR
"""Earlier than every instant."""
MICROSECOND: Final = timedelta(microseconds=1)
DATES_KEPT: Final = 1_024
"""Stated dates that a memo keeps, those asked for last. Orders that are told together have theirs again and again, one of last week is
seldom asked for: a hundred times as many would answer one question in two hundred more, and fill for months."""


def micros(moment: datetime) -> int:
    """An aware datetime in microseconds since the epoch."""
    return (moment - EPOCH) // MICROSECOND


@lru_cache(4_096)
def iso(at: int) -> str:
    """An instant in RFC 3339, UTC, with microseconds only where there are any."""
    text = (EPOCH + timedelta(microseconds=at)).isoformat()
    return text.replace("+00:00", "Z")


def earliest(*instants: int | None) -> int | None:
    """The earliest of the given instants; None where there is none."""
    first: int | None = None
    for instant in instants:
        if instant is not None and (first is None or instant < first):
            first = instant
    return first
