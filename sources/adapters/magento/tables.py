"""Magento's codes and what they become."""

from __future__ import annotations

from typing import Final

from sources.adapters.tables import table

_SALES: Final = "magento/magento2, module Sales"

STATE = table(
    "state",
    "state",
    "step",
    """
    new             = open
    pending_payment = open
    processing      = open
    complete        = complete
    closed          = closed      # its credit memos say what went back
    canceled        = canceled
    holded          = manual
    payment_review  = payment     # of the status `fraud`: see the table of statuses
    """,
    source=f"{_SALES}, Model/Order.php, constants STATE_*",
)
"""States are Magento's own, statuses the shop's: each belongs to a state, which says what it means."""

STATUS = table(
    "status",
    "status",
    "step",
    """
    fraud                    = fraud
    pending                  = open
    pending_payment          = open
    pending_paypal           = open
    paypal_canceled_reversal = open
    processing               = open
    payment_review           = payment
    paypal_reversed          = payment
    holded                   = manual
    complete                 = complete
    closed                   = closed
    canceled                 = canceled
    """,
    source=f"{_SALES}, Setup/Patch/Data and etc/adminhtml, statuses of a new installation",
)
"""For messages without a state; `fraud` also beats the state `payment_review`, which it belongs to."""

PAYMENT = table(
    "payment_method",
    "payment.method",
    "step",
    """
    cashondelivery = on_delivery
    purchaseorder  = invoice
    companycredit  = invoice
    banktransfer   = prepaid
    checkmo        = prepaid
    free           = prepaid
    """,
    source="magento/magento2, module OfflinePayments; Adobe Commerce B2B, payment on account",
)
"""Methods are many, and new ones come: one that is not here says nothing of the terms, and the default stands."""

METHOD = table(
    "shipping_method",
    "shipping_assignments[].shipping.method",
    "step",
    """
    instore_pickup            = pickup
    flatrate_flatrate         = ship
    freeshipping_freeshipping = ship
    tablerate_bestway         = ship
    """,
    source="magento/inventory, module InventoryInStorePickupShippingApi; magento/magento2, module OfflineShipping",
)
"""Likewise: a method that is not here ships."""

INVOICE = table(
    "invoice_state",
    "invoices[].state",
    "type",
    """
    1 = invoice.issued
    2 = payment.captured invoice.issued
    3 = ignored   # canceled before it was paid
    """,
    source=f"{_SALES}, Model/Order/Invoice.php, constants STATE_*",
)

CREDITMEMO = table(
    "creditmemo_state",
    "creditmemos[].state",
    "type",
    """
    1 = ignored   # open: nothing was given back yet
    2 = payment.refunded
    3 = ignored   # canceled
    """,
    source=f"{_SALES}, Model/Order/Creditmemo.php, constants STATE_*",
)

EVENT = table(
    "event",
    "type",
    "step",
    """
    observer.sales_order_place_after                 = order
    observer.sales_order_save_after                  = order
    observer.sales_order_save_commit_after           = order
    observer.sales_order_invoice_save_after          = invoice
    observer.sales_order_invoice_save_commit_after   = invoice
    observer.sales_order_invoice_pay                 = invoice
    observer.sales_order_shipment_save_after         = shipment
    observer.sales_order_shipment_save_commit_after  = shipment
    observer.sales_order_shipment_track_save_after   = track
    observer.sales_order_shipment_track_save_commit_after = track
    observer.sales_order_creditmemo_save_after       = creditmemo
    observer.sales_order_creditmemo_save_commit_after = creditmemo
    observer.sales_order_place_before                = ignored   # nothing is placed yet; the event after it tells
    observer.catalog_product_save_commit_after       = ignored   # what is sold, not what was ordered
    observer.catalog_product_save_after              = ignored   # what is sold, not what was ordered
    observer.catalog_product_delete_commit_after     = ignored   # what is sold, not what was ordered
    observer.catalog_category_save_commit_after      = ignored   # what is sold, not what was ordered
    observer.cataloginventory_stock_item_save_commit_after = ignored   # stock, not one order's goods
    observer.customer_save_commit_after              = ignored   # people, not orders
    observer.customer_delete_commit_after            = ignored   # people, not orders
    observer.customer_group_save_commit_after        = ignored   # people, not orders
    """,
    source="Adobe Commerce, I/O events; https://developer.adobe.com/commerce/extensibility/events/",
)
"""Without `com.adobe.commerce.` before them."""
