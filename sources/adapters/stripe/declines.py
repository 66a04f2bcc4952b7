"""Why Stripe says that a payment was declined, and whether another try with the same means of payment may work."""

from __future__ import annotations

from sources.adapters.tables import table

ADVICE = table(
    "advice",
    "outcome.advice_code",
    "decline",
    """
    try_again_later   = soft
    confirm_card_data = soft
    do_not_try_again  = hard
    """,
    source="Stripe, advice codes: what the card network says of another try; https://docs.stripe.com/declines/codes#retrying-issuer-declines",
)

DECLINES = table(
    "declines",
    "decline_code, failure_code or outcome.reason",
    "decline",
    """
    approve_with_id                  = soft
    authentication_required          = soft   # the customer has to authenticate
    call_issuer                      = soft
    card_not_supported               = hard
    card_velocity_exceeded           = soft   # a limit of the day or the week
    currency_not_supported           = hard
    do_not_honor                     = soft   # the issuer gives no reason
    do_not_try_again                 = hard
    duplicate_transaction            = soft
    expired_card                     = hard
    fraudulent                       = hard
    generic_decline                  = soft   # the issuer gives no reason
    incorrect_address                = soft   # the customer mistyped something
    incorrect_number                 = hard
    incorrect_cvc                    = soft   # the customer mistyped something
    incorrect_pin                    = soft   # the customer mistyped something
    incorrect_zip                    = soft   # the customer mistyped something
    insufficient_funds               = soft
    invalid_account                  = hard
    invalid_amount                   = soft   # the amount is beyond what is allowed now
    invalid_cvc                      = soft   # the customer mistyped something
    invalid_expiry_month             = soft   # the customer mistyped something
    invalid_expiry_year              = soft   # the customer mistyped something
    invalid_number                   = hard
    invalid_pin                      = soft   # the customer mistyped something
    issuer_not_available             = soft
    lost_card                        = hard
    merchant_blacklist               = hard
    mobile_device_authentication_required = soft   # the customer has to authenticate
    new_account_information_available = hard   # the card was replaced
    no_action_taken                  = soft   # the issuer gives no reason
    not_permitted                    = hard
    offline_pin_required             = soft   # the customer has to enter the PIN
    online_or_offline_pin_required   = soft   # the customer has to enter the PIN
    partner_generic_decline          = soft   # no reason given
    partner_insufficient_funds       = soft
    pickup_card                      = hard
    pin_try_exceeded                 = hard
    previously_declined_do_not_retry = hard   # Stripe itself will not try this card again
    processing_error                 = soft
    reenter_transaction              = soft
    restricted_card                  = hard
    revocation_of_all_authorizations = hard
    revocation_of_authorization      = hard
    security_violation               = hard
    service_not_allowed              = hard
    stolen_card                      = hard
    stop_payment_order               = hard
    testmode_decline                 = hard   # a test card in live mode
    transaction_not_allowed          = hard
    try_again_later                  = soft
    withdrawal_count_limit_exceeded  = soft   # a limit of the day or the week

    highest_risk_level               = hard   # blocked by Radar
    elevated_risk_level              = soft   # held for review by Radar
    rule                             = hard   # blocked by a rule of the merchant's own
    blocklist                        = hard   # blocked by a list of the merchant's own
    requested_block_on_incorrect_cvc = soft   # the customer mistyped something
    requested_block_on_incorrect_zip = soft   # the customer mistyped something

    account_closed                   = hard
    account_information_mismatch     = hard
    account_number_invalid           = hard
    amount_too_large                 = hard
    amount_too_small                 = hard
    balance_insufficient             = soft
    bank_account_declined            = hard
    bank_account_restricted          = hard
    bank_account_unusable            = hard
    bank_account_unverified          = soft   # the customer has to verify it
    bank_account_verification_failed = hard
    card_decline_rate_limit_exceeded = soft
    card_declined                    = soft   # no reason given
    capture_charge_authorization_expired = hard
    charge_exceeds_source_limit      = soft   # a limit of the day or the week
    charge_exceeds_transaction_limit = hard
    charge_exceeds_weekly_limit      = soft   # a limit of the week
    charge_expired_for_capture       = hard
    debit_not_authorized             = hard
    gift_card_balance_insufficient   = hard
    invalid_card_type                = hard
    invalid_characters               = soft   # the customer mistyped something
    invoice_payment_intent_requires_action = soft   # the customer has to authenticate
    no_account                       = hard
    payment_intent_action_required   = soft   # the customer has to authenticate
    payment_intent_authentication_failure = soft   # the customer may authenticate again
    payment_intent_incompatible_payment_method = hard
    payment_intent_konbini_rejected_confirmation_number = soft   # the customer mistyped something
    payment_intent_mandate_invalid   = hard
    payment_intent_payment_attempt_expired = soft   # the customer was too slow
    payment_intent_payment_attempt_failed = soft   # no reason given
    payment_method_bank_account_blocked = hard
    payment_method_currency_mismatch = hard
    payment_method_customer_decline  = soft   # the customer broke off
    payment_method_not_available     = soft   # the provider is not available now
    payment_method_provider_decline  = soft   # no reason given
    payment_method_provider_timeout  = soft
    payment_method_unactivated       = hard
    payment_method_unexpected_state  = soft
    payment_method_unsupported_type  = hard
    refer_to_customer                = hard   # the customer stopped the debit
    routing_number_invalid           = hard
    sepa_unsupported_account         = hard
    """,
    source="Stripe, decline codes, error codes and outcomes; https://docs.stripe.com/declines/codes, https://docs.stripe.com/error-codes",
)
