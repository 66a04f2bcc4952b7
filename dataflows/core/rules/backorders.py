"""What waits for supply: each line of an `inventory.backordered` until stock for it is allocated or shipped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, cast

from dataflows.core.history.again import Stretch
from dataflows.core.history.facts import Facts
from dataflows.core.history.quantities import line_key
from schemas.events import InventoryBackordered
from schemas.instants import earliest
from schemas.record import Record


class Backorder(NamedTuple):
    """A line (`key` None: all) that waits from `since` until `until`, and until it is `replaced` by another such event or `gone`."""

    record: Record
    since: int
    until: int | None
    key: str | None
    expected: int | None
    replaced: int | None
    gone: int | None


def backorders(o: Facts) -> Iterator[Backorder]:
    """What waits, or has waited, for supply."""
    known = o.t.by_type.get("inventory.backordered")
    if not known:
        return
    supplies = [(r, _named(o, r)) for r in o.t.of("inventory.allocated", "warehouse.shipped")]
    waiting = [(r, _named(o, r)) for r in known]
    for position, (record, lines) in enumerate(waiting):
        stated = cast("InventoryBackordered", record.event.data).expected_at
        expected = None if stated is None else o.ship_deadline(stated)
        for key, count in {None: None}.items() if lines is None else lines.items():
            until = _supplied(o, record.at, key, count, supplies)
            replaced = next((r.at for r, own in waiting[position + 1 :] if _meet(key, own)), None)
            ends = [unit.gone for unit in o.units("left") if unit.key == key]
            gone = max((at for at in ends if at is not None), default=None) if None not in ends else None
            yield Backorder(record, record.at, until, key, expected, replaced, gone)


def waits_of(o: Facts, key: str) -> list[Stretch]:
    """From when until when a line waited for supply."""
    return [(wait.since, wait.until) for wait in backorders(o) if wait.key is None or wait.key == key]


def lifted(o: Facts, wait: Backorder) -> int | None:
    """When nobody waited for it any more."""
    return earliest(o.ended, wait.replaced, wait.gone)


def _supplied(
    o: Facts, since: int, key: str | None, count: int | None, supplies: Iterable[tuple[Record, Mapping[str, int | None] | None]]
) -> int | None:
    """When there was stock for what waited of a line since an instant: more of it than was not said to wait."""
    stock = 0 if key is None or count is None else o.obligations.at(since).owed.get(key, 0) - count
    for record, own in supplies:
        if record.at >= since and _meet(key, own) and (key is None or stock <= 0 or _there(o, key, record) > stock):
            return record.at
    return None


def _there(o: Facts, key: str, supply: Record) -> int:
    """How much of a line has left or been allocated once a supply has come; what left without being allocated is no other's."""
    left, at = o.covered_by("left").by(key, supply.at), supply.at
    if supply.event.type == "warehouse.shipped":
        return left
    allocated = o.covered_by(supply.event.type)
    return allocated.by(key, at) + max(left - allocated.by(key, at - 1), 0)


def _named(o: Facts, record: Record) -> dict[str, int | None] | None:
    """The lines that an event names, and how much of each if that is plain; None: all."""
    lines = cast("InventoryBackordered", record.event.data).lines
    if not lines:
        return None
    found: dict[str, int | None] = {}
    for line in lines:
        cells = o.shape.speaks_of(line) or [(line_key(line), None)]
        plain = len(cells) == 1 and cells[0][1] is None
        for key, _ in cells:
            before = found.get(key, 0)
            found[key] = None if not plain or before is None or line.quantity is None else before + line.quantity
    return found


def _meet(key: str | None, named: Mapping[str, int | None] | None) -> bool:
    return key is None or named is None or key in named
