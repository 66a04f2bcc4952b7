"""Which actions may be proposed for which exceptions: the only source of that. What is not listed here is refused by name.

What can be undone is listed by domain, what cannot, or gives money away, by kind: each such entry is a decision of its own.
"""

from __future__ import annotations

from typing import Final

from schemas.actions import ACTIONS

ALWAYS: Final = frozenset(("create_task", "escalate", "update_ticket", "notify_customer"))
"""For every exception: somebody is told, or has something to do."""
BY_DOMAIN: Final[dict[str, frozenset[str]]] = {
    "order": frozenset(("hold_order", "release_order", "reconcile", "hold_shipment")),
    "payment": frozenset(("hold_order", "release_order", "hold_shipment", "retry_payment", "ask_payment_update", "reconcile")),
    "inventory": frozenset(("check_alternate_site", "reroute", "procurement_review", "reconcile", "hold_order")),
    "fulfilment": frozenset(("check_alternate_site", "reroute", "hold_order", "release_order", "reconcile")),
    "address": frozenset(("request_address_confirmation", "hold_order", "release_order", "hold_shipment", "reroute")),
    "shipment": frozenset(("trace_parcel", "open_claim", "reroute", "request_address_confirmation", "hold_shipment")),
    "conflict": frozenset(("reconcile", "hold_order", "hold_shipment", "trace_parcel")),
    "return": frozenset(("trace_parcel", "authorise_return", "reconcile")),
    "data": frozenset(("reconcile",)),
    "feed": frozenset(),
}
"""For every kind of a domain: what can be undone."""
BY_KIND: Final[dict[str, frozenset[str]]] = {
    "address.change_late": frozenset(("intercept_shipment",)),
    "conflict.cancelled_but_moving": frozenset(("intercept_shipment",)),
    "conflict.duplicate_shipment": frozenset(("intercept_shipment",)),
    "conflict.refunded_but_moving": frozenset(("intercept_shipment",)),
    "inventory.backorder_aged": frozenset(("propose_substitute", "cancel_order")),
    "inventory.backorder_overdue": frozenset(("propose_substitute", "cancel_order")),
    "inventory.out_of_stock": frozenset(("propose_substitute", "cancel_order")),
    "inventory.oversold": frozenset(("propose_substitute", "cancel_order")),
    "inventory.partial": frozenset(("propose_substitute",)),
    "inventory.short_pick": frozenset(("propose_substitute",)),
    "inventory.sku_inactive": frozenset(("propose_substitute",)),
    "inventory.substitution_needed": frozenset(("propose_substitute", "cancel_order")),
    "order.cancel_in_flight": frozenset(("intercept_shipment", "cancel_order")),
    "order.duplicate_suspected": frozenset(("cancel_order",)),
    "order.pending_too_long": frozenset(("cancel_order",)),
    "payment.cancelled_not_refunded": frozenset(("approve_refund",)),
    "payment.captured_after_cancel": frozenset(("approve_refund",)),
    "payment.chargeback_lost": frozenset(("intercept_shipment", "cancel_order")),
    "payment.declined_hard": frozenset(("cancel_order",)),
    "payment.disputed_in_flight": frozenset(("intercept_shipment",)),
    "payment.refund_failed": frozenset(("approve_refund",)),
    "return.received_not_refunded": frozenset(("approve_refund",)),
    "shipment.attempts_exhausted": frozenset(("approve_replacement", "approve_refund")),
    "shipment.damaged": frozenset(("approve_replacement", "approve_refund")),
    "shipment.delivered_disputed": frozenset(("approve_replacement", "approve_refund")),
    "shipment.disposed": frozenset(("approve_replacement", "approve_refund")),
    "shipment.lost_confirmed": frozenset(("approve_replacement", "approve_refund")),
    "shipment.lost_suspected": frozenset(("approve_replacement", "approve_refund")),
    "shipment.prohibited": frozenset(("approve_refund",)),
    "shipment.refused": frozenset(("approve_refund",)),
    "shipment.rejected_by_carrier": frozenset(("approve_replacement",)),
    "shipment.return_to_sender": frozenset(("approve_replacement", "approve_refund")),
}
"""For single kinds: what cannot be undone, or gives money away."""
CUSTOM: Final = frozenset(name for name, spec in ACTIONS.items() if not spec.money)
"""For rules of the user: a rule that nobody but its author has read gives nothing away. To allow a return gives nothing yet."""


def legal(kind: str) -> frozenset[str]:
    """The actions that may be proposed for an exception of a kind."""
    domain = kind.partition(".")[0]
    if domain == "custom":
        return CUSTOM
    return ALWAYS | BY_DOMAIN.get(domain, frozenset()) | BY_KIND.get(kind, frozenset())
