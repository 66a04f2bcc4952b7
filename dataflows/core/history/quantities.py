"""Quantities per order line: what is still wanted, and when it was covered. A milestone of an order is one of all its lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from schemas.events import Line


def line_key(line: Line, position: int = 0) -> str:
    """The name of an order line: its `line_id`, else its `sku`, else its position."""
    return line.line_id or line.sku or f"#{position}"


def match(line: Line, keys: dict[str, Line]) -> str | None:
    """Which order line an event's line speaks of: by `line_id`, else by `sku`; None where the order has no such line."""
    if line.line_id is not None and line.line_id in keys:
        return line.line_id
    if line.sku is None:
        return None
    return next((key for key, known in keys.items() if known.sku == line.sku), None)


def quantity(line: Line, whole: int = 1) -> int:
    """The stated quantity, else `whole`."""
    return whole if line.quantity is None else line.quantity


def tally(lines: Iterable[Line], keys: dict[str, Line], ordered: dict[str, int]) -> dict[str, int]:
    """The quantity per order line that `lines` names; an absent quantity means the whole line."""
    found: dict[str, int] = {}
    for line in lines:
        key = match(line, keys)
        if key is not None:
            found[key] = found.get(key, 0) + quantity(line, ordered[key])
    return found


def covered(
    steps: Iterable[tuple[int, Sequence[Line] | None]], keys: dict[str, Line], ordered: dict[str, int], wanted: dict[str, int]
) -> int | None:
    """When steps (instant, lines) together reached every quantity in `wanted`; None if never.

    An order without lines, or a step without lines: the first step covers all.
    """
    known = sorted(steps, key=lambda step: step[0])
    if not known:
        return None
    if not keys or any(not lines for _, lines in known):
        return known[0][0]
    if not wanted:
        return None
    missing = dict(wanted)
    for at, lines in known:
        for key, amount in tally(lines or (), keys, ordered).items():
            if key in missing:
                missing[key] -= amount
                if missing[key] <= 0:
                    del missing[key]
        if not missing:
            return at
    return None
