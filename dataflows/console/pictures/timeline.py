"""An order's timeline as a picture: server-side SVG, the same bytes for the same story, whatever the order of its rows.

From above: the axis with the line of now, the deadlines as bars with the time hatched in which business time stands still, the promise with
its moves, and a lane for each system that said something. Every mark leads to its entry in the list. `placing` sees to it that no label
covers another; `axis` leaves out months of silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from dataflows.console.pictures.axis import AxisBreak, BrokenAxis
from dataflows.console.pictures.order_story import LANES, DeadlineBar, OrderStory, PromiseMark, StoryEntry, in_order
from dataflows.console.pictures.placing import BESIDE, HEIGHT, SIZE, SMALL, Box, PlacedLane, PlacedMark, ToPlace, placed
from dataflows.console.pictures.shapes import shape
from dataflows.console.pictures.tags import fitted, joined, tag, width_of
from schemas.instants import micros

WIDTH: Final = 1180.0
GUTTER: Final = 116.0
"""Where the names of the lanes stand."""
EDGE: Final = 12.0
HEAD: Final = 42.0
"""How high the axis is."""
BAR, BAR_ROW = 10.0, 31.0
GAP: Final = 8.0
"""Between lanes."""
CLOSE: Final = timedelta(minutes=1)
"""Recorded within so much of when it happened: the picture gives one time."""
NARROWEST: Final = 1.5
"""A stretch in which business time stands still is hatched from this width on."""


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A lane at its place: its name, its top, and its marks."""

    name: str
    top: float
    lane: PlacedLane


@dataclass(frozen=True, slots=True)
class TimelineLayout:
    """Where everything stands: tests look at this, the drawing adds nothing but lines."""

    axis: BrokenAxis
    bars: Sequence[tuple[DeadlineBar, float]]
    lanes: Sequence[LaneRow]
    height: float

    def boxes(self) -> list[Box]:
        """The places of all labels with their marks."""
        return [
            Box(mark.box.left, row.top + mark.box.top, mark.box.right, row.top + mark.box.bottom)
            for row in self.lanes
            for mark in row.lane.marks
        ]


def laid_out(story: OrderStory) -> TimelineLayout:
    """Where everything of a story stands."""
    bars = sorted(story.bars, key=lambda bar: (bar.aside, bar.below, bar.due, bar.key))
    axis = BrokenAxis(_instants(story), [(micros(bar.start), micros(bar.due)) for bar in bars], GUTTER + EDGE, WIDTH - EDGE)
    top, rows = HEAD, list[tuple[DeadlineBar, float]]()
    for bar in bars:
        rows.append((bar, top))
        top += BAR_ROW
    top += GAP if bars else 0
    lanes: list[LaneRow] = []
    for name, marks in _lanes(story, axis):
        lane = placed(marks, axis.left, axis.right)
        if lane.marks:
            lanes.append(LaneRow(name, top, lane))
            top += lane.height + GAP
    return TimelineLayout(axis, rows, lanes, top)


def draw(story: OrderStory, name: str = "timeline") -> Markup:
    """The picture. `name`: what its parts are called in the page, where another one stands in it too."""
    layout, words = laid_out(story), story.words
    entries = {entry.key: (number, entry) for number, entry in enumerate(in_order(story.entries), 1)}
    parts = [
        tag("title", words.title, id=f"{name}-title"),
        tag("defs", tag("pattern", tag("path", d="M-1 1L1-1M0 6L6 0M5 7L7 5", class_="hatch"), **_pattern(name))),
        _ground(layout),
        _ticks(layout, story),
        *(_bar(layout, bar, top, story, name) for bar, top in layout.bars),
        *(_break(each, layout, words.length(timedelta(microseconds=each.end - each.start))) for each in layout.axis.breaks),
        _now(layout, story),
        *(_bar_text(layout, bar, top) for bar, top in layout.bars),
    ]
    if layout.bars:
        parts.append(_lane_name(words.deadlines, HEAD, BAR_ROW))
    promises = {one.key: one for one in story.promises}
    for row in layout.lanes:
        parts.append(_lane_name(words.promise if row.name == "promise" else words.lanes[row.name], row.top, HEIGHT))
        if row.name == "promise":
            parts.append(_promises(row, promises, layout))
        else:
            parts += [_mark(mark, row.top, *entries[mark.key], name) for mark in row.lane.marks]
    return tag(
        "svg",
        *parts,
        class_="timeline",
        viewBox=f"0 0 {WIDTH:g} {layout.height:g}",
        width=WIDTH,
        height=layout.height,
        role="group",
        aria_labelledby=f"{name}-title",
    )


def _pattern(name: str) -> dict[str, str | float]:
    return {"id": f"{name}-idle", "width": 6.0, "height": 6.0, "patternUnits": "userSpaceOnUse"}


def _instants(story: OrderStory) -> Iterator[int]:
    yield micros(story.now)
    yield from (micros(entry.at) for entry in story.entries)
    yield from (micros(one.until) for one in story.promises)
    for bar in story.bars:
        yield from (micros(at) for at in (bar.start, bar.due, bar.end, bar.deferred_until) if at is not None)


def _lanes(story: OrderStory, axis: BrokenAxis) -> Iterator[tuple[str, list[ToPlace]]]:
    """The marks of each lane, the promise first."""
    words = story.words
    promises = sorted(story.promises, key=lambda one: (one.until, one.key))
    yield "promise", [ToPlace(one.key, axis.x(micros(one.until)), words.instant(one.until), one.says, "", 0) for one in promises]
    numbered = list(enumerate(in_order(story.entries), 1))
    for name in LANES:
        yield name, [_to_place(number, entry, story, axis) for number, entry in numbered if entry.lane == name]


def _to_place(number: int, entry: StoryEntry, story: OrderStory, axis: BrokenAxis) -> ToPlace:
    words, recorded = story.words, entry.recorded
    below = "" if recorded is None or abs(recorded - entry.at) <= CLOSE else f"{words.recorded} {words.instant(recorded)}"
    return ToPlace(entry.key, axis.x(micros(entry.at)), words.instant(entry.at), entry.label, below, number)


def _ground(layout: TimelineLayout) -> Markup:
    """The lines between lanes."""
    tops = [HEAD, *(row.top for row in layout.lanes)]
    lines = [tag("line", x1=0.0, x2=WIDTH, y1=top - GAP / 2, y2=top - GAP / 2, class_="rule") for top in tops]
    ticks = [
        tag("line", x1=mark.at, x2=mark.at, y1=row.top - GAP / 2, y2=row.top - GAP / 2 + 4, class_="place")
        for row in layout.lanes
        for mark in row.lane.marks
        if abs(mark.at - mark.x) > 1
    ]
    return joined([*lines, *ticks])


def _ticks(layout: TimelineLayout, story: OrderStory) -> Markup:
    """The names of the axis; one that has no room beside a break or the edge is left out."""
    breaks = [(each.left, each.right) for each in layout.axis.breaks]
    found: list[Markup] = []
    for tick in layout.axis.ticks(story.words.zone):
        text = story.words.tick(tick.at, tick.unit)
        right = tick.x + 3 + width_of(text, SMALL)
        free = right <= WIDTH and not any(tick.x < end and right > start for start, end in breaks)
        found.append(tag("line", x1=tick.x, x2=tick.x, y1=22.0, y2=layout.height - GAP, class_="grid"))
        if free:
            found.append(tag("text", text, x=tick.x + 3, y=31.0, class_="tick"))
    return joined(found)


def _now(layout: TimelineLayout, story: OrderStory) -> Markup:
    x, text = layout.axis.x(micros(story.now)), story.words.now
    wide = width_of(text, SIZE) + 2
    left = min(max(x - wide / 2, GUTTER), WIDTH - wide)
    line = tag("line", x1=x, x2=x, y1=16.0, y2=layout.height - GAP, class_="now")
    return tag("g", line, tag("text", text, x=left, y=11.0, class_="now-name"), class_="now-line")


def _lane_name(text: str, top: float, height: float) -> Markup:
    return tag("text", fitted(text, SIZE, GUTTER - 8), x=4.0, y=top + height / 2 + 4, class_="lane")


def _break(each: AxisBreak, layout: TimelineLayout, text: str) -> Markup:
    """The sign that time is left out, over the whole height, with how much."""
    middle, top, bottom = (each.left + each.right) / 2, 18.0, layout.height - GAP
    waves: list[Markup] = []
    for x in (middle - 3, middle + 3):
        steps = "".join("q3 3 0 6q-3 3 0 6" for _ in range(int((bottom - top) // 12)))
        waves.append(tag("path", d=f"M{x:.1f} {top:.1f}{steps}", class_="wave"))
    strip = tag("rect", x=middle - 3, y=top, width=6.0, height=bottom - top, class_="left-out")
    said = fitted(text, SMALL, each.right - each.left)
    return tag("g", strip, *waves, tag("text", said, x=middle, y=31.0, text_anchor="middle", class_="tick break-name"), class_="break")


def _mark(mark: PlacedMark, top: float, number: int, entry: StoryEntry, name: str) -> Markup:
    """A mark with its label, which leads to its entry."""
    y = top + mark.y
    parts = [
        tag(
            "rect",
            x=mark.box.left,
            y=top + mark.box.top,
            width=mark.box.right - mark.box.left,
            height=mark.box.bottom - mark.box.top,
            class_="target",
        ),
        shape(entry.shape, mark.x, y, struck=entry.struck),
        *_texts(mark, y),
    ]
    kinds = ["mark", *(["aside"] if entry.aside else []), *(["struck"] if entry.struck else [])]
    return tag(
        "a", *parts, href=f"#{name}-{number}", class_=" ".join(kinds), aria_label=f"{number}. {entry.label}, {mark.above}".rstrip(", ")
    )


def _texts(mark: PlacedMark, y: float) -> Iterator[Markup]:
    x, anchor = (mark.x - BESIDE, "end") if mark.turned else (mark.x + BESIDE, None)
    if not mark.above:
        yield tag("text", mark.label, x=x, y=y + 4, class_="number")
        return
    yield tag("text", mark.above, x=x, y=y - 3, text_anchor=anchor, class_="time")
    yield tag("text", mark.label, x=x, y=y + 10, text_anchor=anchor, class_="label")
    if mark.below:
        yield tag("text", mark.below, x=x, y=y + 22, text_anchor=anchor, class_="time recorded")


def _promises(row: LaneRow, promises: dict[str, PromiseMark], layout: TimelineLayout) -> Markup:
    """The promises as flags; from each that was moved an arrow to the one behind it; the line of the one that stands through all lanes."""
    found: list[Markup] = []
    low = row.top + row.lane.height + 1
    for mark, behind in pairwise(sorted(row.lane.marks, key=lambda each: promises[each.key].key)):
        end = f"V{row.top + behind.y + 10:.1f}m-3 4l3-4l3 4"
        found.append(tag("path", d=f"M{mark.x:.1f} {row.top + mark.y + 8:.1f}V{low:.1f}H{behind.x:.1f}{end}", class_="moved"))
    for mark in row.lane.marks:
        one, y = promises[mark.key], row.top + mark.y
        if one.stands:
            found.append(tag("line", x1=mark.x, x2=mark.x, y1=y + 8, y2=layout.height - GAP, class_="promise-line"))
        found.append(shape("flag", mark.x, y, struck=not one.stands))
        found += _texts(mark, y)
    return tag("g", *found, class_="promises")


def _bar(layout: TimelineLayout, bar: DeadlineBar, top: float, story: OrderStory, name: str) -> Markup:
    """A deadline: waited for (outlined), its idle time (hatched), late (filled), said later for want of a feed (dotted), how it went."""
    axis, y = layout.axis, top + BAR_ROW - BAR - 4
    start, due = axis.x(micros(bar.start)), axis.x(micros(bar.due))
    parts = [tag("rect", x=start, y=y, width=max(due - start, 1.0), height=BAR, class_="wait")]
    for since, until in _merged(bar.idle, bar):
        left, right = axis.x(micros(since)), axis.x(micros(until))
        if right - left >= NARROWEST:
            parts.append(tag("rect", x=left, y=y, width=right - left, height=BAR, class_="idle", fill=f"url(#{name}-idle)"))
    parts += _lateness(bar, axis, y, story.now)
    parts.append(tag("path", d=f"M{due:.1f} {y - 4:.1f}V{y + BAR + 4:.1f}", class_="due-mark"))
    if bar.outcome == "kept":
        end = max(due, start + 1)
        parts.append(tag("path", d=f"M{start:.1f} {y + BAR / 2:.1f}H{end:.1f}", class_="strike"))
    kinds = ["deadline", f"deadline-{bar.outcome}", *(["aside"] if bar.aside else [])]
    return tag("g", *parts, class_=" ".join(kinds))


def _bar_text(layout: TimelineLayout, bar: DeadlineBar, top: float) -> Markup:
    """How a deadline went, above its bar."""
    axis = layout.axis
    text = fitted(bar.says, SIZE, axis.right - axis.left)
    x = min(axis.x(micros(bar.start)), axis.right - width_of(text, SIZE))
    return tag("text", text, x=max(x, axis.left), y=top + 12, class_="label aside" if bar.aside else "label")


def _lateness(bar: DeadlineBar, axis: BrokenAxis, y: float, now: datetime) -> Iterator[Markup]:
    due = axis.x(micros(bar.due))
    end = bar.end if bar.end is not None else now if bar.outcome == "missed" else None
    if bar.outcome in ("missed", "late", "moved", "over") and end is not None and end > bar.due:
        yield tag("rect", x=due, y=y, width=max(axis.x(micros(end)) - due, 1.0), height=BAR, class_="late")
    if bar.deferred_until is not None and bar.deferred_until > bar.due:
        until = axis.x(micros(bar.deferred_until))
        yield tag("path", d=f"M{due:.1f} {y + BAR + 3:.1f}H{until:.1f}", class_="deferred")


def _merged(idle: Sequence[tuple[datetime, datetime]], bar: DeadlineBar) -> list[tuple[datetime, datetime]]:
    """The idle stretches within the bar, each once."""
    found: list[tuple[datetime, datetime]] = []
    for since, until in sorted(idle):
        start, end = max(since, bar.start), min(until, bar.due)
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found
