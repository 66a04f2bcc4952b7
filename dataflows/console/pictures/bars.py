"""Horizontal bars, one below the other, each put together from series: load by team, kept clocks, where it happened most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from dataflows.console.pictures.axes import scale, ticks
from dataflows.console.pictures.marks import Series, definitions, mark
from dataflows.console.pictures.svg import linked, picture, text
from dataflows.console.pictures.tags import fitted, tag

WIDTH: Final = 900
NARROW: Final = 460
LABEL: Final = 170
"""Width of the names."""
ROW: Final = 26
BAR: Final = 18
HEAD: Final = 20
FONT: Final = 12


@dataclass(frozen=True, slots=True)
class BarPart:
    """A part of a bar; `href`: where it leads."""

    series: Series
    value: int
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its name, its parts in the order in which they are drawn, and what is written behind it."""

    label: str
    parts: Sequence[BarPart]
    note: str = ""

    @property
    def total(self) -> int:
        """How long it is."""
        return sum(part.value for part in self.parts)


def bars(
    label: str, given: Sequence[Bar], prefix: str, number: Callable[[float], str] = str, *, whole: bool = False, wide: bool = True
) -> Markup:
    """The picture. `whole`: each bar is as long as all, and its parts are shares of it. `wide`: it has a line of the page for itself."""
    longest = max((bar.total for bar in given), default=0)
    marks_ = [] if whole else ticks(longest)
    width_ = WIDTH if wide else NARROW
    free = width_ - LABEL - 70
    stretch = scale(marks_[-1] if marks_ else 1, free)
    series = {part.series.name: part.series for bar in given for part in bar.parts}
    drawn = [definitions(series.values(), prefix)]
    height = HEAD + ROW * len(given) + 6
    for value in marks_:
        at = LABEL + stretch(value)
        drawn += [
            tag("line", x1=at, x2=at, y1=HEAD - 4, y2=height - 6, class_="axis"),
            text(at, 12, number(value), anchor="middle", class_="faint"),
        ]
    for place, bar in enumerate(given):
        top = HEAD + place * ROW + (ROW - BAR) / 2
        drawn.append(text(LABEL - 8, top + 13, fitted(bar.label, FONT, LABEL - 12), anchor="end"))
        x = float(LABEL)
        for part in bar.parts:
            share = scale(bar.total, free) if whole else stretch
            width = share(part.value)
            if part.value:
                named = f"{bar.label}, {part.series.label}: {number(part.value)}"
                drawn.append(linked(part.href, named, mark(part.series, prefix, x, top, max(width, 1.0), BAR)))
            x += width
        drawn.append(text(x + 6, top + 13, bar.note or number(bar.total)))
    return picture(width_, height, label, drawn)
