"""Conflict kinds: two systems contradict each other. All block automation until a named owner has reconciled them."""

from __future__ import annotations

from functools import partial

from dataflows.core.clocks.spans import span
from dataflows.core.policy.setting import Step
from dataflows.core.rules.custom import conflict as find
from dataflows.core.rules.custom import quantities
from dataflows.core.rules.forms import custom, reported
from dataflows.core.rules.payment import DEAR_TO_PAY
from dataflows.core.rules.vocabulary import GOES_ON, Milestone, Next, Scope, Strictly, scan

RECONCILE = {"reconcile": "a named owner must say which system is right"}
conflicting = partial(custom, owner="OPS", severity="high", lane="block", actions=RECONCILE)
MOVES = ("warehouse.shipped", "carrier.scan")

# fmt: off
RULES = (
    conflicting(
        "conflict.delivered_without_ship", "A shipment was delivered that no warehouse had shipped and no carrier had had before.",
        find=find.delivered_without_ship, inputs=("unannounced",), emits="shipped", absence=True, grace="15 m", feeds=("warehouse",),
        clears="the hand-over that comes later, or the end of the shipment", source="P: 15 minutes between the clocks of two systems",
        advice="a warehouse.shipped at or before the delivery",
    ),
    conflicting(
        "conflict.shipped_unpaid", "Goods left while nothing was captured and no authorization was in force.",
        find=find.shipped_unpaid, inputs=("warehouse.shipped", "unannounced"), unless_seen=("kept",),
        absence=True, grace="15 m", feeds=("payments",), emits={"prepaid": "captured", "on_ship": "authorized"},
        # What has just left is mostly a payment that is told late; what is small is not worth stopping.
        severity="medium", steps=(Step(at=span("24 h"), severity="high", above=DEAR_TO_PAY),),
        clears="the authorization or capture, or the end of the order", source="P: 15 minutes between the clocks of two systems",
        advice="a payment.authorized before the shipment",
    ),
    conflicting(
        "conflict.cancelled_but_moving", "A cancelled order is shipped, or its parcel moves on.",
        find=find.cancelled_but_moving, inputs=MOVES, requires=("order.cancelled",),
        clears="a returning or returned scan, or the end of the shipment",
        advice="a cancellation that reaches warehouse and carrier",
    ),
    conflicting(
        "conflict.refunded_but_moving", "The order, or the lines in this shipment, were refunded, and it moves on.",
        find=find.refunded_but_moving, inputs=MOVES, requires=("payment.refunded",),
        clears="a returning or returned scan, or the end of the shipment",
        advice="an intercepted shipment before the refund",
    ),
    conflicting(
        "conflict.released_on_credit_hold", "The warehouse worked on the order while a credit hold was open.",
        find=find.released_on_credit_hold, inputs=GOES_ON.types, requires=("order.hold_placed",),
        clears="the release of the hold, or the end of the order",
        advice="a hold that the warehouse respects",
    ),
    conflicting(
        "conflict.short_after_ship_confirm", "The picker reports a shortage of what the warehouse had already confirmed as shipped.",
        find=find.short_after_ship_confirm, inputs=("warehouse.pick_short",), clears="a later shipment of the SKU, or the end of the order",
        advice="a ship confirmation after the last pick",
    ),
    conflicting(
        "conflict.quantity_mismatch", "More of a line was shipped than was ordered.",
        find=quantities.quantity_mismatch, inputs=("part shipped", "unannounced", "order.updated"),
        clears="an update that makes it fit, or the end of the order",
        advice="a shipment of the ordered quantity",
    ),
    custom(
        "conflict.unordered_item", "A shipment has what the order does not.",
        find=quantities.unordered_item, inputs=("part shipped", "unannounced", "order.updated"),
        clears="an update that orders it, or the end of the order",
        owner="OPS", severity="low", lane="review",
        actions={"reconcile": "a substitute, a part of a kit, or a mistake"},
        advice="components of kits, and SKUs that shop and warehouse share",
    ),
    conflicting(
        "conflict.duplicate_shipment", "A second shipment repeats lines that had already left in full.",
        find=quantities.duplicate_shipment, inputs=("part shipped", "unannounced"), requires=("several",),
        clears="its voiding, or the end of the order",
        advice="one shipment per line",
    ),
    reported(
        "conflict.status_regression", "A parcel that was delivered or returned is scanned as if it were still under way.",
        when=scan(*sorted(find.ONGOING)), after=(Strictly(Milestone.DELIVERED), Strictly(Milestone.RETURNED)),
        until=Next(scan("delivered", "returned", text="delivered or returned scan")), unless=Milestone.ENDED, each=Scope.PARCEL,
        margin="15 m", owner="OPS", severity="high", lane="block",
        actions=RECONCILE,
        source="event; P: 15 minutes between the clocks of two scanners", advice="a delivered scan only at the delivery",
    ),
    conflicting(
        "conflict.tracking_reused", "A tracking number was given to this order after the parcel of another order had ended under it.",
        find=find.tracking_reused, inputs=("note",), clears="the end of the shipment",
        source="event (EasyPost: carriers recycle numbers)", advice="tracking numbers that are used once",
    ),
)
