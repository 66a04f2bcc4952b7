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

from sources.adapters.answers import EARLIER, answered_at, latest, not_found, order_of, tell, to_sender
from sources.adapters.base import EventBuilder
from sources.adapters.doc import LONGEST_TEXT, PayloadReader
from sources.adapters.fedex.codes import ERROR, meaning_of
from sources.adapters.finals import Stated
from sources.adapters.moments import day, iso, undated, when
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.places import Spot, clocks, spot
from sources.adapters.scans import scan_event
from sources.adapters.told import AdapterOutput, RefuseError

DATE = re.compile(r"(\d{4}-\d{2}-\d{2})T00:00:00(?:\.0+)?")
"""A date that FedEx writes with a time of day, which it does not know."""
SIGNED = "fdx-signature"
"""The header that webhooks have, and answers have not."""


def read(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """An answer, or a webhook, about one parcel or several."""
    output = doc.get("output") if doc.has("output") else doc
    if output.has("completeTrackResults"):
        groups = list(output.each("completeTrackResults"))
    elif output.has("trackResults"):
        groups = [output]
    else:
        raise _no_results(doc, output, say)
    say.kind("trackResults")
    results = [(group, one) for group in groups for one in group.each("trackResults")]
    if not results:
        raise RefuseError("not_a_report", "an answer without trackResults")
    shared = _numbers_of_several(results)
    for group in groups:
        number = group.id("trackingNumber")
        yield from say.each(group.each("trackResults"), partial(_result, say=say, asked=number, shared=shared))


def _no_results(doc: PayloadReader, output: PayloadReader, say: EventBuilder) -> RefuseError:
    """Why an answer without results is refused."""
    errors = [*doc.each("errors"), *output.each("alerts")]
    if not errors:
        return RefuseError("unknown_form" if output is doc else "not_a_report", "no trackResults")
    say.kind("errors")
    meanings = [ERROR.get(one.text("code")) for one in errors]
    if any(meaning is not None and meaning.word == "not_found" for meaning in meanings):
        return RefuseError("no_identity", "errors: a parcel that FedEx does not know, and not which")
    return RefuseError("not_a_report", "errors: an error answer")


def _number(doc: PayloadReader, asked: str | None) -> str | None:
    """A piece has its own number; what was asked for may be that of its shipment."""
    return doc.id("trackingNumberInfo", "trackingNumber") or doc.id("trackingNumber") or asked


def _numbers_of_several(results: list[tuple[PayloadReader, PayloadReader]]) -> dict[str, str | None]:
    """The numbers of several shipments, each with the latest of them (see `answers.latest`)."""
    shipments: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
    for group, one in results:
        if isinstance(one.value, dict) and isinstance(info := one.value.get("trackingNumberInfo"), dict):
            number = str(info.get("trackingNumber") or group.get("trackingNumber").value).strip()
            dates = [str(scan.get("date").value) for scan in one.each("scanEvents") if isinstance(scan.value, dict)]
            shipments[number].setdefault(_unique(info.get("trackingNumberUniqueId")), []).extend(dates)
    return {number: latest(found) for number, found in shipments.items() if len(found.keys() - {""}) > 1}


def _unique(value: object) -> str:
    return str(value or "").strip()


def _result(doc: PayloadReader, say: EventBuilder, asked: str | None, shared: dict[str, str | None]) -> Iterator[AdapterOutput]:
    number = _number(doc, asked)
    if number is None:
        raise RefuseError("missing_field", doc.get("trackingNumberInfo", "trackingNumber").path)
    # The parcel of a return goes to the shop: its scans are the return's, and never deliver the order.
    parcel = ParcelRef(number, "FedEx", order=None if _is_return(doc) else order_of(doc, say))
    code = doc.text("error", "code")
    if code is not None:
        meaning = say.code(ERROR, code)
        if meaning is None or meaning.word != "not_found":
            raise RefuseError("not_a_report", f"{doc.get('error').path}: an error")
        yield from not_found(say, parcel, code, doc.text("error", "message", longest=LONGEST_TEXT))
        return
    if number in shared and shared[number] is None:
        raise RefuseError("no_identity", "trackingNumberUniqueId: one number, several shipments; nothing says which is meant")
    if number in shared and shared[number] != _unique(doc.get("trackingNumberInfo", "trackingNumberUniqueId").value):
        yield EARLIER
        return
    pushed = SIGNED in say.headers
    said = None if pushed else answered_at(say)
    events = list(doc.each("scanEvents"))
    zones = clocks(say, events, _seen)
    yield from tell(
        say,
        parcel,
        events,
        lambda one: _scan(one, say, parcel, said, next(zones)),
        lambda: _eta(doc, say),
        seen_whole=to_sender,
        stated=lambda: _stated(doc, say, events),
        pushed=pushed,
    )


def _is_return(doc: PayloadReader) -> bool:
    """Whether the details of a return say anything: answers may have the fields of any parcel, and nothing in them."""
    detail = doc.get("returnDetail")
    reasons = detail.each("reasonDetail")
    return detail.text("authorizationName") is not None or any(one.text("type") or one.text("description") for one in reasons)


def _scan(doc: PayloadReader, say: EventBuilder, parcel: ParcelRef, said: datetime | None, clock: tzinfo) -> Iterator[AdapterOutput]:
    type_, exception = doc.need_text("eventType"), doc.text("exceptionCode")
    place = doc.get("scanLocation")
    texts = (doc.text("eventDescription", longest=LONGEST_TEXT), doc.text("exceptionDescription", longest=LONGEST_TEXT))
    scan = Scan(
        at=_at(doc.get("date"), clock),
        meaning=meaning_of(say, type_, exception, doc.text("derivedStatusCode")),
        code=type_ if exception is None else f"{type_}/{exception}",
        text=": ".join(text for text in texts if text)[:LONGEST_TEXT] or None,
        # Descriptions and cities come in the language that the request asked for.
        key=(type_, exception, place.text("postalCode")),
        place={"city": place.text("city"), "region": place.text("stateOrProvinceCode"), "country": place.text("countryCode")},
    )
    event = scan_event(say, parcel, scan, said)
    if event is not None:
        yield event


def _seen(doc: PayloadReader) -> tuple[datetime, Spot]:
    """The time of a scan as it is written, and where it was."""
    place = doc.get("scanLocation")
    where = spot(place.text("countryCode"), place.text("stateOrProvinceCode"), place.text("postalCode"), place.text("city"))
    return _at(doc.get("date"), None), where


def _at(doc: PayloadReader, clock: tzinfo | None) -> datetime:
    text = doc.text()
    if text is None:
        raise RefuseError("missing_field", doc.path)
    if DATE.fullmatch(text):
        raise undated(doc.path, text)
    return iso(text, doc.path, clock)


def _stated(doc: PayloadReader, say: EventBuilder, events: list[PayloadReader]) -> Stated | None:
    """What the answer says of the parcel as a whole, and when it was delivered, where it is."""
    latest = doc.get("latestStatusDetail")
    code = latest.text("code")
    if code is None:
        return None
    # A delivery to another carrier has that in the exception of its scan only.
    exception = next((one.text("exceptionCode") for one in events if one.text("eventType") == code), None)
    meaning = meaning_of(say, code, exception, latest.text("derivedCode"))
    delivered = meaning is not None and meaning.words[:1] == ("delivered",)
    return Stated(meaning, code, latest.text("description", longest=LONGEST_TEXT), _delivery(doc, say) if delivered else None)


def _delivery(doc: PayloadReader, say: EventBuilder) -> datetime | None:
    found = _dated(doc, "ACTUAL_DELIVERY")
    if found is None or DATE.fullmatch(found.text() or ""):
        return None
    return iso(found.need_text(), found.path, _local(doc.get("latestStatusDetail", "scanLocation"), say))


def _local(doc: PayloadReader, say: EventBuilder) -> tzinfo:
    return say.zone_at(doc.text("countryCode"), doc.text("stateOrProvinceCode"))


def _dated(doc: PayloadReader, type_: str) -> PayloadReader | None:
    """The first date of a type."""
    dates = (one.get("dateTime") for one in doc.each("dateAndTimes") if one.text("type") == type_)
    return next((one for one in dates if one.text()), None)


def _eta(doc: PayloadReader, say: EventBuilder) -> str | None:
    window = doc.get("estimatedDeliveryTimeWindow", "window", "ends")
    found = window if window.text() else _dated(doc, "ESTIMATED_DELIVERY")
    if found is None:
        return None
    text = found.need_text()
    date = DATE.match(text)
    if date:
        return day(date[1], found.path)
    return when(text, found.path, _local(doc.get("destinationLocation", "locationContactAndAddress", "address"), say))
