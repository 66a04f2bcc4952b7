"""EasyPost trackers: `tracker.created` and `tracker.updated` webhooks, and trackers as the API returns them, one or a page.

Each carries the tracker's whole history. `datetime` of a scan is an instant in UTC. The tracker's `status` sums the scans up and is no scan
itself. EasyPost publishes no rule from `status_detail` to `status`: the detail refines a scan's status where the table says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sources.adapters.base import Adapter, Say
from sources.adapters.doc import Doc, json_doc
from sources.adapters.moments import at, need_at, when
from sources.adapters.scans import SCAN, Parcel, Scan, estimate_event, history, scan_event
from sources.adapters.tables import table
from sources.adapters.told import Ignored, RefuseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sources.adapters.told import Draft, Told

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

REFINES: dict[str, frozenset[str]] = {
    "in_transit": frozenset(("accepted", "in_transit", "delayed", "held", "exception", "damaged")),
    "failure": frozenset(("exception", "damaged", "lost", "returning", "held", "failed_final")),
    "out_for_delivery": frozenset(("out_for_delivery", "exception", "delayed")),
    "return_to_sender": frozenset(("returning",)),
    "unknown": frozenset(("delayed", "expired", "exception", "held")),
}
"""What a detail may make of a status. A detail that contradicts its status (`delivered` with `label_created`) does not count."""

EVENTS = table(
    "description",
    "description",
    "type",
    """
    tracker.created = carrier.scan
    tracker.updated = carrier.scan
    batch.created = ignored               # labels are bought elsewhere
    batch.updated = ignored               # labels are bought elsewhere
    insurance.purchased = ignored         # no step of an order
    insurance.cancelled = ignored         # no step of an order
    payment.created = ignored             # the account's own payments
    payment.completed = ignored           # the account's own payments
    payment.failed = ignored              # the account's own payments
    refund.successful = ignored           # postage, not the customer's money
    report.new = ignored                  # reports
    report.available = ignored            # reports
    report.failed = ignored               # reports
    scan_form.created = ignored           # a manifest, no hand-over
    scan_form.updated = ignored           # a manifest, no hand-over
    shipment.invoice.created = ignored    # postage
    shipment.invoice.updated = ignored    # postage
    """,
    source="EasyPost API, Event object: possible event types; https://docs.easypost.com/docs/events",
)


def read(doc: Doc, say: Say) -> Iterator[Told]:
    """An event with its tracker, one tracker, a page of trackers, or a page of events."""
    match doc.text("object"):
        case "Event":
            yield from _event(doc, say)
        case "Tracker":
            yield from _tracker(doc, say)
        case _:
            if doc.has("trackers"):
                yield from say.each(doc.each("trackers"), lambda one: _tracker(one, say))
            elif doc.has("events"):
                yield from say.each(doc.each("events"), lambda one: _event(one, say))
            elif doc.has("error"):
                raise RefuseError("not_a_report", "an error answer")
            else:
                raise RefuseError("unknown_form", "no EasyPost event, tracker or page of them")


def _event(doc: Doc, say: Say) -> Iterator[Told]:
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
        raise RefuseError("not_a_report", "an event without its tracker, as the API lists them")
    yield from _tracker(doc.get("result"), say)


def _tracker(doc: Doc, say: Say) -> Iterator[Told]:
    if say.coverage.current == "unknown":
        say.kind("tracker")
    say.test_mode(is_test=doc.text("mode") == "test")
    said = at(doc, "updated_at")
    # A return label's parcel goes to the shop: its scans find the return by its number, and never deliver the order.
    parcel = Parcel(doc.need_id("tracking_code"), doc.text("carrier"), order=say.order_of(doc))
    scans: list[Draft] = []
    for told in say.each(doc.each("tracking_details"), lambda one: _scan(one, say, parcel, said)):
        if isinstance(told, dict):
            scans.append(told)
        yield told
    whole = history(say, parcel, scans, said)
    if whole is not None:
        yield whole
    eta = when(doc.text("est_delivery_date"), doc.get("est_delivery_date").path)
    if eta is not None and said is not None and doc.text("status") not in ("delivered", "cancelled"):
        yield estimate_event(say, parcel, eta, said)


def _scan(doc: Doc, say: Say, parcel: Parcel, said: datetime | None) -> Iterator[Told]:
    status, detail = doc.need_text("status"), doc.text("status_detail")
    meaning, refined = say.code(STATUS, status), say.code(DETAIL, detail)
    if refined is not None and not refined.ignored and refined.word in REFINES.get(status, ()):
        meaning = refined
    place = doc.get("tracking_location")
    scan = Scan(
        at=need_at(doc, "datetime"),
        meaning=meaning,
        code=status if detail is None else f"{status}/{detail}",
        text=doc.text("message", longest=4_096),
        key=(status, place.text("city"), place.text("zip")),
        place={"city": place.text("city"), "region": place.text("state"), "country": place.text("country")},
    )
    event = scan_event(say, parcel, scan, said)
    if event is not None:
        yield event


ADAPTER = Adapter(
    system="easypost",
    title="EasyPost",
    forms="tracker webhooks; trackers of the API",
    parse=json_doc,
    read=read,
    tables=(STATUS, DETAIL, EVENTS),
    emits=(SCAN, "evidence.withdrawn"),
    scheme="easypost",
    delivery="$.id",
)
