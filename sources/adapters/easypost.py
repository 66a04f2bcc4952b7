"""EasyPost trackers and refunds of postage: webhooks, and the objects as the API returns them, one or a page.

Each tracker carries its whole history. `datetime` of a scan is an instant; where EasyPost does not know the place, it takes the carrier's
local time for UTC, and corrects it, as another scan, once it knows. The tracker's `status` sums the scans up and is no scan itself, unless
it is final and no scan says it. EasyPost publishes no rule from `status_detail` to `status`: the detail refines a scan's status as
`finals` has it, and one that is in no table leaves the status as it is and is told as unmapped.

A tracker does not know the shop's order: its scans find it by the tracking number. The log of deliveries (`payloads`) that the API keeps
of an event reads like the webhooks that it logs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sources.adapters.base import Adapter, EventBuilder
from sources.adapters.finals import StatedStatus, refined
from sources.adapters.moments import at, need_at, when
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.payload import MAX_BYTES, MAX_TEXT_CHARS, PayloadReader, json_payload
from sources.adapters.scans import SCAN, estimate_event, scan_event, whole
from sources.adapters.tables import table

RETURN, VOIDED = "return.authorized", "warehouse.shipment_cancelled"

STATUS = table(
    "status",
    "tracking_details[].status",
    "scan",
    """
    unknown              = unknown
    pre_transit          = label_created
    in_transit           = in_transit
    out_for_delivery     = out_for_delivery
    delivered            = delivered
    available_for_pickup = ready_for_pickup
    return_to_sender     = returning
    failure              = failed_final
    cancelled            = cancelled
    error                = unknown       # EasyPost could not read the carrier's answer
    """,
    source="EasyPost API, Tracker object: status; https://docs.easypost.com/docs/trackers",
)

DETAIL = table(
    "status_detail",
    "tracking_details[].status_detail",
    "scan",
    """
    address_correction                   = exception address
    arrived_at_destination               = in_transit
    arrived_at_facility                  = in_transit
    arrived_at_pickup_location           = ready_for_pickup
    awaiting_information                 = label_created
    cancelled                            = cancelled
    damaged                              = damaged
    delayed                              = delayed
    delivery_exception                   = exception
    departed_facility                    = in_transit
    departed_origin_facility             = in_transit
    expired                              = expired
    failure                              = failed_final
    held                                 = held
    in_transit                           = in_transit
    label_created                        = label_created
    lost                                 = lost
    missorted                            = in_transit missorted
    out_for_delivery                     = out_for_delivery
    received_at_destination_facility     = in_transit
    received_at_origin_facility          = accepted
    refused                              = returning refused
    return                               = returning
    transferred_to_destination_carrier   = in_transit
    transit_exception                    = exception
    weather_delay                        = delayed weather
    status_update                        = ignored   # says nothing beyond the status
    unknown                              = ignored   # says nothing beyond the status
    """,
    source="EasyPost API, Tracker object: status_detail; https://docs.easypost.com/docs/trackers",
)

REFUND = table(
    "refund",
    "status",
    "type",
    """
    refunded       = warehouse.shipment_cancelled    # the label is void: only one that was never scanned is refunded
    submitted      = ignored                         # asked for, not granted: the label is still good
    rejected       = ignored                         # the label is still good
    not_applicable = ignored                         # the label is still good
    """,
    source="EasyPost API, Refund object: status; https://docs.easypost.com/docs/refunds",
)

ENDED = frozenset(("delivered", "cancelled", "return_to_sender", "failure"))
"""Statuses of a tracker whose estimate is of the past, or no longer about the customer."""

EVENTS = table(
    "description",
    "description",
    "type",
    """
    tracker.created = carrier.scan
    tracker.updated = carrier.scan
    batch.created = ignored               # labels are bought elsewhere
    batch.updated = ignored               # labels are bought elsewhere
    claim.submitted = ignored             # what an insurer pays the shop
    claim.cancelled = ignored             # what an insurer pays the shop
    claim.updated = ignored               # what an insurer pays the shop
    claim.rejected = ignored              # what an insurer pays the shop
    claim.approved = ignored              # what an insurer pays the shop
    claims.submitted = ignored            # as claim.submitted, in older documents
    claims.cancelled = ignored            # as claim.cancelled, in older documents
    claims.updated = ignored              # as claim.updated, in older documents
    claims.rejected = ignored             # as claim.rejected, in older documents
    claims.approved = ignored             # as claim.approved, in older documents
    insurance.purchased = ignored         # no step of an order
    insurance.cancelled = ignored         # no step of an order
    payment.created = ignored             # the account's own payments
    payment.completed = ignored           # the account's own payments
    payment.failed = ignored              # the account's own payments
    refund.successful = warehouse.shipment_cancelled    # of postage: the label is void
    report.new = ignored                  # reports
    report.empty = ignored                # reports
    report.available = ignored            # reports
    report.failed = ignored               # reports
    scan_form.created = ignored           # a manifest, no hand-over
    scan_form.updated = ignored           # a manifest, no hand-over
    shipment.invoice.created = ignored    # postage
    shipment.invoice.updated = ignored    # postage
    """,
    source="EasyPost API, Event object: possible event types; https://docs.easypost.com/docs/events",
)


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """An event with its tracker, one tracker, a page of trackers or events, or a log of deliveries."""
    match payload.text("object"):
        case "Event":
            yield from _event(payload, builder)
        case "Tracker":
            yield from _tracker(payload, builder)
        case "Refund":
            builder.kind("refund")
            yield from _refund(payload, builder)
        case "Payload":
            yield from _delivered(payload, builder)
        case None:
            yield from _page(payload, builder)
        case _:
            raise RefuseError("not_a_report", "an object other than an event, a tracker or a refund")


def _page(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    if payload.has("trackers"):
        yield from builder.each(payload.each("trackers"), lambda one: _tracker(one, builder))
    elif payload.has("refunds"):
        builder.kind("refund")
        yield from builder.each(payload.each("refunds"), lambda one: _refund(one, builder))
    elif payload.has("events"):
        yield from builder.each(payload.each("events"), lambda one: _event(one, builder))
    elif payload.has("payloads"):
        builder.kind("payloads")
        if not payload.get("payloads"):
            yield Ignored("payloads", "no delivery was tried yet")
        yield from builder.each(payload.each("payloads"), lambda one: _delivered(one, builder))
    elif payload.has("error"):
        raise RefuseError("not_a_report", "an error answer")
    elif payload.has("success"):
        raise RefuseError("not_a_report", "the answer to a request, without a tracker")
    else:
        raise RefuseError("unknown_form", "no EasyPost event, tracker or page of them")


def _delivered(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A webhook as the log of its deliveries has it: its body, as text."""
    body = payload.need("request_body").text(longest=MAX_BYTES)
    yield from _event(json_payload((body or "").encode()), builder)


def _event(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    description = payload.need_text("description")
    builder.kind(description)
    meaning = builder.code(EVENTS, description)
    if meaning is None:
        raise RefuseError("unknown_form", "an event whose description is in no table")
    if meaning.ignored:
        yield Ignored(description, meaning.why)
        return
    builder.test_mode(is_test=payload.text("mode") == "test")
    if not payload.get("result"):
        raise RefuseError("not_a_report", "an event without its result, as the API lists them")
    yield from (_tracker if meaning.term == SCAN else _refund)(payload.get("result"), builder)


def _refund(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """The postage of a label, given back: when EasyPost said so, as it does not say since when the label is void."""
    status = payload.need_text("status")
    meaning = builder.code(REFUND, status)
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('status').path}: in no table")
    if meaning.ignored:
        yield Ignored(f"refund {status}", meaning.why)
        return
    created, updated = need_at(payload, "created_at"), at(payload, "updated_at")
    data = {"tracking_number": payload.need_id("tracking_code")}
    yield builder.event(
        VOIDED, f"void-{payload.need_id('id')}", updated or created, data, order=builder.order_of(payload), recorded=updated
    )


def _tracker(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    if builder.coverage.current in ("unknown", "tracker"):
        builder.kind("tracker")
    builder.test_mode(is_test=payload.text("mode") == "test")
    stated_at = at(payload, "updated_at")
    order, status = builder.order_of(payload), payload.text("status")
    returning = payload.flag("is_return") is True
    # A return label's parcel goes to the shop: its scans are the return's, and never deliver the order.
    parcel = ParcelRef(payload.need_id("tracking_code"), payload.text("carrier"), order=None if returning else order)
    if not payload.get("tracking_details"):
        yield Ignored("tracker", "the carrier has not said anything yet")
    scans = builder.each(payload.each("tracking_details"), lambda one: _scan(one, builder, parcel, stated_at))
    yield from whole(builder, parcel, scans, stated_at, lambda: _stated(payload, builder, status))
    if returning:
        yield from _return(payload, builder, order, stated_at)
    elif stated_at is not None and status not in ENDED:
        yield from _estimate(payload, builder, parcel, stated_at)


def _stated(payload: PayloadReader, builder: EventBuilder, status: str | None) -> StatedStatus | None:
    """What the tracker itself says: it states no time of its status."""
    if status is None:
        return None
    detail = payload.text("status_detail")
    return StatedStatus(refined(builder, (STATUS, status), (DETAIL, detail)), status if detail is None else f"{status}/{detail}")


def _return(payload: PayloadReader, builder: EventBuilder, order: str | None, stated_at: datetime | None) -> Iterator[AdapterOutput]:
    """What ties the parcel of a return label to its order, where the connection says which that is."""
    created = at(payload, "created_at")
    if order is not None and created is not None:
        data = {"tracking_number": payload.need_id("tracking_code")}
        yield builder.event(RETURN, f"return-{payload.need_id('id')}", created, data, order=order, recorded=stated_at)


def _estimate(payload: PayloadReader, builder: EventBuilder, parcel: ParcelRef, stated_at: datetime) -> Iterator[AdapterOutput]:
    """The carrier's own local date, else the date that EasyPost makes of it."""
    local = payload.get("carrier_detail", "est_delivery_date_local")
    place = local or payload.get("est_delivery_date")
    eta = when(place.text(), place.path)
    if eta is not None:
        yield estimate_event(builder, parcel, eta, stated_at)


def _scan(payload: PayloadReader, builder: EventBuilder, parcel: ParcelRef, stated_at: datetime | None) -> Iterator[AdapterOutput]:
    status, detail = payload.need_text("status"), payload.text("status_detail")
    fine = DETAIL.get(detail)
    finer = None if fine is not None and fine.ignored else detail
    place = payload.get("tracking_location")
    scan = Scan(
        at=need_at(payload, "datetime"),
        meaning=refined(builder, (STATUS, status), (DETAIL, detail)),
        code=status if detail is None else f"{status}/{detail}",
        text=payload.text("message", longest=MAX_TEXT_CHARS),
        key=(status, finer, place.text("city"), place.text("zip")),
        place={"city": place.text("city"), "region": place.text("state"), "country": place.text("country")},
    )
    event = scan_event(builder, parcel, scan, stated_at)
    if event is not None:
        yield event


ADAPTER = Adapter(
    system="easypost",
    title="EasyPost",
    forms="tracker and refund webhooks; trackers and refunds of the API",
    parse=json_payload,
    read=read,
    tables=(STATUS, DETAIL, EVENTS, REFUND),
    emits=(SCAN, RETURN, VOIDED, "evidence.withdrawn"),
    scheme="easypost",
    delivery="$.id",
    ignores=frozenset({"auto_capture", "headers", "order_is_alias", "zone"}),
)
