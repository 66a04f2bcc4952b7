"""BigCommerce's products, shipments, transactions and refunds: what an order consists of, and the increments of goods and money."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sources.adapters.base import EventBuilder, digest
from sources.adapters.bigcommerce.fields import moment, need_moment
from sources.adapters.bigcommerce.orders import lines_of
from sources.adapters.bigcommerce.tables import STAGE, TRANSACTION
from sources.adapters.carrier_replies import answered_at
from sources.adapters.carriers import carrier_name
from sources.adapters.money import currency, is_zero
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.shops import given_back, order_event, own_id, part_of, snapshot, updated

LABEL = "warehouse.label_created"


def read_products(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """The products of one order, as the API lists them: its lines, as they stood when it was asked."""
    numbers = {one.need_id("order_id") for one in payload.each()}
    if len(numbers) != 1:
        raise RefuseError("no_identity", "[].order_id: the products of several orders")
    asked = answered_at(builder)
    if asked is None:
        raise RefuseError("missing_field", "when the answer was given: no Date header, no time of receipt")
    (number,) = numbers
    yield updated(builder, part_of(builder, number), number, asked, {"lines": lines_of(payload.each())})


def read_shipment(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A shipment: its goods have left, in a parcel where it has a number."""
    number, owner = payload.need_id("id"), part_of(builder, payload.need_id("order_id"))
    created = need_moment(payload, "date_created")
    tracking = payload.id("tracking_number")
    carrier = carrier_name(payload.text("tracking_carrier") or payload.text("shipping_provider"))
    lines = [{"line_id": one.need_id("order_product_id"), "quantity": one.quantity("quantity")} for one in payload.each("items")]
    base = {"shipment_id": own_id(builder, number)}
    data: dict[str, Any] = {**base, "carrier": None if tracking else carrier, "lines": lines or None}
    yield order_event(builder, owner, "warehouse.shipped", f"shipped-{number}", created, data, created)
    if tracking:
        id_ = f"tracking-{digest(number, carrier, tracking)}"
        yield order_event(builder, owner, LABEL, id_, created, {**base, "carrier": carrier, "tracking_number": tracking}, created)
        stated_at = answered_at(builder)
        if stated_at is not None:
            # A shipment does not say when it was changed: of two answers, the later one knows its number.
            yield snapshot(builder, f"shipment/{number}", LABEL, stated_at, [f"shipped-{number}", id_], owner, tracking)


def read_transaction(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """One step of a payment. What goes back goes by the payment that it refers to."""
    builder.test_mode(is_test=payload.flag("test"))
    kind = payload.need_text("event")
    step = f"{kind}/{payload.text('status') or 'ok'}"
    meaning = builder.code(TRANSACTION, step)
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('event').path}: a transaction whose event and status are in no table")
    if meaning.ignored:
        yield Ignored(step, meaning.why)
        return
    number, type_ = payload.need_id("id"), meaning.term
    owner, at = part_of(builder, payload.need_id("order_id")), need_moment(payload, "date_created")
    # The transaction that began the payment; a gateway's own ID is another for each of its steps.
    data: dict[str, Any] = {"payment_id": own_id(builder, payload.id("reference_transaction_id") or number)}
    if type_ == "payment.failed":
        stage = builder.code(STAGE, kind)
        data["stage"] = stage and stage.term
    else:
        code = payload.text("currency")
        amount = None if code is None else given_back(payload, "amount", currency(code, payload.get("currency").path))
        data["amount"] = amount
        if type_ == "payment.refunded" and amount is None:
            # Without an amount it would read as a refund of everything.
            raise RefuseError("missing_field", f"{payload.get('amount').path}: a refund without an amount and its currency")
        if amount is not None and is_zero(amount):
            yield Ignored(step, "no money was moved")
            return
    yield order_event(builder, owner, type_, f"{type_.removeprefix('payment.')}-{number}", at, data, at)


def read_refund(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """The goods of a refund; its money is told by the order's transactions, in their currency."""
    number, owner = payload.need_id("id"), part_of(builder, payload.need_id("order_id"))
    payments = list(payload.each("payments"))
    if payments and all(one.flag("is_declined") for one in payments):
        yield Ignored("refund", "was declined")
        return
    lines = [
        {"line_id": one.need_id("item_id"), "quantity": quantity}
        for one in payload.each("items")
        if (one.text("item_type") or "").upper() == "PRODUCT" and (quantity := one.quantity("quantity")) != 0
    ]
    if not lines:
        yield Ignored("refund", "names no goods; the order's transactions tell the money")
        return
    at = moment(payload, "created")
    if at is None:
        raise RefuseError("missing_field", payload.get("created").path)
    yield order_event(builder, owner, "payment.refunded", f"refund-goods-{number}", at, {"lines": lines}, at)
