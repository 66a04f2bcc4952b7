"""Steps of severity that depend on the order: on one of its dates, on what it has come to or has not, on an amount of money.

They are found of each condition before it is merged with others, from what was known of the order just before the condition's end, so that
nothing that comes later changes how grave something was that is over.
"""

from __future__ import annotations

from typing import cast

from dataflows.core.clocks import Calendar
from dataflows.core.clocks.explain import length
from dataflows.core.history.facts import Facts
from dataflows.core.policy.setting import Severity, Step
from dataflows.core.rules.conditions import Condition, by_instant, count, rising
from dataflows.core.rules.dates import DEADLINES
from dataflows.core.rules.reading import Instant, reached
from dataflows.core.rules.vocabulary import Date, Milestone
from schemas.events import OrderPlaced
from schemas.instants import NEVER, earliest

REACHED: dict[str, Instant] = {
    "authorized": reached(Milestone.SECURED),
    **{one.value: reached(one) for one in (Milestone.CAPTURED, Milestone.ALLOCATED, Milestone.RELEASED, Milestone.PICKED)},
    **{one.value: reached(one) for one in (Milestone.PACKED, Milestone.SHIPPED, Milestone.DELIVERED)},
}
"""The milestones that a step may name."""
LINE, SHIPMENT = "line:", "shipment:"
OF_SHIPMENT = ("shipped", "delivered")


def graded(o: Facts, condition: Condition) -> None:
    """Adds the steps to a condition that its order makes it have, and whose it is by them."""
    steps: list[tuple[int, Severity]] = [*condition.steps]
    reasons: list[tuple[int, str]] = []
    for earliest_at, step in condition.pending:
        at, words = earliest_at, list[str]()
        if step.since in REACHED:
            come = _reached(o, condition, step.since)
            if come is None:
                continue
            at = max(at, count(_calendar(o, condition), come, step.at) + _grace(condition))
            words.append(f"{length(step.at)} after it was {step.since}")
        elif step.since:
            at = _dated(o, condition, step, at, words)
        if step.above:
            exceeded = _exceeded(o, condition, step, words)
            if exceeded is None:
                continue
            at = max(at, exceeded)
        if step.unless:
            met = _reached(o, condition, step.unless)
            if met is not None and met <= at:
                continue
            words.append(f"it had not been {step.unless}")
            if step.owner:
                _hand_on(o, condition, step, at, met)
        steps.append((at, step.severity))
        reasons.append((at, " and ".join(words)))
    condition.steps = rising(sorted(steps, key=by_instant))
    condition.reasons = tuple(reasons)


def _reached(o: Facts, condition: Condition, milestone: str) -> int | None:
    """When the order came to a milestone; of a shipment whether that left or arrived."""
    if milestone in OF_SHIPMENT and condition.scope is not None and condition.scope.startswith(SHIPMENT):
        shipment = o.shipment(condition.scope.removeprefix(SHIPMENT))
        return None if shipment is None else cast("int | None", getattr(shipment, milestone))
    return REACHED[milestone](o)


def _dated(o: Facts, condition: Condition, step: Step, at: int, words: list[str]) -> int:
    """When a step comes that is counted from a date of the order."""
    date = Date(step.since)
    named = date.value.replace("_", " ")
    stated = _date_of(o, condition, date)
    if stated is None:
        words.append(f"no {named} is known")
        return at
    deadline, text = stated
    words.append(f"{length(step.at)} {'before' if step.at.n < 0 else 'after'} {named} {text}")
    return max(at, count(_calendar(o, condition), deadline, step.at) + _grace(condition))


def _calendar(o: Facts, condition: Condition) -> Calendar:
    return o.calendar(condition.setting) if condition.trace is None else condition.trace.calendar


def _grace(condition: Condition) -> int:
    """By how much what it is counted from lies earlier: of what waits all instants lie the grace later, of a report only its beginning."""
    return 0 if condition.trace is None else condition.setting.grace.n


def _date_of(o: Facts, condition: Condition, date: Date) -> tuple[int, str] | None:
    """The date that counts for a condition, as it stood before its end: its line's own, else the order's, else the first of all lines'."""
    fields = _fields(o, condition)
    order, lines = cast("str | None", getattr(fields, date.value)), fields.lines or ()
    if condition.scope is not None and condition.scope.startswith(LINE):
        key = condition.scope.removeprefix(LINE)
        own = next((text for line in o.lines_called(fields, key) if (text := cast("str | None", getattr(line, date.value)))), None)
        order = own or order
    texts = (order,) if order else (cast("str | None", getattr(line, date.value)) for line in lines)
    return min(((DEADLINES[date](o, text), text) for text in texts if text), default=None)


def _fields(o: Facts, condition: Condition) -> OrderPlaced:
    """The order's fields as they stood just before a condition's end."""
    return o.fields if condition.end is None else o.fields_at(condition.end - 1) or o.fields


def _exceeded(o: Facts, condition: Condition, step: Step, words: list[str]) -> int | None:
    """From when on the difference, or else the order's total, exceeds the amount of a step; None if it does not, or is not known."""
    amounts = dict(step.above)
    limit = amounts.get(o.ledger.currency or "", amounts["*"])
    if condition.amounts:
        words.append(f"the difference is above {limit}")
        return next((at for at, amount in condition.amounts if amount > limit), None)
    words.append(f"the order's total is above {limit}")
    total = o.ledger.amount(_fields(o, condition).total)
    return NEVER if total is not None and total > limit else None


def _hand_on(o: Facts, condition: Condition, step: Step, at: int, met: int | None) -> None:
    """Makes a condition the team's that a step names, while what the step waits for has not come."""
    last = o.now if condition.end is None else min(o.now, condition.end - 1)
    if at > last:
        condition.look_again = earliest(condition.look_again, at)
    elif met is None or met > last:
        condition.owner = step.owner
