"""Elements of SVG as safe markup: every text and every value is escaped."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

Value = str | int | float


def element(name: str, *children: Markup | str, **attributes: Value | None) -> Markup:
    """An element. An underscore in the name of an attribute stands for a hyphen, one at its end for nothing; None: it has none."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(shown(value))}"' for key, value in attributes.items() if value is not None
    )
    inner = Markup("").join(children)
    return Markup(f"<{name}{written}>{inner}</{name}>")  # noqa: S704 - all parts are escaped


def shown(value: Value) -> str:
    """A value as it is written: numbers with at most two places."""
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def text(x: float, y: float, words: str, *, anchor: str | None = None, class_: str | None = None) -> Markup:
    """A text at a place; `anchor`: `middle` or `end`."""
    return element("text", words, x=x, y=y, text_anchor=anchor, class_=class_)


def linked(href: str | None, label: str, *children: Markup) -> Markup:
    """A mark with its name; a link where it leads somewhere, for the pointer: who uses keys has the links of the table beside it."""
    inside = (element("title", label), *children)
    return element("g", *inside) if href is None else element("a", *inside, href=href, aria_label=label, tabindex=-1)


def picture(width: float, height: float, label: str, children: Iterable[Markup]) -> Markup:
    """The whole picture, with its name."""
    return element("svg", *children, viewBox=f"0 0 {shown(width)} {shown(height)}", role="group", aria_label=label)
