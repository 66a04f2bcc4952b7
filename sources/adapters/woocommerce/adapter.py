"""WooCommerce: webhooks by their topic, and what its REST API answers (orders, refunds, fulfilments, tracking numbers), one or a page.

The signature of a webhook covers the body and no header, so a topic is believed as far as the body agrees with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from sources.adapters.base import Adapter, EventBuilder
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.payload import PayloadReader, json_payload
from sources.adapters.scans import SCAN
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
    return PayloadReader({"webhook_id": body.decode().strip().partition("=")[2]}) if _PING.fullmatch(body) else json_payload(body)


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A webhook by its topic; without one, an object or a page by its form."""
    topic = builder.headers.get("x-wc-webhook-topic", "").strip()
    if isinstance(payload.value, dict) and set(payload.value) == {"webhook_id"}:
        builder.kind("ping")
        yield Ignored("ping", "the webhook was switched on")
    elif topic:
        builder.kind(topic)
        yield from _webhook(payload, builder, topic)
    elif isinstance(payload.value, list):
        if not payload.value:
            builder.kind("page")
            yield Ignored("page", "an empty page")
        yield from builder.each(payload.each(), lambda one: _one(one, builder))
    elif payload.has("code") and payload.has("message"):
        raise RefuseError("not_a_report", "an error answer")
    else:
        yield from _one(payload, builder)


def _webhook(payload: PayloadReader, builder: EventBuilder, topic: str) -> Iterator[AdapterOutput]:
    meaning = builder.code(TOPIC, topic)
    if meaning is None:
        raise RefuseError("unmapped", "x-wc-webhook-topic: a topic that is in no table")
    order = _name(payload) == "order"
    if meaning.ignored:
        if order:
            raise RefuseError("topic_mismatch", "x-wc-webhook-topic: says that it is no order, and the body is one")
        yield Ignored(topic, meaning.why)
    elif meaning.term == "order.cancelled":
        if not isinstance(payload.value, dict) or set(payload.value) != {"id"}:
            raise RefuseError("topic_mismatch", "x-wc-webhook-topic: says that an order was deleted, and the body is more than its ID")
        yield from read_deleted(payload, builder)
    elif not order:
        raise RefuseError("topic_mismatch", "x-wc-webhook-topic: says an order, and the body is none")
    else:
        yield from read_order(payload, builder, restored=topic.casefold() == "order.restored")


def _name(payload: PayloadReader) -> str | None:
    return next((name for name, markers, _ in READERS if all(payload.has(marker) for marker in markers)), None)


def _one(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    for name, markers, reader in READERS:
        if all(payload.has(marker) for marker in markers):
            builder.kind(name)
            yield from reader(payload, builder)
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
        "order.reinstated",
        "order.linked",
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
