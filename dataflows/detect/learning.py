"""Watches what passes the router for records that show what feeds emit, and lets the first orders of each through to every shard.

It stands at the router, since only there every record of a partition passes in its order before it is spread over shards, whether or not
it names its order. It keeps nothing between runs and needs not: what it leaves out are showings behind the first `ENOUGH` of the same
partition, which change nothing, and whatever it says again after a resumption changes nothing either (`core.history.learned`).
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from dataflows.core.history.learned import MOST
from schemas.events import DATA_MODELS
from schemas.learned import ENOUGH, OWES, OWING, SCAN, SHOWN_BY, Showing, milestones_of, order_shown, owed_by, place_of
from schemas.record import Record
from sources.batch import Batch

SHOWING = OWING.union((SCAN, *SHOWN_BY))
PLACED = "order.placed"
_About = tuple[str | None, ...]
"""What a record says of whom: its tenant, its source and, as far as its type has them, status, carrier and site."""


def _reader(type_: str) -> Callable[[object], _About]:
    names = {"status"} if type_ == SCAN else {"payment_terms"} if type_ == PLACED else set[str]()
    fields = [name for name in DATA_MODELS[type_].model_fields if name in names | {"carrier", "site"}]
    return attrgetter("tenant", "source", *(f"data.{name}" for name in fields))


_READERS = {type_: _reader(type_) for type_ in SHOWING}


class Learning:
    """The thinning of showings, per channel: each is read in the order of its log."""

    def __init__(self) -> None:
        self._orders: dict[tuple[str, str, str, str, str], set[str]] = {}
        self._full: dict[tuple[str, str], set[_About]] = {}
        """By channel and type what has been said often enough. Most records are of such: they cost one look-up."""
        self._count = 0

    def watch(self, batch: Batch) -> list[Showing]:
        """The records of a batch that show a milestone which too few orders of its channel have shown so far."""
        found: list[Showing] = []
        channel, readers = batch.channel, _READERS
        full = {type_: self._full.setdefault((channel, type_), set()) for type_ in readers}
        for record in batch.items:
            if not isinstance(record, Record):
                continue
            event = record.event
            type_ = event.type
            read = readers.get(type_)
            if read is None:
                continue
            about = read(event)
            if about not in full[type_] and self._show(channel, record, found):
                if self._count >= MOST:
                    self._forget()
                full[type_].add(about)
                self._count += 1
        return found

    def _forget(self) -> None:
        for abouts in self._full.values():
            abouts.clear()
        self._count = 0

    def _show(self, channel: str, record: Record, found: list[Showing]) -> bool:
        """Adds what a record shows; whether enough orders have shown all of it."""
        event, enough = record.event, True
        shown = [(milestone, event.source, place_of(record, milestone)) for milestone in milestones_of(record)]
        if event.type in OWING:
            owed = owed_by(record)
            if owed is None:
                enough = False  # Another such record may owe something.
            else:
                shown.append((OWES + owed[0], "", owed[1]))
        for milestone, source, place in shown:
            key = (channel, event.tenant, source, place, milestone)
            orders = self._orders.get(key)
            if orders is None:
                if len(self._orders) >= MOST:
                    self._orders.clear()
                    self._forget()
                orders = self._orders[key] = set()
            if len(orders) < ENOUGH:
                order = order_shown(record)
                if order not in orders:
                    orders.add(order)
                    found.append(Showing(record.position, event.tenant, milestone, source, place, order))
                enough = enough and len(orders) == ENOUGH
        return enough
