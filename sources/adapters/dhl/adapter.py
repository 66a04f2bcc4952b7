"""DHL: answers of the Shipment Tracking - Unified API (`/track/shipments`), of all divisions, and what its Push API sends.

An answer carries a shipment's whole history, as a rule; where it has only the latest event (`status`), that one is told. It does not say
when it was given. `statusCode` is one of five; `status` is a division's own code, which says more, or a text, which follows the language
of the request. Times have offsets, or are local at the place of the event (see `places`). `T00:00:00` without an offset is a date whose
time of day is not known: such an event is refused.

A shipment of several pieces is delivered when the events have named all of them. `returnFlag` says that a delivery is the sender's. One
number can be several shipments: the latest is meant where it was used again long after, else nothing says which. References lead to the
order where `order_field` of a connection names their type: `details.references.customer-reference`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, tzinfo

from sources.adapters.base import Adapter, EventBuilder
from sources.adapters.carrier_replies import EARLIER, answered_at, latest, not_found, order_of, parcel_outputs, returned, to_sender
from sources.adapters.countries import alpha_2
from sources.adapters.dhl.divisions import BY_SERVICE, EXPRESS, HOME, PARCEL_DE, POST_DE, REFINES, STATUS
from sources.adapters.dhl.ecommerce import ECOMMERCE, EUROPE
from sources.adapters.dhl.parcels import PARCEL_NL, PARCEL_PL
from sources.adapters.dhl.texts import TEXT
from sources.adapters.finals import StatedStatus, refine, unmapped
from sources.adapters.moments import iso, undated, when
from sources.adapters.output import AdapterOutput, Draft, Ignored, RefuseError
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.payload import MAX_TEXT_CHARS, Json, PayloadReader, identifier, json_payload
from sources.adapters.places import Spot, clocks, spot
from sources.adapters.postal import country_named
from sources.adapters.scans import SCAN, scan_event
from sources.adapters.tables import Meaning

CARRIER = "DHL"
CARRIERS = {"ecommerce": "DHL eCommerce", "ecommerce-apac": "DHL eCommerce"}
"""Services that storefronts and trackers call by a carrier's name of their own, since another carrier may deliver their parcels."""
PUSHED = "subscription.push"
_INSTANCE = re.compile(r".*/shipments?/([^/?]+)$")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T00:00(:00(\.0+)?)?)?")
_CODE = re.compile(r"[A-Za-z0-9_.-]+")
"""What a division's code looks like; a text has blanks."""
NOTHING = Meaning(("unknown",))
IN_PART = Meaning(("in_transit",))
RETURNED = Meaning(("returned",))
NEVER = "~"
"""Behind all times, as they are written."""


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """An answer with one shipment or several, an error answer, or a message of the Push API."""
    scope = payload.text("scope")
    if scope is not None and scope != PUSHED:
        yield from _subscription(scope, builder)
    elif payload.has("shipments"):
        yield from _shipments(payload, builder, pushed=scope is not None)
    elif payload.has("status") and payload.has("title"):
        yield from _error(payload, builder)
    else:
        raise RefuseError("unknown_form", "no DHL shipments")


def _subscription(scope: str, builder: EventBuilder) -> Iterator[AdapterOutput]:
    builder.kind("subscription")
    if scope == "subscription.validate":
        raise RefuseError("not_a_report", "subscription.validate: activate the subscription with the secret that it carries")
    if scope == "subscription.failure":
        raise RefuseError("not_a_report", "subscription.failure: DHL could not push")
    if not scope.startswith("subscription."):
        raise RefuseError("unknown_form", "scope: no message of the Push API")
    yield Ignored("subscription", "about the subscription, not about a shipment")


def _error(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    builder.kind("error")
    if payload.id("status") != "404":
        raise RefuseError("not_a_report", "an error answer")
    named = _INSTANCE.fullmatch(payload.text("instance") or "")
    if named is None:
        raise RefuseError("no_identity", "status 404: a shipment that DHL does not know, and not which")
    number = identifier(named[1], "instance")
    yield from not_found(builder, ParcelRef(number, CARRIER), "404", payload.text("detail", longest=MAX_TEXT_CHARS))


def _shipments(payload: PayloadReader, builder: EventBuilder, *, pushed: bool) -> Iterator[AdapterOutput]:
    builder.kind("shipments")
    shipments = list(payload.each("shipments"))
    if not shipments:
        raise RefuseError("not_a_report", "an answer without a shipment")
    shared = _numbers_of_several(shipments)
    yield from builder.each(shipments, lambda one: _shipment(one, builder, shared, pushed=pushed))


def _numbers_of_several(shipments: list[PayloadReader]) -> dict[str, Json]:
    """The numbers of several shipments, each with the latest of them (see `replies.latest`)."""
    found: defaultdict[str, list[PayloadReader]] = defaultdict(list)
    for one in shipments:
        if isinstance(one.value, dict):
            found[str(one.value.get("id")).strip()].append(one)
    meant: dict[str, Json] = {}
    for number, ones in found.items():
        if len(ones) > 1:
            place = latest({str(place): [str(_written(event, "timestamp")) for event in _events(one)] for place, one in enumerate(ones)})
            meant[number] = None if place is None else ones[int(place)].value
    return meant


def _shipment(payload: PayloadReader, builder: EventBuilder, shared: dict[str, Json], *, pushed: bool) -> Iterator[AdapterOutput]:
    number = payload.need_id("id")
    if number in shared and shared[number] is None:
        raise RefuseError("no_identity", "shipments[].id: one number, several shipments; nothing says which is meant")
    if number in shared and shared[number] is not payload.value:
        yield EARLIER
        return
    parcel = ParcelRef(number, CARRIERS.get(_service(payload), CARRIER), order=order_of(payload, builder))
    stated_at = None if pushed else answered_at(builder)
    events = _events(payload)
    zones = clocks(builder, events, lambda one: (_at(one, None), _spot(one, payload)))
    complete = _complete(payload)
    back = payload.flag("returnFlag") is True
    yield from parcel_outputs(
        builder,
        parcel,
        events,
        lambda one: _event(one, builder, parcel, stated_at, payload, complete, next(zones)),
        lambda: _eta(payload, builder),
        seen_whole=_returned if back else to_sender,
        stated=lambda: _stated(payload, builder, complete, back=back),
        pushed=pushed,
    )


def _service(payload: PayloadReader) -> str:
    return (payload.text("service") or "").casefold()


def _events(payload: PayloadReader) -> list[PayloadReader]:
    """The events, and the latest status where no event says the same and it has a time."""
    events, status = list(payload.each("events")), payload.get("status")
    known = [(_written(one, "timestamp"), _written(one, "statusCode")) for one in events]
    own = (_written(status, "timestamp"), _written(status, "statusCode"))
    return events if own in known or not own[0] else [*events, status]


def _written(event: PayloadReader, name: str) -> object:
    return event.value.get(name) if isinstance(event.value, dict) else None


def _returned(drafts: list[Draft]) -> list[Draft]:
    return [returned(draft) if draft["data"]["status"] == "delivered" else draft for draft in drafts]


def _complete(payload: PayloadReader) -> str | None:
    """From which delivery on all pieces of a shipment are delivered, by its time as it is written; `NEVER` where some are not yet.

    None where that is not known: of one piece, or where events do not name pieces.
    """
    left = {one.id() for one in payload.get("details").each("pieceIds")} - {None}
    # The latest status names no pieces: it never stands for more than the events do.
    delivered = [one for one in payload.each("events") if _written(one, "statusCode") == "delivered"]
    if len(left) < 2 or not delivered or not all(one.get("pieceIds") for one in delivered):
        return None
    for one in sorted(delivered, key=lambda one: str(_written(one, "timestamp"))):
        left -= {piece.id() for piece in one.each("pieceIds")}
        if not left:
            return str(_written(one, "timestamp"))
    return NEVER


def _stated(payload: PayloadReader, builder: EventBuilder, complete: str | None, *, back: bool) -> StatedStatus | None:
    """What the latest status says, where it has no time."""
    status = payload.get("status")
    if not isinstance(status.value, dict):
        return None
    meaning, code, text = _reported(status, builder, payload)
    if meaning is not None and meaning.terms[:1] == ("delivered",):
        meaning = IN_PART if complete == NEVER else RETURNED if back else meaning
    return StatedStatus(meaning, code, text)


def _event(
    payload: PayloadReader,
    builder: EventBuilder,
    parcel: ParcelRef,
    stated_at: datetime | None,
    around: PayloadReader,
    complete: str | None,
    clock: tzinfo,
) -> Iterator[AdapterOutput]:
    meaning, code, text = _reported(payload, builder, around)
    written = str(_written(payload, "timestamp"))
    if complete is not None and meaning is not None and meaning.terms[:1] == ("delivered",) and written < complete:
        meaning = IN_PART
    address, where = payload.get("location", "address"), _spot(payload, around)
    place = {"city": address.text("addressLocality"), "region": where.region, "country": where.country}
    # Texts follow the language of the request.
    scan = Scan(_at(payload, clock), meaning, code, text, (code, address.text("postalCode")), place if address else None)
    event = scan_event(builder, parcel, scan, stated_at)
    if event is not None:
        yield event


def _reported(payload: PayloadReader, builder: EventBuilder, around: PayloadReader) -> tuple[Meaning | None, str | None, str | None]:
    """What an event or a status means, its codes, and its text."""
    status_code, status = payload.text("statusCode"), payload.text("status", longest=MAX_TEXT_CHARS)
    description = payload.text("description", longest=MAX_TEXT_CHARS)
    own = status if status is not None and _CODE.fullmatch(status) else None
    meaning = _meaning(builder, around, status_code, own, (status, description))
    return meaning, "/".join(part for part in (status_code, own) if part) or None, description or status


def _meaning(
    builder: EventBuilder, around: PayloadReader, status_code: str | None, own: str | None, texts: tuple[str | None, ...]
) -> Meaning | None:
    coarse = builder.code(STATUS, status_code)
    table = BY_SERVICE.get(_service(around))
    fine = None if table is None else builder.code(table, own)
    known = fine is not None or table is None or own is None
    if fine is None:
        fine = next((found for text in texts if (found := TEXT.get(text)) is not None), None)
    if status_code is None:
        return fine or NOTHING
    if fine is None:
        return coarse if known else unmapped(coarse)
    return fine if fine.ignored and coarse is not None else refine(coarse, fine, REFINES)


def _at(payload: PayloadReader, clock: tzinfo | None) -> datetime:
    here = payload.get("timestamp")
    text = here.need_text()
    if _DATE.fullmatch(text):
        raise undated(here.path, text)
    return iso(text, here.path, clock)


def _spot(payload: PayloadReader, around: PayloadReader) -> Spot:
    """Where an event was: by its address, which names the country in letters or behind the city; else in the division's country."""
    address = payload.get("location", "address")
    city = address.text("addressLocality")
    country = alpha_2(address.text("countryCode")) or (None if city is None else _country_after(city))
    if country is None and payload.text("statusCode") == "pre-transit":
        country = alpha_2(around.text("origin", "address", "countryCode"))
    country = country or HOME.get(_service(around))
    return spot(country, None, address.text("postalCode"), city)


def _country_after(city: str) -> str | None:
    """The country behind a city: `AMSTERDAM - NETHERLANDS, THE`, `Malmö, Sweden`, `Reno, NV, US`."""
    before, dash, name = city.rpartition(" - ")
    if dash and before:
        return country_named(name.upper().removesuffix(", THE"))
    parts = [part.strip() for part in city.split(",")]
    # Two letters behind a city may as well be a state's.
    return country_named(parts[-1]) if len(parts) > 2 or (len(parts) == 2 and len(parts[1]) > 2) else None


def _eta(payload: PayloadReader, builder: EventBuilder) -> str | None:
    window = payload.get("estimatedDeliveryTimeFrame", "estimatedThrough")
    found = window if window.text() else payload.get("estimatedTimeOfDelivery")
    address = payload.get("destination", "address")
    there = spot(alpha_2(address.text("countryCode")), None, address.text("postalCode"), address.text("addressLocality"))
    return when(found.text(), found.path, builder.zone_at(there.country, there.region))


ADAPTER = Adapter(
    system="dhl",
    title="DHL",
    forms="Shipment Tracking - Unified API (JSON): answers; its Push API",
    parse=json_payload,
    read=read,
    tables=(STATUS, EXPRESS, PARCEL_DE, POST_DE, PARCEL_NL, PARCEL_PL, ECOMMERCE, EUROPE, TEXT),
    emits=(SCAN, "evidence.withdrawn"),
)
