"""WooCommerce's codes and what they become."""

from __future__ import annotations

from typing import Final

from sources.adapters.tables import table

_ORDERS: Final = "WooCommerce REST API v3, Orders; https://developer.woocommerce.com/docs/apis/rest-api/v3/orders/"
_OTHERS: Final = {
    "what is sold, not what was ordered": ("coupon", "product"),
    "people, not orders": ("customer",),
    "a subscription: what is ordered by it comes as orders of their own": ("subscription",),
}


def _ignored() -> str:
    return "\n".join(
        f"{name}.{event} = ignored # {why}"
        for why, names in _OTHERS.items()
        for name in names
        for event in ("created", "updated", "deleted", "restored")
    )


TOPIC = table(
    "topic",
    "x-wc-webhook-topic",
    "type",
    """
    order.created  = order.placed order.updated   # a snapshot, and as late as any other: it shows what was changed since
    order.updated  = order.placed order.updated
    order.restored = order.placed order.updated   # out of the trash
    order.deleted  = order.cancelled              # into the trash: nobody will work on it
    """
    + _ignored(),
    source="WooCommerce, webhook topics; https://developer.woocommerce.com/docs/apis/rest-api/v3/webhooks/",
)

STATUS = table(
    "status",
    "status",
    "step",
    """
    pending        = open        # no payment yet
    on-hold        = held
    processing     = open        # paid, or to be paid at the door
    completed      = completed
    cancelled      = cancelled
    refunded       = refunded    # its refunds say how much
    failed         = failed
    partial-payment = part       # WooCommerce Deposits: a part was paid, and the rest is due later
    partially-paid = part        # as other plugins for deposits call it
    pre-ordered    = preordered  # WooCommerce Pre-Orders: it waits for its release
    trash          = cancelled   # in the trash
    checkout-draft = ignored     # a cart at the checkout
    auto-draft     = ignored     # begun by hand, and not saved
    """,
    source=_ORDERS,
)
"""Plugins add statuses of their own: the order is told, and nothing is concluded from one that is not here."""

PAYMENT = table(
    "payment_method",
    "payment_method",
    "step",
    """
    cod    = on_delivery
    bacs   = prepaid       # a bank transfer
    cheque = prepaid
    woocommerce_gateway_purchase_order = invoice
    """,
    source="WooCommerce core payment methods; https://woocommerce.com/document/woocommerce-payment-methods/; WooCommerce Purchase Orders",
)
"""Gateways are many, and new ones come: one that is not here says nothing of the terms, and the default stands."""

METHOD = table(
    "shipping_method",
    "shipping_lines[].method_id",
    "step",
    """
    local_pickup    = pickup
    pickup_location = pickup   # of the block checkout
    flat_rate       = ship
    free_shipping   = ship
    """,
    source="WooCommerce core shipping methods; https://woocommerce.com/documentation/plugins/woocommerce/getting-started/shipping/",
)
"""Likewise: a method that is not here ships."""
