"""`v_sla`: what was taken up and resolved in time."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Double, and_, case, cast, func, literal_column, not_, or_, select

from sinks.cases.expressions import Expression, counted
from sinks.cases.tables import exceptions
from sinks.cases.views.base import Selected, View
from sinks.cases.views.clocks import (
    COUNTS,
    OVER,
    RETRACTED,
    acknowledge_broken,
    acknowledge_kept,
    acknowledge_spared,
    resolve_broken,
    resolve_kept,
)

_E = exceptions.c


def _share(kept: Expression, broken: Expression) -> Expression:
    return case((kept + broken > 0, cast(kept, Double) / cast(kept + broken, Double)), else_=None)


def promises(now: Expression, *more: Expression) -> Selected:
    """What was taken up and resolved in time, as of an instant, of what further conditions hold of."""
    keys = (_E.tenant, _E.team, _E.kind, _E.severity)
    marked = select(
        *keys,
        acknowledge_kept().label("ack_kept"),
        acknowledge_broken(now).label("ack_broken"),
        acknowledge_spared().label("ack_spared"),
        resolve_kept().label("resolve_kept"),
        resolve_broken(now).label("resolve_broken"),
        and_(_E.resolve_by.is_not(None), not_(OVER)).label("resolve_stands"),
    ).where(and_(COUNTS, not_(RETRACTED), or_(_E.ack_by.is_not(None), _E.resolve_by.is_not(None)), *more))
    if more:
        # What is behind `OFFSET` is calculated once for each row, and not once more for each count; of the view filters get through.
        marked = marked.offset(literal_column("0"))
    found = marked.subquery("kept").c
    kept, broken, spared = counted(found.ack_kept), counted(found.ack_broken), counted(found.ack_spared)
    solved, missed = counted(found.resolve_kept), counted(found.resolve_broken)
    running = counted(and_(found.resolve_stands, not_(func.coalesce(found.resolve_broken, False))))
    due = func.count()
    return select(
        *(found.tenant, found.team, found.kind, found.severity),
        due.label("exceptions"),
        kept.label("acknowledge_within"),
        broken.label("acknowledge_breached"),
        spared.label("acknowledge_spared"),
        _share(kept, broken).label("acknowledge_share"),
        solved.label("resolve_within"),
        missed.label("resolve_breached"),
        running.label("resolve_running"),
        _share(solved, missed).label("resolve_share"),
    ).group_by(found.tenant, found.team, found.kind, found.severity)


SLA: Final = View(
    "v_sla",
    "Whether cases are taken up and resolved in time, by the clocks that the engine sets (business time, pauses counted out). What was "
    "retracted, and so never true, does not count.",
    {
        "tenant": "Whose.",
        "team": "The team that has or had them.",
        "kind": "What is or was wrong.",
        "severity": "As last said.",
        "exceptions": "How many have or had a clock.",
        "acknowledge_within": "How many were taken up in time.",
        "acknowledge_breached": "How many were taken up too late, or not while they were open and by when they were to be.",
        "acknowledge_spared": "How many were over before anybody had to take them up.",
        "acknowledge_share": "`acknowledge_within` of those within or breached, 0 to 1; none where there is none.",
        "resolve_within": "How many were over in time.",
        "resolve_breached": "How many were over too late, or are not over by when they were to be.",
        "resolve_running": "How many are not over, and in time.",
        "resolve_share": "`resolve_within` of those within or breached, 0 to 1; none where there is none.",
    },
    promises,
)
