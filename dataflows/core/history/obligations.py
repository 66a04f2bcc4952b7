"""What an order owes of each line, and since when: units come by placing and updates, and go by cancellations, refunds and updates.

A unit is owed from an instant until it is waived, and met at the first instant at which so much of its line was covered. What is met stays
met. This is computed from the whole history, for the orders of which something changes; `facts` asks for it only where that is so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, cast

from dataflows.core.history.again import Life
from dataflows.core.history.covering import Covered, Part, Shape
from dataflows.core.history.quantities import line_key, quantity
from dataflows.core.history.versions import Versions, says
from schemas.events import Line, OrderCancel, PaymentRefunded
from schemas.instants import earliest
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


class _Balance:
    """How much of one line is owed.

    Shops tell a cancellation or a refund twice: by itself, and by an update to the lower quantity. `credit` is what such events took away
    and no update has told yet, so that it is not taken away again.
    """

    __slots__ = ("credit", "known", "most", "owed", "told", "waived")

    def __init__(self) -> None:
        self.known = False
        self.told = self.owed = self.credit = self.most = self.waived = 0

    @property
    def room(self) -> int:
        """How much of it can be covered: all that was ever ordered, but for what was waived."""
        return max(self.most - self.waived, 0)

    def order(self, told: int) -> None:
        """Takes in the quantity that the order has from now on."""
        more = told - self.told
        if more >= 0:
            self.owed += more
        else:
            absorbed = min(-more, self.credit)
            self.credit -= absorbed
            self.owed = max(self.owed + more + absorbed, 0)
        self.told = told
        self.most = max(self.most, told)
        if not told:
            self.owed = self.credit = 0

    def waive(self, units: int) -> None:
        """Takes in that some units are not wanted."""
        self.owed -= units
        self.credit += units
        self.waived += units


class Change(NamedTuple):
    """What an order owes of each line from an instant on, how much of it can be covered, and the lines that it has had by then."""

    at: int
    room: dict[str, int]
    owed: dict[str, int]
    known: frozenset[str]


class Obligations:
    """What one order owes, with `left`, the coverage by what left: units that were refunded before they left are waived."""

    def __init__(self, shape: Shape, versions: Versions, waivers: Iterable[Record], left: Iterable[Step], lives: Sequence[Life]) -> None:
        self.shape = shape
        self.lives = lives
        self.changes: list[Change] = []
        self.left = Covered(shape)
        self.still_refunded: dict[int, list[Line]] = {}
        """By the identity of a refund's record, its lines of which more was refunded than waived."""
        self._balances: dict[str, _Balance] = {key: _Balance() for key in shape.lines}
        events: list[tuple[int, int, str, str, Callable[[], None]]] = []
        for record in waivers:
            place = 0 if record.event.type == "order.cancelled" else 1
            take = self._cancel if place == 0 else self._refund
            events.append((record.at, place, record.event.source, record.event.id, lambda record=record, take=take: take(record)))
        told = False
        for position, (fields, at, record) in enumerate(versions.all):
            if not told or says(record, "lines"):
                # Lines that an update is the first to tell of are those with which the order was placed.
                since = at if told else versions.all[0][1]
                events.append((since, 2 + (position > 0), record.event.source, record.event.id, lambda lines=fields.lines: self._order(lines)))
                told = told or bool(fields.lines)
        events.sort(key=itemgetter(0, 1, 2, 3))
        steps = sorted(left, key=itemgetter(0))
        position = 0
        for at, known in groupby(events, key=itemgetter(0)):
            while position < len(steps) and steps[position][0] < at:
                self._leave(*steps[position])
                position += 1
            for event in known:
                event[4]()
            self._change(at)
        for step in steps[position:]:
            self._leave(*step)

    def over(self, steps: Iterable[Step]) -> Covered:
        """The coverage by steps of another kind."""
        covered, changes = Covered(self.shape), iter(self.changes)
        change, owed = next(changes, None), cast("dict[str, int]", {})
        for at, lines in sorted(steps, key=itemgetter(0)):
            while change is not None and change.at <= at:
                covered.change(change.at, change.room, owed := change.owed)
                change = next(changes, None)
            covered.step(at, lines, owed)
        while change is not None:
            covered.change(change.at, change.room, change.owed)
            change = next(changes, None)
        return covered

    def units(self, *coverages: Covered) -> Iterator[Unit]:
        """What is owed of each line, and when it was first met by one of several coverages."""
        for key in self.shape.physical:
            levels = {level for change in self.changes if (level := change.owed.get(key, 0)) > 0}
            most = max(levels, default=0)
            for covered in coverages:
                levels.update(count for count, _ in covered.met.get(key, ()) if count < most)
            for level in sorted(levels):
                met = self.met(key, level, *coverages)
                since: int | None = None
                for change in self.changes:
                    there = change.owed.get(key, 0) >= level
                    if there and since is None:
                        since = change.at
                    elif not there and since is not None:
                        yield from self._wanted(key, level, since, change.at, met)
                        since = None
                if since is not None:
                    yield from self._wanted(key, level, since, None, met)

    def met(self, key: str, level: int, *coverages: Covered) -> int | None:
        """When so many units of a line were first met by one of several coverages."""
        return earliest(*(covered.at(key, level) for covered in coverages))

    def whole(self, *coverages: Covered) -> int | None:
        """When first something was covered, by whichever of several coverages, and nothing that was owed then was left."""
        if len(coverages) == 1:
            return coverages[0].whole
        units = list(self.units(*coverages))
        instants = sorted({at for at in (*(u.met for u in units), *(change.at for change in self.changes)) if at is not None})
        begun = earliest(*(known[0][1] for covered in coverages for known in covered.met.values()))
        for at in instants if begun is not None else ():
            left = (u for u in units if u.ordered <= at and (u.gone is None or at < u.gone) and (u.met is None or u.met > at))
            if at >= begun and next(left, None) is None:
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
        return next((change for change in reversed(self.changes) if change.at <= instant), self.changes[0])

    def _leave(self, at: int, lines: Sequence[Line] | None) -> None:
        self.left.step(at, lines, self.changes[-1].owed if self.changes else {})

    def _change(self, at: int) -> None:
        balances = self._balances
        owed = {key: balance.owed for key, balance in balances.items()}
        room = {key: balance.room for key, balance in balances.items()}
        self.changes.append(change := Change(at, room, owed, frozenset(key for key, balance in balances.items() if balance.known)))
        self.left.change(at, change.room, owed)

    def _order(self, lines: Sequence[Line] | None) -> None:
        told: dict[str, int] = {}
        for place, line in enumerate(lines or ()):
            key = line_key(line, place)
            told[key] = told.get(key, 0) + max(quantity(line), 0)
        for key, balance in self._balances.items():
            balance.known = balance.known or key in told
            balance.order(told.get(key, 0))

    def _cancel(self, record: Record) -> None:
        for line in cast("OrderCancel", record.event.data).lines or ():
            self._waive(line, lambda key: self._balances[key].owed)

    def _refund(self, record: Record) -> None:
        data = cast("PaymentRefunded", record.event.data)
        if data.reason == GOODWILL:
            self.still_refunded[id(record)] = []
            return
        beyond: list[Line] = []
        for line in data.lines or ():
            if line.quantity is None or self._waive(line, lambda key: self._balances[key].owed - self.left.covered(key)):
                beyond.append(line)
        self.still_refunded[id(record)] = beyond

    def _waive(self, line: Line, most: Callable[[str], int]) -> int:
        """Waives what an event's line states, of each line at most so much; how much of it was too much."""
        rest = line.quantity
        for key, part in self.shape.speaks_of(line) or self._digital(line):
            if part is not None:
                continue
            units = max(most(key), 0) if rest is None else min(rest, max(most(key), 0))
            rest = None if rest is None else rest - units
            for own in (key, *self.shape.children.get(key, ())):
                balance = self._balances[own]
                share = units if own == key else units * balance.most // max(self._balances[key].most, 1)
                balance.waive(min(share, balance.owed) if own != key else units)
        return rest or 0

    def _digital(self, line: Line) -> Sequence[tuple[str, Part | None]]:
        """The digital line that an event's line names: it can be cancelled like any other."""
        known = next((k for k, x in self.shape.lines.items() if line.line_id is not None and x.line_id == line.line_id), None)
        return () if known is None else ((known, None),)
