"""Adyen: standard notifications as JSON, one item or a batch.

`payment_id` is the payment's own reference: of a modification `originalReference`, else `pspReference`. The order is `merchantReference`,
which the shop gives; one that gives captures and refunds references of their own says with `order_field` where the order's ID is.

By default Adyen captures at once and sends no CAPTURE then: the connection of such an account says `auto_capture`, so that being
authorised is being captured. Without it, only a payment that offers no capture among its `operations` is known to have been.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sources.adapters.adyen.codes import ACTIONS, ADVICE, EVENTS, EXPONENTS, REFUSALS, STATUSES
from sources.adapters.base import PAYMENTS, Adapter, EventBuilder
from sources.adapters.moments import need_at
from sources.adapters.money import Money, currency, decimal, is_zero, minor
from sources.adapters.output import AdapterOutput, Draft, Ignored, RefuseError
from sources.adapters.payload import PayloadReader, json_payload

MOST_PARTS = 20
"""Most means of payment of one order that are looked for; shops allow some few."""
_NUMBERED = re.compile(r"^\d+\s*:\s*")


class Item(NamedTuple):
    """What all events of one notification share."""

    payload: PayloadReader
    code: str
    success: bool
    psp: str
    payment: str
    order: str | None
    at: datetime
    amount: Money | None


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A request with its notification items."""
    if not payload.has("notificationItems"):
        raise RefuseError("unknown_form", "no standard notification of Adyen")
    is_test = payload.flag("live") is False
    yield from builder.each(
        payload.each("notificationItems"), lambda one: _item(one.get("NotificationRequestItem"), builder, is_test=is_test)
    )


def _item(payload: PayloadReader, builder: EventBuilder, *, is_test: bool) -> Iterator[AdapterOutput]:
    code = payload.need_text("eventCode")
    builder.kind(code)
    meaning = builder.code(EVENTS, code)
    if meaning is None:
        raise RefuseError("unknown_form", f"{payload.get('eventCode').path}: a code that is in no table")
    if meaning.ignored:
        yield Ignored(code, meaning.why)
        return
    builder.test_mode(is_test=is_test)
    builder.account = payload.id("merchantAccountCode")
    psp = payload.need_id("pspReference")
    success = payload.flag("success")
    if success is None:
        raise RefuseError("missing_field", payload.get("success").path)
    order = builder.order_of(payload, "merchantReference")
    item = Item(payload, code, success, psp, payload.id("originalReference") or psp, order, need_at(payload, "eventDate"), _amount(payload))
    step, *more = meaning.terms
    if step == "cancel-or-refund":
        action = builder.code(ACTIONS, payload.get("additionalData").need_text("modification.action"))
        if action is None:
            raise RefuseError("unmapped", f"{payload.get('additionalData').path}: an action that is in no table")
        step = action.term
    match step:
        case "authorisation":
            yield from _authorisation(builder, item)
        case "capture":
            yield _capture(builder, item)
        case "capture-failed":
            yield _event(builder, item, "payment.failed", f"{psp}:capture-failed", stage="capture", code=_reason(payload))
            # What is captured by itself was told under the payment's reference: there was no request to capture.
            yield _withdrawn(builder, item, f"{item.payment if builder.connection.auto_capture else psp}:captured", "payment.captured")
        case "cancel":
            yield _cancel(builder, item)
        case "refund":
            yield _refund(builder, item)
        case "refund-failed":
            yield _event(builder, item, "payment.failed", f"{psp}:refund-failed", stage="refund", code=_reason(payload))
            yield _withdrawn(builder, item, f"{psp}:refunded", "payment.refunded")
        case "order-closed":
            yield from _closed(builder, item)
        case "released":
            yield _event(builder, item, "order.hold_released", f"{item.payment}:reviewed", hold="fraud", hold_id=item.payment)
        case _:
            yield _dispute(builder, item, step, more[0])


def _authorisation(builder: EventBuilder, item: Item) -> Iterator[AdapterOutput]:
    """A payment was authorised or refused. Nothing was reserved by one of no amount, which only verifies a card."""
    payload, more = item.payload, item.payload.get("additionalData")
    if not item.success:
        code = _reason(payload)
        advice = more.text("merchantAdviceCode")
        judged = builder.code(ADVICE, advice[:2] if advice else None) or builder.code(REFUSALS, code)
        decline, attempt = judged.term if judged is not None else None, _attempt(more)
        yield _event(builder, item, "payment.failed", f"{item.psp}:refused", decline=decline, code=code, attempt=attempt)
        return
    if item.amount is not None and is_zero(item.amount):
        yield Ignored(item.code, "of no amount: a card was verified, nothing was reserved")
        return
    operations = [one.text() for one in payload.each("operations")]
    if builder.connection.auto_capture or (operations and "CAPTURE" not in operations):
        yield _event(builder, item, "payment.captured", f"{item.psp}:captured", amount=item.amount)
    else:
        yield _event(builder, item, "payment.authorized", f"{item.psp}:authorized", amount=item.amount)
    if more.flag("fraudManualReview"):
        yield _event(builder, item, "order.hold_placed", f"{item.payment}:review", hold="fraud", hold_id=item.payment)


def _attempt(more: PayloadReader) -> int | None:
    """Which try it was, where Adyen itself tries again (Auto Rescue)."""
    return more.quantity("retry.orderAttemptNumber")


def _capture(builder: EventBuilder, item: Item) -> AdapterOutput:
    """A capture; one that Adyen repeats after the card scheme had rejected it is another event than the one that did not occur."""
    if not item.success:
        return _event(builder, item, "payment.failed", f"{item.psp}:capture-failed", stage="capture", code=_reason(item.payload))
    if item.amount is not None and is_zero(item.amount):
        return Ignored(item.code, "of no amount")
    again = "recaptured" in (item.payload.text("reason") or "").lower()
    return _event(builder, item, "payment.captured", f"{item.psp}:{'recaptured' if again else 'captured'}", amount=item.amount)


def _cancel(builder: EventBuilder, item: Item) -> AdapterOutput:
    """A reservation was given back or ran out. What is asked for and refused leaves it as it was."""
    if not item.success and item.code != "EXPIRE":
        return Ignored(item.code, "the cancellation was refused: the reservation stands")
    # EXPIRE states all that had been authorised, though only what was not captured has expired.
    stated = item.amount is not None and not is_zero(item.amount) and item.code != "EXPIRE"
    amount = item.amount if stated else None
    return _event(builder, item, "payment.voided", f"{item.payment}:voided", amount=amount)


def _refund(builder: EventBuilder, item: Item) -> AdapterOutput:
    if not item.success:
        return _event(builder, item, "payment.failed", f"{item.psp}:refund-failed", stage="refund", code=_reason(item.payload))
    if item.amount is not None and is_zero(item.amount):
        return Ignored(item.code, "of no amount")
    return _event(builder, item, "payment.refunded", f"{item.psp}:refunded", amount=item.amount)


def _closed(builder: EventBuilder, item: Item) -> Iterator[AdapterOutput]:
    """An order of several means of payment was paid, or was not: then Adyen gives back by itself what had been paid of it.

    What that was stands in `additionalData` (`order-1-pspReference`, `order-1-paymentAmount`); where it does not, all of it went back.
    """
    if item.success:
        yield Ignored(item.code, "paid in full: each part is told by its AUTHORISATION")
        return
    yield _event(builder, item, "payment.failed", f"{item.psp}:closed", decline="soft", code=item.code)
    parts = [one for number in range(1, MOST_PARTS + 1) if (one := _part(item.payload.get("additionalData"), number)) is not None]
    for psp, amount in parts:
        data = {"payment_id": psp, "amount": amount, "reason": "order_closed"}
        yield builder.event("payment.refunded", f"{psp}:order-closed", item.at, data, order=item.order)
    if not parts:
        yield _event(builder, item, "payment.refunded", f"{item.psp}:order-closed", reason="order_closed")


def _part(more: PayloadReader, number: int) -> tuple[str, Money] | None:
    """One means of payment of an order that was closed: its reference, and what was paid with it (`EUR 30.00`)."""
    psp, paid = more.id(f"order-{number}-pspReference"), more.text(f"order-{number}-paymentAmount")
    if psp is None or paid is None:
        return None
    where = more.get(f"order-{number}-paymentAmount").path
    code, _, amount = paid.partition(" ")
    found = decimal(amount.strip(), currency(code, where), where)
    return None if is_zero(found) else (psp, found)


def _dispute(builder: EventBuilder, item: Item, state: str, term: str) -> AdapterOutput:
    """A step of a dispute, all of which carry its reference. A chargeback that is announced and then made is one fact."""
    more = item.payload.get("additionalData")
    status = builder.code(STATUSES, more.text("disputeStatus"))
    reason = more.text("chargebackReasonCode") or more.text("rfiReasonCode") or _reason(item.payload)
    data: dict[str, Any] = {"dispute_id": item.psp, "amount": item.amount, "reason": reason}
    if state == "open":
        stage = "inquiry" if term == "inquiry" else "chargeback"
        return _event(builder, item, "payment.disputed", f"{item.psp}:{term}", stage=stage, **data)
    if term == "won" and status is not None and status.term == "open":
        return Ignored(item.code, "defended, but the issuer may still answer")
    outcome = status.term if status is not None and status.term != "open" else term
    return _event(builder, item, "payment.dispute_closed", f"{item.psp}:{outcome}", outcome=outcome, **data)


def _amount(payload: PayloadReader) -> Money | None:
    here = payload.get("amount")
    units = here.number("value")
    if units is None:
        return None
    return minor(units, currency(here.text("currency"), here.get("currency").path), here.get("value").path, EXPONENTS)


def _reason(payload: PayloadReader) -> str | None:
    """Why, in Adyen's words, without the number that may stand before them (`2 : Refused`)."""
    reason = payload.text("reason")
    return None if reason is None else _NUMBERED.sub("", reason) or None


def _event(builder: EventBuilder, item: Item, type_: str, id_: str, **data: Any) -> Draft:
    return builder.event(type_, id_, item.at, {"payment_id": item.payment, **data}, order=item.order)


def _withdrawn(builder: EventBuilder, item: Item, id_: str, type_: str) -> AdapterOutput:
    """What was said to have succeeded failed afterwards: it did not occur."""
    return builder.withdrawn(type_, id_, item.at, {"payment_id": item.payment}, order=item.order)


ADAPTER = Adapter(
    system="adyen",
    title="Adyen",
    forms="standard notifications (JSON)",
    parse=json_payload,
    read=read,
    tables=(EVENTS, ACTIONS, STATUSES, REFUSALS, ADVICE),
    emits=(
        *PAYMENTS,
        "order.hold_placed",
        "order.hold_released",
        "evidence.withdrawn",
    ),
    scheme="adyen",
    ignores=frozenset({"headers", "zone"}),
)
