"""The clocks of a case: by when it is to be acknowledged and resolved. They run while its exception is open, on business calendars.

What they allow is set when the exception opens, and again, never later than before, when its severity rises.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from dataflows.core.clocks import Calendar, Span
from dataflows.core.decisions.cases import CaseState
from dataflows.core.policy.setting import SEVERITIES


class Terms(Struct, frozen=True):
    """What a case is allowed: by severity the spans to acknowledge and to resolve it in, and the calendar that they are counted by."""

    acknowledge: dict[str, Span | None]
    resolve: dict[str, Span | None]
    calendar: Calendar


def opened(case: CaseState, severity: str, now: int, terms: Terms) -> CaseState:
    """A case whose exception has opened: both clocks begin. One that somebody had already need not be acknowledged again."""
    case = replace(case, opened=now, grade=severity, paused=now if case.state == "waiting" else None)
    return replace(case, ack_by=_by(terms.acknowledge, severity, now, terms), resolve_by=_by(terms.resolve, severity, now, terms))


def risen(case: CaseState, severity: str, now: int, terms: Terms) -> CaseState:
    """A case whose exception has become graver: what is allowed counts from now, but gives no more time than there was."""
    if SEVERITIES.index(severity) <= SEVERITIES.index(case.grade):
        return case
    if case.paused is not None:
        case = replace(resumed(case, now, terms), paused=now)
    case = replace(case, grade=severity)
    ack_by = _least(case.ack_by, _by(terms.acknowledge, severity, now, terms)) if case.acknowledged is None else case.ack_by
    return replace(case, ack_by=ack_by, resolve_by=_least(case.resolve_by, _by(terms.resolve, severity, now, terms)))


def resumed(case: CaseState, now: int, terms: Terms) -> CaseState:
    """A case that waits no longer: what has counted meanwhile is allowed again."""
    if case.paused is None:
        return case
    span = terms.resolve.get(case.grade)
    if case.resolve_by is None or span is None:
        return replace(case, paused=None)
    counted = terms.calendar.passed(case.paused, now, span.unit)
    base = terms.calendar.later(case.base, counted, span.unit) if case.chain == "resolve" else case.base
    return replace(case, paused=None, resolve_by=terms.calendar.later(case.resolve_by, counted, span.unit), base=base)


def stopped(case: CaseState) -> CaseState:
    """A case whose exception is not open any more. By when it was to be done stays, so that it can be seen whether it was."""
    return replace(case, opened=None, paused=None)


def _by(spans: dict[str, Span | None], severity: str, now: int, terms: Terms) -> int | None:
    span = spans.get(severity)
    return None if span is None else terms.calendar.add(now, span)


def _least(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)
