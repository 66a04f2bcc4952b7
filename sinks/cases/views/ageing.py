"""`v_ageing`: how long what is open has been open, in buckets."""

from __future__ import annotations

from typing import Final

from sqlalchemy import and_, case, func, literal_column, select

from sinks.cases.expressions import Expression, between, counted
from sinks.cases.tables import exceptions
from sinks.cases.views.base import Selected, View
from sinks.cases.views.clocks import COUNTS, STANDS, resolve_broken

_E = exceptions.c
_HOUR: Final = 3_600
_DAY: Final = 24 * _HOUR
BUCKETS: Final = (
    ("under 4 h", 4 * _HOUR),
    ("4 to 24 h", _DAY),
    ("1 to 3 d", 3 * _DAY),
    ("3 to 7 d", 7 * _DAY),
    ("7 to 14 d", 14 * _DAY),
    ("14 to 30 d", 30 * _DAY),
)
"""The buckets, each up to so many seconds, exclusive."""
OLDEST: Final = "30 d and more"


def ageing(now: Expression, *more: Expression) -> Selected:
    """How long what is open has been open, as of an instant, of what further conditions hold of."""
    rows = select(
        *(_E.tenant, _E.team, _E.kind, _E.severity),
        between(_E.raised_at, now).label("age"),
        resolve_broken(now).label("broken"),
    ).where(and_(STANDS, COUNTS, *more))
    if more:
        # What is behind `OFFSET` is calculated once for each row, and not once for each bucket; of the view filters get through.
        rows = rows.offset(literal_column("0"))
    aged = rows.subquery("aged")
    rank = case(*((aged.c.age < seconds, number) for number, (_, seconds) in enumerate(BUCKETS)), else_=len(BUCKETS))
    bucket = case(*((aged.c.age < seconds, name) for name, seconds in BUCKETS), else_=OLDEST)
    return select(
        *(aged.c.tenant, aged.c.team, aged.c.kind, aged.c.severity),
        bucket.label("bucket"),
        rank.label("bucket_rank"),
        func.count().label("open"),
        counted(aged.c.broken).label("resolve_breached"),
        func.max(aged.c.age).label("oldest_seconds"),
    ).group_by(aged.c.tenant, aged.c.team, aged.c.kind, aged.c.severity, bucket, rank)


AGEING: Final = View(
    "v_ageing",
    "How long what is open has been open: counts by team, kind, severity and bucket.",
    {
        "tenant": "Whose.",
        "team": "The team that has them.",
        "kind": "What is wrong.",
        "severity": "`low`, `medium`, `high`, `critical`.",
        "bucket": "How long ago they were first said: `under 4 h`, `4 to 24 h`, `1 to 3 d`, `3 to 7 d`, `7 to 14 d`, `14 to 30 d`, "
        "`30 d and more`; elapsed time, the lower end inclusive.",
        "bucket_rank": "The buckets in their order, from 0.",
        "open": "How many exceptions are open.",
        "resolve_breached": "How many of them are not resolved in time.",
        "oldest_seconds": "The age of the oldest, in seconds.",
    },
    ageing,
)
