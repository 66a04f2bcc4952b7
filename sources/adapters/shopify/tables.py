"""Shopify's codes and what they become. The enumerations are those of the Admin API, whose REST forms are the same words in lower case."""

from __future__ import annotations

from sources.adapters.tables import table

_DOCS = "Shopify Admin API, "
_ENUMS = "https://shopify.dev/docs/api/admin-graphql/latest/enums/"

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
    voided             = payment.voided       # without an amount: what was reserved was given back
    expired            = payment.voided       # likewise, by itself
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
    change/success            = ignored   # cash given back at the till: the sale beside it is told without what was handed over
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
    scheduled   = ignored   # neither held nor due before its fulfill_at, which is told as the date to ship by
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
    declined  = return.cancelled   # what was asked for does not take place
    canceled  = return.cancelled
    closed    = ignored   # done with, whether or not goods came back
    """,
    source=f"{_DOCS}ReturnStatus; {_ENUMS}ReturnStatus",
)
