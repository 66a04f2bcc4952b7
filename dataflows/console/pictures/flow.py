"""What came in above the line and what was over below it, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from dataflows.console.pictures.axes import scale, ticks
from dataflows.console.pictures.marks import Series, definitions, mark
from dataflows.console.pictures.svg import linked, picture, text
from dataflows.console.pictures.tags import tag

WIDTH: Final = 900
HEIGHT: Final = 240
LEFT: Final = 46
EDGE: Final = 10
FOOT: Final = 22
MOST_LABELS: Final = 9
APART: Final = 14
"""How far numbers of the axis are apart at least."""


@dataclass(frozen=True, slots=True)
class FlowColumn:
    """A step: what it is called, how much came in, how much was over; `href`: where it leads."""

    label: str
    came: int
    went: int
    href: str | None = None


def flow_picture(
    label: str, given: Sequence[FlowColumn], came: Series, went: Series, prefix: str, number: Callable[[float], str] = str
) -> Markup:
    """The picture."""
    up = ticks(max((one.came for one in given), default=0), 3)
    down = ticks(max((one.went for one in given), default=0), 3)
    stretch = scale(up[-1] + down[-1], HEIGHT - FOOT - EDGE)
    base = EDGE + stretch(up[-1])
    each = (WIDTH - LEFT) / max(1, len(given))
    gap = each * 0.15 if each > 4 else 0.0
    drawn = [definitions((came, went), prefix)]
    if stretch(down[1]) < APART:
        down = [0, down[-1]]  # numbers that stood closer would lie over each other
    for value, y in [(value, base - stretch(value)) for value in up] + [(value, base + stretch(value)) for value in down[1:]]:
        drawn += [
            tag("line", x1=LEFT, x2=WIDTH, y1=y, y2=y, class_="axis" if value else "zero"),
            text(LEFT - 6, y + 4, number(value), anchor="end", class_="faint"),
        ]
    every = max(1, -(-len(given) // MOST_LABELS))
    for place, one in enumerate(given):
        x = LEFT + place * each + gap
        width = each - 2 * gap
        named = f"{one.label}: {number(one.came)} {came.label}, {number(one.went)} {went.label}"
        high, low = stretch(one.came), stretch(one.went)
        shapes = [
            *([mark(came, prefix, x, base - high, width, high)] if one.came else []),
            *([mark(went, prefix, x, base, width, low)] if one.went else []),
        ]
        if shapes:
            drawn.append(linked(one.href, named, *shapes))
        if place % every == 0:
            drawn.append(text(x, HEIGHT - 5, one.label, class_="faint"))
    return picture(WIDTH, HEIGHT, label, drawn)


def spark(values: Sequence[int], label: str) -> Markup:
    """A small line of a series, beside its number."""
    stretch, step = scale(max(values, default=0), 20), 94 / max(1, len(values) - 1)
    points = "".join(f"{'M' if place == 0 else 'L'}{1 + place * step:.1f} {22 - stretch(value):.1f}" for place, value in enumerate(values))
    return tag("svg", tag("path", d=points or None), viewBox="0 0 96 24", class_="spark", role="img", aria_label=label)
