"""FedEx Web Services: a `TrackReply` of any version (2 to 20), bare or in its SOAP envelope.

A reply carries a parcel's whole history where the request asked for detailed scans, else its last scan; it does not say when it was
given. Timestamps have offsets, or are local at the scan's place (see `places`); `T00:00:00` without an offset is a date whose time of day
is not known: such a scan is refused, since no instant that could be written would be true. `StatusDetail` sums the scans up: it is told
only where it is final and no scan says it, at the stated time of the delivery, else when the reply was given.

FedEx uses its numbers again: a number that has several shipments is refused, since nothing says which of them is meant. Ask again with
the `TrackingNumberUniqueIdentifier`. `order_field` of a connection is looked up in `TrackDetails`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

from sources.adapters.answers import answered_at, content, not_found, tell
from sources.adapters.base import Adapter, Say
from sources.adapters.doc import LONGEST_TEXT, Doc, xml_doc
from sources.adapters.fedex.exceptions import EXCEPTION, REFINES
from sources.adapters.finals import Stated, refine
from sources.adapters.moments import day, iso, when
from sources.adapters.places import Spot, clocks, spot
from sources.adapters.scans import SCAN, Parcel, Scan, scan_event
from sources.adapters.tables import Meaning, table
from sources.adapters.told import RefuseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from sources.adapters.told import Told

EVENT = table(
    "event",
    "Events.EventType",
    "scan",
    """
    OC = label_created
    OX = label_created      # announced to USPS, which delivers it
    PU = accepted
    PX = accepted
    IP = accepted           # in FedEx's possession, tendered at a counter
    OF = accepted           # at the facility of origin
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
    DO = delivered
    CA = cancelled
    AE = ignored            # an estimate
    AO = ignored            # an estimate
    AP = ignored            # the driver is at the shipper's: no possession
    DR = ignored            # the driver's vehicle
    DS = ignored            # the driver's vehicle
    EP = ignored            # the driver's way to the shipper
    CH = ignored            # the place of delivery was changed
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
    source="FedEx Web Services, Track Service WSDL Guide: Track service scan codes; FedEx Track API: status codes",
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

_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})T00:00:00(?:\.0+)?")


def read(doc: Doc, say: Say) -> Iterator[Told]:
    """A reply with the details of one parcel or several."""
    name, reply = content(doc)
    if name != "TrackReply":
        raise RefuseError("not_a_report" if name == "TrackRequest" else "unknown_form", "no TrackReply")
    say.kind(name)
    groups = [reply, *reply.each("CompletedTrackDetails")]
    details = [one for group in groups for one in group.each("TrackDetails")]
    if not details:
        raise RefuseError("not_a_report", "an answer without TrackDetails")
    shared = _numbers_of_several(details)
    for group in groups:
        several = group.flag("DuplicateWaybill") is True
        yield from say.each(group.each("TrackDetails"), partial(_details, say=say, shared=shared, several=several))


def _numbers_of_several(details: list[Doc]) -> set[str]:
    shipments: defaultdict[str, set[str]] = defaultdict(set)
    for one in details:
        if isinstance(one.value, dict):
            number, unique = (str(one.value.get(name)).strip() for name in ("TrackingNumber", "TrackingNumberUniqueIdentifier"))
            shipments[number].add(unique)
    return {number for number, found in shipments.items() if len(found) > 1}


def _details(doc: Doc, say: Say, shared: set[str], *, several: bool) -> Iterator[Told]:
    for note in doc.each("Notification"):
        if note.text("Severity") in ("ERROR", "FAILURE"):
            meaning = say.code(NOTIFICATION, note.id("Code"))
            if meaning is None or meaning.word != "not_found":
                raise RefuseError("not_a_report", "TrackDetails.Notification: an error")
            parcel = Parcel(doc.need_id("TrackingNumber"), "FedEx", order=say.order_of(doc))
            yield from not_found(say, parcel, note.id("Code"), note.text("Message", longest=LONGEST_TEXT))
            return
    parcel = Parcel(doc.need_id("TrackingNumber"), "FedEx", order=say.order_of(doc))
    if several or parcel.tracking in shared:
        raise RefuseError("no_identity", "TrackingNumberUniqueIdentifier: one number, several shipments; nothing says which is meant")
    said = answered_at(say)
    events = list(doc.each("Events"))
    zones = clocks(say, events, _seen)
    scans = partial(_scan, say=say, parcel=parcel, said=said)
    yield from tell(
        say, parcel, events, lambda one: scans(one, clock=next(zones)), lambda: _eta(doc, say), stated=lambda: _stated(doc, say)
    )


def _scan(doc: Doc, say: Say, parcel: Parcel, said: datetime | None, clock: tzinfo) -> Iterator[Told]:
    type_, exception = doc.need_text("EventType"), doc.text("StatusExceptionCode")
    place = doc.get("Address")
    texts = (doc.text("EventDescription", longest=LONGEST_TEXT), doc.text("StatusExceptionDescription", longest=LONGEST_TEXT))
    scan = Scan(
        at=_at(doc, clock),
        meaning=_meaning(say, type_, exception),
        code=type_ if exception is None else f"{type_}/{exception}",
        text=": ".join(text for text in texts if text)[:LONGEST_TEXT] or None,
        # Descriptions and cities come in the language that the request asked for.
        key=(type_, exception, place.text("PostalCode")),
        place={"city": place.text("City"), "region": place.text("StateOrProvinceCode"), "country": place.text("CountryCode")},
    )
    event = scan_event(say, parcel, scan, said)
    if event is not None:
        yield event


def _meaning(say: Say, type_: str, exception: str | None) -> Meaning | None:
    meaning, detail = say.code(EVENT, type_), say.code(EXCEPTION, exception)
    if meaning is not None and meaning.words[:1] == ("returning",) and detail is not None and detail.reason:
        return Meaning(("returning", detail.reason))
    return refine(meaning, detail, REFINES)


def _seen(doc: Doc) -> tuple[datetime, Spot]:
    """The time of a scan as it is written, and where it was."""
    place = doc.get("Address")
    return _at(doc, None), spot(place.text("CountryCode"), place.text("StateOrProvinceCode"), place.text("PostalCode"), place.text("City"))


def _at(doc: Doc, clock: tzinfo | None) -> datetime:
    text, where = doc.need_text("Timestamp"), doc.get("Timestamp").path
    if _DATE.fullmatch(text):
        raise RefuseError("bad_time", f"{where}: a date without a time of day")
    return iso(text, where, clock)


def _stated(doc: Doc, say: Say) -> Stated | None:
    """What the reply says of the parcel as a whole, and when it was delivered, where it is."""
    detail = doc.get("StatusDetail")
    code = detail.text("Code") or doc.text("StatusCode")
    if code is None:
        return None
    text = detail.text("Description", longest=LONGEST_TEXT) or doc.text("StatusDescription", longest=LONGEST_TEXT)
    meaning = say.code(EVENT, code)
    delivered = meaning is not None and meaning.words[:1] == ("delivered",)
    return Stated(meaning, code, text, _delivery(doc, say) if delivered else None)


def _delivery(doc: Doc, say: Say) -> datetime | None:
    found = _dated(doc, "ActualDeliveryTimestamp", "ACTUAL_DELIVERY")
    text = None if found is None else found.text()
    if found is None or text is None or _DATE.fullmatch(text):
        return None
    place = doc.get("ActualDeliveryAddress")
    return iso(text, found.path, say.zone_at(place.text("CountryCode"), place.text("StateOrProvinceCode")))


def _dated(doc: Doc, name: str, type_: str) -> Doc | None:
    """A date of the parcel, which stands in a field of its own or, since version 12, among others."""
    places = [doc.get(name), *(one.get("DateOrTimestamp") for one in doc.each("DatesOrTimes") if one.text("Type") == type_)]
    return next((one for one in places if one.text()), None)


def _eta(doc: Doc, say: Say) -> str | None:
    found = _dated(doc, "EstimatedDeliveryTimestamp", "ESTIMATED_DELIVERY")
    if found is None:
        return None
    text, to = found.need_text(), doc.get("DestinationAddress")
    date = _DATE.match(text)
    if date:
        return day(date[1], found.path)
    return when(text, found.path, say.zone_at(to.text("CountryCode"), to.text("StateOrProvinceCode")))


ADAPTER = Adapter(
    system="fedex",
    title="FedEx",
    forms="tracking replies of FedEx Web Services (XML)",
    parse=xml_doc,
    read=read,
    tables=(EVENT, EXCEPTION, NOTIFICATION),
    emits=(SCAN, "evidence.withdrawn"),
    ignores=frozenset({"accept_test", "auto_capture", "order_is_alias"}),
)
