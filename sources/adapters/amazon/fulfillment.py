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
from sources.adapters.answers import answered_at
from sources.adapters.answers import tell as tell_parcel
from sources.adapters.base import EventBuilder, digest
from sources.adapters.carriers import carrier_name
from sources.adapters.doc import LONGEST_TEXT, PayloadReader
from sources.adapters.moments import at, need_at, stamp
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.scans import scan_event
from sources.adapters.shops import ShopOrderRef, tell
from sources.adapters.told import AdapterOutput, Draft, Ignored, RefuseError

LABEL = "warehouse.label_created"


def read_fulfillment(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """A fulfilment order with its shipments and returns, as the API answers it."""
    order = doc.need("fulfillmentOrder")
    number = order.need_id("sellerFulfillmentOrderId")
    owner = _owner(say, order, number, order.need_id("displayableOrderId"))
    changed = need_at(order, "statusUpdatedDate")
    yield from _status(order.need_text("fulfillmentOrderStatus"), say, owner, number, at(order, "receivedDate") or changed, changed)
    yield from say.each(doc.each("fulfillmentShipments"), lambda one: _shipment(one, say, owner, number, changed))
    skus = {one.id("sellerFulfillmentOrderItemId"): one.id("sellerSku") for one in doc.each("fulfillmentOrderItems")}
    yield from say.each(doc.each("returnItems"), lambda one: _return(one, say, owner, skus))


def _owner(say: EventBuilder, doc: PayloadReader, number: str, name: str) -> ShopOrderRef:
    """The shop's order: by its ID where the connection says in which field that is, and then Amazon's `number` ties what has no other name.

    Else by `name`.
    """
    field = say.connection.order_field
    if not field:
        return ShopOrderRef(None, name)
    # Notifications write the same field with a capital, and have no other.
    order = number if field.casefold() == "sellerfulfillmentorderid" else say.order_of(doc)
    return ShopOrderRef(order, None if order == number else number)


def read_status(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """The notification FULFILLMENT_ORDER_STATUS: one step of a fulfilment order."""
    number = doc.need_id("SellerFulfillmentOrderId")
    owner = _owner(say, doc, number, number)
    changed = need_at(doc, "StatusUpdatedDateTime")
    back, shipment = doc.get("FulfillmentReturnItem"), doc.get("FulfillmentShipment")
    if back:
        time, sku = at(back, "ReceivedDateTime") or changed, back.id("SellerSKU")
        quantity = back.quantity("ReturnedQuantity")
        data = {"lines": None if sku is None else [{"sku": sku, "quantity": quantity}]}
        yield tell(say, owner, "return.received", f"returned-{digest(number, sku, time)}", time, data, changed)
    elif shipment:
        yield from _shipment_notice(shipment, say, owner, number, changed)
    else:
        yield from _status(doc.need_text("FulfillmentOrderStatus"), say, owner, number, changed, changed)


def _status(
    status: str, say: EventBuilder, owner: ShopOrderRef, number: str, received: datetime, changed: datetime
) -> Iterator[AdapterOutput]:
    meaning = say.code(FULFILLMENT, status)
    if meaning is None:
        raise RefuseError("unmapped", "fulfillmentOrderStatus: a status that is in no table")
    if meaning.ignored:
        yield Ignored(f"fulfillment order {status}", meaning.why)
        return
    data = {"fulfillment_order_id": number}
    if "warehouse.released" in meaning.words:
        yield tell(say, owner, "warehouse.released", f"released-{number}", received, data, changed)
    if "warehouse.pick_started" in meaning.words:
        yield tell(say, owner, "warehouse.pick_started", f"picking-{number}", changed, data, changed)
    reason = say.code(REJECTION, status) if meaning.word == "warehouse.rejected" else None
    if reason is not None:
        yield tell(say, owner, meaning.word, f"rejected-{number}", changed, {**data, "reason": reason.word}, changed)


def _shipment(doc: PayloadReader, say: EventBuilder, owner: ShopOrderRef, number: str, changed: datetime) -> Iterator[AdapterOutput]:
    """A shipment of a fulfilment order. What was cancelled does not say when."""
    total: dict[str, int | None] = {}
    for item in doc.each("fulfillmentShipmentItem"):
        sku, pieces = item.need_id("sellerSku"), item.quantity("quantity")
        before = total.get(sku, 0)
        total[sku] = None if before is None or pieces is None else min(before + pieces, 1_000_000_000)
    lines = [{"sku": sku, "quantity": pieces} for sku, pieces in total.items() if pieces != 0]
    packages = [(one.id("trackingNumber"), one.text("carrierCode")) for one in doc.each("fulfillmentShipmentPackage")]
    data = {"shipment_id": doc.need_id("amazonShipmentId"), "site": doc.id("fulfillmentCenterId"), "lines": lines or None}
    status, left = doc.need_text("fulfillmentShipmentStatus"), at(doc, "shippingDate")
    yield from _left(say, owner, status, left or changed, changed, packages, {**data, "fulfillment_order_id": number})


def _shipment_notice(doc: PayloadReader, say: EventBuilder, owner: ShopOrderRef, number: str, changed: datetime) -> Iterator[AdapterOutput]:
    packages = [(one.id("TrackingNumber"), one.text("CarrierCode")) for one in doc.each("FulfillmentShipmentPackages")]
    data = {"shipment_id": doc.need_id("AmazonShipmentId"), "fulfillment_order_id": number}
    yield from _left(say, owner, doc.need_text("FulfillmentShipmentStatus"), changed, changed, packages, data)


def _left(
    say: EventBuilder,
    owner: ShopOrderRef,
    status: str,
    left: datetime,
    changed: datetime,
    packages: Iterable[tuple[str | None, str | None]],
    data: dict[str, Any],
) -> Iterator[AdapterOutput]:
    """A shipment that left at `left`, in packages by number and carrier, or that was cancelled at the latest at `changed`."""
    meaning, shipment = say.code(SHIPMENT, status), data["shipment_id"]
    if meaning is None:
        raise RefuseError("unmapped", "fulfillmentShipmentStatus: a status that is in no table")
    if meaning.ignored:
        yield Ignored(f"shipment {status}", meaning.why)
        return
    if meaning.word == "warehouse.shipment_cancelled":
        yield tell(say, owner, meaning.word, f"unshipped-{shipment}", changed, {"shipment_id": shipment}, changed)
        return
    yield tell(say, owner, "warehouse.shipped", f"shipped-{shipment}", left, data, changed)
    for tracking, code in packages:
        if tracking:
            carrier = carrier_name(code)
            label = {"shipment_id": shipment, "carrier": carrier, "tracking_number": tracking}
            yield tell(say, owner, LABEL, f"tracking-{digest(shipment, carrier, tracking)}", left, label, changed)


def _return(doc: PayloadReader, say: EventBuilder, owner: ShopOrderRef, skus: Mapping[str | None, str | None]) -> Iterator[AdapterOutput]:
    """An item on its way back; how many pieces it is, is not said."""
    meaning = say.code(RETURN, doc.need_text("status"))
    if meaning is None:
        raise RefuseError("unmapped", f"{doc.get('status').path}: a status that is in no table")
    number = doc.id("returnAuthorizationId") or doc.need_id("sellerReturnItemId")
    time, step = need_at(doc, "statusChangedDate"), meaning.word.removeprefix("return.")
    sku = skus.get(doc.id("sellerFulfillmentOrderItemId"))
    data = {"return_id": number, "lines": None if sku is None else [{"sku": sku}]}
    yield tell(say, owner, meaning.word, f"return-{step}-{digest(number, doc.id('sellerReturnItemId'))}", time, data, time)


def read_package(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """A tracked package: all of its events, and the state that ended its way where no event says so."""
    parcel = ParcelRef(doc.need_id("trackingNumber"), doc.text("carrierCode"))
    yield from tell_parcel(
        say, parcel, doc.each("trackingEvents"), lambda one: _scan(one, say, parcel), lambda: _eta(doc),
        seen_whole=lambda drafts: [*drafts, *_end(doc, say, parcel, drafts)],
    )  # fmt: skip


def _scan(doc: PayloadReader, say: EventBuilder, parcel: ParcelRef) -> Iterator[AdapterOutput]:
    code, time = doc.need_text("eventCode"), need_at(doc, "eventDate")
    spot = doc.get("eventAddress")
    place = {"city": spot.text("city"), "region": spot.text("state"), "country": spot.text("country")}
    meaning = say.code(SCAN_EVENT, code)
    if meaning is not None and meaning.ignored:
        yield Ignored(code, meaning.why)
        return
    scan = Scan(time, meaning, code, doc.text("eventDescription", longest=LONGEST_TEXT), (code, *place.values()), place)
    event = scan_event(say, parcel, scan, time)
    if event is not None:
        yield event


def _end(doc: PayloadReader, say: EventBuilder, parcel: ParcelRef, drafts: list[Draft]) -> list[Draft]:
    """The package's state, at the time of the answer, where it says more than all of its events."""
    status, said = doc.text("currentStatus"), answered_at(say)
    meaning = say.code(CURRENT, status)
    if meaning is None or meaning.ignored or said is None or any(one["data"]["status"] == meaning.word for one in drafts):
        return []
    event = scan_event(say, parcel, Scan(said, meaning, status, None, ("current", status)), said)
    return [] if event is None else [event]


def _eta(doc: PayloadReader) -> str | None:
    found = at(doc, "estimatedArrivalDate")
    return None if found is None else stamp(found)
