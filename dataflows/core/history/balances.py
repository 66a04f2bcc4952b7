"""How much of each line of an order is owed, as its order changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, cast

from dataflows.core.history.covering import Filling, OrderShape
from dataflows.core.history.quantities import line_key, quantity
from dataflows.core.history.versions import Versions, says
from schemas.events import Line, OrderCancel
from schemas.record import Record


class Told(NamedTuple):
    """An event that changes what is owed, and in which turn of its instant; `lines` are those of the order after it."""

    at: int
    turn: int
    record: Record
    lines: Sequence[Line] | None


PLACING, CANCELLING, REFUNDING, UPDATING = range(4)


class Balance:
    """How much of one line is owed.

    Shops tell a cancellation or a refund twice: by itself, and by an update to the lower quantity. `credit` is what such events took away
    and no update has stated yet, so that it is not taken away again.
    """

    __slots__ = ("credit", "most", "owed", "stated", "waived")

    def __init__(self) -> None:
        self.stated = self.owed = self.credit = self.most = self.waived = 0

    def order(self, stated: int) -> None:
        """Takes in the quantity that the order has from now on."""
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

    def waive(self, units: int) -> None:
        """Takes in that some units are not wanted."""
        self.owed -= units
        self.credit += units
        self.waived += units


class Books:
    """What is owed of all lines of an order: `of` each a balance.

    Cancellations are read together: a kit is cancelled when all of its parts were, by however many events.
    """

    def __init__(self, shape: OrderShape, versions: Versions) -> None:
        self.of: dict[str, Balance] = {key: Balance() for key in shape.lines}
        self._shape = shape
        self._versions = versions
        self._cancels: list[Line] = []
        self._named: dict[str, int] = {}

    def take(self, record: Record) -> None:
        """Takes in the latest cancellation of lines, for `cancel`."""
        self._cancels.extend(cast("OrderCancel", record.event.data).lines or ())

    def cancel(self, at: int) -> None:
        """Takes off what the cancellations so far mean of the lines that the order has had by an instant."""
        if not self._cancels:
            return
        most = self._versions.most_at(at)
        filling = Filling(self._shape, most, most)
        filling.add(self._cancels)
        named = {key: filling.covered(key) for key in self.of}
        self.waive({key: count - self._named.get(key, 0) for key, count in named.items()})
        self._named = named

    def waive(self, units: Mapping[str, int]) -> None:
        """Takes in that some units are not wanted, as far as they are owed."""
        for key, count in units.items():
            balance = self.of[key]
            taken = min(count, balance.owed)
            if taken > 0:
                balance.waive(taken)

    def order(self, lines: Sequence[Line] | None) -> None:
        """Takes in the lines that the order has from now on."""
        stated = stated_of(lines or ())
        for key, balance in self.of.items():
            balance.order(stated.get(key, 0))

    @property
    def nothing_left(self) -> bool:
        """Whether nothing is owed."""
        return all(balance.owed <= 0 for balance in self.of.values())


def stated_of(lines: Iterable[Line]) -> dict[str, int]:
    """The quantity of each line, by its name."""
    stated: dict[str, int] = {}
    for place, line in enumerate(lines):
        key = line_key(line, place)
        stated[key] = stated.get(key, 0) + max(quantity(line), 0)
    return stated


def changes_of(versions: Versions, waivers: Iterable[Record]) -> list[Told]:
    """What changes what is owed, as it happened; at one instant the placing, then cancellations, then refunds, then updates.

    What is dated before the placing, by the clock of another system, takes away from what the order was placed with.
    """
    placed = versions.all[0][1]
    found = [
        Told(max(record.at, placed), CANCELLING if record.event.type == "order.cancelled" else REFUNDING, record, None)
        for record in waivers
    ]
    stated = False
    for fields, at, record in versions.all:
        if not stated or says(record, "lines"):
            # Lines that an update is the first to tell of are those with which the order was placed.
            since, turn = (at, UPDATING) if stated else (placed, PLACING)
            found.append(Told(since, turn, record, fields.lines))
            stated = stated or bool(fields.lines)
    return sorted(found, key=itemgetter(0, 1))


def begin(book: Books, at: int, known: Sequence[Told]) -> None:
    """Takes in the placing, if it is among what is known of an instant, and the cancellations."""
    if known[0].turn == PLACING:
        book.order(_stated(known)[-1].lines)
    for told in known:
        if told.turn == CANCELLING:
            book.take(told.record)
    book.cancel(at)


def update(book: Books, known: Sequence[Told]) -> None:
    """Takes in the last update of an instant, if any."""
    stated = _stated(known)
    if stated and known[0].turn != PLACING:
        book.order(stated[-1].lines)


def _stated(known: Sequence[Told]) -> list[Told]:
    return [told for told in known if told.turn in {PLACING, UPDATING}]


def cancelled_at(shape: OrderShape, versions: Versions, cancellations: Sequence[Record]) -> int | None:
    """When nothing was left of an order of which lines were cancelled, if that is still so; of one without lines it cannot be said."""
    if not versions.fields.lines:
        return None
    books = Books(shape, versions)
    since: int | None = None
    begun = False
    for at, changes in groupby(changes_of(versions, cancellations), key=itemgetter(0)):
        known = list(changes)
        begin(books, at, known)
        update(books, known)
        begun = begun or any(told.turn == CANCELLING for told in known)
        if not (begun and books.nothing_left):
            since = None
        elif since is None:
            since = at
    return since
