"""What waits for supply: each `inventory.backordered` until stock for one of its lines is allocated or shipped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

from dataflows.core.history.facts import Facts
from dataflows.core.history.quantities import line_key
from schemas.events import InventoryBackordered
from schemas.instants import earliest
from schemas.record import Record


class Backorder(NamedTuple):
    """Lines (`keys` None: all) that wait from `since` until `until`, and until they are `replaced` by another such event or `gone`."""

    record: Record
    since: int
    until: int | None
    keys: frozenset[str] | None
    expected: int | None
    replaced: int | None
    gone: int | None


def backorders(o: Facts) -> Iterator[Backorder]:
    """What waits, or has waited, for supply."""
    known = o.t.by_type.get("inventory.backordered")
    if not known:
        return
    supplies = [(r, _keys(o, r)) for r in o.t.of("inventory.allocated", "warehouse.shipped")]
    for position, record in enumerate(known):
        keys = _keys(o, record)
        until = next((r.at for r, own in supplies if r.at >= record.at and _meet(keys, own)), None)
        replaced = next((r.at for r in known[position + 1 :] if _meet(keys, _keys(o, r))), None)
        ends = [unit.gone for unit in o.units("left") if keys is not None and unit.key in keys]
        gone = max((at for at in ends if at is not None), default=None) if None not in ends else None
        stated = cast("InventoryBackordered", record.event.data).expected_at
        yield Backorder(record, record.at, until, keys, None if stated is None else o.ship_deadline(stated), replaced, gone)


def lifted(o: Facts, wait: Backorder) -> int | None:
    """When nobody waited for it any more."""
    return earliest(o.ended, wait.replaced, wait.gone)


def _keys(o: Facts, record: Record) -> frozenset[str] | None:
    lines = cast("InventoryBackordered", record.event.data).lines
    if not lines:
        return None
    shape = o.shape
    return frozenset(key for line in lines for key in [k for k, _ in shape.speaks_of(line)] or [line_key(line)])


def _meet(one: frozenset[str] | None, other: frozenset[str] | None) -> bool:
    return one is None or other is None or not one.isdisjoint(other)
