"""What headers show: how much there is of what a list shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, literal_column, or_, select, true

from sinks.cases.expressions import counted
from sinks.cases.queries.conditions import LOOKED, at_instant, of_exceptions, shape
from sinks.cases.queries.prepared import prepared
from sinks.cases.queries.rows import OpenCounts, values
from sinks.cases.queries.wanted import ExceptionFilter
from sinks.cases.tables import actions, exceptions
from sinks.cases.views.approvals import WAITS
from sinks.cases.views.clocks import acknowledge_broken, resolve_broken

_E = exceptions.c


def counts(connection: Connection, wanted: ExceptionFilter | None = None, *, now: datetime) -> OpenCounts:
    """How much is in a list, and of what. Raises FilterError.

    `snoozed`, `waiting`, and what is late: whatever the filter says of the case's state. `approvals`: of the same tenants and teams.
    """
    wanted = wanted or ExceptionFilter()
    row = connection.execute(prepared(connection, counting, shape(wanted)), at_instant(wanted, now)).one()
    approvals = select(func.count()).select_from(actions).where(WAITS)
    if wanted.tenants:
        approvals = approvals.where(actions.c.tenant.in_(wanted.tenants))
    if wanted.teams:
        approvals = approvals.where(actions.c.owner.in_(wanted.teams))
    return OpenCounts(**values(row), approvals=connection.scalar(approvals) or 0)


def counting(wanted: ExceptionFilter) -> Select[*tuple[Any, ...]]:
    """The statement, as of `now`."""
    late = (
        and_(_E.acknowledged_at.is_(None), acknowledge_broken(LOOKED)).label("unacknowledged"),
        resolve_broken(LOOKED).label("unresolved"),
    )
    fits = and_(true(), *of_exceptions(replace(ExceptionFilter(statuses=(), modes=()), states=wanted.states))).label("fits")
    # What is behind `OFFSET` is calculated once for each row, and not once more for each count.
    rows = (
        select(_E.severity, _E.assignee, _E.case_state, *late, fits)
        .where(*of_exceptions(replace(wanted, states=())))
        .offset(literal_column("0"))
        .subquery("late")
    )
    one = rows.c
    severities = (counted(and_(one.fits, one.severity == name)).label(name) for name in ("critical", "high", "medium", "low"))
    return select(
        counted(one.fits).label("open"),
        *severities,
        counted(and_(one.fits, one.assignee.is_(None))).label("unassigned"),
        counted(one.unacknowledged).label("acknowledge_breached"),
        counted(one.unresolved).label("resolve_breached"),
        counted(or_(one.unacknowledged, one.unresolved)).label("late"),
        counted(one.case_state == "snoozed").label("snoozed"),
        counted(one.case_state == "waiting").label("waiting"),
    ).select_from(rows)
