"""What an order owes of each line, and since when: units come by placing and updates, and go by cancellations, refunds and updates.

A unit is owed from an instant until it is waived, and met at the first instant at which so much of its line was covered. What is met stays
met. This is computed from the whole history, for the orders of which something changes; `facts` asks for it only where that is so.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, cast

import msgspec

from dataflows.core.history.again import Life
from dataflows.core.history.balances import Books
from dataflows.core.history.covering import Cell, Filling, OrderShape, Over, UnitCoverage, whole_of
from dataflows.core.history.turns import REFUNDING, OwedChange, begin, changes_of, update
from dataflows.core.history.versions import Versions
from schemas.events import Line, PaymentRefunded
from schemas.instants import FAR, earliest
from schemas.record import Record

Step = tuple[int, Sequence[Line] | None]
"""A step of the warehouse or the carrier: when, and which lines (None: all that is left)."""
GOODWILL = "goodwill"


class Unit(NamedTuple):
    """Units of one line that are owed from and until the same instants (`gone` None: still), and were met at the same.

    `level`: the last of them, counted from the first piece of the line. `ordered`: when they were ordered, which is before `since` where a
    cancelled order is wanted again.
    """

    key: str
    level: int
    since: int
    gone: int | None
    met: int | None
    ordered: int


class Refund(NamedTuple):
    """A refund of lines: the units that it waived since they had not left, and the lines (`beyond`) of which it was more than that.

    What had been called off before it left, and not refunded yet, is neither.
    """

    record: Record
    waived: dict[str, int]
    beyond: list[Line]


class Change(NamedTuple):
    """What an order owes of each line from an instant on.

    `most`: how much of each was ordered at most so far; `space`: how much of that was not waived, `rest`: not cancelled; `due`: how much
    would be owed had nothing been refunded.
    """

    at: int
    space: dict[str, int]
    most: dict[str, int]
    owed: dict[str, int]
    rest: dict[str, int]
    due: dict[str, int]
    moved: frozenset[str]
    """The lines of which anything is other than before."""
    gone: dict[Cell, int]
    """How much of the components of kits is not wanted any more."""


NOTHING = Change(0, {}, {}, {}, {}, {}, frozenset(), {})


class Obligations:
    """What one order owes, with `left`, the coverage by what left: units that were refunded before they left are waived."""

    def __init__(
        self, shape: OrderShape, versions: Versions, waivers: Iterable[Record], left: Iterable[Step], lives: Sequence[Life]
    ) -> None:
        self.shape = shape
        self.lives = lives
        self.changes: list[Change] = []
        self.left = UnitCoverage(shape)
        self.refunds: list[Refund] = []
        self._placed = versions.all[0][1]
        self._books, self._firm = Books(shape, versions, self.left), Books(shape, versions)
        self._owed: dict[str, list[tuple[int, int]]] = {}
        """Of each line since when how much was owed."""
        steps = self._steps = self._since_placing(left, self.left)
        position = 0
        for at, known in groupby(changes_of(versions, waivers), key=itemgetter(0)):
            while position < len(steps) and steps[position][0] < at:
                self._leave(*steps[position])
                position += 1
            self._take(at, list(known))
        for step in steps[position:]:
            self._leave(*step)

    def over(self, steps: Iterable[Step]) -> UnitCoverage:
        """The coverage by steps of another kind."""
        covered, changes = UnitCoverage(self.shape), iter(self.changes)
        last = NOTHING
        change = next(changes, None)
        for at, lines in self._since_placing(steps, covered):
            while change is not None and change.at <= at:
                covered.change(*change[:4], change.moved, change.gone)
                last = change
                change = next(changes, None)
            covered.step(at, lines, last.rest)
        while change is not None:
            covered.change(*change[:4], change.moved, change.gone)
            change = next(changes, None)
        return covered

    def _since_placing(self, steps: Iterable[Step], covered: UnitCoverage) -> list[Step]:
        """The steps of a coverage as they happened; what came before the placing covers from then on."""
        known = sorted(steps, key=itemgetter(0))
        if known:
            covered.first = known[0][0]
        return [(max(at, self._placed), lines) for at, lines in known]

    def units(self, *coverages: UnitCoverage) -> Iterator[Unit]:
        """What is owed of each line, and when it was first met by one of several coverages."""
        for key in self.shape.physical:
            known = self._owed.get(key, ())
            levels = {level for _, level in known if level > 0}
            most = max(levels, default=0)
            for covered in coverages:
                levels.update(count for count, _ in covered.met.get(key, ()) if count < most)
            for level in sorted(levels):
                met = self.met(key, level, *coverages)
                since: int | None = None
                for at, owed in known:
                    if owed >= level and since is None:
                        since = at
                    elif owed < level and since is not None:
                        yield from self._wanted(key, level, since, at, met)
                        since = None
                if since is not None:
                    yield from self._wanted(key, level, since, None, met)

    def met(self, key: str, level: int, *coverages: UnitCoverage) -> int | None:
        """When so many units of a line were first met by one of several coverages."""
        return earliest(*(covered.at(key, level) for covered in coverages))

    def whole(self, *coverages: UnitCoverage) -> int | None:
        """When first something was covered, by whichever of several coverages, and nothing that was owed then was left.

        Of what is owed nothing that can be covered the first step counts.
        """
        if not any(owed > 0 for key in self.shape.physical for _, owed in self._owed.get(key, ())):
            return earliest(*(covered.first for covered in coverages))
        if len(coverages) == 1:
            return coverages[0].whole
        units = list(self.units(*coverages))
        instants = sorted({at for at in (*(u.met for u in units), *(change.at for change in self.changes)) if at is not None})
        begun = earliest(*(known[0][1] for covered in coverages for known in covered.met.values()))
        if begun is None:
            return None
        awaited = sorted((u.ordered, min(FAR if u.gone is None else u.gone, FAR if u.met is None else u.met)) for u in units)
        position, until = 0, -FAR
        for at in instants:
            while position < len(awaited) and awaited[position][0] <= at:
                until = max(until, awaited[position][1])
                position += 1
            if at >= begun and until <= at:
                return at
        return None

    def _wanted(self, key: str, level: int, since: int, gone: int | None, met: int | None) -> Iterator[Unit]:
        """Units, once for each time that their order was wanted."""
        for position, life in enumerate(self.lives):
            start, end = max(life.since, since), earliest(life.until, gone)
            if end is None or start < end or (not position and life.until is not None and life.until <= life.since):
                yield Unit(key, level, start, end, met, since)

    def at(self, instant: int) -> Change:
        """What was owed at an instant; before the order was placed, what it was placed with."""
        return self.changes[max(bisect_right(self.changes, instant, key=itemgetter(0)) - 1, 0)]

    def sent_by(self, instant: int) -> dict[str, int]:
        """How much of each line had left by an instant, refunded or not."""
        change = self.at(instant)
        filling = Filling(self.shape, change.rest, change.most)
        for at, lines in self._steps:
            if at <= instant:
                if lines:
                    filling.add(lines, shared=True)
                else:
                    filling.filled = {(key, None): count for key, count in change.rest.items() if count > 0}
        return {key: filling.covered(key) for key in self.shape.turn}

    def settled(self, lines: Sequence[Line], turned: int) -> int | None:
        """When lines of a shipment that turned back at an instant had been refunded; None if they were not, or are not known."""
        so_far: list[Line] = []
        for refund in self.refunds if lines else ():
            so_far += refund.beyond
            if all(self._is_refunded(line, so_far) for line in lines):
                return max(turned, refund.record.at)
        return None

    def _is_refunded(self, line: Line, refunded: Sequence[Line]) -> bool:
        cells = set(self.shape.speaks_of(line))
        same = [one for one in refunded if not cells.isdisjoint(self.shape.speaks_of(one))]
        whole = any(one.quantity is None for one in same)
        return whole or (bool(same) and sum(one.quantity or 0 for one in same) >= (line.quantity or 0))

    def _leave(self, at: int, lines: Sequence[Line] | None) -> None:
        self.left.step(at, lines, self.changes[-1].rest if self.changes else {})

    def _take(self, at: int, known: Sequence[OwedChange]) -> None:
        """Takes in what changes what is owed at one instant: cancellations, then refunds, then what the order's lines are from then on.

        Of several that say what its lines are, the last counts; at the instant of the placing it is what the order was placed with.
        """
        books = (self._books, self._firm)
        for book in books:
            begin(book, at, known)
        for one in known:
            if one.turn == REFUNDING:
                self._refund(one.record)
        for book in books:
            update(book, known)
        moved = frozenset(self._books.moved | self._firm.moved)
        for book in books:
            book.moved.clear()
        before, held, firm = self.changes[-1] if self.changes else NOTHING, self._books.of, self._firm.of
        change = Change(
            at,
            before.space | {key: held[key].most - held[key].waived for key in moved},
            before.most | {key: held[key].most for key in moved},
            before.owed | {key: held[key].owed for key in moved},
            before.rest | {key: firm[key].most - firm[key].waived for key in moved},
            before.due | {key: firm[key].owed for key in moved},
            moved,
            self._books.gone,
        )
        self.changes.append(change)
        for key in moved:
            levels = self._owed.setdefault(key, [])
            if not levels or levels[-1][1] != held[key].owed:
                levels.append((at, held[key].owed))
        self.left.change(*change[:4], moved, change.gone)

    def _refund(self, record: Record) -> None:
        """Waives what has not left of the lines that a refund names; `_firm` keeps what was owed without refunds."""
        data = cast("PaymentRefunded", record.event.data)
        if data.reason == GOODWILL:
            return
        lines, balances = data.lines or (), self._books.of
        here = {key: balance.owed - self.left.covered(key) for key, balance in balances.items()}
        filling = Filling(self.shape, here, {key: balance.most for key, balance in balances.items()})
        over = filling.add(_rest(self._books.spoken([line for line in lines if line.quantity is not None])))
        waived = {key: units for key in balances if (units := filling.covered(key)) > 0}
        self._books.waive(waived, refunded=True)
        if self.shape.components:
            self._books.refund_parts(self._parts_of(filling))
        beyond = [line for line in lines if line.quantity is None]
        beyond.extend(_rest(over))
        self.refunds.append(Refund(record, waived, beyond))

    def _parts_of(self, refunded: Filling) -> dict[Cell, int]:
        """The components that were refunded by themselves and have not left; of a whole kit its line is waived."""
        found: dict[Cell, int] = {}
        for key, parts in self.shape.components.items():
            whole = whole_of(parts, key, refunded.filled)
            for sku, count in parts.items():
                cell, most = (key, sku), self._books.of[key].most
                ahead = most * count - self.left.filled(cell) - self.left.filled((key, None)) * count - self._books.refunded(cell)
                if (free := min(refunded.filled.get(cell, 0) - whole * count, ahead)) > 0:
                    found[cell] = free
        return found


def _rest(over: Iterable[Over]) -> list[Line]:
    """What is left of lines of which some did not fit."""
    return [cast("Line", msgspec.structs.replace(cast("msgspec.Struct", line), quantity=left)) for line, _, left in over]
