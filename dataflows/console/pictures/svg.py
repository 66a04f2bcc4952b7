"""What every picture of counts is made of: its frame, texts, and marks that have a name and may lead somewhere."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from dataflows.console.pictures.tags import rounded, tag


def text(x: float, y: float, words: str, *, anchor: str | None = None, class_: str | None = None) -> Markup:
    """A text at a place; `anchor`: `middle` or `end`."""
    return tag("text", words, x=x, y=y, text_anchor=anchor, class_=class_)


def linked(href: str | None, label: str, *children: Markup) -> Markup:
    """A mark with its name; a link where it leads somewhere, for the pointer: who uses keys has the links of the table beside it."""
    inside = (tag("title", label), *children)
    return tag("g", *inside) if href is None else tag("a", *inside, href=href, aria_label=label, tabindex="-1")


def picture(width: float, height: float, label: str, children: Iterable[Markup]) -> Markup:
    """The whole picture, with its name."""
    return tag("svg", *children, viewBox=f"0 0 {rounded(width)} {rounded(height)}", role="group", aria_label=label)
