"""WooCommerce: webhooks by their topic, and what its REST API answers (orders, refunds, fulfilments, tracking numbers), one or a page.

The signature of a webhook covers the body and no header, so a topic is believed as far as the body agrees with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from sources.adapters.base import Adapter, EventBuilder
from sources.adapters.doc import PayloadReader, json_doc
from sources.adapters.scans import SCAN
from sources.adapters.told import AdapterOutput, Ignored, RefuseError
from sources.adapters.woocommerce.orders import read_deleted, read_order
from sources.adapters.woocommerce.shipments import read_fulfillment, read_refund, read_tracking
from sources.adapters.woocommerce.tables import METHOD, PAYMENT, STATUS, TOPIC

_PING: Final = re.compile(rb"\s*webhook_id=\d{1,20}\s*", re.ASCII)
READERS: Final[tuple[tuple[str, tuple[str, ...], Callable[[PayloadReader, EventBuilder], Iterator[AdapterOutput]]], ...]] = (
    ("order", ("status", "line_items", "total"), read_order),
    ("refund", ("amount", "refunded_by"), read_refund),
    ("fulfillment", ("entity_id", "is_fulfilled"), read_fulfillment),
    ("tracking", ("tracking_number", "tracking_id"), read_tracking),
)
"""By its name: the fields by which an object shows what it is, and who reads it."""


def parse(body: bytes) -> PayloadReader:
    """JSON; or the ping that a webhook sends when it is switched on, which is a form (`webhook_id=12`)."""
    return PayloadReader({"webhook_id": body.decode().strip().partition("=")[2]}) if _PING.fullmatch(body) else json_doc(body)


def read(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """A webhook by its topic; without one, an object or a page by its form."""
    topic = say.headers.get("x-wc-webhook-topic", "").strip()
    if isinstance(doc.value, dict) and set(doc.value) == {"webhook_id"}:
        say.kind("ping")
        yield Ignored("ping", "the webhook was switched on")
    elif topic:
        say.kind(topic)
        yield from _webhook(doc, say, topic)
    elif isinstance(doc.value, list):
        if not doc.value:
            say.kind("page")
            yield Ignored("page", "an empty page")
        yield from say.each(doc.each(), lambda one: _one(one, say))
    elif doc.has("code") and doc.has("message"):
        raise RefuseError("not_a_report", "an error answer")
    else:
        yield from _one(doc, say)


def _webhook(doc: PayloadReader, say: EventBuilder, topic: str) -> Iterator[AdapterOutput]:
    meaning = say.code(TOPIC, topic)
    if meaning is None:
        raise RefuseError("unmapped", "x-wc-webhook-topic: a topic that is in no table")
    order = _name(doc) == "order"
    if meaning.ignored:
        if order:
            raise RefuseError("topic_mismatch", "x-wc-webhook-topic: says that it is no order, and the body is one")
        yield Ignored(topic, meaning.why)
    elif meaning.word == "order.cancelled":
        if not isinstance(doc.value, dict) or set(doc.value) != {"id"}:
            raise RefuseError("topic_mismatch", "x-wc-webhook-topic: says that an order was deleted, and the body is more than its ID")
        yield from read_deleted(doc, say)
    elif not order:
        raise RefuseError("topic_mismatch", "x-wc-webhook-topic: says an order, and the body is none")
    else:
        yield from read_order(doc, say, restored=topic.casefold() == "order.restored")


def _name(doc: PayloadReader) -> str | None:
    return next((name for name, marks, _ in READERS if all(doc.has(mark) for mark in marks)), None)


def _one(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    for name, marks, reader in READERS:
        if all(doc.has(mark) for mark in marks):
            say.kind(name)
            yield from reader(doc, say)
            return
    raise RefuseError("unknown_form", "no order, refund, fulfilment or tracking number of WooCommerce's")


ADAPTER = Adapter(
    system="woocommerce",
    title="WooCommerce",
    forms="webhooks; orders, refunds, fulfilments and shipment trackings of the REST API",
    parse=parse,
    read=read,
    tables=(TOPIC, STATUS, PAYMENT, METHOD),
    emits=(
        "order.placed",
        "order.updated",
        "order.cancelled",
        "order.hold_placed",
        "order.hold_released",
        "payment.captured",
        "payment.failed",
        "payment.refunded",
        "warehouse.label_created",
        "warehouse.shipped",
        "warehouse.shipment_cancelled",
        SCAN,
        "evidence.withdrawn",
    ),
    scheme="woocommerce",
    delivery="x-wc-webhook-delivery-id",
)
