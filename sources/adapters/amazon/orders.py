"""Amazon's orders, whichever message they come in: Orders API v0 and v2026-01-01, and the notification ORDER_CHANGE.

Amazon takes the money, so that no payment is awaited. Who buys is never told, nor where they live but for country, region and postal code.
A status that an order has once and for all is one fact: a message that says when it came about (ORDER_CHANGE) and a snapshot that only
says since when at the latest tell it under one ID.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sources.adapters.amazon.tables import STATUS
from sources.adapters.base import EventBuilder, digest
from sources.adapters.carrier_replies import answered_at
from sources.adapters.moments import at, need_at, stamp
from sources.adapters.money import Money, amount_of, currency
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.shops import ShopOrderRef, order_event, own_id, part_of, ship_to, updated


@dataclass(frozen=True, slots=True)
class SeenOrder:
    """An order as a message shows it.

    `created` is None where it does not say enough to place the order; `fields` are those of `order.placed` that it says; `unwanted` are
    lines that the buyer wants cancelled.
    """

    number: str
    owner: ShopOrderRef
    created: datetime | None
    changed: datetime
    status: str | None
    fields: dict[str, Any]
    unwanted: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    packed: bool = False
    """Whether packages say what left, so that the status need not."""


def order_outputs(seen: SeenOrder, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """What a message says of an order: that it was placed, how it stands, and what its status tells."""
    number, owner, changed = seen.number, ShopOrderRef(seen.owner.order), seen.changed
    if builder.connection.order_field:
        owner = seen.owner
    meaning = builder.code(STATUS, seen.status)
    if meaning is not None and meaning.ignored:
        yield Ignored(f"order {seen.status}", meaning.why)
        return
    step = None if meaning is None else meaning.term
    fields = {name: value for name, value in seen.fields.items() if value is not None}
    if seen.created is not None:
        yield order_event(builder, seen.owner, "order.placed", f"placed-{number}", seen.created, fields, changed)
    if (seen.created is None or changed > seen.created) and step != "cancelled":
        yield updated(builder, seen.owner, number, changed, fields)
    if step == "shipped" and not seen.packed:
        yield order_event(
            builder, owner, "warehouse.shipped", f"shipped-{number}", changed, {"shipment_id": own_id(builder, number)}, changed
        )
    elif step == "cancelled":
        yield order_event(builder, owner, "order.cancelled", f"cancelled-{number}", changed, {}, changed)
    elif step == "rejected":
        yield order_event(builder, owner, "warehouse.rejected", f"rejected-{number}", changed, {"reason": "other"}, changed)
    # A snapshot does not date a wish; once all has left, it is too late to be one.
    if step != "cancelled" and (seen.created is None or step != "shipped"):
        yield from unwanted(builder, owner, number, seen.unwanted, changed)


def unwanted(
    builder: EventBuilder, owner: ShopOrderRef, number: str, lines: Iterable[dict[str, Any]], at: datetime
) -> Iterator[AdapterOutput]:
    """That the buyer wants lines to be cancelled; once for each."""
    for line in lines:
        id_ = f"cancel-requested-{digest(number, line['line_id'])}"
        yield order_event(builder, owner, "order.cancel_requested", id_, at, {"reason": "customer", "lines": [line]}, at)


def owner_of(builder: EventBuilder, payload: PayloadReader, number: str, alias: str | None) -> ShopOrderRef:
    """The owner of an order's events: Amazon's ID, which another name of it may stand beside (the seller's own)."""
    if builder.connection.order_field:
        return ShopOrderRef(builder.order_of(payload), number)
    return ShopOrderRef(number, None if alias == number else alias)


def read_order(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """An order of the Orders API v0."""
    number = payload.need_id("AmazonOrderId")
    created = need_at(payload, "PurchaseDate")
    to = payload.get("ShippingAddress")
    total = payload.get("OrderTotal")
    items = list(payload.each("OrderItems"))
    fields: dict[str, Any] = {
        "total": _money(total, "Amount", "CurrencyCode"),
        "channel": payload.text("SalesChannel"),
        "service": payload.text("ShipServiceLevel"),
        "method": "pickup" if payload.flag("IsISPU") else "ship",
        "payment_terms": "on_delivery" if payload.text("PaymentMethod") == "COD" else "external",
        "ship_by": _instant(payload, "LatestShipDate"),
        "promised_by": _instant(payload, "LatestDeliveryDate"),
        "ship_to": ship_to(to.text("CountryCode"), to.text("StateOrRegion"), to.text("PostalCode"), None) if to else None,
        "lines": _lines(items, "OrderItemId", "SellerSKU", "QuantityOrdered") or None,
    }
    seen = SeenOrder(
        number,
        owner_of(builder, payload, number, payload.id("SellerOrderId")),
        created,
        at(payload, "LastUpdateDate") or created,
        payload.need_text("OrderStatus"),
        fields,
        _v0_unwanted(items),
    )
    yield from order_outputs(seen, builder)


def read_items(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """The items of an order of the Orders API v0: its lines, which nothing in the answer dates."""
    number = payload.need_id("AmazonOrderId")
    asked = answered_at(builder)
    if asked is None:
        raise RefuseError("missing_field", "when the answer was given: no Date header, no time of receipt")
    owner, items = part_of(builder, number), list(payload.each("OrderItems"))
    yield updated(builder, owner, number, asked, {"lines": _lines(items, "OrderItemId", "SellerSKU", "QuantityOrdered")})
    yield from unwanted(builder, owner, number, _v0_unwanted(items), asked)


def _v0_unwanted(items: Iterable[PayloadReader]) -> list[dict[str, Any]]:
    wanted_off = [one for one in items if one.get("BuyerRequestedCancel").flag("IsBuyerRequestedCancel")]
    return _lines(wanted_off, "OrderItemId", "SellerSKU", "QuantityOrdered")


def read_change(payload: PayloadReader, builder: EventBuilder, sent: datetime) -> Iterator[AdapterOutput]:
    """The notification ORDER_CHANGE; `sent` is when it was made, where it does not say when the order changed.

    It has neither the total nor the country: the order itself is told by the API's answer.
    """
    number, summary = payload.need_id("AmazonOrderId"), payload.need("Summary")
    items = list(summary.each("OrderItems"))
    fields = {
        "ship_by": _instant(summary, "LatestShipDate"),
        "promised_by": _instant(summary, "LatestDeliveryDate"),
        "lines": _lines(items, "OrderItemId", "SellerSKU", "Quantity") or None,
    }
    seen = SeenOrder(
        number,
        owner_of(builder, payload, number, None),
        None,
        at(payload.get("OrderChangeTrigger"), "TimeOfOrderChange") or sent,
        summary.need_text("OrderStatus"),
        fields,
        _lines((one for one in items if one.flag("IsBuyerRequestedCancel")), "OrderItemId", "SellerSKU", "Quantity"),
    )
    yield from order_outputs(seen, builder)


def _lines(items: Iterable[PayloadReader], id_: str, sku: str, quantity: str) -> list[dict[str, Any]]:
    """Items as lines; of a cancelled one no piece is left."""
    found: list[dict[str, Any]] = []
    for item in items:
        pieces = item.quantity(quantity)
        if pieces != 0:
            line = {"line_id": item.need_id(id_), "sku": item.id(sku), "quantity": pieces}
            found.append({name: value for name, value in line.items() if value is not None})
    return found


def _instant(payload: PayloadReader, name: str) -> str | None:
    """A deadline, which Amazon states as an instant: the end of a day in the marketplace's zone."""
    found = at(payload, name)
    return None if found is None else stamp(found)


def _money(payload: PayloadReader, amount: str, code: str) -> Money | None:
    unit = payload.text(code)
    return None if unit is None else amount_of(payload, amount, currency(unit, payload.get(code).path))
