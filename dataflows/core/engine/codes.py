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
    "shipment.stuck", "shipment.tracking_invalid", "data.rule_failed", "shipment.eta_passed", "data.unmapped_place",
)
# fmt: on
"""Kinds of rules by their code. One that is missing here is stored by its name, so a new rule needs no entry, which only saves space."""
