"""How grave an exception is at an instant, as an expression of the database: the same points that `schemas.lateness.as_of` counts."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, case
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from schemas.instants import HOUR
from schemas.lateness import GREATEST, MOST, STANDS

Number = ColumnElement[Any]


class Larger(GenericFunction[Any]):
    """The larger of two numbers."""

    name = "larger"
    inherit_cache = True
    type = BigInteger()


class Lesser(GenericFunction[Any]):
    """The lesser of two numbers."""

    name = "lesser"
    inherit_cache = True
    type = BigInteger()


@compiles(Larger)
def _larger(element: Larger, compiler: SQLCompiler, **more: Any) -> str:
    name = "max" if compiler.dialect.name == "sqlite" else "greatest"
    return f"{name}({compiler.process(element.clauses, **more)})"


@compiles(Lesser)
def _lesser(element: Lesser, compiler: SQLCompiler, **more: Any) -> str:
    name = "min" if compiler.dialect.name == "sqlite" else "least"
    return f"{name}({compiler.process(element.clauses, **more)})"


class ScoreColumns(NamedTuple):
    """The columns that a score is counted from: what was said (`base` without the terms that grow), and its clock (instants: µs)."""

    status: Number
    base: Number
    breach: Number
    time_left: Number
    lateness: Number
    since: Number
    until: Number
    due: Number
    most_breach: Number
    most_time_left: Number
    most_lateness: Number


def score_at(columns: ScoreColumns, now: Number) -> Number:
    """The score at an instant (µs), never less than was said; that of what is over stands still."""
    passed = now - columns.since
    breach = case(
        (columns.until.is_(None) | (columns.until <= now), columns.most_breach),
        (columns.since.is_(None) | (columns.since >= now), 0),
        else_=columns.most_breach * passed // (columns.until - columns.since),
    )
    left, late = columns.due - now, now - columns.due
    time_left = case((columns.due.is_(None), 0), else_=columns.most_time_left * (MOST - _points(left)) // MOST)
    lateness = case((columns.due.is_(None), 0), else_=columns.most_lateness * _points(late) // MOST)
    grown = (
        columns.base + Larger(columns.breach, breach) + Larger(columns.time_left, time_left) + Larger(columns.lateness, lateness)
    )
    said = columns.base + columns.breach + columns.time_left + columns.lateness
    return Lesser(GREATEST, case((columns.status.in_(STANDS), grown), else_=said))


def _points(late: Number) -> Number:
    """Ten points for each doubling of the hours of a time: see `schemas.lateness.points`."""
    hours = 1 + late // HOUR
    steps = [(late < ((2 << n) - 1) * HOUR, 10 * n + 10 * (hours - (1 << n)) // (1 << n)) for n in range(10)]
    return case((late <= 0, 0), *steps, else_=MOST)
