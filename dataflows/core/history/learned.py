"""What feeds have been seen to emit: from which position of the log on a milestone is armed, for each tenant, source and place.

The router sends the first orders that each partition shows of a milestone to every shard. From all partitions together the first
`ENOUGH` orders are known whatever the order in which these come in, and with them the position at which the milestone is armed: counting
is commutative, and telling a shard anything twice changes nothing. A shard may know of showings behind its own position; they arm what
begins there, and nothing of what it has judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from schemas.learned import ENOUGH, OWES, Showing
from schemas.record import Position

MOST: Final = 20_000
"""Tenants, sources, places and milestones that are counted at most: whoever makes up more teaches nothing."""
VERSION: Final = 1


class Emitter(NamedTuple):
    """Who emits a milestone."""

    tenant: str
    milestone: str
    place: str
    source: str


class Owed(NamedTuple):
    """A milestone that orders owe, and the carrier or site that would tell of it; none: anybody of the tenant."""

    tenant: str
    milestone: str
    place: str


class FirstOrders:
    """The first orders that showed a milestone, or began to owe it, each with where it did so first.

    `since`: from which position on there are enough; None while there are not.
    """

    __slots__ = ("orders", "since")

    def __init__(self) -> None:
        self.orders: dict[str, Position] = {}
        self.since: Position | None = None

    def take(self, order: str, position: Position) -> bool:
        """Takes an order in; whether that is news."""
        if self.since is not None and position > self.since:
            return False
        orders = self.orders
        known = orders.get(order)
        if known is not None and known <= position:
            return False
        orders[order] = position
        if len(orders) > ENOUGH:
            del orders[max(orders, key=orders.__getitem__)]
        if len(orders) == ENOUGH:
            self.since = max(orders.values())
        return True


class Learned:
    """The milestones that a shard has seen to be emitted."""

    __slots__ = ("_firsts", "_known", "_owing", "changed", "stages")

    def __init__(self) -> None:
        self._firsts: dict[Emitter, FirstOrders] = {}
        self._known: dict[tuple[str, str], dict[str, list[FirstOrders]]] = {}
        """Those that showed a milestone, by tenant and milestone, and by place."""
        self._owing: dict[Owed, FirstOrders] = {}
        self.stages: dict[Owed, int] = {}
        """How far it has come with what is owed and was never shown (`core.engine.unseen`)."""
        self.changed = False

    def __bool__(self) -> bool:
        """Whether anything was seen."""
        return bool(self._firsts)

    def add(self, showings: Iterable[Showing]) -> None:
        """Takes showings in, in any order, each once or more often."""
        for position, tenant, milestone, source, place, order in showings:
            # Every shard is told of every showing. A plain tuple is the same key, and is made faster.
            firsts = self._firsts.get((tenant, milestone, place, source))  # type: ignore[call-overload]
            if firsts is None and (firsts := self._of(Emitter(tenant, milestone, place, source))) is None:
                continue
            if firsts.take(order, position):
                self.changed = True

    def _of(self, emitter: Emitter) -> FirstOrders | None:
        firsts = self._firsts.get(emitter)
        if firsts is None and len(self._firsts) < MOST:
            firsts = self._firsts[emitter] = FirstOrders()
            if emitter.milestone.startswith(OWES):
                self._owing[Owed(emitter.tenant, emitter.milestone.removeprefix(OWES), emitter.place)] = firsts
            else:
                self._known.setdefault((emitter.tenant, emitter.milestone), {}).setdefault(emitter.place, []).append(firsts)
        return firsts

    def armed(self, tenant: str, milestone: str, places: Iterable[str], anchor: Position) -> bool:
        """Whether a milestone is armed for what begins at a position, for one of some places; where none is known, for any."""
        by_place = self._known.get((tenant, milestone))
        if by_place is None:
            return False
        named = [emitters for place in places if (emitters := by_place.get(place)) is not None] if places else by_place.values()
        return any(firsts.since is not None and firsts.since <= anchor for emitters in named for firsts in emitters)

    # what is owed

    def owed(self) -> Iterator[tuple[Owed, int]]:
        """What enough orders owe, and since when (log time) so many have."""
        for owed, firsts in self._owing.items():
            if firsts.since is not None:
                yield owed, firsts.since[0]

    def owing(self, owed: Owed) -> list[str]:
        """The first orders that owed it, in the order of the log."""
        orders = self._owing[owed].orders
        return sorted(orders, key=orders.__getitem__)

    def first(self, owed: Owed) -> int | None:
        """When (log time) a milestone that is owed was first shown by anybody who would tell of it; what names no place is anybody's."""
        by_place = self._known.get((owed.tenant, owed.milestone), {})
        places = {owed.place, ""} if owed.place else by_place.keys()
        named = [one for place in places for one in by_place.get(place, ())]
        return min((position[0] for firsts in named for position in firsts.orders.values()), default=None)

    def note(self, owed: Owed, stage: int) -> None:
        """Notes how far it has come with what is owed."""
        self.stages[owed] = stage
        self.changed = True

    def view(self) -> Iterator[tuple[Emitter, int, Position | None]]:
        """Who was seen to emit what: how many orders showed it, and from which position on it is armed."""
        for emitter in sorted(self._firsts):
            firsts = self._firsts[emitter]
            yield emitter, len(firsts.orders), firsts.since

    def row(self) -> bytes:
        """What must be kept, as versioned plain data."""
        rows = [(*emitter, sorted(firsts.orders.items())) for emitter, firsts in sorted(self._firsts.items())]
        return msgspec.msgpack.encode([VERSION, rows, [(*owed, stage) for owed, stage in sorted(self.stages.items())]])

    def restore(self, row: bytes) -> None:
        """Goes on from what `row` said; of several rows, from what they said together.

        Raises:
            ValueError: if it was written by a later version.
        """
        version, rows, *more = msgspec.msgpack.decode(row)
        if version != VERSION:
            raise ValueError(f"learned milestones of version {version}, this program reads version {VERSION}")
        for tenant, milestone, place, source, firsts in rows:
            self.add(Showing((*position,), tenant, milestone, source, place, order) for order, position in firsts)
        for tenant, milestone, place, stage in more[0] if more else ():
            self.stages[Owed(tenant, milestone, place)] = stage
        self.changed = False
