"""BigCommerce: orders, products, shipments, transactions and refunds as its API answers them, one or a page; and webhooks.

A webhook names only what to fetch. The one that says an order's new status tells cancellations and holds, with their instants; of the
others it is said what to fetch. They are signed as Standard Webhooks demand, by the client secret of the app.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from sources.adapters.base import Adapter, EventBuilder
from sources.adapters.bigcommerce.orders import read_order, read_status
from sources.adapters.bigcommerce.parts import read_products, read_refund, read_shipment, read_transaction
from sources.adapters.bigcommerce.tables import PAYMENT, PAYMENT_STATUS, SCOPE, STAGE, STATUS, TRANSACTION
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.payload import PayloadReader, json_payload
from sources.adapters.scans import SCAN

READERS: Final[tuple[tuple[str, tuple[str, ...], Callable[[PayloadReader, EventBuilder], Iterator[AdapterOutput]]], ...]] = (
    ("order", ("status_id", "date_created"), read_order),
    ("shipment", ("order_id", "order_address_id", "items"), read_shipment),
    ("transaction", ("event", "gateway", "order_id"), read_transaction),
    ("refund", ("order_id", "total_amount", "items"), read_refund),
)
"""By its name: the fields by which an object shows what it is, and who reads it."""
PRODUCT: Final = ("order_id", "product_id", "quantity")


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A webhook, a page, or one object."""
    if isinstance(payload.value, list):
        yield from _page(payload, builder)
    elif payload.has("scope") and payload.has("producer"):
        yield from _webhook(payload, builder)
    elif payload.has("data") and payload.has("meta"):
        below = payload.get("data")
        yield from _page(below, builder) if isinstance(below.value, list) else _one(builder, below)
    elif payload.has("title") and payload.has("status") and payload.has("type"):
        raise RefuseError("not_a_report", "an error answer")
    else:
        yield from _one(builder, payload)


def _page(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    items = list(payload.each())
    if not items:
        builder.kind("page")
        yield Ignored("page", "an empty page")
    elif all(one.has("status") and one.has("message") for one in items):
        raise RefuseError("not_a_report", "an error answer")
    elif all(one.has(marker) for one in items for marker in PRODUCT):
        builder.kind("products")
        yield from read_products(payload, builder)
    else:
        yield from builder.each(items, partial(_one, builder))


def _one(builder: EventBuilder, payload: PayloadReader) -> Iterator[AdapterOutput]:
    for name, markers, reader in READERS:
        if all(payload.has(marker) for marker in markers):
            builder.kind(name)
            yield from reader(payload, builder)
            return
    raise RefuseError("unknown_form", "no order, products, shipment, transaction or refund of BigCommerce's")


def _webhook(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    scope = payload.need_text("scope")
    builder.kind(scope)
    meaning = builder.code(SCOPE, scope)
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('scope').path}: a scope that is in no table")
    if meaning.ignored:
        yield Ignored(scope, meaning.why)
    else:
        yield from read_status(payload, builder)


ADAPTER = Adapter(
    system="bigcommerce",
    title="BigCommerce",
    forms="orders, products and shipments of the V2 API; transactions and refunds of the V3 API; webhooks",
    parse=json_payload,
    read=read,
    tables=(STATUS, PAYMENT_STATUS, PAYMENT, TRANSACTION, STAGE, SCOPE),
    emits=(
        "order.placed",
        "order.updated",
        "order.cancelled",
        "order.reinstated",
        "order.hold_placed",
        "order.hold_released",
        "payment.authorized",
        "payment.captured",
        "payment.voided",
        "payment.failed",
        "payment.refunded",
        "warehouse.packed",
        "warehouse.label_created",
        "warehouse.shipped",
        SCAN,
        "evidence.withdrawn",
    ),
    scheme="bigcommerce",
    delivery="webhook-id",
)
