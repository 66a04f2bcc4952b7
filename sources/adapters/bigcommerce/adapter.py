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
from sources.adapters.doc import PayloadReader, json_doc
from sources.adapters.scans import SCAN
from sources.adapters.told import AdapterOutput, Ignored, RefuseError

READERS: Final[tuple[tuple[str, tuple[str, ...], Callable[[PayloadReader, EventBuilder], Iterator[AdapterOutput]]], ...]] = (
    ("order", ("status_id", "date_created"), read_order),
    ("shipment", ("order_id", "order_address_id", "items"), read_shipment),
    ("transaction", ("event", "gateway", "order_id"), read_transaction),
    ("refund", ("order_id", "total_amount", "items"), read_refund),
)
"""By its name: the fields by which an object shows what it is, and who reads it."""
PRODUCT: Final = ("order_id", "product_id", "quantity")


def read(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """A webhook, a page, or one object."""
    if isinstance(doc.value, list):
        yield from _page(doc, say)
    elif doc.has("scope") and doc.has("producer"):
        yield from _webhook(doc, say)
    elif doc.has("data") and doc.has("meta"):
        below = doc.get("data")
        yield from _page(below, say) if isinstance(below.value, list) else _one(say, below)
    elif doc.has("title") and doc.has("status") and doc.has("type"):
        raise RefuseError("not_a_report", "an error answer")
    else:
        yield from _one(say, doc)


def _page(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    items = list(doc.each())
    if not items:
        say.kind("page")
        yield Ignored("page", "an empty page")
    elif all(one.has("status") and one.has("message") for one in items):
        raise RefuseError("not_a_report", "an error answer")
    elif all(one.has(mark) for one in items for mark in PRODUCT):
        say.kind("products")
        yield from read_products(doc, say)
    else:
        yield from say.each(items, partial(_one, say))


def _one(say: EventBuilder, doc: PayloadReader) -> Iterator[AdapterOutput]:
    for name, marks, reader in READERS:
        if all(doc.has(mark) for mark in marks):
            say.kind(name)
            yield from reader(doc, say)
            return
    raise RefuseError("unknown_form", "no order, products, shipment, transaction or refund of BigCommerce's")


def _webhook(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    scope = doc.need_text("scope")
    say.kind(scope)
    meaning = say.code(SCOPE, scope)
    if meaning is None:
        raise RefuseError("unmapped", f"{doc.get('scope').path}: a scope that is in no table")
    if meaning.ignored:
        yield Ignored(scope, meaning.why)
    else:
        yield from read_status(doc, say)


ADAPTER = Adapter(
    system="bigcommerce",
    title="BigCommerce",
    forms="orders, products and shipments of the V2 API; transactions and refunds of the V3 API; webhooks",
    parse=json_doc,
    read=read,
    tables=(STATUS, PAYMENT_STATUS, PAYMENT, TRANSACTION, STAGE, SCOPE),
    emits=(
        "order.placed",
        "order.updated",
        "order.cancelled",
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
