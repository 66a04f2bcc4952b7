"""How much of each line of an order is owed, as its order changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from dataflows.core.history.covering import Cell, Filling, OrderShape, Over, UnitCoverage, whole_of
from dataflows.core.history.quantities import line_key, quantity
from dataflows.core.history.versions import Versions
from schemas.events import Line, OrderCancel
from schemas.record import Record


class Balance:
    """How much of one line is owed.

    Shops tell a cancellation or a refund twice: by itself, and by an update to the lower quantity. `credit` is what such events took away
    and no update has stated yet, so that it is not taken away again.

    The same units are called off by one system and refunded by another: `unpaid` is what was called off before it left and no refund has
    spoken of yet, `uncalled` what was refunded so and no cancellation has.
    """

    __slots__ = ("credit", "most", "owed", "stated", "uncalled", "unpaid", "waived")

    def __init__(self) -> None:
        self.stated = self.owed = self.credit = self.most = self.waived = self.unpaid = self.uncalled = 0

    def order(self, stated: int, left: int) -> None:
        """Takes in the quantity that the order has from now on; so many have `left`."""
        before = self.owed
        more = stated - self.stated
        if more >= 0:
            self.owed += more
        else:
            absorbed = min(-more, self.credit)
            self.credit -= absorbed
            self.owed = max(self.owed + more + absorbed, 0)
        self.stated = stated
        self.most = max(self.most, stated)
        if not stated:
            self.owed = self.credit = 0
        self._call_off(before, left)

    def waive(self, units: int, left: int, *, refunded: bool) -> None:
        """Takes in that some units are not wanted, since they were refunded or called off; so many have `left`."""
        before = self.owed
        self.owed -= units
        if refunded:
            self.uncalled += units
        else:
            self._call_off(before, left)
        self.credit += units
        self.waived += units

    def _call_off(self, before: int, left: int) -> None:
        if (gone := min(before - self.owed, before - left)) > 0:
            self.unpaid += gone


class Books:
    """What is owed of all lines of an order: `of` each a balance.

    Cancellations are read together: a kit is cancelled when all of its parts were, by however many events.
    """

    def __init__(self, shape: OrderShape, versions: Versions, left: UnitCoverage | None = None) -> None:
        self._left = left
        self.of: dict[str, Balance] = {key: Balance() for key in shape.lines}
        self.owing: set[str] = set()
        """The lines of which something is owed."""
        self.moved: set[str] = set()
        """The lines whose balance has changed since this was last emptied."""
        self._shape = shape
        self._versions = versions
        self._cancels: list[Line] = []
        self._named: dict[str, int] = {}
        self._filling = Filling(shape, {}, {})
        self._filled = 0
        """How many of the cancelled lines it is filled with."""
        self.gone: dict[Cell, int] = {}
        """How much of the components of kits is not wanted any more."""
        self._cancelled_parts: dict[Cell, int] = {}
        self._refunded_parts: dict[Cell, int] = {}
        self._by_parts: dict[str, int] = {}
        """How many of a kit are not wanted since some of its parts were cancelled and the others refunded."""
        self._named_all = True
        """Whether all of these name a line of the order by its ID."""

    def take(self, record: Record) -> None:
        """Takes in the latest cancellation of lines, for `cancel`."""
        self._cancels.extend(cast("OrderCancel", record.event.data).lines or ())

    def cancel(self, at: int) -> None:
        """Takes off what the cancellations so far mean of the lines that the order has had by an instant."""
        if not self._cancels:
            return
        most = self._versions.most_at(at)
        fresh = self._cancels[self._filled :]
        if most is not self._filling.most:
            self._filling = Filling(self._shape, most, most)
            touched: Iterable[str] = self.of
        elif not fresh:
            return
        elif self._named_all and all(map(self._filling.names, fresh)):
            touched = self._filling.touched(fresh)  # Each takes from its own line: those before them stay as they are.
        else:
            self._filling, touched = Filling(self._shape, most, most), self.of
        if touched is self.of:
            fresh = self._cancels
            self._named_all = all(map(self._filling.names, fresh))
        self._filling.add(fresh)
        self._filled = len(self._cancels)
        units: dict[str, int] = {}
        for key in touched:
            count = self._filling.covered(key)
            units[key] = count - self._named.get(key, 0)
            self._named[key] = count
        for key, count in units.items():
            known = max(min(count, self.of[key].uncalled), 0)
            self.of[key].uncalled -= known
            units[key] = count - known
        self.waive(units)
        if self._shape.components:
            self._cancelled_parts = {cell: count for cell, count in self._filling.filled.items() if cell[1] is not None and count}
            self._part()

    def refund_parts(self, parts: Mapping[Cell, int]) -> None:
        """Takes in that components of kits were refunded before they left."""
        for cell, count in parts.items():
            self._refunded_parts[cell] = self._refunded_parts.get(cell, 0) + count
        self._part()

    def spoken(self, lines: Sequence[Line]) -> list[Over]:
        """Takes in the lines of a refund as far as they were called off before they left; what is left of them."""
        filling = Filling(self._shape, {key: one.unpaid for key, one in self.of.items()}, {key: one.most for key, one in self.of.items()})
        over = filling.add(lines)
        for key, balance in self.of.items():
            balance.unpaid -= filling.covered(key)
        return over

    def refunded(self, cell: Cell) -> int:
        """How much of a component was refunded before it left."""
        return self._refunded_parts.get(cell, 0)

    def _part(self) -> None:
        """Takes off the kits of which no component is wanted any more, by whichever events."""
        known, back = self._cancelled_parts, self._refunded_parts
        gone = {cell: max(known.get(cell, 0), back.get(cell, 0)) for cell in {**known, **back}}
        if gone == self.gone:
            return
        for key in dict.fromkeys(cell[0] for cell in gone):
            parts = self._shape.components[key]
            more = whole_of(parts, key, gone) - whole_of(parts, key, known) - self._by_parts.get(key, 0)
            if more > 0:
                self._by_parts[key] = self._by_parts.get(key, 0) + more
                self.waive({key: more})
            self.moved.add(key)
        self.gone = gone

    def waive(self, units: Mapping[str, int], *, refunded: bool = False) -> None:
        """Takes in that some units are not wanted, as far as they are owed; of a kit of which no part is wanted, none is."""
        for key, count in units.items():
            self._waive(key, count, refunded=refunded)
        for kit in dict.fromkeys(kit for key in units for kit in self._shape.kits_of(key)) if self._shape.parent else ():
            parts = [(self.of[part], self.of[part].most) for part in self._shape.children[kit]]
            whole = self.of[kit].most
            gone = min(((balance.most - balance.owed) * whole // most for balance, most in parts if most), default=0)
            self._waive(kit, gone - (whole - self.of[kit].owed), refunded=refunded)

    def _waive(self, key: str, count: int, *, refunded: bool) -> None:
        balance = self.of[key]
        taken = min(count, balance.owed)
        if taken > 0:
            balance.waive(taken, self._gone_out(key), refunded=refunded)
            self._note(key, balance)

    def order(self, lines: Sequence[Line] | None) -> None:
        """Takes in the lines that the order has from now on."""
        stated = stated_of(lines or ())
        for key, balance in self.of.items():
            balance.order(stated.get(key, 0), self._gone_out(key))
            self._note(key, balance)

    def _gone_out(self, key: str) -> int:
        return 0 if self._left is None else self._left.covered(key)

    def _note(self, key: str, balance: Balance) -> None:
        self.moved.add(key)
        if balance.owed > 0:
            self.owing.add(key)
        else:
            self.owing.discard(key)


def stated_of(lines: Iterable[Line]) -> dict[str, int]:
    """The quantity of each line, by its name."""
    stated: dict[str, int] = {}
    for place, line in enumerate(lines):
        key = line_key(line, place)
        stated[key] = stated.get(key, 0) + max(quantity(line), 0)
    return stated
