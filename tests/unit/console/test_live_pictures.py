"""Pictures show what they are given, to the mark; they can be read without colour, and each mark says what it is and leads to its list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import urlencode
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from starlette.datastructures import QueryParams

from dataflows.console.access import Person, PersonScope
from dataflows.console.insight.series import stepped
from dataflows.console.insight.windows import DAYS, listed, read_window
from dataflows.console.pictures.axes import ticks
from dataflows.console.pictures.bars import Bar, BarPart, bars
from dataflows.console.pictures.columns import columns
from dataflows.console.pictures.flow import FlowColumn, flow_picture, spark
from dataflows.console.pictures.marks import PATTERNS, Series, key
from sinks.cases.queries.modes import FlowStep

HIGH, LOW, CRITICAL = Series("high", "high"), Series("low", "low"), Series("critical", "critical")
NOW = datetime(2026, 5, 28, 20, 31, 7, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
ANNA = Person("anna", ("operator",))
GIVEN = [
    Bar("CARR", [BarPart(CRITICAL, 4, "/exceptions?team=CARR"), BarPart(HIGH, 12), BarPart(LOW, 0)]),
    Bar("a <b> & 'c'", [BarPart(HIGH, 8)]),
]


def marks(drawn: str) -> list[tuple[str, float, float]]:
    """Each mark of a picture: its name, its width and its height."""
    root = ET.fromstring(drawn)
    found: list[tuple[str, float, float]] = []
    for group in root.iter():
        title = group.find("title")
        if title is not None:
            found += [(title.text or "", float(rect.get("width", 0)), float(rect.get("height", 0))) for rect in group.findall("rect")]
    return found


def test_bars_are_as_long_as_what_they_show() -> None:
    """What is nothing has no mark; names are escaped, and a mark says what it is."""
    found = marks(bars("Open", GIVEN, "p"))
    assert [name for name, _, _ in found] == ["CARR, critical: 4", "CARR, high: 12", "a <b> & 'c', high: 8"]
    (_, four, _), (_, twelve, _), (_, eight, _) = found
    assert twelve == pytest.approx(3 * four, abs=0.2)
    assert eight == pytest.approx(2 * four, abs=0.2)


def test_shares_are_of_the_whole_bar() -> None:
    """However many there are in it."""
    found = marks(bars("Kept", GIVEN, "p", whole=True))
    assert found[0][1] + found[1][1] == pytest.approx(found[2][1], abs=0.2)
    assert marks(bars("Kept", [Bar("none", [BarPart(HIGH, 0)])], "p", whole=True)) == []


def test_columns_are_as_high_as_what_they_show() -> None:
    """Stacked."""
    (_, _, four), (_, _, twelve), _ = marks(columns("Ages", GIVEN, "p"))
    assert twelve == pytest.approx(3 * four, abs=0.2)


def test_what_came_stands_above_the_line_and_what_was_over_below_it() -> None:
    """On one scale."""
    drawn = flow_picture("Flow", [FlowColumn("1 May", 10, 5), FlowColumn("2 May", 0, 0)], Series("in", "came"), Series("out", "over"), "f")
    (name, _, came), (_, _, went) = marks(drawn)
    assert name == "1 May: 10 came, 5 over"
    assert came == pytest.approx(2 * went, abs=0.2)


def test_a_picture_is_the_same_every_time_and_has_no_style_of_its_own() -> None:
    """The Content-Security-Policy refuses it."""
    drawn = bars("Open", GIVEN, "p")
    assert drawn == bars("Open", GIVEN, "p")
    assert "style=" not in drawn


def test_series_that_stand_together_have_patterns_of_their_own() -> None:
    """So they are told apart without colour; the legend shows the same."""
    for together in (("critical", "high", "medium", "low"), ("good", "late", "running"), ("in", "out")):
        assert len({PATTERNS[name] for name in together}) == len(together)
    assert ['fill="url(#p-k-high)"' in drawn for _, drawn in key([HIGH, CRITICAL], "p")] == [True, False]


@pytest.mark.parametrize("most", [0, 1, 3, 7, 10, 99, 12_345, 1_000_000])
def test_axes_have_few_round_numbers(most: int) -> None:
    """From nothing to at least the most."""
    found = ticks(most)
    assert found[0] == 0
    assert found[-1] >= most
    assert len(found) <= 7
    assert len({after - before for before, after in pairwise(found)}) == 1


def test_an_empty_picture_is_one_still() -> None:
    """Nothing to show is shown."""
    for drawn in (bars("x", [], "p"), columns("x", [], "p"), spark([], "x"), spark([0, 0], "x")):
        ET.fromstring(drawn)


def test_the_window_of_a_url_is_days_that_end_now_or_days_of_the_calendar() -> None:
    """In the reader's zone; nonsense is left out, and readers at about the same time share one."""
    usual = read_window(QueryParams(""), ANNA, NOW, BERLIN)
    assert (usual.days, usual.window.length) == (30, timedelta(days=30))
    assert usual == read_window(QueryParams("days=31&since=nonsense"), ANNA, NOW + timedelta(minutes=2), BERLIN)
    for days in DAYS:
        assert read_window(QueryParams(f"days={days}"), ANNA, NOW, BERLIN).days == days
    asked = read_window(QueryParams("since=2026-03-28&until=2026-03-29&kind=shipment"), ANNA, NOW, BERLIN)
    assert asked.window.length == timedelta(hours=47)  # a night of it has an hour less
    assert asked.window.kinds == ("shipment",)
    again = read_window(QueryParams(urlencode(asked.query(), doseq=True)), ANNA, NOW, BERLIN)
    assert again == asked
    assert read_window(QueryParams("since=1980-01-01&until=2026-01-01"), ANNA, NOW, BERLIN).days == 30


def test_a_window_shows_nobody_more_than_they_may_see() -> None:
    """Whatever the URL asks for."""
    scope = PersonScope(tenants=("acme",), teams=("CS", "OPS"), sites=("ams1",))
    anna = Person("anna", ("operator",), scope)
    window = read_window(QueryParams("team=CS&team=FIN&tenant=other"), anna, NOW, BERLIN).window
    assert (window.tenants, window.teams, window.sites) == (("acme",), ("CS",), ("ams1",))
    assert read_window(QueryParams("team=FIN"), anna, NOW, BERLIN).window.teams == ("",)


def test_a_number_leads_to_the_list_that_it_counts() -> None:
    """What was first said in the window."""
    window = read_window(QueryParams("days=7"), ANNA, NOW, BERLIN).window
    found = listed(window, NOW, kinds=("shipment.stuck",))
    assert found.newer_than == NOW - window.since
    assert found.older_than is None
    assert found.kinds == ("shipment.stuck",)
    past = read_window(QueryParams("since=2026-05-01&until=2026-05-02"), ANNA, NOW, BERLIN).window
    assert listed(past, NOW).older_than == NOW - past.until


def test_steps_are_days_of_the_readers_zone_and_hours_of_a_short_window() -> None:
    """The hour that a clock shows twice is two steps; nothing is lost."""
    window = read_window(QueryParams("since=2025-10-26&until=2025-10-26"), ANNA, NOW, BERLIN).window
    twice = [datetime(2025, 10, 26, hour, 15, tzinfo=UTC) for hour in (0, 1)]
    hours = stepped([FlowStep(at, 1, 0) for at in twice], window, BERLIN)
    assert len(hours) == 25
    assert [step.raised for step in hours if step.at.hour == 2] == [1, 1]
    month = read_window(QueryParams("since=2025-10-01&until=2025-10-31"), ANNA, NOW, BERLIN).window
    days = stepped([FlowStep(at, 1, 2) for at in (*twice, datetime(2025, 10, 26, 22, 45, tzinfo=UTC))], month, BERLIN)
    assert len(days) == 31
    assert [(step.at.day, step.raised, step.closed) for step in days if step.raised] == [(26, 3, 6)]
