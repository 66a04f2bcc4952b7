"""Orders of the Orders API v2026-01-01, which bring along their items and, of the seller's own shipments, their packages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sources.adapters.amazon.orders import SeenOrder, order_outputs, owner_of
from sources.adapters.amazon.tables import ARRIVED, DETAIL, PACKAGE
from sources.adapters.base import EventBuilder, digest
from sources.adapters.carriers import carrier_name
from sources.adapters.moments import at, need_at, stamp
from sources.adapters.money import Money, amount_of, currency
from sources.adapters.output import AdapterOutput, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.scans import SCAN
from sources.adapters.shops import ShopOrderRef, order_event, own_id, ship_to

LABEL = "warehouse.label_created"


def read_new_order(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """An order of the Orders API v2026-01-01."""
    number = payload.need_id("orderId")
    created = need_at(payload, "createdTime")
    changed = at(payload, "lastUpdatedTime") or created
    work, to = payload.get("fulfillment"), payload.get("recipient", "deliveryAddress")
    aliases = [one.id("aliasId") for one in payload.each("orderAliases") if one.text("aliasType") == "SELLER_ORDER_ID"]
    items, packages = list(payload.each("orderItems")), list(payload.each("packages"))
    fields: dict[str, Any] = {
        "total": _total(payload.get("proceeds", "grandTotal")),
        "channel": payload.get("salesChannel").text("marketplaceName") or payload.get("salesChannel").text("channelName"),
        "service": work.text("fulfillmentServiceLevel"),
        "method": "ship",
        "payment_terms": "external",
        "ship_by": _latest(work.get("shipByWindow")),
        "promised_by": _latest(work.get("deliverByWindow")),
        "ship_to": ship_to(to.text("countryCode"), to.text("stateOrRegion"), to.text("postalCode"), None) if to else None,
        "lines": [line for one in items if (line := _line(one))] or None,
    }
    unwanted = [line for one in items if one.get("cancellation", "cancellationRequest") and (line := _line(one))]
    owner = owner_of(builder, payload, number, next((one for one in aliases if one), None))
    left = any(one.get("packageStatus").text("status") in ("SHIPPED", "IN_TRANSIT", "DELIVERED", "UNDELIVERABLE") for one in packages)
    yield from order_outputs(
        SeenOrder(number, owner, created, changed, work.text("fulfillmentStatus"), fields, unwanted, packed=left), builder
    )
    parts = owner if builder.connection.order_field else ShopOrderRef(number)
    yield from builder.each(packages, lambda one: _package(one, builder, parts, number, changed))


def _package(payload: PayloadReader, builder: EventBuilder, owner: ShopOrderRef, number: str, changed: datetime) -> Iterator[AdapterOutput]:
    """A package: announced, shipped, arrived or cancelled. It says when it was made and shipped, and not when it arrived."""
    reference, status = payload.need_id("packageReferenceId"), payload.get("packageStatus").need_text("status")
    meaning = builder.code(PACKAGE, status)
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('packageStatus').path}: a status that is in no table")
    base: dict[str, Any] = {"shipment_id": own_id(builder, f"{number}-{reference}")}
    tracking, carrier = payload.id("trackingNumber"), carrier_name(payload.text("carrier"))
    own = {"carrier": carrier, "service": payload.text("shippingService"), "tracking_number": tracking}
    made = at(payload, "createdTime") or changed
    if meaning.term == "warehouse.shipment_cancelled":
        yield order_event(
            builder, owner, meaning.term, f"unshipped-{digest(number, reference)}", changed, {**base, "tracking_number": tracking}, changed
        )
        return
    if tracking:
        yield order_event(builder, owner, LABEL, f"tracking-{digest(number, reference, carrier, tracking)}", made, {**base, **own}, changed)
    if "warehouse.shipped" in meaning.terms:
        lines = [{"line_id": one.need_id("orderItemId"), "quantity": one.quantity("quantity")} for one in payload.each("packageItems")]
        data = {**base, "lines": lines or None}
        yield order_event(
            builder, owner, "warehouse.shipped", f"shipped-{digest(number, reference)}", at(payload, "shipTime") or changed, data, changed
        )
    detail = payload.get("packageStatus").text("detailedStatus")
    end = builder.code(ARRIVED, status) if meaning.term == SCAN else None
    if "warehouse.shipped" in meaning.terms and detail is not None and (end is None or end.term != "delivered"):
        closer = builder.code(DETAIL, detail)
        end = end if closer is None or closer.ignored else closer
    if end is not None:
        term, *reason = end.terms
        scan = {"status": term, **base, "tracking_number": tracking, "carrier": carrier, "raw": {"code": detail or status}}
        if reason:
            scan["reason"] = reason[0]
        yield order_event(builder, owner, SCAN, f"{term}-{digest(number, reference)}", changed, scan, changed)


def _line(payload: PayloadReader) -> dict[str, Any]:
    pieces = payload.quantity("quantityOrdered")
    line = {"line_id": payload.need_id("orderItemId"), "sku": payload.get("product").id("sellerSku"), "quantity": pieces}
    return {} if pieces == 0 else {name: value for name, value in line.items() if value is not None}


def _latest(payload: PayloadReader) -> str | None:
    found = at(payload, "latestDateTime")
    return None if found is None else stamp(found)


def _total(payload: PayloadReader) -> Money | None:
    code = payload.text("currencyCode")
    return None if code is None else amount_of(payload, "amount", currency(code, payload.get("currencyCode").path))
