"""What stands of an order that no single event says: whether stock is missing, and how risky its address is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, cast

from dataflows.core.history.facts import Facts
from schemas.events import AddressSignal, InventoryBackordered, InventoryShort, Line, PickShort, WarehouseStep
from schemas.instants import NEVER
from schemas.record import Record

SHORTAGES: Final = ("inventory.backordered", "inventory.short", "warehouse.pick_short")
SUPPLIES: Final = ("inventory.allocated", "warehouse.packed", "warehouse.picked", "warehouse.shipped")
ADDRESSES: Final = ("address.change_requested", "address.invalid", "address.validated")


def short_since(facts: Facts) -> int | None:
    """Since when stock is said to be missing that nobody has found since: not while nothing is owed any more."""
    records = facts.t.of(*SHORTAGES)
    if not records or facts.ended is not None or facts.shipped is not None:
        return None
    wanted = {sku for key, line in facts.lines.items() if key in facts.wanted and (sku := line.sku) is not None}
    for record in records:
        missing = _skus(facts, record)
        if missing is not None and facts.lines:
            missing &= wanted  # What was cancelled is missed by nobody.
        if missing is None or missing:
            found = [_skus(facts, each) for each in facts.t.of(*SUPPLIES) if each.at >= record.at]
            if not any(one is None or missing is None or one & missing for one in found):
                return record.at
    return None


def address_risk(facts: Facts) -> str | None:
    """What was last said of the risk of the address that holds now."""
    since, before = NEVER, None
    for fields, at, _ in facts.versions:
        if before is not None and fields.ship_to != before:
            since = at
        before = fields.ship_to
    stated = [risk for r in facts.t.of(*ADDRESSES) if r.at >= since and (risk := cast("AddressSignal", r.event.data).risk) is not None]
    return stated[-1] if stated else None


def _skus(facts: Facts, record: Record) -> set[str] | None:
    """The SKUs that an event is about; None: all of the order."""
    if record.event.type in ("inventory.short", "warehouse.pick_short"):
        sku = cast("InventoryShort | PickShort", record.event.data).sku
        return None if sku is None else {sku}
    lines: Iterable[Line] | None = cast("InventoryBackordered | WarehouseStep", record.event.data).lines
    if not lines:
        return None
    of_line = {line.line_id: line.sku for line in facts.lines.values() if line.line_id}
    return {sku for line in lines if (sku := line.sku or of_line.get(line.line_id or "")) is not None}
