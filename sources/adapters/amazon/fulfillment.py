"""Amazon as the warehouse of other shops' orders (Multi-Channel Fulfillment): fulfilment orders, their notification, and packages.

The order is the shop's, known to Amazon by the number that the shop gave it: another name of the order, unless the connection's
`order_field` says in which field of the fulfilment order (`sellerFulfillmentOrderId`, `displayableOrderId`) its ID stands. Notifications
have only the former: where the ID is the latter, an answer of the API ties the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sources.adapters.amazon.tables import CURRENT, FULFILLMENT, REJECTION, RETURN, SCAN_EVENT, SHIPMENT
from sources.adapters.base import EventBuilder, digest
from sources.adapters.carrier_replies import answered_at, parcel_outputs
from sources.adapters.carriers import carrier_name
from sources.adapters.moments import at, need_at, stamp
from sources.adapters.output import AdapterOutput, Draft, Ignored, RefuseError
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.payload import MAX_TEXT_CHARS, PayloadReader
from sources.adapters.scans import scan_event
from sources.adapters.shops import ShopOrderRef, order_event

LABEL = "warehouse.label_created"


def read_fulfillment(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A fulfilment order with its shipments and returns, as the API answers it."""
    order = payload.need("fulfillmentOrder")
    number = order.need_id("sellerFulfillmentOrderId")
    owner = _owner(builder, order, number, order.need_id("displayableOrderId"))
    changed = need_at(order, "statusUpdatedDate")
    yield from _status(order.need_text("fulfillmentOrderStatus"), builder, owner, number, at(order, "receivedDate") or changed, changed)
    yield from builder.each(payload.each("fulfillmentShipments"), lambda one: _shipment(one, builder, owner, number, changed))
    skus = {one.id("sellerFulfillmentOrderItemId"): one.id("sellerSku") for one in payload.each("fulfillmentOrderItems")}
    yield from builder.each(payload.each("returnItems"), lambda one: _return(one, builder, owner, skus))


def _owner(builder: EventBuilder, payload: PayloadReader, number: str, name: str) -> ShopOrderRef:
    """The shop's order: by its ID where the connection says in which field that is, and then Amazon's `number` ties what has no other name.

    Else by `name`.
    """
    field = builder.connection.order_field
    if not field:
        return ShopOrderRef(None, name)
    # Notifications write the same field with a capital, and have no other.
    order = number if field.casefold() == "sellerfulfillmentorderid" else builder.order_of(payload)
    return ShopOrderRef(order, None if order == number else number)


def read_status(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """The notification FULFILLMENT_ORDER_STATUS: one step of a fulfilment order."""
    number = payload.need_id("SellerFulfillmentOrderId")
    owner = _owner(builder, payload, number, number)
    changed = need_at(payload, "StatusUpdatedDateTime")
    back, shipment = payload.get("FulfillmentReturnItem"), payload.get("FulfillmentShipment")
    if back:
        time, sku = at(back, "ReceivedDateTime") or changed, back.id("SellerSKU")
        quantity = back.quantity("ReturnedQuantity")
        data = {"lines": None if sku is None else [{"sku": sku, "quantity": quantity}]}
        yield order_event(builder, owner, "return.received", f"returned-{digest(number, sku, time)}", time, data, changed)
    elif shipment:
        yield from _shipment_notice(shipment, builder, owner, number, changed)
    else:
        yield from _status(payload.need_text("FulfillmentOrderStatus"), builder, owner, number, changed, changed)


def _status(
    status: str, builder: EventBuilder, owner: ShopOrderRef, number: str, received: datetime, changed: datetime
) -> Iterator[AdapterOutput]:
    meaning = builder.code(FULFILLMENT, status)
    if meaning is None:
        raise RefuseError("unmapped", "fulfillmentOrderStatus: a status that is in no table")
    if meaning.ignored:
        yield Ignored(f"fulfillment order {status}", meaning.why)
        return
    data = {"fulfillment_order_id": number}
    if "warehouse.released" in meaning.terms:
        yield order_event(builder, owner, "warehouse.released", f"released-{number}", received, data, changed)
    if "warehouse.pick_started" in meaning.terms:
        yield order_event(builder, owner, "warehouse.pick_started", f"picking-{number}", changed, data, changed)
    reason = builder.code(REJECTION, status) if meaning.term == "warehouse.rejected" else None
    if reason is not None:
        yield order_event(builder, owner, meaning.term, f"rejected-{number}", changed, {**data, "reason": reason.term}, changed)


def _shipment(
    payload: PayloadReader, builder: EventBuilder, owner: ShopOrderRef, number: str, changed: datetime
) -> Iterator[AdapterOutput]:
    """A shipment of a fulfilment order. What was cancelled does not say when."""
    total: dict[str, int | None] = {}
    for item in payload.each("fulfillmentShipmentItem"):
        sku, pieces = item.need_id("sellerSku"), item.quantity("quantity")
        before = total.get(sku, 0)
        total[sku] = None if before is None or pieces is None else min(before + pieces, 1_000_000_000)
    lines = [{"sku": sku, "quantity": pieces} for sku, pieces in total.items() if pieces != 0]
    packages = [(one.id("trackingNumber"), one.text("carrierCode")) for one in payload.each("fulfillmentShipmentPackage")]
    data = {"shipment_id": payload.need_id("amazonShipmentId"), "site": payload.id("fulfillmentCenterId"), "lines": lines or None}
    status, left = payload.need_text("fulfillmentShipmentStatus"), at(payload, "shippingDate")
    yield from _left(builder, owner, status, left or changed, changed, packages, {**data, "fulfillment_order_id": number})


def _shipment_notice(
    payload: PayloadReader, builder: EventBuilder, owner: ShopOrderRef, number: str, changed: datetime
) -> Iterator[AdapterOutput]:
    packages = [(one.id("TrackingNumber"), one.text("CarrierCode")) for one in payload.each("FulfillmentShipmentPackages")]
    data = {"shipment_id": payload.need_id("AmazonShipmentId"), "fulfillment_order_id": number}
    yield from _left(builder, owner, payload.need_text("FulfillmentShipmentStatus"), changed, changed, packages, data)


def _left(
    builder: EventBuilder,
    owner: ShopOrderRef,
    status: str,
    left: datetime,
    changed: datetime,
    packages: Iterable[tuple[str | None, str | None]],
    data: dict[str, Any],
) -> Iterator[AdapterOutput]:
    """A shipment that left at `left`, in packages by number and carrier, or that was cancelled at the latest at `changed`."""
    meaning, shipment = builder.code(SHIPMENT, status), data["shipment_id"]
    if meaning is None:
        raise RefuseError("unmapped", "fulfillmentShipmentStatus: a status that is in no table")
    if meaning.ignored:
        yield Ignored(f"shipment {status}", meaning.why)
        return
    if meaning.term == "warehouse.shipment_cancelled":
        yield order_event(builder, owner, meaning.term, f"unshipped-{shipment}", changed, {"shipment_id": shipment}, changed)
        return
    yield order_event(builder, owner, "warehouse.shipped", f"shipped-{shipment}", left, data, changed)
    for tracking, code in packages:
        if tracking:
            carrier = carrier_name(code)
            label = {"shipment_id": shipment, "carrier": carrier, "tracking_number": tracking}
            yield order_event(builder, owner, LABEL, f"tracking-{digest(shipment, carrier, tracking)}", left, label, changed)


def _return(
    payload: PayloadReader, builder: EventBuilder, owner: ShopOrderRef, skus: Mapping[str | None, str | None]
) -> Iterator[AdapterOutput]:
    """An item on its way back; how many pieces it is, is not said."""
    meaning = builder.code(RETURN, payload.need_text("status"))
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('status').path}: a status that is in no table")
    number = payload.id("returnAuthorizationId") or payload.need_id("sellerReturnItemId")
    time, step = need_at(payload, "statusChangedDate"), meaning.term.removeprefix("return.")
    sku = skus.get(payload.id("sellerFulfillmentOrderItemId"))
    data = {"return_id": number, "lines": None if sku is None else [{"sku": sku}]}
    yield order_event(builder, owner, meaning.term, f"return-{step}-{digest(number, payload.id('sellerReturnItemId'))}", time, data, time)


def read_package(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A tracked package: all of its events, and the state that ended its way where no event says so."""
    parcel = ParcelRef(payload.need_id("trackingNumber"), payload.text("carrierCode"))
    yield from parcel_outputs(
        builder, parcel, payload.each("trackingEvents"), lambda one: _scan(one, builder, parcel), lambda: _eta(payload),
        seen_whole=lambda drafts: [*drafts, *_end(payload, builder, parcel, drafts)],
    )  # fmt: skip


def _scan(payload: PayloadReader, builder: EventBuilder, parcel: ParcelRef) -> Iterator[AdapterOutput]:
    code, time = payload.need_text("eventCode"), need_at(payload, "eventDate")
    spot = payload.get("eventAddress")
    place = {"city": spot.text("city"), "region": spot.text("state"), "country": spot.text("country")}
    meaning = builder.code(SCAN_EVENT, code)
    if meaning is not None and meaning.ignored:
        yield Ignored(code, meaning.why)
        return
    scan = Scan(time, meaning, code, payload.text("eventDescription", longest=MAX_TEXT_CHARS), (code, *place.values()), place)
    event = scan_event(builder, parcel, scan, time)
    if event is not None:
        yield event


def _end(payload: PayloadReader, builder: EventBuilder, parcel: ParcelRef, drafts: list[Draft]) -> list[Draft]:
    """The package's state, at the time of the answer, where it says more than all of its events."""
    status, stated_at = payload.text("currentStatus"), answered_at(builder)
    meaning = builder.code(CURRENT, status)
    if meaning is None or meaning.ignored or stated_at is None or any(one["data"]["status"] == meaning.term for one in drafts):
        return []
    event = scan_event(builder, parcel, Scan(stated_at, meaning, status, None, ("current", status)), stated_at)
    return [] if event is None else [event]


def _eta(payload: PayloadReader) -> str | None:
    found = at(payload, "estimatedArrivalDate")
    return None if found is None else stamp(found)
