"""Magento and Adobe Commerce: orders, invoices, shipments and credit memos, as the REST API answers them, one or a page; and I/O events.

An event of Adobe I/O carries the object that was saved, with the fields that its subscription asks for, in a CloudEvent. Adobe signs it by
a key pair of its own; its webhooks are connected by a secret in the URL, and so are those that a shop's own module sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from sources.adapters.base import Adapter, EventBuilder
from sources.adapters.magento.orders import read_order
from sources.adapters.magento.parts import read_creditmemo, read_invoice, read_shipment, read_track
from sources.adapters.magento.tables import CREDITMEMO, EVENT, INVOICE, METHOD, PAYMENT, STATE, STATUS
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.payload import PayloadReader, json_payload

READERS: Final[dict[str, Callable[[PayloadReader, EventBuilder], Iterator[AdapterOutput]]]] = {
    "order": read_order,
    "invoice": read_invoice,
    "shipment": read_shipment,
    "track": read_track,
    "creditmemo": read_creditmemo,
}
MARKERS: Final = (
    ("track", ("track_number", "parent_id")),
    ("shipment", ("order_id", "tracks")),
    ("shipment", ("order_id", "total_qty", "items")),
    ("invoice", ("order_id", "state", "grand_total", "email_sent")),
    ("creditmemo", ("order_id", "state", "grand_total", "adjustment")),
    ("creditmemo", ("order_id", "state", "grand_total", "creditmemo_status")),
    ("invoice", ("order_id", "state", "grand_total")),
    ("order", ("increment_id", "items", "total_qty_ordered")),
    ("order", ("increment_id", "status", "grand_total")),
)
"""Fields by which an object shows what it is, the first that fits: an invoice has nothing that a credit memo lacks."""
PREFIX: Final = "com.adobe.commerce."


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """An I/O event, a page, or one object; of several events or objects each."""
    if isinstance(payload.value, list):
        if not payload.value:
            builder.kind("page")
            yield Ignored("page", "an empty page")
        yield from builder.each(payload.each(), partial(_any, builder))
    else:
        yield from _any(builder, payload)


def _any(builder: EventBuilder, payload: PayloadReader) -> Iterator[AdapterOutput]:
    if payload.has("event") and not payload.has("entity_id"):
        # As the journal of Adobe I/O wraps an event.
        payload = payload.get("event")
    if payload.has("data") and payload.has("type"):
        yield from _event(payload, builder)
    elif payload.has("items") and payload.has("search_criteria"):
        if not payload.get("items"):
            builder.kind("page")
            yield Ignored("page", "an empty page")
        yield from builder.each(payload.each("items"), partial(_one, builder, None))
    elif payload.has("message") and not payload.has("entity_id"):
        raise RefuseError("not_a_report", "an error answer")
    else:
        yield from _one(builder, None, payload.get("entity") if payload.has("entity") else payload)


def _event(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    name = payload.need_text("type").removeprefix(PREFIX)
    builder.kind(name)
    meaning = builder.code(EVENT, name)
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('type').path}: an event that is in no table")
    if meaning.ignored:
        yield Ignored(name, meaning.why)
        return
    yield from _one(builder, meaning.term, payload.need("data", "value"))


def _one(builder: EventBuilder, expected: str | None, payload: PayloadReader) -> Iterator[AdapterOutput]:
    """An object, by the fields that only its sort has, which the event that carries it must not contradict."""
    name = next((name for name, markers in MARKERS if all(payload.has(marker) for marker in markers)), None)
    if name is None and expected is not None:
        raise RefuseError("missing_field", f"{payload.path}: too few fields; let the subscription send the whole {expected}")
    if name is None:
        raise RefuseError("unknown_form", "no order, invoice, shipment, tracking number or credit memo of Magento's")
    if expected not in (None, name):
        raise RefuseError("bad_value", f"{payload.path}: the event says {expected}, and what it carries is none")
    if expected is None:
        builder.kind(name)
    yield from READERS[name](payload, builder)


ADAPTER = Adapter(
    system="magento",
    title="Magento, Adobe Commerce",
    forms="orders, invoices, shipments, tracking numbers and credit memos of the REST API; Adobe I/O events",
    parse=json_payload,
    read=read,
    tables=(STATE, STATUS, PAYMENT, METHOD, INVOICE, CREDITMEMO, EVENT),
    emits=(
        "order.placed",
        "order.updated",
        "order.cancelled",
        "order.reinstated",
        "order.hold_placed",
        "order.hold_released",
        "payment.authorized",
        "payment.captured",
        "payment.refunded",
        "invoice.issued",
        "warehouse.label_created",
        "warehouse.shipped",
        "evidence.withdrawn",
    ),
    delivery="$.id",
)
