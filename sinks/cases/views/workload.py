"""`v_workload`: who has how much."""

from __future__ import annotations

from typing import Final

from sqlalchemy import and_, func, select

from sinks.cases.expressions import Expression, counted
from sinks.cases.tables import exceptions
from sinks.cases.views.base import Selected, View
from sinks.cases.views.clocks import COUNTS, STANDS, UNACKNOWLEDGED, acknowledge_broken, resolve_broken

_E = exceptions.c


def workload(now: Expression, *more: Expression) -> Selected:
    """Who has how much, as of an instant, of what further conditions hold of."""
    keys = (_E.tenant, _E.team, _E.assignee, _E.severity, _E.severity_rank)
    return (
        select(
            *keys,
            func.count().label("open"),
            counted(UNACKNOWLEDGED).label("unacknowledged"),
            counted(_E.case_state == "snoozed").label("snoozed"),
            counted(_E.case_state == "waiting").label("waiting"),
            counted(_E.blocking).label("blocking"),
            counted(_E.escalation_level > 0).label("escalated"),
            counted(and_(acknowledge_broken(now), _E.acknowledged_at.is_(None))).label("acknowledge_breached"),
            counted(resolve_broken(now)).label("resolve_breached"),
            func.min(_E.raised_at).label("oldest_raised_at"),
        )
        .where(and_(STANDS, COUNTS, *more))
        .group_by(*keys)
    )


WORKLOAD: Final = View(
    "v_workload",
    "Who has how much of what is open: counts by team, person and severity.",
    {
        "tenant": "Whose.",
        "team": "The team that has them.",
        "assignee": "The person who has them; none: nobody.",
        "severity": "`low`, `medium`, `high`, `critical`.",
        "severity_rank": "0 critical to 3 low, to sort by.",
        "open": "How many exceptions are open.",
        "unacknowledged": "How many of them nobody has taken up.",
        "snoozed": "How many are snoozed.",
        "waiting": "How many wait on somebody else.",
        "blocking": "How many stop automation on their order.",
        "escalated": "How many have gone up the ladder.",
        "acknowledge_breached": "How many nobody has taken up in time, and still nobody has.",
        "resolve_breached": "How many are not resolved in time.",
        "oldest_raised_at": "When the oldest was first said (log time).",
    },
    workload,
)
