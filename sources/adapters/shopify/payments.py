"""Shopify's money: transactions, refunds and disputes.

Each transaction is an increment with an ID of its own, whichever message it stands in. Its amount is in the currency that the customer
paid in. A refund's goods are told apart from its money, since the transaction's own webhook does not name them.
"""

from __future__ import annotations

from collections.abc import Iterator

from sources.adapters.base import EventBuilder
from sources.adapters.bounds import latest
from sources.adapters.doc import PayloadReader
from sources.adapters.moments import at, need_at, stamp
from sources.adapters.money import amount_of, currency, is_zero
from sources.adapters.shopify.common import ShopifyOrderRef, id_in, moment, money_in, need_id_of, owner_of, ref, said, tell
from sources.adapters.shopify.tables import DECLINE, DISPUTE, OUTCOME, STAGE, TRANSACTION
from sources.adapters.told import AdapterOutput, Ignored, PaymentStep, RefuseError

CASH = "cash"
"""The gateway of what is paid in cash at a till."""


def read_transaction(
    doc: PayloadReader, say: EventBuilder, owner: ShopifyOrderRef | None = None, code: str | None = None
) -> Iterator[AdapterOutput]:
    """One step of a payment; `code` is the order's currency, where the transaction does not name its own."""
    say.test_mode(is_test=doc.flag("test"))
    kind = doc.need_text("kind")
    step = f"{kind}/{doc.need_text('status')}"
    meaning = say.code(TRANSACTION, step)
    if meaning is None:
        raise RefuseError("unmapped", f"{doc.get('kind').path}: a transaction whose kind and status are in no table")
    if meaning.ignored:
        yield Ignored(step, meaning.why)
        return
    number = need_id_of(doc)
    owner = owner or owner_of(say, doc)
    type_ = meaning.word
    # What is handed over at the till is not what is taken: the change that goes back is another transaction, which comes later.
    cash = kind == "sale" and (doc.text("gateway") or "").casefold() == CASH
    amount = None if type_ == "payment.failed" or cash else money_in(doc, "amount", code)
    payment, parent = _payment_id(doc, number, owner), id_in(doc, "parent_id")
    data: dict[str, object] = {"payment_id": payment, "amount": amount}
    if type_ == "payment.failed":
        error = doc.text("error_code")
        stage, decline = say.code(STAGE, kind), say.code(DECLINE, error)
        data |= {"stage": stage and stage.word, "decline": decline and decline.word, "code": error}
    elif type_ == "payment.authorized":
        expires = at(doc, "authorization_expires_at")
        data["expires_at"] = expires and stamp(expires)
    elif type_ == "payment.refunded":
        if amount is None:
            # Without an amount it would read as a refund of everything.
            raise RefuseError("missing_field", f"{doc.get('amount').path}: a refund without an amount and its currency")
        if is_zero(amount):
            yield Ignored(step, "no money was moved")
            return
    time, id_ = moment(say, doc, "processed_at", "created_at"), f"{type_.removeprefix('payment.')}-{number}"
    yield tell(say, owner, type_, id_, time, data, at(doc, "created_at"))
    yield PaymentStep(number, parent, payment, id_, say.source(type_), time)


def _payment_id(doc: PayloadReader, number: str, owner: ShopifyOrderRef) -> str:
    """What all steps of a payment have in common, also in the payment provider's own feed, as far as this one says.

    Stripe's payment intent where the receipt names it; else Shopify's `payment_id`, with the order's where it is made of the order's name,
    which other shops have too; else the transaction that this one follows, or itself.
    """
    receipt = doc.get("receipt")
    places = [doc.get("authorization")]
    if isinstance(receipt.value, dict):
        # A refund's receipt names the intent inside the charge that it gives back.
        charged = receipt.get("charge")
        intents = [receipt.get("payment_intent")] + ([charged.get("payment_intent")] if isinstance(charged.value, dict) else [])
        places = [*(one.get("id") if isinstance(one.value, dict) else one for one in intents), receipt.get("id"), *places]
    for place in places:
        text = place.id() if isinstance(place.value, str) else None
        if text is not None and text.startswith("pi_"):
            return text
    shared, order = doc.id("payment_id"), owner.order or owner.alias
    if shared is not None and not shared.startswith("#"):
        return shared
    if shared is not None and order is not None:
        return f"{order}{shared}"
    return id_in(doc, "parent_id") or number


def read_refund(
    doc: PayloadReader, say: EventBuilder, owner: ShopifyOrderRef | None = None, code: str | None = None
) -> Iterator[AdapterOutput]:
    """The transactions of a refund, and the goods that money went back for. A refund that moves no money is none."""
    number = need_id_of(doc)
    owner = owner or owner_of(say, doc)
    paid_back = False
    for told in say.each(doc.each("transactions"), lambda one: read_transaction(one, say, owner, code)):
        paid_back = paid_back or (isinstance(told, dict) and told["type"] == "payment.refunded")
        yield told
    items = list(doc.each("refund_line_items"))
    if not paid_back:
        yield Ignored("refund", "moved no money (yet)")
    elif lines := [line for item in items if (line := _refunded(item))]:
        data = {"return_id": ref(doc, "return"), "lines": lines}
        yield tell(
            say, owner, "payment.refunded", f"refund-{number}", moment(say, doc, "processed_at", "created_at"), data, at(doc, "created_at")
        )


def _refunded(item: PayloadReader) -> dict[str, object]:
    bought = item.get("line_item")
    sku = bought.id("sku") if bought else None
    line: dict[str, object] = {"line_id": ref(item, "line_item"), "sku": sku, "quantity": item.quantity("quantity")}
    known = {name: value for name, value in line.items() if value is not None}
    return known if "line_id" in known or "sku" in known else {}


def read_dispute(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """A dispute, and how it ended; an inquiry that becomes a chargeback is a second step of the same dispute."""
    number = need_id_of(doc)
    owner = owner_of(say, doc)
    code = doc.text("currency")
    stage = say.code(DISPUTE, doc.text("type"))
    reason = doc.text("reason")
    data: dict[str, object] = {
        "dispute_id": number,
        "amount": code and amount_of(doc, "amount", currency(code, doc.get("currency").path)),
        "reason": reason,
        "stage": stage and stage.word,
    }
    step, began = "dispute" if stage is None else stage.word, need_at(doc, "initiated_at")
    if step == "chargeback" and say.headers.get("x-shopify-topic") != "disputes/create":
        # It may have begun as an inquiry: nothing says when it became a chargeback, but it was one when the shop answered, or it ended.
        began = latest(began, said(say), (at(doc, "evidence_sent_on"), at(doc, "finalized_on")))
    yield tell(say, owner, "payment.disputed", f"{step}-{number}", began, data)
    outcome = say.code(OUTCOME, doc.text("status"))
    if outcome is not None and not outcome.ignored:
        ended = at(doc, "finalized_on") or said(say)
        if ended is None:
            raise RefuseError("missing_field", f"{doc.get('finalized_on').path}: a dispute that ended, nothing says when")
        closing = {**data, "outcome": outcome.word}
        yield tell(say, owner, "payment.dispute_closed", f"dispute-closed-{number}", ended, closing)
