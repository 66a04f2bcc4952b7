"""Numbers that stand in stored state for words. Tables only grow, at their end: what stands in them keeps its place for ever."""

# fmt: off
KINDS: tuple[str, ...] = (
    "address.change_late", "address.invalid", "address.risk", "conflict.cancelled_but_moving", "conflict.delivered_without_ship",
    "conflict.duplicate_shipment", "conflict.quantity_mismatch", "conflict.refunded_but_moving", "conflict.released_on_credit_hold",
    "conflict.shipped_unpaid", "conflict.short_after_ship_confirm", "conflict.status_regression", "conflict.tracking_reused",
    "data.clock_skew", "data.identity_unresolved", "data.orphan_signal", "data.unmapped_status",
    "fulfilment.customs_data_missing", "fulfilment.hold_aged", "fulfilment.pack_overdue", "fulfilment.pick_overdue",
    "fulfilment.release_overdue", "fulfilment.routing_rejected", "fulfilment.ship_overdue", "fulfilment.split_incomplete",
    "inventory.allocation_overdue", "inventory.backorder_aged", "inventory.out_of_stock", "inventory.oversold", "inventory.partial",
    "inventory.short_pick", "inventory.sku_inactive", "inventory.sku_unknown", "inventory.substitution_needed", "order.cancel_in_flight",
    "order.change_after_release", "order.duplicate_suspected", "order.master_data_incomplete", "order.pending_too_long",
    "order.price_dispute", "order.stalled", "order.validation_failed", "payment.amount_mismatch", "payment.auth_expiring",
    "payment.auth_missing", "payment.capture_failed", "payment.capture_overdue", "payment.credit_hold_aged", "payment.declined_hard",
    "payment.declined_soft", "payment.disputed_in_flight", "payment.fraud_review_overdue", "payment.invoice_overdue",
    "return.inspection_overdue", "return.label_unused", "return.received_not_refunded", "return.transit_stalled",
    "shipment.attempt_failed", "shipment.attempts_exhausted", "shipment.customs_hold", "shipment.damaged", "shipment.delay_reported",
    "shipment.delivered_disputed", "shipment.delivery_overdue", "shipment.disposed", "shipment.documents_missing",
    "shipment.duty_unpaid", "shipment.eta_slip", "shipment.first_scan_missing", "shipment.held", "shipment.lost_confirmed",
    "shipment.lost_suspected", "shipment.misrouted", "shipment.pickup_failed", "shipment.pickup_unclaimed", "shipment.prohibited",
    "shipment.refused", "shipment.rejected_by_carrier", "shipment.return_to_sender", "shipment.rts_stalled", "shipment.scan_gap",
    "shipment.stuck", "shipment.tracking_invalid", "data.rule_failed",
)
# fmt: on
"""Kinds of rules by their code. One that is missing here is stored by its name, so a new rule needs no entry, which only saves space."""

# fmt: off
MARKS: tuple[str, ...] = (
    "order.placed", "order.updated", "order.cancel_requested", "order.cancelled", "order.hold_placed", "order.hold_released",
    "payment.authorized", "payment.captured", "payment.voided", "payment.failed", "payment.refunded", "payment.disputed",
    "payment.dispute_closed", "inventory.allocated", "inventory.short", "inventory.backordered", "address.validated", "address.invalid",
    "address.change_requested", "warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed",
    "warehouse.pick_short", "warehouse.rejected", "warehouse.label_created", "warehouse.shipped", "warehouse.shipment_cancelled",
    "carrier.scan", "return.requested", "return.authorized", "return.shipped", "return.received", "return.inspected", "invoice.issued",
    "invoice.disputed", "support.contacted", "evidence.withdrawn", "feed.heartbeat", "case.acknowledged", "case.assigned",
    "case.snoozed", "case.resolved", "case.reopened", "case.labelled", "action.approved", "action.rejected", "action.executed",
    "action.failed", "carrier.scan:unknown", "carrier.scan:label_created", "carrier.scan:accepted", "carrier.scan:in_transit",
    "carrier.scan:customs", "carrier.scan:out_for_delivery", "carrier.scan:attempt_failed", "carrier.scan:ready_for_pickup",
    "carrier.scan:delayed", "carrier.scan:held", "carrier.scan:exception", "carrier.scan:damaged", "carrier.scan:lost",
    "carrier.scan:returning", "carrier.scan:returned", "carrier.scan:delivered", "carrier.scan:failed_final", "carrier.scan:cancelled",
    "carrier.scan:expired", "carrier.scan+reason", "late eta", "scanned", "unannounced", "part shipped", "high risk", "balance",
    "expires", "settled", "future", "note", "several", "whole", "lines", "ship_by", "promised_by", "terms:external", "terms:invoice",
    "terms:on_delivery", "terms:on_ship", "terms:prepaid", "estimate",
)
# fmt: on
"""Marks of an order (see `Order.mark`) by the place of their bit. A new event type, status or finer mark is added at the end."""

BITS: dict[str, int] = {mark: 1 << place for place, mark in enumerate(MARKS)}
"""The bit of every mark."""
