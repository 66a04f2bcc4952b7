"""Steps of a series in the reader's zone: hours of a short window, days of a longer one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sinks.cases.queries.modes import FlowStep
from sinks.cases.queries.windows import Window

HOURLY: Final = timedelta(days=3)
"""Windows that are no longer than this are shown by hours."""


@dataclass(frozen=True, slots=True)
class SeriesStep:
    """What came and what went from an instant up to the next step."""

    at: datetime
    raised: int
    closed: int


def stepped(found: Sequence[FlowStep], window: Window, zone: ZoneInfo) -> list[SeriesStep]:
    """All steps of a window, those in which nothing happened too."""
    hourly = window.length <= HOURLY
    counts: dict[datetime, tuple[datetime, list[int]]] = {}  # by UTC: a clock shows an hour twice in autumn
    at = _begin(window.since.astimezone(zone), hourly=hourly)
    while at.astimezone(UTC) < window.until:
        counts[at.astimezone(UTC)] = (at, [0, 0])
        at = _next(at, zone, hourly=hourly)
    for step in found:
        held = counts.get(_begin(step.at.astimezone(zone), hourly=hourly).astimezone(UTC))
        if held is not None:
            held[1][0] += step.raised
            held[1][1] += step.closed
    return [SeriesStep(begin, raised, closed) for begin, (raised, closed) in counts.values()]


def _begin(at: datetime, *, hourly: bool) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0) if hourly else at.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def _next(at: datetime, zone: ZoneInfo, *, hourly: bool) -> datetime:
    if hourly:  # by elapsed time: an hour that a clock shows twice is two
        return (at.astimezone(UTC) + timedelta(hours=1)).astimezone(zone)
    return (at + timedelta(days=1)).replace(fold=0)
