"""Inventory kinds: stock that is short, unknown or not reserved. Their scope is the SKU that the event names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from dataflows.core.history.facts import Facts
from dataflows.core.policy import RuleSetting
from dataflows.core.policy.setting import RuleDefaults
from dataflows.core.rules.conditions import Condition, signal, timeout
from dataflows.core.rules.model import rule
from dataflows.core.rules.order import rejections
from schemas.events import InventoryAllocated, InventoryShort, Line, OrderCancel, PickShort
from schemas.instants import earliest
from schemas.record import Record

Found = Iterable[Condition | None]
CLEARS = "an allocation of the SKU, its cancellation, or the shipment"


def line_scope(sku: str | None) -> str | None:
    """The scope of a SKU; null where the event names none."""
    return f"line:{sku}" if sku else None


def speaks_of(lines: Sequence[Line] | None, sku: str | None) -> bool:
    """Whether an event's lines have the SKU; an event without lines speaks of all."""
    return not lines or sku is None or any(line.sku == sku for line in lines)


def clearings(o: Facts, sku: str | None) -> list[int | None]:
    """When stock was reserved again, or the line was cancelled."""
    ids = {line.line_id for line in o.lines.values() if line.sku == sku and line.line_id}
    found: list[int | None] = []
    found.extend(r.at for r in o.t.of("inventory.allocated") if speaks_of(cast("InventoryAllocated", r.event.data).lines, sku))
    for record in o.t.of("order.cancelled"):
        lines = cast("OrderCancel", record.event.data).lines or ()
        if any((sku is not None and line.sku == sku) or (line.line_id in ids) for line in lines):
            found.append(record.at)
    return found


def _shorts(o: Facts, s: RuleSetting, which: str) -> Found:
    for record in o.t.of("inventory.short"):
        data = cast("InventoryShort", record.event.data)
        reserved = [r for r in o.t.of("inventory.allocated") if speaks_of(cast("InventoryAllocated", r.event.data).lines, data.sku)]
        oversold = any(r.at <= record.at for r in reserved)
        kind = "oversold" if oversold else "partial" if (data.available or 0) > 0 else "out_of_stock"
        if which in (kind, "substitutes") and (which != "substitutes" or data.substitutes):
            lifted = earliest(o.ended, o.shipped)
            yield signal(s, record, clears=clearings(o, data.sku), lifted=lifted, scope=line_scope(data.sku))


@rule(
    "inventory.oversold",
    "signal",
    definition="Stock that had been allocated to the order turned out not to be there.",
    clears=CLEARS,
    prevented_by="an allocation against real stock",
    source="event",
    actions=(("choose_remedy", "substitute, split or cancel"),),
    defaults=RuleDefaults(owner="ECOM", severity="high", lane="block"),
    on=("inventory.short",),
)
def oversold(o: Facts, s: RuleSetting) -> Found:
    yield from _shorts(o, s, "oversold")


@rule(
    "inventory.out_of_stock",
    "signal",
    definition="Nothing is available of a SKU that the order needs.",
    clears=CLEARS,
    prevented_by="an inventory.allocated",
    source="event (ShipBob 303)",
    actions=(("check_alternate_site", "another site may have it"),),
    defaults=RuleDefaults(owner="FULF", severity="high", lane="block"),
    on=("inventory.short",),
)
def out_of_stock(o: Facts, s: RuleSetting) -> Found:
    yield from _shorts(o, s, "out_of_stock")


@rule(
    "inventory.partial",
    "signal",
    definition="Less is available of a SKU than the order needs.",
    clears=CLEARS,
    prevented_by="an inventory.allocated",
    source="event (ShipBob 308)",
    actions=(("decide_split", "ship what is there, or wait"),),
    defaults=RuleDefaults(owner="OPS", severity="medium", lane="review"),
    on=("inventory.short",),
)
def partial(o: Facts, s: RuleSetting) -> Found:
    yield from _shorts(o, s, "partial")


@rule(
    "inventory.substitution_needed",
    "signal",
    definition="A SKU is short and substitutes are offered.",
    clears=CLEARS,
    prevented_by="an inventory.allocated",
    source="event",
    actions=(("propose_substitute", "needs the customer's consent"),),
    defaults=RuleDefaults(owner="CS", severity="medium", lane="review"),
    on=("inventory.short",),
)
def substitution_needed(o: Facts, s: RuleSetting) -> Found:
    yield from _shorts(o, s, "substitutes")


@rule(
    "inventory.short_pick",
    "signal",
    definition="The picker found less than ordered.",
    clears="a later pick or pack of the SKU, " + CLEARS.removeprefix("an "),
    prevented_by="a warehouse.picked in full",
    source="event",
    actions=(("recount", "the stock record is wrong"), ("resource", "another location may have it")),
    defaults=RuleDefaults(owner="FULF", severity="high", lane="block"),
    on=("warehouse.pick_short",),
)
def short_pick(o: Facts, s: RuleSetting) -> Found:
    for record in o.t.of("warehouse.pick_short"):
        data = cast("PickShort", record.event.data)
        picks = [
            r.at
            for r in o.t.of("warehouse.picked", "warehouse.packed")
            if (lines := cast("InventoryAllocated", r.event.data).lines) and speaks_of(lines, data.sku)
        ]
        lifted = earliest(o.ended, o.shipped)
        yield signal(s, record, clears=[*clearings(o, data.sku), *picks], lifted=lifted, scope=line_scope(data.sku))


@rule(
    "inventory.sku_unknown",
    "signal",
    definition="The warehouse does not know a SKU of the order.",
    clears="a later warehouse step, or the end of the order",
    prevented_by="item master data in the warehouse",
    source="event (ShipBob 304)",
    actions=(("map_sku", "the warehouse cannot pick what it does not know"),),
    defaults=RuleDefaults(owner="DATA", severity="high", lane="block"),
    on=("warehouse.rejected",),
)
def sku_unknown(o: Facts, s: RuleSetting) -> Found:
    yield from rejections(o, s, "sku_unknown", scope_sku=True)


@rule(
    "inventory.sku_inactive",
    "signal",
    definition="A SKU of the order is inactive in the warehouse.",
    clears="a later warehouse step, or the end of the order",
    prevented_by="an active SKU",
    source="event (ShipBob 302)",
    actions=(("map_sku", "reactivate or replace it"),),
    defaults=RuleDefaults(owner="DATA", severity="high", lane="block"),
    on=("warehouse.rejected",),
)
def sku_inactive(o: Facts, s: RuleSetting) -> Found:
    yield from rejections(o, s, "sku_inactive", scope_sku=True)


@rule(
    "inventory.allocation_overdue",
    "timeout",
    definition="No stock was reserved for all lines within four business hours of placing the order.",
    clears="the allocation, a backorder, or the end of the order",
    prevented_by="an inventory.allocated for every line",
    source="P: 4 business hours",
    actions=(("resource", "reserve at another site"),),
    defaults=RuleDefaults(owner="OPS", severity="medium", lane="auto", threshold="4 bh", clock="site", feeds=("warehouse",)),
    arms=("order.placed",),
    met_by=("inventory.allocated", "warehouse.released", "warehouse.picked", "warehouse.packed", "warehouse.shipped"),
)
def allocation_overdue(o: Facts, s: RuleSetting) -> Found:
    if o.emits("allocated") and o.placed:
        lifted = earliest(o.ended, o.first("inventory.backordered"))
        yield timeout(s, o.calendar(s), o.placed_at, "placed", (o.placed,), met=o.allocated, lifted=lifted)


@rule(
    "inventory.backorder_aged",
    "timeout",
    definition="A backorder has lasted 30 days (the customer's consent is due), then 53 days (the last day to ship or cancel).",
    clears="an allocation, a shipment, the release of the hold, or the end of the order",
    prevented_by="an inventory.allocated",
    source="fabric: consent-to-delay clocks of 30 and 53 days",
    actions=(("ask_consent", "the customer must agree to the delay"),),
    defaults=RuleDefaults(
        owner="ECOM", severity="medium", lane="review", threshold="30 d", steps=(("53 d", "high"),), feeds=("warehouse",)
    ),
    arms=("inventory.backordered", "order.hold_placed"),
)
def backorder_aged(o: Facts, s: RuleSetting) -> Found:
    waits: list[tuple[Record, int | None]] = [(r, None) for r in o.t.of("inventory.backordered")]
    waits.extend((h.record, h.released) for h in o.holds if h.hold == "inventory")
    for record, released in waits:
        served = min((t for t in o.instants("inventory.allocated", "warehouse.shipped") if t >= record.at), default=None)
        yield timeout(s, o.calendar(s), record.at, "backordered", (record,), met=earliest(served, released), lifted=o.ended)
