"""Shippo: `track_updated` webhooks and tracks as the API returns them, and transactions (labels bought).

A track carries the whole history; Shippo states its times in UTC, in either order. `tracking_status` repeats the latest scan under another
ID and counts only where there is no history. A track does not say when it was updated: that is when the latest of its scans was
entered, so that a scan which the carrier takes back without saying anything else stays until the next one.

`metadata` is free text; it is the order's ID only where the connection says so (`order_field`). A transaction's `order` is Shippo's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sources.adapters.base import Adapter, EventBuilder
from sources.adapters.carriers import carrier_name
from sources.adapters.finals import StatedStatus, refined
from sources.adapters.moments import at, need_at, when
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.payload import MAX_TEXT_CHARS, PayloadReader, json_payload
from sources.adapters.scans import SCAN, estimate_event, scan_event, whole
from sources.adapters.tables import table

LABEL, VOIDED = "warehouse.label_created", "warehouse.shipment_cancelled"

STATUS = table(
    "status",
    "tracking_history[].status",
    "scan",
    """
    UNKNOWN     = unknown
    PRE_TRANSIT = label_created
    TRANSIT     = in_transit
    DELIVERED   = delivered
    RETURNED    = returning       # on its way back, or back: Shippo does not say which
    FAILURE     = failed_final
    """,
    source="Shippo API, Tracking: event definitions; https://docs.goshippo.com/docs/tracking/tracking",
)

SUBSTATUS = table(
    "substatus",
    "tracking_history[].substatus.code",
    "scan",
    """
    information_received  = label_created
    address_issue         = exception address
    contact_carrier       = exception
    delayed               = delayed
    delivery_attempted    = attempt_failed
    delivery_rescheduled  = delayed             # the planned day no longer holds
    delivery_scheduled    = in_transit
    location_inaccessible = attempt_failed
    notice_left           = attempt_failed
    out_for_delivery      = out_for_delivery
    package_accepted      = accepted
    package_arrived       = in_transit
    package_damaged       = damaged
    package_departed      = in_transit
    package_forwarded     = in_transit
    package_held          = held
    package_processed     = in_transit
    package_processing    = in_transit
    pickup_available      = ready_for_pickup
    reschedule_delivery   = exception           # the customer has to make an appointment
    delivered             = delivered
    return_to_sender      = returning
    package_unclaimed     = returning unclaimed
    package_undeliverable = failed_final
    package_disposed      = failed_final disposed
    package_lost          = lost
    other                 = ignored             # says nothing beyond the status
    """,
    source="Shippo API, Tracking: event definitions; https://docs.goshippo.com/docs/tracking/tracking",
)

TRANSACTION = table(
    "transaction",
    "data.status",
    "type",
    """
    SUCCESS        = warehouse.label_created
    REFUNDED       = warehouse.shipment_cancelled    # the label is void
    WAITING        = ignored                         # no label yet
    QUEUED         = ignored                         # no label yet
    ERROR          = ignored                         # no label was made
    REFUNDPENDING  = ignored                         # asked for, not granted: the label is still good
    REFUNDREJECTED = ignored                         # the label is still good
    """,
    source="Shippo API, Transaction: status; https://docs.goshippo.com/shippoapi/public-api/transactions",
)

EVENTS = table(
    "event",
    "event",
    "type",
    """
    track_updated       = carrier.scan
    transaction_created = warehouse.label_created
    transaction_updated = warehouse.label_created warehouse.shipment_cancelled
    batch_created       = ignored    # its labels come as transactions
    batch_purchased     = ignored    # its labels come as transactions
    """,
    source="Shippo API, Webhooks: event types; https://docs.goshippo.com/docs/tracking/webhooks",
)

ENDED = frozenset(("DELIVERED", "RETURNED", "FAILURE"))
"""Statuses of a track whose estimate is of the past, or no longer about the customer."""


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A webhook, a track, a transaction, or a page of transactions."""
    if payload.has("event"):
        yield from _webhook(payload, builder)
    elif payload.has("results"):
        yield from builder.each(payload.each("results"), lambda one: _listed(one, builder))
    else:
        yield from _listed(payload, builder)


def _webhook(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    event = payload.need_text("event")
    builder.kind(event)
    meaning = builder.code(EVENTS, event)
    if meaning is None:
        raise RefuseError("unknown_form", "an event that is in no table")
    if meaning.ignored:
        yield Ignored(event, meaning.why)
        return
    builder.test_mode(is_test=payload.flag("test"))
    yield from (_track if meaning.term == SCAN else _transaction)(payload.need("data"), builder)


def _listed(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    if payload.has("tracking_history"):
        builder.kind("track")
        yield from _track(payload, builder)
    elif payload.has("object_id") and payload.has("label_url"):
        builder.kind("transaction")
        yield from _transaction(payload, builder)
    elif payload.has("detail") or isinstance(payload.get("carrier").value, list):
        raise RefuseError("not_a_report", "an error answer")
    else:
        raise RefuseError("unknown_form", "no Shippo track and no transaction")


def _track(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    builder.test_mode(is_test=payload.flag("test"))
    parcel = ParcelRef(payload.need_id("tracking_number"), payload.text("carrier"), order=builder.order_of(payload))
    latest = payload.get("tracking_status")
    stated_at = max((moment for one in (latest, *payload.each("tracking_history")) if (moment := _entered(one)) is not None), default=None)
    scans = payload.get("tracking_history") or latest
    if not scans:
        yield Ignored("track", "the carrier has not said anything yet")
        return
    read = builder.each(scans.each(), lambda one: _scan(one, builder, parcel, stated_at))
    yield from whole(builder, parcel, read, stated_at, lambda: _stated(latest, builder))
    eta = when(payload.text("eta"), payload.get("eta").path, UTC)
    if eta is not None and stated_at is not None and latest.text("status") not in ENDED:
        yield estimate_event(builder, parcel, eta, stated_at)


def _entered(payload: PayloadReader) -> datetime | None:
    """When Shippo entered a scan; what is no scan is refused where it is read."""
    if not isinstance(payload.value, dict):
        return None
    return at(payload, "object_updated") or at(payload, "object_created")


def _stated(payload: PayloadReader, builder: EventBuilder) -> StatedStatus | None:
    """What the track itself says, where the history has no scan of it."""
    status, code = payload.text("status"), payload.get("substatus").text("code")
    if status is None:
        return None
    meaning = refined(builder, (STATUS, status), (SUBSTATUS, code))
    return StatedStatus(
        meaning,
        status if code is None else f"{status}/{code}",
        payload.text("status_details", longest=MAX_TEXT_CHARS),
        at(payload, "status_date"),
    )


def _scan(payload: PayloadReader, builder: EventBuilder, parcel: ParcelRef, stated_at: datetime | None) -> Iterator[AdapterOutput]:
    status, code = payload.need_text("status"), payload.get("substatus").text("code")
    fine = SUBSTATUS.get(code)
    finer = None if fine is not None and fine.ignored else code
    place = payload.get("location")
    scan = Scan(
        at=need_at(payload, "status_date"),
        meaning=refined(builder, (STATUS, status), (SUBSTATUS, code)),
        code=status if code is None else f"{status}/{code}",
        text=payload.text("status_details", longest=MAX_TEXT_CHARS),
        key=(status, finer, place.text("city"), place.text("state"), place.text("zip"), place.text("country")),
        place={"city": place.text("city"), "region": place.text("state"), "country": place.text("country")},
    )
    event = scan_event(builder, parcel, scan, at(payload, "object_created") or stated_at)
    if event is not None:
        yield event


def _transaction(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A label that was bought, or is void; both when Shippo says so, as it does not say when it happened."""
    builder.test_mode(is_test=payload.flag("test"))
    status = payload.need_text("status")
    meaning = builder.code(TRANSACTION, status)
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.path}.status: in no table")
    if meaning.ignored:
        yield Ignored(f"transaction {status}", meaning.why)
        return
    id_, order = payload.need_id("object_id"), builder.order_of(payload)
    created, updated = need_at(payload, "object_created"), at(payload, "object_updated")
    rate = payload.get("rate")
    carrier = rate.text("provider") if isinstance(rate.value, dict) else None
    data = {"tracking_number": payload.id("tracking_number"), "carrier": carrier_name(carrier)}
    yield builder.event(LABEL, f"label-{id_}", created, data, order=order, recorded=created)
    if meaning.term == VOIDED:
        data = {"tracking_number": payload.id("tracking_number")}
        yield builder.event(VOIDED, f"void-{id_}", updated or created, data, order=order, recorded=updated)


ADAPTER = Adapter(
    system="shippo",
    title="Shippo",
    forms="track and transaction webhooks; tracks and transactions of the API",
    parse=json_payload,
    read=read,
    tables=(STATUS, SUBSTATUS, TRANSACTION, EVENTS),
    emits=(SCAN, LABEL, VOIDED, "evidence.withdrawn"),
    ignores=frozenset({"auto_capture", "headers", "order_is_alias", "zone"}),
)
