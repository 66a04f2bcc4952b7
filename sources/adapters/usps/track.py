"""USPS Tracking API v3 (`/tracking/v3/tracking/…?expand=DETAIL`): answers (JSON) about parcels, and what its subscriptions send.

An answer carries a parcel's whole history, newest first, and does not say when it was given. Event timestamps are local, also those that
end in `Z`; `GMTTimestamp` says how far from GMT, else `GMTOffset`, else the place (see `places`). `T00:00:00` without `GMTTimestamp` is a
date whose time of day is not known: such an event is refused. A summary is sentences: it is refused, ask for details. The status sums the
events up: it is told only where it is a delivery that no event says. A scan has the same ID as in the Web Tools.

A subscription sends its `payload` as a text, which holds an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone, tzinfo

from sources.adapters import moments
from sources.adapters.answers import answered_at, not_found, order_of, tell
from sources.adapters.base import EventBuilder
from sources.adapters.doc import LONGEST_TEXT, PayloadReader, json_doc
from sources.adapters.finals import Stated
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.places import Spot, clocks, spot
from sources.adapters.postal import country_named
from sources.adapters.scans import scan_event
from sources.adapters.tables import folded
from sources.adapters.told import AdapterOutput, RefuseError
from sources.adapters.usps.events import ERROR, meaning_of, status_of

FIELDS = frozenset(("trackingNumber", "trackingEvents", "error", "subscriptionType", "payload", "apiVersion"))
"""Fields that an answer or what a subscription sends has one of."""
_MIDNIGHT = re.compile(r"\d{4}-\d{2}-\d{2}(T00:00(:00(\.0+)?)?)?")
_STEP = timedelta(minutes=15)
"""The distance from GMT of every clock on earth is a multiple of it."""


def read(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """An answer about one parcel, or a list of several, or what a subscription sends."""
    if isinstance(doc.value, list):
        say.kind("tracking")
        if not doc:
            raise RefuseError("not_a_report", "an answer without a parcel")
        yield from say.each(doc.each(), lambda one: _parcel(one, say))
    elif doc.has("payload"):
        yield from _sent(doc, say)
    elif doc.has("trackingNumber"):
        say.kind("tracking")
        yield from _parcel(doc, say)
    elif doc.has("error"):
        say.kind("error")
        raise _error(doc, say)
    else:
        raise RefuseError("unknown_form", "no trackingNumber")


def _sent(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    say.kind("subscription")
    kind = doc.text("subscriptionType")
    payload = doc.get("payload")
    if isinstance(payload.value, str):
        payload = PayloadReader(json_doc(payload.value.encode("utf-8", "surrogatepass")).value, payload.path, doc.read)
    if kind not in (None, "TRACKING"):
        raise RefuseError("unknown_form", "subscriptionType: not TRACKING")
    if not payload:
        raise RefuseError("not_a_report", f"{payload.path}: without a parcel")
    at = moments.at(doc, "timestamp")
    yield from say.each(payload.each(), lambda one: _parcel(one, say, at, pushed=True))


def _error(doc: PayloadReader, say: EventBuilder) -> RefuseError:
    """Why an error that names no parcel is refused."""
    if _unknown_parcel(doc, say) is not None:
        return RefuseError("no_identity", "error: a parcel that USPS does not know, and not which")
    return RefuseError("not_a_report", "an error answer")


def _unknown_parcel(doc: PayloadReader, say: EventBuilder) -> str | None:
    """The code of an error that says that there is no record of the parcel."""
    error = doc.get("error")
    if not isinstance(error.value, dict):
        return None
    codes = [error.id("code"), *(one.id("code") for one in error.each("errors"))]
    found = ((code, say.code(ERROR, code)) for code in codes)
    return next((code for code, meaning in found if meaning is not None and meaning.words[:1] == ("not_found",)), None)


def _parcel(doc: PayloadReader, say: EventBuilder, sent: datetime | None = None, *, pushed: bool = False) -> Iterator[AdapterOutput]:
    parcel = ParcelRef(doc.need_id("trackingNumber"), "USPS", order=order_of(doc, say))
    if doc.get("error"):
        code = _unknown_parcel(doc, say)
        if code is None:
            raise RefuseError("not_a_report", f"{doc.get('error').path}: an error")
        yield from not_found(say, parcel, code, doc.text("error", "message", longest=LONGEST_TEXT))
        return
    if not doc.has("trackingEvents") and doc.has("eventSummaries"):
        raise RefuseError("unknown_form", "eventSummaries: sentences; ask with expand=DETAIL")
    said = None if pushed else answered_at(say)
    events = list(doc.each("trackingEvents"))
    zones = clocks(say, events, lambda one: (_at(one, None), _spot(one)))
    yield from tell(
        say,
        parcel,
        events,
        lambda one: _scan(one, say, parcel, said, next(zones)),
        lambda: _eta(doc, say),
        stated=lambda: _stated(doc, say, events, sent),
        pushed=pushed,
    )


def _scan(doc: PayloadReader, say: EventBuilder, parcel: ParcelRef, said: datetime | None, clock: tzinfo) -> Iterator[AdapterOutput]:
    code, text = doc.text("eventCode"), doc.text("eventType")
    if code is None and text is None:
        raise RefuseError("missing_field", doc.get("eventCode").path)
    city, state, zip_code = doc.text("eventCity"), doc.text("eventState"), doc.id("eventZIP")
    there, meaning = _spot(doc), meaning_of(say, code, text)
    scan = Scan(
        at=_at(doc, clock),
        meaning=meaning,
        code=code,
        text=text,
        # As in the Web Tools: the same scan is the same event.
        key=(code or folded(text or ""), None if meaning is None else " ".join(meaning.words), city, zip_code),
        place={"city": city, "region": state or there.region, "country": there.country or doc.text("eventCountry")},
    )
    event = scan_event(say, parcel, scan, said)
    if event is not None:
        yield event


def _spot(doc: PayloadReader) -> Spot:
    """Where an event was; a country is named abroad, and no place at all where the parcel was not seen."""
    named, state, zip_code, city = doc.text("eventCountry"), doc.text("eventState"), doc.id("eventZIP"), doc.text("eventCity")
    if named is None and not (state or zip_code or city):
        return Spot()
    return spot("US" if named is None else country_named(named), state, zip_code, city)


def _at(doc: PayloadReader, clock: tzinfo | None) -> datetime:
    here = doc.get("eventTimestamp")
    text = here.need_text()
    if not text.endswith("Z"):
        stamped = moments.iso(f"{text}T00:00" if len(text) <= len("2026-05-06") else text, here.path, None)
        if stamped.tzinfo is not None:
            return stamped
    text = text.removesuffix("Z")
    gmt, offset = moments.at(doc, "GMTTimestamp"), moments.offset_of(doc.text("GMTOffset"))
    if gmt is None and _MIDNIGHT.fullmatch(text):
        raise moments.undated(here.path, text)
    if len(text) <= len("2026-05-06"):
        text += "T00:00"
    local = moments.iso(text, here.path, None if gmt is not None else offset or clock)
    if gmt is None or local.tzinfo is not None:
        return local
    # GMT has seconds that the local time may leave out.
    away = round((local - gmt.replace(tzinfo=None)) / _STEP) * _STEP
    same = abs(local - away - gmt.replace(tzinfo=None)) < timedelta(minutes=1) and abs(away) <= timedelta(hours=14)
    return moments.checked(local.replace(tzinfo=timezone(away)), here.path) if same else gmt


def _stated(doc: PayloadReader, say: EventBuilder, events: list[PayloadReader], sent: datetime | None) -> Stated | None:
    """What the answer says of the parcel as a whole, which has no time of its own; a subscription says when it sent that."""
    found = ((one.text("eventCode"), one.text("eventType")) for one in events)
    text = doc.text("status", longest=LONGEST_TEXT)
    return status_of(say, doc.text("statusCategory"), text, found, at=None if events else sent)


def _eta(doc: PayloadReader, say: EventBuilder) -> str | None:
    names = ("predictedDeliveryTimeStamp", "predictedDeliveryDate", "expectedDeliveryTimeStamp", "expectedDeliveryDate")
    found = next((here for name in names if (here := doc.get(name)).text()), None)
    if found is None:
        return None
    there = spot("US", doc.text("destinationState"), doc.id("destinationZIP"), doc.text("destinationCity"))
    return moments.when(found.need_text().removesuffix("Z"), found.path, say.zone_at(there.country, there.region))
