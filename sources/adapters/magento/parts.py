"""Magento's invoices, shipments with their tracking numbers, and credit memos: the increments of money and goods.

They name their order by its `entity_id`. Creating a shipment is the shop's word that its goods left.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sources.adapters.base import EventBuilder, digest
from sources.adapters.carriers import carrier_name
from sources.adapters.magento.fields import moment, money, need_moment, pieces
from sources.adapters.magento.tables import CREDITMEMO, INVOICE
from sources.adapters.money import is_zero
from sources.adapters.output import AdapterOutput, Draft, Ignored, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.shops import ShopOrderRef, order_event, own_id, part_of, snapshot
from sources.adapters.tables import CodeTable, Meaning

LABEL = "warehouse.label_created"


def _state(payload: PayloadReader, builder: EventBuilder, table: CodeTable) -> Meaning:
    payload.need("state")
    meaning = builder.code(table, payload.id("state"))
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('state').path}: a state that is in no table")
    return meaning


def _owner(payload: PayloadReader, builder: EventBuilder) -> ShopOrderRef:
    return part_of(builder, payload.need_id("order_id"))


def read_invoice(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """An invoice: issued when it was created, and then paid, or to be paid. One that is paid later does not say when."""
    number, owner = payload.need_id("entity_id"), _owner(payload, builder)
    meaning = _state(payload, builder, INVOICE)
    if meaning.ignored:
        yield Ignored("invoice", meaning.why)
        return
    created, amount = need_moment(payload, "created_at"), money(payload, "grand_total", payload.text("order_currency_code"))
    changed = moment(payload, "updated_at") or created
    if amount is None or is_zero(amount):
        yield Ignored("invoice", "of no amount")
        return
    data: dict[str, Any] = {"invoice_id": own_id(builder, number), "amount": amount}
    yield order_event(builder, owner, "invoice.issued", f"invoice-{number}", created, data, changed)
    if meaning.term == "payment.captured":
        data = {"payment_id": payload.id("transaction_id"), "amount": amount}
        yield order_event(builder, owner, "payment.captured", f"captured-{number}", created, data, changed)


def read_shipment(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A shipment: what left is told once; each tracking number by itself, since it may come later or be corrected (`History`)."""
    number, owner = payload.need_id("entity_id"), _owner(payload, builder)
    created = need_moment(payload, "created_at")
    changed = moment(payload, "updated_at") or created
    tracks = list(payload.each("tracks"))
    data = {
        "site": payload.get("extension_attributes").id("source_code"),
        "shipment_id": own_id(builder, number),
        "lines": _lines(payload) or None,
    }
    yield order_event(builder, owner, "warehouse.shipped", f"shipped-{number}", created, data, changed)
    shown, numbers = [f"shipped-{number}"], list[str]()
    for track in tracks:
        tracking = track.id("track_number")
        if tracking:
            label = _label(builder, owner, number, tracking, track, moment(track, "created_at") or changed, changed)
            shown.append(label["id"])
            numbers.append(tracking)
            yield label
    if numbers:
        yield snapshot(builder, f"shipment/{number}", LABEL, changed, shown, owner, numbers[0])


def read_track(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A tracking number that was added to a shipment, by itself."""
    created = need_moment(payload, "created_at")
    yield _label(
        builder, _owner(payload, builder), payload.need_id("parent_id"), payload.need_id("track_number"), payload, created, created
    )


def _label(
    builder: EventBuilder, owner: ShopOrderRef, number: str, tracking: str, track: PayloadReader, time: datetime, recorded: datetime
) -> Draft:
    """A tracking number of a shipment. The carrier's code is `custom` where the shop wrote its name by hand."""
    code = track.text("carrier_code")
    carrier = carrier_name(track.text("title") if code in (None, "custom") else code)
    data = {"shipment_id": own_id(builder, number), "carrier": carrier, "tracking_number": tracking}
    return order_event(builder, owner, LABEL, f"tracking-{digest(number, carrier, tracking)}", time, data, recorded)


def read_creditmemo(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A credit memo: the money that went back, and the goods that it went back for."""
    number, owner = payload.need_id("entity_id"), _owner(payload, builder)
    meaning = _state(payload, builder, CREDITMEMO)
    amount = money(payload, "grand_total", payload.text("order_currency_code"))
    if meaning.ignored:
        yield Ignored("creditmemo", meaning.why)
    elif amount is None:
        # Without an amount it would read as a refund of everything.
        raise RefuseError("missing_field", f"{payload.get('grand_total').path}: a credit memo without an amount and its currency")
    elif is_zero(amount):
        yield Ignored("creditmemo", "no money was moved")
    else:
        created = need_moment(payload, "created_at")
        data = {"payment_id": payload.id("transaction_id"), "amount": amount, "lines": _lines(payload) or None}
        yield order_event(
            builder, owner, "payment.refunded", f"creditmemo-{number}", created, data, moment(payload, "updated_at") or created
        )


def _lines(payload: PayloadReader) -> list[dict[str, Any]]:
    """The items by the order's lines. The part of a configurable product, which some list under the same SKU, is no second piece."""
    found: list[dict[str, Any]] = []
    priced: set[str | None] = set()
    for item in payload.each("items"):
        sku, quantity = item.id("sku"), pieces(item, "qty")
        if quantity == 0 or (sku is not None and sku in priced and not item.get("row_total").value and not item.get("price").value):
            continue
        priced.add(sku)
        line = {"line_id": item.id("order_item_id"), "sku": sku, "quantity": quantity}
        found.append({name: value for name, value in line.items() if value is not None})
    return found
