"""Series and what they look like: each has a colour and a pattern of its own, so that they are told apart without colour too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from dataflows.console.pictures.tags import tag

SIZE: Final = 8
"""Side of a tile of a pattern."""
HATCH: Final = {
    "rising": "M0 8L8 0M-2 2L2 -2M6 10L10 6",
    "falling": "M0 0L8 8M-2 6L2 10M6 -2L10 2",
    "level": "M0 2H8M0 6H8",
    "upright": "M2 0V8M6 0V8",
}
SOLID, DOTS = "solid", "dots"
PATTERNS: Final = {
    "critical": SOLID,
    "high": "rising",
    "medium": DOTS,
    "low": "level",
    "good": "falling",
    "late": SOLID,
    "running": DOTS,
    "plain": SOLID,
    "in": "rising",
    "out": "level",
}
"""By series its pattern."""


@dataclass(frozen=True, slots=True)
class Series:
    """A series: its name in code, which says its colour and pattern, and what it is called."""

    name: str
    label: str


def definitions(series: Iterable[Series], prefix: str) -> Markup:
    """The patterns of some series; `prefix`: what makes their IDs those of one picture."""
    return tag("defs", *(_pattern(one.name, prefix) for one in series if PATTERNS[one.name] != SOLID))


def mark(series: Series, prefix: str, x: float, y: float, width: float, height: float) -> Markup:
    """A rectangle of a series."""
    if PATTERNS[series.name] == SOLID:
        return tag("rect", x=x, y=y, width=width, height=height, class_=f"mark solid p-{series.name}")
    return tag("rect", x=x, y=y, width=width, height=height, class_="mark", fill=f"url(#{prefix}-{series.name})")


def key(series: Sequence[Series], prefix: str) -> list[tuple[Series, Markup]]:
    """The legend: each series with a small picture of how it looks."""
    return [
        (
            one,
            tag(
                "svg",
                definitions([one], f"{prefix}-k"),
                mark(one, f"{prefix}-k", 0.5, 0.5, 17, 11),
                viewBox="0 0 18 12",
                aria_hidden="true",
            ),
        )
        for one in series
    ]


def _pattern(name: str, prefix: str) -> Markup:
    kind = PATTERNS[name]
    ground = tag("rect", width=SIZE, height=SIZE, class_="ground")
    if kind == DOTS:
        drawn = tag("g", *(tag("circle", cx=x, cy=y, r=1.4, class_="spot") for x, y in ((2, 2), (6, 6))))
    else:
        drawn = tag("path", d=HATCH[kind], class_="line")
    return tag("pattern", ground, drawn, id=f"{prefix}-{name}", class_=f"p-{name}", width=SIZE, height=SIZE, patternUnits="userSpaceOnUse")
