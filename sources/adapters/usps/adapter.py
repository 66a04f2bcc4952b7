"""USPS: answers and messages of the Tracking API (JSON, see `track`), and those of the Web Tools (XML), told apart by how they begin.

Of the latter: a `TrackResponse` of the Package Track and Confirm "Fields" API, with one parcel or several.

An answer carries each parcel's whole history, newest first, and does not say when it was given. Times are local at the scan's place (see
`places`); at military addresses they are the connection's. An event without a time of day, or without a date, is refused: no instant that
could be written would be true. Requests without `Revision` have no event codes; the texts stand in for them. `order_field` of a connection
is looked up in `TrackInfo`.

Stamps.com (SWSIM) answers with the same scans, and without the parcel's number: its answers are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo

from sources.adapters.base import Adapter, EventBuilder
from sources.adapters.carrier_replies import answered_at, content, not_found, parcel_outputs
from sources.adapters.finals import StatedStatus
from sources.adapters.moments import day, patterned, undated
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.payload import MAX_TEXT_CHARS, PayloadReader, json_or_xml_payload
from sources.adapters.places import Spot, clocks, spot
from sources.adapters.postal import country_named
from sources.adapters.scans import SCAN, scan_event
from sources.adapters.tables import folded
from sources.adapters.usps import track
from sources.adapters.usps.events import CATEGORY, ERROR, EVENT, TEXT, meaning_of, status_of

REQUESTS = frozenset(("TrackRequest", "TrackFieldRequest", "TrackShipment"))
_DAY = "%B %d, %Y"
_TIME = (f"{_DAY} %I:%M %p", f"{_DAY} %I:%M%p")
UNKNOWN = "neither a trackingNumber (JSON) nor a TrackResponse (XML)"


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """An answer with one parcel or several."""
    if isinstance(payload.value, list) or any(payload.has(name) for name in track.FIELDS):
        yield from track.read(payload, builder)
        return
    name, here = content(payload, UNKNOWN)
    if name in REQUESTS:
        raise RefuseError("not_a_report", "a request")
    if name == "Error":
        raise RefuseError("not_a_report", "an error answer")
    if name == "TrackShipmentResponse":
        builder.kind(name)
        raise RefuseError("no_identity", "TrackShipmentResponse: of Stamps.com, which does not name the parcel")
    if name != "TrackResponse":
        raise RefuseError("unknown_form", UNKNOWN)
    builder.kind(name)
    if not here.get("TrackInfo"):
        raise RefuseError("not_a_report", "an answer without TrackInfo")
    yield from builder.each(here.each("TrackInfo"), lambda one: _parcel(one, builder))


def _parcel(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    parcel = ParcelRef(payload.need_id("@ID"), "USPS", order=builder.order_of(payload))
    error = payload.get("Error")
    if error:
        yield from _error(error, builder, parcel)
        return
    summary = payload.get("TrackSummary")
    if isinstance(summary.value, str):
        raise RefuseError("unknown_form", "TrackSummary: a sentence; ask for fields")
    stated_at = answered_at(builder)
    scans = [*payload.each("TrackSummary"), *payload.each("TrackDetail")]
    zones = clocks(builder, scans, _seen)
    yield from parcel_outputs(
        builder,
        parcel,
        scans,
        lambda one: _scan(one, builder, parcel, stated_at, next(zones)),
        lambda: _eta(payload),
        stated=lambda: _stated(payload, builder, scans),
    )


def _error(payload: PayloadReader, builder: EventBuilder, parcel: ParcelRef) -> Iterator[AdapterOutput]:
    number = payload.id("Number")
    meaning = builder.code(ERROR, number)
    if meaning is None or not (meaning.ignored or meaning.term == "not_found"):
        raise RefuseError("not_a_report", "TrackInfo.Error: an error")
    if meaning.ignored:
        yield Ignored("TrackInfo.Error", meaning.why)
        return
    yield from not_found(builder, parcel, number, payload.text("Description", longest=MAX_TEXT_CHARS))


def _scan(
    payload: PayloadReader, builder: EventBuilder, parcel: ParcelRef, stated_at: datetime | None, clock: tzinfo
) -> Iterator[AdapterOutput]:
    code, text = payload.text("EventCode"), payload.text("Event")
    if code is None and text is None:
        raise RefuseError("missing_field", payload.get("EventCode").path)
    city, state, zip_code = payload.text("EventCity"), payload.text("EventState"), payload.text("EventZIPCode")
    there = _spot(payload)
    meaning = meaning_of(builder, code, text)
    scan = Scan(
        at=_at(payload, clock),
        meaning=meaning,
        code=code,
        text=text,
        # Not the text where there is a code: it is reworded (`Delivered`, `Delivered, Front Door/Porch`) without another meaning.
        key=(code or folded(text or ""), None if meaning is None else " ".join(meaning.terms), city, zip_code),
        place={"city": city, "region": state or there.region, "country": there.country or payload.text("EventCountry")},
    )
    event = scan_event(builder, parcel, scan, stated_at)
    if event is not None:
        yield event


def _seen(payload: PayloadReader) -> tuple[datetime, Spot]:
    """The time of a scan as it is written, and where it was."""
    return _at(payload, None), _spot(payload)


def _spot(payload: PayloadReader) -> Spot:
    """Where a scan was; a country is named abroad only, and no place at all where the parcel was not seen."""
    named, *where = (payload.text(name) for name in ("EventCountry", "EventState", "EventZIPCode", "EventCity"))
    if named is None and not any(where):
        return Spot()
    return spot("US" if named is None else country_named(named), *where)


def _at(payload: PayloadReader, clock: tzinfo | None) -> datetime:
    date, time = payload.need_text("EventDate"), payload.text("EventTime")
    if time is None:
        where = payload.get("EventDate").path
        raise undated(where, patterned(date, (_DAY,), where, UTC).date().isoformat())
    return patterned(f"{date} {time}", _TIME, payload.get("EventDate").path, clock)


def _stated(payload: PayloadReader, builder: EventBuilder, scans: list[PayloadReader]) -> StatedStatus | None:
    """What the answer says of the parcel as a whole, which has no time of its own."""
    found = ((one.text("EventCode"), one.text("Event")) for one in scans)
    return status_of(builder, payload.text("StatusCategory"), payload.text("Status", longest=MAX_TEXT_CHARS), found)


def _eta(payload: PayloadReader) -> str | None:
    predicted = payload.get("PredictedDeliveryDate")
    found = predicted if predicted.text() else payload.get("ExpectedDeliveryDate")
    text = found.text()
    if text is None:
        return None
    return day(patterned(text, (_DAY,), found.path, UTC).date().isoformat(), found.path)


ADAPTER = Adapter(
    system="usps",
    title="USPS",
    forms="Tracking API v3 (JSON): answers, subscriptions; tracking answers of Web Tools (XML)",
    parse=json_or_xml_payload,
    read=read,
    tables=(EVENT, TEXT, ERROR, CATEGORY),
    emits=(SCAN, "evidence.withdrawn"),
    ignores=frozenset({"accept_test", "auto_capture", "order_is_alias"}),
    scheme="usps",
)
