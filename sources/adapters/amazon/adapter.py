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
from sources.adapters.doc import PayloadReader, json_doc
from sources.adapters.moments import need_at
from sources.adapters.scans import SCAN
from sources.adapters.told import AdapterOutput, Ignored, RefuseError


def read(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """An answer of the API, a notification, or a list of either."""
    say.test_mode(is_test=say.headers.get("host", "").casefold().startswith("sandbox."))
    if isinstance(doc.value, list):
        if not doc.value:
            say.kind("page")
            yield Ignored("page", "an empty page")
        yield from say.each(doc.each(), partial(_one, say))
    else:
        yield from _one(say, doc)


def _one(say: EventBuilder, doc: PayloadReader) -> Iterator[AdapterOutput]:
    if doc.has("NotificationType"):
        yield from _notification(doc, say)
    elif doc.has("errors"):
        raise RefuseError("not_a_report", "an error answer")
    else:
        yield from _answer(doc.get("payload") if doc.has("payload") else doc, say)


def _notification(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    kind = doc.need_text("NotificationType")
    say.kind(kind)
    meaning = say.code(NOTIFICATION, kind)
    if meaning is None:
        raise RefuseError("unmapped", f"{doc.get('NotificationType').path}: a notification that is in no table")
    body = doc.get("Payload")
    if meaning.ignored:
        yield Ignored(kind, meaning.why)
    elif meaning.word == "order":
        yield from read_change(body.need("OrderChangeNotification"), say, need_at(doc, "EventTime"))
    else:
        yield from read_status(body.need("FulfillmentOrderStatusNotification"), say)


def _answer(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """What an answer holds, by the fields that only its sort has."""
    page = next((name for name in ("Orders", "orders") if doc.has(name)), None)
    if page is not None:
        if not doc.get(page):
            say.kind("page")
            yield Ignored("page", "an empty page")
        yield from say.each(doc.each(page), partial(_order, say))
    elif doc.has("OrderItems") and not doc.has("OrderStatus"):
        say.kind("items")
        yield from read_items(doc, say)
    elif doc.has("fulfillmentOrder"):
        say.kind("fulfillment order")
        yield from read_fulfillment(doc, say)
    elif doc.has("trackingNumber") and doc.has("currentStatus"):
        say.kind("package")
        yield from read_package(doc, say)
    elif doc.has("FinancialEvents"):
        say.kind("financial events")
        yield from read_finances(doc.get("FinancialEvents"), say)
    elif doc.has("transactions"):
        raise RefuseError("unknown_form", "transactions: net of fees; adapt the financial events of Finances API v0")
    else:
        yield from _order(say, doc.get("order") if doc.has("order") else doc)


def _order(say: EventBuilder, doc: PayloadReader) -> Iterator[AdapterOutput]:
    if doc.has("AmazonOrderId") and doc.has("OrderStatus"):
        say.kind("order")
        yield from read_order(doc, say)
    elif doc.has("orderId") and doc.has("createdTime"):
        say.kind("order")
        yield from read_new_order(doc, say)
    else:
        raise RefuseError("unknown_form", "nothing of Amazon's that says anything of an order")


ADAPTER = Adapter(
    system="amazon",
    title="Amazon (Selling Partner API)",
    forms="orders (v0, v2026-01-01), items; ORDER_CHANGE, FULFILLMENT_ORDER_STATUS; fulfilment orders, packages, financial events",
    parse=json_doc,
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
