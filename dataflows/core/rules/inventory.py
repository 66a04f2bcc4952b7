"""Inventory kinds: stock that is short, unknown or not reserved. Their scope is the SKU that the event names."""

from __future__ import annotations

from dataflows.core.rules.custom.goods import backorder_aged, backorder_overdue
from dataflows.core.rules.forms import custom, overdue, reported
from dataflows.core.rules.vocabulary import GOES_ON, Date, Lines, Milestone, Op, Scope, Where, event

ALLOCATED = event("inventory.allocated")
CLEARS = (
    event("inventory.allocated", text="an allocation of the SKU"),
    event("order.cancelled", lines=Lines.CANCELLED, text="its cancellation"),
)
NO_MORE = (Milestone.ENDED, Milestone.SHIPPED)

# fmt: off
RULES = (
    reported(
        "inventory.oversold", "Stock that had been allocated to the order turned out not to be there.",
        when=event("inventory.short"), after=(ALLOCATED,), until=CLEARS, unless=NO_MORE, each=Scope.LINE,
        owner="ECOM", severity="high", lane="block",
        actions={"choose_remedy": "substitute, split or cancel"},
        advice="an allocation against real stock",
    ),
    reported(
        "inventory.out_of_stock", "Nothing is available of a SKU that the order needs.",
        when=event("inventory.short", where=(Where("available", Op.AT_MOST, (0,)),)), not_after=ALLOCATED, until=CLEARS, unless=NO_MORE,
        each=Scope.LINE,
        owner="FULF", severity="high", lane="block",
        actions={"check_alternate_site": "another site may have it"},
        source="event (ShipBob 303)", advice="an inventory.allocated",
    ),
    reported(
        "inventory.partial", "Less is available of a SKU than the order needs.",
        when=event("inventory.short", where=(Where("available", Op.ABOVE, (0,)),)), not_after=ALLOCATED, until=CLEARS, unless=NO_MORE,
        each=Scope.LINE,
        owner="OPS", severity="medium", lane="review",
        actions={"decide_split": "ship what is there, or wait"},
        source="event (ShipBob 308)", advice="an inventory.allocated",
    ),
    reported(
        "inventory.substitution_needed", "A SKU is short and substitutes are offered.",
        when=event("inventory.short", where=(Where("substitutes", Op.GIVEN),)), until=CLEARS, unless=NO_MORE, each=Scope.LINE,
        owner="CS", severity="medium", lane="review",
        actions={"propose_substitute": "needs the customer's consent"},
        advice="an inventory.allocated",
    ),
    reported(
        "inventory.short_pick", "The picker found less than ordered.",
        when=event("warehouse.pick_short"),
        until=(event("warehouse.picked", "warehouse.packed", lines=Lines.STATED, text="a later pick or pack of the SKU"), *CLEARS),
        unless=NO_MORE, each=Scope.LINE,
        owner="FULF", severity="high", lane="block",
        actions={"recount": "the stock record is wrong", "resource": "another location may have it"},
        advice="a warehouse.picked in full",
    ),
    reported(
        "inventory.sku_unknown", "The warehouse does not know a SKU of the order.",
        when=event("warehouse.rejected", reason="sku_unknown"), until=GOES_ON, unless=Milestone.ENDED, each=Scope.LINE, detail=("reason",),
        owner="DATA", severity="high", lane="block",
        actions={"map_sku": "the warehouse cannot pick what it does not know"},
        source="event (ShipBob 304)", advice="item master data in the warehouse",
    ),
    reported(
        "inventory.sku_inactive", "A SKU of the order is inactive in the warehouse.",
        when=event("warehouse.rejected", reason="sku_inactive"), until=GOES_ON, unless=Milestone.ENDED, each=Scope.LINE, detail=("reason",),
        owner="DATA", severity="high", lane="block",
        actions={"map_sku": "reactivate or replace it"},
        source="event (ShipBob 302)", advice="an active SKU",
    ),
    overdue(
        "inventory.allocation_overdue", "No stock was reserved for all lines within four business hours of placing the order.",
        since=Milestone.PLACED, within="4 bh", until=Milestone.ALLOCATED,
        unless=(event("inventory.backordered", text="a backorder"), Milestone.ENDED), emits="allocated",
        owner="OPS", severity="medium", lane="auto", clock="site", feeds=("warehouse",),
        actions={"resource": "reserve at another site"},
        source="P: 4 business hours",
    ),
    custom(
        "inventory.backorder_aged",
        "A backorder has lasted 30 days (the customer's consent is due), then 53 days (the last day to ship or cancel).",
        find=backorder_aged, inputs=("inventory.backordered", "order.hold_placed"),
        clears="an allocation or a shipment, the release of the hold, or the end of the order", within="30 d",
        owner="ECOM", severity="medium", lane="review", steps=(("53 d", "high"),), feeds=("warehouse",),
        actions={"ask_consent": "the customer must agree to the delay"},
        source="fabric: consent-to-delay clocks of 30 and 53 days", advice="an inventory.allocated",
    ),
    custom(
        "inventory.backorder_overdue", "The day on which backordered stock was expected has passed.",
        find=backorder_overdue, inputs=("inventory.backordered",), within="0 s", grace="15 m", dated=True,
        by=Date.SHIP_BY,
        clears="an allocation or a shipment, another expectation, or the end of the order",
        owner="ECOM", severity="medium", lane="review", feeds=("warehouse",),
        actions={"ask_consent": "the customer must agree to the delay"},
        source="the supplier's own date; grace (P): what came in time is told a while later", advice="an inventory.allocated by then",
    ),
)
