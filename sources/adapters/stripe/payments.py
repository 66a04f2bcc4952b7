"""What Stripe's payment intents and charges tell.

The same payment is reported by its intent and by its charge. Event IDs are made from the charge, which both name, so that it is told once;
`payment_id` is the intent's ID, or the charge's where there is no intent. An event says that something happened when it was
created; an object by itself says so only where its own `created` is that time. What was captured later, or given back, is
told by the event about it, never by another event in which the charge merely stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from sources.adapters.base import EventBuilder, digest
from sources.adapters.moments import stamp, unix
from sources.adapters.money import Money, currency, minor
from sources.adapters.output import AdapterOutput, Draft, Ignored, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.stripe.codes import EXPONENTS, INTENTS
from sources.adapters.stripe.declines import ADVICE, DECLINES

ORDER = ("metadata", "order_id")
"""Where shops put the order's ID; a connection's `order_field` says otherwise."""


class EventContext(NamedTuple):
    """What an event says besides its object; for an object by itself all is None.

    `before` holds what its fields were before the event (`previous_attributes`).
    """

    type: str | None = None
    stated_at: datetime | None = None
    before: PayloadReader | None = None

    def at(self, created: datetime | None) -> datetime | None:
        """When it happened: when the event was created, though never before its object (documentation samples are)."""
        if self.stated_at is None or created is None:
            return self.stated_at
        return max(self.stated_at, created)

    def was(self, name: str) -> PayloadReader | None:
        """A field as it was before the event; None if the event did not change it."""
        return self.before.get(name) if self.before is not None and self.before.has(name) else None


class Paid(NamedTuple):
    """What all events of one charge share. `charge` is None for a failure before there was one."""

    charge: str | None
    payment: str
    order: str | None
    code: str
    """The currency."""


def ref(payload: PayloadReader, name: str) -> str | None:
    """The ID in a field that holds either an ID or the object itself ("expanded")."""
    below = expanded(payload, name)
    return payload.id(name) if below is None else below.id("id")


def expanded(payload: PayloadReader, name: str) -> PayloadReader | None:
    """The object in a field that may hold its ID only."""
    below = payload.get(name)
    return below if isinstance(below.value, dict) else None


def money(payload: PayloadReader, name: str, code: str) -> Money:
    """The amount in a field, in the currency's smallest unit as Stripe counts it."""
    units = payload.number(name)
    if units is None:
        raise RefuseError("missing_field", payload.get(name).path)
    return minor(units, code, payload.get(name).path, EXPONENTS)


def charge(payload: PayloadReader, builder: EventBuilder, news: EventContext) -> Iterator[AdapterOutput]:
    """A charge: taken, reserved, given back or failed."""
    earlier, reserved = news.was("amount_captured"), news.was("amount")
    if news.type == "charge.updated" and earlier is None and reserved is not None and payload.flag("captured") is False:
        yield _reserved_more(payload, builder, news, reserved)
        return
    if news.type == "charge.updated" and earlier is None:
        yield Ignored("charge.updated", "says neither that money was taken nor that it was given back")
        return
    id_ = payload.need_id("id")
    code = currency(payload.text("currency"), payload.get("currency").path)
    paid = Paid(id_, ref(payload, "payment_intent") or id_, builder.order_of(payload, *ORDER), code)
    status = payload.need_text("status")
    if status == "failed":
        outcome = payload.get("outcome")
        why = _judged(builder, outcome.text("advice_code"), outcome.text("reason") or payload.text("failure_code"))
        yield _failed(builder, paid, _need(news.at(unix(payload, "created")) or unix(payload, "created"), payload), why, news)
    elif status != "succeeded" or payload.flag("paid") is False:
        yield Ignored(news.type or "charge", "nothing is decided")
    elif payload.flag("captured"):
        yield _taken(payload, builder, paid, news, earlier)
    elif payload.flag("refunded"):
        # What was never captured is not refunded but given back.
        yield _event(
            builder,
            "payment.voided",
            paid,
            "voided",
            _need(news.at(unix(payload, "created")), payload),
            news,
            money(payload, "amount", code),
        )
    else:
        at = _need(unix(payload, "created"), payload)
        yield _event(
            builder, "payment.authorized", paid, "authorized", at, news, money(payload, "amount", code), {"expires_at": _expires(payload)}
        )


def _reserved_more(payload: PayloadReader, builder: EventBuilder, news: EventContext, before: PayloadReader) -> AdapterOutput:
    """What was reserved beyond the first amount (an incremental authorization), as when a customer adds something."""
    id_, code = payload.need_id("id"), currency(payload.text("currency"), payload.get("currency").path)
    now, was, where = payload.number("amount"), before.number(), payload.get("amount").path
    if now is None or was is None or now <= was:
        return Ignored("charge.updated", "says neither that money was taken nor that more was reserved")
    paid = Paid(id_, ref(payload, "payment_intent") or id_, builder.order_of(payload, *ORDER), code)
    at = _need(news.at(unix(payload, "created")), payload)
    more = {"expires_at": _expires(payload)}
    return _event(builder, "payment.authorized", paid, f"authorized:{now}", at, news, minor(now - was, code, where, EXPONENTS), more)


def _taken(payload: PayloadReader, builder: EventBuilder, paid: Paid, news: EventContext, earlier: PayloadReader | None) -> AdapterOutput:
    """What was captured: all of it at once, or, of a charge that may be captured several times, what this event says has been added."""
    # API versions before 2020-08 have no `amount_captured`, and copies of their charges a 0 that `captured` belies.
    field = "amount_captured" if payload.number("amount_captured") else "amount"
    total, several = payload.number(field), _several(payload)
    before = (earlier.number() if earlier is not None else None) or 0
    if total is None:
        raise RefuseError("missing_field", payload.get(field).path)
    if total <= before or (several and earlier is None):
        return Ignored(news.type or "charge", "does not say how much more was captured")
    amount = minor(total - before, paid.code, payload.get(field).path, EXPONENTS)
    step = f"captured:{total}" if before else "captured"
    final = _final(total, payload.number("amount")) if not several else None
    return _event(builder, "payment.captured", paid, step, _captured_at(payload, news), news, amount, {"final": final})


def _final(taken: int | None, asked: int | None) -> bool | None:
    """Whether a capture ended short of what was asked. One that took it all says nothing of an order that may be paid in several ways."""
    return True if taken is not None and asked is not None and taken < asked else None


def _captured_at(payload: PayloadReader, news: EventContext) -> datetime:
    """When a charge was captured. One that had waited for it tells by itself only with its balance transaction."""
    created, balance = unix(payload, "created"), expanded(payload, "balance_transaction")
    if news.stated_at is not None:
        return _need(news.at(created) or news.stated_at, payload)
    if balance is not None:
        return _need(unix(balance, "created"), balance)
    if _expires(payload) is not None:
        raise RefuseError(
            "missing_field", f"{payload.get('balance_transaction').path}: not expanded, so there is no telling when it was captured"
        )
    return _need(created, payload)


def intent(payload: PayloadReader, builder: EventBuilder, news: EventContext) -> Iterator[AdapterOutput]:
    """A payment intent: what it says of its latest charge."""
    status = payload.need_text("status")
    meaning = builder.code(INTENTS, status)
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('status').path}: a status that is in no table")
    if meaning.ignored:
        yield Ignored(news.type or "payment_intent", meaning.why)
        return
    id_ = payload.need_id("id")
    latest = _latest(payload)
    code = currency(payload.text("currency"), payload.get("currency").path)
    paid = Paid(ref(payload, "latest_charge") or (latest.id("id") if latest else None), id_, builder.order_of(payload, *ORDER), code)
    yield _INTENT_STEPS[meaning.term](payload, builder, paid, news, latest)


def _intent_captured(
    payload: PayloadReader, builder: EventBuilder, paid: Paid, news: EventContext, latest: PayloadReader | None
) -> AdapterOutput:
    if payload.get("payment_method_options", "card").text("request_multicapture") == "if_available":
        return Ignored(news.type or "payment_intent", "may have been captured several times; each is told by its charge")
    manual = payload.text("capture_method") == "manual"
    if news.stated_at is not None:
        at = news.at(unix(payload, "created"))
    else:
        at = _captured_at(latest, news) if latest is not None and not manual else None
    amount, final = money(payload, "amount_received", paid.code), _final(payload.number("amount_received"), payload.number("amount"))
    return _event(builder, "payment.captured", _charged(paid, payload), "captured", _need(at, payload), news, amount, {"final": final})


def _intent_authorized(
    payload: PayloadReader, builder: EventBuilder, paid: Paid, news: EventContext, latest: PayloadReader | None
) -> AdapterOutput:
    """The reservation, as its charge tells it. An intent that only names its charge knows neither amount nor end of the reservation.

    It tells no more than that there is one, under an ID of its own: if it came first, the end would be lost with the charge's event.
    """
    charged = _charged(paid, payload)
    if latest is None:
        return _event(builder, "payment.authorized", charged, "reserved", _need(news.at(unix(payload, "created")), payload), news, None)
    at, more = _need(unix(latest, "created"), latest), {"expires_at": _expires(latest)}
    return _event(builder, "payment.authorized", charged, "authorized", at, news, money(latest, "amount", paid.code), more)


def _intent_canceled(
    payload: PayloadReader, builder: EventBuilder, paid: Paid, news: EventContext, latest: PayloadReader | None
) -> AdapterOutput:
    """Only what had been reserved can be given back: the event says so, or the charge does."""
    was = news.was("status")
    reserved = was is not None and was.text() == "requires_capture"
    if latest is not None:
        reserved = reserved or (latest.text("status") == "succeeded" and latest.flag("captured") is False)
    if not reserved:
        return Ignored(news.type or "payment_intent", "nothing had been reserved")
    at = unix(payload, "canceled_at") or news.at(unix(payload, "created"))
    amount = money(latest, "amount", paid.code) if latest is not None else None
    return _event(builder, "payment.voided", _charged(paid, payload), "voided", _need(at, payload), news, amount)


def _intent_failed(
    payload: PayloadReader, builder: EventBuilder, paid: Paid, news: EventContext, latest: PayloadReader | None
) -> AdapterOutput:
    error = payload.get("last_payment_error")
    code = error.text("decline_code") or error.text("code")
    if code is None:
        return Ignored(news.type or "payment_intent", "nothing was tried yet")
    id_ = ref(error, "charge") or paid.charge
    at = news.at(unix(payload, "created"))
    if at is None and latest is not None and latest.id("id") == id_:
        at = unix(latest, "created")
    return _failed(builder, paid._replace(charge=id_), _need(at, payload), _judged(builder, error.text("advice_code"), code), news)


_INTENT_STEPS: Final = {
    "captured": _intent_captured,
    "authorized": _intent_authorized,
    "canceled": _intent_canceled,
    "failed": _intent_failed,
}


def _latest(payload: PayloadReader) -> PayloadReader | None:
    """The latest charge, where it stands in full: `latest_charge` expanded, or, before 2022-11, the first of `charges`."""
    return expanded(payload, "latest_charge") or next(payload.each("charges", "data"), None)


def _charged(paid: Paid, payload: PayloadReader) -> Paid:
    if paid.charge is None:
        raise RefuseError("missing_field", payload.get("latest_charge").path)
    return paid


class Reason(NamedTuple):
    """Why a payment failed: Stripe's most exact code, and whether another try may work, if that is known."""

    code: str | None
    decline: str | None


def _judged(builder: EventBuilder, advice: str | None, code: str | None) -> Reason:
    """What the card network says of another try counts before what the code usually means."""
    meaning, advised = builder.code(DECLINES, code), builder.code(ADVICE, advice)
    judged = advised or meaning
    return Reason(code, None if judged is None else judged.term)


def _failed(builder: EventBuilder, paid: Paid, at: datetime, why: Reason, news: EventContext) -> Draft:
    """A failed attempt. Which attempt it was is not told: neither a charge nor an intent counts them."""
    data = {"payment_id": paid.payment, "decline": why.decline, "code": why.code}
    # An attempt can fail before there is a charge, such as when the customer does not authenticate.
    id_ = f"{paid.charge}:failed" if paid.charge else f"{paid.payment}:failed:{digest(why.code, at)}"
    return builder.event("payment.failed", id_, at, data, order=paid.order, recorded=news.stated_at)


def _several(payload: PayloadReader) -> bool:
    """Whether a charge may be captured several times."""
    return payload.get("payment_method_details", "card").text("multicapture", "status") == "available"


def _expires(payload: PayloadReader) -> str | None:
    """When the reservation lapses; the field stands under the kind of means of payment."""
    details = payload.get("payment_method_details")
    kind = details.text("type")
    lapses = None if kind is None else unix(details, kind, "capture_before")
    return None if lapses is None else stamp(lapses)


def _need(at: datetime | None, payload: PayloadReader) -> datetime:
    if at is None:
        raise RefuseError("missing_field", f"{payload.get('created').path}: there is no telling when it happened")
    return at


def _event(
    builder: EventBuilder,
    type_: str,
    paid: Paid,
    step: str,
    at: datetime,
    news: EventContext,
    amount: Money | None,
    more: dict[str, Any] | None = None,
) -> Draft:
    data = {"payment_id": paid.payment, "amount": amount, **(more or {})}
    return builder.event(type_, f"{paid.charge}:{step}", at, data, order=paid.order, recorded=news.stated_at)
