"""Payment kinds that no form says."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import cast

from dataflows.core.history.disputes import closes
from dataflows.core.history.facts import Facts
from dataflows.core.history.ledger import GOODWILL, Period
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import signal, timeout
from dataflows.core.rules.structs import Found
from schemas.events import Payment, PaymentDispute, PaymentFailed, PaymentRefunded
from schemas.instants import NEVER, earliest
from schemas.record import Record


def _scope(payment_id: str | None) -> str | None:
    return f"payment:{payment_id}" if payment_id else None


def disputed_in_flight(o: Facts, s: RuleSetting) -> Found:
    closings = o.t.of("payment.dispute_closed")
    for record in o.t.of("payment.disputed"):
        data = cast("PaymentDispute", record.event.data)
        if o.delivered is not None and o.delivered <= record.at:
            continue
        clears = [r.at for r in closings[bisect_left(closings, record.at, key=_instant) :] if closes(r, data)]
        severity = s.minor_severity if data.stage == "inquiry" else None
        yield signal(o, s, record, clears=clears, lifted=o.cancelled, scope=_scope(data.payment_id), severity=severity)


def _instant(record: Record) -> int:
    return record.at


def chargeback_lost(o: Facts, s: RuleSetting) -> Found:
    """The money went back, until the customer pays again, the dispute is won after all, or the order is cancelled."""
    ledger = o.ledger
    untold = ledger.untold()
    for loss in ledger.losses:
        paid = (
            record.at
            for record in ledger.captures
            if record.at > loss.at
            and (
                (untold is not None and untold <= record.at)
                or (owed := ledger.owed(record.at)) is None
                or ledger.paid(record.at) >= owed - ledger.tolerance
            )
        )
        clears = (next(paid, None), None if loss.reversed is None else loss.reversed.at)
        yield signal(o, s, loss.record, clears=clears, lifted=o.cancelled, scope=_scope(loss.payment_id))


def _while_wanted(o: Facts, periods: Iterable[Period], *, placed: bool = True) -> Iterator[tuple[Period, int | None]]:
    """The parts of periods in which the order was wanted, and when it was cancelled if that ends a part.

    `placed`: whether what began before the placing begins with it; a shop's clock may be behind the payment provider's.
    """
    for since, until, record in periods:
        for number, life in enumerate(o.lives):
            begun = max(since, life.since) if number or placed else since
            if (until is None or begun < until) and (life.until is None or begun < life.until):
                yield Period(begun, until, record if begun == since else life.record), life.until


def amount_mismatch(o: Facts, s: RuleSetting) -> Found:
    """It stops an order that is under way; once that has been delivered, money alone is to be put right."""
    for period, over in _while_wanted(o, o.ledger.over()):
        since, until, record = period
        condition = signal(o, s, record, at=since, clears=(until,), lifted=earliest(o.cancelled, over))
        if condition is not None:
            condition.amounts = o.ledger.differences(period, short=False)
            if o.delivered is not None and (condition.end is None or o.delivered < condition.end):
                condition.lane = s.minor_lane
        yield condition


def refund_exceeds_capture(o: Facts, s: RuleSetting) -> Found:
    for since, until, record in o.ledger.overdrawn():
        yield signal(o, s, record, at=since, clears=(until,))


def failed_refund(data: object, _: RuleSetting) -> bool:
    """Whether an event rules out by itself that a refund failed."""
    return cast("PaymentFailed", data).stage != "refund"


def refund_failed(o: Facts, s: RuleSetting) -> Found:
    """Until the money went back: of that payment, in another way (by a payment that paid nothing, if it is known which did), or all."""
    refunds, paying = o.t.of("payment.refunded"), _paying(o)
    for record in o.t.of("payment.failed"):
        data = cast("PaymentFailed", record.event.data)
        if data.stage != "refund":
            continue
        clears: list[int | None] = []
        for r in refunds[bisect_left(refunds, record.at, key=_instant) :]:
            refund = cast("PaymentRefunded", r.event.data)
            other_way = data.payment_id in paying and refund.payment_id not in paying and refund.reason != GOODWILL
            if other_way or _same(refund.payment_id, data.payment_id):
                clears.append(r.at)
        kept = next((period for period in o.ledger.kept() if period.since <= record.at and _lasts(period, record.at)), None)
        yield signal(*(o, s, record), clears=(*clears, kept.until if kept else None), scope=_scope(data.payment_id), detail=data.code or "")


def _paying(o: Facts) -> set[str | None]:
    """The payments by which anything was paid, or was to be."""
    return {cast("Payment", r.event.data).payment_id for r in o.t.of("payment.authorized", "payment.captured")}


def _lasts(period: Period, at: int) -> bool:
    return period.until is None or at < period.until


def _same(one: str | None, other: str | None) -> bool:
    """Whether two events may be of one payment: one that names none may be of any."""
    return one is None or other is None or one == other


def _cancelled(o: Facts) -> list[tuple[int, int | None]]:
    """From when until when the order was cancelled: until it was wanted again."""
    gaps: list[tuple[int, int | None]] = [(one.until, other.since) for one, other in pairwise(o.lives) if one.until is not None]
    return gaps if o.cancelled is None else [*gaps, (o.cancelled, None)]


def captured_after_cancel(o: Facts, s: RuleSetting) -> Found:
    for cancelled, again in _cancelled(o):
        for since, until, _ in o.ledger.kept():
            for record in o.ledger.captures:
                if record.at > cancelled and since <= record.at and (until is None or record.at < until):
                    payment_id = cast("Payment", record.event.data).payment_id
                    yield signal(o, s, record, clears=(until,), lifted=again, scope=_scope(payment_id))


def cancelled_not_refunded(o: Facts, s: RuleSetting) -> Found:
    for cancelled, again in _cancelled(o):
        for since, until, record in o.ledger.kept():
            if (until is not None and until <= cancelled) or (again is not None and again <= since):
                continue
            late = since > cancelled
            evidence = (record,) if late else tuple(r for r in o.t.of("order.cancelled") if r.at <= cancelled)[-1:]
            label = "captured" if late else "cancelled"
            yield timeout(s, o.calendar(s), max(since, cancelled), label, evidence, met=until, lifted=again)


def partly_captured(o: Facts, s: RuleSetting) -> Found:
    """Of a prepaid order from the capture on that left something open; of one that is paid on shipment once all has left."""
    floor, word_of_floor = (o.shipped, "shipped") if o.paid_on == "on_ship" else (NEVER, "captured")
    if floor is None:
        return
    parts = o.ledger.unexplained(o.ledger.short())
    if len(o.lives) > 1:
        ended = [(part, earliest(o.ended, over)) for part, over in _while_wanted(o, parts, placed=False)]
    else:
        ended = [(part, o.ended) for part in parts]
    for (since, until, record), over in ended:
        word = "captured" if record.event.type == "payment.captured" else "owed"
        anchor, label = (since, word) if since >= floor else (floor, word_of_floor)
        condition = timeout(s, o.calendar(s), anchor, label, (record,), met=until, lifted=over)
        if condition is not None:
            condition.amounts = o.ledger.differences(Period(since, until, record), short=True)
        yield condition
