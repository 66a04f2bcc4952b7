"""BigCommerce's products, shipments, transactions and refunds: what an order consists of, and the increments of goods and money."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sources.adapters.answers import answered_at
from sources.adapters.base import EventBuilder, digest
from sources.adapters.bigcommerce.fields import moment, need_moment
from sources.adapters.bigcommerce.orders import lines_of
from sources.adapters.bigcommerce.tables import STAGE, TRANSACTION
from sources.adapters.carriers import carrier_name
from sources.adapters.doc import PayloadReader
from sources.adapters.money import currency, is_zero
from sources.adapters.shops import given_back, own_id, part_of, snapshot, tell, updated
from sources.adapters.told import AdapterOutput, Ignored, RefuseError

LABEL = "warehouse.label_created"


def read_products(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """The products of one order, as the API lists them: its lines, as they stood when it was asked."""
    numbers = {one.need_id("order_id") for one in doc.each()}
    if len(numbers) != 1:
        raise RefuseError("no_identity", "[].order_id: the products of several orders")
    asked = answered_at(say)
    if asked is None:
        raise RefuseError("missing_field", "when the answer was given: no Date header, no time of receipt")
    (number,) = numbers
    yield updated(say, part_of(say, number), number, asked, {"lines": lines_of(doc.each())})


def read_shipment(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """A shipment: its goods have left, in a parcel where it has a number."""
    number, owner = doc.need_id("id"), part_of(say, doc.need_id("order_id"))
    created = need_moment(doc, "date_created")
    tracking = doc.id("tracking_number")
    carrier = carrier_name(doc.text("tracking_carrier") or doc.text("shipping_provider"))
    lines = [{"line_id": one.need_id("order_product_id"), "quantity": one.quantity("quantity")} for one in doc.each("items")]
    base = {"shipment_id": own_id(say, number)}
    data: dict[str, Any] = {**base, "carrier": None if tracking else carrier, "lines": lines or None}
    yield tell(say, owner, "warehouse.shipped", f"shipped-{number}", created, data, created)
    if tracking:
        id_ = f"tracking-{digest(number, carrier, tracking)}"
        yield tell(say, owner, LABEL, id_, created, {**base, "carrier": carrier, "tracking_number": tracking}, created)
        said = answered_at(say)
        if said is not None:
            # A shipment does not say when it was changed: of two answers, the later one knows its number.
            yield snapshot(say, f"shipment/{number}", LABEL, said, [f"shipped-{number}", id_], owner, tracking)


def read_transaction(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """One step of a payment. What goes back goes by the payment that it refers to."""
    say.test_mode(is_test=doc.flag("test"))
    kind = doc.need_text("event")
    step = f"{kind}/{doc.text('status') or 'ok'}"
    meaning = say.code(TRANSACTION, step)
    if meaning is None:
        raise RefuseError("unmapped", f"{doc.get('event').path}: a transaction whose event and status are in no table")
    if meaning.ignored:
        yield Ignored(step, meaning.why)
        return
    number, type_ = doc.need_id("id"), meaning.word
    owner, at = part_of(say, doc.need_id("order_id")), need_moment(doc, "date_created")
    # The transaction that began the payment; a gateway's own ID is another for each of its steps.
    data: dict[str, Any] = {"payment_id": own_id(say, doc.id("reference_transaction_id") or number)}
    if type_ == "payment.failed":
        stage = say.code(STAGE, kind)
        data["stage"] = stage and stage.word
    else:
        code = doc.text("currency")
        amount = None if code is None else given_back(doc, "amount", currency(code, doc.get("currency").path))
        data["amount"] = amount
        if type_ == "payment.refunded" and amount is None:
            # Without an amount it would read as a refund of everything.
            raise RefuseError("missing_field", f"{doc.get('amount').path}: a refund without an amount and its currency")
        if amount is not None and is_zero(amount):
            yield Ignored(step, "no money was moved")
            return
    yield tell(say, owner, type_, f"{type_.removeprefix('payment.')}-{number}", at, data, at)


def read_refund(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """The goods of a refund; its money is told by the order's transactions, in their currency."""
    number, owner = doc.need_id("id"), part_of(say, doc.need_id("order_id"))
    payments = list(doc.each("payments"))
    if payments and all(one.flag("is_declined") for one in payments):
        yield Ignored("refund", "was declined")
        return
    lines = [
        {"line_id": one.need_id("item_id"), "quantity": quantity}
        for one in doc.each("items")
        if (one.text("item_type") or "").upper() == "PRODUCT" and (quantity := one.quantity("quantity")) != 0
    ]
    if not lines:
        yield Ignored("refund", "names no goods; the order's transactions tell the money")
        return
    at = moment(doc, "created")
    if at is None:
        raise RefuseError("missing_field", doc.get("created").path)
    yield tell(say, owner, "payment.refunded", f"refund-goods-{number}", at, {"lines": lines}, at)
