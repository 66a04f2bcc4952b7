"""A time axis with breaks: where nothing happens for very long, the time is left out and the axis says so.

Between its instants it is one straight scale; a gap without any instant that is long in itself and beside the rest becomes a break of
fixed width. Time that a deadline spans is left out only if it is longer still, for how long a deadline was is what the picture shows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from schemas.instants import DAY, EPOCH, HOUR, micros

BREAK: Final = 72.0
"""How wide a break is drawn."""
LONG: Final = 7 * DAY
"""A gap is left out from this length on,"""
SHARE: Final = 0.3
"""if it is so much of the whole axis;"""
LONG_AWAITED, SHARE_AWAITED = 45 * DAY, 0.5
"""and from these on where a deadline spans it."""
MOST: Final = 8
TICKS_APART: Final = 92.0
"""How far apart ticks stand at least."""
_UNITS: Final = (("hour", 1), ("hour", 3), ("hour", 6), ("hour", 12), ("day", 1), ("day", 2), ("day", 7), ("day", 14))
_LENGTHS: Final = {"hour": HOUR, "day": DAY}
_MONTHS: Final = (("month", 1), ("month", 3), ("year", 12), ("year", 60), ("year", 600))
_MONTH: Final = 28 * DAY


@dataclass(frozen=True, slots=True)
class AxisBreak:
    """A gap that is left out: from when until when, and where it is drawn."""

    start: int
    end: int
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A place of the axis that has a name: its unit says which."""

    at: datetime
    unit: str
    x: float


class BrokenAxis:
    """Places instants (µs, UTC) between two edges. `awaited`: stretches that deadlines span."""

    def __init__(self, instants: Iterable[int], awaited: Sequence[tuple[int, int]], left: float, right: float) -> None:
        self._knots = sorted(set(instants))
        self.left, self.right = left, right
        gaps = list(pairwise(self._knots))
        broken = _broken(gaps, awaited)
        rest = sum(end - start for start, end in gaps) - sum(end - start for start, end in broken)
        wide = BREAK if rest else (right - left) / max(1, len(broken))
        self.scale = (right - left - wide * len(broken)) / rest if rest else 0.0
        """Pixels for each µs outside breaks."""
        self._places = [left]
        breaks: list[AxisBreak] = []
        for start, end in gaps:
            before = self._places[-1]
            x = before + (wide if (start, end) in broken else (end - start) * self.scale)
            self._places.append(x)
            if (start, end) in broken:
                breaks.append(AxisBreak(start, end, before, x))
        self.breaks = tuple(breaks)

    def x(self, at: int) -> float:
        """Where an instant stands; one outside stands at the edge."""
        place = bisect_right(self._knots, at) - 1
        if place < 0:
            return self.left
        if place + 1 >= len(self._knots):
            return self._places[-1]
        start, end = self._knots[place], self._knots[place + 1]
        here, there = self._places[place], self._places[place + 1]
        return min(here + (there - here) * (at - start) / (end - start), self.right)

    def ticks(self, zone: ZoneInfo) -> list[Tick]:
        """Round instants of a zone, none of them in a break, never nearer to each other than `TICKS_APART`."""
        if not self.scale:
            return []
        for unit, number in _UNITS:
            if number * _LENGTHS[unit] * self.scale >= TICKS_APART:
                return self._placed(unit, _hours(zone, number) if unit == "hour" else _days(zone, number))
        unit, number = next((each for each in _MONTHS if each[1] * _MONTH * self.scale >= TICKS_APART), _MONTHS[-1])
        return self._placed(unit, _months(zone, number))

    def _placed(self, unit: str, rounds: Callable[[int, int], Iterator[datetime]]) -> list[Tick]:
        left_out = {(each.start, each.end) for each in self.breaks}
        found: list[Tick] = []
        for start, end in _stretches(self._knots, left_out):
            for at in rounds(start, end):
                x = self.x(micros(at))
                if not found or x - found[-1].x >= TICKS_APART:
                    found.append(Tick(at, unit, x))
        return found


def _broken(gaps: Sequence[tuple[int, int]], awaited: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """The gaps that are left out: the longest first, as long as one is long beside what is still shown."""
    shown = sum(end - start for start, end in gaps)
    found: set[tuple[int, int]] = set()
    for start, end in sorted(gaps, key=lambda gap: (gap[0] - gap[1], gap[0])):
        length = end - start
        spanned = any(since < end and until > start for since, until in awaited)
        least, share = (LONG_AWAITED, SHARE_AWAITED) if spanned else (LONG, SHARE)
        if len(found) < MOST and length >= least and length > share * shown:
            found.add((start, end))
            shown -= length
    return found


def _stretches(knots: Sequence[int], left_out: set[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What lies between breaks."""
    if not knots:
        return
    start = knots[0]
    for gap in pairwise(knots):
        if gap in left_out:
            yield start, gap[0]
            start = gap[1]
    yield start, knots[-1]


def _local(at: int, zone: ZoneInfo) -> datetime:
    return (EPOCH + timedelta(microseconds=at)).astimezone(zone)


def _hours(zone: ZoneInfo, number: int) -> Callable[[int, int], Iterator[datetime]]:
    def rounds(start: int, end: int) -> Iterator[datetime]:
        at = start // HOUR * HOUR
        while at <= end:
            found = _local(at, zone)
            # Where the clocks of a zone stand a part of an hour apart from UTC, the hour is rounded to that of the zone.
            found = found.replace(minute=0, second=0, microsecond=0)
            if micros(found) >= start and found.hour % number == 0:
                yield found
            at += HOUR

    return rounds


def _days(zone: ZoneInfo, number: int) -> Callable[[int, int], Iterator[datetime]]:
    def rounds(start: int, end: int) -> Iterator[datetime]:
        day = _local(start, zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        while micros(found := day.replace(tzinfo=zone)) <= end:
            # Weeks begin on Mondays: the ordinal of one is 1 modulo 7.
            if micros(found) >= start and (day.toordinal() - 1) % number == 0:
                yield found
            day += timedelta(days=1)

    return rounds


def _months(zone: ZoneInfo, number: int) -> Callable[[int, int], Iterator[datetime]]:
    def rounds(start: int, end: int) -> Iterator[datetime]:
        first = _local(start, zone)
        month = first.year * 12 + first.month - 1
        while micros(found := datetime(month // 12, month % 12 + 1, 1, tzinfo=zone)) <= end:
            if micros(found) >= start and month % number == 0:
                yield found
            month += 1

    return rounds
