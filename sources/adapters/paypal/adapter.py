"""PayPal: webhook events of the Orders, Payments (v1 and v2) and Disputes APIs, one or a list.

PayPal has no ID that all objects of a payment name: a capture names its authorization, refunds and disputes name the capture. So
`payment_id` is the authorization's ID where there was one, else that of the capture or sale; refunds and disputes, which know the capture
only, get it once the capture is remembered (`sources.adapters.payments`), and find the order by the capture in any case, since that carries
its own ID as `order_alias` too. The order's ID is `invoice_id` (v1:
`invoice_number`); `custom_id` is free text, which a connection's `order_field` may choose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sources.adapters.base import PAYMENTS, Adapter, EventBuilder
from sources.adapters.doc import PayloadReader, identifier, json_doc
from sources.adapters.moments import at, stamp
from sources.adapters.money import Money, amount_of, currency, is_zero
from sources.adapters.paypal.codes import AREAS, AUTHORIZATIONS, CAPTURES, EVENTS, OUTCOMES, REFUNDS, RESPONSES, STAGES
from sources.adapters.tables import CodeTable, Meaning
from sources.adapters.told import AdapterOutput, Draft, Ignored, PaymentStep, RefuseError

SANDBOX = "sandbox.paypal.com"


class WebhookContext(NamedTuple):
    """What a webhook says besides its resource: its type, and when it was made."""

    type: str
    said: datetime | None
    unit: PayloadReader | None = None
    """The part of a PayPal order in which the resource stands, if it does."""


def read(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """An event or a list of events."""
    if doc.has("event_type"):
        yield from _event(doc, say)
    elif doc.has("events"):
        yield from say.each(doc.each("events"), lambda one: _event(one, say))
    elif doc.has("debug_id") or doc.has("error"):
        raise RefuseError("not_a_report", "an error answer")
    else:
        raise RefuseError("unknown_form", "no webhook event of PayPal")


def _event(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    type_ = doc.need_text("event_type")
    say.kind(type_)
    parts = type_.split(".")
    area = next((name for name in (".".join(parts[:2]), parts[0]) if AREAS.get(name) is not None), None)
    meaning = say.code(EVENTS, type_) if area is None else say.code(AREAS, area)
    if meaning is None:
        raise RefuseError("unknown_form", "an event whose type is in no table")
    if meaning.ignored:
        yield Ignored(type_, meaning.why)
        return
    say.test_mode(is_test=_sandbox(doc) or _sandbox(doc.get("resource")))
    news = WebhookContext(type_, at(doc, "create_time"))
    resource = doc.need("resource")
    match parts[0], parts[1]:
        case "CUSTOMER", _:
            yield from _disputes(resource, say, news)
        case "CHECKOUT", "PAYMENT-APPROVAL":
            yield _reversed_approval(resource, say, news)
        case "CHECKOUT", _:
            yield from _order(resource, say, news)
        case _, "AUTHORIZATION":
            yield _authorization(resource, say, news)
        case _, "CAPTURE" | "SALE" if parts[-1] not in ("REFUNDED", "REVERSED"):
            yield from _capture(resource, say, news)
        case _:
            yield from _refund(resource, say, news)


def _sandbox(doc: PayloadReader) -> bool:
    """Whether its links lead to the sandbox: events carry no other mark."""
    return any(f"{SANDBOX}/" in (one.text("href", longest=4_096) or "") for one in doc.each("links"))


def _order(doc: PayloadReader, say: EventBuilder, news: WebhookContext) -> Iterator[AdapterOutput]:
    """A PayPal order: the payments that stand in it."""
    if news.type == "CHECKOUT.ORDER.DECLINED":
        id_ = doc.need_id("id")
        yield _told(say, news._replace(unit=_unit(doc)), doc, "payment.failed", f"{id_}:failed", _changed(doc), {"payment_id": id_})
        return
    payments = False
    for unit in doc.each("purchase_units"):
        inside = news._replace(unit=unit)
        for name, read_one in (("authorizations", _reserved), ("captures", _capture), ("refunds", _refund)):
            items = list(unit.get("payments").each(name))
            payments = payments or bool(items)
            yield from say.each(items, partial(_item, read_one, say, inside))
    if not payments:
        yield Ignored(news.type, "no payment stands in it: nothing was reserved or taken")


def _item(
    read_one: Callable[[PayloadReader, EventBuilder, WebhookContext], Iterator[AdapterOutput]],
    say: EventBuilder,
    news: WebhookContext,
    doc: PayloadReader,
) -> Iterator[AdapterOutput]:
    yield from read_one(doc, say, news)


def _reserved(doc: PayloadReader, say: EventBuilder, news: WebhookContext) -> Iterator[AdapterOutput]:
    yield _authorization(doc, say, news)


def _unit(doc: PayloadReader) -> PayloadReader | None:
    """The part of a PayPal order that names the shop's order."""
    return next(doc.each("purchase_units"), None)


def _reversed_approval(doc: PayloadReader, say: EventBuilder, news: WebhookContext) -> Draft:
    id_ = doc.id("order_id") or doc.need_id("id")
    inside = news._replace(unit=_unit(doc))
    return _told(say, inside, doc, "payment.voided", f"{id_}:approval-reversed", news.said, {"payment_id": id_})


def _authorization(doc: PayloadReader, say: EventBuilder, news: WebhookContext) -> AdapterOutput:
    id_, data = doc.need_id("id"), {"payment_id": doc.id("id"), "amount": _amount(doc)}
    if news.type == "PAYMENT.AUTHORIZATION.VOIDED":
        return _told(say, news, doc, "payment.voided", f"{id_}:voided", _changed(doc), data)
    # In v1 a payment is pending, and its reason "AUTHORIZATION", for being reserved only.
    reserved = doc.text("reason_code") == "AUTHORIZATION"
    meaning = AUTHORIZATIONS.by_code["authorized"] if reserved else _meaning(say, AUTHORIZATIONS, doc)
    if meaning.ignored:
        return Ignored(news.type, meaning.why)
    match meaning.word:
        case "voided":
            return _told(say, news, doc, "payment.voided", f"{id_}:voided", _changed(doc), data)
        case "failed":
            return _told(say, news, doc, "payment.failed", f"{id_}:failed", _changed(doc), {"payment_id": id_, **_declined(doc, say)})
        case _:
            lapses = at(doc, "expiration_time") or at(doc, "valid_until")
            data["expires_at"] = None if lapses is None else stamp(lapses)
            return _told(say, news, doc, "payment.authorized", f"{id_}:authorized", at(doc, "create_time"), data)


def _capture(doc: PayloadReader, say: EventBuilder, news: WebhookContext) -> Iterator[AdapterOutput]:
    """A capture, or a sale (v1), which reserves and takes at once."""
    id_, meaning = doc.need_id("id"), _meaning(say, CAPTURES, doc)
    if meaning.ignored:
        yield Ignored(news.type, meaning.why)
        return
    reserved = doc.id("supplementary_data", "related_ids", "authorization_id") or _linked(doc, "authorization")
    data: dict[str, Any] = {"payment_id": reserved or id_, "order_alias": id_ if reserved else None}
    if meaning.word == "failed":
        why = _declined(doc, say)
        # A card that is declined at once was never reserved: that is the authorization. All else had been accepted before.
        refused = reserved is None and bool(doc.get("processor_response"))
        data |= {"stage": "authorization" if refused else "capture", **why}
        yield _told(say, news, doc, "payment.failed", f"{id_}:failed", _changed(doc), data)
        return
    final = doc.flag("final_capture") if doc.has("final_capture") else doc.flag("is_final_capture")
    # What was refunded since was changed since; what was not is as it was when it completed.
    when = _changed(doc) if (_status(doc) or "").casefold() == "completed" else at(doc, "create_time")
    # What is taken at once is always final, and says nothing of an order that may be paid in several ways.
    data |= {"amount": _amount(doc), "final": final if reserved else None}
    told = _told(say, news, doc, "payment.captured", f"{id_}:captured", when, data)
    yield told
    yield _step(id_, reserved, told)


def _step(step: str | None, follows: str | None, told: Draft) -> PaymentStep:
    """How an event is one of a payment: a capture follows its authorization, a refund or a dispute its capture."""
    at = datetime.fromisoformat(told["time"])
    return PaymentStep(step, follows, told["data"]["payment_id"], told["id"], told["source"], at)


def _refund(doc: PayloadReader, say: EventBuilder, news: WebhookContext) -> Iterator[AdapterOutput]:
    """A refund, or money that PayPal took back; v1 writes its amount with a minus."""
    id_ = doc.need_id("id")
    taken = doc.id("capture_id") or doc.id("sale_id") or _linked(doc, "capture") or _linked(doc, "sale")
    if taken is None and news.unit is None:
        raise RefuseError("unknown_form", "a refund that does not say of what")
    meaning = _meaning(say, REFUNDS, doc)
    if meaning.ignored:
        yield Ignored(news.type, meaning.why)
        return
    data: dict[str, Any] = {"payment_id": taken, "order_alias": taken}
    amount = _amount(doc, signed=True) if meaning.word != "failed" else None
    if amount is not None and is_zero(amount):
        yield Ignored(news.type, "no money was moved")
        return
    reason = "reversed" if news.type.endswith(".REVERSED") else None
    if meaning.word == "failed":
        told = _told(say, news, doc, "payment.failed", f"{id_}:failed", _changed(doc), data | {"stage": "refund"})
    else:
        data |= {"amount": amount, "reason": reason}
        told = _told(say, news, doc, "payment.refunded", f"{id_}:refunded", _changed(doc), data)
    yield told
    if taken is not None:
        yield _step(None, taken, told)


def _disputes(doc: PayloadReader, say: EventBuilder, news: WebhookContext) -> Iterator[AdapterOutput]:
    """A dispute, told of each payment that it is about; how much of several is contested is not said."""
    id_, stage = doc.need_id("dispute_id"), say.code(STAGES, doc.text("dispute_life_cycle_stage"))
    status = doc.text("status")
    closed = news.type == "CUSTOMER.DISPUTE.RESOLVED" or status == "RESOLVED"
    outcome = say.code(OUTCOMES, doc.get("dispute_outcome").text("outcome_code"))
    payments = list(doc.each("disputed_transactions"))
    word = stage.word if stage is not None else None
    opened = at(doc, "create_time") if news.type == "CUSTOMER.DISPUTE.CREATED" or word == "inquiry" else _changed(doc)
    amount = _amount(doc, "dispute_amount") if len(payments) < 2 else None
    for payment in payments or [doc]:
        taken = payment.id("seller_transaction_id")
        of = f"{id_}:{taken}" if len(payments) > 1 else id_
        data: dict[str, Any] = {"payment_id": taken, "order_alias": taken, "dispute_id": id_, "amount": amount}
        data |= {"reason": doc.text("reason"), "stage": word}
        inside = news._replace(unit=payment)
        if closed:
            data["outcome"] = None if outcome is None or outcome.ignored else outcome.word
            told = _told(say, inside, doc, "payment.dispute_closed", f"{of}:closed", _changed(doc), data)
        else:
            told = _told(say, inside, doc, "payment.disputed", f"{of}:{word or 'opened'}", opened, data)
        yield told
        if taken is not None:
            yield _step(None, taken, told)


def _status(doc: PayloadReader) -> str | None:
    """v2 writes a status, v1 a state."""
    return doc.text("status") or doc.text("state")


def _meaning(say: EventBuilder, table: CodeTable, doc: PayloadReader) -> Meaning:
    status = _status(doc)
    if status is None:
        raise RefuseError("missing_field", doc.get("status").path)
    meaning = say.code(table, status)
    if meaning is None:
        raise RefuseError("unmapped", f"{doc.get('status').path}: a status that is in no table")
    return meaning


def _declined(doc: PayloadReader, say: EventBuilder) -> dict[str, str | None]:
    """Why a card was declined; payments with PayPal itself do not say."""
    code = doc.get("processor_response").text("response_code")
    meaning = say.code(RESPONSES, code)
    return {"code": code or doc.get("status_details").text("reason"), "decline": None if meaning is None else meaning.word}


def _amount(doc: PayloadReader, name: str = "amount", *, signed: bool = False) -> Money | None:
    """v2 writes `value` and `currency_code`, v1 `total` and `currency`."""
    here = doc.get(name)
    if not here:
        return None
    value, code = ("value", "currency_code") if here.has("value") else ("total", "currency")
    return amount_of(here, value, currency(here.text(code), here.get(code).path), signed=signed)


def _changed(doc: PayloadReader) -> datetime | None:
    return at(doc, "update_time") or at(doc, "create_time")


def _linked(doc: PayloadReader, kind: str) -> str | None:
    """The ID of what a link leads to: `…/captures/ID`, as `up` of a refund (v2), `…/sale/ID` (v1)."""
    for one in doc.each("links"):
        parts = (one.text("href", longest=4_096) or "").split("?")[0].split("/")
        if one.text("rel") in ("up", kind) and len(parts) > 1 and parts[-2] in (kind, f"{kind}s") and parts[-1]:
            return identifier(parts[-1], one.get("href").path)
    return None


def _told(
    say: EventBuilder, news: WebhookContext, doc: PayloadReader, type_: str, id_: str, when: datetime | None, data: dict[str, Any]
) -> Draft:
    places = [doc, *([news.unit] if news.unit is not None else [])]
    payees = [payee for place in places for name in ("payee", "seller") if (payee := place.get(name)) and isinstance(payee.value, dict)]
    say.account = next((found for payee in payees if (found := payee.id("merchant_id"))), None)
    names = ("invoice_id", "invoice_number")
    order = next((found for place in places for name in names if (found := say.order_of(place, name))), None)
    happened = when or news.said
    if happened is None:
        raise RefuseError("missing_field", doc.get("create_time").path)
    return say.event(type_, id_, happened, data, order=order, recorded=news.said)


ADAPTER = Adapter(
    system="paypal",
    title="PayPal",
    forms="webhook events",
    parse=json_doc,
    read=read,
    tables=(EVENTS, AREAS, AUTHORIZATIONS, CAPTURES, REFUNDS, STAGES, OUTCOMES, RESPONSES),
    emits=(*PAYMENTS,),
    delivery="$.id",
    ignores=frozenset({"auto_capture", "headers", "zone"}),
)
