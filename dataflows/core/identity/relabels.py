"""Parcels to which a carrier gave another number without naming their order: the two numbers are one parcel's.

Mostly only one of them is tied to the order, and they lie in different shards of the second stage. So both move to the third stage, where
one shard holds all such numbers of a tenant: from then on it gets everything that names one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, NamedTuple, cast

import msgspec

from dataflows.core.identity.items import AliasLookup, Head, ResolvedEvent, put, record_of
from dataflows.core.identity.orphans import AliasKey, PendingQueue
from dataflows.core.identity.recent import AliasTable
from dataflows.core.identity.sharding import NAMELESS, PARCEL, UNCLAIMED
from schemas.events import Relabelled
from schemas.record import Record

RELABELLED: Final = "carrier.relabelled"
TRACKING: Final = "tracking_number"
_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(tuple[str, str, bool]).decode


class KnownNumber(NamedTuple):
    """What a shard knows of a number: who holds it, the events that were given to them by it, and all that waits in the shard."""

    parcel: str | bytes | None
    nameless: Iterable[Record]
    waiting: PendingQueue


class MovedNumbers:
    """The numbers of a shard of the second stage that have moved on, by tenant."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self.tables: dict[str, AliasTable[bool]] = {}

    def advance(self, log: int) -> None:
        """Lets log time pass."""
        for table in self.tables.values():
            table.advance(log)

    def onward(self, head: Head, number: str, *, watch: bool, known: KnownNumber) -> list[AliasLookup]:
        """What the third stage must see of an event that names this number; nothing if the number stays here.

        A relabel without an order moves its numbers, each with what is `known` of it and with what waits there.
        """
        record = record_of(head)
        table = self.tables.get(record.event.tenant)
        relabel = record.event.type == RELABELLED and not record.order
        found: list[AliasLookup] = []
        if table is None or not table.known(number):
            if not relabel:
                return []
            if table is None:
                table = self.tables[record.event.tenant] = AliasTable(self._keep)
                table.advance(head.log)
            table.learn(number, known=True)
            found = _taken_along(head, cast("Record", record), number, known)
        return [*found, (_place(head, cast("Record", record), number, 2) if relabel else head, TRACKING, number, watch)]


def _taken_along(head: Head, relabel: Record, number: str, known: KnownNumber) -> list[AliasLookup]:
    place = _place(head, relabel, number, 0)
    found: list[AliasLookup] = []
    if known.parcel is not None:
        what = (number, known.parcel, True) if isinstance(known.parcel, str) else (number, known.parcel.hex(), False)
        found.append((place, PARCEL, _encode(what).decode(), False))
    found += [(replace(place, item=own), NAMELESS, number, False) for own in known.nameless]
    orphan, events = known.waiting.take(AliasKey(relabel.event.tenant, TRACKING, number), head.log)
    if orphan is not None:
        found.append((put(place, orphan.records[0], "", orphan), UNCLAIMED, number, True))
    return found + [(put(place, own, "", own), TRACKING, number, watch) for own, watch in events]


def _place(head: Head, relabel: Record, number: str, step: int) -> ResolvedEvent:
    """Where a relabel stands at one of its numbers: that which was replaced is the first, whichever of their shards is faster.

    First both are moved, then (`step` 2) the relabel itself is looked at.
    """
    turn = step + (1 if number == replaced_by(relabel) else 2)
    return ResolvedEvent(head.log, head.topic, head.partition, head.offset, head.sub + turn, relabel.event.tenant, "", relabel)


def parcel_of(value: str) -> tuple[str, str | bytes]:
    """The number of a `PARCEL`, and what the second stage knew of it."""
    number, known, plain = _decode(value)
    return number, known if plain else bytes.fromhex(known)


def replaced_by(relabel: Record, *, new: bool = False) -> str:
    """The number that a relabel replaced; `new`: the one by which it did."""
    data = cast("Relabelled", relabel.event.data)
    return data.tracking_number if new else data.replaces_number
