"""FedEx Track API v1: answers (JSON) about parcels and their pieces, and the webhooks that send the same.

An answer carries a parcel's whole history where the request asked for detailed scans, else its last scan. Times have offsets; `T00:00:00`
without one is a date whose time of day is not known: such a scan is refused. `latestStatusDetail` sums the scans up: it is told only where
it is final and no scan says it, at the `ACTUAL_DELIVERY`, else when the answer was given. A scan has the same ID as in the XML services.

References lead to the order where `order_field` of a connection names their type:
`additionalTrackingInfo.packageIdentifiers.PURCHASE_ORDER`. What is returned (`returnDetail`) has no order.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, tzinfo
from functools import partial

from sources.adapters.base import EventBuilder
from sources.adapters.carrier_replies import EARLIER, answered_at, latest, not_found, order_of, parcel_outputs, to_sender
from sources.adapters.fedex.codes import ERROR, meaning_of
from sources.adapters.finals import StatedStatus
from sources.adapters.moments import day, iso, undated, when
from sources.adapters.output import AdapterOutput, RefuseError
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.payload import MAX_TEXT_CHARS, PayloadReader
from sources.adapters.places import Spot, clocks, spot
from sources.adapters.scans import scan_event

DATE = re.compile(r"(\d{4}-\d{2}-\d{2})T00:00:00(?:\.0+)?")
"""A date that FedEx writes with a time of day, which it does not know."""
SIGNED = "fdx-signature"
"""The header that webhooks have, and answers have not."""


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """An answer, or a webhook, about one parcel or several."""
    output = payload.get("output") if payload.has("output") else payload
    if output.has("completeTrackResults"):
        groups = list(output.each("completeTrackResults"))
    elif output.has("trackResults"):
        groups = [output]
    else:
        raise _no_results(payload, output, builder)
    builder.kind("trackResults")
    results = [(group, one) for group in groups for one in group.each("trackResults")]
    if not results:
        raise RefuseError("not_a_report", "an answer without trackResults")
    shared = _numbers_of_several(results)
    for group in groups:
        number = group.id("trackingNumber")
        yield from builder.each(group.each("trackResults"), partial(_result, builder=builder, asked=number, shared=shared))


def _no_results(payload: PayloadReader, output: PayloadReader, builder: EventBuilder) -> RefuseError:
    """Why an answer without results is refused."""
    errors = [*payload.each("errors"), *output.each("alerts")]
    if not errors:
        return RefuseError("unknown_form" if output is payload else "not_a_report", "no trackResults")
    builder.kind("errors")
    meanings = [ERROR.get(one.text("code")) for one in errors]
    if any(meaning is not None and meaning.term == "not_found" for meaning in meanings):
        return RefuseError("no_identity", "errors: a parcel that FedEx does not know, and not which")
    return RefuseError("not_a_report", "errors: an error answer")


def _number(payload: PayloadReader, asked: str | None) -> str | None:
    """A piece has its own number; what was asked for may be that of its shipment."""
    return payload.id("trackingNumberInfo", "trackingNumber") or payload.id("trackingNumber") or asked


def _numbers_of_several(results: list[tuple[PayloadReader, PayloadReader]]) -> dict[str, str | None]:
    """The numbers of several shipments, each with the latest of them (see `replies.latest`)."""
    shipments: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
    for group, one in results:
        if isinstance(one.value, dict) and isinstance(info := one.value.get("trackingNumberInfo"), dict):
            number = str(info.get("trackingNumber") or group.get("trackingNumber").value).strip()
            dates = [str(scan.get("date").value) for scan in one.each("scanEvents") if isinstance(scan.value, dict)]
            shipments[number].setdefault(_unique(info.get("trackingNumberUniqueId")), []).extend(dates)
    return {number: latest(found) for number, found in shipments.items() if len(found.keys() - {""}) > 1}


def _unique(value: object) -> str:
    return str(value or "").strip()


def _result(payload: PayloadReader, builder: EventBuilder, asked: str | None, shared: dict[str, str | None]) -> Iterator[AdapterOutput]:
    number = _number(payload, asked)
    if number is None:
        raise RefuseError("missing_field", payload.get("trackingNumberInfo", "trackingNumber").path)
    # The parcel of a return goes to the shop: its scans are the return's, and never deliver the order.
    parcel = ParcelRef(number, "FedEx", order=None if _is_return(payload) else order_of(payload, builder))
    code = payload.text("error", "code")
    if code is not None:
        meaning = builder.code(ERROR, code)
        if meaning is None or meaning.term != "not_found":
            raise RefuseError("not_a_report", f"{payload.get('error').path}: an error")
        yield from not_found(builder, parcel, code, payload.text("error", "message", longest=MAX_TEXT_CHARS))
        return
    if number in shared and shared[number] is None:
        raise RefuseError("no_identity", "trackingNumberUniqueId: one number, several shipments; nothing says which is meant")
    if number in shared and shared[number] != _unique(payload.get("trackingNumberInfo", "trackingNumberUniqueId").value):
        yield EARLIER
        return
    pushed = SIGNED in builder.headers
    stated_at = None if pushed else answered_at(builder)
    events = list(payload.each("scanEvents"))
    zones = clocks(builder, events, _seen)
    yield from parcel_outputs(
        builder,
        parcel,
        events,
        lambda one: _scan(one, builder, parcel, stated_at, next(zones)),
        lambda: _eta(payload, builder),
        seen_whole=to_sender,
        stated=lambda: _stated(payload, builder, events),
        pushed=pushed,
    )


def _is_return(payload: PayloadReader) -> bool:
    """Whether the details of a return say anything: answers may have the fields of any parcel, and nothing in them."""
    detail = payload.get("returnDetail")
    reasons = detail.each("reasonDetail")
    return detail.text("authorizationName") is not None or any(one.text("type") or one.text("description") for one in reasons)


def _scan(
    payload: PayloadReader, builder: EventBuilder, parcel: ParcelRef, stated_at: datetime | None, clock: tzinfo
) -> Iterator[AdapterOutput]:
    type_, exception = payload.need_text("eventType"), payload.text("exceptionCode")
    place = payload.get("scanLocation")
    texts = (payload.text("eventDescription", longest=MAX_TEXT_CHARS), payload.text("exceptionDescription", longest=MAX_TEXT_CHARS))
    scan = Scan(
        at=_at(payload.get("date"), clock),
        meaning=meaning_of(builder, type_, exception, payload.text("derivedStatusCode")),
        code=type_ if exception is None else f"{type_}/{exception}",
        text=": ".join(text for text in texts if text)[:MAX_TEXT_CHARS] or None,
        # Descriptions and cities come in the language that the request asked for.
        key=(type_, exception, place.text("postalCode")),
        place={"city": place.text("city"), "region": place.text("stateOrProvinceCode"), "country": place.text("countryCode")},
    )
    event = scan_event(builder, parcel, scan, stated_at)
    if event is not None:
        yield event


def _seen(payload: PayloadReader) -> tuple[datetime, Spot]:
    """The time of a scan as it is written, and where it was."""
    place = payload.get("scanLocation")
    where = spot(place.text("countryCode"), place.text("stateOrProvinceCode"), place.text("postalCode"), place.text("city"))
    return _at(payload.get("date"), None), where


def _at(payload: PayloadReader, clock: tzinfo | None) -> datetime:
    text = payload.text()
    if text is None:
        raise RefuseError("missing_field", payload.path)
    if DATE.fullmatch(text):
        raise undated(payload.path, text)
    return iso(text, payload.path, clock)


def _stated(payload: PayloadReader, builder: EventBuilder, events: list[PayloadReader]) -> StatedStatus | None:
    """What the answer says of the parcel as a whole, and when it was delivered, where it is."""
    latest = payload.get("latestStatusDetail")
    code = latest.text("code")
    if code is None:
        return None
    # A delivery to another carrier has that in the exception of its scan only.
    exception = next((one.text("exceptionCode") for one in events if one.text("eventType") == code), None)
    meaning = meaning_of(builder, code, exception, latest.text("derivedCode"))
    delivered = meaning is not None and meaning.terms[:1] == ("delivered",)
    return StatedStatus(
        meaning, code, latest.text("description", longest=MAX_TEXT_CHARS), _delivery(payload, builder) if delivered else None
    )


def _delivery(payload: PayloadReader, builder: EventBuilder) -> datetime | None:
    found = _dated(payload, "ACTUAL_DELIVERY")
    if found is None or DATE.fullmatch(found.text() or ""):
        return None
    return iso(found.need_text(), found.path, _local(payload.get("latestStatusDetail", "scanLocation"), builder))


def _local(payload: PayloadReader, builder: EventBuilder) -> tzinfo:
    return builder.zone_at(payload.text("countryCode"), payload.text("stateOrProvinceCode"))


def _dated(payload: PayloadReader, type_: str) -> PayloadReader | None:
    """The first date of a type."""
    dates = (one.get("dateTime") for one in payload.each("dateAndTimes") if one.text("type") == type_)
    return next((one for one in dates if one.text()), None)


def _eta(payload: PayloadReader, builder: EventBuilder) -> str | None:
    window = payload.get("estimatedDeliveryTimeWindow", "window", "ends")
    found = window if window.text() else _dated(payload, "ESTIMATED_DELIVERY")
    if found is None:
        return None
    text = found.need_text()
    date = DATE.match(text)
    if date:
        return day(date[1], found.path)
    return when(text, found.path, _local(payload.get("destinationLocation", "locationContactAndAddress", "address"), builder))
