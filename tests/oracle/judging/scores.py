"""The score of an exception, as the catalogue (3b) says, under the built-in weights."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from tests.oracle.judging.reading import HOUR, NEVER, lines_of, mapping, money, text

if TYPE_CHECKING:
    from tests.oracle.judge import Verdict
    from tests.oracle.judging.facts import Order

SEVERITY = {"low": 100, "medium": 210, "high": 320, "critical": 430}
TIERS = {"vip": 100, "platinum": 100, "gold": 75, "premium": 75, "silver": 40}
HALF = {"INR": 15_000, "JPY": 30_000, "KRW": 250_000}
OF_MONEY = ("payment.amount_mismatch", "payment.partly_captured")


def stretch(length: int) -> int:
    """p(t): ten points for each doubling of one more than the whole hours, in proportion in between."""
    if length < 0:
        return 0
    hours = 1 + length // HOUR
    power = max(n for n in range(64) if 2**n <= hours)
    return min(99, math.floor(10 * (power + Fraction(hours - 2**power, 2**power))))


def promise(order: Order) -> tuple[int, int] | None:
    """From when until when the promise in force is to be kept, if somebody still waits for it."""
    if order.dlv < NEVER or order.x < NEVER:
        return None
    fields = order.latest
    stated = text(fields, "promised_by")
    lines = [line.promised_by for line in lines_of(fields) if line.promised_by]
    ends = [order.promise_deadline(stated)] if stated else [order.promise_deadline(line) for line in lines]
    return (order.placed, min(ends)) if ends else None


def terms(order: Order, one: Verdict, lane: str, back: int, now: int) -> dict[str, int]:
    """The terms at log time `now`. `lane` and `back` (how often it came back) are for others to judge."""
    fields = order.latest
    at = min(now, one.end)
    kept = promise(order)
    wait = kept or (None if one.due is None or one.begun is None else (one.begun, one.due))
    due = one.due if one.due is not None else (kept[1] if kept else None)
    breach = Fraction(1)
    if wait is not None and at < wait[1]:
        breach = Fraction(0) if at <= wait[0] else Fraction(at - wait[0], wait[1] - wait[0])
    total = money(fields, "total")
    amount, currency = (total.amount, total.currency) if total else (Decimal(0), None)
    if one.kind in OF_MONEY:
        told = [much for since, much in one.amounts if since <= min(now, one.end - 1)]
        amount, currency = told[-1], order.currency
    value = Fraction(0) if amount <= 0 else Fraction(amount) / (Fraction(amount) + HALF.get(currency or "", 200))
    tier = (text(mapping(fields, "customer"), "tier") or "").lower()
    return {
        "severity": SEVERITY[one.severity],
        "breach": math.floor(100 * breach),
        "time_left": 0 if due is None else math.floor(Fraction(50 * (99 - stretch(due - at)), 99)),
        "lateness": 0 if due is None else math.floor(Fraction(100 * stretch(at - due), 99)),
        "value": math.floor(120 * value),
        "tier": TIERS.get(tier, 0),
        "blocking": 50 if lane == "block" else 0,
        "reopenings": math.floor(Fraction(50 * (one.episode - 1 + back), one.episode + back)),
    }
