"""The codes of Amazon's Selling Partner API and what they become."""

from __future__ import annotations

from typing import Final

from sources.adapters.tables import table

_MODELS: Final = "https://github.com/amzn/selling-partner-api-models"

STATUS = table(
    "order_status",
    "OrderStatus",
    "step",
    """
    PendingAvailability  = ignored     # ordered before it is sold: told once Amazon lets it go
    Pending              = ignored     # the payment is not authorized: told once Amazon lets it go
    Unshipped            = open
    PartiallyShipped     = open        # how much of what left, only packages say
    Shipped              = shipped
    InvoiceUnconfirmed   = shipped     # and the invoice is not confirmed
    Canceled             = cancelled
    Unfulfillable        = rejected
    PENDING_AVAILABILITY = ignored     # ordered before it is sold: told once Amazon lets it go
    PARTIALLY_SHIPPED    = open
    CANCELLED            = cancelled
    """,
    source=f"Orders API v0 and v2026-01-01, OrderStatus and FulfillmentStatus; {_MODELS}",
)

PACKAGE = table(
    "package_status",
    "packages[].packageStatus.status",
    "type",
    """
    PENDING       = warehouse.label_created
    SHIPPED       = warehouse.shipped
    IN_TRANSIT    = warehouse.shipped
    DELIVERED     = carrier.scan warehouse.shipped
    UNDELIVERABLE = carrier.scan warehouse.shipped
    CANCELLED     = warehouse.shipment_cancelled
    """,
    source=f"Orders API v2026-01-01, PackageStatus; {_MODELS}",
)
ARRIVED = table(
    "package_end",
    "packages[].packageStatus.status of its end",
    "scan",
    """
    DELIVERED     = delivered
    UNDELIVERABLE = failed_final
    """,
    source=f"Orders API v2026-01-01, PackageStatus; {_MODELS}",
)

DETAIL = table(
    "package_detail",
    "packages[].packageStatus.detailedStatus",
    "scan",
    """
    PENDING_SCHEDULE    = ignored   # its status says so
    PENDING_PICK_UP     = ignored   # its status says so
    PENDING_DROP_OFF    = ignored   # its status says so
    LABEL_CANCELLED     = ignored   # its status says so
    PICKED_UP           = ignored   # its time of shipping says so
    DROPPED_OFF         = ignored   # its time of shipping says so
    AT_ORIGIN_FC        = ignored   # the carrier's scans say more
    AT_DESTINATION_FC   = ignored   # the carrier's scans say more
    OUT_FOR_DELIVERY    = ignored   # the carrier's scans say more
    DELIVERED           = delivered
    REJECTED_BY_BUYER   = failed_final refused
    UNDELIVERABLE       = failed_final
    RETURNING_TO_SELLER = returning
    RETURNED_TO_SELLER  = returned
    LOST                = lost
    DAMAGED             = damaged
    """,
    source=f"Orders API v2026-01-01, PackageStatus; {_MODELS}",
)
"""A state that ends a package's way, or turns it round, says more than its status; it does not undo that it was delivered."""

NOTIFICATION = table(
    "notification",
    "NotificationType",
    "step",
    """
    ORDER_CHANGE             = order
    FULFILLMENT_ORDER_STATUS = fulfillment
    ORDER_STATUS_CHANGE      = ignored   # its successor ORDER_CHANGE tells
    ACCOUNT_STATUS_CHANGED   = ignored   # no step of an order
    ANY_OFFER_CHANGED        = ignored   # what is sold, not what was ordered
    B2B_ANY_OFFER_CHANGED    = ignored   # what is sold, not what was ordered
    BRANDED_ITEM_CONTENT_CHANGE = ignored   # what is sold, not what was ordered
    DATA_KIOSK_QUERY_PROCESSING_FINISHED = ignored   # reports
    DETAIL_PAGE_TRAFFIC_EVENT = ignored   # visitors
    EXTERNAL_FULFILLMENT_SHIPMENT_STATUS_CHANGE = ignored   # names a shipment only: fetch the order and adapt the answer
    FBA_INVENTORY_AVAILABILITY_CHANGES = ignored   # stock, not one order's goods
    FBA_OUTBOUND_SHIPMENT_STATUS = ignored   # tax papers of a shipment
    FEED_PROCESSING_FINISHED = ignored   # uploads
    FEE_PROMOTION            = ignored   # Amazon's fees
    ITEM_INVENTORY_EVENT_CHANGE = ignored   # stock, not one order's goods
    ITEM_PRODUCT_TYPE_CHANGE = ignored   # what is sold, not what was ordered
    ITEM_SALES_EVENT_CHANGE  = ignored   # what is sold, not what was ordered
    LISTINGS_ITEM_ISSUES_CHANGE = ignored   # what is sold, not what was ordered
    LISTINGS_ITEM_MFN_QUANTITY_CHANGE = ignored   # stock, not one order's goods
    LISTINGS_ITEM_STATUS_CHANGE = ignored   # what is sold, not what was ordered
    PRICING_HEALTH           = ignored   # what is sold, not what was ordered
    PRODUCT_TYPE_DEFINITIONS_CHANGE = ignored   # what is sold, not what was ordered
    REPORT_PROCESSING_FINISHED = ignored   # reports
    TRANSACTION_UPDATE       = ignored   # money between Amazon and the seller
    """,
    source=f"Notifications API, notification types; {_MODELS}/tree/main/schemas/notifications",
)

FULFILLMENT = table(
    "fulfillment_order_status",
    "fulfillmentOrderStatus",
    "type",
    """
    New               = ignored   # not validated yet
    Received          = warehouse.released
    Planning          = warehouse.released
    Processing        = warehouse.pick_started warehouse.released
    Complete          = warehouse.released     # its shipments say what left
    CompletePartialled = warehouse.released    # likewise
    COMPLETE_PARTIALLED = warehouse.released   # likewise, as notifications write it
    Cancelled         = ignored   # by the seller: the order itself may go on elsewhere
    Unfulfillable     = warehouse.rejected
    Invalid           = warehouse.rejected
    """,
    source=f"Fulfillment Outbound API 2020-07-01, FulfillmentOrderStatus; {_MODELS}",
)
REJECTION = table(
    "rejection",
    "fulfillmentOrderStatus of a rejection",
    "rejection",
    """
    Unfulfillable = other        # no stock that could be sold
    Invalid       = validation
    """,
    source=f"Fulfillment Outbound API 2020-07-01, FulfillmentOrderStatus; {_MODELS}",
)
SHIPMENT = table(
    "fulfillment_shipment_status",
    "fulfillmentShipmentStatus",
    "type",
    """
    PENDING                = ignored   # being picked
    SHIPPED                = warehouse.shipped
    CANCELLED_BY_FULFILLER = warehouse.shipment_cancelled   # Amazon tries again with another shipment
    CANCELLED_BY_SELLER    = warehouse.shipment_cancelled
    """,
    source=f"Fulfillment Outbound API 2020-07-01, FulfillmentShipment; {_MODELS}",
)
RETURN = table(
    "return_status",
    "returnItems[].status",
    "type",
    """
    New       = return.authorized
    Processed = return.received
    """,
    source=f"Fulfillment Outbound API 2020-07-01, ReturnItem; {_MODELS}",
)

SCAN_EVENT = table(
    "event",
    "trackingEvents[].eventCode",
    "scan",
    """
    EVENT_101 = label_created             # the carrier is asked to fetch it
    EVENT_102 = accepted
    EVENT_201 = in_transit
    EVENT_202 = in_transit
    EVENT_203 = in_transit
    EVENT_204 = customs
    EVENT_205 = customs
    EVENT_206 = in_transit
    EVENT_301 = delivered
    EVENT_302 = out_for_delivery
    EVENT_304 = attempt_failed
    EVENT_306 = ignored                   # the customer is asked for a day
    EVENT_307 = ignored                   # a day was agreed on
    EVENT_308 = ready_for_pickup
    EVENT_309 = returned
    EVENT_401 = held address
    EVENT_402 = delayed customs
    EVENT_403 = exception address
    EVENT_404 = delayed other
    EVENT_405 = damaged
    EVENT_406 = held
    EVENT_407 = attempt_failed refused
    EVENT_408 = returning
    EVENT_409 = lost
    EVENT_411 = exception documents       # the papers came without the parcel
    EVENT_412 = held documents            # the parcel came without its papers
    EVENT_413 = held duty
    EVENT_414 = delayed missorted
    EVENT_415 = in_transit
    EVENT_416 = exception address
    EVENT_417 = delayed missorted
    EVENT_418 = delayed
    EVENT_419 = in_transit address        # corrected
    EVENT_801 = ready_for_pickup          # in a locker
    EVENT_804 = delivered                 # fetched from the locker
    """,
    source=f"Fulfillment Outbound API 2020-07-01, EventCode; {_MODELS}",
)
CURRENT = table(
    "current_status",
    "currentStatus",
    "scan",
    """
    DELIVERED            = delivered
    RETURNED             = returned
    UNDELIVERABLE        = lost           # lost or destroyed
    PICKUP_SUCCESSFUL    = delivered      # fetched by the customer
    RETURNING            = returning
    IN_TRANSIT           = ignored   # its events say more
    DELAYED              = ignored   # its events say more
    AVAILABLE_FOR_PICKUP = ignored   # its events say more
    CUSTOMER_ACTION      = ignored   # its events say more
    OUT_FOR_DELIVERY     = ignored   # its events say more
    DELIVERY_ATTEMPTED   = ignored   # its events say more
    UNKNOWN              = ignored   # Amazon does not know
    PICKUP_CANCELLED     = ignored   # a return
    PICKUP_ATTEMPTED     = ignored   # a return
    PICKUP_SCHEDULED     = ignored   # a return
    RETURN_REQUEST_ACCEPTED = ignored   # a return
    REFUND_ISSUED        = ignored   # of money
    RETURN_RECEIVED_IN_FC = ignored   # a return
    """,
    source=f"Fulfillment Outbound API 2020-07-01, CurrentStatus; {_MODELS}",
)
"""A state that ends a parcel's way, or turns it round, is told also where no event says it."""
