"""How lines of events cover an order's lines: by line ID, else by SKU over all lines of that SKU; a kit by itself or by its parts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.oracle.judging.reading import Line

ZERO = Decimal(0)
Cell = tuple[str, str | None]
"""A line, or one component of a kit line: the line's key and the component's SKU."""


def matching(line: Line, lines: Sequence[Line]) -> list[Line]:
    """The order's lines that an event's line means: by line ID, else by SKU."""
    by_id = [one for one in lines if line.line_id and one.line_id == line.line_id]
    return by_id or [one for one in lines if line.sku and one.sku == line.sku]


def pieces_of(line: Line) -> dict[str, Decimal]:
    """How much of each component one piece of a kit line has."""
    found: dict[str, Decimal] = {}
    for sku, quantity in line.components:
        found[sku] = found.get(sku, ZERO) + quantity
    return found


def cells_of(told: Line, lines: Iterable[Line]) -> list[Cell]:
    """What an event's line may cover, in turn."""
    lines = list(lines)
    for line in lines:
        if told.line_id and line.line_id == told.line_id:
            part = told.sku if told.sku != line.sku and told.sku in pieces_of(line) else None
            return [(line.key, part)]
    found: list[Cell] = []
    for line in lines:
        if told.sku and line.sku == told.sku:
            found.append((line.key, None))
        elif told.sku in pieces_of(line):
            found.append((line.key, told.sku))
    return found


def kit_of(line: Line, lines: Iterable[Line]) -> Line | None:
    """The kit that a line is a part of; a line that would be in itself is in none."""
    by_id = {one.line_id: one for one in lines if one.line_id}
    kit = by_id.get(line.parent or "")
    above, seen = kit, {line.key}
    while above is not None and above.key not in seen:
        seen.add(above.key)
        above = by_id.get(above.parent or "")
    return None if above is not None and above.key == line.key else kit


@dataclass
class Tally:
    """What has been covered of an order's `lines` (in turn): of each at most its `room`. `whole`: the quantity ordered of each.

    `dropped`: how much of each is not owed any more, so that no kit needs it; nor does it need those that are `digital`. `parts_gone`: how
    much of the components of kits was called off by itself.
    """

    lines: Sequence[Line]
    room: Mapping[str, Decimal]
    whole: Mapping[str, Decimal]
    filled: dict[Cell, Decimal] = field(default_factory=dict[Cell, Decimal])
    dropped: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    digital: frozenset[str] = frozenset()
    parts_gone: Mapping[Cell, Decimal] = field(default_factory=dict[Cell, Decimal])

    def size(self, cell: Cell) -> Decimal:
        """How much of a cell there is to cover."""
        key, part = cell
        room = max(self.room.get(key, ZERO), ZERO)
        return room if part is None else room * pieces_of(self._line(key))[part]

    def add(self, told: Iterable[Line], *, shared: bool = False) -> list[tuple[Line, Cell | None, Decimal]]:
        """Cover by the lines of events, those with a line ID first. What is over, with the cell that it is too much of (none: unknown).

        `shared`: what is more than is owed of the line that an event names by its ID covers what is owed of other lines of its SKU, before
        what names a SKU alone; the rest is of the line that it names.
        """
        over: list[tuple[Line, Cell | None, Decimal]] = []
        ids = {line.line_id for line in self.lines if line.line_id}
        lines = list(told)
        named = [line for line in lines if line.line_id in ids]
        rest = [(line, cells_of(line, self.lines)) for line in named]
        left = [self._fill(cells, line.quantity, wanted=shared and line.quantity is not None) for line, cells in rest]
        for (line, cells), much in zip(rest, left, strict=True):
            others = [cell for cell in self._same_goods(line, *cells[0]) if cell != cells[0]] if shared and much else []
            too_much = self._fill(cells, self._fill(others, much, wanted=True))
            if too_much:
                over.append((line, cells[0], too_much))
        for line in [one for one in lines if one.line_id not in ids]:
            cells = cells_of(line, self.lines)
            much = self._fill(cells, line.quantity)
            if not cells and much is None:
                much = Decimal(1)
            if much:
                over.append((line, cells[0] if cells else None, much))
        return over

    def _fill(self, cells: Iterable[Cell], quantity: Decimal | None, *, wanted: bool = False) -> Decimal | None:
        """Cover cells in turn by a quantity (none: as much as there is); what is left of it. `wanted`: only what is owed still."""
        for cell in cells:
            size = min(self.size(cell), self._wanted(cell)) if wanted else self.size(cell)
            free = max(size - self.filled.get(cell, ZERO), ZERO)
            part = free if quantity is None else min(quantity, free)
            self.filled[cell] = self.filled.get(cell, ZERO) + part
            quantity = None if quantity is None else quantity - part
        return quantity

    def _wanted(self, cell: Cell) -> Decimal:
        """How much of a cell is owed still."""
        key, part = cell
        owed = max(self.whole.get(key, ZERO) - self.dropped.get(key, ZERO), ZERO)
        return owed if part is None else owed * pieces_of(self._line(key))[part]

    def _same_goods(self, told: Line, key: str, part: str | None) -> list[Cell]:
        """What has the SKU of the line that an event names by its ID, unless the event speaks of other goods or of a component."""
        line = self._line(key)
        if part is not None or told.sku not in (None, line.sku):
            return []
        return cells_of(replace(told, line_id=None, sku=line.sku), self.lines)

    def give(self, key: str, quantity: Decimal) -> None:
        """Cover so much of one line."""
        self.filled[key, None] = self.filled.get((key, None), ZERO) + quantity

    def covered(self, key: str) -> Decimal:
        """How much of a line is covered: itself, by all of its parts, by its component lines, or with the kit that it belongs to."""
        above, total = kit_of(self._line(key), self.lines), self._made_up(key)
        while above is not None:
            if self.whole[above.key]:
                total += self._own(above.key) * self.whole[key] // self.whole[above.key]
            above = kit_of(above, self.lines)
        return min(total, max(self.room.get(key, ZERO), ZERO))

    def _made_up(self, key: str) -> Decimal:
        """A line by itself, or by its component lines. Of these nothing is needed that is not owed any more."""
        shares: list[Decimal] = []
        for child in self.lines:
            kit = kit_of(child, self.lines)
            if kit is not None and kit.key == key and self.whole[child.key] and child.key not in self.digital:
                there = self._made_up(child.key) + self.dropped.get(child.key, ZERO)
                shares.append(there * self.whole[key] // self.whole[child.key])
        return self._own(key) + max(min(shares, default=ZERO) - self.dropped.get(key, ZERO), ZERO)

    def _own(self, key: str) -> Decimal:
        pieces, gone = pieces_of(self._line(key)), self.parts_gone
        there = [(self.filled.get((key, sku), ZERO) + gone.get((key, sku), ZERO)) // quantity for sku, quantity in pieces.items()]
        called_off = [gone.get((key, sku), ZERO) // quantity for sku, quantity in pieces.items()]
        return self.filled.get((key, None), ZERO) + max(min(there, default=ZERO) - min(called_off, default=ZERO), ZERO)

    def _line(self, key: str) -> Line:
        return next(line for line in self.lines if line.key == key)
