"""How the steps of one kind cover what an order's lines owe, and when each unit was covered.

A step covers units by `line_id`, else by SKU over all lines of that SKU, the one that is wanted first at first, and never more than there
is space for. What does not fit covers what is ordered later. A unit that was covered stays so, whatever comes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence

from schemas.events import Line

DIGITAL = "digital"
Cell = tuple[str, "str | None"]
"""What is counted by itself: a line by its name, or one component of a kit."""
Over = tuple[Line, "Cell | None", int]
"""What of an event's line did not fit, and what it is too much of (None: of nothing that the order has)."""


class OrderShape:
    """What an order's lines are made of, and what an event's line speaks of. `turn`: their names, the one that is wanted first at first.

    A kit is covered by itself, by all of its components, or by the lines whose parent it is. Digital lines owe nothing, nor does a kit of
    which all lines are such.
    """

    def __init__(self, lines: Mapping[str, Line], method: Callable[[Line], str], due: Callable[[Line], tuple[int, int]]) -> None:
        self.lines = lines
        self.turn = sorted(lines, key=lambda key: due(lines[key])) if len(lines) > 1 else list(lines)
        self.components = {key: _components(line) for key, line in lines.items() if line.components}
        self._by_id = {line.line_id: key for key, line in lines.items() if line.line_id}
        self.parent: dict[str, str] = {}
        self.children: dict[str, list[str]] = {}
        for key, line in lines.items():
            kit = self._by_id.get(line.parent_line_id or "")
            if kit is not None and kit != key:
                self.parent[key] = kit
                self.children.setdefault(kit, []).append(key)
        digital = {key for key, line in lines.items() if method(line) == DIGITAL}
        if self.parent:
            self._drop_circles()
            for kit in sorted(self.children, key=lambda key: len(self.kits_of(key)), reverse=True):
                parts = self.children[kit]
                if parts and lines[kit].method is None and digital.issuperset(parts):
                    digital.add(kit)
                self.children[kit] = [part for part in parts if part not in digital]
        self.physical = [key for key in self.turn if key not in digital]
        self.owing = frozenset(self.physical)
        self._by_sku: dict[str, list[Cell]] = {}
        for key in self.turn:
            sku = lines[key].sku
            if sku:
                self._by_sku.setdefault(sku, []).append((key, None))
            for part in self.components.get(key, ()):
                if part != sku:
                    self._by_sku.setdefault(part, []).append((key, part))

    def _drop_circles(self) -> None:
        """A line that would be in itself is in no kit."""
        for key in [key for key in self.parent if key in self.kits_of(key)]:
            self.children[self.parent.pop(key)].remove(key)

    def kits_of(self, key: str) -> list[str]:
        """The kits that a line is in: its own, the one that this is in, and so on."""
        found: list[str] = []
        kit = self.parent.get(key)
        while kit is not None and kit not in found:
            found.append(kit)
            kit = self.parent.get(kit)
        return found

    def parts_of(self, key: str) -> list[str]:
        """The lines that are in a kit, and what is in these."""
        found = list(self.children.get(key, ()))
        for part in found:
            found.extend(self.children.get(part, ()))
        return found

    def share_skus(self) -> bool:
        """Whether several of its lines, or their components, have the same SKU."""
        return any(len(cells) > 1 for cells in self._by_sku.values())

    def by_id(self, line: Line) -> str | None:
        """The order's line that an event's line names by its ID."""
        return self._by_id.get(line.line_id or "")

    def by_sku(self, line: Line) -> Sequence[Cell]:
        """All that has the SKU of an event's line."""
        return () if not line.sku else self._by_sku.get(line.sku, ())

    def speaks_of(self, line: Line) -> Sequence[Cell]:
        """What an event's line speaks of, the one that is wanted first at first."""
        key = self.by_id(line)
        if key is None:
            return self.by_sku(line)
        return ((key, line.sku if line.sku != self.lines[key].sku and line.sku in self.components.get(key, ()) else None),)


def _components(line: Line) -> dict[str, int]:
    """How much of each component one piece of a kit has."""
    found: dict[str, int] = {}
    for part in line.components or ():
        found[part.sku] = found.get(part.sku, 0) + (1 if part.quantity is None else part.quantity)
    return {sku: count for sku, count in found.items() if count > 0}


class Filling:
    """How far lines are covered. `space`: how much of each there is to cover; `most`: how much of each was ever ordered.

    `owed`: how much of each is wanted still, if a kit needs no more of its lines than that; `gone`: how much of its components is not.
    """

    def __init__(
        self,
        shape: OrderShape,
        space: Mapping[str, int],
        most: Mapping[str, int],
        filled: dict[Cell, int] | None = None,
        owed: Mapping[str, int] | None = None,
        gone: Mapping[Cell, int] | None = None,
    ) -> None:
        self.shape = shape
        self.gone = gone
        self.space = space
        self.most = most
        self.owed = most if owed is None else owed
        self.filled: dict[Cell, int] = {} if filled is None else filled

    def size(self, cell: Cell, *, owed: bool = False) -> int:
        """How much of a cell there is to cover, or (`owed`) is owed as well."""
        key, part = cell
        space = max(self.space.get(key, 0), 0)
        if owed:
            space = min(space, max(self.owed.get(key, 0), 0))
        return space if part is None else space * self.shape.components[key][part]

    def add(self, lines: Iterable[Line], *, shared: bool = False) -> list[Over]:
        """Covers by the lines of events, those with the ID of a line first; what was too much.

        `shared`: what is more than is owed of the line that an event names covers what is owed of others of its SKU, before what names an
        SKU alone: a warehouse makes one line of two of the same goods. A cancel or a refund of a line speaks of no other.
        """
        over: list[Over] = []
        known: list[Over] = []
        others: list[Line] = []
        for line in lines:
            if not self.names(line):
                others.append(line)
                continue
            cells = self.cells_of(line)
            if left := self._fill(cells, line.quantity, owed=shared and line.quantity is not None):
                known.append((line, cells[0], left))
        for line, cell, left in known:
            rest: int | None = left
            if shared and cell is not None:
                rest = self._fill((cell,), self._fill(self._same_goods(line, cell), left, owed=True))
            if rest:
                over.append((line, cell, rest))
        for line in others:
            cells = self.cells_of(line)
            rest = self._fill(cells, line.quantity)
            if not cells and rest is None:
                rest = 1
            if rest:
                over.append((line, cells[0] if cells else None, rest))
        return over

    def _fill(self, cells: Iterable[Cell], left: int | None, *, owed: bool = False) -> int | None:
        """Covers cells one after the other (`owed`: only what is owed of each); what is left of a quantity (None: all that there is)."""
        for cell in cells:
            held = self.filled.get(cell, 0)
            free = max(self.size(cell, owed=owed) - held, 0)
            taken = free if left is None else min(left, free)
            if taken:
                self.filled[cell] = held + taken
            left = None if left is None else left - taken
        return left

    def _same_goods(self, line: Line, cell: Cell) -> Sequence[Cell]:
        """What else has the SKU of the order's line that an event names, if the event does not speak of other goods."""
        key, part = cell
        known = self.shape.lines[key]
        if part is not None or line.sku not in (None, known.sku):
            return ()
        return [other for other in self.shape.by_sku(known) if other != cell and self._has(other[0])]

    def cells_of(self, line: Line) -> Sequence[Cell]:
        """What an event's line speaks of, of the lines that the order has had."""
        cells = self.shape.speaks_of(line)
        if all(self._has(key) for key, _ in cells):
            return cells
        named = [cell for cell in cells if self._has(cell[0])]
        if named or not line.line_id or self.shape.by_id(line) is None:
            return named
        return [cell for cell in self.shape.by_sku(line) if self._has(cell[0])]

    def touched(self, lines: Iterable[Line]) -> set[str]:
        """The order's lines of which more may be covered by the lines of an event: each with its kit, or with what is in it."""
        cells = {cell for line in lines for cell in self.cells_of(line)}
        if self.shape.share_skus():
            cells.update(other for key, _ in tuple(cells) for other in self.shape.by_sku(self.shape.lines[key]))
        return self.with_kin({key for key, _ in cells})

    def with_kin(self, keys: set[str]) -> set[str]:
        """Lines of an order, with the kits that each is in, and with what is in it."""
        shape = self.shape
        if not shape.parent:
            return keys
        return keys.union(*(shape.parts_of(key) for key in keys), *(shape.kits_of(key) for key in keys))

    def covered(self, key: str) -> int:
        """How many units of a line are covered: by itself, by all of its parts, or with the kit that it belongs to."""
        total = self._with_parts(key) + self._in_kit(key) if self.shape.parent else self._own(key)
        return min(total, max(self.space.get(key, 0), 0))

    def _with_parts(self, key: str) -> int:
        """How many units of a line are there by itself, or by all that is in it; what of that is not wanted any more is not missing."""
        shares = [
            (self._with_parts(part) + self._unwanted(part)) * self.most.get(key, 0) // self.most[part]
            for part in self.shape.children.get(key, ())
            if self.most.get(part)
        ]
        return self._own(key) + (max(min(shares) - self._unwanted(key), 0) if shares else 0)

    def _in_kit(self, key: str) -> int:
        """How many units of a line are there by the kits that it is in."""
        most = self.most
        return sum(self._own(kit) * most.get(key, 0) // most[kit] for kit in self.shape.kits_of(key) if most.get(kit))

    def _unwanted(self, key: str) -> int:
        return max(self.most.get(key, 0) - self.owed.get(key, 0), 0)

    def names(self, line: Line) -> bool:
        """Whether an event's line names one that the order has had, by its ID."""
        return self._has(self.shape.by_id(line))

    def _has(self, key: str | None) -> bool:
        return key is not None and self.most.get(key, 0) > 0

    def _own(self, key: str) -> int:
        filled = self.filled
        whole = filled.get((key, None), 0)
        parts = self.shape.components.get(key)
        if not parts:
            return whole
        if not (gone := self.gone):
            return whole + min(filled.get((key, sku), 0) // count for sku, count in parts.items())
        there = min((filled.get((key, sku), 0) + gone.get((key, sku), 0)) // count for sku, count in parts.items())
        return whole + max(there - whole_of(parts, key, gone), 0)


def whole_of(parts: Mapping[str, int], key: str, cells: Mapping[Cell, int]) -> int:
    """How many whole pieces of a kit so much of its components make."""
    return min(cells.get((key, sku), 0) // count for sku, count in parts.items())


class UnitCoverage:
    """When the units of each line were covered by steps of one kind (`met`: how many were, each with the instant of the last).

    `whole`: when first something was covered and nothing that was owed then was left; `first`: when there was a step.
    """

    def __init__(self, shape: OrderShape) -> None:
        self.shape = shape
        self.met: dict[str, list[tuple[int, int]]] = {}
        self.whole: int | None = None
        self.first: int | None = None
        self._stated: list[Line] = []
        self._rest: dict[str, int] = {}
        self._by_sku = False
        self._filling = Filling(shape, {}, {})
        self._owed: Mapping[str, int] = {}
        self._gone: Mapping[Cell, int] = {}
        self._short: set[str] = set()

    def change(
        self,
        at: int,
        space: Mapping[str, int],
        most: Mapping[str, int],
        owed: Mapping[str, int],
        moved: Iterable[str],
        gone: Mapping[Cell, int],
    ) -> None:
        """Takes in what the order owes from an instant on; of no line but those that `moved` it is anything else."""
        self._owed, self._gone = owed, gone
        self._fill(space, most)
        met, owing = self.met, self.shape.owing
        for key in moved:
            if key in owing and owed.get(key, 0) > (met[key][-1][0] if key in met else 0):
                self._short.add(key)
            else:
                self._short.discard(key)
        self._note(at, self.shape.physical if self._stated or self._rest else ())

    def step(self, at: int, lines: Sequence[Line] | None, rest: Mapping[str, int]) -> None:
        """Takes in the latest step; one without lines covers all that is left, after which `rest` is covered of each line."""
        filling = self._filling
        touched: Iterable[str] = self.shape.physical
        if lines:
            named = any(self.shape.by_id(line) is not None for line in lines)
            self._stated.extend(lines)
            if named and self._by_sku:
                self._fill(filling.space, filling.most)  # What a line is said of by its ID comes first.
            else:
                filling.add(lines, shared=True)
                touched = filling.touched(lines)
            self._by_sku = self._by_sku or self.shape.share_skus() or any(self.shape.by_id(line) is None for line in lines)
        else:
            self._stated, self._rest, self._by_sku = [], dict(rest), False
            self._fill(filling.space, filling.most)
        self._note(at, touched)

    def covered(self, key: str) -> int:
        """How many units of a line are covered now."""
        return self._filling.covered(key)

    def filled(self, cell: Cell) -> int:
        """How much of a line, or of a component of a kit, is there now."""
        return self._filling.filled.get(cell, 0)

    def at(self, key: str, level: int) -> int | None:
        """When so many units of a line were first covered."""
        known = self.met.get(key, ())
        place = bisect_left(known, (level,))
        return known[place][1] if place < len(known) else None

    def by(self, key: str, at: int) -> int:
        """How many units of a line had been covered by an instant."""
        return max((count for count, since in self.met.get(key, ()) if since <= at), default=0)

    def _fill(self, space: Mapping[str, int], most: Mapping[str, int]) -> None:
        rest: dict[Cell, int] = {(key, None): count for key, count in self._rest.items() if count > 0}
        self._filling = Filling(self.shape, space, most, rest, self._owed, self._gone)
        self._filling.add(self._stated, shared=True)

    def _note(self, at: int, keys: Iterable[str]) -> None:
        """Notes how much of some lines is covered now."""
        met, owed = self.met, self._owed
        for key in keys:
            count = self._filling.covered(key) if key in self.shape.owing else 0
            if count:
                known = met.setdefault(key, [])
                if not known or count > known[-1][0]:
                    known.append((count, at))
                if known[-1][0] >= owed.get(key, 0):
                    self._short.discard(key)
        if self.whole is None and met and not self._short:
            self.whole = at
