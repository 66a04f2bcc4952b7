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

from sources.adapters.answers import answered_at, content, not_found, tell
from sources.adapters.base import Adapter, EventBuilder
from sources.adapters.doc import LONGEST_TEXT, PayloadReader, json_or_xml_doc
from sources.adapters.finals import Stated
from sources.adapters.moments import day, patterned, undated
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.places import Spot, clocks, spot
from sources.adapters.postal import country_named
from sources.adapters.scans import SCAN, scan_event
from sources.adapters.tables import folded
from sources.adapters.told import AdapterOutput, Ignored, RefuseError
from sources.adapters.usps import track
from sources.adapters.usps.events import CATEGORY, ERROR, EVENT, TEXT, meaning_of, status_of

REQUESTS = frozenset(("TrackRequest", "TrackFieldRequest", "TrackShipment"))
_DAY = "%B %d, %Y"
_TIME = (f"{_DAY} %I:%M %p", f"{_DAY} %I:%M%p")
UNKNOWN = "neither a trackingNumber (JSON) nor a TrackResponse (XML)"


def read(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """An answer with one parcel or several."""
    if isinstance(doc.value, list) or any(doc.has(name) for name in track.FIELDS):
        yield from track.read(doc, say)
        return
    name, here = content(doc, UNKNOWN)
    if name in REQUESTS:
        raise RefuseError("not_a_report", "a request")
    if name == "Error":
        raise RefuseError("not_a_report", "an error answer")
    if name == "TrackShipmentResponse":
        say.kind(name)
        raise RefuseError("no_identity", "TrackShipmentResponse: of Stamps.com, which does not name the parcel")
    if name != "TrackResponse":
        raise RefuseError("unknown_form", UNKNOWN)
    say.kind(name)
    if not here.get("TrackInfo"):
        raise RefuseError("not_a_report", "an answer without TrackInfo")
    yield from say.each(here.each("TrackInfo"), lambda one: _parcel(one, say))


def _parcel(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    parcel = ParcelRef(doc.need_id("@ID"), "USPS", order=say.order_of(doc))
    error = doc.get("Error")
    if error:
        yield from _error(error, say, parcel)
        return
    summary = doc.get("TrackSummary")
    if isinstance(summary.value, str):
        raise RefuseError("unknown_form", "TrackSummary: a sentence; ask for fields")
    said = answered_at(say)
    scans = [*doc.each("TrackSummary"), *doc.each("TrackDetail")]
    zones = clocks(say, scans, _seen)
    yield from tell(
        say,
        parcel,
        scans,
        lambda one: _scan(one, say, parcel, said, next(zones)),
        lambda: _eta(doc),
        stated=lambda: _stated(doc, say, scans),
    )


def _error(doc: PayloadReader, say: EventBuilder, parcel: ParcelRef) -> Iterator[AdapterOutput]:
    number = doc.id("Number")
    meaning = say.code(ERROR, number)
    if meaning is None or not (meaning.ignored or meaning.word == "not_found"):
        raise RefuseError("not_a_report", "TrackInfo.Error: an error")
    if meaning.ignored:
        yield Ignored("TrackInfo.Error", meaning.why)
        return
    yield from not_found(say, parcel, number, doc.text("Description", longest=LONGEST_TEXT))


def _scan(doc: PayloadReader, say: EventBuilder, parcel: ParcelRef, said: datetime | None, clock: tzinfo) -> Iterator[AdapterOutput]:
    code, text = doc.text("EventCode"), doc.text("Event")
    if code is None and text is None:
        raise RefuseError("missing_field", doc.get("EventCode").path)
    city, state, zip_code = doc.text("EventCity"), doc.text("EventState"), doc.text("EventZIPCode")
    there = _spot(doc)
    meaning = meaning_of(say, code, text)
    scan = Scan(
        at=_at(doc, clock),
        meaning=meaning,
        code=code,
        text=text,
        # Not the text where there is a code: it is reworded (`Delivered`, `Delivered, Front Door/Porch`) without another meaning.
        key=(code or folded(text or ""), None if meaning is None else " ".join(meaning.words), city, zip_code),
        place={"city": city, "region": state or there.region, "country": there.country or doc.text("EventCountry")},
    )
    event = scan_event(say, parcel, scan, said)
    if event is not None:
        yield event


def _seen(doc: PayloadReader) -> tuple[datetime, Spot]:
    """The time of a scan as it is written, and where it was."""
    return _at(doc, None), _spot(doc)


def _spot(doc: PayloadReader) -> Spot:
    """Where a scan was; a country is named abroad only, and no place at all where the parcel was not seen."""
    named, *where = (doc.text(name) for name in ("EventCountry", "EventState", "EventZIPCode", "EventCity"))
    if named is None and not any(where):
        return Spot()
    return spot("US" if named is None else country_named(named), *where)


def _at(doc: PayloadReader, clock: tzinfo | None) -> datetime:
    date, time = doc.need_text("EventDate"), doc.text("EventTime")
    if time is None:
        where = doc.get("EventDate").path
        raise undated(where, patterned(date, (_DAY,), where, UTC).date().isoformat())
    return patterned(f"{date} {time}", _TIME, doc.get("EventDate").path, clock)


def _stated(doc: PayloadReader, say: EventBuilder, scans: list[PayloadReader]) -> Stated | None:
    """What the answer says of the parcel as a whole, which has no time of its own."""
    found = ((one.text("EventCode"), one.text("Event")) for one in scans)
    return status_of(say, doc.text("StatusCategory"), doc.text("Status", longest=LONGEST_TEXT), found)


def _eta(doc: PayloadReader) -> str | None:
    predicted = doc.get("PredictedDeliveryDate")
    found = predicted if predicted.text() else doc.get("ExpectedDeliveryDate")
    text = found.text()
    if text is None:
        return None
    return day(patterned(text, (_DAY,), found.path, UTC).date().isoformat(), found.path)


ADAPTER = Adapter(
    system="usps",
    title="USPS",
    forms="Tracking API v3 (JSON): answers, subscriptions; tracking answers of Web Tools (XML)",
    parse=json_or_xml_doc,
    read=read,
    tables=(EVENT, TEXT, ERROR, CATEGORY),
    emits=(SCAN, "evidence.withdrawn"),
    ignores=frozenset({"accept_test", "auto_capture", "order_is_alias"}),
    scheme="usps",
)
