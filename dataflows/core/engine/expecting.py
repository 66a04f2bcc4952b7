"""When the rules that an event arms may become true."""

from __future__ import annotations

from dataflows.core.engine.order import Order
from dataflows.core.engine.triggers import Plan
from schemas.instants import FAR
from schemas.record import Record


def expect(order: Order, plan: Plan, record: Record) -> None:
    """Notes when the rules that an event arms may become true, and which are no longer to be waited for."""
    recheck_at = order.recheck_at
    at, now = record.at, record.log
    late = now - at
    for index in plan.met:
        # What is due now may have been true before it was met: it, and what was anchored there, came late.
        due = recheck_at.get(index)
        if due is not None and due > now:
            del recheck_at[index]
    for index, wait in plan.arm:
        due = at + wait if wait > late else now
        if due < recheck_at.get(index, FAR):
            recheck_at[index] = due
    for index, wait in plan.postpone:
        # A silence that ended before the rule could become true was none. What is due now may have begun further back.
        known = recheck_at[index]
        if now < known < at + wait:
            recheck_at[index] = at + wait
    for dated in plan.dated:
        date = order.dates.get(dated.date)
        if date is not None:
            instant = max(date + dated.wait, now)
            recheck_at[dated.index] = min(instant, recheck_at.get(dated.index, instant))
        elif dated.fallback is not None:
            recheck_at[dated.index] = max(at + dated.fallback, now)
