"""What goes into the identity step and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast
from zlib import crc32

from msgspec import Struct
from msgspec.structs import replace

from schemas.events import CarrierScan
from schemas.identifiers import normaliser
from schemas.record import Evidence, Headers, IdentityFinding, Orphan, Record, Silences
from schemas.wire import event_of

AliasLookup: TypeAlias = "tuple[Head, str, str, bool]"
"""An event at one of its aliases: (the record where it stands in the log, alias kind, alias value, whether this alias keeps watch).

Exactly one of an event's aliases keeps watch: the one at which the event is missed if it is never tied.
"""

_OWN_BITS = 192
SCAN = "carrier.scan"


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """An event that has nothing but an alias that is tied to several orders; it is rejected."""

    record: Record
    kind: str
    orders: tuple[str, ...]


class Tie(Struct, array_like=True, frozen=True, gc=False):
    """Of a record that names its order, what its aliases are tied by: the record itself goes to the shard of that order.

    This is what travels to another process, and is kept of what is held back; its fields are stored data. It can be asked as a record is.
    """

    log: int
    topic: str
    partition: int
    offset: int
    at: int
    order: str
    tenant: str
    source: str
    id: str
    type: str
    status: str | None
    raw: bytes = b""
    """The record's bytes, where another order may get it too; with them its key, headers and form of identifiers."""
    key: bytes | None = None
    headers: Headers = ()
    identifiers: int = 0

    @classmethod
    def of(cls, record: Record, *, whole: bool = False) -> Tie:
        """What is needed of a record; `whole`: it can be made anew."""
        event = record.event
        status = cast("CarrierScan", event.data).status if event.type == SCAN else None
        place = (record.log, record.topic, record.partition, record.offset)
        tie = cls(*place, record.at, record.order, event.tenant, event.source, event.id, event.type, status)
        if not whole:
            return tie
        return replace(tie, raw=record.raw, key=record.key, headers=record.headers, identifiers=record.identifiers)

    def record(self) -> Record:
        """The record itself, where the tie has it whole.

        Raises:
            Rejected: if its bytes are no event any more, which only a program older than the one that kept it finds.
        """
        event = event_of(self.headers, self.raw)
        if self.identifiers:
            normaliser(self.identifiers).event(event)
        place = (self.log, self.topic, self.partition, self.offset, 0, self.at)
        return Record(*place, self.order, event, self.raw, self.key, self.headers, self.identifiers)

    @property
    def sub(self) -> int:
        """Records that are read have no others at their place."""
        return 0

    @property
    def event(self) -> Tie:
        """The event, as far as it is asked for."""
        return self

    @property
    def data(self) -> Tie:
        """Its data, likewise."""
        return self


@dataclass(slots=True)
class ResolvedEvent:
    """Something that the identity step puts into an order's log, directly after the record that brought it about.

    The position orders it among that order's records; a record inside keeps its own topic, partition and offset as evidence.
    """

    log: int
    topic: str
    partition: int
    offset: int
    sub: int
    tenant: str
    order: str
    item: Record | IdentityFinding | Ambiguous | Orphan | Silences


Head: TypeAlias = Record | ResolvedEvent | Tie
"""What stands at an alias."""


def record_of(head: Head) -> Record | Tie:
    """The record itself, wherever it stands."""
    if isinstance(head, ResolvedEvent):
        assert isinstance(head.item, Record)
        return head.item
    return head


def tenant_of(head: Head) -> str:
    """The tenant that something at an alias is of."""
    return head.tenant if isinstance(head, ResolvedEvent | Tie) else head.event.tenant


def found_by_another(seen: Sequence[AliasLookup], place: int, number: str) -> bool:
    """Whether the event at a place among sightings, which names no order, was found by another of its aliases than its number.

    That one decides, even if the number is another order's. What the first stage found stands directly after what it was told of.
    """
    record = cast("Record", seen[place][0])
    while (place := place + 1) < len(seen):
        head, kind, value, _ = seen[place]
        if type(head) is not ResolvedEvent or (head.log, head.topic, head.partition, head.offset) != position_of(record):
            return False
        event = record_of(head).event
        if kind == "tracking_number" and value == number and (event.source, event.id) == (record.event.source, record.event.id):
            return True
    return False


def position_of(record: Record) -> tuple[int, str, int, int]:
    """Where a record stands in the log."""
    return (record.log, record.topic, record.partition, record.offset)


def after(head: Head, own: Record | Tie) -> int:
    """The sub-index of a place directly after `head`; records put there stand in the order of their own logs.

    A sub-index is a number without bound, made of the index that it follows and the follower's own place.
    """
    topic = crc32(own.topic.encode())
    place = own.log & (1 << 64) - 1
    for part, bits in ((topic, 32), (own.partition & 0xFFFF, 16), (own.sub & 0xFFFF, 16), (own.offset, 64)):
        place = place << bits | part
    return ((head.sub + 1) << _OWN_BITS) | place


def put(head: Head, own: Record | Tie, order: str, item: Record | IdentityFinding | Ambiguous | Orphan | Silences) -> ResolvedEvent:
    """Puts `item`, which is about the event of `own`, directly after `head` into the log of `order`."""
    return ResolvedEvent(head.log, head.topic, head.partition, head.offset, after(head, own), own.event.tenant, order, item)


def joined(head: Head, own: Record, order: str) -> ResolvedEvent:
    """The waiting event of `own`, applied to `order` directly after `head`."""
    place = (head.log, own.topic, own.partition, own.offset, own.sub, own.at)
    return put(head, own, order, Record(*place, order, own.event, own.raw, own.key, own.headers, own.identifiers))


def evidence(record: Record | Tie) -> Evidence:
    """The event of a record as evidence, with its own place in the log."""
    event = record.event
    return Evidence(event.source, event.id, event.type, record.at, record.topic, record.partition, record.offset, record.log)


def noted(
    log: int,
    at: int,
    record: Record | Tie,
    *,
    order: str,
    kind: str,
    scope_id: str | None,
    proof: tuple[Evidence, ...],
    others: tuple[str, ...] = (),
) -> IdentityFinding:
    """A note about `order` that follows from `record`."""
    return IdentityFinding(
        log=log,
        at=at,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        sub=record.sub,
        tenant=record.event.tenant,
        order=order,
        kind=kind,
        scope_id=scope_id,
        evidence=proof,
        others=others,
    )
