"""Calendars against a slow, obvious reference that walks minute by minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import holidays
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflows.core.clocks import Calendar, CalendarSpec, Span, span
from schemas.instants import MINUTE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dataflows.core.clocks.calendar import Intervals

# Zones whose clocks change between 01:00 and 03:00 or never; changes at other hours have examples in the unit tests.
ZONES = ("UTC", "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "Pacific/Apia")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = (int((datetime(year, 1, 1, tzinfo=UTC) - EPOCH).total_seconds()) for year in (2020, 2027))
SLOW = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Reference:
    """Business time by asking of every minute whether it is a working one."""

    spec: CalendarSpec
    weekly: Mapping[int, Intervals]

    def __post_init__(self) -> None:
        self.zone = ZoneInfo(self.spec.zone)
        country, _, region = (self.spec.holidays or "").partition("-")
        self.holidays: Collection[object] = (
            holidays.country_holidays(country, subdiv=region or None, years=range(2019, 2029)) if country else ()
        )

    def local(self, at: int) -> datetime:
        """Local time."""
        return (EPOCH + timedelta(microseconds=at)).astimezone(self.zone)

    def works(self, day: date) -> bool:
        """Whether it is a working day."""
        if day in self.spec.open:
            return True
        return bool(self.weekly.get(day.weekday())) and day not in self.spec.closed and day not in self.holidays

    def hours(self, day: date) -> Intervals:
        """Its working hours."""
        if not self.works(day):
            return ()
        return self.weekly.get(day.weekday()) or next(self.weekly[weekday] for weekday in range(7) if self.weekly.get(weekday))

    def is_open(self, at: int) -> bool:
        """Whether the instant lies in working hours."""
        moment = self.local(at)
        minute = moment.hour * 60 + moment.minute
        return any(opens <= minute < closes for opens, closes in self.hours(moment.date()))

    def in_time(self, at: int) -> bool:
        """Whether the cut-off is not over."""
        moment = self.local(at)
        since_midnight = timedelta(hours=moment.hour, minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond)
        return self.spec.cutoff is None or since_midnight <= timedelta(minutes=cast("int", self.spec.cutoff))

    def business_days(self, at: int, n: int) -> int:
        """Walks to the start, then from day to day."""
        start = at
        while not (self.is_open(start) and self.in_time(start)):
            start = start // MINUTE * MINUTE + MINUTE
        moment = self.local(start)
        day = moment.date()
        if n == 0:
            return start
        while n:
            day += timedelta(days=1)
            n -= self.works(day)
        wall = datetime.combine(day, moment.time(), tzinfo=self.zone)  # fold 0: the first of two; a skipped one moves forward
        return (wall.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)

    def business_hours(self, at: int, n: int) -> int:
        """Counts working minutes."""
        left = n * 60 * MINUTE
        if n == 0:
            while not self.is_open(at):
                at = at // MINUTE * MINUTE + MINUTE
            return at
        while True:
            end = at // MINUTE * MINUTE + MINUTE
            if self.is_open(at):
                if end - at >= left:
                    return at + left
                left -= end - at
            at = end


@st.composite
def specs(draw: st.DrawFn) -> CalendarSpec:
    """Calendars of every kind."""
    grain = draw(st.sampled_from((60, 15, 7)))
    weekly: dict[int, Intervals] = {}
    for weekday in draw(st.sets(st.integers(0, 6), min_size=3)):
        edges = sorted(draw(st.sets(st.integers(4 * 60 // grain, 24 * 60 // grain), min_size=2, max_size=5)))
        pairs = tuple((a * grain, b * grain) for a, b in zip(edges[::2], edges[1::2], strict=False))
        weekly[weekday] = draw(st.sampled_from((pairs, ((0, 24 * 60),))))
    dates = st.sets(st.dates(date(2020, 1, 1), date(2027, 1, 1)), max_size=30)
    return CalendarSpec(
        zone=draw(st.sampled_from(ZONES)),
        hours=weekly,
        holidays=draw(st.sampled_from((None, "NL", "US-CA"))),
        closed=frozenset(draw(dates)),
        open=frozenset(draw(dates)),
        # Before the first opening of every day no start would ever be in time.
        cutoff=draw(st.none() | st.integers(min(hours[0][0] for hours in weekly.values()), 24 * 60)),
    )


seconds = st.integers(FIRST, LAST) | st.integers(FIRST // 900, LAST // 900).map(lambda quarter: quarter * 900)


@st.composite
def instants(draw: st.DrawFn) -> int:
    """Instants of seven years, many of them on the quarter-hour."""
    return draw(seconds) * 1_000_000 + draw(st.sampled_from((0, 0, 1, 999_999)))


@SLOW
@given(specs(), instants(), st.integers(0, 6))
def test_business_days_agree_with_walking_minute_by_minute(spec: CalendarSpec, at: int, n: int) -> None:
    """Start, cut-off, holidays, own dates and clock changes mean what the docstring says."""
    assert Calendar("c", spec).add(at, Span(n, "bd")) == Reference(spec, spec.hours or {}).business_days(at, n)


@SLOW
@given(specs(), instants(), st.integers(0, 6))
def test_business_hours_agree_with_counting_minutes(spec: CalendarSpec, at: int, n: int) -> None:
    """Only working minutes count, and the end is the first instant by which enough of them have."""
    assert Calendar("c", spec).add(at, Span(n, "bh")) == Reference(spec, spec.hours or {}).business_hours(at, n)


@st.composite
def edges(draw: st.DrawFn, spec: CalendarSpec) -> int:
    """An opening, a closing or a cut-off on some day, in minutes after a midnight of UTC: where answers change."""
    hours = draw(st.sampled_from(sorted((spec.hours or {}).items())))[1]
    edge = draw(st.sampled_from([minute for pair in hours for minute in pair] + [cast("int", spec.cutoff or 0)]))
    day = draw(st.integers(FIRST // 86_400, LAST // 86_400))
    offset = Reference(spec, spec.hours or {}).local(day * 1440 * MINUTE).utcoffset() or timedelta()
    return (day * 1440 + edge) * MINUTE - offset // timedelta(microseconds=1)


@settings(max_examples=300)
@given(st.data(), specs(), st.sampled_from(("0 bd", "2 bd", "3 bh", "0 bh")))
def test_remembered_answers_equal_fresh_ones(data: st.DataObject, spec: CalendarSpec, text: str) -> None:
    """Whatever a calendar was asked before, it answers as one that was never asked; twice, as the first answer is worked out."""
    warm = Calendar("warm", spec)
    edge = data.draw(edges(spec))
    near = st.sampled_from((0, 0, 1, -1, MINUTE // 2, -MINUTE // 2)) | st.integers(-20 * MINUTE, 20 * MINUTE)
    for shift in data.draw(st.lists(near, min_size=1, max_size=8)):
        expected = Calendar("fresh", spec).add(edge + shift, span(text))
        assert [warm.add(edge + shift, span(text)) for _ in range(2)] == [expected, expected]


@settings(max_examples=200)
@given(specs(), instants(), st.integers(0, 10 * 24 * 60 * MINUTE), st.integers(0, 20))
def test_a_later_start_never_ends_earlier(spec: CalendarSpec, at: int, later: int, n: int) -> None:
    """Business hours are monotone in their start."""
    calendar = Calendar("c", spec)
    assert calendar.add(at, Span(n, "bh")) <= calendar.add(at + later, Span(n, "bh"))
