"""Shopify: webhooks by their topic, and resources of the REST Admin API, one or a page.

What each topic becomes stands in `shopify_topics`; the readers are one module for each sort of thing. `x-shopify-webhook-id` names a
delivery, the same in every attempt. (`x-shopify-event-id` names what happened, and so do our own IDs; captures of older versions lack it.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from sources.adapters.base import PAYMENTS, Adapter, EventBuilder
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.payload import PayloadReader, json_payload
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

READERS: Final[dict[str, Callable[[PayloadReader, EventBuilder], Iterator[AdapterOutput]]]] = {
    "order": read_order,
    "fulfillment": read_fulfillment,
    "fulfillment_event": read_event,
    "fulfillment_order": lambda payload, builder: read_works([payload], builder),
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

MARKERS: Final = (
    ("fulfillment_event", ("fulfillment_id", "happened_at")),
    ("fulfillment_order", ("request_status", "line_items")),
    ("refund", ("refund_line_items", "transactions")),
    ("transaction", ("kind", "gateway", "status")),
    ("dispute", ("initiated_at", "evidence_due_by")),
    ("fulfillment", ("tracking_company", "tracking_numbers")),
    ("order", ("line_items", "total_price")),
)
"""Fields by which an object without a gid shows what it is."""


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A webhook by its topic; without one, a resource or a page by its form."""
    topic = builder.headers.get("x-shopify-topic")
    if topic:
        builder.kind(topic)
        builder.test_mode(is_test=builder.headers.get("x-shopify-test", "").strip().lower() == "true")
        yield from _webhook(payload, builder, topic)
    else:
        yield from _resource(payload, builder)


def _webhook(payload: PayloadReader, builder: EventBuilder, topic: str) -> Iterator[AdapterOutput]:
    meaning = builder.code(TOPIC, topic)
    if meaning is None:
        raise RefuseError("unmapped", "x-shopify-topic: a topic that is in no table")
    name = topic.strip().casefold()
    resource = FAMILIES.get(name.partition("/")[0])
    if resource is not None and isinstance(payload.value, dict) and len(payload.value) == 1 and payload.has(resource):
        payload = payload.get(resource)
    agree(payload, name, resource, TYPES, MARKERS)
    if meaning.ignored:
        yield Ignored(topic, meaning.why)
        return
    if resource is None:
        agree_on_work(payload, name)
        yield from read_work(payload, builder, meaning)
        return
    if resource == "order":
        yield from read_order(payload, builder, new=meaning.terms == ("order.placed",))
    elif meaning.term == "evidence.withdrawn":
        yield from read_deleted_event(payload, builder)
    else:
        yield from READERS[resource](payload, builder)


def _resource(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    if isinstance(payload.value, list):
        payloads = list(payload.each())
        if payloads and all(_sort(one) == "fulfillment_order" for one in payloads):
            builder.kind("fulfillment_orders")
            yield from read_works(payloads, builder)
        else:
            yield from builder.each(payloads, lambda one: _one(one, builder))
        return
    for name, reader in READERS.items():
        page = "reverse_deliveries" if name == "reverse_delivery" else f"{name}s"
        if payload.has(page) and isinstance(payload.get(page).value, list) and not payload.has("id"):
            yield from _page(payload, page, name, builder)
            return
        if isinstance(payload.value, dict) and len(payload.value) == 1 and payload.has(name):
            builder.kind(name)
            yield from reader(payload.get(name), builder)
            return
    if payload.has("errors") or payload.has("error"):
        raise RefuseError("not_a_report", "an error answer")
    yield from _one(payload, builder)


def _page(payload: PayloadReader, page: str, name: str, builder: EventBuilder) -> Iterator[AdapterOutput]:
    builder.kind(page)
    if not payload.get(page):
        yield Ignored(page, "an empty page")
    elif name == "fulfillment_order":
        yield from read_works(list(payload.each(page)), builder)
    else:
        yield from builder.each(payload.each(page), partial(_read_as, name, builder))


def _read_as(name: str, builder: EventBuilder, payload: PayloadReader) -> Iterator[AdapterOutput]:
    return READERS[name](payload, builder)


def _sort(payload: PayloadReader) -> str | None:
    """What an object that stands by itself is, by the type in its gid, else by the fields that only its sort has."""
    if not isinstance(payload.value, dict):
        return None
    here = payload.get("admin_graphql_api_id")
    here.read.add(here.path)
    found = GID.fullmatch(here.value) if isinstance(here.value, str) else None
    return (
        TYPES.get(found[1]) if found else next((name for name, markers in MARKERS if all(payload.has(marker) for marker in markers)), None)
    )


def _one(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    name = _sort(payload)
    if name is None:
        raise RefuseError("unknown_form", "no object or page of Shopify's that says anything of an order")
    builder.kind(name)
    yield from READERS[name](payload, builder)


ADAPTER = Adapter(
    system="shopify",
    title="Shopify",
    forms="webhooks; orders, fulfilments, fulfilment orders, transactions, refunds and disputes of the REST Admin API",
    parse=json_payload,
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
        "order.cancel_declined",
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
        "return.cancelled",
        "evidence.withdrawn",
    ),
    scheme="shopify",
    delivery="x-shopify-webhook-id",
    ignores=frozenset({"auto_capture", "zone"}),
)
