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
from sources.adapters.base import EventBuilder
from sources.adapters.carrier_replies import answered_at, not_found, order_of, parcel_outputs
from sources.adapters.finals import StatedStatus
from sources.adapters.output import AdapterOutput, RefuseError
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.payload import MAX_TEXT_CHARS, PayloadReader, json_payload
from sources.adapters.places import Spot, clocks, spot
from sources.adapters.postal import country_named
from sources.adapters.scans import scan_event
from sources.adapters.tables import folded
from sources.adapters.usps.events import ERROR, meaning_of, status_of

FIELDS = frozenset(("trackingNumber", "trackingEvents", "error", "subscriptionType", "payload", "apiVersion"))
"""Fields that an answer or what a subscription sends has one of."""
_MIDNIGHT = re.compile(r"\d{4}-\d{2}-\d{2}(T00:00(:00(\.0+)?)?)?")
_STEP = timedelta(minutes=15)
"""The distance from GMT of every clock on earth is a multiple of it."""


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """An answer about one parcel, or a list of several, or what a subscription sends."""
    if isinstance(payload.value, list):
        builder.kind("tracking")
        if not payload:
            raise RefuseError("not_a_report", "an answer without a parcel")
        yield from builder.each(payload.each(), lambda one: _parcel(one, builder))
    elif payload.has("payload"):
        yield from _sent(payload, builder)
    elif payload.has("trackingNumber"):
        builder.kind("tracking")
        yield from _parcel(payload, builder)
    elif payload.has("error"):
        builder.kind("error")
        raise _error(payload, builder)
    else:
        raise RefuseError("unknown_form", "no trackingNumber")


def _sent(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    builder.kind("subscription")
    kind = payload.text("subscriptionType")
    inner = payload.get("payload")
    if isinstance(inner.value, str):
        inner = PayloadReader(json_payload(inner.value.encode("utf-8", "surrogatepass")).value, inner.path, payload.read)
    if kind not in (None, "TRACKING"):
        raise RefuseError("unknown_form", "subscriptionType: not TRACKING")
    if not inner:
        raise RefuseError("not_a_report", f"{inner.path}: without a parcel")
    at = moments.at(payload, "timestamp")
    yield from builder.each(inner.each(), lambda one: _parcel(one, builder, at, pushed=True))


def _error(payload: PayloadReader, builder: EventBuilder) -> RefuseError:
    """Why an error that names no parcel is refused."""
    if _unknown_parcel(payload, builder) is not None:
        return RefuseError("no_identity", "error: a parcel that USPS does not know, and not which")
    return RefuseError("not_a_report", "an error answer")


def _unknown_parcel(payload: PayloadReader, builder: EventBuilder) -> str | None:
    """The code of an error that says that there is no record of the parcel."""
    error = payload.get("error")
    if not isinstance(error.value, dict):
        return None
    codes = [error.id("code"), *(one.id("code") for one in error.each("errors"))]
    found = ((code, builder.code(ERROR, code)) for code in codes)
    return next((code for code, meaning in found if meaning is not None and meaning.terms[:1] == ("not_found",)), None)


def _parcel(
    payload: PayloadReader, builder: EventBuilder, sent: datetime | None = None, *, pushed: bool = False
) -> Iterator[AdapterOutput]:
    parcel = ParcelRef(payload.need_id("trackingNumber"), "USPS", order=order_of(payload, builder))
    if payload.get("error"):
        code = _unknown_parcel(payload, builder)
        if code is None:
            raise RefuseError("not_a_report", f"{payload.get('error').path}: an error")
        yield from not_found(builder, parcel, code, payload.text("error", "message", longest=MAX_TEXT_CHARS))
        return
    if not payload.has("trackingEvents") and payload.has("eventSummaries"):
        raise RefuseError("unknown_form", "eventSummaries: sentences; ask with expand=DETAIL")
    stated_at = None if pushed else answered_at(builder)
    events = list(payload.each("trackingEvents"))
    zones = clocks(builder, events, lambda one: (_at(one, None), _spot(one)))
    yield from parcel_outputs(
        builder,
        parcel,
        events,
        lambda one: _scan(one, builder, parcel, stated_at, next(zones)),
        lambda: _eta(payload, builder),
        stated=lambda: _stated(payload, builder, events, sent),
        pushed=pushed,
    )


def _scan(
    payload: PayloadReader, builder: EventBuilder, parcel: ParcelRef, stated_at: datetime | None, clock: tzinfo
) -> Iterator[AdapterOutput]:
    code, text = payload.text("eventCode"), payload.text("eventType")
    if code is None and text is None:
        raise RefuseError("missing_field", payload.get("eventCode").path)
    city, state, zip_code = payload.text("eventCity"), payload.text("eventState"), payload.id("eventZIP")
    there, meaning = _spot(payload), meaning_of(builder, code, text)
    scan = Scan(
        at=_at(payload, clock),
        meaning=meaning,
        code=code,
        text=text,
        # As in the Web Tools: the same scan is the same event.
        key=(code or folded(text or ""), None if meaning is None else " ".join(meaning.terms), city, zip_code),
        place={"city": city, "region": state or there.region, "country": there.country or payload.text("eventCountry")},
    )
    event = scan_event(builder, parcel, scan, stated_at)
    if event is not None:
        yield event


def _spot(payload: PayloadReader) -> Spot:
    """Where an event was; a country is named abroad, and no place at all where the parcel was not seen."""
    named, state, zip_code, city = (
        payload.text("eventCountry"),
        payload.text("eventState"),
        payload.id("eventZIP"),
        payload.text("eventCity"),
    )
    if named is None and not (state or zip_code or city):
        return Spot()
    return spot("US" if named is None else country_named(named), state, zip_code, city)


def _at(payload: PayloadReader, clock: tzinfo | None) -> datetime:
    here = payload.get("eventTimestamp")
    text = here.need_text()
    if not text.endswith("Z"):
        stamped = moments.iso(f"{text}T00:00" if len(text) <= len("2026-05-06") else text, here.path, None)
        if stamped.tzinfo is not None:
            return stamped
    text = text.removesuffix("Z")
    gmt, offset = moments.at(payload, "GMTTimestamp"), moments.offset_of(payload.text("GMTOffset"))
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


def _stated(payload: PayloadReader, builder: EventBuilder, events: list[PayloadReader], sent: datetime | None) -> StatedStatus | None:
    """What the answer says of the parcel as a whole, which has no time of its own; a subscription says when it sent that."""
    found = ((one.text("eventCode"), one.text("eventType")) for one in events)
    text = payload.text("status", longest=MAX_TEXT_CHARS)
    return status_of(builder, payload.text("statusCategory"), text, found, at=None if events else sent)


def _eta(payload: PayloadReader, builder: EventBuilder) -> str | None:
    names = ("predictedDeliveryTimeStamp", "predictedDeliveryDate", "expectedDeliveryTimeStamp", "expectedDeliveryDate")
    found = next((here for name in names if (here := payload.get(name)).text()), None)
    if found is None:
        return None
    there = spot("US", payload.text("destinationState"), payload.id("destinationZIP"), payload.text("destinationCity"))
    return moments.when(found.need_text().removesuffix("Z"), found.path, builder.zone_at(there.country, there.region))
