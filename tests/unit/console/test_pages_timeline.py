"""The timeline as a picture: whatever happened to an order, every event has its mark, no label covers another, and nothing lies outside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from random import Random
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from dataflows.console.pictures.axis import BREAK, BrokenAxis
from dataflows.console.pictures.order_story import (
    LANES,
    SHAPES,
    DeadlineBar,
    OrderStory,
    Outcome,
    PromiseMark,
    StoryEntry,
    StoryWords,
    in_order,
)
from dataflows.console.pictures.shapes import PATHS, icon
from dataflows.console.pictures.tags import fitted, tag, width_of
from dataflows.console.pictures.timeline import WIDTH, draw, laid_out
from schemas.instants import DAY, HOUR

START = datetime(2026, 4, 1, 8, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Amsterdam")
WORDS = StoryWords(
    zone=ZONE,
    instant=lambda at: f"{at.astimezone(ZONE):%d %b %H:%M}",
    tick=lambda at, unit: f"{at:%H:%M}" if unit == "hour" else f"{at:%a %d %b %Y}",
    length=lambda length: f"{length.days} days",
    lanes={lane: lane for lane in LANES},
    now="now",
    promise="promise",
    deadlines="deadlines",
    recorded="recorded",
    title="What happened",
)
OUTCOMES: tuple[Outcome, ...] = ("running", "missed", "met", "late", "kept", "moved", "over")
SVG = "{http://www.w3.org/2000/svg}"

far = st.integers(0, 3_000 * 24 * 60)
near = st.integers(0, 3 * 24 * 60)
minutes = st.one_of(near, near, far)
labels = st.text(st.characters(min_codepoint=32, max_codepoint=0x3040, exclude_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=60)


def after(start: int, length: float) -> datetime:
    """An instant of the story, by minutes."""
    return START + timedelta(minutes=start + length)


@st.composite
def stories(draw_: st.DrawFn) -> OrderStory:
    """Any order: many events at one instant, years of silence, deadlines of any length and end."""
    many = draw_(st.lists(st.tuples(minutes, st.sampled_from(LANES), labels, minutes, st.booleans()), max_size=40))
    crowd = draw_(st.integers(0, 60))
    rows = [*many, *([(5, "carrier", "scan", 0, False)] * crowd)]
    entries = [
        StoryEntry(f"e{place}", lane, SHAPES[place % len(SHAPES)], after(at, 0), label, after(at, late), struck=struck, aside=not struck)
        for place, (at, lane, label, late, struck) in enumerate(rows)
    ]
    bars = [
        DeadlineBar(
            f"b{place}",
            after(at, 0),
            after(at, length),
            outcome,
            "how it went",
            after(at, length + late) if outcome in ("late", "moved", "over") else None,
            ((after(at, -60), after(at, length / 3)), (after(at, length / 4), after(at, length / 2))),
            after(at, length + late),
        )
        for place, (at, length, late, outcome) in enumerate(
            draw_(
                st.lists(
                    st.tuples(minutes, minutes, minutes, st.sampled_from(OUTCOMES)),
                    max_size=5,
                )
            )
        )
    ]
    promises = [
        PromiseMark(f"p{place}", after(at, 0), "promised", stands=place == 0)
        for place, at in enumerate(draw_(st.lists(minutes, max_size=4)))
    ]
    return OrderStory(entries, bars, promises, after(draw_(minutes), 0), WORDS)


def burst(many: int) -> OrderStory:
    """Many scans at one instant."""
    entries = [StoryEntry(f"e{place:04}", "carrier", "triangle", START, "scan", None) for place in range(many)]
    return OrderStory(entries, (), (), START + timedelta(days=2), WORDS)


@settings(max_examples=40)
@given(stories())
@example(burst(1))
@example(burst(700))
def test_no_label_covers_another_and_nothing_lies_outside(story: OrderStory) -> None:
    """Of any story, drawn as it is laid out."""
    layout = laid_out(story)
    for one, other in combinations(layout.boxes(), 2):
        assert not one.overlaps(other)
    for box in layout.boxes():
        assert layout.axis.left - 0.01 <= box.left
        assert box.right <= layout.axis.right + 0.01
        assert box.bottom <= layout.height
    picture = ET.fromstring(f'<svg xmlns="http://www.w3.org/2000/svg">{draw(story)}</svg>')
    for element in picture.iter():
        for name in ("x", "x1", "x2"):
            if element.tag != f"{SVG}pattern" and name in element.attrib:
                assert -0.05 <= float(element.attrib[name]) <= WIDTH + 0.05, ET.tostring(element)
        if element.tag == f"{SVG}rect":
            assert float(element.attrib["x"]) + float(element.attrib["width"]) <= WIDTH + 1.1
            assert float(element.attrib["y"]) + float(element.attrib["height"]) <= layout.height + 0.05
        assert "style" not in element.attrib


@settings(max_examples=20)
@given(stories(), st.randoms(use_true_random=False))
def test_every_event_of_the_list_has_a_mark_and_the_order_of_rows_does_not_matter(story: OrderStory, lots: Random) -> None:
    """The same bytes, in whatever order the rows come."""
    picture = str(draw(story))
    marks = [int(number) for number in re.findall(r'href="#timeline-(\d+)"', picture)]
    assert sorted(marks) == list(range(1, len(story.entries) + 1))

    def shuffled(rows: list[Any]) -> list[Any]:
        return lots.sample(rows, len(rows))

    other = OrderStory(shuffled(list(story.entries)), shuffled(list(story.bars)), shuffled(list(story.promises)), story.now, WORDS)
    assert str(draw(other)) == picture


def test_a_mark_leads_to_its_entry_and_tells_both_of_its_times() -> None:
    """What was recorded within a minute has one time."""
    late = StoryEntry("b", "carrier", "triangle", START, "shipped", START + timedelta(hours=5))
    soon = StoryEntry("a", "warehouse", "square", START + timedelta(hours=1), "packed <&>", START + timedelta(hours=1, seconds=20))
    story = OrderStory([soon, late], (), (), START + timedelta(days=1), WORDS)
    assert [entry.key for entry in in_order(story.entries)] == ["b", "a"]
    picture = str(draw(story))
    first, second = picture.split("<a ")[2], picture.split("<a ")[1]
    assert 'href="#timeline-1"' in first
    assert "01 Apr 10:00" in first  # when it happened, in the reader's zone
    assert "recorded 01 Apr 15:00" in first
    assert "recorded" not in second  # within a minute of it
    assert "packed &lt;&amp;&gt;" in second


def test_what_was_taken_back_is_drawn_and_not_erased() -> None:
    """Hollow, and struck through."""
    entry = StoryEntry("a", "carrier", "triangle", START, "delivered", None, struck=True)
    picture = str(draw(OrderStory([entry], (), (), START, WORDS)))
    assert 'class="mark struck"' in picture
    assert 'class="strike"' in picture


def test_months_of_silence_become_a_break_that_says_how_long() -> None:
    """The scale is the same on both sides."""
    entries = [StoryEntry(str(day), "carrier", "triangle", START + timedelta(days=day), "scan", None) for day in (0, 1, 2, 120, 121)]
    story = OrderStory(entries, (), (), START + timedelta(days=121), WORDS)
    axis = laid_out(story).axis
    (gap,) = axis.breaks
    assert (gap.end - gap.start) // DAY == 118
    assert round(gap.right - gap.left) == BREAK
    assert "118 days" in str(draw(story))
    # A day is as wide on one side of it as on the other.
    places = [axis.x((entry.at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)) for entry in entries]
    assert round(places[1] - places[0], 3) == round(places[4] - places[3], 3)


def test_time_that_a_deadline_spans_is_left_out_only_when_it_is_very_long() -> None:
    """How long a deadline was is what the picture shows."""

    def breaks(days: int) -> int:
        return len(BrokenAxis([0, DAY, days * DAY], [(0, days * DAY)], 0, 1000).breaks)

    assert (breaks(20), breaks(90)) == (0, 1)
    assert len(BrokenAxis([0, DAY, 20 * DAY], [], 0, 1000).breaks) == 1


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 200 * 365 * DAY), min_size=1, max_size=30),
    st.sampled_from(("Europe/Amsterdam", "Asia/Kolkata", "America/St_Johns")),
)
@example([0, HOUR], "UTC")
@example([0, 23 * HOUR], "Asia/Kolkata")
def test_the_axis_keeps_the_order_of_instants_and_names_round_ones(instants: list[int], zone: str) -> None:
    """Whatever the zone, and however far apart."""
    axis = BrokenAxis(instants, [], 100, 900)
    places = [axis.x(at) for at in sorted(instants)]
    assert places == sorted(places)
    assert all(100 <= place <= 900.001 for place in places)
    ticks = axis.ticks(ZoneInfo(zone))
    for one, other in pairwise(ticks):
        assert other.x - one.x >= 90
    for tick in ticks:
        assert tick.at.minute == 0
        assert tick.unit == "hour" or tick.at.hour in (0, 1)  # 1 where the clocks skip midnight
        assert not any(gap.left + 0.01 < tick.x < gap.right - 0.01 for gap in axis.breaks)


def test_how_a_deadline_went_is_told_by_its_shape() -> None:
    """Late is filled, kept is struck, said later is dotted, idle is hatched."""

    def bar(outcome: Outcome, **more: Any) -> str:
        one = DeadlineBar("a", START, START + timedelta(days=2), outcome, "by Friday", **more)
        return str(draw(OrderStory((), [one], (), START + timedelta(days=4), WORDS))).partition("</pattern>")[2]

    end = START + timedelta(days=3)
    assert 'class="late"' in bar("missed")
    assert 'class="late"' in bar("late", end=end)
    assert 'class="late"' not in bar("running")
    assert 'class="late"' not in bar("kept")
    assert 'class="strike"' in bar("kept")
    assert 'class="deferred"' in bar("missed", deferred_until=end)
    idle = bar(
        "missed", idle=((START - timedelta(days=1), START + timedelta(days=1)), (START + timedelta(hours=2), START + timedelta(hours=3)))
    )
    assert idle.count('class="idle"') == 1  # what overlaps is hatched once
    assert 'class="idle"' not in bar("missed")


def test_a_promise_that_was_moved_is_struck_and_leads_to_the_next() -> None:
    """The one that stands has a line through all lanes."""
    promises = [
        PromiseMark("1", START + timedelta(days=2), "by Friday", stands=False),
        PromiseMark("2", START + timedelta(days=5), "by Monday", stands=True),
    ]
    picture = str(draw(OrderStory((), (), promises, START, WORDS)))
    assert picture.count('class="moved"') == 1
    assert picture.count('class="promise-line"') == 1
    assert picture.count('class="strike"') == 1


def test_texts_are_cut_to_their_room_and_escaped() -> None:
    """What the pictures rest on."""
    assert fitted("short", 12, 100) == "short"
    assert fitted("a much longer text than that", 12, 60).endswith("…")
    assert width_of(fitted("a much longer text than that", 12, 60), 12) <= 60
    assert fitted("anything", 12, 3) == ""
    assert tag("text", "<b>", class_="a", stroke_width=0.25, x=None) == '<text class="a" stroke-width="0.2">&lt;b&gt;</text>'
    assert set(SHAPES) < set(PATHS)
    assert 'aria-hidden="true"' in icon("circle")
