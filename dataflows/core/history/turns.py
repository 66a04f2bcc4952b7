"""The events that change what an order owes, turn by turn, and when cancellations of its lines left nothing of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from dataflows.core.history.balances import Books
from dataflows.core.history.covering import OrderShape
from dataflows.core.history.versions import Versions, says
from schemas.events import Line
from schemas.record import Record


class OwedChange(NamedTuple):
    """An event that changes what is owed, and in which turn of its instant; `lines` are those of the order after it."""

    at: int
    turn: int
    record: Record
    lines: Sequence[Line] | None


PLACING, CANCELLING, REFUNDING, UPDATING = range(4)


def changes_of(versions: Versions, waivers: Iterable[Record]) -> list[OwedChange]:
    """What changes what is owed, as it happened; at one instant the placing, then cancellations, then refunds, then updates.

    What is dated before the placing, by the clock of another system, takes away from what the order was placed with.
    """
    placed = versions.all[0][1]
    found = [
        OwedChange(max(record.at, placed), CANCELLING if record.event.type == "order.cancelled" else REFUNDING, record, None)
        for record in waivers
    ]
    stated = False
    for fields, at, record in versions.all:
        if not stated or says(record, "lines"):
            # Lines that an update is the first to tell of are those with which the order was placed.
            since, turn = (at, UPDATING) if stated else (placed, PLACING)
            found.append(OwedChange(since, turn, record, fields.lines))
            stated = stated or bool(fields.lines)
    return sorted(found, key=itemgetter(0, 1))


def begin(book: Books, at: int, known: Sequence[OwedChange]) -> None:
    """Takes in the placing, if it is among what is known of an instant, and the cancellations."""
    if known[0].turn == PLACING:
        book.order(_stated(known)[-1].lines)
    for change in known:
        if change.turn == CANCELLING:
            book.take(change.record)
    book.cancel(at)


def update(book: Books, known: Sequence[OwedChange]) -> None:
    """Takes in the last update of an instant, if any."""
    stated = _stated(known)
    if stated and known[0].turn != PLACING:
        book.order(stated[-1].lines)


def _stated(known: Sequence[OwedChange]) -> list[OwedChange]:
    return [change for change in known if change.turn in {PLACING, UPDATING}]


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
        begun = begun or any(change.turn == CANCELLING for change in known)
        if not begun or books.owing:
            since = None
        elif since is None:
            since = at
    return since
