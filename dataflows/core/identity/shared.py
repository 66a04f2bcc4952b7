"""What belongs to more orders than the one that it names: events of a freight number, steps of an order that was split off another."""

from __future__ import annotations

from collections.abc import Iterator
from sys import intern
from typing import Final, cast

import msgspec

from dataflows.core.identity.digests import digest_of
from dataflows.core.identity.items import AliasLookup, Head, ResolvedEvent, Tie, joined, record_of
from dataflows.core.identity.recent import AliasTable, NameTable, Recent, name_of, order_key
from dataflows.core.identity.sharding import PART
from schemas.aliases import aliases
from schemas.events import OrderLinked
from schemas.instants import DAY
from schemas.record import Record
from schemas.storage import pack, unpack
from schemas.wire import micros

LINKED: Final = "order.linked"
PLACED: Final = "order.placed"
GOODS: Final = frozenset(
    (
        *("inventory.allocated", "inventory.short", "inventory.backordered"),
        *("warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed", "warehouse.pick_short"),
        *("warehouse.rejected", "warehouse.label_created", "warehouse.shipped", "warehouse.shipment_cancelled"),
        *("carrier.scan", "carrier.relabelled", "evidence.withdrawn"),
    )
)
"""What is told of a child and covers its parent: the steps of goods, and what takes such a step back."""
OF_CHILDREN: Final = GOODS | {PLACED}
"""What the shard of an order hears of it: an order that has been placed is seldom a part of another."""

SPLIT: Final = "\n"
"""Before the name of an order: what it was split into, not what it was split off. No name begins so."""
REMEMBERED: Final = 3 * DAY
"""For how long (µs of log time, at least) the events of a number wait for further orders; a tie that comes in later has those after it."""
MOST: Final = 64
"""Events of a number, or steps of an order; of more the latest are kept."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, str, int, int, bytes]).decode
_json = msgspec.json.Encoder().encode


class RecentEvents(Recent[bytes, list[bytes]]):
    """The latest events of each name, for those who turn out later to be concerned.

    Of a tracking number these are those that name no order and were given to the orders which held it; orders that are tied to it later
    get them too. Of an order that has not been placed they are its steps, for the order that it turns out to be a part of. An event is kept
    as an order keeps it, with its place in the log: some 150 bytes.
    """

    def __init__(self, keep: int = REMEMBERED) -> None:
        super().__init__(keep)

    def note(self, name: str, record: Record) -> None:
        """Keeps an event."""
        key = digest_of(name)
        row = _encode((record.log, record.topic, record.partition, record.offset, pack(record.event)))
        events = self.get(key)
        if events is None:
            self.set(key, [row])
        elif row not in events:
            events.append(row)
            del events[:-MOST]
            self.touched(key)

    def of(self, name: str) -> Iterator[Record]:
        """The events of a name, in the order in which they were noted."""
        for row in self.get(digest_of(name)) or ():
            log, topic, partition, offset, packed = _decode(row)
            event = unpack(packed)
            yield Record(log, topic, partition, offset, 0, micros(event.time), "", event, _json(event))


class Children:
    """Which orders were split off which, per tenant: every alias shard knows them all, since there are few.

    `unplaced`: for how long (µs of log time, at least) the steps of an order that was never placed wait for a link, since it may be a part
    of another. Of one that was placed none are kept: who splits an order says so when the parts are placed.
    """

    def __init__(self, keep: int, unplaced: int) -> None:
        self._keep = keep
        self.tables: dict[str, AliasTable[tuple[str, ...]]] = {}
        self.placed: NameTable[bool] = NameTable(unplaced)
        self.steps = RecentEvents(unplaced)
        self._unplaced = max(unplaced, 1)

    def __bool__(self) -> bool:
        return bool(self.tables)

    def parents(self, tenant: str, child: str) -> tuple[str, ...]:
        """The orders that an order was split off, mostly none: its own parents, and theirs."""
        return self._beyond(tenant, child, "")

    def _parts(self, tenant: str, order: str) -> tuple[str, ...]:
        """The orders that an order was split into, and what these were."""
        return self._beyond(tenant, order, SPLIT)

    def _beyond(self, tenant: str, order: str, way: str) -> tuple[str, ...]:
        """All orders that links lead to from an order, one way; it itself is none of them."""
        table = self.tables.get(tenant)
        next_ = None if table is None else table.known(way + order)
        if table is None or next_ is None:
            return ()
        found = list(next_)
        for one in found:
            found += [other for other in table.known(way + one) or () if other != order and other not in found]
        return tuple(found)

    def learn(self, record: Record, child: str) -> str | None:
        """Takes a link of this child in; returns its parent."""
        parent = parent_of(record)
        if not parent or parent == child:
            return None
        table = self.tables.get(record.event.tenant)
        if table is None:
            table = self.tables[record.event.tenant] = AliasTable(self._keep)
            table.advance(record.log)
        for one, other in ((child, parent), (SPLIT + parent, child)):
            known = table.known(one) or ()
            if other not in known:
                table.learn(one, (*known, intern(other)))
        return parent

    def is_whole(self, head: Head, order: str) -> bool:
        """Whether an event is of an order that was placed, as long as there are no links: it is that order's alone. Counts as a use."""
        event = record_of(head).event
        return event.type != LINKED and self.placed.known(order_key(event.tenant, order)) is not None

    def see(self, head: Head, record: Record | Tie, child: str, *, home: bool) -> list[ResolvedEvent]:
        """A link of this child, which every shard is told of; or an event of the order `child`, which may have been split off another.

        `home`: whether this is the shard that hears of the child's own events.
        """
        tenant, type_ = record.event.tenant, record.event.type
        if type_ == LINKED:
            link = cast("Record", record)
            parent = self.learn(link, child)
            found = [joined(head, link, order) for order in (child, parent) if home and order and order != link.order]
            if parent is not None:
                beyond = (parent, *self.parents(tenant, parent))
                for part in (child, *self._parts(tenant, child)):
                    # Only the shard that hears of a part's own events has any.
                    steps = list(self.steps.of(name_of(tenant, part)))
                    found += [joined(head, step, order) for step in steps for order in beyond if order != part]
            return found
        unplaced = not self.placed.known(order_key(tenant, child))
        if type_ == PLACED:
            if unplaced:
                self.placed.set(intern(order_key(tenant, child)), True)
            return []
        parents = self.parents(tenant, child) if self.tables else ()
        if not parents and not unplaced:
            return []
        own = record.record() if isinstance(record, Tie) else record
        if unplaced:
            self.steps.note(name_of(tenant, child), own)
        return [joined(head, own, parent) for parent in parents]

    def numbered(self, head: Head, link: Record, child: str) -> list[AliasLookup]:
        """The numbers that steps of a child named before its link: their scans, which the second stage has, are the parent's too."""
        found: dict[tuple[str, str], AliasLookup] = {}
        tenant = link.event.tenant
        for part in (child, *self._parts(tenant, child)):
            for step in self.steps.of(name_of(tenant, part)):
                for kind, number in aliases(step.event):
                    if kind == "tracking_number" and (part, number) not in found:
                        found[part, number] = (joined(head, step, part), PART, number, False)
        return list(found.values())

    def advance(self, log: int) -> int:
        """Lets log time pass; returns when there is something to be forgotten next."""
        for table in self.tables.values():
            table.advance(log)
        self.placed.advance(log)
        self.steps.advance(log)
        return min((log // keep + 1) * keep for keep in (self._unplaced, max(self._keep, 1)))


def parent_of(link: Record) -> str:
    """The order that the children of a link were split off."""
    return cast("OrderLinked", link.event.data).parent or link.order
