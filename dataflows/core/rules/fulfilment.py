"""Fulfilment kinds: the warehouse has not done its next step in time, or says that it cannot."""

from __future__ import annotations

from dataflows.core.clocks import span
from dataflows.core.policy.setting import Step
from dataflows.core.rules.custom.goods import pickup_uncollected, split_incomplete
from dataflows.core.rules.forms import custom, lasting, overdue, reported
from dataflows.core.rules.vocabulary import GOES_ON, Covered, Date, Held, Milestone, Scope, event

SHIP_OVERDUE = ("fulfilment.ship_overdue",)

# fmt: off
RULES = (
    overdue(
        "fulfilment.release_overdue", "The order was not released to its warehouse 24 hours before its ship-by date.",
        since=Date.SHIP_BY, within="-24 h", until=Milestone.RELEASED, unless=Milestone.ENDED, each=Scope.LINE, ahead=True,
        methods=("ship", "pickup", "local"), emits="released",
        owner="OPS", severity="medium", lane="auto", suppressed_by=SHIP_OVERDUE, feeds=("warehouse",),
        actions={"nudge_release": "the warehouse needs the last day"},
        source="IBM Sterling's example rule: 24 hours before the requested ship date",
    ),
    overdue(
        "fulfilment.pick_overdue", "Not all lines were picked within eight business hours of the release.",
        since=Covered("warehouse.released", "released"), within="8 bh", until=Milestone.PICKED, unless=Milestone.ENDED, emits="picked",
        owner="FULF", severity="medium", lane="auto", clock="site", suppressed_by=SHIP_OVERDUE, feeds=("warehouse",),
        actions={"create_warehouse_task": "the release waits in the warehouse"},
        source="P: 8 business hours",
    ),
    overdue(
        "fulfilment.pack_overdue", "Not all lines were packed within four business hours of the pick.",
        since=Covered("warehouse.picked", "picked"), within="4 bh", until=Milestone.PACKED, unless=Milestone.ENDED, emits="packed",
        owner="FULF", severity="medium", lane="auto", clock="site", suppressed_by=SHIP_OVERDUE, feeds=("warehouse",),
        actions={"create_warehouse_task": "picked goods wait for packing"},
        source="P: 4 business hours",
    ),
    overdue(
        "fulfilment.ship_overdue",
        "The order (or a line with its own date) had not left by its ship-by date; without one, three business days after it was paid.",
        since=Date.SHIP_BY, until=Milestone.SHIPPED, unless=Milestone.ENDED, each=Scope.LINE, methods=("ship", "pickup", "local"),
        emits="shipped",
        anchor="ship_by", fallback=("captured", "3 bd"), owner="FULF", severity="medium", lane="auto", clock="site",
        steps=(Step(at=span("-10 d"), severity="high", since="promised_by"),),
        suppressed_by=("shipment.delivery_overdue",), feeds=("warehouse", "carrier"),
        # The customer was promised a delivery, which mostly is days away yet: the warehouse is told first, and without asking.
        actions={"create_warehouse_task": "it should have left: ship it now", "notify_customer": "if the promise is in danger by it"},
        source="the order's own ship_by; without one 3 business days after payment (Wonderment: 72 to 96 h; a weekend is no delay)",
    ),
    lasting(
        "fulfilment.hold_aged", "A hold (payment, address, customs, manual or other) has lasted two business days.",
        state=Held(("payment", "address", "customs", "manual", "other")), within="2 bd", unless=Milestone.ENDED,
        owner="OPS", owners={"payment": "FIN", "address": "CS", "customs": "CARR"}, severity="medium", lane="review",
        actions={"escalate": "somebody must decide on the hold"},
        source="P: 2 business days",
    ),
    reported(
        "fulfilment.routing_rejected", "The site refused the order's routing.",
        when=event("warehouse.rejected", reason="routing"), until=GOES_ON, unless=Milestone.ENDED, detail=("reason",),
        owner="OPS", severity="high", lane="review",
        actions={"propose_reroute": "another site may take it"},
        advice="a site that may serve the order",
    ),
    reported(
        "fulfilment.customs_data_missing", "The warehouse cannot ship for want of customs data.",
        when=event("warehouse.rejected", reason="customs_data"), until=GOES_ON, unless=Milestone.ENDED, detail=("reason",),
        owner="FULF", severity="high", lane="block",
        actions={"create_task": "complete the customs data"},
        source="event (ShipBob 404)", advice="tariff codes and origin in the item master",
    ),
    custom(
        "fulfilment.split_incomplete", "Some lines have left and the rest has been silent for three business days.",
        find=split_incomplete, inputs=("part shipped", "unannounced", "order.updated", "order.cancelled", "payment.refunded"),
        requires=("lines", "several"), emits="shipped",
        clears="the next shipment, or the end of the order", within="3 bd",
        owner="FULF", severity="medium", lane="review", clock="site", suppressed_by=SHIP_OVERDUE, feeds=("warehouse", "carrier"),
        actions={"notify_partial": "the customer has only a part"},
        source="P: 3 business days", advice="a warehouse.shipped for the remaining lines",
    ),
    custom(
        "fulfilment.pickup_uncollected", "Goods that are ready to be fetched were not: a reminder after ten days, raised after fourteen.",
        find=pickup_uncollected, inputs=("warehouse.packed", "carrier.scan:ready_for_pickup"), methods=("pickup",), emits="delivered",
        clears="the collection (a delivered scan), or the end of the order", within="14 d", steps=(("10 d", "low"),),
        owner="CS", severity="medium", lane="auto", feeds=("carrier", "warehouse"),
        actions={"remind_customer": "the goods go back on the shelf when the time is over"},
        source="P: 10 and 14 days", advice="a carrier.scan delivered when the customer has the goods",
    ),
)
