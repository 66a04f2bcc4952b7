"""Shopify's codes and what they become. The enumerations are those of the Admin API, whose REST forms are the same words in lower case."""

from __future__ import annotations

from sources.adapters.tables import table

_DOCS = "Shopify Admin API, "
_ENUMS = "https://shopify.dev/docs/api/admin-graphql/latest/enums/"

_OTHERS = {
    "no step of an order": (
        "app: scopes_update uninstalled; app_purchases_one_time: update; app_subscriptions: approaching_capped_amount update;"
        " audit_events: admin_api_activity; bulk_operations: finish; channels: delete; domains: create destroy update;"
        " finance_app_staff_member: delete grant revoke update; finance_kyc_information: update; locales: create destroy update;"
        " shop: redact update; tax_partners: update; tax_services: create update; tax_summaries: create;"
        " themes: create delete publish update; publications: delete; segments: create delete update;"
        " metafield_definitions: create delete update; metaobjects: create delete update; delivery_promise_settings: update"
    ),
    "what is sold, not what was ordered": (
        "collection_listings: add remove update; collection_publications: create delete update; collections: create delete update;"
        " discounts: create delete redeemcode_added redeemcode_removed update; gift_cards: create delete update;"
        " markets: create delete update; markets_backup_region: update; product_listings: add remove update;"
        " product_feeds: create full_sync full_sync_finish incremental_sync update; product_publications: create delete update;"
        " products: create delete update; scheduled_product_listings: add remove update; selling_plan_groups: create delete update;"
        " variants: in_stock out_of_stock"
    ),
    "stock and places, not one order's goods": (
        "inventory_items: create delete update; inventory_levels: connect disconnect update;"
        " inventory_shipments: add_items create delete mark_in_transit receive_items remove_items update_item_quantities update_tracking;"
        " inventory_transfers: add_items cancel complete ready_to_ship remove_items update_item_quantities;"
        " locations: activate create deactivate delete update; profiles: create delete update"
    ),
    "people, not orders": (
        "companies: create delete update; company_contact_roles: assign revoke; company_contacts: create delete update;"
        " company_locations: create delete update; customer_account_settings: update; customer_groups: create delete update;"
        " customer_payment_methods: create revoke update;"
        " customers: create data_request delete disable enable merge purchasing_summary redact update;"
        " customers_email_marketing_consent: update; customers_marketing_consent: update; shipping_addresses: create update"
    ),
    "before there is an order": (
        "carts: create update; checkouts: create delete update; draft_orders: create delete update;"
        " subscription_billing_attempts: challenged failure success; subscription_billing_cycle_edits: create delete update;"
        " subscription_billing_cycles: skip unskip; subscription_contracts: activate cancel create expire fail pause update"
    ),
    "the order's next snapshot has its terms": "payment_schedules: due; payment_terms: create delete update",
}
"""Topics that say nothing of an order, by why."""


def _ignored() -> str:
    rows: list[str] = []
    for why, families in _OTHERS.items():
        for family in families.split(";"):
            name, _, actions = family.partition(":")
            rows += [f"{name.strip()}/{action} = ignored # {why}" for action in actions.split()]
    return "\n".join(rows)


TOPIC = table(
    "topic",
    "x-shopify-topic",
    "type",
    """
    orders/create                       = order.placed
    orders/updated                      = order.updated order.placed   # a snapshot: it tells again what a lost webhook would have told
    orders/paid                         = order.updated order.placed   # as orders/updated
    orders/fulfilled                    = order.updated order.placed   # as orders/updated
    orders/partially_fulfilled          = order.updated order.placed   # as orders/updated
    orders/cancelled                    = order.cancelled order.updated order.placed
    orders/edited                       = ignored   # differences of lines by ID only; the orders/updated beside it has the lines
    orders/delete                       = ignored   # only archived or cancelled orders can be deleted: neither goods nor money move by it
    orders/link_requested               = ignored   # the customer asks for a link to the order
    orders/risk_assessment_changed      = ignored   # an opinion; where it stops the order, there is a hold
    orders/shopify_protect_eligibility_changed = ignored   # who bears a chargeback's cost
    order_transactions/create           = payment.captured payment.authorized payment.refunded payment.voided payment.failed
    tender_transactions/create          = ignored   # the same money as its order_transactions/create
    refunds/create                      = payment.refunded payment.failed
    disputes/create                     = payment.disputed payment.dispute_closed
    disputes/update                     = payment.disputed payment.dispute_closed
    fulfillments/create                 = warehouse.shipped warehouse.label_created warehouse.shipment_cancelled warehouse.rejected
    fulfillments/update                 = warehouse.shipped warehouse.label_created warehouse.shipment_cancelled warehouse.rejected
    fulfillment_events/create           = carrier.scan
    fulfillment_events/delete           = evidence.withdrawn
    fulfillment_holds/added             = order.hold_placed
    fulfillment_holds/released          = order.hold_released
    fulfillment_orders/placed_on_hold   = order.hold_placed
    fulfillment_orders/hold_released    = order.hold_released
    fulfillment_orders/fulfillment_request_accepted = warehouse.released
    fulfillment_orders/progress_reported = warehouse.released
    fulfillment_orders/fulfillment_request_rejected = warehouse.rejected
    fulfillment_orders/fulfillment_service_failed_to_complete = warehouse.rejected
    fulfillment_orders/cancellation_request_submitted = order.cancel_requested
    fulfillment_orders/line_items_prepared_for_pickup = warehouse.packed
    fulfillment_orders/line_items_prepared_for_local_delivery = warehouse.packed
    fulfillment_orders/fulfillment_request_submitted = ignored   # asked of the warehouse; released when it accepts
    fulfillment_orders/cancellation_request_accepted = ignored   # the warehouse stops; the order itself may go on elsewhere
    fulfillment_orders/cancellation_request_rejected = ignored   # all stays as it was
    fulfillment_orders/cancelled        = ignored   # its work goes on in the replacement; orders/cancelled ends an order
    fulfillment_orders/manually_reported_progress_stopped = ignored   # open again, as before it was in progress
    fulfillment_orders/merged           = ignored   # the same work in other parts
    fulfillment_orders/moved            = ignored   # the same work at another place
    fulfillment_orders/order_routing_complete = ignored   # where the work will be done; not that it began
    fulfillment_orders/rescheduled      = ignored   # when work may begin, which is no deadline
    fulfillment_orders/scheduled_fulfillment_order_ready = ignored   # work may begin
    fulfillment_orders/split            = ignored   # the same work in other parts
    returns/request                     = return.requested return.authorized
    returns/approve                     = return.authorized return.requested
    returns/reopen                      = return.authorized return.requested
    returns/decline                     = ignored   # the return does not take place; what was asked stands
    returns/cancel                      = ignored   # the return does not take place
    returns/close                       = ignored   # done with, whether or not goods came back
    returns/process                     = ignored   # does not say what came back
    returns/update                      = ignored   # lines and fees by ID only
    reverse_deliveries/attach_deliverable = return.authorized   # the return's label: no parcel is on its way by it
    reverse_fulfillment_orders/dispose  = ignored   # names neither the return nor the order
    """
    + _ignored(),
    source="Shopify webhook topics; https://shopify.dev/docs/api/webhooks",
)

CANCEL = table(
    "cancel",
    "cancel_reason",
    "cancel",
    """
    customer  = customer
    fraud     = fraud
    inventory = inventory
    declined  = payment
    staff     = staff
    other     = other
    """,
    source=f"{_DOCS}OrderCancelReason; {_ENUMS}OrderCancelReason",
)

FINANCIAL = table(
    "financial_status",
    "financial_status",
    "type",
    """
    paid               = payment.captured     # without an amount: the milestone; money is told by transactions
    partially_refunded = payment.captured     # as paid
    refunded           = payment.captured     # as paid
    authorized         = payment.authorized   # without an amount
    partially_paid     = ignored   # its transactions say how much
    pending            = ignored   # nothing has come
    voided             = ignored   # its transactions say so
    expired            = ignored   # its authorization has its own expiry
    unpaid             = ignored   # nothing has come
    """,
    source=f"{_DOCS}OrderDisplayFinancialStatus and REST financial_status; {_ENUMS}OrderDisplayFinancialStatus",
)

METHOD = table(
    "delivery_method",
    "delivery_category",
    "step",
    """
    shipping       = ship
    pickup_point   = ship      # a carrier brings it to a point
    local          = local
    local_delivery = local
    local_pickup   = pickup
    pick_up        = pickup
    pickup         = pickup
    retail         = pickup    # handed over in the shop
    none           = digital
    """,
    source=f"{_DOCS}DeliveryMethodType; {_ENUMS}DeliveryMethodType",
)

TERMS = table(
    "payment_terms",
    "payment_terms.payment_terms_type",
    "step",
    """
    net         = invoice
    fixed       = invoice
    receipt     = invoice
    fulfillment = invoice   # due when it has left, against an invoice
    unknown     = invoice   # terms at all mean that it is paid later
    """,
    source=f"{_DOCS}PaymentTermsType; {_ENUMS}PaymentTermsType",
)

GATEWAY = table(
    "gateway",
    "payment_gateway_names[]",
    "step",
    """
    Cash on Delivery (COD) = on_delivery
    cash_on_delivery       = on_delivery
    manual                 = external    # taken outside Shopify, and marked as paid by hand
    Bank Deposit           = prepaid
    Money Order            = prepaid
    """,
    source="Shopify Help Center, manual payment methods; https://help.shopify.com/en/manual/payments/additional-payment-methods/manual-payments",
)
"""Gateways are many, and new ones come: one that is not here says nothing of the terms, and the default stands."""

CONSENT = table(
    "consent",
    "marketing_consent.state",
    "step",
    """
    subscribed     = agreed
    not_subscribed = ignored   # never agreed
    pending        = ignored   # has not confirmed
    unsubscribed   = ignored   # took it back
    invalid        = ignored   # the address cannot be written to
    redacted       = ignored   # the person is forgotten
    """,
    source=f"{_DOCS}CustomerEmailMarketingState, CustomerSmsMarketingState; {_ENUMS}CustomerEmailMarketingState",
)

TRANSACTION = table(
    "transaction",
    "transactions[].kind/status",
    "type",
    """
    authorization/success     = payment.authorized
    emv_authorization/success = payment.authorized
    sale/success              = payment.captured
    capture/success           = payment.captured
    void/success              = payment.voided
    refund/success            = payment.refunded
    change/success            = payment.refunded   # cash given back at the till: the sale beside it is what was handed over
    authorization/failure     = payment.failed
    authorization/error       = payment.failed
    emv_authorization/failure = payment.failed
    emv_authorization/error   = payment.failed
    sale/failure              = payment.failed
    sale/error                = payment.failed
    capture/failure           = payment.failed
    capture/error             = payment.failed
    refund/failure            = payment.failed
    refund/error              = payment.failed
    void/failure              = ignored   # the authorization stands
    void/error                = ignored   # the authorization stands
    change/failure            = ignored   # cash does not fail
    change/error              = ignored   # cash does not fail
    authorization/pending     = ignored   # not yet
    emv_authorization/pending = ignored   # not yet
    sale/pending              = ignored   # not yet
    capture/pending           = ignored   # not yet
    void/pending              = ignored   # not yet
    refund/pending            = ignored   # not yet
    change/pending            = ignored   # not yet
    authorization/awaiting_response     = ignored   # not yet
    emv_authorization/awaiting_response = ignored   # not yet
    sale/awaiting_response    = ignored   # not yet
    capture/awaiting_response = ignored   # not yet
    void/awaiting_response    = ignored   # not yet
    refund/awaiting_response  = ignored   # not yet
    change/awaiting_response  = ignored   # not yet
    authorization/unknown     = ignored   # Shopify does not know
    emv_authorization/unknown = ignored   # Shopify does not know
    change/unknown            = ignored   # Shopify does not know
    sale/unknown              = ignored   # Shopify does not know
    capture/unknown           = ignored   # Shopify does not know
    void/unknown              = ignored   # Shopify does not know
    refund/unknown            = ignored   # Shopify does not know
    suggested_refund/success  = ignored   # a proposal
    suggested_refund/failure  = ignored   # a proposal
    suggested_refund/error    = ignored   # a proposal
    suggested_refund/pending  = ignored   # a proposal
    suggested_refund/awaiting_response = ignored   # a proposal
    suggested_refund/unknown  = ignored   # a proposal
    """,
    source=f"{_DOCS}OrderTransactionKind and OrderTransactionStatus; {_ENUMS}OrderTransactionKind",
)

STAGE = table(
    "stage",
    "transactions[].kind",
    "stage",
    """
    authorization     = authorization
    emv_authorization = authorization
    sale              = authorization   # authorizes and captures in one
    capture           = capture
    refund            = refund
    """,
    source=f"{_DOCS}OrderTransactionKind; {_ENUMS}OrderTransactionKind",
)

DECLINE = table(
    "error_code",
    "transactions[].error_code",
    "decline",
    """
    card_declined              = soft
    instrument_declined        = soft
    do_not_honor               = soft
    call_issuer                = soft
    insufficient_funds         = soft
    processing_error           = soft
    generic_error              = soft
    payment_method_unavailable = soft   # for the moment
    authentication_failed      = soft
    authentication_required    = soft
    three_d_secure_failed      = soft
    cancelled_payment          = soft
    incorrect_number           = soft   # mistyped: the customer can correct it
    invalid_number             = soft   # mistyped
    invalid_expiry_date        = soft   # mistyped
    incorrect_cvc              = soft   # mistyped
    invalid_cvc                = soft   # mistyped
    incorrect_pin              = soft   # mistyped
    incorrect_zip              = soft   # mistyped
    incorrect_address          = soft   # mistyped
    amazon_payments_stale      = soft   # not confirmed in time
    expired_card               = hard
    pick_up_card               = hard
    cvv_attempts_exceeded      = hard
    fraud_suspected            = hard
    card_testing               = hard
    authorization_expired      = hard
    amount_too_large           = hard
    amount_too_small           = hard
    invalid_amount             = hard
    invalid_country            = hard
    invalid_currency           = hard
    invalid_payment_method     = hard
    invalid_purchase_type      = hard
    unsupported_feature        = hard
    config_error               = hard   # the shop's own settings
    merchant_account_error     = hard   # the shop's own account
    test_mode_live_card        = hard   # the shop's own settings
    amazon_payments_invalid_payment_method      = hard
    amazon_payments_max_amount_charged          = hard
    amazon_payments_max_amount_refunded         = hard
    amazon_payments_max_authorizations_captured = hard
    amazon_payments_max_refunds_processed       = hard
    amazon_payments_order_reference_canceled    = hard
    """,
    source=f"{_DOCS}OrderTransactionErrorCode; {_ENUMS}OrderTransactionErrorCode",
)

DISPUTE = table(
    "dispute_type",
    "disputes[].type",
    "dispute",
    """
    inquiry    = inquiry
    chargeback = chargeback
    """,
    source=f"{_DOCS}DisputeType; {_ENUMS}DisputeType",
)

OUTCOME = table(
    "dispute_status",
    "disputes[].status",
    "outcome",
    """
    won             = won
    lost            = lost
    accepted        = lost   # the shop gave in
    charge_refunded = lost   # the payer has the money back
    prevented       = lost   # no chargeback, because the payer was refunded
    needs_response  = ignored   # still open
    under_review    = ignored   # still open
    """,
    source=f"{_DOCS}DisputeStatus; {_ENUMS}DisputeStatus",
)

FULFILLMENT = table(
    "fulfillment_status",
    "fulfillments[].status",
    "type",
    """
    success   = warehouse.shipped             # the warehouse's word that it has left; the carrier's comes by scans
    open      = warehouse.label_created       # being prepared: told once there is a tracking number
    pending   = warehouse.label_created       # as open
    cancelled = warehouse.shipment_cancelled
    failure   = warehouse.rejected warehouse.shipment_cancelled
    error     = warehouse.rejected warehouse.shipment_cancelled
    """,
    source=f"{_DOCS}FulfillmentStatus; {_ENUMS}FulfillmentStatus",
)

EVENT = table(
    "event_status",
    "fulfillment_events[].status",
    "scan",
    """
    label_purchased            = label_created
    label_printed              = label_created
    confirmed                  = label_created        # the carrier knows of it, and does not have it
    carrier_picked_up          = accepted
    in_transit                 = in_transit
    delayed                    = delayed
    out_for_delivery           = out_for_delivery
    attempted_delivery         = attempt_failed
    ready_for_pickup           = ready_for_pickup
    ready_for_recipient_pickup = ready_for_pickup
    picked_up                  = delivered            # by the customer
    delivered                  = delivered
    buyer_action_required      = exception
    returning_to_sender        = returning
    failure                    = exception not_found  # nothing could be learnt of it: a wrong number, or a cancelled shipment
    """,
    source=f"{_DOCS}FulfillmentEventStatus, and its unstable values; {_ENUMS}FulfillmentEventStatus",
)
"""Also of a fulfilment's `shipment_status`, which repeats its last event."""

HOLD = table(
    "hold_reason",
    "fulfillment_holds[].reason",
    "hold",
    """
    awaiting_payment                      = payment
    awaiting_return_items                 = other
    high_risk_of_fraud                    = fraud
    incorrect_address                     = address
    inventory_out_of_stock                = inventory
    online_store_post_purchase_cross_sell = other
    unknown_delivery_date                 = other
    other                                 = other
    """,
    source=f"{_DOCS}FulfillmentHoldReason; {_ENUMS}FulfillmentHoldReason",
)

WORK = table(
    "fulfillment_order_status",
    "fulfillment_orders[].status",
    "type",
    """
    on_hold     = order.hold_placed
    in_progress = warehouse.released order.hold_released
    open        = order.hold_released   # not held, or no longer
    scheduled   = order.hold_released   # as open
    incomplete  = order.hold_released   # as open
    closed      = order.hold_released   # as open
    cancelled   = order.hold_released   # as open
    """,
    source=f"{_DOCS}FulfillmentOrderStatus; {_ENUMS}FulfillmentOrderStatus",
)
"""Of fulfilment orders as the API lists them; webhooks are read by their topic."""

RETURN = table(
    "return_status",
    "returns[].status",
    "type",
    """
    requested = return.requested
    open      = return.authorized
    declined  = ignored   # the return does not take place
    canceled  = ignored   # the return does not take place
    closed    = ignored   # done with, whether or not goods came back
    """,
    source=f"{_DOCS}ReturnStatus; {_ENUMS}ReturnStatus",
)
