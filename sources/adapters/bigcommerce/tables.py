"""BigCommerce's codes and what they become."""

from __future__ import annotations

from typing import Final

from sources.adapters.tables import table

_DOCS: Final = "BigCommerce, Orders; https://docs.bigcommerce.com/developer/api-reference/rest/admin/management/orders"
_FETCH: Final = "names only an ID: fetch the order and adapt the answer"

STATUS = table(
    "status",
    "status_id",
    "step",
    """
    0  = ignored     # incomplete: the customer left the checkout
    1  = open        # pending
    2  = shipped
    3  = open        # partially shipped: its shipments say what left
    4  = open        # refunded: its transactions say how much
    5  = cancelled
    6  = cancelled   # declined: by the shop
    7  = open        # awaiting payment
    8  = packed      # awaiting pickup
    9  = packed      # awaiting shipment
    10 = shipped     # completed
    11 = open        # awaiting fulfillment
    12 = held        # manual verification required
    13 = open        # disputed: the payment provider tells the dispute
    14 = open        # partially refunded: its transactions say how much
    """,
    source="BigCommerce, order statuses; https://docs.bigcommerce.com/developer/api-reference/rest/admin/management/orders/order-status",
)

PAYMENT_STATUS = table(
    "payment_status",
    "payment_status",
    "type",
    """
    authorized         = payment.authorized   # without an amount: the milestone; money is told by transactions
    captured           = payment.captured     # likewise
    paid               = payment.captured     # likewise
    partially refunded = payment.captured     # paid before
    refunded           = payment.captured     # paid before
    capture pending    = payment.authorized
    declined           = ignored   # its transactions say so
    held for review    = ignored   # the status of the order holds it
    pending            = ignored   # not yet
    void               = ignored   # its transactions say so
    void pending       = ignored   # not yet
    """,
    source=_DOCS,
)

PAYMENT = table(
    "payment_method",
    "payment_method",
    "step",
    """
    Cash on Delivery = on_delivery
    Bank Deposit     = prepaid
    Check            = prepaid
    Cheque           = prepaid
    Money Order      = prepaid
    Pay in Store     = on_delivery
    Purchase Order   = invoice
    Manual           = external    # taken outside BigCommerce
    """,
    source="BigCommerce, offline payment methods; https://support.bigcommerce.com/s/article/Offline-Payment-Methods",
)
"""Methods are many, and shops rename them: one that is not here says nothing of the terms, and the default stands."""

TRANSACTION = table(
    "transaction",
    "data[].event/status",
    "type",
    """
    purchase/ok         = payment.captured
    capture/ok          = payment.captured
    authorization/ok    = payment.authorized
    void/ok             = payment.voided
    refund/ok           = payment.refunded
    purchase/error      = payment.failed
    capture/error       = payment.failed
    authorization/error = payment.failed
    refund/error        = payment.failed
    void/error          = ignored   # the authorization stands
    pending/ok          = ignored   # not yet
    pending/error       = ignored   # not yet
    settled/ok          = ignored   # the capture before it took the money
    settled/error       = ignored   # the capture before it took the money
    """,
    source="BigCommerce, order transactions; https://docs.bigcommerce.com/developer/api-reference/rest/admin/management/orders/transactions",
)

STAGE = table(
    "stage",
    "data[].event",
    "stage",
    """
    purchase      = authorization   # authorizes and captures in one
    authorization = authorization
    capture       = capture
    refund        = refund
    """,
    source="BigCommerce, order transactions; https://docs.bigcommerce.com/developer/api-reference/rest/admin/management/orders/transactions",
)

SCOPE = table(
    "scope",
    "scope",
    "type",
    f"""
    store/order/statusUpdated        = order.cancelled order.hold_placed order.hold_released warehouse.packed
    store/order/created              = ignored   # {_FETCH}
    store/order/updated              = ignored   # {_FETCH}
    store/order/archived             = ignored   # out of sight: neither goods nor money move by it
    store/order/message/created      = ignored   # a message to or from the customer
    store/order/refund/created       = ignored   # {_FETCH}, its transactions and refunds
    store/order/transaction/created  = ignored   # {_FETCH}, its transactions
    store/order/transaction/updated  = ignored   # {_FETCH}, its transactions
    store/shipment/created           = ignored   # {_FETCH}, its shipments
    store/shipment/updated           = ignored   # {_FETCH}, its shipments
    store/shipment/deleted           = ignored   # {_FETCH}, its shipments
    store/product/created            = ignored   # what is sold, not what was ordered
    store/product/updated            = ignored   # what is sold, not what was ordered
    store/product/deleted            = ignored   # what is sold, not what was ordered
    store/product/inventory/updated  = ignored   # stock, not one order's goods
    store/product/inventory/order/updated = ignored   # stock, not one order's goods
    store/sku/created                = ignored   # what is sold, not what was ordered
    store/sku/updated                = ignored   # what is sold, not what was ordered
    store/sku/deleted                = ignored   # what is sold, not what was ordered
    store/sku/inventory/updated      = ignored   # stock, not one order's goods
    store/sku/inventory/order/updated = ignored   # stock, not one order's goods
    store/cart/created               = ignored   # before there is an order
    store/cart/updated               = ignored   # before there is an order
    store/cart/deleted               = ignored   # before there is an order
    store/cart/abandoned             = ignored   # before there is an order
    store/cart/converted             = ignored   # the order itself is told by store/order/created
    store/cart/lineItem/created      = ignored   # before there is an order
    store/cart/lineItem/updated      = ignored   # before there is an order
    store/cart/lineItem/deleted      = ignored   # before there is an order
    store/customer/created           = ignored   # people, not orders
    store/customer/updated           = ignored   # people, not orders
    store/customer/deleted           = ignored   # people, not orders
    store/customer/address/created   = ignored   # people, not orders
    store/customer/address/updated   = ignored   # people, not orders
    store/customer/address/deleted   = ignored   # people, not orders
    store/category/created           = ignored   # what is sold, not what was ordered
    store/category/updated           = ignored   # what is sold, not what was ordered
    store/category/deleted           = ignored   # what is sold, not what was ordered
    store/subscriber/created         = ignored   # people, not orders
    store/subscriber/updated         = ignored   # people, not orders
    store/subscriber/deleted         = ignored   # people, not orders
    store/information/updated        = ignored   # no step of an order
    store/app/uninstalled            = ignored   # no step of an order
    """,
    source="BigCommerce, webhook events; https://docs.bigcommerce.com/developer/docs/integrations/webhooks/events",
)
