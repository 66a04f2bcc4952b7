"""Stripe: webhook events, and payment intents, charges, refunds, disputes and reviews as the API returns them, one or a list.

A dispute is told by its status: an inquiry (`warning_…`) is no chargeback until its status says so, and then it is told as one.
Whoever wants the order tied to every payment puts its ID into the intent's metadata (`order_id`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sources.adapters.base import PAYMENTS, Adapter, EventBuilder
from sources.adapters.bounds import latest
from sources.adapters.moments import unix
from sources.adapters.money import currency, is_zero
from sources.adapters.output import AdapterOutput, Draft, Ignored, PaymentStep, RefuseError
from sources.adapters.payload import PayloadReader, json_payload
from sources.adapters.stripe.codes import AREAS, DISPUTES, EVENTS, INTENTS, OBJECTS, REFUNDS
from sources.adapters.stripe.declines import ADVICE, DECLINES
from sources.adapters.stripe.payments import ORDER, EventContext, charge, expanded, intent, money, ref

NEVER_CAPTURED = "expired_uncaptured_charge"
"""The reason of a refund by which Stripe itself gives back what was reserved and never taken."""


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """An event, an object, or a list of either."""
    name = payload.text("object")
    if name == "list":
        yield from builder.each(payload.each("data"), lambda one: read(one, builder))
    elif name == "event":
        yield from _event(payload, builder)
    elif name is not None and name.startswith("v2."):
        raise RefuseError("not_a_report", "an event of version 2 names its object only")
    elif payload.has("error"):
        raise RefuseError("not_a_report", "an error answer")
    else:
        builder.kind(name or "no object")
        yield from _object(payload, builder, EventContext())


def _event(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    type_ = payload.need_text("type")
    builder.kind(type_)
    area = type_.partition(".")[0]
    meaning = builder.code(AREAS, area) if AREAS.get(area) is not None else builder.code(EVENTS, type_)
    if meaning is None:
        raise RefuseError("unknown_form", "an event whose type is in no table")
    if meaning.ignored:
        yield Ignored(type_, meaning.why)
        return
    builder.test_mode(is_test=payload.flag("livemode") is False)
    # Of Connect: the account that the event is about, where it is not the one that the webhook belongs to.
    builder.account = payload.id("account")
    before = payload.get("data", "previous_attributes")
    news = EventContext(type_, unix(payload, "created"), before if isinstance(before.value, dict) else None)
    yield from _object(payload.need("data", "object"), builder, news)


def _object(payload: PayloadReader, builder: EventBuilder, news: EventContext) -> Iterator[AdapterOutput]:
    name = payload.need_text("object")
    meaning = builder.code(OBJECTS, name)
    if meaning is None:
        raise RefuseError("unknown_form", "an object that is in no table")
    if meaning.ignored:
        yield Ignored(name, meaning.why)
        return
    builder.test_mode(is_test=payload.flag("livemode") is False)
    match name:
        case "charge":
            yield from _charge(payload, builder, news)
            yield from _intent_of_charge(builder, news, payload.id("id"), ref(payload, "payment_intent"), unix(payload, "created"))
        case "payment_intent":
            yield from intent(payload, builder, news)
            yield from _intent_of_charge(builder, news, ref(payload, "latest_charge"), payload.id("id"), unix(payload, "created"))
        case "refund":
            yield from _refund(payload, builder, news, None)
        case "dispute":
            yield from _dispute(payload, builder, news)
        case _:
            yield _review(payload, builder, news)


def _charge(payload: PayloadReader, builder: EventBuilder, news: EventContext) -> Iterator[AdapterOutput]:
    """A charge, and the refunds that stand in it where there are any."""
    if news.type != "charge.refunded" or not payload.flag("captured"):
        yield from charge(payload, builder, news)
    if not payload.flag("captured"):
        return
    refunds = [one for one in payload.each("refunds", "data") if not _rest(one, payload)]
    yield from builder.each(refunds, lambda one: _refund(one, builder, news, payload))
    if news.type == "charge.refunded" and not refunds:
        yield Ignored("charge.refunded", "does not hold its refunds (since 2022-11); refund.created tells them")


def _rest(refund: PayloadReader, parent: PayloadReader) -> bool:
    """Whether this is no refund but the rest of a reservation, which Stripe lists as one when less than all is captured."""
    taken, reserved = parent.number("amount_captured"), parent.number("amount")
    if taken is None or reserved is None or taken >= reserved:
        return False
    return refund.number("amount") == reserved - taken and refund.get("balance_transaction").value is None


def _refund(payload: PayloadReader, builder: EventBuilder, news: EventContext, parent: PayloadReader | None) -> Iterator[AdapterOutput]:
    """A refund. One that fails after it had succeeded did not occur; `parent` is the charge in which it stands."""
    meaning = builder.code(REFUNDS, payload.need_text("status"))
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('status').path}: a status that is in no table")
    reason = payload.text("reason")
    if meaning.ignored or reason == NEVER_CAPTURED:
        yield Ignored(news.type or "refund", meaning.why or "gives back what was never captured; its charge or intent tells it")
        return
    id_, code = payload.need_id("id"), currency(payload.text("currency"), payload.get("currency").path)
    payment = ref(payload, "payment_intent") or (ref(parent, "payment_intent") if parent else None) or ref(payload, "charge")
    order = builder.order_of(payload, *ORDER) or (builder.order_of(parent, *ORDER) if parent else None)
    created, was = unix(payload, "created"), news.was("status")
    failed = meaning.term == "failed"
    # A refund that was made at once was made when it was created; one that moved on did so when the event says so.
    at = news.at(created) if failed or (was is not None and parent is None) else created
    if at is None:
        raise RefuseError(
            "missing_field", f"{payload.get('created').path}: there is no telling when it {'failed' if failed else 'happened'}"
        )
    if meaning.term == "refunded":
        amount = money(payload, "amount", code)
        if is_zero(amount):
            yield Ignored(news.type or "refund", "no money was moved")
            return
        data = {"payment_id": payment, "amount": amount, "reason": reason}
        yield builder.event("payment.refunded", f"{id_}:refunded", at, data, order=order, recorded=news.stated_at)
        yield from _of_charge(builder, payload, payment, at, f"{id_}:refunded")
        return
    data = {"payment_id": payment, "stage": "refund", "code": payload.text("failure_reason")}
    yield builder.event("payment.failed", f"{id_}:failed", at, data, order=order, recorded=news.stated_at)
    yield from _of_charge(builder, payload, payment, at, f"{id_}:failed")
    if was is None or was.text() == "succeeded":
        yield builder.withdrawn("payment.refunded", f"{id_}:refunded", at, {"payment_id": payment}, order=order, recorded=news.stated_at)
        yield from _of_charge(builder, payload, payment, at, f"withdrawn-{id_}:refunded")


def _intent_of_charge(
    builder: EventBuilder, news: EventContext, charged: str | None, payment: str | None, created: datetime | None
) -> Iterator[AdapterOutput]:
    """Which intent a charge is of, for refunds and disputes that name the charge only, as those of old API versions do."""
    at = news.stated_at or created
    if charged is not None and payment is not None and at is not None:
        yield PaymentStep(charged, None, payment, f"{charged}:", builder.source("payment.captured"), at)


def _of_charge(builder: EventBuilder, payload: PayloadReader, payment: str | None, at: datetime, *events: str) -> Iterator[AdapterOutput]:
    """Which charge a refund or a dispute is of: where it does not name the intent, as the charge's own events do, that is remembered."""
    charged = ref(payload, "charge")
    if charged is not None and payment is not None:
        for event in events:
            yield PaymentStep(None, charged, payment, event, builder.source("payment.refunded"), at)


def _dispute(payload: PayloadReader, builder: EventBuilder, news: EventContext) -> Iterator[AdapterOutput]:
    meaning = builder.code(DISPUTES, payload.need_text("status"))
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('status').path}: a status that is in no table")
    state, stage, *outcome = meaning.terms
    charged = expanded(payload, "charge")
    payment = ref(payload, "payment_intent") or (ref(charged, "payment_intent") if charged else None) or ref(payload, "charge")
    # Disputes had no ID of their own before 2014: a charge had one dispute at most.
    id_ = payload.id("id") or ref(payload, "charge")
    created = unix(payload, "created")
    if id_ is None or created is None:
        raise RefuseError("missing_field", payload.get("id" if id_ is None else "created").path)
    code = currency(payload.text("currency"), payload.get("currency").path)
    data = {
        "payment_id": payment,
        "dispute_id": payload.id("id"),
        "amount": money(payload, "amount", code),
        "reason": payload.text("reason"),
        "stage": stage,
        "outcome": outcome[0] if outcome else None,
    }
    order = builder.order_of(payload, *ORDER) or (builder.order_of(charged, *ORDER) if charged else None)
    if state == "closed":
        at = news.at(created)
        if at is None:
            raise RefuseError("missing_field", "created: a closed dispute by itself does not say when it was closed")
        event = f"{id_}:closed:{payload.need_text('status')}"
        yield builder.event("payment.dispute_closed", event, at, data, order=order, recorded=news.stated_at)
    else:
        at, event = _disputed_at(payload, stage, created, news), f"{id_}:{stage}"
        yield builder.event("payment.disputed", event, at, data, order=order, recorded=news.stated_at)
    yield from _of_charge(builder, payload, payment, at, event)


def _disputed_at(payload: PayloadReader, stage: str, created: datetime, news: EventContext) -> datetime:
    """When an inquiry or a chargeback began.

    An inquiry that becomes a chargeback was created before. Its money is withdrawn at that time; until the balance transaction stands in
    it, only the event bounds it.
    """
    if stage != "chargeback" or news.type == "charge.dispute.created":
        return created
    withdrawn = next(payload.each("balance_transactions"), None)
    taken = unix(withdrawn, "created") if withdrawn is not None else None
    return taken or latest(created, news.stated_at)


def _review(payload: PayloadReader, builder: EventBuilder, news: EventContext) -> Draft:
    """A review by Radar. However it ends, nobody waits for it any longer; that the money went back is told by the refund or dispute."""
    id_, created, open_ = payload.need_id("id"), unix(payload, "created"), payload.flag("open")
    at = created if open_ else news.at(created)
    if at is None:
        raise RefuseError("missing_field", payload.get("created").path)
    charged, intended = expanded(payload, "charge"), expanded(payload, "payment_intent")
    order = next((found for one in (intended, charged) if one is not None and (found := builder.order_of(one, *ORDER))), None)
    data = {"hold": "fraud", "hold_id": id_, "payment_id": ref(payload, "payment_intent") or ref(payload, "charge")}
    if open_:
        data["reason"] = payload.text("opened_reason")
        return builder.event("order.hold_placed", f"{id_}:opened", at, data, order=order, recorded=news.stated_at)
    return builder.event("order.hold_released", f"{id_}:closed", at, data, order=order, recorded=news.stated_at)


ADAPTER = Adapter(
    system="stripe",
    title="Stripe",
    forms="webhook events; payment intents, charges, refunds, disputes and reviews of the API",
    parse=json_payload,
    read=read,
    tables=(EVENTS, AREAS, OBJECTS, INTENTS, REFUNDS, DISPUTES, DECLINES, ADVICE),
    emits=(
        *PAYMENTS,
        "order.hold_placed",
        "order.hold_released",
        "evidence.withdrawn",
    ),
    scheme="stripe",
    delivery="$.id",
    ignores=frozenset({"auto_capture", "headers", "zone"}),
)
