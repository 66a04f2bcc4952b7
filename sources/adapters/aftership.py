"""AfterShip trackings: webhooks (of API v4 and of the dated versions), and trackings as the API returns them, one or a page.

Each carries the tracking's whole history of checkpoints. The time of a checkpoint that has no offset, as many carriers give none, is local
to its place: it is read in the zone of its country and state, else in the connection's. The tracking's own tag sums the checkpoints up and
is no scan, except `Expired`, which AfterShip says itself when a carrier has been silent for 30 days. A sub-status that is in no table
leaves the tag as it is and is told as unmapped.

`order_id` is whatever the shop's integration wrote there: it counts as the order's ID only where the connection says so (`order_field`).
Then the promise that the shop gave AfterShip (`order_promised_delivery_date`) is the order's, too. A test webhook of AfterShip's console
looks like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo

from schemas.places import zone
from sources.adapters.base import Adapter, EventBuilder, digest
from sources.adapters.carriers import carrier_name
from sources.adapters.countries import alpha_2
from sources.adapters.finals import StatedStatus, refined
from sources.adapters.moments import at, iso, need_at, unix, when
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.payload import MAX_TEXT_CHARS, PayloadReader, json_payload
from sources.adapters.places import Spot, clocks, spot
from sources.adapters.scans import SCAN, estimate_event, scan_event, whole
from sources.adapters.tables import Meaning, table

PROMISE = "order.updated"

TAG = table(
    "tag",
    "checkpoints[].tag",
    "scan",
    """
    Pending            = unknown            # no information yet
    InfoReceived       = label_created
    InTransit          = in_transit
    OutForDelivery     = out_for_delivery
    AttemptFail        = attempt_failed
    Delivered          = delivered
    AvailableForPickup = ready_for_pickup
    Exception          = exception
    Expired            = expired            # nothing for 30 days
    """,
    source="AfterShip Tracking API, enum delivery statuses; https://www.aftership.com/docs/tracking/enum/delivery-statuses",
)

SUBTAG = table(
    "subtag",
    "checkpoints[].subtag",
    "scan",
    """
    Pending_001            = unknown
    Pending_002            = unknown
    Pending_003            = unknown
    Pending_004            = unknown
    Pending_005            = unknown
    Pending_006            = unknown
    InfoReceived_001       = label_created
    InTransit_001          = in_transit
    InTransit_002          = accepted              # acceptance scan
    InTransit_003          = in_transit            # arrival scan
    InTransit_004          = in_transit            # arrived in the destination country
    InTransit_005          = customs               # cleared
    InTransit_006          = customs               # handed over for clearance
    InTransit_007          = in_transit            # departure scan
    InTransit_008          = in_transit            # a problem was resolved
    InTransit_009          = in_transit            # forwarded to another address
    OutForDelivery_001     = out_for_delivery
    OutForDelivery_003     = out_for_delivery      # the customer was contacted
    OutForDelivery_004     = out_for_delivery      # an appointment was made
    AttemptFail_001        = attempt_failed
    AttemptFail_002        = attempt_failed recipient_absent
    AttemptFail_003        = attempt_failed recipient_absent    # business closed
    AvailableForPickup_001 = ready_for_pickup
    Delivered_001          = delivered
    Delivered_002          = delivered             # picked up by the customer
    Delivered_003          = delivered             # signed for
    Delivered_004          = delivered             # cash collected
    Delivered_005          = delivered             # with a neighbour
    Exception_001          = exception
    Exception_002          = exception address     # the customer moved
    Exception_003          = exception refused
    Exception_004          = delayed customs
    Exception_005          = delayed               # external factors
    Exception_006          = held                  # until the customer pays
    Exception_007          = exception address
    Exception_008          = exception unclaimed
    Exception_009          = exception rejected    # by the carrier
    Exception_010          = returning
    Exception_011          = returned
    Exception_012          = damaged
    Exception_013          = lost
    Exception_016          = delayed               # processing issue
    Exception_017          = delayed weather
    Exception_018          = held documents
    Exception_019          = delayed               # late flight
    Exception_020          = cancelled
    Exception_021          = failed_final disposed
    Expired_001            = expired
    """,
    source="AfterShip Tracking API, enum delivery sub-statuses, version 2026-07;"
    " https://www.aftership.com/docs/tracking/enum/delivery-sub-statuses",
)

EVENTS = table(
    "event",
    "event",
    "type",
    """
    tracking_update       = carrier.scan
    edd_revise            = carrier.scan    # the estimate changed; the tracking comes with it
    tracking_pending_time = carrier.scan    # pending for long; the tracking comes with it
    """,
    source="AfterShip Tracking API, webhook specifications; https://www.aftership.com/docs/tracking/webhook/webhook-specifications",
)

ESTIMATES = (
    ("courier_estimated_delivery_date", "estimated_delivery_date_max"),
    ("courier_estimated_delivery_date", "estimated_delivery_date"),
    ("expected_delivery",),
    ("latest_estimated_delivery", "datetime_max"),
    ("latest_estimated_delivery", "datetime"),
    ("aftership_estimated_delivery_date", "estimated_delivery_date_max"),
    ("aftership_estimated_delivery_date", "estimated_delivery_date"),
)
"""Where an estimate may stand: the carrier's before AfterShip's own, of a range its later end."""


POSTS = {"usps": "US", "canada-post": "CA", "australia-post": "AU"}
"""The countries of posts that have several zones, by AfterShip's name of the courier."""


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A webhook, or an answer of the API with a tracking, a page of trackings or a last checkpoint."""
    if payload.has("event"):
        yield from _webhook(payload, builder)
    elif payload.has("meta"):
        yield from _reply(payload, builder)
    elif payload.has("tracking_number"):
        yield from _tracking(payload, builder, None)
    else:
        raise RefuseError("unknown_form", "no AfterShip webhook and no answer of its API")


def _webhook(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    event = payload.need_text("event")
    builder.kind(event)
    if builder.code(EVENTS, event) is None:
        raise RefuseError("unknown_form", "an event that is in no table")
    yield from _tracking(payload.need("msg") if payload.has("msg") else payload.need("data"), builder, unix(payload, "ts"))


def _reply(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    code, data = payload.number("meta", "code"), payload.get("data")
    if code is not None and code >= 400:
        raise RefuseError("not_a_report", "an error answer")
    if data.has("trackings"):
        yield from builder.each(data.each("trackings"), lambda one: _listed(one, builder))
    elif data.has("tracking"):
        yield from _listed(data.need("tracking"), builder)
    elif data.has("checkpoint"):
        yield from _last(data, builder)
    elif data.has("tracking_number"):
        yield from _listed(data, builder)
    else:
        raise RefuseError("not_a_report", "an answer without a tracking")


def _listed(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    builder.kind("tracking")
    yield from _tracking(payload, builder, None)


def _last(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """The last checkpoint alone: it says nothing of those before."""
    builder.kind("last_checkpoint")
    if not payload.get("checkpoint", "checkpoint_time"):
        yield Ignored("last_checkpoint", "the carrier has not said anything yet")
        return
    last = payload.get("checkpoint")
    yield from _checkpoint(last, builder, _parcel(payload, builder), None, next(clocks(builder, [last], _seen)))


def _parcel(payload: PayloadReader, builder: EventBuilder) -> ParcelRef:
    slug = payload.text("slug")
    return ParcelRef(payload.need_id("tracking_number"), None if slug == "unrecognized" else slug, order=builder.order_of(payload))


def _tracking(payload: PayloadReader, builder: EventBuilder, sent: datetime | None) -> Iterator[AdapterOutput]:
    """A tracking; `sent` is when its webhook was, which counts where the tracking does not say when it was updated."""
    stated_at = at(payload, "updated_at") or sent
    parcel = _parcel(payload, builder)
    if not payload.get("checkpoints"):
        yield Ignored("tracking", "the carrier has not said anything yet")
    checkpoints = list(payload.each("checkpoints"))
    zones = clocks(builder, checkpoints, _seen)
    scans = builder.each(checkpoints, lambda one: _checkpoint(one, builder, parcel, stated_at, next(zones)))
    yield from whole(builder, parcel, scans, stated_at, lambda: _stated(payload, builder, stated_at))
    if stated_at is None:
        return
    tag = payload.text("tag")
    if tag == "Expired" and all(one.text("tag") != "Expired" for one in payload.each("checkpoints")):
        yield from _expired(payload, builder, parcel, stated_at)
    elif tag not in ("Delivered", "Expired") and payload.flag("return_to_sender") is not True:
        eta = _date(payload, *ESTIMATES)
        if eta is not None:
            yield estimate_event(builder, parcel, eta, stated_at)
    promise = _date(payload, ("order_promised_delivery_date",)) if parcel.order is not None else None
    if promise is not None:
        id_ = f"promise-{digest(parcel.order, parcel.tracking, stated_at, promise)}"
        yield builder.event(PROMISE, id_, stated_at, {"promised_by": promise}, order=parcel.order, recorded=stated_at)


def _stated(payload: PayloadReader, builder: EventBuilder, stated_at: datetime | None) -> StatedStatus | None:
    """What the tracking itself says, as when the shop marks it as completed; only a delivery has a time of its own."""
    tag, subtag = payload.text("tag"), payload.text("subtag")
    if tag is None and subtag is None:
        return None
    meaning = refined(builder, (TAG, tag), (SUBTAG, subtag))
    delivered = meaning is not None and meaning.term == "delivered"
    if delivered and payload.flag("return_to_sender") is True:
        meaning = Meaning(("returned",))
    return StatedStatus(
        meaning, subtag or tag, payload.text("subtag_message"), _delivery(payload, builder, stated_at) if delivered else None
    )


def _delivery(payload: PayloadReader, builder: EventBuilder, stated_at: datetime | None) -> datetime | None:
    """When the parcel was delivered, where the tracking says so; of a mere date its end, or when it was said, if that is earlier."""
    here = payload.get("shipment_delivery_date")
    text = here.text()
    if text is None:
        return None
    place = _destination(payload)
    local = zone(place.zone) if place.zone is not None else builder.zone
    date = when(text, here.path, local)
    if date is None or len(date) > len("2026-05-06"):
        return iso(text, here.path, local)
    ended = iso(f"{date}T23:59:59", here.path, local)
    return ended if stated_at is None else min(ended, stated_at)


def _seen(payload: PayloadReader) -> tuple[datetime, Spot]:
    """The time of a checkpoint as it is written, and where it was."""
    here = payload.get("checkpoint_time")
    return iso(payload.need_text("checkpoint_time"), here.path, None), _spot(payload)


def _spot(payload: PayloadReader) -> Spot:
    """Where a checkpoint was; posts leave their own country out."""
    country, code = _place(payload, "country_iso3", "country_region"), payload.text("zip") or payload.text("postal_code")
    country = country or POSTS.get(payload.text("slug") or "")
    return spot(country, payload.text("state"), code, payload.text("city"), payload.text("location"))


def _checkpoint(
    payload: PayloadReader, builder: EventBuilder, parcel: ParcelRef, stated_at: datetime | None, clock: tzinfo
) -> Iterator[AdapterOutput]:
    tag, subtag = payload.text("tag"), payload.text("subtag")
    if tag is None and subtag is None:
        raise RefuseError("missing_field", f"{payload.path}.tag")
    country, region = _place(payload, "country_iso3", "country_region"), payload.text("state")
    slug = payload.text("slug")
    scan = Scan(
        at=need_at(payload, "checkpoint_time", zone=clock),
        meaning=refined(builder, (TAG, tag), (SUBTAG, subtag)),
        code=subtag or tag,
        text=payload.text("message", longest=MAX_TEXT_CHARS),
        key=(
            slug,
            tag,
            subtag,
            payload.text("location"),
            payload.text("city"),
            region,
            payload.text("zip"),
            payload.text("postal_code"),
            country,
        ),
        place={"city": payload.text("city") or payload.text("location"), "region": region or _spot(payload).region, "country": country},
    )
    event = scan_event(builder, parcel, scan, at(payload, "created_at") or stated_at)
    if event is not None:
        yield event


def _expired(payload: PayloadReader, builder: EventBuilder, parcel: ParcelRef, stated_at: datetime) -> Iterator[AdapterOutput]:
    """AfterShip has given up on a parcel of which nothing was heard since its last checkpoint: once for each such silence."""
    last = max((text for one in payload.each("checkpoints") if (text := one.text("checkpoint_time"))), default=payload.text("created_at"))
    carrier = carrier_name(parcel.carrier)
    data = {
        "status": "expired",
        "tracking_number": parcel.tracking,
        "carrier": carrier,
        "raw": {"code": payload.text("subtag") or "Expired", "text": payload.text("subtag_message")},
    }
    yield builder.event(SCAN, f"expired-{digest(carrier, parcel.tracking, last)}", stated_at, data, order=parcel.order, recorded=stated_at)


def _date(payload: PayloadReader, *paths: tuple[str, ...]) -> str | None:
    """The first of some dates that is there. A time without an offset is local to the destination; where that is not known, a date."""
    name = _destination(payload).zone
    local: tzinfo | None = None if name is None else zone(name)
    for path in paths:
        here = payload.get(*path)
        text = here.text()
        if text is not None:
            return when(text, here.path, local)
    return None


def _destination(payload: PayloadReader) -> Spot:
    """Where the parcel goes."""
    country = _place(payload, "destination_country_iso3", "destination_country_region")
    return spot(country, payload.text("destination_state"), payload.text("destination_postal_code"), payload.text("destination_city"))


def _place(payload: PayloadReader, *names: str) -> str | None:
    """The country in a field whose name differs by version."""
    return next((alpha_2(text) for name in names if (text := payload.text(name)) is not None), None)


ADAPTER = Adapter(
    system="aftership",
    title="AfterShip",
    forms="tracking webhooks; trackings of the API",
    parse=json_payload,
    read=read,
    tables=(TAG, SUBTAG, EVENTS),
    emits=(SCAN, PROMISE, "evidence.withdrawn"),
    scheme="aftership",
    delivery="$.event_id",
    ignores=frozenset({"accept_test", "auto_capture", "headers", "order_is_alias"}),
)
