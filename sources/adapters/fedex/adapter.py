"""FedEx: answers and webhooks of the Track API (JSON, see `track`), and those of FedEx Web Services (XML), told apart by how they begin.

Of the latter: a `TrackReply` of any version (2 to 20), bare or in its SOAP envelope.

A reply carries a parcel's whole history where the request asked for detailed scans, else its last scan; it does not say when it was
given. Timestamps have offsets, or are local at the scan's place (see `places`); `T00:00:00` without an offset is a date whose time of day
is not known: such a scan is refused, since no instant that could be written would be true. `StatusDetail` sums the scans up: it is told
only where it is final and no scan says it, at the stated time of the delivery, else when the reply was given.

FedEx uses its numbers again: of several shipments of a number the latest is meant where the others lie long before it (see
`replies.latest`); else they are refused, since nothing says which is. Ask again with the `TrackingNumberUniqueIdentifier`. `order_field`
of a connection is looked up in `TrackDetails`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, tzinfo
from functools import partial

from sources.adapters.base import Adapter, EventBuilder
from sources.adapters.carrier_replies import EARLIER, answered_at, content, latest, not_found, parcel_outputs, to_sender
from sources.adapters.fedex import track
from sources.adapters.fedex.codes import DERIVED, ERROR, EVENT, NOTIFICATION, meaning_of
from sources.adapters.fedex.exceptions import EXCEPTION
from sources.adapters.fedex.track import DATE
from sources.adapters.finals import StatedStatus
from sources.adapters.moments import day, iso, undated, when
from sources.adapters.output import AdapterOutput, RefuseError
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.payload import MAX_TEXT_CHARS, PayloadReader, json_or_xml_payload
from sources.adapters.places import Spot, clocks, spot
from sources.adapters.scans import SCAN, scan_event

JSON = frozenset(("output", "errors", "completeTrackResults", "trackResults", "transactionId"))
"""Fields that an answer or a webhook of the Track API has one of."""
UNKNOWN = "neither trackResults (JSON) nor a TrackReply (XML)"


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A reply with the details of one parcel or several."""
    if any(payload.has(name) for name in JSON):
        yield from track.read(payload, builder)
        return
    name, reply = content(payload, UNKNOWN)
    if name == "TrackRequest":
        raise RefuseError("not_a_report", "a request")
    if name != "TrackReply":
        raise RefuseError("unknown_form", UNKNOWN)
    builder.kind(name)
    groups = [reply, *reply.each("CompletedTrackDetails")]
    details = [one for group in groups for one in group.each("TrackDetails")]
    if not details:
        raise RefuseError("not_a_report", "an answer without TrackDetails")
    shared = _numbers_of_several(details)
    for group in groups:
        several = group.flag("DuplicateWaybill") is True
        yield from builder.each(group.each("TrackDetails"), partial(_details, builder=builder, shared=shared, several=several))


def _numbers_of_several(details: list[PayloadReader]) -> dict[str, str | None]:
    """The numbers of several shipments, each with the latest of them (see `replies.latest`)."""
    shipments: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
    for one in details:
        if isinstance(one.value, dict):
            number, unique = (str(one.value.get(name)).strip() for name in ("TrackingNumber", "TrackingNumberUniqueIdentifier"))
            dates = [str(scan.get("Timestamp").value) for scan in one.each("Events") if isinstance(scan.value, dict)]
            shipments[number].setdefault(unique, []).extend(dates)
    return {number: latest(found) for number, found in shipments.items() if len(found) > 1}


def _details(payload: PayloadReader, builder: EventBuilder, shared: dict[str, str | None], *, several: bool) -> Iterator[AdapterOutput]:
    for note in payload.each("Notification"):
        if note.text("Severity") in ("ERROR", "FAILURE"):
            meaning = builder.code(NOTIFICATION, note.id("Code"))
            if meaning is None or meaning.term != "not_found":
                raise RefuseError("not_a_report", "TrackDetails.Notification: an error")
            parcel = ParcelRef(payload.need_id("TrackingNumber"), "FedEx", order=builder.order_of(payload))
            yield from not_found(builder, parcel, note.id("Code"), note.text("Message", longest=MAX_TEXT_CHARS))
            return
    parcel = ParcelRef(payload.need_id("TrackingNumber"), "FedEx", order=builder.order_of(payload))
    meant = shared.get(parcel.tracking or "")
    if meant is None and (several or parcel.tracking in shared):
        raise RefuseError("no_identity", "TrackingNumberUniqueIdentifier: one number, several shipments; nothing says which is meant")
    if meant is not None and meant != str(payload.get("TrackingNumberUniqueIdentifier").value).strip():
        yield EARLIER
        return
    stated_at = answered_at(builder)
    events = list(payload.each("Events"))
    zones = clocks(builder, events, _seen)
    yield from parcel_outputs(
        builder,
        parcel,
        events,
        lambda one: _scan(one, builder, parcel, stated_at, next(zones)),
        lambda: _eta(payload, builder),
        seen_whole=to_sender,
        stated=lambda: _stated(payload, builder, events),
    )


def _scan(
    payload: PayloadReader, builder: EventBuilder, parcel: ParcelRef, stated_at: datetime | None, clock: tzinfo
) -> Iterator[AdapterOutput]:
    type_, exception = payload.need_text("EventType"), payload.text("StatusExceptionCode")
    place = payload.get("Address")
    texts = (payload.text("EventDescription", longest=MAX_TEXT_CHARS), payload.text("StatusExceptionDescription", longest=MAX_TEXT_CHARS))
    scan = Scan(
        at=_at(payload, clock),
        meaning=meaning_of(builder, type_, exception),
        code=type_ if exception is None else f"{type_}/{exception}",
        text=": ".join(text for text in texts if text)[:MAX_TEXT_CHARS] or None,
        # Descriptions and cities come in the language that the request asked for.
        key=(type_, exception, place.text("PostalCode")),
        place={"city": place.text("City"), "region": place.text("StateOrProvinceCode"), "country": place.text("CountryCode")},
    )
    event = scan_event(builder, parcel, scan, stated_at)
    if event is not None:
        yield event


def _seen(payload: PayloadReader) -> tuple[datetime, Spot]:
    """The time of a scan as it is written, and where it was."""
    place = payload.get("Address")
    return _at(payload, None), spot(
        place.text("CountryCode"), place.text("StateOrProvinceCode"), place.text("PostalCode"), place.text("City")
    )


def _at(payload: PayloadReader, clock: tzinfo | None) -> datetime:
    text, where = payload.need_text("Timestamp"), payload.get("Timestamp").path
    if DATE.fullmatch(text):
        raise undated(where, text)
    return iso(text, where, clock)


def _stated(payload: PayloadReader, builder: EventBuilder, events: list[PayloadReader]) -> StatedStatus | None:
    """What the reply says of the parcel as a whole, and when it was delivered, where it is."""
    detail = payload.get("StatusDetail")
    code = detail.text("Code") or payload.text("StatusCode")
    if code is None:
        return None
    text = detail.text("Description", longest=MAX_TEXT_CHARS) or payload.text("StatusDescription", longest=MAX_TEXT_CHARS)
    # A delivery to another carrier has that in the exception of its scan only.
    exception = next((one.text("StatusExceptionCode") for one in events if one.text("EventType") == code), None)
    meaning = meaning_of(builder, code, exception)
    delivered = meaning is not None and meaning.terms[:1] == ("delivered",)
    return StatedStatus(meaning, code, text, _delivery(payload, builder) if delivered else None)


def _delivery(payload: PayloadReader, builder: EventBuilder) -> datetime | None:
    found = _dated(payload, "ActualDeliveryTimestamp", "ACTUAL_DELIVERY")
    text = None if found is None else found.text()
    if found is None or text is None or DATE.fullmatch(text):
        return None
    place = payload.get("ActualDeliveryAddress")
    return iso(text, found.path, builder.zone_at(place.text("CountryCode"), place.text("StateOrProvinceCode")))


def _dated(payload: PayloadReader, name: str, type_: str) -> PayloadReader | None:
    """A date of the parcel, which stands in a field of its own or, since version 12, among others."""
    places = [payload.get(name), *(one.get("DateOrTimestamp") for one in payload.each("DatesOrTimes") if one.text("Type") == type_)]
    return next((one for one in places if one.text()), None)


def _eta(payload: PayloadReader, builder: EventBuilder) -> str | None:
    found = _dated(payload, "EstimatedDeliveryTimestamp", "ESTIMATED_DELIVERY")
    if found is None:
        return None
    text, to = found.need_text(), payload.get("DestinationAddress")
    date = DATE.match(text)
    if date:
        return day(date[1], found.path)
    return when(text, found.path, builder.zone_at(to.text("CountryCode"), to.text("StateOrProvinceCode")))


ADAPTER = Adapter(
    system="fedex",
    title="FedEx",
    forms="Track API v1 (JSON): answers, webhooks of Advanced Integrated Visibility; tracking replies of FedEx Web Services (XML)",
    parse=json_or_xml_payload,
    read=read,
    tables=(EVENT, EXCEPTION, DERIVED, ERROR, NOTIFICATION),
    emits=(SCAN, "evidence.withdrawn"),
    ignores=frozenset({"accept_test", "auto_capture", "order_is_alias"}),
    scheme="fedex",
)
