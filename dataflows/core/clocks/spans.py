"""Lengths of time as a policy writes them: `24 h` (elapsed), `2 bd` (business days), `4 bh` (business hours)."""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

from schemas.instants import DAY, HOUR, MINUTE, SECOND

Unit = Literal["us", "bd", "bh"]


_TEXT: Final = re.compile(r"(-?)(\d{1,9}) ?(s|m|h|d|w|bd|bh)", re.ASCII)
_ELAPSED: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_GREATEST_ELAPSED: Final = 3660 * DAY
_GREATEST_BUSINESS: Final[dict[str, int]] = {"bd": 2_000, "bh": 20_000}


class Span(NamedTuple):
    """A length of time: `n` microseconds (`us`, may be negative), business days (`bd`) or business hours (`bh`)."""

    n: int
    unit: Unit

    def __str__(self) -> str:
        """The span as a policy writes it, in the greatest unit that divides it: `24 h` reads back as `1 d`."""
        if self.unit != "us":
            return f"{self.n} {self.unit}"
        if self.n == 0:
            return "0 s"
        name, length = next((name, length) for name, length in _UNITS_DOWN if self.n % length == 0)
        return f"{self.n // length} {name}"


class Later(Span):
    """A span that is counted from a deadline, not from what the deadline is counted from: `+1 bd`."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"+{Span(self.n, self.unit)}"


class Portion(Span):
    """How much of the time until a deadline has passed, in percent: `80 %`. It is no length of time: only `of` says when that is."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{self.n} %"


_UNITS_DOWN: Final = (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("us", 1))
ZERO: Final = Span(0, "us")


def span(text: str) -> Span:
    """Read `90 s`, `15 m`, `24 h`, `3 d`, `2 w`, `-24 h`, `2 bd` or `4 bh`; the space may be left out.

    Elapsed spans may be negative and reach ten years; business spans may not be negative and reach 2,000 bd or 20,000 bh.
    Raises ValueError, with what is allowed, for anything else.
    """
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a span: write a whole number and s, m, h, d, w, bd or bh, such as '24 h' or '2 bd'")
    sign, digits, unit = found.groups()
    n = int(sign + digits)
    if unit in _ELAPSED:
        elapsed = n * _ELAPSED[unit]
        if abs(elapsed) > _GREATEST_ELAPSED:
            raise ValueError(f"{text!r} is longer than 3660 d")
        return Span(elapsed, "us")
    if sign:
        raise ValueError(f"{text!r}: business time cannot be negative")
    if n > _GREATEST_BUSINESS[unit]:
        raise ValueError(f"{text!r} is longer than {_GREATEST_BUSINESS[unit]} {unit}")
    return Span(n, "bd" if unit == "bd" else "bh")


def apart(later: Span, earlier: Span) -> Span | None:
    """How far one span reaches beyond another (negative: it falls short of it); None if no span says it, for want of a common unit."""
    if later.unit == earlier.unit:
        return Span(later.n - earlier.n, later.unit)
    if earlier.n == 0:
        return Span(later.n, later.unit)
    return Span(-earlier.n, earlier.unit) if later.n == 0 else None


def longer(one: Span, by: Span) -> Span | None:
    """A span by so much longer (shorter, if `by` is negative); None if no span says it."""
    if one.unit == by.unit:
        return Span(one.n + by.n, one.unit)
    return Span(by.n, by.unit) if one.n == 0 else one if by.n == 0 else None
