"""Calendars: when business time passes.

A calendar is a time zone, working hours per weekday (several intervals a day are allowed), public holidays, own closed and open
dates, and a cut-off. What its spans mean:

- **Elapsed** spans (`24 h`, `3 d`) pass everywhere alike: a day is 24 hours, whatever the clocks do.
- A **working day** is a date whose weekday has working hours and that is neither a public holiday nor closed, or that is declared
  open. An open date on a weekday without hours has the hours of the first weekday that has some.
- **Business days** count from a start that may move: an instant outside the working hours, or after the cut-off of its day, moves to
  the next opening (after the cut-off: that of the next working day), and then shows the opening time. An instant exactly at a closing
  is outside; one exactly at the cut-off is not after it. `n bd` is the same local wall time on the n-th working day after the start's
  day, even if that day is shorter; `0 bd` is the moved start itself.
- A **business hour** counts only inside working hours: `n bh` is the first instant by which n hours have counted (so it may be a
  closing, never the opening after it). The cut-off has no say. `0 bh` is the next opening, or the start if it is inside.
- **Clock changes**: local wall time is kept, a local time that is skipped moves forward by the gap, of one that occurs twice the first
  is taken. A working interval reaches from the instant of its opening to the instant of its closing.
- Instants before 1980 or after 2200 have no business time: there a business day is 24 hours and a business hour is an hour, so that an
  absurd date costs nothing.

Without own hours a calendar works on all days but the weekend of the country whose holidays it has (Friday and Saturday in Saudi Arabia;
Saturday and Sunday without a country), the whole day for business days and 08:00 to 18:00 for business hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dataflows.core.clocks.days import holidays_in, weekend_in
from dataflows.core.clocks.spans import Span, Unit
from dataflows.core.clocks.zones import instant, local, steady, wall_of
from schemas.instants import DAY, HOUR, MICROSECOND, MINUTE
from schemas.places import zone

Intervals = tuple[tuple[int, int], ...]
"""The working hours of a day: (opening, closing) in minutes after local midnight, ascending, not overlapping."""

WHOLE_DAYS: Final[dict[int, Intervals]] = dict.fromkeys(range(5), ((0, 24 * 60),))
DESK_HOURS: Final[dict[int, Intervals]] = dict.fromkeys(range(5), ((8 * 60, 18 * 60),))

_FIRST: Final = 315_532_800 * 1_000_000  # 1980-01-01: since then every zone is a whole number of quarter-hours from UTC
_LAST: Final = 7_258_118_400 * 1_000_000  # 2200-01-01
_SAMPLES: Final = (1_579_046_400 * 1_000_000, 1_594_771_200 * 1_000_000)  # in January and July 2020
_CACHED_DAYS: Final = 1_024
_CACHED_BUCKETS: Final = 1_024
"""Days that a table of hours keeps, and hours that a span keeps: they are asked for again within weeks. There are a hundred such tables;
with eight times as much they filled for years, and saved no more."""


def _offset(at: int, tz: ZoneInfo) -> int:
    """How far the clocks of a zone are ahead of UTC at an instant, µs."""
    return (local(at, tz).utcoffset() or timedelta()) // MICROSECOND


@dataclass(frozen=True, slots=True)
class CalendarSpec:
    """What a calendar is made of, as the policy states it.

    `hours` maps weekdays (Monday is 0) to intervals; None means the default hours. `holidays` is `NL` or `US-CA`; `closed` and `open`
    are own dates and win over holidays (`open` over both). `cutoff` is in minutes after local midnight: one for all days, or one per
    weekday (a day without has none).
    """

    zone: str = "UTC"
    hours: Mapping[int, Intervals] | None = None
    holidays: str | None = None
    closed: frozenset[date] = frozenset()
    open: frozenset[date] = frozenset()
    cutoff: int | Mapping[int, int] | None = None


@dataclass(slots=True)
class _Hours:
    """One table of working hours, with the days already looked up: day -> ((opening instant, closing instant, opening), ...)."""

    weekly: Mapping[int, Intervals]
    days: dict[int, tuple[tuple[int, int, int], ...]] = field(default_factory=dict[int, tuple[tuple[int, int, int], ...]])


class Calendar:
    """A calendar; the module's docstring says what its spans mean.

    Raises ValueError for an unknown zone, unknown holidays or no working hours.
    """

    __slots__ = ("_closed", "_cutoffs", "_desk", "_grain", "_holidays", "_memo", "_open", "_tz", "_weekend_of", "_work", "name", "zone")

    def __init__(self, name: str, spec: CalendarSpec) -> None:
        self.name = name
        self.zone = spec.zone
        self._tz = zone(spec.zone)
        self._holidays = spec.holidays
        if spec.holidays is not None:
            holidays_in(spec.holidays, 2000)  # an unknown country is an error now, not at the first order
        self._closed = frozenset(day.toordinal() for day in spec.closed)
        self._open = frozenset(day.toordinal() for day in spec.open)
        cutoff = spec.cutoff
        self._cutoffs = dict(cutoff) if isinstance(cutoff, Mapping) else {} if cutoff is None else dict.fromkeys(range(7), cutoff)
        self._weekend_of = None if spec.hours is not None or spec.holidays is None else spec.holidays.partition("-")[0]
        if spec.hours is not None and not any(spec.hours.values()):
            raise ValueError(f"calendar {name!r} has no working hours")
        self._work = _Hours(WHOLE_DAYS if spec.hours is None else spec.hours)
        self._desk = _Hours(DESK_HOURS) if spec.hours is None else self._work
        edges = [edge for hours in self._work.weekly.values() for pair in hours for edge in pair]
        edges += self._cutoffs.values()
        grain = 60 if all(_offset(at, self._tz) % HOUR == 0 for at in _SAMPLES) else 15
        self._grain = next(n for n in (grain, 15, 1) if all(edge % n == 0 for edge in edges)) * MINUTE
        self._memo: dict[Span, dict[int, int]] = {}

    def add(self, at: int, span: Span) -> int:
        """The instant `span` after `at` (microseconds since the epoch, UTC)."""
        if span.unit == "us":
            return at + span.n
        memo = self._memo.get(span)
        if memo is not None:
            # Inside a bucket every instant moves by the same shift, or all land on the same instant (kept negated). The exact
            # start of a bucket is an entry of its own: an instant at a closing or a cut-off differs from those around it.
            known = memo.get(at // self._grain - -at // self._grain)
            if known is not None:
                return at + known if known >= 0 else -known
        return self._learn(at, span)

    def _learn(self, at: int, span: Span) -> int:
        due = self._compute(at, span)
        if not _FIRST <= at < _LAST:
            return due
        memo = self._memo.setdefault(span, {})
        if len(memo) >= _CACHED_BUCKETS:
            memo.clear()
        key = at // self._grain - -at // self._grain
        if at % self._grain == 0:
            memo[key] = due - at
            return due
        start = at // self._grain * self._grain
        if self._grain == HOUR and not self._whole(start):
            return due
        low, high = self._compute(start + 1, span), self._compute(start + self._grain - 1, span)
        if high == low:
            memo[key] = -low
        elif high - low == self._grain - 2:
            memo[key] = low - start - 1
        # Else the clocks change inside the bucket, as in Newfoundland at 00:01 until 2011: not worth an entry.
        return due

    def _whole(self, hour: int) -> bool:
        """Whether the hour of UTC that begins at an instant is one of the zone, and the clocks do not change in it."""
        offset = steady(hour // DAY, self._tz)
        if offset is None:
            offset = _offset(hour, self._tz)
            return offset % HOUR == 0 and offset == _offset(hour + HOUR - 1, self._tz)
        return offset % HOUR == 0

    def passed(self, start: int, end: int, unit: Unit) -> int:
        """How much time counts from one instant to a later one, µs: all of it for elapsed time, else what lies in working hours."""
        if unit == "us" or not _FIRST <= start <= end < _LAST:
            return max(0, end - start)
        total = 0
        for _, opens, closes, _ in self._from(self._work if unit == "bd" else self._desk, start):
            if opens >= end:
                break
            total += max(0, min(closes, end) - max(opens, start))
        return total

    def idle(self, start: int, end: int, unit: Unit) -> Iterator[tuple[int, int]]:
        """The stretches from one instant to a later one in which nothing counts, as `passed` counts; none of elapsed time."""
        if unit == "us" or not _FIRST <= start <= end < _LAST:
            return
        at = start
        for _, opens, closes, _ in self._from(self._work if unit == "bd" else self._desk, start):
            if min(opens, end) > at:
                yield at, min(opens, end)
            at = max(at, closes)
            if at >= end:
                return

    def later(self, at: int, counted: int, unit: Unit) -> int:
        """The first instant by which so much time (µs) has counted after another one, as `passed` counts it."""
        if unit == "us" or counted <= 0 or not _FIRST <= at < _LAST:
            return at + max(0, counted)
        for _, opens, closes, _ in self._from(self._work if unit == "bd" else self._desk, at):
            here = max(0, closes - max(opens, at))
            if here >= counted:
                return max(opens, at) + counted
            counted -= here
        raise AssertionError("days never end")

    def is_working_day(self, day: date) -> bool:
        """Whether business days count `day`."""
        return bool(self._intervals(self._work, day.toordinal()))

    def opening(self, at: int, span: Span) -> tuple[int, int, int]:
        """Where business time starts to count for an instant: (instant, day as an ordinal, local wall time in microseconds)."""
        hours = self._work if span.unit == "bd" else self._desk
        for day, opens, closes, opening in self._from(hours, at):
            if closes <= at:
                continue
            cutoff = self._cutoffs.get((day - 1) % 7) if span.unit == "bd" and self._cutoffs else None
            if cutoff is not None and max(at, opens) > instant(day, cutoff * MINUTE, self._tz):
                continue
            if opens >= at:
                return opens, day, opening
            return at, day, wall_of(at, self._tz)[1]
        raise AssertionError("a calendar has hours in every week but for holidays")

    def _compute(self, at: int, span: Span) -> int:
        if not _FIRST <= at < _LAST:
            return at + span.n * (DAY if span.unit == "bd" else HOUR)
        if span.unit == "bd":
            return self._business_days(at, span)
        return self._business_hours(at, span)

    def _business_days(self, at: int, span: Span) -> int:
        start, day, wall = self.opening(at, span)
        if span.n == 0:
            return start
        left = span.n
        while left:
            day += 1
            left -= bool(self._intervals(self._work, day))
        return instant(day, wall, self._tz)

    def _business_hours(self, at: int, span: Span) -> int:
        start, _, _ = self.opening(at, span)
        if span.n == 0:
            return start
        left = span.n * HOUR
        for _, opens, closes, _ in self._from(self._desk, at):
            counted = max(0, closes - max(opens, at))
            if counted >= left:
                return max(opens, at) + left
            left -= counted
        raise AssertionError("days never end")

    def _from(self, hours: _Hours, at: int) -> Iterator[tuple[int, int, int, int]]:
        """The working intervals from the day before `at` on, without end: (day, opening instant, closing instant, opening in µs)."""
        # The day before: where the clocks skip midnight, a closing shortly before it moves into this day.
        day = wall_of(at, self._tz)[0] - 1
        while True:
            for opens, closes, opening in self._intervals(hours, day):
                yield day, opens, closes, opening
            day += 1

    def _intervals(self, hours: _Hours, day: int) -> tuple[tuple[int, int, int], ...]:
        known = hours.days.get(day)
        if known is None:
            if len(hours.days) >= _CACHED_DAYS:
                hours.days.clear()
            known = hours.days[day] = tuple(self._look_up(hours.weekly, day))
        return known

    def _look_up(self, weekly: Mapping[int, Intervals], day: int) -> Iterator[tuple[int, int, int]]:
        intervals = self._by_weekday(weekly, day)
        if instant(day, 0, self._tz) == instant(day + 1, 0, self._tz):
            return  # a date that the zone skipped, as Samoa did 30 December 2011
        if day in self._open:
            intervals = intervals or next(weekly[weekday] for weekday in sorted(weekly) if weekly[weekday])
        elif self.pause(day) is not None:
            return
        end = 0
        for opening, closing in intervals:
            # A skipped hour moves edges forward; an interval that another one thereby overlaps shrinks.
            opens = max(end, instant(day, opening * MINUTE, self._tz))
            end = max(opens, instant(day, closing * MINUTE, self._tz))
            yield opens, end, opening * MINUTE

    def _by_weekday(self, weekly: Mapping[int, Intervals], day: int) -> Intervals:
        """The hours that a day has by its weekday, or by its country's weekend."""
        if self._weekend_of is None:
            return weekly.get((day - 1) % 7, ())
        return () if day in weekend_in(self._weekend_of, date.fromordinal(day).year) else weekly[0]

    def pause(self, day: int) -> str | None:
        """Why a day (an ordinal) that has working hours by its weekday is none: the holiday's name or `closed`; else None."""
        if day in self._open or not self._by_weekday(self._work.weekly, day):
            return None
        if day in self._closed:
            return "closed"
        if self._holidays is None:
            return None
        return holidays_in(self._holidays, date.fromordinal(day).year).get(day)
