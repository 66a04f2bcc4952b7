"""Log time of recorded events."""

from __future__ import annotations

from sources.batch import BEGINNING
from sources.logclock import JUMP_BOUND, LAST_JUMP, LogClock
from tests.support.logs import DAY, HOUR, MINUTE, T0, line, record

YEARS = 7_000 * 365 * DAY


def clock_at(instant: int, out_of_order: int = HOUR) -> LogClock:
    """A clock that has come to `instant`."""
    clock = LogClock(out_of_order)
    for number in range(2):
        assert clock.stamp(instant) is None
        clock.hold(instant, record(line(f"start-{number}", instant), 0, number))
    clock.freed.clear()
    assert clock.greatest == instant
    return clock


def hold(clock: LogClock, id_: str, own: int, offset: int = 0) -> None:
    """Offers a record that the clock must hold."""
    assert clock.stamp(own) is None
    clock.hold(own, record(line(id_, T0), 0, offset))


def freed(clock: LogClock) -> dict[str, int]:
    """What has been let go: log time by event ID."""
    return {item.event.id: item.log for item in clock.freed}


def test_a_record_in_order_keeps_its_own_instant() -> None:
    """Log time is the record's own instant where it is the greatest so far."""
    clock = clock_at(T0)
    assert clock.stamp(T0 + MINUTE) == T0 + MINUTE
    assert clock.greatest == T0 + MINUTE


def test_a_late_record_keeps_its_instant_within_the_allowed_out_of_orderness() -> None:
    """Up to the bound a record may stand behind its place in the file."""
    clock = clock_at(T0)
    assert clock.stamp(T0 - HOUR) == T0 - HOUR
    assert clock.stamp(T0 - HOUR - 1) == T0 - HOUR
    assert clock.floor == T0 - HOUR


def test_the_first_record_moves_time_only_once_a_second_has_come() -> None:
    """Even the first date of a file may be absurd: time begins at the lesser of the first two."""
    clock = LogClock()
    hold(clock, "absurd", T0 + YEARS)
    hold(clock, "first", T0, 1)
    assert freed(clock) == {"first": T0}
    assert clock.greatest == T0


def test_one_absurd_date_does_not_push_time() -> None:
    """A single record far ahead is held while all others go on as they were."""
    clock = clock_at(T0)
    hold(clock, "absurd", T0 + YEARS)
    assert clock.stamp(T0 + MINUTE) == T0 + MINUTE
    assert not clock.freed


def test_absurd_dates_here_and_there_confirm_nothing() -> None:
    """A record that an ordinary one contradicted no longer counts as the first of two."""
    clock = clock_at(T0)
    hold(clock, "absurd-1", T0 + YEARS)
    clock.stamp(T0 + MINUTE)
    hold(clock, "absurd-2", T0 + YEARS + DAY)
    assert clock.greatest == T0 + MINUTE


def test_a_second_record_confirms_a_jump() -> None:
    """Time goes to the lesser of the two, and both are let go."""
    clock = clock_at(T0)
    hold(clock, "late", T0 + 30 * DAY + HOUR)
    hold(clock, "early", T0 + 30 * DAY, 1)
    assert freed(clock) == {"early": T0 + 30 * DAY, "late": T0 + 30 * DAY + HOUR}
    assert clock.greatest == T0 + 30 * DAY + HOUR


def test_the_same_event_twice_confirms_nothing() -> None:
    """A duplicate is no second witness."""
    clock = clock_at(T0)
    hold(clock, "twin", T0 + 30 * DAY)
    hold(clock, "twin", T0 + 30 * DAY, 1)
    assert clock.greatest == T0


def test_a_held_record_is_let_go_when_time_comes_near_it() -> None:
    """Once ordinary records have brought time within the bound, what was far ahead is so no more."""
    clock = clock_at(T0)
    hold(clock, "ahead", T0 + JUMP_BOUND + HOUR)
    clock.stamp(T0 + HOUR)
    assert freed(clock) == {"ahead": T0 + JUMP_BOUND + HOUR}


def test_at_the_end_of_a_file_a_jump_of_up_to_a_year_counts() -> None:
    """There is no second record any more, and nothing has contradicted the last one."""
    clock = clock_at(T0)
    hold(clock, "last", T0 + LAST_JUMP)
    assert [item.log for item in clock.finish(None)] == [T0 + LAST_JUMP]
    assert clock.greatest == T0 + LAST_JUMP


def test_at_the_end_of_a_file_a_wilder_jump_counts_only_before_until() -> None:
    """Else the record is applied at the greatest log time: it is judged, but moves no time."""
    for until, log in ((None, T0), (T0 + LAST_JUMP, T0), (T0 + LAST_JUMP + 1, T0 + LAST_JUMP + 1)):
        clock = clock_at(T0)
        hold(clock, "last", T0 + LAST_JUMP + 1)
        assert [item.log for item in clock.finish(until)] == [log]


def test_at_the_end_of_a_file_a_contradicted_record_moves_no_time() -> None:
    """Ordinary records came after it, so its date was wrong."""
    clock = clock_at(T0)
    hold(clock, "wrong", T0 + 30 * DAY)
    clock.stamp(T0 + MINUTE)
    assert [item.log for item in clock.finish(None)] == [T0 + MINUTE]


def test_a_single_record_has_its_own_instant() -> None:
    """A file of one record is a file."""
    clock = LogClock()
    assert clock.greatest == BEGINNING
    hold(clock, "only", T0)
    assert [item.log for item in clock.finish(None)] == [T0]
