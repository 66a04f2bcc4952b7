"""Which stage judges which alias, and which shard holds which order or alias. The hashes are stored data: they never change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import NamedTuple
from zlib import crc32

from dataflows.core.identity.items import AliasLookup, ResolvedEvent
from schemas.aliases import ALIAS_FIELDS, kind_of
from schemas.record import Record

STAGE_TWO_KINDS = frozenset({"tracking_number", "dispute_id"})
"""Aliases that are mostly seen with another alias instead of the order, so that the first stage has to tie that one first."""

CUSTOMER = "customer"
"""Not an alias: the address by which orders are compared, in the same shards as the first stage's aliases."""
TWIN = "twin"
"""Nor this: an order that another one may repeat, at the second stage."""
CHILD = "child"
"""Not an alias either: the order itself, which may have been split off another."""
PART = "part"
"""Nor this: a tracking number that a child named before its link, at the second stage."""
FORGET = "forget"
"""Nor this: what is to be erased, of which all shards are told."""
PACE = "pace"
"""Nor this: a milestone of a tenant that orders owe, at the first stage; whoever tells it may fall silent."""
PARCEL = "parcel"
"""Nor this: what the second stage knows of a tracking number that moves to the third."""
NAMELESS = "nameless"
"""Nor this: an event that was given to the orders of such a number, for those that will be tied to it."""
UNCLAIMED = "unclaimed"
"""Nor this: the orphan that was raised at such a number, with the events that keep watch there."""
BETWEEN_ORDERS = frozenset({CUSTOMER, TWIN, CHILD, PART, FORGET, PACE, PARCEL, NAMELESS, UNCLAIMED})


def tenant_shard(tenant: str, shards: int) -> int:
    """The shard of the third stage that holds the numbers of a tenant."""
    return crc32(tenant.encode()) % shards


class AliasReader(NamedTuple):
    """Reads all alias fields of one event type's `data` at once; `nothing` is what it reads where there are none.

    `kinds` holds per field the alias kind and whether the second stage judges it. A field's value is a string, a list of them or None.
    """

    read: Callable[[object], tuple[str | list[str] | None, ...]]
    nothing: tuple[None, ...]
    kinds: tuple[tuple[str, bool], ...]


def _reader(fields: tuple[str, ...]) -> AliasReader:
    # attrgetter gives a tuple only from two names on; reading one twice does no harm, a tie is made once.
    names = fields if len(fields) > 1 else fields * 2
    kinds = tuple(kind_of(field) for field in names)
    return AliasReader(attrgetter(*names), (None,) * len(names), tuple((kind, kind in STAGE_TWO_KINDS) for kind in kinds))


READERS: dict[str, AliasReader] = {type_: _reader(fields) for type_, fields in ALIAS_FIELDS.items() if fields and type_ != "order.updated"}
"""By event type: the fast way to what `schemas.aliases.aliases` finds. The data of `order.updated` is a dictionary; that one is asked."""


def order_shard(tenant: str, order: str, shards: int) -> int:
    """The shard that holds an order; order IDs are unique within a tenant."""
    return crc32(order.encode(), crc32(tenant.encode())) % shards


def alias_shard(value: str, shards: int) -> int:
    """The shard that holds an alias. Kind and tenant are told apart inside."""
    return crc32(value.encode()) % shards


def sightings(head: Record | ResolvedEvent, names: tuple[tuple[str, str], ...]) -> tuple[Iterable[AliasLookup], Iterable[AliasLookup]]:
    """Where an event that does not name its order must be looked for: at the first stage, and at the second.

    It is missed at the second stage, which hears of what the first one found: at its first alias of the second stage, else at its first
    alias, where the second stage only keeps watch. So whatever waits at one alias is missed in one place, and said once. An event with
    several second-stage aliases is not missed: the one that has been tied may lie in another shard, and nobody must be missed who is here.
    """
    second = [name for name in names if name[0] in STAGE_TWO_KINDS]
    first = [name for name in names if name[0] not in STAGE_TWO_KINDS]
    watched = second or first[:1]
    return (
        [(head, kind, value, False) for kind, value in first],
        [(head, kind, value, len(watched) == 1) for kind, value in watched],
    )
