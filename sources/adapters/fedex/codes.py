"""What FedEx's event types mean, in its web services and in its Track API, and what its answers say instead of scans."""

from __future__ import annotations

from sources.adapters.base import EventBuilder
from sources.adapters.fedex.exceptions import EXCEPTION, REFINES
from sources.adapters.finals import refine, unmapped
from sources.adapters.tables import Meaning, table

EVENT = table(
    "event",
    "Events.EventType, scanEvents[].eventType",
    "scan",
    """
    OC = label_created
    OX = label_created      # announced to USPS, which delivers it
    MD = label_created      # the manifest was received
    PU = accepted
    PX = accepted
    IP = accepted           # in FedEx's possession, tendered at a counter
    OF = accepted           # at the facility of origin
    DO = accepted           # dropped off at a FedEx location
    AA = in_transit
    AC = in_transit         # at Canada Post
    AF = in_transit
    AR = in_transit
    AS = in_transit         # the address was corrected on the way
    AX = in_transit         # at USPS
    DP = in_transit
    EA = in_transit         # on its way to the airport, or cleared for export
    EO = in_transit
    FD = in_transit
    IT = in_transit
    IX = in_transit
    LO = in_transit
    PF = in_transit
    PL = in_transit
    PM = in_transit
    SF = in_transit
    TR = in_transit
    CC = customs            # cleared
    CP = customs
    CD = held customs
    AD = out_for_delivery
    ED = out_for_delivery
    OD = out_for_delivery
    HL = ready_for_pickup
    HP = ready_for_pickup
    DE = exception
    SE = exception
    DD = delayed
    DY = delayed
    PD = exception pickup_failed
    RS = returning
    DL = delivered
    CA = cancelled
    AE = ignored            # an estimate
    AO = ignored            # an estimate
    AP = ignored            # the driver is at the shipper's: no possession
    DR = ignored            # the driver's vehicle
    DS = ignored            # the driver's vehicle
    EP = ignored            # the driver's way to the shipper
    CH = ignored            # the place of delivery was changed
    PR = ignored            # the address was changed
    RA = ignored            # a wish of the recipient: another address
    RT = ignored            # a wish: back to the sender
    IN = ignored            # a wish of the shipper was carried out
    US = ignored            # an estimate
    HA = ignored            # a wish of the recipient was accepted
    RR = ignored            # a wish of the recipient
    RM = ignored            # a wish of the recipient was changed
    RC = ignored            # a wish of the recipient was withdrawn
    RP = ignored            # a link to a return label
    LP = ignored            # a link to a return label
    RG = ignored            # a link to a return label
    RD = ignored            # a link to a return label
    SP = ignored            # the pieces of a shipment differ: each has its own scans
    """,
    source="FedEx Web Services, Track Service WSDL Guide: Track service scan codes; FedEx Track API and Advanced"
    " Integrated Visibility: event types",
)

DERIVED = table(
    "derived",
    "scanEvents[].derivedStatusCode, latestStatusDetail.derivedCode",
    "scan",
    """
    IN = label_created
    PU = accepted
    IT = in_transit
    OW = in_transit
    OD = out_for_delivery
    HL = ready_for_pickup
    HP = ready_for_pickup
    DE = exception
    SE = exception
    DY = delayed
    RL = delayed            # running late
    CD = held customs
    RS = returning
    DL = delivered
    CA = cancelled
    """,
    source="FedEx Track API: derived status codes, as its replies state them",
)

ERROR = table(
    "error",
    "trackResults[].error.code",
    "step",
    """
    TRACKING.TRACKINGNUMBER.NOTFOUND = not_found
    TRACKING.TRACKINGNUMBER.INVALID = not_found     # the number is none
    TRACKING.DATA.NOTFOUND = not_found              # nothing yet
    TRACKING.TRACKINGNUMBER.EMPTY = error
    TRACKING.REFERENCENUMBER.NOTFOUND = error       # a reference, no number
    TRACKING.TCN.NOTFOUND = error                   # a control number, no tracking number
    SERVICE.UNAVAILABLE.ERROR = error
    INTERNAL.SERVER.ERROR = error
    """,
    source="FedEx Track API v1: error codes; https://developer.fedex.com/api/en-us/catalog/track/v1/docs.html",
)

NOTIFICATION = table(
    "notification",
    "Notification.Code",
    "step",
    """
    6035 = not_found        # the number is none
    9040 = not_found
    5508 = error            # the number is none, and is not named
    6330 = error
    9045 = error            # try again
    9080 = error            # call FedEx
    """,
    source="FedEx Web Services, Track Service: notification codes of replies",
)


def meaning_of(builder: EventBuilder, type_: str, exception: str | None, derived: str | None = None) -> Meaning | None:
    """What an event means by its type, and by its exception where that does not contradict the type.

    The status that FedEx derives from an event is coarser than its type (`IT` of an event `OD`): it counts where no table has the type.
    """
    meaning, detail, coarse = builder.code(EVENT, type_), builder.code(EXCEPTION, exception), builder.code(DERIVED, derived)
    if meaning is None:
        return unmapped(coarse)
    if meaning.terms[:1] == ("returning",) and detail is not None and detail.reason:
        return Meaning(("returning", detail.reason))
    return refine(meaning, detail, REFINES)
