"""The audit in a list, the newest first: who decided what, when and why, and whether the engine took it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from schemas.instants import micros
from schemas.values import from_micros
from sinks.cases.expressions import Expression
from sinks.cases.queries.cursors import packed, unpacked
from sinks.cases.queries.rows import Page, values
from sinks.cases.queries.wanted import FilterError
from sinks.cases.tables import audit, exceptions, notes

_A, _E = audit.c, exceptions.c
LIST: Final = "audit"
MOST_ROWS: Final = 10_000
COLUMNS: Final = (
    *(_A.tenant, _A.source, _A.event_id, _A.type, _A.time, _A.subject, _A.exception_id, _A.action_id, _A.by, _A.by_roles, _A.result),
    *(_A.outcome, _A.reason, _A.detail, _A.logged_at),
)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which decisions are wanted. `types`: whole types, or what they begin with (`case.`). `programs`: also what programs said.

    `teams`, `sites`: of the exception that it is about; what is about none is left out then.
    """

    by: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    programs: bool = False


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A decision. `outcome`: `applied` or `refused`."""

    tenant: str
    source: str
    event_id: str
    type: str | None
    time: datetime | None
    subject: str | None
    exception_id: str | None
    action_id: str | None
    by: str | None
    by_roles: Sequence[str]
    note: str | None
    result: str | None
    outcome: str
    reason: str | None
    detail: str | None
    logged_at: datetime


def list_audit(connection: Connection, wanted: AuditFilter, *, limit: int = 50, after: str | None = None) -> Page[AuditRow]:
    """A page of it. `after`: the cursor of the page before. Raises FilterError."""
    if not 1 <= limit <= MOST_ROWS:
        raise FilterError(f"a page has 1 to {MOST_ROWS} rows")
    chosen = _chosen(wanted)
    if after is not None:
        at, source, event_id = unpacked(after, LIST, (int, str, str))
        instant = from_micros(at) if isinstance(at, int) else None
        same = or_(_A.source > source, and_(_A.source == source, _A.event_id > event_id))
        chosen = chosen.where(or_(_A.logged_at < instant, and_(_A.logged_at == instant, same)))
    rows = connection.execute(chosen.limit(limit + 1)).all()
    found = [_row(row) for row in rows[:limit]]
    last = found[-1] if len(rows) > limit else None
    return Page(found, None if last is None else packed(LIST, (micros(last.logged_at), last.source, last.event_id)))


def _chosen(wanted: AuditFilter) -> Select[*tuple[Any, ...]]:
    conditions: list[Expression] = [
        _A.logged_at.is_not(None),
        *(
            column.in_(allowed)
            for column, allowed in (
                (_A.by, wanted.by),
                (_A.outcome, wanted.outcomes),
                (_A.subject, wanted.orders),
                (_A.exception_id, wanted.exceptions),
                (_A.tenant, wanted.tenants),
            )
            if allowed
        ),
    ]
    if not wanted.programs:
        conditions.append(_A.by.startswith("user:"))
    if wanted.types:
        conditions.append(or_(*(_A.type.startswith(one, autoescape=True) if one.endswith(".") else _A.type == one for one in wanted.types)))
    if wanted.since is not None:
        conditions.append(_A.logged_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(_A.logged_at < wanted.until)
    about = [column.in_(allowed) for column, allowed in ((_E.team, wanted.teams), (_E.site, wanted.sites)) if allowed]
    if about:
        conditions.append(select(_E.exception_id).where(_E.exception_id == _A.exception_id, *about).correlate(audit).exists())
    return (
        select(*COLUMNS, func.coalesce(_A.note, notes.c.text).label("note"))
        .select_from(audit.outerjoin(notes, notes.c.note_ref == _A.event_id))
        .where(*conditions)
        .order_by(_A.logged_at.desc(), _A.source, _A.event_id)
    )


def _row(row: Row[Any]) -> AuditRow:
    found: dict[str, Any] = {**values(row), "by_roles": tuple(row.by_roles or ())}
    return AuditRow(**found)
