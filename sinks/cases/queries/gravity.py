"""How grave an exception is at an instant, as an expression of the database: the same points that `schemas.lateness.as_of` counts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Text, case, literal_column

from schemas.instants import HOUR
from schemas.lateness import GREATEST, MOST, STANDS
from sinks.cases.expressions import Expression, Larger, Lesser, Micros
from sinks.cases.tables import exceptions

_E = exceptions.c


def score_at(at: Expression) -> Expression:
    """The score at an instant (µs), never less than was said; that of what is over, or has no clock, stands still."""
    since, until, due = Micros(_E.clock_since), Micros(_E.clock_until), Micros(_E.clock_due)
    breach = case(
        (_E.clock_until.is_(None) | (until <= at), _E.clock_breach),
        (_E.clock_since.is_(None) | (since >= at), _number(0)),
        else_=_E.clock_breach * (at - since) // (until - since),
    )
    time_left = case((_E.clock_due.is_(None), _number(0)), else_=_E.clock_time_left * (_number(MOST) - _points(due - at)) // _number(MOST))
    lateness = case((_E.clock_due.is_(None), _number(0)), else_=_E.clock_lateness * _points(at - due) // _number(MOST))
    said = _E.score_base + _E.score_breach + _E.score_time_left + _E.score_lateness
    grown = _E.score_base + Larger(_E.score_breach, breach) + Larger(_E.score_time_left, time_left) + Larger(_E.score_lateness, lateness)
    grows = _E.status.in_([literal_column(f"'{status}'", Text()) for status in sorted(STANDS)]) & _E.clock_breach.is_not(None)
    return case((grows, Lesser(_number(GREATEST), grown)), else_=Lesser(_number(GREATEST), said))


def _points(late: Expression) -> Expression:
    """Ten points for each doubling of the hours of a time (µs): see `schemas.lateness.points`."""
    hours = _number(1) + late // _number(HOUR)
    steps = [
        (late < _number(((2 << n) - 1) * HOUR), _number(10 * n) + _number(10) * (hours - _number(1 << n)) // _number(1 << n))
        for n in range(10)
    ]
    return case((late <= _number(0), _number(0)), *steps, else_=_number(MOST))


def _number(value: int) -> Expression:
    """A number as it is written: as a parameter, of which there would be a hundred, each takes its time with each statement."""
    return literal_column(str(value), BigInteger())
