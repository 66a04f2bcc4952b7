"""The shapes of marks: one per kind of entry, so that a picture is read without its colours. Each lies within 7 px of its place."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from dataflows.console.pictures.tags import tag

SIZE: Final = 14
"""How wide and high a shape is at most."""
PATHS: Final = {
    "circle": "M-5.5 0a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0-11 0z",
    "diamond": "M0-6.5L6.5 0L0 6.5L-6.5 0z",
    "square": "M-5-5H5V5H-5z",
    "triangle": "M-5-6L6 0L-5 6z",
    "letter": "M-6.5-4.5H6.5V4.5H-6.5zM-6.5-4.5L0 1L6.5-4.5",
    "alarm": "M-2.7-6.5H2.7L6.5-2.7V2.7L2.7 6.5H-2.7L-6.5 2.7V-2.7z",
    "change": "M0-6L6 5H-6z",
    "tick": "M-6 0L-2 4.5L6-4.5",
    "gear": "M-6-3H-3V-6H3V-3H6V3H3V6H-3V3H-6z",
    "person": "M-6 6.5C-6 1-2.5 1.5-2.5.5A3.2 3.2 0 1 1 2.5.5C2.5 1.5 6 1 6 6.5z",
    "flag": "M-4.5 7V-6.5H6L3-3L6 .5H-4.5",
}
OPEN: Final = frozenset(("tick", "letter"))
"""Shapes that are lines: they are never filled."""
STRIKE: Final = "M-7 6L7-6"


def shape(name: str, x: float, y: float, *, struck: bool = False) -> Markup:
    """A shape at a place; one that was taken back is hollow and struck through."""
    kinds = ["shape", f"shape-{name}"]
    kinds += ["hollow"] if struck or name in OPEN else []
    inner = [tag("path", d=PATHS[name])]
    if struck:
        inner.append(tag("path", d=STRIKE, class_="strike"))
    return tag("g", *inner, class_=" ".join(kinds), transform=f"translate({_place(x)} {_place(y)})")


def icon(name: str, *, struck: bool = False) -> Markup:
    """The same as a picture of its own, for the list beside the timeline; what it means is said in words there."""
    half = SIZE / 2 + 1
    box = f"{-half:g} {-half:g} {2 * half:g} {2 * half:g}"
    return tag(
        "svg", shape(name, 0, 0, struck=struck), class_="timeline-icon", viewBox=box, width=2 * half, height=2 * half, aria_hidden="true"
    )


def _place(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
