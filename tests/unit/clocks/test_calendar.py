"""Calendars: business days and hours, holidays, cut-off, clock changes, and the sum in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dataflows.core.clocks import Calendar, CalendarSpec, Span, moment, span
from dataflows.core.clocks.explain import arithmetic
from schemas.instants import DAY, HOUR, MINUTE

DESK = dict.fromkeys(range(5), ((8 * 60, 18 * 60),))
AMSTERDAM = CalendarSpec("Europe/Amsterdam", DESK, holidays="NL")


def at(text: str, zone: str = "Europe/Amsterdam", fold: int = 0) -> int:
    """A local time as an instant."""
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return (local.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def due(spec: CalendarSpec, start: str, text: str) -> str:
    """A sum in local times."""
    return moment(Calendar("c", spec).add(at(start, spec.zone), span(text)), spec.zone)


def test_elapsed_time_passes_through_weekends_and_clock_changes() -> None:
    """Twenty-four hours are twenty-four hours: over the night of a clock change the wall shows another time."""
    assert due(AMSTERDAM, "2026-03-28 14:00", "24 h") == "Sun 2026-03-29 15:00"
    assert due(AMSTERDAM, "2026-03-29 15:00", "-1 d") == "Sat 2026-03-28 14:00"


def test_business_days_keep_the_wall_time_and_skip_weekend_and_holiday() -> None:
    """Friday before King's Day plus two business days is Wednesday."""
    assert due(AMSTERDAM, "2026-04-24 14:02", "2 bd") == "Wed 2026-04-29 14:02"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-04-20 06:00", "Tue 2026-04-21 08:00"),  # before the opening
        ("2026-04-20 17:59", "Tue 2026-04-21 17:59"),
        ("2026-04-20 18:00", "Wed 2026-04-22 08:00"),  # exactly at the closing
        ("2026-04-18 12:00", "Tue 2026-04-21 08:00"),  # on a Saturday
    ],
)
def test_a_start_outside_working_hours_moves_to_the_next_opening(start: str, end: str) -> None:
    """The moved start shows the opening time."""
    assert due(AMSTERDAM, start, "1 bd") == end


@pytest.mark.parametrize(
    ("start", "end"), [("2026-04-20 16:00:00", "Tue 2026-04-21 16:00"), ("2026-04-20 16:00:00.000001", "Wed 2026-04-22 08:00")]
)
def test_after_the_cut_off_the_next_working_day_counts_as_the_first(start: str, end: str) -> None:
    """Exactly at the cut-off is not after it."""
    assert due(CalendarSpec("Europe/Amsterdam", DESK, cutoff=16 * 60), start, "1 bd") == end


def test_an_opening_after_the_cut_off_is_no_start() -> None:
    """In the lunch break after the cut-off the afternoon does not help."""
    halves = dict.fromkeys(range(5), ((8 * 60, 12 * 60), (13 * 60, 18 * 60)))
    spec = CalendarSpec("UTC", halves, cutoff=12 * 60 + 30)
    assert due(spec, "2026-04-20 12:10", "0 bd") == "Tue 2026-04-21 08:00"


def test_the_cut_off_has_no_say_in_business_hours() -> None:
    """Hours count until the closing."""
    assert due(CalendarSpec("UTC", DESK, cutoff=9 * 60), "2026-04-20 10:00", "2 bh") == "Mon 2026-04-20 12:00"


def test_no_business_days_is_the_moved_start() -> None:
    """`0 bd` and `0 bh` are the next opening, or the start itself."""
    assert due(AMSTERDAM, "2026-04-18 12:00", "0 bd") == due(AMSTERDAM, "2026-04-18 12:00", "0 bh") == "Mon 2026-04-20 08:00"
    assert due(AMSTERDAM, "2026-04-20 12:00", "0 bd") == due(AMSTERDAM, "2026-04-20 12:00", "0 bh") == "Mon 2026-04-20 12:00"


def test_business_hours_count_only_inside_working_hours() -> None:
    """Four hours that begin two hours before the weekend end two hours into Monday."""
    assert due(CalendarSpec("UTC", DESK), "2026-04-17 16:00", "4 bh") == "Mon 2026-04-20 10:00"


def test_business_hours_may_end_exactly_at_a_closing() -> None:
    """The first instant by which they have counted is the closing, not the next opening."""
    assert due(CalendarSpec("UTC", DESK), "2026-04-17 16:00", "2 bh") == "Fri 2026-04-17 18:00"


def test_a_day_may_have_several_intervals() -> None:
    """The lunch break does not count."""
    spec = CalendarSpec("UTC", dict.fromkeys(range(5), ((8 * 60, 12 * 60), (13 * 60, 17 * 60))))
    assert due(spec, "2026-04-20 11:00", "2 bh") == "Mon 2026-04-20 14:00"


def test_own_dates_win_over_weekdays_and_holidays() -> None:
    """A closed Tuesday is skipped, an open King's Day counts, an open Saturday works the hours of Monday."""
    spec = CalendarSpec(
        "Europe/Amsterdam", DESK, "NL", closed=frozenset([date(2026, 4, 28)]), open=frozenset([date(2026, 4, 27), date(2026, 4, 25)])
    )
    assert due(spec, "2026-04-24 14:00", "1 bd") == "Sat 2026-04-25 14:00"
    assert due(spec, "2026-04-24 14:00", "3 bd") == "Wed 2026-04-29 14:00"
    assert due(spec, "2026-04-24 17:00", "2 bh") == "Sat 2026-04-25 09:00"


def test_the_default_calendar_has_whole_days_and_desk_hours() -> None:
    """Without own hours a business day starts at midnight and business hours run from 08:00 to 18:00."""
    spec = CalendarSpec("UTC")
    assert due(spec, "2026-04-17 23:30", "1 bd") == "Mon 2026-04-20 23:30"
    assert due(spec, "2026-04-17 23:30", "1 bh") == "Mon 2026-04-20 09:00"
    assert due(spec, "2026-04-18 23:30", "1 bd") == "Tue 2026-04-21 00:00"


def test_a_result_that_the_clocks_skip_moves_forward_by_the_gap() -> None:
    """02:30 does not exist on 29 March 2026 in Amsterdam: it becomes 03:30."""
    everyday = CalendarSpec("Europe/Amsterdam", dict.fromkeys(range(7), ((0, 24 * 60),)))
    assert due(everyday, "2026-03-28 02:30", "1 bd") == "Sun 2026-03-29 03:30"


def test_of_a_result_that_occurs_twice_the_first_counts() -> None:
    """02:30 on 25 October 2026 in Amsterdam first comes in summer time, 00:30 UTC."""
    everyday = Calendar("c", CalendarSpec("Europe/Amsterdam", dict.fromkeys(range(7), ((0, 24 * 60),))))
    assert everyday.add(at("2026-10-24 02:30"), span("1 bd")) == at("2026-10-25 00:30", "UTC")


def test_a_midnight_that_the_clocks_skip_opens_at_one() -> None:
    """In Beirut 29 March 2026 begins at 01:00; a start that moves there keeps the opening time for the following days."""
    beirut = CalendarSpec("Asia/Beirut", {6: ((0, 24 * 60),), 0: ((0, 24 * 60),)})
    assert due(beirut, "2026-03-28 12:00", "0 bd") == "Sun 2026-03-29 01:00"
    assert due(beirut, "2026-03-28 12:00", "1 bd") == "Mon 2026-03-30 00:00"


def test_the_long_day_has_an_hour_more() -> None:
    """A working interval reaches from the instant of its opening to that of its closing, and the night of October has 25 hours."""
    night = Calendar("c", CalendarSpec("Europe/Amsterdam", {6: ((0, 6 * 60),), 0: ((0, 60),)}))
    assert night.add(at("2026-10-25 00:00"), span("7 bh")) == at("2026-10-25 06:00")


@pytest.mark.parametrize("night", ["2026-03-29 00:00", "2026-10-25 00:00", "2026-03-30 00:00", "2026-10-26 00:00"])
@pytest.mark.parametrize("text", ["1 bd", "2 bh"])
def test_remembered_sums_hold_in_the_nights_of_clock_changes(night: str, text: str) -> None:
    """Every five minutes around a clock change, a calendar that has answered before agrees with one that has not."""
    spec = CalendarSpec("Europe/Amsterdam", dict.fromkeys(range(7), ((0, 24 * 60),)))
    warm = Calendar("warm", spec)
    for minute in range(-120, 360, 5):
        instant = at(night) + minute * MINUTE + 1
        assert warm.add(instant, span(text)) == Calendar("fresh", spec).add(instant, span(text))


def test_a_clock_change_between_two_quarter_hours_is_not_remembered_wrongly() -> None:
    """Newfoundland changed its clocks at 00:01 until 2011."""
    spec = CalendarSpec("America/St_Johns", dict.fromkeys(range(7), ((0, 24 * 60),)))
    warm = Calendar("warm", spec)
    for minute in range(-180, 180):
        instant = at("2010-11-06 23:45", spec.zone) + minute * MINUTE + 1
        assert warm.add(instant, span("1 bd")) == Calendar("fresh", spec).add(instant, span("1 bd"))
        assert warm.add(instant - DAY, span("1 bd")) == Calendar("fresh", spec).add(instant - DAY, span("1 bd"))


def test_a_short_break_between_two_quarter_hours_is_not_remembered_wrongly() -> None:
    """From one minute to the next the answer stands still, then jumps as far: only finer buckets can tell."""
    spec = CalendarSpec("UTC", dict.fromkeys(range(7), ((8 * 60, 9 * 60 + 1), (9 * 60 + 8, 18 * 60 + 7))))
    warm = Calendar("warm", spec)
    for start, end in (("09:00:30", "09:00:30"), ("09:04:00", "09:01:00"), ("09:12:30", "09:12:30")):
        assert warm.add(at(f"2026-04-20 {start}", "UTC"), span("10 bh")) == at(f"2026-04-21 {end}", "UTC")


def test_intervals_that_a_clock_change_pushes_together_count_once() -> None:
    """02:30 moves to 03:30 on 29 March 2026 in Amsterdam; the interval that opens at 03:00 then opens at 03:30."""
    night = Calendar("c", CalendarSpec("Europe/Amsterdam", {6: ((60, 150), (180, 300))}))
    assert night.add(at("2026-03-29 01:00"), span("3 bh")) == at("2026-03-29 05:00")


def test_a_closing_that_is_pushed_over_midnight_still_belongs_to_its_day() -> None:
    """Pyongyang skipped 23:30 to 24:00 on 4 May 2018, so a shift until 23:45 ended at 00:15 of a day without hours."""
    shift = Calendar("c", CalendarSpec("Asia/Pyongyang", {4: ((22 * 60, 23 * 60 + 45),)}))
    start = at("2018-05-05 00:05", "Asia/Pyongyang")
    assert shift.add(start, span("0 bh")) == start


def test_a_date_that_a_zone_skips_is_no_working_day() -> None:
    """Samoa went from 29 to 31 December 2011."""
    spec = CalendarSpec("Pacific/Apia", dict.fromkeys(range(7), ((8 * 60, 18 * 60),)))
    assert due(spec, "2011-12-29 12:00", "1 bd") == "Sat 2011-12-31 12:00"
    assert due(spec, "2011-12-29 17:00", "12 bh") == "Sun 2012-01-01 09:00"


def test_what_a_calendar_remembers_is_bounded() -> None:
    """A year of quarter-hours leaves no more than the bound behind."""
    calendar = Calendar("c", CalendarSpec("UTC"))
    start = at("2026-01-01 00:00", "UTC")
    for quarter in range(20_000):
        calendar.add(start + quarter * 15 * MINUTE + 1, Span(1, "bd"))
    assert sum(map(len, calendar._memo.values())) <= 8_192  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("far", [-(10**17), 0, 10**16, 2 * 10**17])
def test_absurd_instants_count_elapsed_time(far: int) -> None:
    """Outside 1980 to 2200 nothing is looked up, and nothing fails."""
    calendar = Calendar("c", AMSTERDAM)
    assert calendar.add(far, Span(2, "bd")) == far + 2 * DAY
    assert calendar.add(far, Span(2, "bh")) == far + 2 * HOUR
    assert arithmetic(calendar, far, Span(2, "bd"))


def test_a_calendar_without_hours_or_with_unknown_names_is_refused() -> None:
    """It could never come to an end, or would fail at the first order."""
    with pytest.raises(ValueError, match="no working hours"):
        Calendar("c", CalendarSpec("UTC", {0: ()}))
    with pytest.raises(ValueError, match="Mars"):
        Calendar("c", CalendarSpec("Mars/Olympus"))
    with pytest.raises(ValueError, match="XX"):
        Calendar("c", CalendarSpec(holidays="XX"))


def test_the_sum_in_words_names_start_span_zone_holidays_and_end() -> None:
    """What the contract calls arithmetic."""
    calendar = Calendar("c", AMSTERDAM)
    assert arithmetic(calendar, at("2026-04-24 14:02"), span("2 bd")) == (
        "Fri 2026-04-24 14:02 + 2 business days (Europe/Amsterdam), 1 holiday skipped: King's Day = Wed 2026-04-29 14:02"
    )
    assert arithmetic(calendar, at("2026-04-25 14:02"), span("1 bh")) == (
        "Sat 2026-04-25 14:02 + 1 business hour (Europe/Amsterdam), counted from Tue 2026-04-28 08:00, 1 holiday skipped: King's Day"
        " = Tue 2026-04-28 09:00"
    )
    assert arithmetic(calendar, at("2026-04-24 14:02:03"), span("-90 m")) == (
        "Fri 2026-04-24 14:02:03 - 90 minutes (Europe/Amsterdam) = Fri 2026-04-24 12:32:03"
    )


def test_the_sum_is_told_in_the_zone_of_the_date_that_it_counts_from() -> None:
    """All its times are in one zone; whose business days they are is said where that is another's."""
    calendar = Calendar("c", AMSTERDAM)
    assert arithmetic(calendar, at("2026-04-23 14:02"), span("2 h"), "America/New_York") == (
        "Thu 2026-04-23 08:02 + 2 hours (America/New_York) = Thu 2026-04-23 10:02"
    )
    assert arithmetic(calendar, at("2026-04-23 14:02"), span("1 bd"), "America/New_York") == (
        "Thu 2026-04-23 08:02 + 1 business day (America/New_York; business time by Europe/Amsterdam) = Fri 2026-04-24 08:02"
    )


def test_own_closed_dates_are_named_as_such() -> None:
    """A closed date has no other name."""
    spec = CalendarSpec("UTC", closed=frozenset([date(2026, 4, 21), date(2026, 4, 22)]))
    assert "2 holidays skipped: closed, closed" in arithmetic(Calendar("c", spec), at("2026-04-20 14:00", "UTC"), span("1 bd"))


def test_a_working_day_is_one_that_business_days_count() -> None:
    """Weekday, holiday and weekend."""
    calendar = Calendar("c", AMSTERDAM)
    assert [calendar.is_working_day(date(2026, 4, day)) for day in (24, 25, 27, 28)] == [True, False, False, True]
