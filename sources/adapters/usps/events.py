"""What USPS's event codes mean, and what its event texts say beyond them, or instead of them where an answer has no codes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sources.adapters.base import EventBuilder
from sources.adapters.finals import StatedStatus, refine
from sources.adapters.tables import Meaning, table

DELIVERED = "01"

EVENT = table(
    "event",
    "EventCode, eventCode",
    "scan",
    """
    01 = delivered
    02 = attempt_failed     # a notice was left
    03 = accepted
    04 = exception refused
    05 = exception address
    06 = in_transit         # forwarded
    07 = in_transit         # at the post office
    08 = in_transit missorted
    09 = returning
    10 = in_transit
    11 = failed_final       # dead mail
    14 = ready_for_pickup
    15 = in_transit missorted
    16 = ready_for_pickup
    17 = in_transit         # an agent has it, the recipient does not
    19 = in_transit
    21 = returning address
    22 = returning address
    23 = returning address
    24 = returning address
    25 = returning address
    26 = returning address
    27 = returning unclaimed
    28 = returning
    29 = returning
    30 = attempt_failed     # no access
    31 = returning unclaimed
    41 = in_transit
    42 = in_transit         # to a partner
    43 = accepted
    44 = returning          # the sender recalled it
    51 = attempt_failed recipient_absent
    52 = attempt_failed
    53 = attempt_failed
    54 = attempt_failed
    55 = attempt_failed
    56 = attempt_failed recipient_absent
    71 = delayed
    80 = accepted           # by a partner, who brings it to USPS
    81 = in_transit         # with a partner
    82 = in_transit         # with a partner
    83 = in_transit         # tendered to USPS
    89 = label_created
    GX = label_created
    MA = label_created
    NP = label_created      # the post of another country prepares it
    TM = label_created      # a load was received, this package's own acceptance is pending
    AD = accepted
    OA = accepted
    PA = accepted
    UA = accepted
    A1 = in_transit
    EF = in_transit
    L1 = in_transit
    NT = in_transit
    PC = in_transit
    SF = in_transit
    T1 = in_transit
    TL = in_transit
    U1 = in_transit
    OF = out_for_delivery
    DX = ignored            # says that a scan is missing
    GC = ignored            # a return receipt
    """,
    source=(
        "USPS Publications 97 and 199: event codes (https://about.usps.com/publications/pub97/pub97_appi.htm); those from A1 on as"
        " answers of the Web Tools Track and Confirm API and of the Tracking API state them"
    ),
)

TEXT = table(
    "text",
    "Event, eventType",
    "scan",
    """
    Delivered                                             = delivered
    Delivered, Front Desk/Reception/Mail Room             = delivered
    Delivered, Front Door/Porch                           = delivered
    Delivered, Garage / Other Door / Other Location at Address = delivered
    Delivered, Garage or Other Location at Address        = delivered
    Delivered, In/At Mailbox                              = delivered
    Delivered, Individual Picked Up at Post Office        = delivered
    Delivered, Individual Picked Up at Postal Facility    = delivered
    Delivered, Left with Individual                       = delivered
    Delivered, Neighbor as Requested                      = delivered
    Delivered, Parcel Locker                              = delivered
    Delivered, PO Box                                     = delivered
    Delivered to Recipient by Agent                       = delivered
    Delivered, To Agent                                   = in_transit          # an agent has it, the recipient does not
    Delivered to Agent                                    = in_transit          # an agent has it, the recipient does not
    Delivered to Agent for Final Delivery                 = in_transit          # an agent has it, the recipient does not
    Tendered to Agent for Final Delivery                  = in_transit          # an agent has it, the recipient does not
    Tendered to Military Agent                            = in_transit          # an agent has it, the recipient does not
    Tendered to Returns Agent                             = in_transit          # an agent has it, the sender does not
    Delivered, To Original Sender                         = returned
    Out for Delivery                                      = out_for_delivery
    Out for Delivery, Expected Delivery by 9:00pm         = out_for_delivery
    Acceptance                                            = accepted
    Accepted at USPS Destination Facility                 = accepted
    Accepted at USPS Facility                             = accepted
    Accepted at USPS Origin Facility                      = accepted
    Accepted at USPS Origin Sort Facility                 = accepted
    Accepted at USPS Regional Destination Facility        = accepted
    Accepted at USPS Regional Facility                    = accepted
    Accepted at USPS Regional Origin Facility             = accepted
    Picked Up                                             = accepted
    Picked up by Request                                  = accepted
    Picked Up by Shipping Partner                         = accepted
    Picked Up by Shipping Partner, USPS Awaiting Item     = accepted
    USPS in possession of item                            = accepted
    USPS picked up item                                   = accepted
    Electronic Notification                               = label_created
    Electronic Shipping Info Received                     = label_created
    Label Cancelled                                       = cancelled
    Merchant Order Receipt Notification, USPS Awaiting Item = label_created
    Origin Post is Preparing Shipment                     = label_created
    Pre-Shipment Info Sent to USPS                        = label_created
    Pre-Shipment Info Sent to USPS, USPS Awaiting Item    = label_created
    Shipment Received, Package Acceptance Pending         = label_created
    Shipping Label Created                                = label_created
    Shipping Label Created, USPS Awaiting Item            = label_created
    USPS expects item for mailing (SSK)                   = label_created
    Arrival at Post Office                                = in_transit
    Arrival at Unit                                       = in_transit
    Arrived                                               = in_transit
    Arrived at Facility                                   = in_transit
    Arrived at Hub                                        = in_transit
    Arrived at Military Post Office                       = in_transit
    Arrived at Post Office                                = in_transit
    Arrived at Regional Facility                          = in_transit
    Arrived at USPS Destination Facility                  = in_transit
    Arrived at USPS Facility                              = in_transit
    Arrived at USPS Origin Facility                       = in_transit
    Arrived at USPS Regional Destination Facility         = in_transit
    Arrived at USPS Regional Facility                     = in_transit
    Arrived at USPS Regional Origin Facility              = in_transit
    Arrived Shipping Partner Facility                     = in_transit
    Arrived Shipping Partner Facility, USPS Awaiting Item = in_transit
    Arrived USPS Facility                                 = in_transit
    Arrived USPS Regional Facility                        = in_transit
    Arrived USPS Sort Facility                            = in_transit
    Departed                                              = in_transit
    Departed Facility                                     = in_transit
    Departed Post Office                                  = in_transit
    Departed Shipping Partner Facility                    = in_transit
    Departed Shipping Partner Facility, USPS Awaiting Item = in_transit
    Departed USPS Destination Facility                    = in_transit
    Departed USPS Facility                                = in_transit
    Departed USPS Origin Facility                         = in_transit
    Departed USPS Regional Destination Facility           = in_transit
    Departed USPS Regional Facility                       = in_transit
    Departed USPS Regional Origin Facility                = in_transit
    Depart from Transit Office of Exchange                = in_transit
    Dispatched from USPS International Service Center     = in_transit
    Forwarded                                             = in_transit
    In Transit to Next Facility                           = in_transit
    In Transit, Arriving On Time                          = in_transit
    Processed at USPS Regional Destination Facility       = in_transit
    Processed Through Facility                            = in_transit
    Processed Through Regional Facility                   = in_transit
    Processed Through Sort Facility                       = in_transit
    Sorting Complete                                      = in_transit
    Tendered to Postal Service                            = in_transit
    Missent                                               = in_transit missorted
    In Transit, Arriving Late                             = delayed
    Delivery Exception, Animal Interference               = delayed
    Delivery Exception, Local Weather Delay               = delayed weather
    Processing Exception, Other Delay                     = delayed
    Redelivery Scheduled                                  = delayed
    Rescheduled to Next Delivery Day                      = delayed
    Customs Clearance                                     = customs
    Customs Clearance Processing Complete                 = customs
    Inbound Into Customs                                  = customs
    Inbound Out of Customs                                = customs
    Released from US Customs                              = customs
    Held in Customs                                       = held customs
    Attempted Delivery Abroad                             = attempt_failed
    Business Closed                                       = attempt_failed recipient_absent
    Delivery Attempted - No Access to Delivery Location   = attempt_failed
    Notice Left                                           = attempt_failed
    Notice Left (Business Closed)                         = attempt_failed recipient_absent
    Notice Left (No Authorized Recipient Available)       = attempt_failed recipient_absent
    Notice Left (No Secure Location Available)            = attempt_failed
    Notice Left (Receptacle Blocked)                      = attempt_failed
    Notice Left (Receptacle Full/Item Oversized)          = attempt_failed
    Available for Pickup                                  = ready_for_pickup
    Available for Redelivery or Pickup                    = ready_for_pickup
    Collect for Pick Up                                   = ready_for_pickup
    Held at Post Office, At Customer Request              = held
    Refused                                               = exception refused
    Undeliverable as Addressed                            = exception address
    Addressee Unknown                                     = returning address
    Forward Expired                                       = returning address
    Insufficient Address                                  = returning address
    Moved, Left no Address                                = returning address
    No Such Number                                        = returning address
    Vacant                                                = returning address
    Return to Sender                                      = returning
    Return to Sender Processed                            = returning
    Unclaimed                                             = returning unclaimed
    Unclaimed/Being Returned to Sender                    = returning unclaimed
    Disposed by Post Office                               = failed_final disposed
    Sent to Mail Recovery Center                          = failed_final
    Awaiting Delivery Scan                                = ignored             # says that a scan is missing
    Reminder to Schedule Redelivery of your item          = ignored             # a letter to the recipient
    """,
    source="Events of the USPS Web Tools Track and Confirm API, as its guide and its answers state them; USPS publishes no whole list",
)

REFINES: dict[str, frozenset[str]] = {
    "delivered": frozenset(("in_transit", "returned", "ready_for_pickup")),
    "attempt_failed": frozenset(("attempt_failed",)),
    "in_transit": frozenset(("accepted", "in_transit", "customs", "delayed", "held", "out_for_delivery")),
    "ready_for_pickup": frozenset(("held", "in_transit")),
    "failed_final": frozenset(("failed_final",)),
}
"""What a text may make of its code, which is coarser. A text that contradicts its code (`03` with `Delivered`) does not count."""

ERROR = table(
    "error",
    "TrackInfo.Error.Number, error.code, error.errors[].code",
    "step",
    """
    -2147219302 = not_found
    -2147219283 = not_found     # nothing yet
    -2147219301 = error         # nothing to be seen here: no word on whether there is a record
    -2147219303 = ignored       # asked for twice in one request
    404         = not_found
    150001      = not_found     # nothing yet
    """,
    source="Errors of the USPS Web Tools Track and Confirm API; and of the Tracking API v3: https://developers.usps.com/trackingv3",
)

CATEGORY = table(
    "category",
    "TrackInfo.StatusCategory, statusCategory",
    "scan",
    """
    Delivered            = delivered
    Pre-Shipment         = ignored    # its scans say it
    Accepted             = ignored    # its scans say it
    In Transit           = ignored    # its scans say it
    In-Transit           = ignored    # its scans say it
    Out for Delivery     = ignored    # its scans say it
    Out-for-Delivery     = ignored    # its scans say it
    Available for Pickup = ignored    # its scans say it
    Delivery Attempt     = ignored    # its scans say it
    Delivered to Agent   = ignored    # its scans say it
    Alert                = ignored    # its scans say which
    """,
    source="USPS Web Tools, Track and Confirm API user guide: StatusCategory; Tracking API v3: statusCategory",
)


def meaning_of(builder: EventBuilder, code: str | None, text: str | None) -> Meaning | None:
    """What an event means by its code, and by its text where that does not contradict the code."""
    meaning, worded = builder.code(EVENT, code), TEXT.get(text)
    if meaning is None:
        # What a code that is in no table means is still said by its text.
        return builder.code(TEXT, text)
    return refine(meaning, worded, REFINES)


def status_of(
    builder: EventBuilder,
    category: str | None,
    text: str | None,
    events: Iterable[tuple[str | None, str | None]],
    at: datetime | None = None,
) -> StatedStatus | None:
    """What an answer says of a parcel as a whole, and its `text` of a delivery: to whom it was.

    `events` are the codes and texts of its events, of which a delivery says more itself.
    """
    meaning = builder.code(CATEGORY, category)
    if meaning is None:
        return None
    if meaning.terms[:1] == ("delivered",):
        delivery = next(((code, worded) for code, worded in events if code == DELIVERED), None)
        meaning = refine(meaning, TEXT.get(text), REFINES) if delivery is None else meaning_of(builder, *delivery)
    return StatedStatus(meaning, category, text, at)
