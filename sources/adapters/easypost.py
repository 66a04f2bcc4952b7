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
from sources.adapters.doc import LONGEST_TEXT, MAX_BYTES, PayloadReader, json_doc
from sources.adapters.finals import Stated, refined
from sources.adapters.moments import at, need_at, when
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.scans import SCAN, estimate_event, scan_event, whole
from sources.adapters.tables import table
from sources.adapters.told import AdapterOutput, Ignored, RefuseError

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


def read(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """An event with its tracker, one tracker, a page of trackers or events, or a log of deliveries."""
    match doc.text("object"):
        case "Event":
            yield from _event(doc, say)
        case "Tracker":
            yield from _tracker(doc, say)
        case "Refund":
            say.kind("refund")
            yield from _refund(doc, say)
        case "Payload":
            yield from _delivered(doc, say)
        case None:
            yield from _page(doc, say)
        case _:
            raise RefuseError("not_a_report", "an object other than an event, a tracker or a refund")


def _page(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    if doc.has("trackers"):
        yield from say.each(doc.each("trackers"), lambda one: _tracker(one, say))
    elif doc.has("refunds"):
        say.kind("refund")
        yield from say.each(doc.each("refunds"), lambda one: _refund(one, say))
    elif doc.has("events"):
        yield from say.each(doc.each("events"), lambda one: _event(one, say))
    elif doc.has("payloads"):
        say.kind("payloads")
        if not doc.get("payloads"):
            yield Ignored("payloads", "no delivery was tried yet")
        yield from say.each(doc.each("payloads"), lambda one: _delivered(one, say))
    elif doc.has("error"):
        raise RefuseError("not_a_report", "an error answer")
    elif doc.has("success"):
        raise RefuseError("not_a_report", "the answer to a request, without a tracker")
    else:
        raise RefuseError("unknown_form", "no EasyPost event, tracker or page of them")


def _delivered(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """A webhook as the log of its deliveries has it: its body, as text."""
    body = doc.need("request_body").text(longest=MAX_BYTES)
    yield from _event(json_doc((body or "").encode()), say)


def _event(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    description = doc.need_text("description")
    say.kind(description)
    meaning = say.code(EVENTS, description)
    if meaning is None:
        raise RefuseError("unknown_form", "an event whose description is in no table")
    if meaning.ignored:
        yield Ignored(description, meaning.why)
        return
    say.test_mode(is_test=doc.text("mode") == "test")
    if not doc.get("result"):
        raise RefuseError("not_a_report", "an event without its result, as the API lists them")
    yield from (_tracker if meaning.word == SCAN else _refund)(doc.get("result"), say)


def _refund(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """The postage of a label, given back: when EasyPost said so, as it does not say since when the label is void."""
    status = doc.need_text("status")
    meaning = say.code(REFUND, status)
    if meaning is None:
        raise RefuseError("unmapped", f"{doc.get('status').path}: in no table")
    if meaning.ignored:
        yield Ignored(f"refund {status}", meaning.why)
        return
    created, updated = need_at(doc, "created_at"), at(doc, "updated_at")
    data = {"tracking_number": doc.need_id("tracking_code")}
    yield say.event(VOIDED, f"void-{doc.need_id('id')}", updated or created, data, order=say.order_of(doc), recorded=updated)


def _tracker(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    if say.coverage.current in ("unknown", "tracker"):
        say.kind("tracker")
    say.test_mode(is_test=doc.text("mode") == "test")
    said = at(doc, "updated_at")
    order, status = say.order_of(doc), doc.text("status")
    returning = doc.flag("is_return") is True
    # A return label's parcel goes to the shop: its scans are the return's, and never deliver the order.
    parcel = ParcelRef(doc.need_id("tracking_code"), doc.text("carrier"), order=None if returning else order)
    if not doc.get("tracking_details"):
        yield Ignored("tracker", "the carrier has not said anything yet")
    scans = say.each(doc.each("tracking_details"), lambda one: _scan(one, say, parcel, said))
    yield from whole(say, parcel, scans, said, lambda: _stated(doc, say, status))
    if returning:
        yield from _return(doc, say, order, said)
    elif said is not None and status not in ENDED:
        yield from _estimate(doc, say, parcel, said)


def _stated(doc: PayloadReader, say: EventBuilder, status: str | None) -> Stated | None:
    """What the tracker itself says: it states no time of its status."""
    if status is None:
        return None
    detail = doc.text("status_detail")
    return Stated(refined(say, (STATUS, status), (DETAIL, detail)), status if detail is None else f"{status}/{detail}")


def _return(doc: PayloadReader, say: EventBuilder, order: str | None, said: datetime | None) -> Iterator[AdapterOutput]:
    """What ties the parcel of a return label to its order, where the connection says which that is."""
    created = at(doc, "created_at")
    if order is not None and created is not None:
        data = {"tracking_number": doc.need_id("tracking_code")}
        yield say.event(RETURN, f"return-{doc.need_id('id')}", created, data, order=order, recorded=said)


def _estimate(doc: PayloadReader, say: EventBuilder, parcel: ParcelRef, said: datetime) -> Iterator[AdapterOutput]:
    """The carrier's own local date, else the date that EasyPost makes of it."""
    local = doc.get("carrier_detail", "est_delivery_date_local")
    place = local or doc.get("est_delivery_date")
    eta = when(place.text(), place.path)
    if eta is not None:
        yield estimate_event(say, parcel, eta, said)


def _scan(doc: PayloadReader, say: EventBuilder, parcel: ParcelRef, said: datetime | None) -> Iterator[AdapterOutput]:
    status, detail = doc.need_text("status"), doc.text("status_detail")
    fine = DETAIL.get(detail)
    finer = None if fine is not None and fine.ignored else detail
    place = doc.get("tracking_location")
    scan = Scan(
        at=need_at(doc, "datetime"),
        meaning=refined(say, (STATUS, status), (DETAIL, detail)),
        code=status if detail is None else f"{status}/{detail}",
        text=doc.text("message", longest=LONGEST_TEXT),
        key=(status, finer, place.text("city"), place.text("zip")),
        place={"city": place.text("city"), "region": place.text("state"), "country": place.text("country")},
    )
    event = scan_event(say, parcel, scan, said)
    if event is not None:
        yield event


ADAPTER = Adapter(
    system="easypost",
    title="EasyPost",
    forms="tracker and refund webhooks; trackers and refunds of the API",
    parse=json_doc,
    read=read,
    tables=(STATUS, DETAIL, EVENTS, REFUND),
    emits=(SCAN, RETURN, VOIDED, "evidence.withdrawn"),
    scheme="easypost",
    delivery="$.id",
    ignores=frozenset({"auto_capture", "headers", "order_is_alias", "zone"}),
)
