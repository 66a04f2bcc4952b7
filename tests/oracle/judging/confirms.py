"""What the ship confirmations of one shipment say is in it, where several systems tell of the same one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.oracle.judging.reading import Event, Line

ALL = Decimal(10**18)
"""A line of which all is meant."""


def said_once(confirms: list[Event]) -> list[Line]:
    """Their lines. Each source's add up; of what another source said before of the same shipment only what is more counts.

    The same lines by the same source are one confirmation, told again, where all numbers of the earlier one are named again.
    """
    kept: list[Event] = []
    found: list[Line] = []
    told: list[tuple[str, Line]] = []
    for event in confirms:
        same = [one for one in kept if one.source == event.source and one.numbers and one.lines == event.lines]
        if any(set(one.numbers) <= set(event.numbers) for one in same):
            continue
        kept += [event] if event.lines else []
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
    """How much more of a line one source has said than the other: by its ID where both name it, else by its SKU."""

    def said(source: str, name: str) -> Decimal:
        value = getattr(line, name)
        return sum((amount(one) for who, one in told if who == source and getattr(one, name) == value), Decimal(0))

    theirs = [one for who, one in told if who == other]
    if line.line_id and any(one.line_id == line.line_id for one in theirs):
        return said(other, "line_id") - said(mine, "line_id")
    if line.sku and (not line.line_id or not any(one.line_id for one in theirs)):
        return said(other, "sku") - said(mine, "sku")
    return Decimal(0)
