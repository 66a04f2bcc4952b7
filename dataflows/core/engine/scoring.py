"""The score of an exception: what each term gives under the weights of the policy, and what of it grows with time."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from dataflows.core.decisions.cases import NEW
from dataflows.core.engine.exceptions import ExceptionState
from dataflows.core.history.facts import Facts
from dataflows.core.policy.priority import Priority
from schemas.lateness import ScoreClock, grown

NOTHING: Final = Decimal(0)


class Worth(NamedTuple):
    """What an exception is about, in money and for whom, and until when the promise can still be kept: from when, until when (µs)."""

    amount: Decimal = NOTHING
    currency: str | None = None
    tier: str | None = None
    promise: tuple[int, int] | None = None


class Scored(NamedTuple):
    """The terms of a score, and the clock by which those grow that grow with time."""

    terms: dict[str, int]
    clock: ScoreClock


def scored(state: ExceptionState, worth: Worth, priority: Priority, now: int) -> Scored:
    """The score of an exception as of now, or as of its end.

    What is broken is the promise as long as it can be, else the exception's own deadline; what has neither has happened. Time is counted
    to the exception's own deadline, if it has one.
    """
    own = None if state.due is None else (state.begun, state.due)
    since, until = worth.promise or own or (None, None)
    due = state.due if state.due is not None else until
    clock = ScoreClock(since, until, due, priority.breach, priority.time_left, priority.lateness)
    case = state.work or NEW
    back = state.episode - 1 + case.reopenings + case.flaps
    terms = {
        "severity": priority.severity[state.severity],
        **grown(clock, now if state.end is None else state.end),
        "value": _value(priority, worth),
        "tier": priority.tiers.get((worth.tier or "").casefold(), 0),
        "blocking": priority.blocking if state.lane == "block" else 0,
        "reopenings": priority.reopenings * back // (back + 1),
    }
    return Scored(terms, clock)


def _value(priority: Priority, worth: Worth) -> int:
    """Half of the weight for the amount that the policy names, two thirds for twice that, and so on without end."""
    half = priority.half_at.get(worth.currency or "", priority.half_at["*"])
    return int(priority.value * worth.amount / (worth.amount + half)) if worth.amount > 0 else 0


def promise_of(facts: Facts) -> int | None:
    """When the earliest promise in force ends: the order's, else of its lines."""
    if facts.placed is None:
        return None
    fields = facts.fields
    if fields.promised_by:
        return facts.promise_deadline(fields.promised_by)
    return min((facts.promise_deadline(line.promised_by) for line in fields.lines or () if line.promised_by), default=None)


def at_stake(facts: Facts) -> tuple[int, int] | None:
    """From when until when the order's promise is to be kept; None where there is none, or nobody waits for it any more."""
    promise = promise_of(facts)
    if promise is None or facts.ended is not None or facts.delivered is not None:
        return None
    return facts.placed_at, promise
