"""Places marks with their labels in the rows of a lane so that none covers another, and none lies outside.

Each mark stands at its instant, its label beside it, in the first row that has room. Where that takes too many rows the labels shrink to
numbers; where even those do not fit, they stand in order as near to their instants as they can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import ceil
from typing import Final

from dataflows.console.pictures.tags import fitted, width_of

MOST_ROWS: Final = 7
"""So many rows a lane has with whole labels, or with numbers at their instants; in order it may have more."""
REACH: Final = 10.0
"""How far a mark reaches to the side of its instant that has no label."""
BESIDE: Final = 12.0
"""Where the label begins, from the instant on."""
SIZE, SMALL = 12.0, 11.0
"""The sizes of labels, and of instants and numbers."""
LABEL: Final = 168.0
"""A label is no wider: the list has all of it."""
NUMBER: Final = 40.0
"""How wide a mark with its number alone is: wide enough for four digits, and for a finger."""
HEIGHT, HEIGHT_RECORDED, HEIGHT_NUMBER = 30.0, 42.0, 26.0
"""How high a row is: with an instant and a label, with what was recorded below, with numbers alone."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        """Whether both cover some point; to touch is not to overlap."""
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom


@dataclass(frozen=True, slots=True)
class ToPlace:
    """A mark to be placed: where its instant lies, and what is to be written beside it."""

    key: str
    x: float
    above: str
    label: str
    below: str
    number: int


@dataclass(frozen=True, slots=True)
class PlacedMark:
    """A mark in its lane, y counted from the top of the lane. `x`: where it is drawn; `at`: where its instant lies; its texts may be cut.

    `turned`: its label stands to the left.
    """

    key: str
    x: float
    at: float
    y: float
    box: Box
    above: str
    label: str
    below: str
    turned: bool


@dataclass(frozen=True, slots=True)
class PlacedLane:
    """The marks of a lane, and how high it is."""

    marks: Sequence[PlacedMark]
    height: float


def placed(marks: Sequence[ToPlace], left: float, right: float) -> PlacedLane:
    """The marks of one lane, between two edges. They come in the order of their instants."""
    if not marks:
        return PlacedLane((), 0.0)
    return _labelled(marks, left, right) or _numbered(marks, left, right) or _packed(marks, left, right)


def _labelled(marks: Sequence[ToPlace], left: float, right: float) -> PlacedLane | None:
    longest = min(LABEL, right - left - REACH - BESIDE)
    rows: list[list[Box]] = []
    found: list[tuple[int, PlacedMark]] = []
    for mark in marks:
        texts = fitted(mark.above, SMALL, longest), fitted(mark.label, SIZE, longest), fitted(mark.below, SMALL, longest)
        width = BESIDE + max(width_of(texts[0], SMALL), width_of(texts[1], SIZE), width_of(texts[2], SMALL)) + 4
        turned = mark.x + width > right
        x = min(max(mark.x, left + (width if turned else REACH)), right - (REACH if turned else width))
        span = (x - width, x + REACH) if turned else (x - REACH, x + width)
        row = _row(rows, *span)
        if row >= MOST_ROWS:
            return None
        box = Box(span[0], 0.0, span[1], HEIGHT_RECORDED if texts[2] else HEIGHT)
        (rows[row] if row < len(rows) else _new(rows)).append(box)
        found.append((row, PlacedMark(mark.key, x, mark.x, HEIGHT / 2, box, *texts, turned)))
    tops = list(accumulate((max(box.bottom for box in row) for row in rows), initial=0.0))
    return PlacedLane([_lowered(mark, tops[row]) for row, mark in found], tops[-1])


def _numbered(marks: Sequence[ToPlace], left: float, right: float) -> PlacedLane | None:
    rows: list[list[Box]] = []
    found: list[PlacedMark] = []
    for mark in marks:
        x = min(max(mark.x, left + REACH), right - (NUMBER - REACH))
        row = _row(rows, x - REACH, x - REACH + NUMBER)
        if row >= MOST_ROWS:
            return None
        one = _number(mark, x, row)
        (rows[row] if row < len(rows) else _new(rows)).append(one.box)
        found.append(one)
    return PlacedLane(found, len(rows) * HEIGHT_NUMBER)


def _packed(marks: Sequence[ToPlace], left: float, right: float) -> PlacedLane:
    """In columns, in order: each column as near to its first instant as those beside it let it stand."""
    most = max(1, int((right - left) // NUMBER))
    rows = max(MOST_ROWS, ceil(len(marks) / most))
    columns = [marks[place : place + rows] for place in range(0, len(marks), rows)]
    edges: list[float] = []
    for column in columns:
        edges.append(max(column[0].x - REACH, left, edges[-1] + NUMBER if edges else left))
    limit = right
    for place in reversed(range(len(edges))):
        edges[place] = limit = min(edges[place], limit - NUMBER)
    found = [_number(mark, edge + REACH, row) for edge, column in zip(edges, columns, strict=True) for row, mark in enumerate(column)]
    return PlacedLane(found, min(rows, len(marks)) * HEIGHT_NUMBER)


def _lowered(mark: PlacedMark, top: float) -> PlacedMark:
    box = mark.box
    return replace(mark, y=mark.y + top, box=Box(box.left, top, box.right, box.bottom + top))


def _number(mark: ToPlace, x: float, row: int) -> PlacedMark:
    top = row * HEIGHT_NUMBER
    box = Box(x - REACH, top, x - REACH + NUMBER, top + HEIGHT_NUMBER)
    return PlacedMark(mark.key, x, mark.x, top + HEIGHT_NUMBER / 2, box, "", str(mark.number), "", turned=False)


def _row(rows: Sequence[Sequence[Box]], left: float, right: float) -> int:
    """The first row that has room from one place to another; the one behind the last if none has."""
    return next((place for place, row in enumerate(rows) if all(right <= box.left or box.right <= left for box in row)), len(rows))


def _new(rows: list[list[Box]]) -> list[Box]:
    rows.append([])
    return rows[-1]
