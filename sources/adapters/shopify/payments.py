"""Shopify's money: transactions, refunds and disputes.

Each transaction is an increment with an ID of its own, whichever message it stands in. Its amount is in the currency that the customer
paid in. A refund's goods are told apart from its money, since the transaction's own webhook does not name them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from sources.adapters.base import EventBuilder
from sources.adapters.bounds import latest
from sources.adapters.moments import at, need_at, stamp
from sources.adapters.money import Money, amount_of, currency, is_zero
from sources.adapters.output import AdapterOutput, Ignored, PaymentStep, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.shopify.common import ShopifyOrderRef, id_in, moment, money_in, need_id_of, order_event, owner_of, ref, stated_at
from sources.adapters.shopify.tables import DECLINE, DISPUTE, OUTCOME, STAGE, TRANSACTION

CASH = "cash"
"""The gateway of what is paid in cash at a till."""


def read_transaction(
    payload: PayloadReader,
    builder: EventBuilder,
    owner: ShopifyOrderRef | None = None,
    code: str | None = None,
    cash: Mapping[str, Money] | None = None,
) -> Iterator[AdapterOutput]:
    """One step of a payment; `code` is the order's currency, where the transaction does not name its own.

    `cash`: what was kept of what was handed over at the till, by transaction, where all of them are known.
    """
    builder.test_mode(is_test=payload.flag("test"))
    kind = payload.need_text("kind")
    step = f"{kind}/{payload.need_text('status')}"
    meaning = builder.code(TRANSACTION, step)
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('kind').path}: a transaction whose kind and status are in no table")
    if meaning.ignored:
        yield Ignored(step, meaning.why)
        return
    number = need_id_of(payload)
    owner = owner or owner_of(builder, payload)
    type_ = meaning.term
    if kind == "sale" and is_cash(payload):
        # What is handed over at the till is not what is taken: the change that goes back is another transaction, which comes later.
        amount = (cash or {}).get(number) if type_ == "payment.captured" else None
    else:
        amount = None if type_ == "payment.failed" else money_in(payload, "amount", code)
    payment, parent = _payment_id(payload, number, owner), id_in(payload, "parent_id")
    data: dict[str, object] = {"payment_id": payment, "amount": amount}
    if type_ == "payment.failed":
        error = payload.text("error_code")
        stage, decline = builder.code(STAGE, kind), builder.code(DECLINE, error)
        data |= {"stage": stage and stage.term, "decline": decline and decline.term, "code": error}
    elif type_ == "payment.authorized":
        expires = at(payload, "authorization_expires_at")
        data["expires_at"] = expires and stamp(expires)
    elif type_ == "payment.refunded":
        if amount is None:
            # Without an amount it would read as a refund of everything.
            raise RefuseError("missing_field", f"{payload.get('amount').path}: a refund without an amount and its currency")
        if is_zero(amount):
            yield Ignored(step, "no money was moved")
            return
    time, id_ = moment(builder, payload, "processed_at", "created_at"), f"{type_.removeprefix('payment.')}-{number}"
    yield order_event(builder, owner, type_, id_, time, data, at(payload, "created_at"))
    yield PaymentStep(number, parent, payment, id_, builder.source(type_), time)


def is_cash(payload: PayloadReader) -> bool:
    """Whether a transaction is of cash."""
    return (payload.text("gateway") or "").casefold() == CASH


def kept_of_cash(transactions: Iterable[PayloadReader], code: str | None, total: Money | None) -> dict[str, Money]:
    """What was kept of each sale in cash: what was handed over less the change. More than the total is not known to be kept."""
    handed: dict[str, Money] = {}
    change: dict[str, Decimal] = {}
    for one in transactions:
        number, amount = id_in(one, "id"), money_in(one, "amount", code)
        if number is None or amount is None or one.text("status") != "success" or not is_cash(one):
            continue
        if one.text("kind") == "sale":
            handed[number] = amount
        elif one.text("kind") == "change" and (parent := id_in(one, "parent_id")) is not None:
            change[parent] = change.get(parent, Decimal()) + Decimal(amount["amount"])
    found: dict[str, Money] = {}
    for number, amount in handed.items():
        kept = Decimal(amount["amount"]) - change.get(number, Decimal())
        if total is not None and total["currency"] == amount["currency"] and 0 < kept <= Decimal(total["amount"]):
            found[number] = {**amount, "amount": format(kept, "f")}
    return found


def _payment_id(payload: PayloadReader, number: str, owner: ShopifyOrderRef) -> str:
    """What all steps of a payment have in common, also in the payment provider's own feed, as far as this one says.

    Stripe's payment intent where the receipt names it; else Shopify's `payment_id`, with the order's where it is made of the order's name,
    which other shops have too; else the transaction that this one follows, or itself.
    """
    receipt = payload.get("receipt")
    places = [payload.get("authorization")]
    if isinstance(receipt.value, dict):
        # A refund's receipt names the intent inside the charge that it gives back.
        charged = receipt.get("charge")
        intents = [receipt.get("payment_intent")] + ([charged.get("payment_intent")] if isinstance(charged.value, dict) else [])
        places = [*(one.get("id") if isinstance(one.value, dict) else one for one in intents), receipt.get("id"), *places]
    for place in places:
        text = place.id() if isinstance(place.value, str) else None
        if text is not None and text.startswith("pi_"):
            return text
    shared, order = payload.id("payment_id"), owner.order or owner.alias
    if shared is not None and not shared.startswith("#"):
        return shared
    if shared is not None and order is not None:
        return f"{order}{shared}"
    return id_in(payload, "parent_id") or number


def read_refund(
    payload: PayloadReader, builder: EventBuilder, owner: ShopifyOrderRef | None = None, code: str | None = None
) -> Iterator[AdapterOutput]:
    """The transactions of a refund, and the goods that money went back for. A refund that moves no money is none."""
    number = need_id_of(payload)
    owner = owner or owner_of(builder, payload)
    paid_back = False
    for output in builder.each(payload.each("transactions"), lambda one: read_transaction(one, builder, owner, code)):
        paid_back = paid_back or (isinstance(output, dict) and output["type"] == "payment.refunded")
        yield output
    items = list(payload.each("refund_line_items"))
    if not paid_back:
        yield Ignored("refund", "moved no money (yet)")
    elif lines := [line for item in items if (line := _refunded(item))]:
        data = {"return_id": ref(payload, "return"), "lines": lines}
        yield order_event(
            builder,
            owner,
            "payment.refunded",
            f"refund-{number}",
            moment(builder, payload, "processed_at", "created_at"),
            data,
            at(payload, "created_at"),
        )


def _refunded(item: PayloadReader) -> dict[str, object]:
    bought = item.get("line_item")
    sku = bought.id("sku") if bought else None
    line: dict[str, object] = {"line_id": ref(item, "line_item"), "sku": sku, "quantity": item.quantity("quantity")}
    known = {name: value for name, value in line.items() if value is not None}
    return known if "line_id" in known or "sku" in known else {}


def read_dispute(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A dispute, and how it ended; an inquiry that becomes a chargeback is a second step of the same dispute."""
    number = need_id_of(payload)
    owner = owner_of(builder, payload)
    code = payload.text("currency")
    stage = builder.code(DISPUTE, payload.text("type"))
    reason = payload.text("reason")
    data: dict[str, object] = {
        "dispute_id": number,
        "amount": code and amount_of(payload, "amount", currency(code, payload.get("currency").path)),
        "reason": reason,
        "stage": stage and stage.term,
    }
    step, began = "dispute" if stage is None else stage.term, need_at(payload, "initiated_at")
    if step == "chargeback" and builder.headers.get("x-shopify-topic") != "disputes/create":
        # It may have begun as an inquiry: nothing says when it became a chargeback, but it was one when the shop answered, or it ended.
        began = latest(began, stated_at(builder), (at(payload, "evidence_sent_on"), at(payload, "finalized_on")))
    yield order_event(builder, owner, "payment.disputed", f"{step}-{number}", began, data)
    outcome = builder.code(OUTCOME, payload.text("status"))
    if outcome is not None and not outcome.ignored:
        ended = at(payload, "finalized_on") or stated_at(builder)
        if ended is None:
            raise RefuseError("missing_field", f"{payload.get('finalized_on').path}: a dispute that ended, nothing says when")
        closing = {**data, "outcome": outcome.term}
        yield order_event(builder, owner, "payment.dispute_closed", f"dispute-closed-{number}", ended, closing)
