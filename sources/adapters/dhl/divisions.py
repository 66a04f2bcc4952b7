"""What DHL's five status codes mean, what the event codes of its divisions say beyond them, and which division has which codes."""

from __future__ import annotations

from typing import Final

from sources.adapters.dhl.ecommerce import ECOMMERCE, EUROPE
from sources.adapters.dhl.parcels import PARCEL_NL, PARCEL_PL
from sources.adapters.tables import CodeTable, grouped, table

PUBLISHED: Final = "DHL Shipment Tracking - Unified API: event codes by service; https://developer.dhl.com/api-reference/shipment-tracking"

STATUS = table(
    "status",
    "events[].statusCode, status.statusCode",
    "scan",
    """
    pre-transit = label_created
    transit     = in_transit
    delivered   = delivered
    failure     = exception
    unknown     = unknown       # no simplified status is available
    """,
    source="DHL Shipment Tracking - Unified API: status codes; https://support-developer.dhl.com/support/solutions/articles/47001197243",
)

EXPRESS = grouped(
    "express",
    "events[].status of express",
    """
    label_created: 104
    accepted: PU SA
    in_transit: AD AF AR DF FD PD PL SM TP TR 102
    out_for_delivery: WC
    delivered: OK 101
    ready_for_pickup: CC
    customs: BN BR CR IC
    held: OH SS
    held customs: CD UD
    held duty: HP
    delayed: MD
    attempt_failed: ND
    attempt_failed recipient_absent: CA NH
    damaged: DD
    exception: 103
    exception address: BA CM
    exception missorted: MC MS
    exception refused: RD
    returning: RT
    failed_final disposed: DS
    ignored (notices, payments): CS PY RR SC
    """,
    source=PUBLISHED,
)

PARCEL_DE = grouped(
    "parcel_de",
    "events[].status of parcel-de",
    """
    label_created: VA
    accepted: AE ES
    in_transit: AA EE NB
    out_for_delivery: PO
    delivered: ZU
    ready_for_pickup: LA ZF
    customs: ZO
    attempt_failed: ZN
    exception: BV
    exception pickup_failed: AN
    ignored (wishes, payments): DD GT
    """,
    source=PUBLISHED,
)

POST_DE = grouped(
    "post_de",
    "events[].status of post-de and svb",
    """
    label_created: ANNOUNCED
    accepted: POSTED POSTED_ARRIVED POSTED_MAIL_TERMINAL
    in_transit: ARRIVAL_AT_OFFICE_OF_DELIVERY ARRIVED_IN_DESTINATION_COUNTRY ARRIVED_TRANSIT BZ BZA BZE DEPARTURE_FROM_INWARD_OE
        FORWARDED_ABROAD PASSED_LETTER_CENTER REDIRECTED TO_BE_SENT_ABROAD
    out_for_delivery: IN_DELIVERY
    delivered: AMOUNT_TRANSFERRED CONFIRMATION_PENDING CONFIRMED CONFIRMED_BY_SENDER DELIVERED DELIVERED_ZU_NOT_OK DELIVERED_ZU_OK
        FETCHED FETCHED_KEY_ACCOUNT_PENDING_DELIVERY_CONFIRMATION FETCHED_NOTIFIED FETCHED_PACKSTATION
        FETCHED_PENDING_DELIVERY_CONFIRMATION FETCHED_PO_BOX_PENDING_DELIVERY_CONFIRMATION PAID_EPOS PAID_MAILMAN
    ready_for_pickup: NOTIFIED NOTIFIED_KEY_ACCOUNT NOTIFIED_PACKSTATION NOTIFIED_PO_BOX
    customs: HANDOVER_CUSTOMS IP_CUSTOMS
    held customs: HELD_BY_CUSTOMS
    attempt_failed: DELIVERY_ATTEMPTED
    exception address: MARBURG
    returning: SENT_BACK SENT_BACK_ABROAD
    returned: RETURNED_TO_SENDER
    unknown: AMBIGUOUS NO_INFO
    ignored (a certificate was replaced): ISSUE_OF_A_REPLACEMENT_CERTIFICATE_PZA
    """,
    source=PUBLISHED,
)

BY_SERVICE: Final[dict[str, CodeTable]] = {
    "express": EXPRESS,
    "parcel-de": PARCEL_DE,
    "post-de": POST_DE,
    "svb": POST_DE,
    "parcel-nl": PARCEL_NL,
    "parcel-pl": PARCEL_PL,
    "ecommerce": ECOMMERCE,
    "ecommerce-apac": ECOMMERCE,
    "ecommerce-europe": EUROPE,
}
"""By the `service` of a shipment; other divisions have the five status codes alone."""

HOME: Final = {
    "parcel-de": "DE",
    "post-de": "DE",
    "svb": "DE",
    "parcel-nl": "NL",
    "parcel-pl": "PL",
    "parcel-uk": "GB",
    "ecommerce-ppl": "CZ",
}
"""The country whose clocks a division's times are of where an event has no place."""

_OPEN: Final = frozenset(
    "accepted in_transit customs out_for_delivery ready_for_pickup held delayed exception attempt_failed damaged returning returned".split()
)
REFINES: Final[dict[str, frozenset[str]]] = {
    "label_created": frozenset(("label_created", "cancelled", "exception")),
    "in_transit": _OPEN,
    "delivered": frozenset(("ready_for_pickup", "in_transit", "returned", "damaged")),
    "exception": (_OPEN - {"accepted", "in_transit", "out_for_delivery"}) | {"lost", "failed_final", "cancelled"},
    "unknown": _OPEN | {"label_created", "lost", "failed_final", "cancelled"},
}
"""What a division's code may make of a status code. One that contradicts it (`pre-transit` with `DELIVERED`) does not count."""
