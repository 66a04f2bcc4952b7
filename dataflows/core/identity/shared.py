"""What belongs to more orders than the one that it names: scans of a freight number, steps of an order that was split off another."""

from __future__ import annotations

from collections.abc import Iterator
from sys import intern
from typing import Final, cast

import msgspec

from dataflows.core.identity.digests import digest_of
from dataflows.core.identity.items import Head, ResolvedEvent, Tie, joined
from dataflows.core.identity.recent import AliasTable, Recent
from schemas.events import OrderLinked
from schemas.instants import DAY
from schemas.record import Record
from schemas.storage import pack, unpack
from schemas.wire import micros

LINKED: Final = "order.linked"
GOODS: Final = frozenset(
    (
        *("inventory.allocated", "inventory.short", "inventory.backordered"),
        *("warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed", "warehouse.pick_short"),
        *("warehouse.rejected", "warehouse.label_created", "warehouse.shipped", "warehouse.shipment_cancelled"),
        *("carrier.scan", "carrier.relabelled", "evidence.withdrawn"),
    )
)
"""What is told of a child and covers its parent: the steps of goods, and what takes such a step back."""

REMEMBERED: Final = 3 * DAY
"""For how long (µs of log time, at least) the scans of a number wait for further orders; a tie that comes in later has those after it."""
MOST: Final = 64
"""Scans per number; of more the latest are kept."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, str, int, int, bytes]).decode
_json = msgspec.json.Encoder().encode


class RecentScans(Recent[bytes, list[bytes]]):
    """The latest scans of each tracking number that were given to the orders which held it: those that are tied to it later get them too.

    A scan is kept as an order keeps it, with its place in the log: some 150 bytes.
    """

    def __init__(self) -> None:
        super().__init__(REMEMBERED)

    def note(self, number: str, record: Record) -> None:
        """Keeps a scan."""
        key = digest_of(number)
        row = _encode((record.log, record.topic, record.partition, record.offset, pack(record.event)))
        scans = self.get(key)
        if scans is None:
            self.set(key, [row])
        elif row not in scans:
            scans.append(row)
            del scans[:-MOST]
            self.touched(key)

    def of(self, number: str) -> Iterator[Record]:
        """The scans of a number, in the order in which they were noted."""
        for row in self.get(digest_of(number)) or ():
            log, topic, partition, offset, packed = _decode(row)
            event = unpack(packed)
            yield Record(log, topic, partition, offset, 0, micros(event.time), "", event, _json(event))


class Children:
    """Which orders were split off which, per tenant: every alias shard knows them all, since there are few."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self.tables: dict[str, AliasTable[tuple[str, ...]]] = {}

    def __bool__(self) -> bool:
        return bool(self.tables)

    def parents(self, tenant: str, child: str) -> tuple[str, ...]:
        """The orders that an order was split off, mostly none."""
        table = self.tables.get(tenant)
        return () if table is None else table.known(child) or ()

    def learn(self, record: Record, child: str) -> str | None:
        """Takes a link of this child in; returns its parent."""
        parent = parent_of(record)
        if not parent or parent == child:
            return None
        table = self.tables.get(record.event.tenant)
        if table is None:
            table = self.tables[record.event.tenant] = AliasTable(self._keep)
            table.advance(record.log)
        known = table.known(child) or ()
        if parent not in known:
            table.learn(child, (*known, intern(parent)))
        return parent

    def see(self, head: Head, record: Record | Tie, child: str, *, home: bool) -> list[ResolvedEvent]:
        """A link of this child, which every shard is told of; or an event of the order `child`, which may have been split off another."""
        if record.event.type == LINKED:
            link = cast("Record", record)
            parent = self.learn(link, child)
            return [joined(head, link, order) for order in (child, parent) if home and order and order != link.order]
        parents = self.parents(record.event.tenant, child) if self.tables else ()
        if not parents:
            return []
        own = record.record() if isinstance(record, Tie) else record
        return [joined(head, own, parent) for parent in parents]

    def advance(self, log: int) -> None:
        """Lets log time pass."""
        for table in self.tables.values():
            table.advance(log)


def parent_of(link: Record) -> str:
    """The order that the children of a link were split off."""
    return cast("OrderLinked", link.event.data).parent or link.order
