"""What PayPal's codes mean: event types, statuses of payments, and stages and outcomes of disputes."""

from __future__ import annotations

from sources.adapters.tables import table

EVENTS = table(
    "events",
    "event_type",
    "type",
    """
    CHECKOUT.ORDER.COMPLETED            = payment.captured payment.authorized payment.refunded payment.voided payment.failed
    CHECKOUT.ORDER.PROCESSED            = payment.captured payment.authorized payment.refunded payment.voided payment.failed
    CHECKOUT.ORDER.VOIDED               = payment.voided payment.captured payment.authorized payment.refunded payment.failed
    CHECKOUT.ORDER.DECLINED             = payment.failed
    CHECKOUT.PAYMENT-APPROVAL.REVERSED  = payment.voided     # approved by the buyer, not captured in time: PayPal gave it back
    CHECKOUT.ORDER.APPROVED             = ignored   # the buyer agreed: nothing is reserved or taken yet
    CHECKOUT.ORDER.SAVED                = ignored   # nothing is reserved or taken yet
    CHECKOUT.CHECKOUT.BUYER-APPROVED    = ignored   # the buyer agreed: nothing is reserved or taken yet
    PAYMENTS.PAYMENT.CREATED            = ignored   # the buyer agreed: nothing is reserved or taken yet

    PAYMENT.AUTHORIZATION.CREATED       = payment.authorized payment.failed
    PAYMENT.AUTHORIZATION.VOIDED        = payment.voided
    PAYMENT.CAPTURE.COMPLETED           = payment.captured
    PAYMENT.CAPTURE.PENDING             = ignored   # nothing is decided: an eCheck, or a review
    PAYMENT.CAPTURE.DENIED              = payment.failed
    PAYMENT.CAPTURE.DECLINED            = payment.failed
    PAYMENT.CAPTURE.REFUNDED            = payment.refunded payment.failed
    PAYMENT.CAPTURE.REVERSED            = payment.refunded payment.failed     # taken back by PayPal
    PAYMENT.SALE.COMPLETED              = payment.captured
    PAYMENT.SALE.PENDING                = ignored   # nothing is decided: an eCheck, or a review
    PAYMENT.SALE.DENIED                 = payment.failed
    PAYMENT.SALE.REFUNDED               = payment.refunded payment.failed
    PAYMENT.SALE.REVERSED               = payment.refunded payment.failed     # taken back by PayPal
    PAYMENT.REFUND.COMPLETED            = payment.refunded payment.failed
    PAYMENT.REFUND.PENDING              = ignored   # on its way: the money has not reached the buyer
    PAYMENT.REFUND.FAILED               = payment.failed
    PAYMENT.REFUND.DENIED               = payment.failed
    PAYMENT.REFUND.CANCELLED            = ignored   # taken back before any money moved
    PAYMENT.ORDER.CREATED               = ignored   # nothing is reserved or taken yet
    PAYMENT.ORDER.CANCELLED             = ignored   # nothing had been reserved; what had is told by its authorization

    CUSTOMER.DISPUTE.CREATED            = payment.disputed payment.dispute_closed
    CUSTOMER.DISPUTE.UPDATED            = payment.disputed payment.dispute_closed
    CUSTOMER.DISPUTE.RESOLVED           = payment.dispute_closed
    RISK.DISPUTE.CREATED                = ignored   # superseded: CUSTOMER.DISPUTE.CREATED tells it
    """,
    source="PayPal, webhook event names; https://developer.paypal.com/api/rest/webhooks/event-names/",
)

AREAS = table(
    "areas",
    "event_type (its beginning)",
    "type",
    """
    BALANCE-ACCOUNT                = ignored   # the merchant's own money
    BILLING                        = ignored   # subscriptions; what is paid is told by its sale or capture
    BILLING_AGREEMENTS             = ignored   # subscriptions
    CATALOG                        = ignored   # the catalogue
    CUSTOMER.ACCOUNT-LIMITATION    = ignored   # the merchant's own account
    CUSTOMER.ACCOUNT-ENTITY        = ignored   # the merchant's own account
    CUSTOMER.MANAGED-ACCOUNT       = ignored   # the merchant's own account
    CUSTOMER.MERCHANT-INTEGRATION  = ignored   # the merchant's own account
    CUSTOMER-SUPPORT.CHARGEBACK    = ignored   # the merchant's own answer; how the dispute goes on is told by CUSTOMER.DISPUTE
    IDENTITY                       = ignored   # permissions
    INVOICING                      = ignored   # invoices that PayPal writes; what is paid is told by its sale or capture
    MERCHANT                       = ignored   # the merchant's own account
    PAYMENT-NETWORKS               = ignored   # means of payment
    PAYMENT.NETWORK-TRANSACTION    = ignored   # settlement
    PAYMENT.PAYOUTS-ITEM           = ignored   # payouts
    PAYMENT.PAYOUTSBATCH           = ignored   # payouts
    PAYMENT.REFERENCED-PAYOUT-ITEM = ignored   # payouts
    VAULT                          = ignored   # means of payment
    """,
    source="PayPal, webhook event names; https://developer.paypal.com/api/rest/webhooks/event-names/",
)

AUTHORIZATIONS = table(
    "authorizations",
    "authorization status",
    "step",
    """
    CREATED            = authorized
    AUTHORIZED         = authorized
    CAPTURED           = authorized   # and captured, which its capture tells
    PARTIALLY_CAPTURED = authorized
    VOIDED             = voided
    EXPIRED            = voided
    DENIED             = failed
    PENDING            = ignored   # nothing is decided
    """,
    source="PayPal Payments API v1 and v2, authorization: state, status; https://developer.paypal.com/docs/api/payments/v2/",
)

CAPTURES = table(
    "captures",
    "capture or sale status",
    "step",
    """
    COMPLETED          = captured
    PARTIALLY_REFUNDED = captured   # its refunds are told by themselves
    REFUNDED           = captured   # its refunds are told by themselves
    DECLINED           = failed
    DENIED             = failed
    FAILED             = failed
    PENDING            = ignored   # nothing is decided: an eCheck, or a review
    """,
    source="PayPal Payments API v1 and v2, capture and sale: state, status; https://developer.paypal.com/docs/api/payments/v2/",
)

REFUNDS = table(
    "refunds",
    "refund status",
    "step",
    """
    COMPLETED = refunded
    FAILED    = failed
    DENIED    = failed
    PENDING   = ignored   # on its way: the money has not reached the buyer
    CANCELLED = ignored   # taken back before any money moved
    """,
    source="PayPal Payments API v1 and v2, refund: state, status; https://developer.paypal.com/docs/api/payments/v2/",
)

STAGES = table(
    "stages",
    "dispute_life_cycle_stage",
    "dispute",
    """
    INQUIRY         = inquiry
    CHARGEBACK      = chargeback   # a claim: PayPal decides
    PRE_ARBITRATION = chargeback
    ARBITRATION     = chargeback
    """,
    source="PayPal Disputes API v1, dispute_lifecycle_stage; https://developer.paypal.com/docs/api/customer-disputes/v1/",
)

OUTCOMES = table(
    "outcomes",
    "dispute_outcome.outcome_code",
    "outcome",
    """
    RESOLVED_BUYER_FAVOUR  = lost
    RESOLVED_SELLER_FAVOUR = won
    RESOLVED_WITH_PAYOUT   = ignored   # PayPal paid: it does not say who bears it
    CANCELED_BY_BUYER      = won
    ACCEPTED               = lost
    DENIED                 = won
    NONE                   = ignored   # closed without a decision, such as for another dispute of the same payment
    """,
    source="PayPal Disputes API v1, dispute_outcome; https://developer.paypal.com/docs/api/customer-disputes/v1/",
)

RESPONSES = table(
    "responses",
    "processor_response.response_code",
    "decline",
    """
    00N7 = soft   # the security code was wrong
    0100 = soft   # referral
    0390 = hard   # no such account
    0500 = soft   # do not honor: no reason given
    0580 = hard   # not authorized
    1330 = hard   # invalid account
    1335 = hard   # invalid account for recurring payments
    1380 = soft   # the expiry date was wrong
    1382 = soft   # the security code was wrong
    5100 = soft   # declined: no reason given
    5110 = soft   # the security code was wrong
    5120 = soft   # insufficient funds
    5130 = soft   # the PIN was wrong
    5140 = hard   # the card was closed
    5150 = hard   # pick up the card
    5160 = hard   # not authorized
    5170 = soft   # the address was wrong
    5180 = hard   # an invalid or restricted card
    5190 = soft   # the address was wrong
    5200 = soft   # the same payment twice
    5210 = hard   # an invalid transaction
    5400 = hard   # the card has expired
    5500 = soft   # the PIN was wrong
    5650 = soft   # the customer has to authenticate
    5700 = hard   # not permitted
    5710 = soft   # beyond a limit
    5900 = hard   # an invalid issue
    5910 = hard   # the issuer is not available, not to be tried again
    5920 = soft   # the issuer is not available
    5930 = hard   # the card is not activated
    5950 = hard   # the account was replaced
    6300 = hard   # no such account
    7700 = soft   # 3-D Secure failed
    7710 = soft   # the customer did not authenticate
    9100 = soft   # declined, to be tried again
    9500 = hard   # suspected fraud
    9510 = hard   # security violation
    9520 = hard   # lost or stolen
    9530 = soft   # call the issuer
    9540 = hard   # refused
    """,
    source="PayPal Orders API v2, processor_response.response_code (cards); https://developer.paypal.com/api/rest/responses/",
)
