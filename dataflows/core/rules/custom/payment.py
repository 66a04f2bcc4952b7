"""Payment kinds that no form says."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from decimal import Decimal
from typing import cast

from dataflows.core.history.facts import Facts
from dataflows.core.history.money import amount
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import signal
from dataflows.core.rules.structs import Found
from schemas.events import OrderPlaced, Payment, PaymentDispute, PaymentRefunded
from schemas.record import Record


def disputed_in_flight(o: Facts, s: RuleSetting) -> Found:
    closings = o.t.of("payment.dispute_closed")
    for record in o.t.of("payment.disputed"):
        data = cast("PaymentDispute", record.event.data)
        if o.delivered is not None and o.delivered <= record.at:
            continue
        clears = [r.at for r in closings[bisect_left(closings, record.at, key=_instant) :] if _closes(r, data)]
        severity = s.minor_severity if data.stage == "inquiry" else None
        scope = f"payment:{data.payment_id}" if data.payment_id else None
        yield signal(o, s, record, clears=clears, lifted=o.cancelled, scope=scope, severity=severity)


def _instant(record: Record) -> int:
    return record.at


def _closes(closing: Record, disputed: PaymentDispute) -> bool:
    """Whether a closing is of this dispute; where one of the two names none, of this payment."""
    closed = cast("PaymentDispute", closing.event.data)
    if closed.dispute_id and disputed.dispute_id:
        return closed.dispute_id == disputed.dispute_id
    return closed.payment_id == disputed.payment_id


def _differs(o: Facts) -> Iterable[tuple[int, bool, Record]]:
    """After every event that moves the balance: whether captured (net of refunds) is above, or a final capture below the total."""
    fields_at: list[tuple[int, int, OrderPlaced | None, Record]] = [(at, 0, fields, record) for fields, at, record in o.versions]
    moves = [(r.at, 1, None, r) for r in o.t.of("payment.captured", "payment.refunded") if r.at >= o.placed_at]
    currency = o.fields.total.currency if o.fields.total else None
    before = [r for r in o.t.of("payment.captured", "payment.refunded") if r.at < o.placed_at]
    captures = [cast("Payment", r.event.data) for r in o.t.of("payment.captured")]
    foreign = any(c.amount and c.amount.currency != currency for c in captures)
    judged_short = not foreign and not o.t.of("order.cancelled")
    captured = refunded = Decimal(0)
    final = False
    total: Decimal | None = None
    steps = sorted([*fields_at, *moves], key=lambda step: (step[0], step[1], step[3].event.source, step[3].event.id))
    earlier: list[tuple[int, int, OrderPlaced | None, Record]] = [(o.placed_at, 1, None, record) for record in reversed(before)]
    steps = earlier + steps
    for position, (at, _, fields, record) in enumerate(steps):
        if fields is not None:
            total = Decimal(fields.total.amount) if fields.total and fields.total.currency == currency else None
        elif record.event.type == "payment.captured":
            payment = cast("Payment", record.event.data)
            captured += amount(payment.amount) if payment.amount and payment.amount.currency == currency else 0
            final = final or payment.final is True
        else:
            refund = cast("PaymentRefunded", record.event.data)
            refunded += amount(refund.amount) if refund.amount and refund.amount.currency == currency else 0
        if position + 1 == len(steps) or steps[position + 1][0] > at:
            wrong = total is not None and (captured - refunded > total or (final and judged_short and captured < total))
            yield at, wrong, record


def amount_mismatch(o: Facts, s: RuleSetting) -> Found:
    began: Record | None = None
    since = 0
    for at, wrong, record in _differs(o):
        if wrong and began is None:
            began, since = record, at
        elif not wrong and began is not None:
            yield signal(o, s, began, at=since, clears=(at,), lifted=o.cancelled)
            began = None
    if began is not None:
        yield signal(o, s, began, at=since, lifted=o.cancelled)
