"""The escalation of a case that is overdue: along a ladder, rung by rung, each at an instant that is known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from msgspec.structs import replace

from dataflows.core.clocks import Calendar
from dataflows.core.clocks.openings import open_together
from dataflows.core.decisions.cases import CaseState
from dataflows.core.policy.model import Ladder, LadderStep

ACKNOWLEDGE, RESOLVE = "acknowledge", "resolve"
REASONS: Final = {ACKNOWLEDGE: "acknowledge_overdue", RESOLVE: "resolve_overdue"}
"""What a chain of rungs is gone along for, and how that is published."""


class Duty(NamedTuple):
    """What a ladder is gone along by: the calendar that its waits are counted by, and of a rung the calendars in which it goes out."""

    calendar: Calendar
    windows: Callable[[LadderStep, str], tuple[Calendar, ...]]


class Rung(NamedTuple):
    """The next rung: when it goes out, the place of the one after it, and whom it goes to."""

    at: int
    after: int
    to: tuple[str, str]


def planned(case: CaseState, ladder: Ladder | None, duty: Duty, team: str, now: int) -> CaseState:
    """The case with the instant at which it escalates next. `team`: whoever has it. An escalation whose reason has gone is over."""
    if case.opened is None or case.state == "resolved" or (case.chain == ACKNOWLEDGE and case.acknowledged is not None):
        case = replace(case, level=0, to=None, since=None, reason="", chain="", step=0, base=0)
    rung = None if ladder is None or case.opened is None or case.state == "resolved" else _next(case, ladder, duty, team)
    return replace(case, step_at=None if rung is None else max(rung[1].at, now))


def escalated(case: CaseState, ladder: Ladder, duty: Duty, team: str, now: int) -> CaseState:
    """The case after its next rung has gone out."""
    found = _next(case, ladder, duty, team)
    if found is None:
        return case
    chain, rung = found
    level = case.level + 1 if chain == case.chain else 1
    return replace(case, chain=chain, step=rung.after, base=rung.at, level=level, to=rung.to, since=now, reason=REASONS[chain])


def _next(case: CaseState, ladder: Ladder, duty: Duty, team: str) -> tuple[str, Rung] | None:
    """The next rung and what for: an exception that is not resolved in time goes before one that is not acknowledged in time."""
    found: list[tuple[int, str, Rung]] = []
    for chain, by in ((RESOLVE, None if case.paused is not None else case.resolve_by), (ACKNOWLEDGE, case.ack_by)):
        if by is None or (chain == ACKNOWLEDGE and (case.acknowledged is not None or case.chain == RESOLVE)):
            continue
        goes_on = case.chain == chain
        rung = next_rung(ladder, case.step if goes_on else 0, case.base if goes_on else by, duty, team)
        if rung is not None:
            found.append((rung.at, chain, rung))
    if not found:
        return None
    _, chain, rung = min(found, key=lambda one: one[0])
    return chain, rung


def next_rung(ladder: Ladder, place: int, base: int, duty: Duty, team: str) -> Rung | None:
    """The first rung from a place on that goes out; `base`: when the one before it did."""
    last = len(ladder.steps) * (ladder.repeat + 1) - 1
    while place <= last:
        step = ladder.steps[place % len(ladder.steps)]
        due = duty.calendar.add(base, step.wait)
        to = step.team or team
        at = open_together(due, duty.windows(step, to))
        if at is not None and (at == due or ladder.off_duty == "wait" or place == last):
            return Rung(at, place + 1, (to, step.role))
        place, base = place + 1, due
    return None
