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
from sources.adapters.doc import LONGEST_TEXT, PayloadReader, json_doc
from sources.adapters.finals import Stated, refined
from sources.adapters.moments import at, iso, need_at, unix, when
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.places import Spot, clocks, spot
from sources.adapters.scans import SCAN, estimate_event, scan_event, whole
from sources.adapters.tables import Meaning, table
from sources.adapters.told import AdapterOutput, Ignored, RefuseError

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


def read(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """A webhook, or an answer of the API with a tracking, a page of trackings or a last checkpoint."""
    if doc.has("event"):
        yield from _webhook(doc, say)
    elif doc.has("meta"):
        yield from _answer(doc, say)
    elif doc.has("tracking_number"):
        yield from _tracking(doc, say, None)
    else:
        raise RefuseError("unknown_form", "no AfterShip webhook and no answer of its API")


def _webhook(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    event = doc.need_text("event")
    say.kind(event)
    if say.code(EVENTS, event) is None:
        raise RefuseError("unknown_form", "an event that is in no table")
    yield from _tracking(doc.need("msg") if doc.has("msg") else doc.need("data"), say, unix(doc, "ts"))


def _answer(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    code, data = doc.number("meta", "code"), doc.get("data")
    if code is not None and code >= 400:
        raise RefuseError("not_a_report", "an error answer")
    if data.has("trackings"):
        yield from say.each(data.each("trackings"), lambda one: _listed(one, say))
    elif data.has("tracking"):
        yield from _listed(data.need("tracking"), say)
    elif data.has("checkpoint"):
        yield from _last(data, say)
    elif data.has("tracking_number"):
        yield from _listed(data, say)
    else:
        raise RefuseError("not_a_report", "an answer without a tracking")


def _listed(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    say.kind("tracking")
    yield from _tracking(doc, say, None)


def _last(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """The last checkpoint alone: it says nothing of those before."""
    say.kind("last_checkpoint")
    if not doc.get("checkpoint", "checkpoint_time"):
        yield Ignored("last_checkpoint", "the carrier has not said anything yet")
        return
    last = doc.get("checkpoint")
    yield from _checkpoint(last, say, _parcel(doc, say), None, next(clocks(say, [last], _seen)))


def _parcel(doc: PayloadReader, say: EventBuilder) -> ParcelRef:
    slug = doc.text("slug")
    return ParcelRef(doc.need_id("tracking_number"), None if slug == "unrecognized" else slug, order=say.order_of(doc))


def _tracking(doc: PayloadReader, say: EventBuilder, sent: datetime | None) -> Iterator[AdapterOutput]:
    """A tracking; `sent` is when its webhook was, which counts where the tracking does not say when it was updated."""
    said = at(doc, "updated_at") or sent
    parcel = _parcel(doc, say)
    if not doc.get("checkpoints"):
        yield Ignored("tracking", "the carrier has not said anything yet")
    checkpoints = list(doc.each("checkpoints"))
    zones = clocks(say, checkpoints, _seen)
    scans = say.each(checkpoints, lambda one: _checkpoint(one, say, parcel, said, next(zones)))
    yield from whole(say, parcel, scans, said, lambda: _stated(doc, say, said))
    if said is None:
        return
    tag = doc.text("tag")
    if tag == "Expired" and all(one.text("tag") != "Expired" for one in doc.each("checkpoints")):
        yield from _expired(doc, say, parcel, said)
    elif tag not in ("Delivered", "Expired") and doc.flag("return_to_sender") is not True:
        eta = _date(doc, *ESTIMATES)
        if eta is not None:
            yield estimate_event(say, parcel, eta, said)
    promise = _date(doc, ("order_promised_delivery_date",)) if parcel.order is not None else None
    if promise is not None:
        id_ = f"promise-{digest(parcel.order, parcel.tracking, said, promise)}"
        yield say.event(PROMISE, id_, said, {"promised_by": promise}, order=parcel.order, recorded=said)


def _stated(doc: PayloadReader, say: EventBuilder, said: datetime | None) -> Stated | None:
    """What the tracking itself says, as when the shop marks it as completed; only a delivery has a time of its own."""
    tag, subtag = doc.text("tag"), doc.text("subtag")
    if tag is None and subtag is None:
        return None
    meaning = refined(say, (TAG, tag), (SUBTAG, subtag))
    delivered = meaning is not None and meaning.word == "delivered"
    if delivered and doc.flag("return_to_sender") is True:
        meaning = Meaning(("returned",))
    return Stated(meaning, subtag or tag, doc.text("subtag_message"), _delivery(doc, say, said) if delivered else None)


def _delivery(doc: PayloadReader, say: EventBuilder, said: datetime | None) -> datetime | None:
    """When the parcel was delivered, where the tracking says so; of a mere date its end, or when it was said, if that is earlier."""
    here = doc.get("shipment_delivery_date")
    text = here.text()
    if text is None:
        return None
    place = _destination(doc)
    local = zone(place.zone) if place.zone is not None else say.zone
    date = when(text, here.path, local)
    if date is None or len(date) > len("2026-05-06"):
        return iso(text, here.path, local)
    ended = iso(f"{date}T23:59:59", here.path, local)
    return ended if said is None else min(ended, said)


def _seen(doc: PayloadReader) -> tuple[datetime, Spot]:
    """The time of a checkpoint as it is written, and where it was."""
    here = doc.get("checkpoint_time")
    return iso(doc.need_text("checkpoint_time"), here.path, None), _spot(doc)


def _spot(doc: PayloadReader) -> Spot:
    """Where a checkpoint was; posts leave their own country out."""
    country, code = _place(doc, "country_iso3", "country_region"), doc.text("zip") or doc.text("postal_code")
    country = country or POSTS.get(doc.text("slug") or "")
    return spot(country, doc.text("state"), code, doc.text("city"), doc.text("location"))


def _checkpoint(doc: PayloadReader, say: EventBuilder, parcel: ParcelRef, said: datetime | None, clock: tzinfo) -> Iterator[AdapterOutput]:
    tag, subtag = doc.text("tag"), doc.text("subtag")
    if tag is None and subtag is None:
        raise RefuseError("missing_field", f"{doc.path}.tag")
    country, region = _place(doc, "country_iso3", "country_region"), doc.text("state")
    slug = doc.text("slug")
    scan = Scan(
        at=need_at(doc, "checkpoint_time", zone=clock),
        meaning=refined(say, (TAG, tag), (SUBTAG, subtag)),
        code=subtag or tag,
        text=doc.text("message", longest=LONGEST_TEXT),
        key=(slug, tag, subtag, doc.text("location"), doc.text("city"), region, doc.text("zip"), doc.text("postal_code"), country),
        place={"city": doc.text("city") or doc.text("location"), "region": region or _spot(doc).region, "country": country},
    )
    event = scan_event(say, parcel, scan, at(doc, "created_at") or said)
    if event is not None:
        yield event


def _expired(doc: PayloadReader, say: EventBuilder, parcel: ParcelRef, said: datetime) -> Iterator[AdapterOutput]:
    """AfterShip has given up on a parcel of which nothing was heard since its last checkpoint: once for each such silence."""
    last = max((text for one in doc.each("checkpoints") if (text := one.text("checkpoint_time"))), default=doc.text("created_at"))
    carrier = carrier_name(parcel.carrier)
    data = {
        "status": "expired",
        "tracking_number": parcel.tracking,
        "carrier": carrier,
        "raw": {"code": doc.text("subtag") or "Expired", "text": doc.text("subtag_message")},
    }
    yield say.event(SCAN, f"expired-{digest(carrier, parcel.tracking, last)}", said, data, order=parcel.order, recorded=said)


def _date(doc: PayloadReader, *paths: tuple[str, ...]) -> str | None:
    """The first of some dates that is there. A time without an offset is local to the destination; where that is not known, a date."""
    name = _destination(doc).zone
    local: tzinfo | None = None if name is None else zone(name)
    for path in paths:
        here = doc.get(*path)
        text = here.text()
        if text is not None:
            return when(text, here.path, local)
    return None


def _destination(doc: PayloadReader) -> Spot:
    """Where the parcel goes."""
    country = _place(doc, "destination_country_iso3", "destination_country_region")
    return spot(country, doc.text("destination_state"), doc.text("destination_postal_code"), doc.text("destination_city"))


def _place(doc: PayloadReader, *names: str) -> str | None:
    """The country in a field whose name differs by version."""
    return next((alpha_2(text) for name in names if (text := doc.text(name)) is not None), None)


ADAPTER = Adapter(
    system="aftership",
    title="AfterShip",
    forms="tracking webhooks; trackings of the API",
    parse=json_doc,
    read=read,
    tables=(TAG, SUBTAG, EVENTS),
    emits=(SCAN, PROMISE, "evidence.withdrawn"),
    scheme="aftership",
    delivery="$.event_id",
    ignores=frozenset({"accept_test", "auto_capture", "headers", "order_is_alias"}),
)
