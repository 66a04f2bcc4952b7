"""How the steps of one kind cover what an order's lines owe, and when each unit was covered.

A step covers units by `line_id`, else by SKU over all lines of that SKU, the one that is wanted first at first, and never more than there
is room for. What does not fit is kept: it covers what is ordered later. A unit that was covered stays so, whatever comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.events import Line

DIGITAL = "digital"


class Part(NamedTuple):
    """What is counted of a line: its own pieces, or those of one component of a kit, of which a piece of the line has `each`."""

    key: str
    place: int
    each: int


class Shape:
    """What an order's lines are made of: the parts that are counted of each line, and what an event's line speaks of.

    The parts of a kit are its components, or the lines whose parent it is. Digital lines have none: nothing covers them.
    """

    def __init__(self, lines: Mapping[str, Line], method: Callable[[Line], str], due: Callable[[Line], tuple[int, int]]) -> None:
        self.lines = lines
        self.children: dict[str, list[str]] = {}
        by_id = {line.line_id: key for key, line in lines.items() if line.line_id is not None}
        for key, line in lines.items():
            parent = by_id.get(line.parent_line_id or "")
            if parent is not None and parent != key and lines[parent].parent_line_id is None:
                self.children.setdefault(parent, []).append(key)
        self.physical = {key: line for key, line in lines.items() if method(line) != DIGITAL}
        self.parts: dict[str, list[Part]] = {}
        self._by_id = by_id
        self._by_sku: dict[str, list[tuple[str, Part | None]]] = {}
        for key in sorted(self.physical, key=lambda name: due(lines[name])):
            line = lines[key]
            if line.sku is not None:
                self._by_sku.setdefault(line.sku, []).append((key, None))
            if key in self.children:
                self.parts[key] = []
            elif line.components:
                each: dict[str, int] = {}
                for component in line.components:
                    each[component.sku] = each.get(component.sku, 0) + (1 if component.quantity is None else component.quantity)
                parts = [(sku, Part(key, place, count)) for place, (sku, count) in enumerate(each.items()) if count > 0]
                self.parts[key] = [part for _, part in parts]
                for sku, part in parts:
                    self._by_sku.setdefault(sku, []).append((key, part))
            else:
                self.parts[key] = [Part(key, 0, 1)]

    def speaks_of(self, line: Line) -> Sequence[tuple[str, Part | None]]:
        """What an event's line speaks of, the one that is wanted first at first: lines (whole), or a component of a kit."""
        key = self._by_id.get(line.line_id or "")
        if key is not None:
            return ((key, None),) if key in self.physical else ()
        return () if line.sku is None else self._by_sku.get(line.sku, ())

    def has(self, line: Line) -> bool:
        """Whether an event's line names a digital line, of which nothing is counted."""
        return any(
            key not in self.physical and (line.line_id == x.line_id if line.line_id is not None else line.sku == x.sku)
            for key, x in self.lines.items()
        )


class Filling:
    """How far lines are covered, as far as there is room."""

    def __init__(self, shape: Shape, room: Mapping[str, int]) -> None:
        self.shape = shape
        self.room = room
        self.filled: dict[Part, int] = {}

    def covered(self, key: str) -> int:
        """How many units of a line are covered."""
        children = self.shape.children.get(key)
        room = self.room.get(key, 0)
        if children:
            counts = [self.covered(child) * room // self.room[child] for child in children if self.room.get(child, 0) > 0]
            return min(counts, default=0)
        return min((self.filled.get(part, 0) // part.each for part in self.shape.parts.get(key, ())), default=0)

    def take(self, line: Line) -> int | None:
        """Covers what an event's line states; what of it did not fit (None: nothing was stated)."""
        rest = line.quantity
        for key, part in self.shape.speaks_of(line):
            if rest is not None and rest <= 0:
                break
            rest = self._fill_line(key, rest) if part is None else self._fill(part, rest)
        return rest

    def take_whole(self, key: str, units: int) -> None:
        """Covers some units of a line."""
        self._fill_line(key, units)

    def all_that_is_left(self) -> dict[str, int]:
        """Covers all that there is room for; how much of each line that was."""
        taken: dict[str, int] = {}
        for key in self.shape.physical:
            before = self.covered(key)
            self._fill_line(key, None)
            if (more := self.covered(key) - before) > 0:
                taken[key] = more
        return taken

    def _fill_line(self, key: str, rest: int | None) -> int | None:
        """Covers whole units of a line."""
        free = self.room.get(key, 0) - self.covered(key)
        units = free if rest is None else min(rest, free)
        if units > 0:
            for child in self.shape.children.get(key, ()):
                share = units * self.room.get(child, 0) // max(self.room.get(key, 0), 1)
                self._fill_line(child, share if rest is not None else None)
            for part in self.shape.parts.get(key, ()):
                self._fill(part, units * part.each)
        return None if rest is None else rest - max(units, 0)

    def _fill(self, part: Part, rest: int | None) -> int | None:
        held = self.filled.get(part, 0)
        free = max(self.room.get(part.key, 0) * part.each - held, 0)
        taken = free if rest is None else min(rest, free)
        if taken > 0:
            self.filled[part] = held + taken
        return None if rest is None else rest - taken


class Covered:
    """When the units of each line were covered by steps of one kind (`met`: how many were, each with the instant of the last).

    `whole`: when first something was covered and nothing that was owed then was left; `first`: when there was a step.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.met: dict[str, list[tuple[int, int]]] = {}
        self.whole: int | None = None
        self.first: int | None = None
        self._told: list[Line | tuple[str, int]] = []
        self._filling = Filling(shape, {})

    def change(self, at: int, room: Mapping[str, int], owed: Mapping[str, int]) -> None:
        """Takes in what the order owes from an instant on."""
        self._filling = Filling(self.shape, room)
        for told in self._told:
            self._filling.take_whole(*told) if isinstance(told, tuple) else self._filling.take(told)
        self._note(at, owed)

    def step(self, at: int, lines: Iterable[Line] | None, owed: Mapping[str, int]) -> None:
        """Takes in the latest step; one without lines covers all that is left."""
        if self.first is None:
            self.first = at
        if lines:
            for line in lines:
                self._told.append(line)
                self._filling.take(line)
        else:
            self._told.extend(self._filling.all_that_is_left().items())
        self._note(at, owed)

    def covered(self, key: str) -> int:
        """How many units of a line are covered now."""
        return self._filling.covered(key)

    def at(self, key: str, level: int) -> int | None:
        """When so many units of a line were first covered."""
        return next((at for count, at in self.met.get(key, ()) if count >= level), None)

    def _note(self, at: int, owed: Mapping[str, int]) -> None:
        met, shape = self.met, self.shape
        for key in shape.physical:
            count = self.covered(key)
            if count:
                known = met.setdefault(key, [])
                if not known or count > known[-1][0]:
                    known.append((count, at))
        if self.whole is None and met:
            self.whole = at if all(known <= met[key][-1][0] if key in met else not known for key, known in self._owed(owed)) else None

    def _owed(self, owed: Mapping[str, int]) -> Iterable[tuple[str, int]]:
        return ((key, owed.get(key, 0)) for key in self.shape.physical)
