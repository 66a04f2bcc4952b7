"""Orders of the Orders API v2026-01-01, which bring along their items and, of the seller's own shipments, their packages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sources.adapters.amazon.orders import SeenOrder, owner_of, told
from sources.adapters.amazon.tables import ARRIVED, DETAIL, PACKAGE
from sources.adapters.base import EventBuilder, digest
from sources.adapters.carriers import carrier_name
from sources.adapters.doc import PayloadReader
from sources.adapters.moments import at, need_at, stamp
from sources.adapters.money import Money, amount_of, currency
from sources.adapters.scans import SCAN
from sources.adapters.shops import ShopOrderRef, own_id, ship_to, tell
from sources.adapters.told import AdapterOutput, RefuseError

LABEL = "warehouse.label_created"


def read_new_order(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """An order of the Orders API v2026-01-01."""
    number = doc.need_id("orderId")
    created = need_at(doc, "createdTime")
    changed = at(doc, "lastUpdatedTime") or created
    work, to = doc.get("fulfillment"), doc.get("recipient", "deliveryAddress")
    aliases = [one.id("aliasId") for one in doc.each("orderAliases") if one.text("aliasType") == "SELLER_ORDER_ID"]
    items, packages = list(doc.each("orderItems")), list(doc.each("packages"))
    fields: dict[str, Any] = {
        "total": _total(doc.get("proceeds", "grandTotal")),
        "channel": doc.get("salesChannel").text("marketplaceName") or doc.get("salesChannel").text("channelName"),
        "service": work.text("fulfillmentServiceLevel"),
        "method": "ship",
        "payment_terms": "external",
        "ship_by": _latest(work.get("shipByWindow")),
        "promised_by": _latest(work.get("deliverByWindow")),
        "ship_to": ship_to(to.text("countryCode"), to.text("stateOrRegion"), to.text("postalCode"), None) if to else None,
        "lines": [line for one in items if (line := _line(one))] or None,
    }
    unwanted = [line for one in items if one.get("cancellation", "cancellationRequest") and (line := _line(one))]
    owner = owner_of(say, doc, number, next((one for one in aliases if one), None))
    left = any(one.get("packageStatus").text("status") in ("SHIPPED", "IN_TRANSIT", "DELIVERED", "UNDELIVERABLE") for one in packages)
    yield from told(SeenOrder(number, owner, created, changed, work.text("fulfillmentStatus"), fields, unwanted, packed=left), say)
    parts = owner if say.connection.order_field else ShopOrderRef(number)
    yield from say.each(packages, lambda one: _package(one, say, parts, number, changed))


def _package(doc: PayloadReader, say: EventBuilder, owner: ShopOrderRef, number: str, changed: datetime) -> Iterator[AdapterOutput]:
    """A package: announced, shipped, arrived or cancelled. It says when it was made and shipped, and not when it arrived."""
    reference, status = doc.need_id("packageReferenceId"), doc.get("packageStatus").need_text("status")
    meaning = say.code(PACKAGE, status)
    if meaning is None:
        raise RefuseError("unmapped", f"{doc.get('packageStatus').path}: a status that is in no table")
    base: dict[str, Any] = {"shipment_id": own_id(say, f"{number}-{reference}")}
    tracking, carrier = doc.id("trackingNumber"), carrier_name(doc.text("carrier"))
    own = {"carrier": carrier, "service": doc.text("shippingService"), "tracking_number": tracking}
    made = at(doc, "createdTime") or changed
    if meaning.word == "warehouse.shipment_cancelled":
        yield tell(
            say, owner, meaning.word, f"unshipped-{digest(number, reference)}", changed, {**base, "tracking_number": tracking}, changed
        )
        return
    if tracking:
        yield tell(say, owner, LABEL, f"tracking-{digest(number, reference, carrier, tracking)}", made, {**base, **own}, changed)
    if "warehouse.shipped" in meaning.words:
        lines = [{"line_id": one.need_id("orderItemId"), "quantity": one.quantity("quantity")} for one in doc.each("packageItems")]
        data = {**base, "lines": lines or None}
        yield tell(say, owner, "warehouse.shipped", f"shipped-{digest(number, reference)}", at(doc, "shipTime") or changed, data, changed)
    detail = doc.get("packageStatus").text("detailedStatus")
    end = say.code(ARRIVED, status) if meaning.word == SCAN else None
    if "warehouse.shipped" in meaning.words and detail is not None and (end is None or end.word != "delivered"):
        closer = say.code(DETAIL, detail)
        end = end if closer is None or closer.ignored else closer
    if end is not None:
        word, *reason = end.words
        scan = {"status": word, **base, "tracking_number": tracking, "carrier": carrier, "raw": {"code": detail or status}}
        if reason:
            scan["reason"] = reason[0]
        yield tell(say, owner, SCAN, f"{word}-{digest(number, reference)}", changed, scan, changed)


def _line(doc: PayloadReader) -> dict[str, Any]:
    pieces = doc.quantity("quantityOrdered")
    line = {"line_id": doc.need_id("orderItemId"), "sku": doc.get("product").id("sellerSku"), "quantity": pieces}
    return {} if pieces == 0 else {name: value for name, value in line.items() if value is not None}


def _latest(doc: PayloadReader) -> str | None:
    found = at(doc, "latestDateTime")
    return None if found is None else stamp(found)


def _total(doc: PayloadReader) -> Money | None:
    code = doc.text("currencyCode")
    return None if code is None else amount_of(doc, "amount", currency(code, doc.get("currencyCode").path))
