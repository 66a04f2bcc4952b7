"""Erasure in a shard of an identity stage: events that wait or are remembered go, and what was compared with others.

What stays is which digest of an alias belongs to which order, as long as ties are kept: so an event that names only an alias of an erased
order is found to be of it, and dropped, instead of waiting for an order as if nobody knew it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from dataflows.core.history.customers import customers_of
from dataflows.core.identity.digests import digest_of
from dataflows.core.identity.duplicates import Baskets
from dataflows.core.identity.orphans import AliasKey, PendingQueue
from dataflows.core.identity.recent import name_of, order_key
from dataflows.core.identity.shared import Children, RecentEvents
from dataflows.core.identity.tracking import Numbers, holds
from dataflows.core.identity.twins import Lives
from schemas.deciding import refused_erasure
from schemas.events import OrderForgotten
from schemas.record import Record
from schemas.values import SHORTENED


class Memory(NamedTuple):
    """What a shard remembers besides ties, and what waits; `numbers` and `scans` by tenant."""

    numbers: Mapping[str, Numbers]
    scans: Mapping[str, RecentEvents]
    children: Children
    lives: Lives
    baskets: Baskets


def erase(record: Record, waiting: PendingQueue, memory: Memory) -> bool:
    """Erases what an erasure is about, if it counts; whether it does."""
    if refused_erasure(record) is not None:
        return False
    erase_waiting(record, waiting)
    if record.order:
        erase_order(record.event.tenant, record.order, memory)
    return True


def erase_order(tenant: str, order: str, memory: Memory) -> None:
    """Erases what is remembered of an order."""
    children, lives, baskets = memory.children, memory.lives, memory.baskets
    numbers, scans = memory.numbers.get(tenant), memory.scans.get(tenant)
    if numbers is not None and scans is not None:
        for key, _, _ in list(scans.entries()):
            held = numbers.get(key)
            if held is not None and holds(held, order):
                scans.pop(key)
    children.steps.pop(digest_of(name_of(tenant, order)))
    children.placed.set(order_key(tenant, order), True)  # What comes of it later is no step of an order that may be a part of another.
    lives.alone.unlearn(order_key(tenant, order))
    lives.followed.pop((tenant, order))
    for whose, _, life in list(lives.followed.entries()):
        if life is not None and whose[0] == tenant and life.later.pop(order, None) is not None:
            lives.followed.touched(whose)
    for basket, _, placements in list(baskets.seen.entries()):
        if placements is not None and any(known.order == order for known in placements):
            placements[:] = [known for known in placements if known.order != order]
            baskets.seen.touched(basket)


def erase_waiting(record: Record, waiting: PendingQueue) -> None:
    """Erases events that wait: those at an alias that is the subject of an erasure, those that name its customer."""
    tenant, customer = record.event.tenant, cast("OrderForgotten", record.event.data).customer_id
    kind, colon, value = record.order.partition(":")
    if colon:
        waiting.pendings.pop(AliasKey(tenant, kind, value))
    if SHORTENED in value:
        for key in [key for key, _, _ in waiting.pendings.entries() if key.tenant == tenant and key.text == record.order]:
            waiting.pendings.pop(key)
    if customer is None:
        return
    for key, _, pending in list(waiting.pendings.entries()):
        if pending is None or key.tenant != tenant:
            continue
        gone = [name for name, (event, _) in pending.events.items() if customer in customers_of((event,))]
        for name in gone:
            del pending.events[name]
        if gone and not pending.events:
            waiting.pendings.pop(key)
        elif gone:
            waiting.pendings.touched(key)
