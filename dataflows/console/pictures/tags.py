"""SVG as text: elements, numbers, and how wide a text is at most.

Only presentation attributes and classes are written, never `style`, which the Content-Security-Policy refuses.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from markupsafe import Markup, escape

Attribute = str | float | None
"""None leaves the attribute out."""

NARROW: Final = frozenset("iljtfrI.,:;'|!()[] ·-")
WIDE: Final = frozenset("mwMWQGO@%—…→")
ELLIPSIS: Final = "…"
_LATIN: Final = 0x250


def tag(name: str, *children: str | Markup, **attributes: Attribute) -> Markup:
    """An element. Of attribute names `_` stands for `-`, and a last `_` is left out (`class_`); texts are escaped, Markup is not."""
    said = "".join(f' {_name(key)}="{_value(value)}"' for key, value in attributes.items() if value is not None)
    inner = Markup("").join(children)
    return Markup(f"<{name}{said}>{inner}</{name}>") if inner else Markup(f"<{name}{said}/>")  # noqa: S704 - all parts are escaped


def joined(parts: Iterable[Markup]) -> Markup:
    """Elements one behind the other."""
    return Markup("").join(parts)


def rounded(value: float) -> str:
    """A number to a tenth, written the same everywhere."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def width_of(text: str, size: float) -> float:
    """How wide a text is at most in a usual sans-serif font: a picture that is laid out by it has no overlaps in any of them."""
    return size * sum(_em(letter) for letter in text)


def fitted(text: str, size: float, width: float) -> str:
    """A text that is no wider than that; cut with an ellipsis if it must be, and empty where not even that fits."""
    if width_of(text, size) <= width:
        return text
    left = width - width_of(ELLIPSIS, size)
    if left < 0:
        return ""
    kept = 0
    for letter in text:
        left -= size * _em(letter)
        if left < 0:
            break
        kept += 1
    return text[:kept].rstrip() + ELLIPSIS


def _em(letter: str) -> float:
    if letter in NARROW:
        return 0.4
    if letter in WIDE:
        return 1.0
    if ord(letter) >= _LATIN:
        return 1.1
    return 0.74 if letter.isupper() else 0.6


def _name(key: str) -> str:
    return key.removesuffix("_").replace("_", "-")


def _value(value: str | float) -> str:
    return str(escape(value)) if isinstance(value, str) else rounded(value)
