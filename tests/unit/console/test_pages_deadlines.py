"""A deadline's arithmetic on the page: its parts are what the engine told, and what is hatched is when its calendar stood still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dataflows.console.pages.arithmetic import deadline_of, parts_of
from dataflows.console.pages.bars import bars, outcome_of, started
from dataflows.console.pages.calendars import CountedPlaces, calendar_of
from dataflows.console.text import language
from dataflows.core.clocks import Calendar, CalendarSpec, Span, span
from dataflows.core.clocks.counted import counted, deadline_data
from dataflows.core.clocks.explain import arithmetic, moment
from dataflows.core.policy import Policy
from dataflows.core.rules.load import policy_of_text
from schemas.instants import EPOCH, HOUR, MICROSECOND, MINUTE, SECOND, micros
from schemas.output_parts import CountedFrom
from sinks.cases.queries.past import OrderPast

DESK = dict.fromkeys(range(5), ((8 * 60, 18 * 60),))
CALENDARS = [
    Calendar("desk", CalendarSpec("Europe/Amsterdam", DESK, holidays="NL")),
    Calendar("late", CalendarSpec("America/New_York", {**DESK, 5: ((9 * 60, 12 * 60), (13 * 60, 15 * 60))}, holidays="US")),
    Calendar("whole", CalendarSpec("Asia/Kolkata")),
]
START = micros(datetime(2026, 1, 5, tzinfo=UTC))
spans = st.one_of(
    st.integers(1, 20).map(lambda n: Span(n, "bd")),
    st.integers(1, 60).map(lambda n: Span(n, "bh")),
    st.integers(-40, 90).filter(bool).map(lambda n: Span(n * HOUR, "us")),
)
LABELS = ["captured", "line 2 ship by 2026-04-08", ""]
DATED = "promised by 2026-04-13 Tue 2026-04-14 00:00 (Europe/London)"
STEP = "high from Tue 2026-04-14 00:00 + 1 business day (Europe/London) = Wed 2026-04-15 00:00"
UNKNOWN = "placed Tue 2026-03-10 14:43 + 2 moons (Mars/Base) = Thu 2026-03-12 14:43"
NOW = datetime(2026, 4, 30, 12, tzinfo=UTC)
POLICY = """
zone: Europe/Amsterdam
calendars:
  desk: {zone: Europe/Amsterdam, holidays: NL, hours: {mon-fri: 08:00-18:00}}
tenants:
  default: {calendar: desk}
rules:
  payment.capture_overdue: {threshold: 2 bd, clock: tenant}
"""


@settings(max_examples=120)
@given(
    st.sampled_from(CALENDARS),
    st.integers(0, 360 * 24 * 3600),
    spans,
    st.booleans(),
    st.booleans(),
    st.sampled_from(["captured", "line 2 ship by 2026-04-08", ""]),
)
def test_the_parts_are_those_that_the_engine_counted_with(
    calendar: Calendar, seconds: int, length: Span, grace: bool, held: bool, label: str
) -> None:
    """Whatever the calendar, the zone of its words and the label: the anchor, what was added, the deadline, and when it is said."""
    anchor = START + seconds * SECOND
    for shown in (None, "Europe/London"):
        raised = f", raised from {moment(calendar.add(anchor, span('9 bd')), shown or calendar.zone)} on, after 9 business days"
        graced = f"{arithmetic(calendar, anchor, length, shown)}{', and 90 s of grace' if grace else ''}"
        parts = parts_of(f"{label} {graced}{raised if held else ''}; high from 2026-04-07T19:46:54Z")
        assert parts is not None
        if _ambiguous(anchor, shown or calendar.zone) or _ambiguous(calendar.add(anchor, length), shown or calendar.zone):
            continue  # of an hour that occurs twice the words tell the first
        assert parts.anchor == anchor
        assert parts.due == calendar.add(anchor, length)
        assert (parts.length, parts.back) == (Span(abs(length.n), length.unit), length.n < 0)
        assert parts.grace == (90 if grace else 0)
        assert parts.raise_after == (span("9 bd") if held else None)
        assert (parts.raised_from is not None) == held
        if parts.raised_from is not None and not _ambiguous(calendar.add(anchor, span("9 bd")), shown or calendar.zone):
            assert parts.raised_from == calendar.add(anchor, span("9 bd"))
        assert parts.label == label
        if length.unit != "us":
            assert parts.calendar_zone == calendar.zone


@settings(max_examples=120)
@given(
    st.sampled_from(CALENDARS),
    st.integers(0, 360 * 24 * 3600),
    st.one_of(spans, st.just(Span(0, "us"))),
    st.sampled_from([None, "Europe/London"]),
    st.sampled_from([0, 90]),
)
def test_what_the_engine_says_in_parts_needs_no_sentence(
    calendar: Calendar, seconds: int, length: Span, shown: str | None, grace: int
) -> None:
    """It says more than the sentence: which calendar, and of an hour that occurs twice which of the two."""
    anchor = START + seconds * SECOND
    parts_said = counted("captured", anchor, length, calendar, shown, grace * SECOND)
    raised_from = calendar.add(anchor, span("9 bd")) if grace else None
    said = deadline_data(replace(parts_said, raise_after="9 bd", raised_from=raised_from) if grace else parts_said)
    assert CountedFrom.model_validate(said).anchor == "captured"
    due = EPOCH + calendar.add(anchor, length) * MICROSECOND
    parts = deadline_of({"arithmetic": "captured; high from 2026-04-07T19:46:54Z", "deadline": said, "due_at": due})
    assert parts is not None
    assert (parts.label, parts.zone, parts.due, parts.grace) == ("captured", shown or calendar.zone, micros(due), grace)
    assert parts.step == "high from 2026-04-07T19:46:54Z"
    assert (parts.raised_from, parts.raise_after) == (raised_from, span("9 bd") if grace else None)
    if not length.n:
        assert (parts.anchor, parts.length) == (None, None)
        return
    assert (parts.anchor, parts.length, parts.back) == (anchor, Span(abs(length.n), length.unit), length.n < 0)
    counts = length.unit != "us"
    assert (parts.calendar, parts.calendar_zone if counts else None) == ((calendar.name, calendar.zone) if counts else (None, None))
    if counts and not _ambiguous(anchor, calendar.zone):
        read = parts_of(f"captured {arithmetic(calendar, anchor, length)}")
        assert read is not None
        assert (read.counted_from, read.skipped[:3]) == (parts.counted_from, (*parts.skipped[:3], "...")[: len(read.skipped[:3])])


def test_a_deadline_that_lost_a_word_is_read_from_its_sentence() -> None:
    """The name of an erased order is taken out of what others say: whatever word of a deadline it was, the page is shown."""
    anchor, calendar = START, CALENDARS[0]
    said = deadline_data(counted("captured", anchor, span("2 bd"), calendar, None, 0))
    words = f"captured {arithmetic(calendar, anchor, span('2 bd'))}"
    due = EPOCH + calendar.add(anchor, span("2 bd")) * MICROSECOND
    lost = {name: {**said, name: "(erased)"} for name, value in said.items() if isinstance(value, str)}
    assert lost.keys() >= {"anchor", "anchored_at", "span", "zone"}
    for name, one in {**lost, "part": {**said, "span": "(erased) bd"}}.items():
        parts = deadline_of({"arithmetic": words, "deadline": one, "due_at": due})
        assert parts is not None, name
        assert parts.due == micros(due), name


def _ambiguous(at: int, zone: str) -> bool:
    """Whether it lies in an hour that occurs twice, the second time."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(ZoneInfo(zone)).fold == 1


def test_a_stated_date_has_no_anchor() -> None:
    """Of a promise the sum is the date itself."""
    parts = parts_of(f"{DATED}; {STEP}")
    assert parts is not None
    assert (parts.anchor, parts.label, parts.zone) == (None, "promised by 2026-04-13", "Europe/London")
    assert parts.due == micros(datetime(2026, 4, 13, 23, tzinfo=UTC))
    assert parts.step.startswith("high from")


@pytest.mark.parametrize("words", [None, "", "happened 2026-04-02T13:14:41Z", UNKNOWN])
def test_what_is_no_deadline_has_no_parts(words: str | None) -> None:
    """Its words are shown all the same."""
    assert parts_of(words) is None


@settings(max_examples=60)
@given(st.sampled_from(CALENDARS), st.integers(0, 30 * 24 * 60), st.integers(0, 20 * 24 * 60), st.sampled_from(["bd", "bh"]))
def test_idle_time_is_what_does_not_count(calendar: Calendar, start: int, length: int, unit: Any) -> None:
    """What passes and what is idle make up the whole; idle stretches are apart and within."""
    since, until = START + start * MINUTE, START + (start + length) * MINUTE
    idle = list(calendar.idle(since, until, unit))
    assert sum(end - begin for begin, end in idle) + calendar.passed(since, until, unit) == until - since
    assert all(since <= begin < end <= until for begin, end in idle)
    assert all(one[1] < other[0] for one, other in pairwise(idle))
    assert not list(calendar.idle(since, until, "us"))


def policy() -> Policy:
    """A policy with a calendar of its own."""
    found = policy_of_text(POLICY)
    assert isinstance(found, Policy), found
    return found


def test_the_calendar_is_the_one_by_which_the_deadline_comes_out() -> None:
    """One that gives another deadline is not taken, and none is taken for elapsed time."""
    desk = policy().calendar("desk")
    where = CountedPlaces("default", None, None, "NL", "payment.capture_overdue")
    anchor = micros(datetime(2026, 4, 24, 12, 2, tzinfo=UTC))
    parts = parts_of(f"captured {arithmetic(desk, anchor, span('2 bd'))}")
    assert parts is not None
    assert parts.skipped == ("King's Day",)
    found = calendar_of(policy(), where, parts)
    assert found is not None
    assert found.name == "desk"
    moved = parts_of(f"captured {arithmetic(CALENDARS[1], anchor, span('2 bd'))}")
    assert moved is not None
    assert calendar_of(policy(), where, moved) is None
    elapsed = parts_of(f"captured {arithmetic(desk, anchor, span('48 h'))}")
    assert elapsed is not None
    assert calendar_of(policy(), where, elapsed) is None


def test_the_calendar_is_the_one_that_the_engine_names() -> None:
    """Also where another one, or none, gives the same deadline."""
    whole = Calendar("whole", CalendarSpec("Europe/Amsterdam"))
    where = CountedPlaces("default", None, None, "NL", "payment.capture_overdue")
    anchor = micros(datetime(2026, 4, 21, 12, 2, tzinfo=UTC))
    for calendar, name in ((policy().calendar("desk"), "desk"), (whole, None)):
        assert calendar.add(anchor, span("2 bd")) == policy().calendar("desk").add(anchor, span("2 bd"))
        said = deadline_data(counted("captured", anchor, span("2 bd"), calendar, None, 0))
        parts = deadline_of(exception(deadline=said))
        assert parts is not None
        found = calendar_of(policy(), where, parts)
        assert (None if found is None else found.name) == name


def exception(**changes: object) -> dict[str, object]:
    """The row of an exception whose capture was due on Wednesday."""
    desk = policy().calendar("desk")
    anchor = datetime(2026, 4, 24, 12, 2, tzinfo=UTC)
    due = datetime(2026, 4, 29, 12, 2, tzinfo=UTC)
    row: dict[str, object] = {
        "exception_id": "x1", "tenant": "default", "kind": "payment.capture_overdue", "site": None, "carrier": None, "country": "NL",
        "scope": None, "policy": policy().version, "deadline": None,
        "arithmetic": f"captured {arithmetic(desk, micros(anchor), span('2 bd'))}", "due_at": due,
        "clock_since": anchor, "placed_at": anchor, "status": "open", "resolution": None, "resolved_at": None, "closed_at": None,
        "raised_at": due, "severity": "medium", "owner": "FIN", "team": "FIN", "ack_by": None, "acknowledged_at": None, "resolve_by": None,
        "paused_since": None,
    }  # fmt: skip
    return {**row, **changes}


def past(row: dict[str, object], **more: Any) -> OrderPast:
    """An order with one exception."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("events", "evidence", "actions", "action_events", "decisions", "messages", "notes", "suggestions", "incidents", "silences"), ()
    )
    return OrderPast("default", "O-1", {}, [row], **{**nothing, **more})


def test_the_weekend_and_the_holiday_are_hatched() -> None:
    """From Friday 18:00 to Monday 08:00, King's Day with it, and the night before Wednesday."""
    (bar,) = bars(past(exception()), {policy().version: policy()}, language("en"), NOW)
    assert (bar.outcome, bar.start) == ("missed", datetime(2026, 4, 24, 12, 2, tzinfo=UTC))
    assert bar.idle[0] == (datetime(2026, 4, 24, 16, tzinfo=UTC), datetime(2026, 4, 28, 6, tzinfo=UTC))
    assert bar.idle[-1] == (datetime(2026, 4, 28, 16, tzinfo=UTC), datetime(2026, 4, 29, 6, tzinfo=UTC))
    assert "1 day" in bar.says or "24 hours" in bar.says
    (other,) = bars(past(exception()), {}, language("en"), NOW)
    assert not other.idle  # of a policy that is not known


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "missed"),
        ({"due_at": NOW + timedelta(hours=3)}, "running"),
        ({"status": "retracted"}, "kept"),
        ({"status": "resolved", "resolution": "milestone", "resolved_at": NOW}, "late"),
        ({"status": "resolved", "resolution": "milestone", "resolved_at": NOW - timedelta(days=9)}, "met"),
        ({"status": "resolved", "resolution": "promise_moved", "resolved_at": NOW}, "moved"),
        ({"status": "resolved", "resolution": "lifted", "resolved_at": NOW}, "over"),
    ],
)
def test_how_a_deadline_went(changes: dict[str, object], outcome: str) -> None:
    """By the status and the resolution of its exception."""
    row = exception(**changes)
    assert outcome_of(row, NOW) == outcome
    (bar,) = bars(past(row), {}, language("en"), NOW)
    assert bar.outcome == outcome


def test_what_a_silent_feed_held_back_says_so() -> None:
    """Said five hours after it was due, while a feed was silent."""
    late = datetime(2026, 4, 29, 17, tzinfo=UTC)
    silence = {"value": "/payments/stripe", "since": None, "opened_at": datetime(2026, 4, 29, tzinfo=UTC), "closed_at": late}
    (bar,) = bars(past(exception(raised_at=late), silences=[silence]), {}, language("en"), NOW)
    assert bar.deferred_until == late
    assert "/payments/stripe was silent" in bar.says
    (bar,) = bars(past(exception(raised_at=late)), {}, language("en"), NOW)
    assert bar.deferred_until == late
    assert "silent" not in bar.says
    # What its policy wants to be raised then has waited for no feed, though one was silent meanwhile.
    raised = f"{exception()['arithmetic']}, raised from Wed 2026-04-29 19:00 on, after 3 business days"
    wanted = exception(raised_at=late, arithmetic=raised)
    (bar,) = bars(past(wanted, silences=[silence]), {}, language("en"), NOW)
    assert bar.says.endswith("later, as the policy wants it")
    held = past({**wanted, "raised_at": late + timedelta(hours=1)}, silences=[{**silence, "closed_at": None}])
    (bar,) = bars(held, {}, language("en"), NOW)
    assert "/payments/stripe was silent" in bar.says


def test_the_clocks_of_the_case_that_the_page_is_about_are_bars_too() -> None:
    """Taken up in time, and to be resolved; those of other exceptions are not drawn."""
    raised = datetime(2026, 4, 29, 12, 2, tzinfo=UTC)
    row = exception(ack_by=raised + timedelta(days=1), acknowledged_at=raised + timedelta(hours=2), resolve_by=NOW + timedelta(days=1))
    found = bars(past(row), {policy().version: policy()}, language("en"), NOW, "x1")
    assert [bar.outcome for bar in found] == ["missed", "met", "running"]
    assert found[1].idle  # outside the hours of its team
    assert len(bars(past(row), {}, language("en"), NOW)) == 1


def test_a_bar_starts_where_its_deadline_counts_from() -> None:
    """Else since when it is waited for, else with the placing; never behind the deadline."""
    row = exception(arithmetic="promised by 2026-04-13 Tue 2026-04-14 00:00 (Europe/London)", clock_since=None)
    assert started(row) == row["placed_at"]
    assert started({**row, "placed_at": None}) == row["due_at"]
    assert started({**row, "placed_at": NOW + timedelta(days=400)}) == row["due_at"]
