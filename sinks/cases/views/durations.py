"""`v_time_to`: how long it takes to take a case up, to act, and to be done with it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Integer, and_, case, cast, func, literal, select, union_all

from sinks.cases.expressions import Expression, between
from sinks.cases.tables import action_events, cases, exceptions
from sinks.cases.views.base import Selected, View
from sinks.cases.views.clocks import COUNTS, RETRACTED

_E = exceptions.c
DIMENSIONS: Final = ("all", "team", "kind", "severity")


def _durations() -> Selected:
    """Each duration of each exception."""
    keys = (_E.tenant, _E.team, _E.kind, _E.severity)
    acted = (
        select(action_events.c.exception_id, func.min(action_events.c.time).label("at"))
        .where(action_events.c.state.in_(("begun", "executed")), action_events.c.exception_id.is_not(None))
        .group_by(action_events.c.exception_id)
        .subquery("acted")
    )
    counts = and_(COUNTS, ~RETRACTED)
    acknowledge = (
        select(*keys, literal("acknowledge").label("measure"), between(_E.raised_at, _E.acknowledged_at).label("seconds"))
        .join_from(exceptions, cases, and_(cases.c.exception_id == _E.exception_id, cases.c.reopenings == 0))
        .where(counts, _E.acknowledged_at.is_not(None))
    )
    act = (
        select(*keys, literal("act").label("measure"), between(_E.raised_at, acted.c.at).label("seconds"))
        .join_from(exceptions, acted, acted.c.exception_id == _E.exception_id)
        .where(counts)
    )
    resolve = select(*keys, literal("resolve").label("measure"), between(_E.raised_at, _E.closed_at).label("seconds")).where(
        counts, _E.closed_at.is_not(None)
    )
    return union_all(acknowledge, act, resolve)  # pyright: ignore[reportReturnType] - a number of columns is as good as any


def _select(_now: Expression) -> Selected:
    took = _durations().cte("took")
    spread = union_all(
        *(
            select(
                took.c.tenant,
                literal(name).label("dimension"),
                (literal("all") if name == "all" else took.c[name]).label("value"),
                took.c.measure,
                took.c.seconds,
            )
            for name in DIMENSIONS
        )
    ).subquery("spread")
    keys = (spread.c.tenant, spread.c.dimension, spread.c.value, spread.c.measure)
    ranked = select(
        *keys,
        spread.c.seconds,
        func.row_number().over(partition_by=keys, order_by=spread.c.seconds).label("place"),
        func.count().over(partition_by=keys).label("many"),
    ).subquery("ranked")
    found = ranked.c
    groups = (found.tenant, found.dimension, found.value, found.measure)

    def percentile(percent: int) -> Expression:
        """By nearest rank: a duration that really occurred, the least that so many per cent do not exceed."""
        rank = cast((found.many * percent + 99) // 100, Integer)
        return func.max(case((found.place == rank, found.seconds)))

    return select(
        *groups,
        func.count().label("exceptions"),
        percentile(50).label("median_seconds"),
        percentile(90).label("p90_seconds"),
        func.max(found.seconds).label("longest_seconds"),
    ).group_by(*groups)


TIME_TO: Final = View(
    "v_time_to",
    "How long it took from when an exception was first said until it was taken up, acted upon, and over: elapsed time, not business time. "
    "What was retracted does not count.",
    {
        "tenant": "Whose.",
        "dimension": "By what it is counted: `all`, `team`, `kind`, `severity`.",
        "value": "Which of it.",
        "measure": "`acknowledge`: until somebody took it up (of what was opened again nothing is counted); `act`: until the first attempt "
        "of an action of it; `resolve`: until it was said to be over, the last time.",
        "exceptions": "How many were measured.",
        "median_seconds": "Half of them took no longer, in seconds; by nearest rank.",
        "p90_seconds": "Nine of ten took no longer, in seconds; by nearest rank.",
        "longest_seconds": "The longest, in seconds.",
    },
    _select,
)
