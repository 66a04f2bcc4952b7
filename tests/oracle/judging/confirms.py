"""What the ship confirmations of one shipment say is in it, where several systems tell of the same one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.oracle.judging.reading import Event, Line

ALL = Decimal(10**18)
"""A line of which all is meant."""


def said_once(confirms: list[Event]) -> list[Line]:
    """Their lines. Each source's add up; of what another source said before of the same shipment only what is more counts.

    The same lines by the same source are one confirmation, told again, where all numbers of the earlier one are named again, and where a
    number is named for the first time.
    """
    kept: list[tuple[Event, set[str]]] = []
    found: list[Line] = []
    told: list[tuple[str, Line]] = []
    for event in confirms:
        numbers = set(event.numbers)
        same = [(one, named) for one, named in kept if numbers and one.source == event.source and one.lines == event.lines]
        again = next(((one, named) for one, named in same if named <= numbers), None)
        if again is not None:
            named = again[1]
            named |= set() if named else numbers
            continue
        kept += [(event, numbers)] if event.lines else []
        others = sorted({source for source, _ in told} - {event.source})
        for line in event.lines:
            known = max([ahead(told, other, event.source, line) for other in others], default=Decimal(0))
            told.append((event.source, line))
            if known <= 0:
                found.append(line)
            elif known < amount(line):
                found.append(line if line.quantity is None else replace(line, quantity=line.quantity - known))
    return found


def amount(line: Line) -> Decimal:
    """The quantity that a line states."""
    return ALL if line.quantity is None else line.quantity


def ahead(told: list[tuple[str, Line]], other: str, mine: str, line: Line) -> Decimal:
    """How much more of a line one source has said than the other: by its ID where both name it, else by its SKU.

    Where one names IDs only and the other SKUs only, they are taken to speak of the same goods, piece by piece.
    """

    def said(source: str, same: Callable[[Line], bool]) -> Decimal:
        return sum((amount(one) for who, one in told if who == source and same(one)), Decimal(0))

    def more(same: Callable[[Line], bool]) -> Decimal:
        return said(other, same) - said(mine, same)

    theirs = [one for who, one in told if who == other]
    ids, skus = {one.line_id for one in theirs} - {None}, {one.sku for one in theirs} - {None}
    if line.line_id and line.line_id in ids:
        return more(lambda one: one.line_id == line.line_id)
    if (line.line_id and not line.sku and not ids) or (line.sku and not line.line_id and not skus):
        return more(lambda _: True)
    if line.sku and (not line.line_id or not ids):
        return more(lambda one: one.sku == line.sku)
    return Decimal(0)
