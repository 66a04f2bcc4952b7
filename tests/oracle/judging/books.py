"""What is owed of each line, kept like an account: ordered, cancelled, refunded, and told again by an update."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.oracle.judging.covering import ZERO, Cell, kit_of, pieces_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.oracle.judging.ordered import Ordered
    from tests.oracle.judging.reading import Event

Sums = dict[str, Decimal]


@dataclass
class Books:
    """The account of an order's lines; at each instant cancels come first, then refunds, then what an update says.

    What is waived is a credit: an update that lowers the quantity ordered may only tell again what was cancelled or refunded before.
    A refund speaks first of what was called off before it left and is `unpaid` still, a cancel of what was refunded so and is `uncalled`.
    `left`: how much of each line had left before the instant that is being entered.
    """

    order: Ordered
    owed: Sums = field(default_factory=dict[str, Decimal])
    waived: Sums = field(default_factory=dict[str, Decimal])
    credit: Sums = field(default_factory=dict[str, Decimal])
    named: Sums = field(default_factory=dict[str, Decimal])
    unpaid: Sums = field(default_factory=dict[str, Decimal])
    uncalled: Sums = field(default_factory=dict[str, Decimal])
    left: Sums = field(default_factory=dict[str, Decimal])
    pages: list[tuple[int, Sums, Sums]] = field(default_factory=list[tuple[int, Sums, Sums]])
    cancelled_parts: dict[Cell, Decimal] = field(default_factory=dict[Cell, Decimal])
    refunded_parts: dict[Cell, Decimal] = field(default_factory=dict[Cell, Decimal])
    mixed: Sums = field(default_factory=dict[str, Decimal])
    part_pages: list[tuple[int, dict[Cell, Decimal]]] = field(default_factory=list[tuple[int, "dict[Cell, Decimal]"]])

    def __post_init__(self) -> None:
        """Open with what was ordered first."""
        self.told = dict(self.order.ordered(self.order.placed))
        self.owed = dict(self.told)

    def instants(self, refunds: Iterable[Event]) -> list[int]:
        """When something may change."""
        placed = self.order.placed
        cancels = [event for event in self.order.of("order.cancelled") if event.lines]
        return sorted({placed, *(at for at, _ in self.order.orders), *(max(event.at, placed) for event in [*cancels, *refunds])})

    def cancel(self, at: int) -> None:
        """Take off what cancels name by now."""
        named = self.order.cancels(at)
        more = {key: quantity - self.named.get(key, ZERO) for key, quantity in named.items()}
        for key, quantity in more.items():
            known = max(min(quantity, self.uncalled.get(key, ZERO)), ZERO)
            self.uncalled[key] = self.uncalled.get(key, ZERO) - known
            more[key] = quantity - known
        self.waive(at, more)
        self.named = named
        self.cancelled_parts = self.order.cancelled_parts(at)
        self._whole_kits(at)

    def refund_parts(self, at: int, parts: Mapping[Cell, Decimal]) -> None:
        """Take note of components of kits that were refunded by themselves before they left."""
        for cell, quantity in parts.items():
            self.refunded_parts[cell] = self.refunded_parts.get(cell, ZERO) + quantity
        self._whole_kits(at)

    @property
    def parts_gone(self) -> dict[Cell, Decimal]:
        """How much of the components of kits is not wanted any more."""
        cells = {*self.cancelled_parts, *self.refunded_parts}
        return {cell: max(self.cancelled_parts.get(cell, ZERO), self.refunded_parts.get(cell, ZERO)) for cell in cells}

    def parts_at(self, when: int) -> dict[Cell, Decimal]:
        """The same at an instant."""
        nothing: dict[Cell, Decimal] = {}
        return next((gone for at, gone in reversed(self.part_pages) if at <= max(when, self.order.placed)), nothing)

    def _whole_kits(self, at: int) -> None:
        """A kit is gone when some of its components were cancelled and the others refunded."""
        for line in self.order.in_turn:
            pieces = pieces_of(line)
            if pieces:
                every, named = (
                    min(gone.get((line.key, sku), ZERO) // quantity for sku, quantity in pieces.items())
                    for gone in (self.parts_gone, self.cancelled_parts)
                )
                more = every - named - self.mixed.get(line.key, ZERO)
                if more > 0:
                    self.mixed[line.key] = self.mixed.get(line.key, ZERO) + more
                    self.waive(at, {line.key: more})

    def refund(self, at: int, quantities: Mapping[str, Decimal]) -> None:
        """Take off what was refunded before it left, and note that no cancel has named it yet."""
        before = dict(self.owed)
        unpaid = dict(self.unpaid)
        self.waive(at, quantities)
        self.unpaid = unpaid
        for key, owed in before.items():
            self.uncalled[key] = self.uncalled.get(key, ZERO) + owed - self.owed[key]

    def waive(self, at: int, quantities: Mapping[str, Decimal]) -> None:
        """Take off quantities, as far as they are owed. A kit of which every component line is gone is gone with them."""
        for key, quantity in quantities.items():
            self._take_off(key, quantity)
        above = {line.key: kit.key for line in self.order.in_turn if (kit := kit_of(line, self.order.in_turn))}
        kits = [above[key] for key, quantity in quantities.items() if quantity and key in above]
        while kits:
            name = kits.pop(0)
            gone, most = self.dropped(at), self.order.most(at)
            physical = [key for key, one in above.items() if one == name and most[key] and key not in self.order.digital]
            self._take_off(name, min((gone[key] * most[name] // most[key] for key in physical), default=ZERO) - gone[name])
            kits += [above[name]] if name in above else []

    def dropped(self, at: int, owed: Sums | None = None) -> Sums:
        """How much of what was ever ordered of each line is not owed any more (`owed`: by what is owed then).

        Nothing of a line that an update of this very instant is the first to tell: cancels come before it.
        """
        owed = self.owed if owed is None else owed
        return {key: max(quantity - owed[key], ZERO) if key in owed else ZERO for key, quantity in self.order.most(at).items()}

    def _take_off(self, key: str, quantity: Decimal) -> None:
        before = self.owed.get(key, ZERO)
        taken = max(min(quantity, before), ZERO)
        for sums, change in ((self.owed, -taken), (self.waived, taken), (self.credit, taken)):
            sums[key] = sums.get(key, ZERO) + change
        self._call_off(key, before)

    def _call_off(self, key: str, before: Decimal) -> None:
        """Note what of a line is not owed any more, as far as it had not left."""
        gone = min(before - self.owed.get(key, ZERO), before - self.left.get(key, ZERO))
        self.unpaid[key] = self.unpaid.get(key, ZERO) + max(gone, ZERO)

    def update(self, at: int) -> None:
        """Take over what the order's lines are by now."""
        for since, _ in self.order.orders:
            if since == at > self.order.placed:
                self._tell(self.order.ordered(at))
        self.cancel(at)
        self.pages.append((at, dict(self.owed), dict(self.waived)))
        self.part_pages.append((at, self.parts_gone))

    def _tell(self, ordered: Mapping[str, Decimal]) -> None:
        for key in {*self.told, *ordered}:
            before, after, owed = self.told.get(key, ZERO), ordered.get(key, ZERO), self.owed.get(key, ZERO)
            absorbed = min(max(before - after, ZERO), self.credit.get(key, ZERO))
            self.credit[key] = ZERO if key not in ordered else self.credit.get(key, ZERO) - absorbed
            self.owed[key] = max(owed + after - before + absorbed, ZERO)
            self._call_off(key, owed)
        self.told = dict(ordered)

    def at(self, when: int) -> tuple[Sums, Sums]:
        """What was owed, and what had been waived, at an instant; before the placing as at it."""
        pages = [page for page in self.pages if page[0] <= max(when, self.order.placed)]
        return (pages[-1][1], pages[-1][2]) if pages else (self.owed, self.waived)
