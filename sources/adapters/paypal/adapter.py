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
from sources.adapters.moments import at, stamp
from sources.adapters.money import Money, amount_of, currency, is_zero
from sources.adapters.output import AdapterOutput, Draft, Ignored, PaymentStep, RefuseError
from sources.adapters.payload import PayloadReader, identifier, json_payload
from sources.adapters.paypal.codes import AREAS, AUTHORIZATIONS, CAPTURES, EVENTS, OUTCOMES, REFUNDS, RESPONSES, STAGES
from sources.adapters.tables import CodeTable, Meaning

SANDBOX = "sandbox.paypal.com"


class WebhookContext(NamedTuple):
    """What a webhook says besides its resource: its type, and when it was made."""

    type: str
    stated_at: datetime | None
    unit: PayloadReader | None = None
    """The part of a PayPal order in which the resource stands, if it does."""


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """An event or a list of events."""
    if payload.has("event_type"):
        yield from _event(payload, builder)
    elif payload.has("events"):
        yield from builder.each(payload.each("events"), lambda one: _event(one, builder))
    elif payload.has("debug_id") or payload.has("error"):
        raise RefuseError("not_a_report", "an error answer")
    else:
        raise RefuseError("unknown_form", "no webhook event of PayPal")


def _event(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    type_ = payload.need_text("event_type")
    builder.kind(type_)
    parts = type_.split(".")
    area = next((name for name in (".".join(parts[:2]), parts[0]) if AREAS.get(name) is not None), None)
    meaning = builder.code(EVENTS, type_) if area is None else builder.code(AREAS, area)
    if meaning is None:
        raise RefuseError("unknown_form", "an event whose type is in no table")
    if meaning.ignored:
        yield Ignored(type_, meaning.why)
        return
    builder.test_mode(is_test=_sandbox(payload) or _sandbox(payload.get("resource")))
    news = WebhookContext(type_, at(payload, "create_time"))
    resource = payload.need("resource")
    match parts[0], parts[1]:
        case "CUSTOMER", _:
            yield from _disputes(resource, builder, news)
        case "CHECKOUT", "PAYMENT-APPROVAL":
            yield _reversed_approval(resource, builder, news)
        case "CHECKOUT", _:
            yield from _order(resource, builder, news)
        case _, "AUTHORIZATION":
            yield _authorization(resource, builder, news)
        case _, "CAPTURE" | "SALE" if parts[-1] not in ("REFUNDED", "REVERSED"):
            yield from _capture(resource, builder, news)
        case _:
            yield from _refund(resource, builder, news)


def _sandbox(payload: PayloadReader) -> bool:
    """Whether its links lead to the sandbox: events carry no other mark."""
    return any(f"{SANDBOX}/" in (one.text("href", longest=4_096) or "") for one in payload.each("links"))


def _order(payload: PayloadReader, builder: EventBuilder, news: WebhookContext) -> Iterator[AdapterOutput]:
    """A PayPal order: the payments that stand in it."""
    if news.type == "CHECKOUT.ORDER.DECLINED":
        id_ = payload.need_id("id")
        yield _payment_event(
            builder, news._replace(unit=_unit(payload)), payload, "payment.failed", f"{id_}:failed", _changed(payload), {"payment_id": id_}
        )
        return
    payments = False
    for unit in payload.each("purchase_units"):
        inside = news._replace(unit=unit)
        for name, read_one in (("authorizations", _reserved), ("captures", _capture), ("refunds", _refund)):
            items = list(unit.get("payments").each(name))
            payments = payments or bool(items)
            yield from builder.each(items, partial(_item, read_one, builder, inside))
    if not payments:
        yield Ignored(news.type, "no payment stands in it: nothing was reserved or taken")


def _item(
    read_one: Callable[[PayloadReader, EventBuilder, WebhookContext], Iterator[AdapterOutput]],
    builder: EventBuilder,
    news: WebhookContext,
    payload: PayloadReader,
) -> Iterator[AdapterOutput]:
    yield from read_one(payload, builder, news)


def _reserved(payload: PayloadReader, builder: EventBuilder, news: WebhookContext) -> Iterator[AdapterOutput]:
    yield _authorization(payload, builder, news)


def _unit(payload: PayloadReader) -> PayloadReader | None:
    """The part of a PayPal order that names the shop's order."""
    return next(payload.each("purchase_units"), None)


def _reversed_approval(payload: PayloadReader, builder: EventBuilder, news: WebhookContext) -> Draft:
    id_ = payload.id("order_id") or payload.need_id("id")
    inside = news._replace(unit=_unit(payload))
    return _payment_event(builder, inside, payload, "payment.voided", f"{id_}:approval-reversed", news.stated_at, {"payment_id": id_})


def _authorization(payload: PayloadReader, builder: EventBuilder, news: WebhookContext) -> AdapterOutput:
    id_, data = payload.need_id("id"), {"payment_id": payload.id("id"), "amount": _amount(payload)}
    if news.type == "PAYMENT.AUTHORIZATION.VOIDED":
        return _payment_event(builder, news, payload, "payment.voided", f"{id_}:voided", _changed(payload), data)
    # In v1 a payment is pending, and its reason "AUTHORIZATION", for being reserved only.
    reserved = payload.text("reason_code") == "AUTHORIZATION"
    meaning = AUTHORIZATIONS.by_code["authorized"] if reserved else _meaning(builder, AUTHORIZATIONS, payload)
    if meaning.ignored:
        return Ignored(news.type, meaning.why)
    match meaning.term:
        case "voided":
            return _payment_event(builder, news, payload, "payment.voided", f"{id_}:voided", _changed(payload), data)
        case "failed":
            return _payment_event(
                builder,
                news,
                payload,
                "payment.failed",
                f"{id_}:failed",
                _changed(payload),
                {"payment_id": id_, **_declined(payload, builder)},
            )
        case _:
            lapses = at(payload, "expiration_time") or at(payload, "valid_until")
            data["expires_at"] = None if lapses is None else stamp(lapses)
            return _payment_event(builder, news, payload, "payment.authorized", f"{id_}:authorized", at(payload, "create_time"), data)


def _capture(payload: PayloadReader, builder: EventBuilder, news: WebhookContext) -> Iterator[AdapterOutput]:
    """A capture, or a sale (v1), which reserves and takes at once."""
    id_, meaning = payload.need_id("id"), _meaning(builder, CAPTURES, payload)
    if meaning.ignored:
        yield Ignored(news.type, meaning.why)
        return
    reserved = payload.id("supplementary_data", "related_ids", "authorization_id") or _linked(payload, "authorization")
    data: dict[str, Any] = {"payment_id": reserved or id_, "order_alias": id_ if reserved else None}
    if meaning.term == "failed":
        why = _declined(payload, builder)
        # A card that is declined at once was never reserved: that is the authorization. All else had been accepted before.
        refused = reserved is None and bool(payload.get("processor_response"))
        data |= {"stage": "authorization" if refused else "capture", **why}
        yield _payment_event(builder, news, payload, "payment.failed", f"{id_}:failed", _changed(payload), data)
        return
    final = payload.flag("final_capture") if payload.has("final_capture") else payload.flag("is_final_capture")
    # What was refunded since was changed since; what was not is as it was when it completed.
    when = _changed(payload) if (_status(payload) or "").casefold() == "completed" else at(payload, "create_time")
    # What is taken at once is always final, and says nothing of an order that may be paid in several ways.
    data |= {"amount": _amount(payload), "final": final if reserved else None}
    output = _payment_event(builder, news, payload, "payment.captured", f"{id_}:captured", when, data)
    yield output
    yield _step(id_, reserved, output)


def _step(step: str | None, follows: str | None, output: Draft) -> PaymentStep:
    """How an event is one of a payment: a capture follows its authorization, a refund or a dispute its capture."""
    at = datetime.fromisoformat(output["time"])
    return PaymentStep(step, follows, output["data"]["payment_id"], output["id"], output["source"], at)


def _refund(payload: PayloadReader, builder: EventBuilder, news: WebhookContext) -> Iterator[AdapterOutput]:
    """A refund, or money that PayPal took back; v1 writes its amount with a minus."""
    id_ = payload.need_id("id")
    taken = payload.id("capture_id") or payload.id("sale_id") or _linked(payload, "capture") or _linked(payload, "sale")
    if taken is None and news.unit is None:
        raise RefuseError("unknown_form", "a refund that does not say of what")
    meaning = _meaning(builder, REFUNDS, payload)
    if meaning.ignored:
        yield Ignored(news.type, meaning.why)
        return
    data: dict[str, Any] = {"payment_id": taken, "order_alias": taken}
    amount = _amount(payload, signed=True) if meaning.term != "failed" else None
    if amount is not None and is_zero(amount):
        yield Ignored(news.type, "no money was moved")
        return
    reason = "reversed" if news.type.endswith(".REVERSED") else None
    if meaning.term == "failed":
        output = _payment_event(builder, news, payload, "payment.failed", f"{id_}:failed", _changed(payload), data | {"stage": "refund"})
    else:
        data |= {"amount": amount, "reason": reason}
        output = _payment_event(builder, news, payload, "payment.refunded", f"{id_}:refunded", _changed(payload), data)
    yield output
    if taken is not None:
        yield _step(None, taken, output)


def _disputes(payload: PayloadReader, builder: EventBuilder, news: WebhookContext) -> Iterator[AdapterOutput]:
    """A dispute, told of each payment that it is about; how much of several is contested is not said."""
    id_, stage = payload.need_id("dispute_id"), builder.code(STAGES, payload.text("dispute_life_cycle_stage"))
    status = payload.text("status")
    closed = news.type == "CUSTOMER.DISPUTE.RESOLVED" or status == "RESOLVED"
    outcome = builder.code(OUTCOMES, payload.get("dispute_outcome").text("outcome_code"))
    payments = list(payload.each("disputed_transactions"))
    term = stage.term if stage is not None else None
    opened = at(payload, "create_time") if news.type == "CUSTOMER.DISPUTE.CREATED" or term == "inquiry" else _changed(payload)
    amount = _amount(payload, "dispute_amount") if len(payments) < 2 else None
    for payment in payments or [payload]:
        taken = payment.id("seller_transaction_id")
        of = f"{id_}:{taken}" if len(payments) > 1 else id_
        data: dict[str, Any] = {"payment_id": taken, "order_alias": taken, "dispute_id": id_, "amount": amount}
        data |= {"reason": payload.text("reason"), "stage": term}
        inside = news._replace(unit=payment)
        if closed:
            data["outcome"] = None if outcome is None or outcome.ignored else outcome.term
            output = _payment_event(builder, inside, payload, "payment.dispute_closed", f"{of}:closed", _changed(payload), data)
        else:
            output = _payment_event(builder, inside, payload, "payment.disputed", f"{of}:{term or 'opened'}", opened, data)
        yield output
        if taken is not None:
            yield _step(None, taken, output)


def _status(payload: PayloadReader) -> str | None:
    """v2 writes a status, v1 a state."""
    return payload.text("status") or payload.text("state")


def _meaning(builder: EventBuilder, table: CodeTable, payload: PayloadReader) -> Meaning:
    status = _status(payload)
    if status is None:
        raise RefuseError("missing_field", payload.get("status").path)
    meaning = builder.code(table, status)
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('status').path}: a status that is in no table")
    return meaning


def _declined(payload: PayloadReader, builder: EventBuilder) -> dict[str, str | None]:
    """Why a card was declined; payments with PayPal itself do not say."""
    code = payload.get("processor_response").text("response_code")
    meaning = builder.code(RESPONSES, code)
    return {"code": code or payload.get("status_details").text("reason"), "decline": None if meaning is None else meaning.term}


def _amount(payload: PayloadReader, name: str = "amount", *, signed: bool = False) -> Money | None:
    """v2 writes `value` and `currency_code`, v1 `total` and `currency`."""
    here = payload.get(name)
    if not here:
        return None
    value, code = ("value", "currency_code") if here.has("value") else ("total", "currency")
    return amount_of(here, value, currency(here.text(code), here.get(code).path), signed=signed)


def _changed(payload: PayloadReader) -> datetime | None:
    return at(payload, "update_time") or at(payload, "create_time")


def _linked(payload: PayloadReader, kind: str) -> str | None:
    """The ID of what a link leads to: `…/captures/ID`, as `up` of a refund (v2), `…/sale/ID` (v1)."""
    for one in payload.each("links"):
        parts = (one.text("href", longest=4_096) or "").split("?")[0].split("/")
        if one.text("rel") in ("up", kind) and len(parts) > 1 and parts[-2] in (kind, f"{kind}s") and parts[-1]:
            return identifier(parts[-1], one.get("href").path)
    return None


def _payment_event(
    builder: EventBuilder, news: WebhookContext, payload: PayloadReader, type_: str, id_: str, when: datetime | None, data: dict[str, Any]
) -> Draft:
    places = [payload, *([news.unit] if news.unit is not None else [])]
    payees = [payee for place in places for name in ("payee", "seller") if (payee := place.get(name)) and isinstance(payee.value, dict)]
    builder.account = next((found for payee in payees if (found := payee.id("merchant_id"))), None)
    names = ("invoice_id", "invoice_number")
    order = next((found for place in places for name in names if (found := builder.order_of(place, name))), None)
    happened = when or news.stated_at
    if happened is None:
        raise RefuseError("missing_field", payload.get("create_time").path)
    return builder.event(type_, id_, happened, data, order=order, recorded=news.stated_at)


ADAPTER = Adapter(
    system="paypal",
    title="PayPal",
    forms="webhook events",
    parse=json_payload,
    read=read,
    tables=(EVENTS, AREAS, AUTHORIZATIONS, CAPTURES, REFUNDS, STAGES, OUTCOMES, RESPONSES),
    emits=(*PAYMENTS,),
    delivery="$.id",
    ignores=frozenset({"auto_capture", "headers", "zone"}),
)
