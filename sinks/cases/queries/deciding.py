"""What must be known to decide: how cases and actions stand, what belongs to an order's actions, and what became of decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, func, select

from schemas.instants import EPOCH
from sinks.cases.queries.actions import action_row
from sinks.cases.queries.conditions import of_actions
from sinks.cases.queries.rows import ListedAction, values
from sinks.cases.queries.wanted import ActionFilter
from sinks.cases.tables import action_events, actions, audit, automation, cases, exception_events, exceptions

MOST_HELD: Final = 5_000
AT_ONCE: Final = 500
"""So many IDs are asked for with one statement."""
_A, _C, _E, _S, _D = actions.c, cases.c, exceptions.c, exception_events.c, audit.c
_ENDED: Final = ("executed", "rejected", "expired", "withdrawn")


@dataclass(frozen=True, slots=True)
class DecidedCase:
    """How a case stands, with what a list does not show."""

    exception_id: str
    state: str
    assignee: str | None
    team: str | None
    until: datetime | None
    until_kind: str | None
    waiting_on: str | None
    outcome: str | None
    label: str | None


@dataclass(frozen=True, slots=True)
class ActionAbout:
    """An action with what it does. `kind`, `severity`, `summary`, `status`, `team`, `site`: of its exception; the team else its own."""

    row: ListedAction
    parameters: Mapping[str, object]
    guardrails: Sequence[Mapping[str, object]]
    escalated_to: str | None
    compensates: str | None
    replaces: str | None
    kind: str | None
    severity: str | None
    summary: str | None
    status: str | None
    team: str | None
    site: str | None
    message: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class DecisionEffect:
    """What the engine has said because of a decision about a case."""

    sequence: int
    status: str
    state: str | None
    assignee: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ScopePause:
    """Where automation is paused."""

    scope: str
    tenant: str
    since: datetime | None
    by: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class RequestedActions:
    """How many actions of a name were requested, and what they are worth together."""

    action: str
    currency: str | None
    count: int
    value: Decimal | None


def case_standings(connection: Connection, exception_ids: Sequence[str]) -> dict[str, DecidedCase]:
    """The cases of these exceptions, by ID."""
    columns = (_C.exception_id, _C.state, _C.assignee, _C.team, _C.until, _C.until_kind, _C.waiting_on, _C.outcome, _C.label)
    found: dict[str, DecidedCase] = {}
    for part in _parts(exception_ids):
        for row in connection.execute(select(*columns).where(_C.exception_id.in_(part))):
            found[row.exception_id] = DecidedCase(**values(row))
    return found


def effects_on_cases(connection: Connection, decision_ids: Mapping[str, str]) -> dict[str, DecisionEffect]:
    """What became of decisions about cases, by their IDs; those of which nothing was said are left out.

    `decision_ids`: of each decision the exception that it is about.
    """
    columns = (_S.changed_by_id, _S.sequence, _S.status, _S.case_state, _S.assignee, _S.detected_at)
    found: dict[str, DecisionEffect] = {}
    for part in _parts([*decision_ids]):
        about = {decision_ids[id_] for id_ in part}
        chosen = select(*columns).where(_S.exception_id.in_(about), _S.changed_by_id.in_(part)).order_by(_S.sequence)
        for id_, sequence, status, state, assignee, at in connection.execute(chosen):
            found.setdefault(id_, DecisionEffect(sequence, status, state, assignee, at))
    return found


def decided_since(connection: Connection, sequences: Mapping[str, int]) -> dict[str, tuple[str, str]]:
    """Of exceptions about which somebody has decided since a sequence: what first, as a type, and who (empty where that is not known)."""
    found: dict[str, tuple[str, str]] = {}
    for part in _parts([*sequences]):
        chosen = select(_S.exception_id, _S.sequence, _S.changed_by_type, _S.by).where(
            _S.exception_id.in_(part), _S.changed_by_type.startswith("case.")
        )
        for id_, sequence, type_, by in connection.execute(chosen.order_by(_S.sequence)):
            if sequence > sequences[id_]:
                found.setdefault(id_, (type_, by or ""))
    return found


def actions_about(connection: Connection, action_ids: Sequence[str]) -> list[ActionAbout]:
    """The actions of these IDs that there are, in the order of the IDs."""
    found: dict[str, ActionAbout] = {}
    for part in _parts(action_ids):
        for about in _about(connection, _A.action_id.in_(part)):
            found[about.row.action_id] = about
    return [found[id_] for id_ in dict.fromkeys(action_ids) if id_ in found]


def open_actions_of(connection: Connection, tenant: str, order_id: str) -> list[ActionAbout]:
    """The actions of an order that have not ended."""
    return _about(connection, (_A.tenant == tenant) & (_A.order_id == order_id) & _A.state.not_in(_ENDED))


def knows_action_for(connection: Connection, exception_id: str) -> bool:
    """Whether an action was ever said of an exception: only then can another one be asked for in its name."""
    return connection.execute(select(_A.action_id).where(_A.exception_id == exception_id).limit(1)).first() is not None


def decisions_on_action(connection: Connection, action_id: str) -> list[dict[str, Any]]:
    """What people and dispatch said about an action, the oldest first."""
    chosen = select(audit).where(_D.action_id == action_id).order_by(func.coalesce(_D.logged_at, _D.refused_at, _D.time), _D.event_id)
    return [values(row) for row in connection.execute(chosen)]


def seen_in_log(connection: Connection, decision_ids: Sequence[str]) -> set[str]:
    """Which decisions the store has read in the log of decisions."""
    found: set[str] = set()
    for part in _parts(decision_ids):
        found.update(connection.scalars(select(_D.event_id).where(_D.event_id.in_(part), _D.logged_at.is_not(None))))
    return found


def paused_scopes(connection: Connection) -> list[ScopePause]:
    """Where automation is paused, each scope once, the oldest pause first."""
    found: dict[str, ScopePause] = {}
    for tenant, paused in connection.execute(select(automation.c.tenant, automation.c.paused).order_by(automation.c.tenant)):
        for one in paused or ():
            scope = str(one.get("scope"))
            since = one.get("since")
            at = None if since is None else datetime.fromisoformat(str(since))
            found.setdefault(scope, ScopePause(scope, tenant, at, one.get("by"), one.get("reason")))
    return sorted(found.values(), key=lambda one: (one.since or EPOCH, one.scope))


def held_by(connection: Connection, wanted: ActionFilter) -> list[tuple[str, int]]:
    """What holds actions that are not requested, and how many: the names of their guardrails, the most frequent first."""
    held: Counter[str] = Counter()
    chosen = select(_A.guardrails).where(*of_actions(wanted), _A.state.in_(("proposed", "blocked"))).limit(MOST_HELD)
    for guardrails in connection.scalars(chosen):
        held.update({str(one.get("name")) for one in guardrails or ()})
    return held.most_common()


def requested_since(connection: Connection, wanted: ActionFilter, since: datetime) -> list[RequestedActions]:
    """How many actions were requested since an instant, and what they are worth, by action and currency."""
    events = action_events.c
    chosen = (
        select(_A.action, _A.currency, func.count(), func.sum(_A.value))
        .join_from(action_events, actions, events.action_id == _A.action_id)
        .where(events.time >= since, events.type == "action.requested", *of_actions(wanted))
        .group_by(_A.action, _A.currency)
        .order_by(func.count().desc(), _A.action)
    )
    return [RequestedActions(*row) for row in connection.execute(chosen)]


def _about(connection: Connection, which: Any) -> list[ActionAbout]:
    of_exception = (_E.kind, _E.severity, _E.summary, _E.status, _E.site, func.coalesce(_E.team, _A.owner).label("team_of"))
    named = [column.label(f"of_{column.name}") for column in of_exception[:5]]
    chosen = (
        select(actions, *named, of_exception[5])
        .join_from(actions, exceptions, _E.exception_id == _A.exception_id, isouter=True)
        .where(which)
        .order_by(_A.proposed_at, _A.action_id)
    )
    return [_one(row) for row in connection.execute(chosen)]


def _one(row: Any) -> ActionAbout:
    message = {name: getattr(row, f"message_{name}") for name in ("topic", "channel", "language", "promised_by")}
    return ActionAbout(
        row=action_row(row),
        parameters=row.parameters or {},
        guardrails=row.guardrails or (),
        escalated_to=row.escalation_to,
        compensates=row.compensates,
        replaces=row.replaces,
        kind=row.of_kind,
        severity=row.of_severity,
        summary=row.of_summary,
        status=row.of_status,
        team=row.team_of,
        site=row.of_site,
        message=message if row.message_topic else None,
    )


def _parts(ids: Sequence[str]) -> list[list[str]]:
    unique = list(dict.fromkeys(ids))
    return [unique[at : at + AT_ONCE] for at in range(0, len(unique), AT_ONCE)]
