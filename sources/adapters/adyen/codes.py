"""What Adyen's codes mean: event codes of standard notifications, refusal reasons, and what card networks advise about another try."""

from __future__ import annotations

from typing import Final

from sources.adapters.tables import table

EXPONENTS: Final = {"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}
"""Where Adyen departs from ISO 4217. Source: https://docs.adyen.com/development-resources/currency-codes, "differs from standard"."""

EVENTS = table(
    "events",
    "eventCode",
    "step",
    """
    AUTHORISATION                   = authorisation
    AUTHORISATION_ADJUSTMENT        = ignored   # the new total of a reservation, which is no increment
    CAPTURE                         = capture
    CAPTURE_FAILED                  = capture-failed
    CANCELLATION                    = cancel
    TECHNICAL_CANCEL                = cancel
    CANCEL_OR_REFUND                = cancel-or-refund
    EXPIRE                          = cancel
    OFFER_CLOSED                    = ignored   # the customer left without paying: nothing had been reserved
    PENDING                         = ignored   # nothing is decided
    REFUND                          = refund
    REFUND_WITH_DATA                = refund
    REFUND_FAILED                   = refund-failed
    REFUNDED_REVERSED               = refund-failed
    POSTPONED_REFUND                = ignored   # the refund waits for the capture; REFUND tells it
    VOID_PENDING_REFUND             = ignored   # a refund at a terminal was taken back before any money moved
    MANUAL_REVIEW_ACCEPT            = released
    MANUAL_REVIEW_REJECT            = ignored   # the hold stands: the payment is cancelled next, which CANCELLATION tells

    REQUEST_FOR_INFORMATION         = open inquiry
    NOTIFICATION_OF_CHARGEBACK      = open chargeback          # announced; CHARGEBACK of the same dispute takes the money
    CHARGEBACK                      = open chargeback
    PREARBITRATION_OPEN             = open prearbitration      # the issuer takes up a dispute that had been defended
    CHARGEBACK_REVERSED             = closed won               # unless its status says that the issuer may still answer
    PREARBITRATION_WON              = closed won               # likewise
    PREARBITRATION_ISSUER_WITHDRAWN = closed won
    SCHEME_ARBITRATION_WON          = closed won
    ISSUER_RESPONSE_TIMEFRAME_EXPIRED = closed won
    SECOND_CHARGEBACK               = closed lost
    PREARBITRATION_LOST             = closed lost
    PREARBITRATION_ACCEPTED         = closed lost              # the merchant accepted it
    SCHEME_ARBITRATION_LOST         = closed lost
    DISPUTE_DEFENSE_PERIOD_ENDED    = closed lost
    PREARBITRATION_DECLINED         = ignored   # the merchant declined it: the dispute goes on
    SCHEME_ARBITRATION              = ignored   # the card scheme is asked: the dispute goes on
    INFORMATION_SUPPLIED            = ignored   # the merchant's own answer
    ISSUER_COMMENTS                 = ignored   # words of the issuer; no step
    NOTIFICATION_OF_FRAUD           = ignored   # the issuer suspects fraud: neither a dispute nor a hold, though one may follow

    ACH_NOTIFICATION_OF_CHANGE      = ignored   # bank details
    DIRECT_DEBIT_NOTICE_OF_CHANGE_NOTIFICATION = ignored   # bank details
    AUTHENTICATION                  = ignored   # the customer authenticated; what was paid is told by AUTHORISATION
    AUTORESCUE                      = ignored   # each try of a rescue is told by its AUTHORISATION
    CANCEL_AUTORESCUE               = ignored   # no more tries; what failed was told by AUTHORISATION
    DEACTIVATE_RECURRING            = ignored   # means of payment
    DONATION                        = ignored   # a gift beside the order
    HANDLED_EXTERNALLY              = ignored   # handled outside Adyen
    ORDER_OPENED                    = ignored   # several means of payment: each is told by its AUTHORISATION
    ORDER_CLOSED                    = order-closed         # several means of payment: paid in full, or given back
    PAIDOUT_REVERSED                = ignored   # payouts
    PAYOUT_DECLINE                  = ignored   # payouts
    PAYOUT_EXPIRE                   = ignored   # payouts
    PAYOUT_THIRDPARTY               = ignored   # payouts
    PROCESS_RETRY                   = ignored   # each try is told by its AUTHORISATION
    RECURRING_CONTRACT              = ignored   # means of payment
    REPORT_AVAILABLE                = ignored   # reports
    """,
    source="Adyen Webhooks API v1, event codes; https://docs.adyen.com/development-resources/webhooks/webhook-types",
)

ACTIONS = table(
    "actions",
    "additionalData.modification.action",
    "step",
    """
    cancel = cancel
    refund = refund
    """,
    source="Adyen, CANCEL_OR_REFUND webhook; https://docs.adyen.com/api-explorer/Webhooks/1/post/CANCEL_OR_REFUND",
)

STATUSES = table(
    "statuses",
    "additionalData.disputeStatus",
    "step",
    """
    Undefended  = open
    Pending     = open
    Responded   = open
    Unresponded = open
    Won         = won
    Lost        = lost
    Accepted    = lost
    Expired     = lost
    """,
    source="Adyen, dispute webhooks: disputeStatus; https://docs.adyen.com/risk-management/disputes-api/dispute-notifications",
)

REFUSALS = table(
    "refusals",
    "reason",
    "decline",
    """
    Refused                               = soft   # the issuer gives no reason
    Referral                              = soft
    Acquirer Error                        = soft
    Blocked Card                          = hard
    Expired Card                          = hard
    Invalid Amount                        = soft
    Invalid Card Number                   = hard
    Issuer Unavailable                    = soft
    Not supported                         = hard
    3D Not Authenticated                  = soft   # the customer may authenticate again
    Not enough balance                    = soft
    Acquirer Fraud                        = hard
    Cancelled                             = soft
    Shopper Cancelled                     = soft   # the customer broke off
    Invalid Pin                           = soft   # the customer mistyped something
    Pin tries exceeded                    = hard
    Pin validation not possible           = soft
    FRAUD                                 = hard
    Not Submitted                         = soft
    FRAUD-CANCELLED                       = hard
    Transaction Not Permitted             = hard
    CVC Declined                          = soft   # the customer mistyped something
    Restricted Card                       = hard
    Revocation Of Auth                    = hard
    Declined Non Generic                  = soft   # the issuer gives no reason that Adyen knows
    Withdrawal amount exceeded            = soft   # a limit of the day or the week
    Withdrawal count exceeded             = soft   # a limit of the day or the week
    Issuer Suspected Fraud                = hard
    AVS Declined                          = soft   # the customer mistyped something
    Card requires online pin              = soft   # the customer has to enter the PIN
    No checking account available on Card = hard
    No savings account available on Card  = hard
    Mobile pin required                   = soft   # the customer has to enter the PIN
    Contactless fallback                  = soft
    Authentication required               = soft   # the customer has to authenticate
    RReq not received from DS             = soft
    Current AID is in Penalty Box.        = soft
    CVM Required Restart Payment          = soft
    3DS Authentication Error              = soft   # the customer may authenticate again
    Online PIN required                   = soft   # the customer has to enter the PIN
    Try another interface                 = soft
    Chip downgrade mode                   = soft
    Transaction blocked by Adyen to prevent excessive retry fees = hard
    """,
    source="Adyen, refusal reasons; https://docs.adyen.com/development-resources/refusal-reasons",
)

ADVICE = table(
    "advice",
    "additionalData.merchantAdviceCode",
    "decline",
    """
    01 = hard   # the card was replaced
    02 = soft   # not now
    03 = hard   # do not try again
    21 = hard   # the customer has stopped it
    24 = soft   # after an hour
    25 = soft   # after a day
    26 = soft   # after two days
    27 = soft   # after four days
    28 = soft   # after six days
    29 = soft   # after eight days
    30 = soft   # after ten days
    40 = hard   # a prepaid card that cannot be filled again
    41 = hard   # a card number for one use
    """,
    source="Mastercard merchant advice codes, as Adyen passes them on; https://docs.adyen.com/development-resources/raw-acquirer-responses",
)
