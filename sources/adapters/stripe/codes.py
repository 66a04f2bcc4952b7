"""What Stripe's codes mean: event types, objects, statuses of disputes and refunds, and why a payment was declined."""

from __future__ import annotations

from typing import Final

from sources.adapters.tables import table

EXPONENTS: Final = {"ISK": 2, "UGX": 2, "MGA": 0}
"""Where Stripe departs from ISO 4217: ISK and UGX have whole amounts only but are still written in hundredths, MGA has no smaller unit.
Source: https://docs.stripe.com/currencies, "Special cases" and "Zero-decimal currencies"."""

EVENTS = table(
    "events",
    "type",
    "type",
    """
    charge.captured                          = payment.captured
    charge.succeeded                         = payment.captured payment.authorized   # authorized where the charge waits for its capture
    charge.failed                            = payment.failed
    charge.expired                           = payment.voided
    charge.refunded                          = payment.refunded payment.voided       # voided where the charge was never captured
    charge.updated                           = payment.captured payment.authorized   # only where it says that more was taken or reserved
    charge.pending                           = ignored   # nothing is decided
    charge.refund.updated                    = payment.refunded payment.failed evidence.withdrawn
    refund.created                           = payment.refunded payment.failed evidence.withdrawn
    refund.updated                           = payment.refunded payment.failed evidence.withdrawn
    refund.failed                            = payment.failed evidence.withdrawn     # a refund that had succeeded may still fail
    charge.dispute.created                   = payment.disputed payment.dispute_closed
    charge.dispute.updated                   = payment.disputed payment.dispute_closed
    charge.dispute.closed                    = payment.dispute_closed payment.disputed
    charge.dispute.funds_withdrawn           = payment.disputed payment.dispute_closed
    charge.dispute.funds_reinstated          = payment.disputed payment.dispute_closed
    payment_intent.amount_capturable_updated = payment.authorized
    payment_intent.succeeded                 = payment.captured
    payment_intent.payment_failed            = payment.failed
    payment_intent.canceled                  = payment.voided                        # only where money had been reserved
    payment_intent.created                   = ignored   # nothing was tried yet
    payment_intent.processing                = ignored   # nothing is decided
    payment_intent.requires_action           = ignored   # nothing is decided: the customer has to do something
    payment_intent.partially_funded          = ignored   # a bank transfer of less than the amount: nothing is taken yet
    review.opened                            = order.hold_placed
    review.closed                            = order.hold_released
    radar.early_fraud_warning.created        = ignored   # the issuer suspects fraud: neither a dispute nor a hold, though one may follow
    radar.early_fraud_warning.updated        = ignored   # the issuer suspects fraud: neither a dispute nor a hold, though one may follow
    checkout.session.completed               = ignored   # its payment is told by the intent and the charge
    checkout.session.expired                 = ignored   # nothing was paid in it
    checkout.session.async_payment_succeeded = ignored   # its payment is told by the intent and the charge
    checkout.session.async_payment_failed    = ignored   # its payment is told by the intent and the charge
    """,
    source="Stripe API, types of events; https://docs.stripe.com/api/events/types",
)

AREAS = table(
    "areas",
    "type (up to the first dot)",
    "type",
    """
    account                           = ignored   # the merchant's own account
    account_notice                    = ignored   # the merchant's own account
    application_fee                   = ignored   # the platform's fee
    balance                           = ignored   # the merchant's own money
    balance_settings                  = ignored   # the merchant's own money
    billing                           = ignored   # subscriptions
    billing_portal                    = ignored   # subscriptions
    capability                        = ignored   # the merchant's own account
    capital                           = ignored   # the merchant's own loans
    cash_balance                      = ignored   # a customer's deposit, no order's payment
    climate                           = ignored   # the merchant's own purchases
    coupon                            = ignored   # discounts
    credit_note                       = ignored   # invoicing; money that goes back is told by its refund
    customer                          = ignored   # customers, their subscriptions and means of payment
    customer_cash_balance_transaction = ignored   # a customer's deposit, no order's payment
    entitlements                      = ignored   # subscriptions
    file                              = ignored   # files
    financial_connections             = ignored   # bank accounts
    identity                          = ignored   # identity documents
    invoice                           = ignored   # subscriptions and invoicing; its payment is told by the intent and the charge
    invoice_payment                   = ignored   # subscriptions and invoicing; its payment is told by the intent and the charge
    invoiceitem                       = ignored   # subscriptions and invoicing
    issuing_authorization             = ignored   # cards that the merchant issues
    issuing_card                      = ignored   # cards that the merchant issues
    issuing_cardholder                = ignored   # cards that the merchant issues
    issuing_dispute                   = ignored   # cards that the merchant issues
    issuing_dispute_settlement_detail = ignored   # cards that the merchant issues
    issuing_fraud_liability_debit     = ignored   # cards that the merchant issues
    issuing_personalization_design    = ignored   # cards that the merchant issues
    issuing_settlement                = ignored   # cards that the merchant issues
    issuing_token                     = ignored   # cards that the merchant issues
    issuing_transaction               = ignored   # cards that the merchant issues
    mandate                           = ignored   # permission to debit, no payment
    payment_link                      = ignored   # offers
    payment_method                    = ignored   # means of payment
    payout                            = ignored   # the merchant's own money
    person                            = ignored   # the merchant's own account
    plan                              = ignored   # the catalogue
    price                             = ignored   # the catalogue
    product                           = ignored   # the catalogue
    promotion_code                    = ignored   # discounts
    quote                             = ignored   # offers
    reporting                         = ignored   # reports
    setup_intent                      = ignored   # a means of payment is kept for later; nothing is paid
    sigma                             = ignored   # reports
    sku                               = ignored   # the catalogue
    source                            = ignored   # means of payment; what is paid with them is told by the charge
    subscription_schedule             = ignored   # subscriptions
    tax                               = ignored   # tax settings
    tax_rate                          = ignored   # tax settings
    terminal                          = ignored   # card readers
    test_helpers                      = ignored   # tests
    topup                             = ignored   # the merchant's own money
    transfer                          = ignored   # the merchant's own money
    treasury                          = ignored   # the merchant's own money
    """,
    source="Stripe API, types of events; https://docs.stripe.com/api/events/types",
)

OBJECTS = table(
    "objects",
    "object",
    "step",
    """
    payment_intent      = payment
    charge              = payment
    refund              = refund
    dispute             = dispute
    review              = review
    balance_transaction = ignored   # the merchant's own ledger
    checkout.session    = ignored   # its payment is told by the intent and the charge
    customer            = ignored   # no payment
    invoice             = ignored   # its payment is told by the intent and the charge
    payment_method      = ignored   # means of payment
    setup_intent        = ignored   # a means of payment is kept for later; nothing is paid
    """,
    source="Stripe API reference, core resources; https://docs.stripe.com/api",
)

DISPUTES = table(
    "disputes",
    "dispute.status",
    "step",
    """
    warning_needs_response = open inquiry
    warning_under_review   = open inquiry
    warning_closed         = closed inquiry             # it became no chargeback; nobody won
    needs_response         = open chargeback
    under_review           = open chargeback
    charge_refunded        = closed inquiry             # until 2018: refunded before it became a chargeback
    prevented              = closed inquiry             # refunded before it became a chargeback
    won                    = closed chargeback won
    lost                   = closed chargeback lost
    """,
    source="Stripe API, Dispute object: status; https://docs.stripe.com/api/disputes/object",
)

REFUNDS = table(
    "refunds",
    "refund.status",
    "step",
    """
    succeeded       = refunded
    failed          = failed
    pending         = ignored   # on its way: the money has not reached the customer
    requires_action = ignored   # the customer has to do something before the money goes back
    canceled        = ignored   # taken back before any money moved
    """,
    source="Stripe API, Refund object: status; https://docs.stripe.com/api/refunds/object",
)

INTENTS = table(
    "intents",
    "payment_intent.status",
    "step",
    """
    succeeded               = captured
    requires_capture        = authorized
    canceled                = canceled
    requires_payment_method = failed    # only with an error: without one nothing was tried yet
    requires_confirmation   = ignored   # nothing was tried yet
    requires_action         = ignored   # nothing is decided: the customer has to do something
    processing              = ignored   # nothing is decided
    """,
    source="Stripe API, PaymentIntent object: status; https://docs.stripe.com/payments/paymentintents/lifecycle",
)
