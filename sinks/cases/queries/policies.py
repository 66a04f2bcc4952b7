"""Policies: which were activated, which one holds, and what rules in shadow have said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, func, select

from sinks.cases.expressions import counted
from sinks.cases.of_decisions import APPLIED, REFUSED
from sinks.cases.queries.rows import values
from sinks.cases.tables import audit, cases, exception_events, exceptions, notes, policies

_P, _E = policies.c, exceptions.c
SHADOW: Final = "shadow"
REAL, NOISE = "real", "noise"


@dataclass(frozen=True, slots=True)
class ActivationRow:
    """An activation. `outcome`: `applied` as long as no refusal is known; `covered`: the rules that a back-test said something of."""

    tenant: str
    source: str
    event_id: str
    version: str
    note: str | None
    by: str | None
    against: str | None
    covered: Sequence[str]
    engine: str | None
    time: datetime
    logged_at: datetime
    outcome: str
    reason: str | None
    detail: str | None

    @property
    def refused(self) -> bool:
        """Whether the engine gave it back."""
        return self.outcome == REFUSED


@dataclass(frozen=True, slots=True)
class ShadowRow:
    """What a rule in shadow has said: how many exceptions, how they stand, and how people labelled them."""

    kind: str
    found: int
    open: int
    resolved: int
    retracted: int
    real: int
    noise: int
    labelled: int
    last_at: datetime | None

    @property
    def precision(self) -> float | None:
        """The share of the labelled that is real; None where nobody has labelled any."""
        judged = self.real + self.noise
        return self.real / judged if judged else None


def activations(connection: Connection, limit: int = 50, *, before: datetime | None = None) -> list[ActivationRow]:
    """Activations, the newest first; `before`: those that were logged earlier."""
    chosen = _activations().order_by(_P.logged_at.desc(), _P.event_id).limit(limit)
    if before is not None:
        chosen = chosen.where(_P.logged_at < before)
    return [_row(row) for row in connection.execute(chosen)]


def activation(connection: Connection, event_id: str) -> ActivationRow | None:
    """One activation by the ID of its event; None if the store does not have it (yet)."""
    row = connection.execute(_activations().where(_P.event_id == event_id).order_by(_P.logged_at.desc()).limit(1)).one_or_none()
    return None if row is None else _row(row)


def last_activation(connection: Connection) -> ActivationRow | None:
    """The last one that was not refused: its policy holds."""
    chosen = _activations().where(func.coalesce(audit.c.outcome, "") != REFUSED).order_by(_P.logged_at.desc(), _P.event_id).limit(1)
    row = connection.execute(chosen).one_or_none()
    return None if row is None else _row(row)


def activated_text(connection: Connection, event_id: str) -> str | None:
    """The text of the policy of an activation."""
    return connection.scalar(select(_P.text).where(_P.event_id == event_id).order_by(_P.logged_at.desc()).limit(1))


def decided_under(connection: Connection) -> tuple[str, datetime] | None:
    """The version of the policy that the engine decided by last, and when (log time); None if it has said nothing yet."""
    columns = exception_events.c
    row = connection.execute(select(columns.policy, columns.detected_at).order_by(columns.detected_at.desc()).limit(1)).one_or_none()
    return None if row is None else (row.policy, row.detected_at)


def shadow_results(connection: Connection, since: datetime, tenants: Sequence[str] = ()) -> list[ShadowRow]:
    """What rules in shadow have raised since an instant, by kind; `tenants`: of these only."""
    chosen = (
        select(
            _E.kind,
            func.count().label("found"),
            *(counted(_E.status == status).label(status) for status in ("open", "resolved", "retracted")),
            counted(cases.c.label == REAL).label(REAL),
            counted(cases.c.label == NOISE).label(NOISE),
            counted(cases.c.label.is_not(None)).label("labelled"),
            func.max(_E.raised_at).label("last_at"),
        )
        .select_from(exceptions.outerjoin(cases, cases.c.exception_id == _E.exception_id))
        .where(_E.raised_at >= since, _E.mode == SHADOW)
        .group_by(_E.kind)
        .order_by(_E.kind)
    )
    if tenants:
        chosen = chosen.where(_E.tenant.in_(tenants))
    return [ShadowRow(**values(row)) for row in connection.execute(chosen)]


def _activations() -> Select[*tuple[Any, ...]]:
    same = and_(audit.c.tenant == _P.tenant, audit.c.source == _P.source, audit.c.event_id == _P.event_id)
    return select(
        _P.tenant,
        _P.source,
        _P.event_id,
        _P.version,
        func.coalesce(_P.note, notes.c.text).label("note"),
        *(_P.by, _P.against, _P.covered, _P.engine, _P.time, _P.logged_at),
        func.coalesce(audit.c.outcome, APPLIED).label("outcome"),
        audit.c.reason,
        audit.c.detail,
    ).select_from(policies.outerjoin(audit, same).outerjoin(notes, notes.c.note_ref == _P.event_id))


def _row(row: Row[Any]) -> ActivationRow:
    found: dict[str, Any] = {**values(row), "covered": tuple(row.covered or ())}
    return ActivationRow(**found)
