"""Stripe: webhook events, and payment intents, charges, refunds, disputes and reviews as the API returns them, one or a list.

A dispute is told by its status: an inquiry (`warning_…`) is no chargeback until its status says so, and then it is told as one.
Whoever wants the order tied to every payment puts its ID into the intent's metadata (`order_id`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sources.adapters.base import PAYMENTS, Adapter, EventBuilder
from sources.adapters.bounds import latest
from sources.adapters.doc import PayloadReader, json_doc
from sources.adapters.moments import unix
from sources.adapters.money import currency, is_zero
from sources.adapters.stripe.codes import AREAS, DISPUTES, EVENTS, INTENTS, OBJECTS, REFUNDS
from sources.adapters.stripe.declines import ADVICE, DECLINES
from sources.adapters.stripe.payments import ORDER, EventContext, charge, expanded, intent, money, ref
from sources.adapters.told import AdapterOutput, Draft, Ignored, PaymentStep, RefuseError

NEVER_CAPTURED = "expired_uncaptured_charge"
"""The reason of a refund by which Stripe itself gives back what was reserved and never taken."""


def read(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """An event, an object, or a list of either."""
    name = doc.text("object")
    if name == "list":
        yield from say.each(doc.each("data"), lambda one: read(one, say))
    elif name == "event":
        yield from _event(doc, say)
    elif name is not None and name.startswith("v2."):
        raise RefuseError("not_a_report", "an event of version 2 names its object only")
    elif doc.has("error"):
        raise RefuseError("not_a_report", "an error answer")
    else:
        say.kind(name or "no object")
        yield from _object(doc, say, EventContext())


def _event(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    type_ = doc.need_text("type")
    say.kind(type_)
    area = type_.partition(".")[0]
    meaning = say.code(AREAS, area) if AREAS.get(area) is not None else say.code(EVENTS, type_)
    if meaning is None:
        raise RefuseError("unknown_form", "an event whose type is in no table")
    if meaning.ignored:
        yield Ignored(type_, meaning.why)
        return
    say.test_mode(is_test=doc.flag("livemode") is False)
    # Of Connect: the account that the event is about, where it is not the one that the webhook belongs to.
    say.account = doc.id("account")
    before = doc.get("data", "previous_attributes")
    news = EventContext(type_, unix(doc, "created"), before if isinstance(before.value, dict) else None)
    yield from _object(doc.need("data", "object"), say, news)


def _object(doc: PayloadReader, say: EventBuilder, news: EventContext) -> Iterator[AdapterOutput]:
    name = doc.need_text("object")
    meaning = say.code(OBJECTS, name)
    if meaning is None:
        raise RefuseError("unknown_form", "an object that is in no table")
    if meaning.ignored:
        yield Ignored(name, meaning.why)
        return
    say.test_mode(is_test=doc.flag("livemode") is False)
    match name:
        case "charge":
            yield from _charge(doc, say, news)
            yield from _intent_of_charge(say, news, doc.id("id"), ref(doc, "payment_intent"), unix(doc, "created"))
        case "payment_intent":
            yield from intent(doc, say, news)
            yield from _intent_of_charge(say, news, ref(doc, "latest_charge"), doc.id("id"), unix(doc, "created"))
        case "refund":
            yield from _refund(doc, say, news, None)
        case "dispute":
            yield from _dispute(doc, say, news)
        case _:
            yield _review(doc, say, news)


def _charge(doc: PayloadReader, say: EventBuilder, news: EventContext) -> Iterator[AdapterOutput]:
    """A charge, and the refunds that stand in it where there are any."""
    if news.type != "charge.refunded" or not doc.flag("captured"):
        yield from charge(doc, say, news)
    if not doc.flag("captured"):
        return
    refunds = [one for one in doc.each("refunds", "data") if not _rest(one, doc)]
    yield from say.each(refunds, lambda one: _refund(one, say, news, doc))
    if news.type == "charge.refunded" and not refunds:
        yield Ignored("charge.refunded", "does not hold its refunds (since 2022-11); refund.created tells them")


def _rest(refund: PayloadReader, parent: PayloadReader) -> bool:
    """Whether this is no refund but the rest of a reservation, which Stripe lists as one when less than all is captured."""
    taken, reserved = parent.number("amount_captured"), parent.number("amount")
    if taken is None or reserved is None or taken >= reserved:
        return False
    return refund.number("amount") == reserved - taken and refund.get("balance_transaction").value is None


def _refund(doc: PayloadReader, say: EventBuilder, news: EventContext, parent: PayloadReader | None) -> Iterator[AdapterOutput]:
    """A refund. One that fails after it had succeeded did not occur; `parent` is the charge in which it stands."""
    meaning = say.code(REFUNDS, doc.need_text("status"))
    if meaning is None:
        raise RefuseError("unmapped", f"{doc.get('status').path}: a status that is in no table")
    reason = doc.text("reason")
    if meaning.ignored or reason == NEVER_CAPTURED:
        yield Ignored(news.type or "refund", meaning.why or "gives back what was never captured; its charge or intent tells it")
        return
    id_, code = doc.need_id("id"), currency(doc.text("currency"), doc.get("currency").path)
    payment = ref(doc, "payment_intent") or (ref(parent, "payment_intent") if parent else None) or ref(doc, "charge")
    order = say.order_of(doc, *ORDER) or (say.order_of(parent, *ORDER) if parent else None)
    created, was = unix(doc, "created"), news.was("status")
    failed = meaning.word == "failed"
    # A refund that was made at once was made when it was created; one that moved on did so when the event says so.
    at = news.at(created) if failed or (was is not None and parent is None) else created
    if at is None:
        raise RefuseError("missing_field", f"{doc.get('created').path}: there is no telling when it {'failed' if failed else 'happened'}")
    if meaning.word == "refunded":
        amount = money(doc, "amount", code)
        if is_zero(amount):
            yield Ignored(news.type or "refund", "no money was moved")
            return
        data = {"payment_id": payment, "amount": amount, "reason": reason}
        yield say.event("payment.refunded", f"{id_}:refunded", at, data, order=order, recorded=news.said)
        yield from _of_charge(say, doc, payment, at, f"{id_}:refunded")
        return
    data = {"payment_id": payment, "stage": "refund", "code": doc.text("failure_reason")}
    yield say.event("payment.failed", f"{id_}:failed", at, data, order=order, recorded=news.said)
    yield from _of_charge(say, doc, payment, at, f"{id_}:failed")
    if was is None or was.text() == "succeeded":
        yield say.withdrawn("payment.refunded", f"{id_}:refunded", at, {"payment_id": payment}, order=order, recorded=news.said)
        yield from _of_charge(say, doc, payment, at, f"withdrawn-{id_}:refunded")


def _intent_of_charge(
    say: EventBuilder, news: EventContext, charged: str | None, payment: str | None, created: datetime | None
) -> Iterator[AdapterOutput]:
    """Which intent a charge is of, for refunds and disputes that name the charge only, as those of old API versions do."""
    at = news.said or created
    if charged is not None and payment is not None and at is not None:
        yield PaymentStep(charged, None, payment, f"{charged}:", say.source("payment.captured"), at)


def _of_charge(say: EventBuilder, doc: PayloadReader, payment: str | None, at: datetime, *events: str) -> Iterator[AdapterOutput]:
    """Which charge a refund or a dispute is of: where it does not name the intent, as the charge's own events do, that is remembered."""
    charged = ref(doc, "charge")
    if charged is not None and payment is not None:
        for event in events:
            yield PaymentStep(None, charged, payment, event, say.source("payment.refunded"), at)


def _dispute(doc: PayloadReader, say: EventBuilder, news: EventContext) -> Iterator[AdapterOutput]:
    meaning = say.code(DISPUTES, doc.need_text("status"))
    if meaning is None:
        raise RefuseError("unmapped", f"{doc.get('status').path}: a status that is in no table")
    state, stage, *outcome = meaning.words
    charged = expanded(doc, "charge")
    payment = ref(doc, "payment_intent") or (ref(charged, "payment_intent") if charged else None) or ref(doc, "charge")
    # Disputes had no ID of their own before 2014: a charge had one dispute at most.
    id_ = doc.id("id") or ref(doc, "charge")
    created = unix(doc, "created")
    if id_ is None or created is None:
        raise RefuseError("missing_field", doc.get("id" if id_ is None else "created").path)
    code = currency(doc.text("currency"), doc.get("currency").path)
    data = {
        "payment_id": payment,
        "dispute_id": doc.id("id"),
        "amount": money(doc, "amount", code),
        "reason": doc.text("reason"),
        "stage": stage,
        "outcome": outcome[0] if outcome else None,
    }
    order = say.order_of(doc, *ORDER) or (say.order_of(charged, *ORDER) if charged else None)
    if state == "closed":
        at = news.at(created)
        if at is None:
            raise RefuseError("missing_field", "created: a closed dispute by itself does not say when it was closed")
        event = f"{id_}:closed:{doc.need_text('status')}"
        yield say.event("payment.dispute_closed", event, at, data, order=order, recorded=news.said)
    else:
        at, event = _disputed_at(doc, stage, created, news), f"{id_}:{stage}"
        yield say.event("payment.disputed", event, at, data, order=order, recorded=news.said)
    yield from _of_charge(say, doc, payment, at, event)


def _disputed_at(doc: PayloadReader, stage: str, created: datetime, news: EventContext) -> datetime:
    """When an inquiry or a chargeback began.

    An inquiry that becomes a chargeback was created before. Its money is withdrawn at that time; until the balance transaction stands in
    it, only the event bounds it.
    """
    if stage != "chargeback" or news.type == "charge.dispute.created":
        return created
    withdrawn = next(doc.each("balance_transactions"), None)
    taken = unix(withdrawn, "created") if withdrawn is not None else None
    return taken or latest(created, news.said)


def _review(doc: PayloadReader, say: EventBuilder, news: EventContext) -> Draft:
    """A review by Radar. However it ends, nobody waits for it any longer; that the money went back is told by the refund or dispute."""
    id_, created, open_ = doc.need_id("id"), unix(doc, "created"), doc.flag("open")
    at = created if open_ else news.at(created)
    if at is None:
        raise RefuseError("missing_field", doc.get("created").path)
    charged, intended = expanded(doc, "charge"), expanded(doc, "payment_intent")
    order = next((found for one in (intended, charged) if one is not None and (found := say.order_of(one, *ORDER))), None)
    data = {"hold": "fraud", "hold_id": id_, "payment_id": ref(doc, "payment_intent") or ref(doc, "charge")}
    if open_:
        data["reason"] = doc.text("opened_reason")
        return say.event("order.hold_placed", f"{id_}:opened", at, data, order=order, recorded=news.said)
    return say.event("order.hold_released", f"{id_}:closed", at, data, order=order, recorded=news.said)


ADAPTER = Adapter(
    system="stripe",
    title="Stripe",
    forms="webhook events; payment intents, charges, refunds, disputes and reviews of the API",
    parse=json_doc,
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
