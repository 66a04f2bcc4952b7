"""What an order owes in goods: units of its lines, from when until when each is owed, and when a step covered it."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.oracle.judging.books import Books
from tests.oracle.judging.covering import ZERO, Cell, Tally, cells_of, pieces_of
from tests.oracle.judging.ordered import Ordered
from tests.oracle.judging.parcels import first, with_status
from tests.oracle.judging.reading import NEVER, Event, Line
from tests.oracle.judging.shipments import Shipment, ancestors, return_numbers, return_scans, shipments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

GOODWILL = "goodwill"


@dataclass(frozen=True, slots=True)
class Unit:
    """A quantity of a line that is owed from `since` until `gone`: what lies between the `level` and the one below it.

    `ordered`: when it was ordered, which is before `since` where a cancelled order is wanted again.
    """

    key: str
    level: Decimal
    since: int
    gone: int
    ordered: int


@dataclass(frozen=True, slots=True)
class Step:
    """Something that covers lines at an instant; without lines it covers all that is left of what is owed then."""

    at: int
    lines: tuple[Line, ...]


@dataclass
class Goods(Ordered):
    """An order with what it owes in goods."""

    # --- what is owed -----------------------------------------------------------------------------------------------

    @functools.cached_property
    def refunds(self) -> list[tuple[Event, dict[str, Decimal], list[Line]]]:
        """Each refund of lines: what it waives because it has not left, and the lines that are left of it."""
        return self._books[1]

    @functools.cached_property
    def _books(self) -> tuple[Books, list[tuple[Event, dict[str, Decimal], list[Line]]]]:
        told: list[tuple[Event, dict[str, Decimal], list[Line]]] = []
        books = Books(self)
        for at in books.instants([event for event in self.of("payment.refunded") if event.lines]):
            books.left = self._sent_before(at, books)
            books.cancel(at)
            for event in self.of("payment.refunded"):
                if event.lines and max(event.at, self.placed) == at and event.text("reason") != GOODWILL:
                    sent = self._filled(self._steps_before(at), at, books.waived, books.dropped(at), books.parts_gone)
                    shipped = {line.key: sent.covered(line.key) for line in sent.lines}
                    room = {key: quantity - shipped.get(key, ZERO) for key, quantity in books.owed.items()}
                    tally = Tally([line for line in self.in_turn if line.key in books.owed], room, self.most(at))
                    known = Tally(self.in_turn, dict(books.unpaid), self.most(at), digital=self.digital)
                    fresh = known.add(line for line in event.lines if line.quantity is not None)
                    for line in known.lines:
                        books.unpaid[line.key] = books.unpaid.get(line.key, ZERO) - known.covered(line.key)
                    over = tally.add(replace(line, quantity=left) for line, _, left in fresh)
                    mine = {line.key: tally.covered(line.key) for line in tally.lines}
                    whole = [line for line in event.lines if line.quantity is None]
                    told.append((event, mine, [*whole, *(replace(line, quantity=left) for line, _, left in over)]))
                    books.refund(at, mine)
                    books.refund_parts(at, parts_ahead(tally, sent, books))
            books.left = self._sent_before(at, books)
            books.update(at)
        return books, told

    def _steps_before(self, at: int) -> list[Step]:
        return [step for step in self.handed_over if max(step.at, self.placed) < at]

    def _sent_before(self, at: int, books: Books) -> dict[str, Decimal]:
        """How much of each line had left before an instant, of what was not waived by then."""
        sent = self._filled(self._steps_before(at), at, books.waived, books.dropped(at), books.parts_gone)
        return {line.key: sent.covered(line.key) for line in sent.lines}

    @functools.cached_property
    def _cancelled(self) -> Books:
        books = Books(self)
        for at in books.instants([]):
            books.cancel(at)
            books.update(at)
        return books

    def owed(self, at: int) -> dict[str, Decimal]:
        """What is owed of each line at an instant."""
        return self._books[0].at(at)[0]

    def waived(self, at: int) -> dict[str, Decimal]:
        """Quantities that were cancelled, or refunded before they left, so far."""
        return self._books[0].at(at)[1]

    def uncancelled(self, at: int) -> dict[str, Decimal]:
        """What is owed of each line at an instant, were nothing refunded."""
        return self._cancelled.at(at)[0]

    def cancelled(self, at: int) -> dict[str, Decimal]:
        """Quantities that were cancelled so far."""
        return self._cancelled.at(at)[1]

    @functools.cached_property
    def changes(self) -> list[int]:
        """When what is owed may have changed."""
        return self._books[0].instants([event for event, _, _ in self.refunds])

    @functools.cached_property
    def units(self) -> list[Unit]:
        """Every unit of goods, each as often as it came to be owed; an order without lines is one."""
        if not self.lines:
            return [] if self.method == "digital" else self._wanted("", ZERO, self.placed, NEVER)
        curve = [(at, self.owed(at)) for at in self.changes]
        found: list[Unit] = []
        for line in self.in_turn:
            if self.method_of(line.key) == "digital":
                continue
            levels = {owed.get(line.key, ZERO) for _, owed in curve}
            for steps in self.steps.values():
                levels |= {self.covered(steps, step.at).get(line.key, ZERO) for step in steps}
            for level in sorted(levels - {ZERO}):
                since: int | None = None
                for at, owed in [*curve, (NEVER, {})]:
                    there = owed.get(line.key, ZERO) >= level
                    if there and since is None:
                        since = at
                    elif not there and since is not None:
                        found += self._wanted(line.key, level, since, at)
                        since = None
        return found

    def _wanted(self, key: str, level: Decimal, since: int, gone: int) -> list[Unit]:
        """A unit, once for each time that its order was wanted."""
        found: list[Unit] = []
        for start, end in self.lives:
            if max(start, since) < min(end, gone) or (start == self.placed and end <= start):
                found.append(Unit(key, level, max(start, since), min(end, gone), since))
        return found

    # --- what covers it ---------------------------------------------------------------------------------------------

    def covered(
        self, steps: Sequence[Step], at: int, waived: Mapping[str, Decimal] | None = None, dropped: Mapping[str, Decimal] | None = None
    ) -> dict[str, Decimal]:
        """How much of each line the steps cover by an instant."""
        tally = self._filled(steps, at, waived, dropped)
        return {line.key: tally.covered(line.key) for line in tally.lines}

    def _filled(
        self,
        steps: Sequence[Step],
        at: int,
        waived: Mapping[str, Decimal] | None,
        dropped: Mapping[str, Decimal] | None,
        parts: Mapping[Cell, Decimal] | None = None,
    ) -> Tally:
        tally = self.tally(at, self.waived(at) if waived is None else waived)
        tally.dropped = dropped or (self._books[0].dropped(at, self.owed(at)) if waived is None else {})
        tally.parts_gone = parts if parts is not None else self._books[0].parts_at(at) if waived is None else {}
        told = [step for step in steps if step.at <= at]
        rests = [step.at for step in told if not step.lines]
        for key, quantity in self.rest(max(rests)).items() if rests else ():
            tally.give(key, quantity)
        tally.add((line for step in told if step.at > max(rests, default=-NEVER) for line in step.lines), shared=True)
        return tally

    def rest(self, at: int) -> dict[str, Decimal]:
        """What is covered once a step without lines has covered all that was left."""
        waived = self.cancelled(at)
        return {key: quantity - waived.get(key, ZERO) for key, quantity in self.most(at).items()}

    def met(self, unit: Unit, *chains: Sequence[Step]) -> int:
        """When a unit was first covered by one of the chains of steps."""
        if not unit.key:
            return min((step.at for steps in chains for step in steps), default=NEVER)
        instants = sorted({step.at for steps in chains for step in steps} | set(self.changes))
        for at in instants:
            for steps in chains:
                if any(step.at <= at for step in steps) and self.covered(steps, at).get(unit.key, ZERO) >= unit.level:
                    return at
        return NEVER

    def complete(self, *chains: Sequence[Step]) -> int:
        """When first something was covered by the chains and nothing that was owed then was left; without lines: the first step.

        What is wanted again after a cancel is no cancelled quantity: it was left all the while that its order was cancelled.
        """
        if not self.units or not self.lines:
            return min((step.at for steps in chains for step in steps), default=NEVER)
        met = [(unit, self.met(unit, *chains)) for unit in self.units]
        instants = {*(max(when, self.placed) for _, when in met), *self.changes, *(start for start, _ in self.lives)}
        for at in sorted(instants - {NEVER}):
            owed = [when for unit, when in met if unit.ordered <= at < unit.gone]
            if any(when <= at for _, when in met) and all(when <= at for when in owed):
                return at
        return NEVER

    # --- steps ------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def shipments(self) -> list[Shipment]:
        """All shipments."""
        return shipments(self.history)

    @functools.cached_property
    def return_numbers(self) -> set[str]:
        """Tracking numbers of return parcels."""
        return return_numbers(self.history)

    @functools.cached_property
    def return_scans(self) -> list[Event]:
        """Scans of return parcels."""
        return return_scans(self.history)

    def told(self, type_: str) -> list[Step]:
        """The steps that the events of a type are."""
        return [Step(event.at, tuple(event.lines)) for event in self.of(type_)]

    def by_shipments(self, reached: Callable[[Shipment], int], announced: Callable[[Shipment], int]) -> list[Step]:
        """The steps that the shipments are, as each has `reached` something.

        One without lines covers nothing while another that is `announced` has not reached it. Of a shipment and its replacement the one
        that gets there first counts.
        """
        found: list[Step] = []
        counting = [one for one in self.shipments if one.counts]
        for one in counting:
            at = reached(one)
            family = [other for other in counting if other in ancestors(one, counting)]
            later = [other for other in counting if one in ancestors(other, counting)]
            if at >= NEVER or any(reached(other) <= at for other in family) or any(reached(other) < at for other in later):
                continue
            if one.lines or not self.lines:
                found.append(Step(at, tuple(one.lines)))
                continue
            others = [other for other in counting if other is not one]
            ends = [end for other in others for end in (reached(other), other.replaced)]
            for when in sorted({at, *(end for end in ends if at < end < NEVER)}):
                if not any(announced(other) <= when < min(reached(other), other.replaced) for other in others):
                    found.append(Step(when, ()))
                    break
        return found

    @functools.cached_property
    def handed_over(self) -> list[Step]:
        """Shipments that left."""
        return self.by_shipments(lambda one: one.shipped, lambda one: one.label)

    @functools.cached_property
    def handed_out(self) -> list[Step]:
        """Shipments that were delivered."""
        return self.by_shipments(lambda one: one.delivered, lambda one: min(one.label, one.shipped))

    @functools.cached_property
    def promises_kept(self) -> list[Step]:
        """Shipments that came as promised, or of which nothing more is expected."""
        return self.by_shipments(lambda one: min(self.came(one), self.settled(one)), lambda one: min(one.label, one.shipped))

    def came(self, shipment: Shipment) -> int:
        """When a shipment was delivered or could be fetched; one that nobody tracks is not awaited once it has left."""
        untracked = self.method == "ship" and not shipment.numbers and not shipment.scans
        return shipment.shipped if untracked else shipment.came

    def settled(self, shipment: Shipment) -> int:
        """When a shipment that turned back had been refunded by its lines."""
        turned = first(with_status(shipment.scans, "returning", "returned"))
        so_far: list[Line] = []
        for event, _, left in self.refunds if turned < NEVER else []:
            so_far += left
            if shipment.lines and all(self._refunded(line, so_far) for line in shipment.lines):
                return max(turned, event.at)
        return NEVER

    def _refunded(self, line: Line, refunded: Iterable[Line]) -> bool:
        cells = set(cells_of(line, self.in_turn))
        same = [one for one in refunded if cells & set(cells_of(one, self.in_turn))]
        whole = any(one.quantity is None for one in same)
        return whole or (bool(same) and sum((one.quantity or ZERO for one in same), ZERO) >= (line.quantity or ZERO))

    @functools.cached_property
    def readied(self) -> list[Step]:
        """Shipments that wait to be fetched."""
        return self.by_shipments(lambda one: one.ready, lambda one: min(one.label, one.shipped))

    @functools.cached_property
    def given_away(self) -> list[Step]:
        """Shipments without a number that left, and of which no carrier ever said anything."""
        return self.by_shipments(lambda one: NEVER if one.numbers or one.scans else one.shipped, lambda one: min(one.label, one.shipped))

    @functools.cached_property
    def steps(self) -> dict[str, list[Step]]:
        """All chains of steps by name."""
        return {
            "allocated": self.told("inventory.allocated"),
            "released": self.told("warehouse.released"),
            "started": [Step(event.at, ()) for event in self.of("warehouse.pick_started")],
            "picked": self.told("warehouse.picked"),
            "packed": self.told("warehouse.packed"),
            "shipped": self.handed_over,
            "kept": self.promises_kept,
            "ready": self.readied,
            "delivered": self.handed_out,
            "given away": self.given_away,
        }

    def chains(self, *names: str) -> list[list[Step]]:
        """Chains of steps by name."""
        return [self.steps[name] for name in names]

    def release_of(self, unit: Unit) -> int:
        """When a unit was released to the warehouse, or had come further."""
        return self.met(unit, *self.chains("released", "started", "picked", "packed", "shipped"))

    def ship_of(self, unit: Unit) -> int:
        """When a unit left, or, to be fetched, was packed."""
        return self.met(unit, *self.chains("shipped", *(["packed"] if self.method_of(unit.key) == "pickup" else [])))

    def ready_of(self, unit: Unit) -> int:
        """When a unit could be fetched."""
        return self.met(unit, *self.chains("packed", "ready"))

    def promise_of(self, unit: Unit) -> int:
        """When a unit had come as promised."""
        return self.met(unit, *self.chains("kept"))


def parts_ahead(refunded: Tally, sent: Tally, books: Books) -> dict[Cell, Decimal]:
    """The components that a refund names by themselves, as far as they have not left and are wanted still."""
    found: dict[Cell, Decimal] = {}
    for line in refunded.lines:
        pieces = pieces_of(line)
        whole = min((refunded.filled.get((line.key, sku), ZERO) // quantity for sku, quantity in pieces.items()), default=ZERO)
        for sku, quantity in pieces.items():
            cell, most = (line.key, sku), sent.whole.get(line.key, ZERO)
            there = sent.filled.get(cell, ZERO) + sent.filled.get((line.key, None), ZERO) * quantity + books.refunded_parts.get(cell, ZERO)
            free = min(refunded.filled.get(cell, ZERO) - whole * quantity, most * quantity - there)
            if free > 0:
                found[cell] = free
    return found
