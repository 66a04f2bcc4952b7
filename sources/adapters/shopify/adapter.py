"""Shopify: webhooks by their topic, and resources of the REST Admin API, one or a page.

What each topic becomes stands in `shopify_topics`; the readers are one module for each sort of thing. `x-shopify-webhook-id` names a
delivery, the same in every attempt. (`x-shopify-event-id` names what happened, and so do our own IDs; captures of older versions lack it.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from sources.adapters.base import PAYMENTS, Adapter, EventBuilder
from sources.adapters.doc import PayloadReader, json_doc
from sources.adapters.shopify.agreement import agree, agree_on_work
from sources.adapters.shopify.common import GID
from sources.adapters.shopify.fulfillments import read_deleted_event, read_event, read_fulfillment
from sources.adapters.shopify.orders import read_order
from sources.adapters.shopify.payments import read_dispute, read_refund, read_transaction
from sources.adapters.shopify.returns import read_return, read_reverse_delivery
from sources.adapters.shopify.tables import (
    CANCEL,
    CONSENT,
    DECLINE,
    DISPUTE,
    EVENT,
    FINANCIAL,
    FULFILLMENT,
    GATEWAY,
    HOLD,
    METHOD,
    OUTCOME,
    RETURN,
    STAGE,
    TERMS,
    TRANSACTION,
    WORK,
)
from sources.adapters.shopify.topics import TOPIC
from sources.adapters.shopify.work import read_work, read_works
from sources.adapters.told import AdapterOutput, Ignored, RefuseError

READERS: Final[dict[str, Callable[[PayloadReader, EventBuilder], Iterator[AdapterOutput]]]] = {
    "order": read_order,
    "fulfillment": read_fulfillment,
    "fulfillment_event": read_event,
    "fulfillment_order": lambda doc, say: read_works([doc], say),
    "refund": read_refund,
    "transaction": read_transaction,
    "dispute": read_dispute,
    "return": read_return,
    "reverse_delivery": read_reverse_delivery,
}
"""By the name of a resource, as it wraps one in an answer of the API; a page has the plural."""

FAMILIES: Final = {
    "orders": "order",
    "fulfillments": "fulfillment",
    "fulfillment_events": "fulfillment_event",
    "refunds": "refund",
    "order_transactions": "transaction",
    "disputes": "dispute",
    "returns": "return",
    "reverse_deliveries": "reverse_delivery",
}
"""By the first part of a topic: the resource that its webhooks carry; those about fulfilment orders have a form of their own."""

TYPES: Final = {
    "Order": "order",
    "Fulfillment": "fulfillment",
    "FulfillmentEvent": "fulfillment_event",
    "FulfillmentOrder": "fulfillment_order",
    "Refund": "refund",
    "OrderTransaction": "transaction",
    "ShopifyPaymentsDispute": "dispute",
    "Return": "return",
    "ReverseDelivery": "reverse_delivery",
}
"""By the type in a gid: the resource."""

MARKS: Final = (
    ("fulfillment_event", ("fulfillment_id", "happened_at")),
    ("fulfillment_order", ("request_status", "line_items")),
    ("refund", ("refund_line_items", "transactions")),
    ("transaction", ("kind", "gateway", "status")),
    ("dispute", ("initiated_at", "evidence_due_by")),
    ("fulfillment", ("tracking_company", "tracking_numbers")),
    ("order", ("line_items", "total_price")),
)
"""Fields by which an object without a gid shows what it is."""


def read(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """A webhook by its topic; without one, a resource or a page by its form."""
    topic = say.headers.get("x-shopify-topic")
    if topic:
        say.kind(topic)
        say.test_mode(is_test=say.headers.get("x-shopify-test", "").strip().lower() == "true")
        yield from _webhook(doc, say, topic)
    else:
        yield from _resource(doc, say)


def _webhook(doc: PayloadReader, say: EventBuilder, topic: str) -> Iterator[AdapterOutput]:
    meaning = say.code(TOPIC, topic)
    if meaning is None:
        raise RefuseError("unmapped", "x-shopify-topic: a topic that is in no table")
    name = topic.strip().casefold()
    resource = FAMILIES.get(name.partition("/")[0])
    if resource is not None and isinstance(doc.value, dict) and len(doc.value) == 1 and doc.has(resource):
        doc = doc.get(resource)
    agree(doc, name, resource, TYPES, MARKS)
    if meaning.ignored:
        yield Ignored(topic, meaning.why)
        return
    if resource is None:
        agree_on_work(doc, name)
        yield from read_work(doc, say, meaning)
        return
    if resource == "order":
        yield from read_order(doc, say, new=meaning.words == ("order.placed",))
    elif meaning.word == "evidence.withdrawn":
        yield from read_deleted_event(doc, say)
    else:
        yield from READERS[resource](doc, say)


def _resource(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    if isinstance(doc.value, list):
        docs = list(doc.each())
        if docs and all(_sort(one) == "fulfillment_order" for one in docs):
            say.kind("fulfillment_orders")
            yield from read_works(docs, say)
        else:
            yield from say.each(docs, lambda one: _one(one, say))
        return
    for name, reader in READERS.items():
        page = "reverse_deliveries" if name == "reverse_delivery" else f"{name}s"
        if doc.has(page) and isinstance(doc.get(page).value, list) and not doc.has("id"):
            yield from _page(doc, page, name, say)
            return
        if isinstance(doc.value, dict) and len(doc.value) == 1 and doc.has(name):
            say.kind(name)
            yield from reader(doc.get(name), say)
            return
    if doc.has("errors") or doc.has("error"):
        raise RefuseError("not_a_report", "an error answer")
    yield from _one(doc, say)


def _page(doc: PayloadReader, page: str, name: str, say: EventBuilder) -> Iterator[AdapterOutput]:
    say.kind(page)
    if not doc.get(page):
        yield Ignored(page, "an empty page")
    elif name == "fulfillment_order":
        yield from read_works(list(doc.each(page)), say)
    else:
        yield from say.each(doc.each(page), partial(_read_as, name, say))


def _read_as(name: str, say: EventBuilder, doc: PayloadReader) -> Iterator[AdapterOutput]:
    return READERS[name](doc, say)


def _sort(doc: PayloadReader) -> str | None:
    """What an object that stands by itself is, by the type in its gid, else by the fields that only its sort has."""
    if not isinstance(doc.value, dict):
        return None
    here = doc.get("admin_graphql_api_id")
    here.read.add(here.path)
    found = GID.fullmatch(here.value) if isinstance(here.value, str) else None
    return TYPES.get(found[1]) if found else next((name for name, marks in MARKS if all(doc.has(mark) for mark in marks)), None)


def _one(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    name = _sort(doc)
    if name is None:
        raise RefuseError("unknown_form", "no object or page of Shopify's that says anything of an order")
    say.kind(name)
    yield from READERS[name](doc, say)


ADAPTER = Adapter(
    system="shopify",
    title="Shopify",
    forms="webhooks; orders, fulfilments, fulfilment orders, transactions, refunds and disputes of the REST Admin API",
    parse=json_doc,
    read=read,
    tables=(
        TOPIC,
        CANCEL,
        FINANCIAL,
        METHOD,
        TERMS,
        GATEWAY,
        CONSENT,
        TRANSACTION,
        STAGE,
        DECLINE,
        DISPUTE,
        OUTCOME,
        FULFILLMENT,
        EVENT,
        HOLD,
        WORK,
        RETURN,
    ),
    emits=(
        "order.placed",
        "order.updated",
        "order.cancelled",
        "order.cancel_requested",
        "order.hold_placed",
        "order.hold_released",
        *PAYMENTS,
        "warehouse.released",
        "warehouse.packed",
        "warehouse.rejected",
        "warehouse.label_created",
        "warehouse.shipped",
        "warehouse.shipment_cancelled",
        "carrier.scan",
        "return.requested",
        "return.authorized",
        "evidence.withdrawn",
    ),
    scheme="shopify",
    delivery="x-shopify-webhook-id",
    ignores=frozenset({"auto_capture", "zone"}),
)
