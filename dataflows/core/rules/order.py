"""Order kinds: the order as a whole waits, changes or ends in the wrong way."""

from __future__ import annotations

from dataflows.core.rules.custom.order import change_after_release, complete, duplicate_suspected, master_data_incomplete
from dataflows.core.rules.forms import custom, overdue, reported, silent
from dataflows.core.rules.structs import Between
from dataflows.core.rules.vocabulary import GOES_ON, Held, Milestone, event, excluding

STEPS = ("allocated", "released", "picked", "packed")
"""What is told of an order between its payment and its shipment, by systems that tell of it at all."""

# fmt: off
RULES = (
    overdue(
        "order.pending_too_long", "A prepaid or on-ship order is neither paid nor shipped two business days after it was placed.",
        since=Milestone.PLACED, within="2 bd", until=(Milestone.SECURED, Milestone.SHIPPED), unless=Milestone.CANCELLED, owing=True,
        emits={"prepaid": "captured", "on_ship": "authorized"},
        owner="ECOM", severity="medium", lane="auto", feeds=("payments",),
        actions={"remind_customer": "the order waits for its payment", "close_order": "nobody paid for it"},
        source="Kibo: unpaid orders are abandoned after 2 days; P: business days, since banks book no transfer at a weekend",
    ),
    reported(
        "order.validation_failed", "The warehouse rejected the order for a reason of its own validation, or without a known reason.",
        when=event("warehouse.rejected", where=excluding("reason", "routing", "sku_unknown", "sku_inactive", "customs_data")),
        until=GOES_ON, unless=Milestone.ENDED, detail=("reason",),
        owner="ECOM", severity="high", lane="review",
        actions={"create_task": "mend the order and release it again"},
        advice="complete order data before release",
    ),
    custom(
        "order.duplicate_suspected", "The same basket went to the same address at most ten minutes before, and that order is still wanted.",
        find=duplicate_suspected, inputs=("note",), clears="the end of the order, or of the other one (cancelled or declined)",
        general=("margin",),
        margin="10 m", limits={"margin": ("1 s", "2 d")}, owner="ECOM", severity="high", lane="block",
        actions={"hold_order": "the customer probably ordered twice"},
        source="P: 10 minutes", advice="an idempotent checkout",
    ),
    silent(
        "order.stalled",
        "An unshipped order without a ship-by date, hold or backorder has had no event from any source for 24 business hours.",
        within="24 bh", unless=(Milestone.ENDED, Milestone.SHIPPED), undated=True, proven=STEPS,
        paused_by=(Held(()), Between(event("inventory.backordered"), Milestone.ALLOCATED)), methods=("ship",),
        owner="OPS", severity="medium", lane="review", clock="site",
        suppressed_by=(
            "order.pending_too_long", "payment.auth_missing", "payment.auth_expiring", "payment.capture_overdue",
            "payment.fraud_review_overdue", "payment.credit_hold_aged", "payment.invoice_overdue", "inventory.allocation_overdue",
            "inventory.backorder_aged", "fulfilment.release_overdue", "fulfilment.pick_overdue", "fulfilment.pack_overdue",
            "fulfilment.ship_overdue", "fulfilment.hold_aged", "fulfilment.split_incomplete",
        ),
        feeds=("payments", "warehouse"),
        actions={"open_case": "find out which system lost the order"},
        source="P: 24 business hours (at least 24 h advised by practitioners)",
    ),
    reported(
        "order.cancel_in_flight",
        "Cancellation was asked for after the order had been released to its warehouse and before it was delivered.",
        when=event("order.cancel_requested"), after=(Milestone.RELEASED,), not_after=Milestone.DELIVERED,
        until=(Milestone.DELIVERED, event("order.cancel_declined", text="a refusal to cancel")), unless=Milestone.CANCELLED, for_good=True,
        owner="FULF", severity="high", lane="review",
        actions={"intercept_shipment": "the warehouse may still stop it"},
        advice="a cancellation request before release",
    ),
    custom(
        "order.change_after_release",
        "Lines, address, service or method were changed after the release to the warehouse and before the order had left.",
        find=change_after_release, inputs=("order.updated",), clears="a new release, the shipment, or the end of the order",
        owner="FULF", severity="high", lane="review",
        actions={"create_task": "the warehouse works from the old version"},
        advice="the change before release",
    ),
    reported(
        "order.price_dispute", "The customer disputes the price of an invoice.",
        when=event("invoice.disputed"), until=event("invoice.issued", text="a new invoice"), unless=Milestone.CANCELLED,
        owner="FIN", severity="medium", lane="review",
        actions={"create_task": "compare invoice and contract price"},
        advice="an invoice that agrees with the contract price",
    ),
    custom(
        "order.master_data_incomplete", "A field that the policy requires of every order (`fields`) is missing.",
        find=master_data_incomplete, inputs=("order.placed", "order.updated"), clears="an update that supplies it, or the end of the order",
        fits=complete,
        fields=("total", "ship_to.country"), owner="DATA", severity="medium", lane="block",
        actions={"create_task": "complete the order's data"},
        advice="a complete order.placed",
    ),
)
