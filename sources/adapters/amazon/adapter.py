"""Amazon's Selling Partner API: orders (v0 and v2026-01-01), their items, notifications, Multi-Channel Fulfillment and financial events.

An order is told once Amazon lets it go (it is not pending), by an answer of the Orders API: what notifications say of it is too little.
Notifications arrive in a queue or a bus of AWS: forward their bodies to a hook that is secured by a secret in the URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from sources.adapters.amazon.finances import read_finances
from sources.adapters.amazon.fulfillment import read_fulfillment, read_package, read_status
from sources.adapters.amazon.orders import read_change, read_items, read_order
from sources.adapters.amazon.packages import read_new_order
from sources.adapters.amazon.tables import (
    ARRIVED,
    CURRENT,
    DETAIL,
    FULFILLMENT,
    NOTIFICATION,
    PACKAGE,
    REJECTION,
    RETURN,
    SCAN_EVENT,
    SHIPMENT,
    STATUS,
)
from sources.adapters.base import Adapter, EventBuilder
from sources.adapters.moments import need_at
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.payload import PayloadReader, json_payload
from sources.adapters.scans import SCAN


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """An answer of the API, a notification, or a list of either."""
    builder.test_mode(is_test=builder.headers.get("host", "").casefold().startswith("sandbox."))
    if isinstance(payload.value, list):
        if not payload.value:
            builder.kind("page")
            yield Ignored("page", "an empty page")
        yield from builder.each(payload.each(), partial(_one, builder))
    else:
        yield from _one(builder, payload)


def _one(builder: EventBuilder, payload: PayloadReader) -> Iterator[AdapterOutput]:
    if payload.has("NotificationType"):
        yield from _notification(payload, builder)
    elif payload.has("errors"):
        raise RefuseError("not_a_report", "an error answer")
    else:
        yield from _reply(payload.get("payload") if payload.has("payload") else payload, builder)


def _notification(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    kind = payload.need_text("NotificationType")
    builder.kind(kind)
    meaning = builder.code(NOTIFICATION, kind)
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('NotificationType').path}: a notification that is in no table")
    body = payload.get("Payload")
    if meaning.ignored:
        yield Ignored(kind, meaning.why)
    elif meaning.term == "order":
        yield from read_change(body.need("OrderChangeNotification"), builder, need_at(payload, "EventTime"))
    else:
        yield from read_status(body.need("FulfillmentOrderStatusNotification"), builder)


def _reply(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """What an answer holds, by the fields that only its sort has."""
    page = next((name for name in ("Orders", "orders") if payload.has(name)), None)
    if page is not None:
        if not payload.get(page):
            builder.kind("page")
            yield Ignored("page", "an empty page")
        yield from builder.each(payload.each(page), partial(_order, builder))
    elif payload.has("OrderItems") and not payload.has("OrderStatus"):
        builder.kind("items")
        yield from read_items(payload, builder)
    elif payload.has("fulfillmentOrder"):
        builder.kind("fulfillment order")
        yield from read_fulfillment(payload, builder)
    elif payload.has("trackingNumber") and payload.has("currentStatus"):
        builder.kind("package")
        yield from read_package(payload, builder)
    elif payload.has("FinancialEvents"):
        builder.kind("financial events")
        yield from read_finances(payload.get("FinancialEvents"), builder)
    elif payload.has("transactions"):
        raise RefuseError("unknown_form", "transactions: net of fees; adapt the financial events of Finances API v0")
    else:
        yield from _order(builder, payload.get("order") if payload.has("order") else payload)


def _order(builder: EventBuilder, payload: PayloadReader) -> Iterator[AdapterOutput]:
    if payload.has("AmazonOrderId") and payload.has("OrderStatus"):
        builder.kind("order")
        yield from read_order(payload, builder)
    elif payload.has("orderId") and payload.has("createdTime"):
        builder.kind("order")
        yield from read_new_order(payload, builder)
    else:
        raise RefuseError("unknown_form", "nothing of Amazon's that says anything of an order")


ADAPTER = Adapter(
    system="amazon",
    title="Amazon (Selling Partner API)",
    forms="orders (v0, v2026-01-01), items; ORDER_CHANGE, FULFILLMENT_ORDER_STATUS; fulfilment orders, packages, financial events",
    parse=json_payload,
    read=read,
    tables=(STATUS, PACKAGE, ARRIVED, DETAIL, NOTIFICATION, FULFILLMENT, REJECTION, SHIPMENT, RETURN, SCAN_EVENT, CURRENT),
    emits=(
        "order.placed",
        "order.updated",
        "order.cancelled",
        "order.cancel_requested",
        "payment.captured",
        "payment.refunded",
        "payment.disputed",
        "warehouse.released",
        "warehouse.pick_started",
        "warehouse.rejected",
        "warehouse.label_created",
        "warehouse.shipped",
        "warehouse.shipment_cancelled",
        SCAN,
        "return.authorized",
        "return.received",
        "evidence.withdrawn",
    ),
    delivery="$.NotificationMetadata.NotificationId",
)
