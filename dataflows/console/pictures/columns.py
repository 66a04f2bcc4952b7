"""Upright columns side by side, each put together from series: how long what is open has been open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from markupsafe import Markup

from dataflows.console.pictures.axes import scale, ticks
from dataflows.console.pictures.bars import Bar
from dataflows.console.pictures.marks import definitions, mark
from dataflows.console.pictures.svg import linked, picture, text
from dataflows.console.pictures.tags import tag

WIDTH: Final = 900
HEIGHT: Final = 230
LEFT: Final = 46
TOP: Final = 18
FOOT: Final = 24


def columns(label: str, given: Sequence[Bar], prefix: str, number: Callable[[float], str] = str) -> Markup:
    """The picture."""
    steps = ticks(max((bar.total for bar in given), default=0))
    base, free = HEIGHT - FOOT, HEIGHT - FOOT - TOP
    stretch, each = scale(steps[-1], free), (WIDTH - LEFT) / max(1, len(given))
    series = {part.series.name: part.series for bar in given for part in bar.parts}
    drawn = [definitions(series.values(), prefix)]
    for value in steps:
        y = base - stretch(value)
        drawn += [
            tag("line", x1=LEFT, x2=WIDTH, y1=y, y2=y, class_="axis" if value else "zero"),
            text(LEFT - 6, y + 4, number(value), anchor="end", class_="faint"),
        ]
    for place, bar in enumerate(given):
        x, y = LEFT + place * each + each * 0.15, float(base)
        for part in bar.parts:
            if part.value:
                height = stretch(part.value)
                y -= height
                named = f"{bar.label}, {part.series.label}: {number(part.value)}"
                drawn.append(linked(part.href, named, mark(part.series, prefix, x, y, each * 0.7, max(height, 1.0))))
        middle = LEFT + (place + 0.5) * each
        if bar.total:
            drawn.append(text(middle, y - 4, number(bar.total), anchor="middle"))
        drawn.append(text(middle, HEIGHT - 7, bar.label, anchor="middle", class_="faint"))
    return picture(WIDTH, HEIGHT, label, drawn)
