"""Filters as conditions of the database. What indexes rest on is written into the statement, not bound: plans for any value need it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Column, Integer, Text, and_, case, exists, func, literal_column, or_, select

from sinks.cases.expressions import Expression
from sinks.cases.queries.prepared import asked
from sinks.cases.queries.wanted import ActionFilter, ExceptionFilter, FilterError
from sinks.cases.tables import Instants, actions, cases, exception_events, exception_skus, exceptions
from sinks.cases.views.approvals import WAITS
from sinks.cases.views.clocks import acknowledge_broken, resolve_broken

_E, _A, _C, _S, _K = exceptions.c, actions.c, cases.c, exception_events.c, exception_skus.c
LOOKED: Final = asked("now", Instants())
"""The instant of looking."""
STATUSES: Final = ("open", "suppressed", "resolved", "retracted")
STANDING: Final = frozenset(("open", "suppressed"))
"""What is not over: it is sorted by gravity; what is over, or both, by when it was last said, the newest first."""
_ZERO: Final = literal_column("0", Integer())
SPANS: Final = ("older_than", "newer_than", "due_within", "waking_within", "handed_within")
"""Fields of a filter that are parameters of the statement."""
_OPEN: Final = literal_column("'open'", Text())
OF_SHIPMENTS: Final = or_(_E.domain == "shipment", _E.scope.startswith("shipment:"))
"""About a parcel, or about shipping as a whole."""


def standing(wanted: ExceptionFilter) -> bool:
    """Whether only what is not over is wanted. Raises FilterError of a status that there is not."""
    if unknown := [status for status in wanted.statuses if status not in STATUSES]:
        raise FilterError(f"no such status: {', '.join(unknown)}; there are {', '.join(STATUSES)}")
    return bool(wanted.statuses) and STANDING.issuperset(wanted.statuses)


def of_exceptions(wanted: ExceptionFilter) -> list[Expression]:
    """The conditions of a filter, as of the parameter `now`. Raises FilterError if it asks for what cannot be looked for."""
    stands = standing(wanted)
    found: list[Expression] = [_E.closed_at.is_(None)] if stands else []
    if wanted.statuses and frozenset(wanted.statuses) != STANDING:
        found.append(_E.status.in_([literal_column(f"'{status}'") for status in wanted.statuses]))
    found += _among(_E.mode, wanted.modes)
    found += _among(_E.case_state, wanted.states)
    found += _among(_E.team, wanted.teams)
    found += _among(_E.severity, wanted.severities)
    found += _among(_E.tenant, wanted.tenants)
    found += _among(_E.order_id, wanted.orders)
    found += _among(_E.site, wanted.sites)
    found += _among(_E.carrier, wanted.carriers)
    found += _among(_E.lane, wanted.lanes)
    found += _among(_E.country, wanted.countries)
    found += _among(_E.tier, wanted.tiers)
    found += _among(_E.currency, wanted.currencies)
    found += _among(_E.policy, wanted.policies)
    found += _assignees(wanted)
    if wanted.kinds:
        whole = [kind for kind in wanted.kinds if "." in kind]
        domains = [kind for kind in wanted.kinds if "." not in kind]
        found.append(or_(*_among(_E.kind, whole), *_among(_E.domain, domains)))
    if wanted.worth_from is not None:
        found.append(_E.total >= wanted.worth_from)
    if wanted.worth_to is not None:
        found.append(_E.total <= wanted.worth_to)
    if wanted.blocking is not None:
        found.append(_E.blocking.is_(wanted.blocking))
    if wanted.escalated is not None:
        found.append(_E.escalation_level > _ZERO if wanted.escalated else _E.escalation_level == _ZERO)
    if wanted.shipments:
        found.append(OF_SHIPMENTS)
    found += _in_time(wanted)
    found += _beside(wanted)
    late = {
        "acknowledge": and_(_E.acknowledged_at.is_(None), acknowledge_broken(LOOKED)),
        "resolve": resolve_broken(LOOKED),
    }
    if wanted.breached is not None:
        found.append(or_(*late.values()) if wanted.breached == "any" else late[wanted.breached])
    if wanted.text is not None and (text := wanted.text.strip().lower()):
        if not stands:
            raise FilterError("text is looked for in what is open or suppressed only: search by order ID, or leave the text out")
        found.append(
            or_(
                func.lower(_E.summary).contains(text, autoescape=True),
                func.lower(_E.order_id).contains(text, autoescape=True),
                _E.exception_id.startswith(text, autoescape=True),
            )
        )
    return found


def at_instant(wanted: ExceptionFilter, now: datetime) -> dict[str, object]:
    """The parameters of the conditions of a filter."""
    found: dict[str, object] = {"now": now}
    for name, before in (("raised_by", wanted.older_than), ("raised_since", wanted.newer_than), ("handed_since", wanted.handed_within)):
        if before is not None:
            found[name] = now - before
    for name, after in (("due_by", wanted.due_within), ("wakes_by", wanted.waking_within)):
        if after is not None:
            found[name] = now + after
    return found


def _assignees(wanted: ExceptionFilter) -> list[Expression]:
    either = _among(_E.assignee, wanted.assignees)
    if wanted.unassigned:
        either.append(_E.assignee.is_(None))
    if wanted.assigned:
        either.append(_E.assignee.is_not(None))
    return [or_(*either)] if either else []


def shape(wanted: ExceptionFilter) -> ExceptionFilter:
    """A filter without what is asked anew each time: statements are made once for all that have the same."""
    return replace(wanted, **{name: timedelta(0) for name in SPANS if getattr(wanted, name) is not None})


def next_clock() -> Expression:
    """When the clock of a case runs out that runs out next; NULL where none runs. The same as `ExceptionRow.clock_at`."""
    return case(
        (_E.status != _OPEN, None),
        (and_(_E.acknowledged_at.is_(None), _E.ack_by.is_not(None)), _E.ack_by),
        (_E.paused_since.is_(None), _E.resolve_by),
        else_=None,
    )


def _in_time(wanted: ExceptionFilter) -> list[Expression]:
    """What is asked of instants, each a parameter."""
    found: list[Expression] = []
    if wanted.older_than is not None:
        found.append(_E.raised_at <= asked("raised_by", Instants()))
    if wanted.newer_than is not None:
        found.append(_E.raised_at >= asked("raised_since", Instants()))
    if wanted.due_within is not None:
        clock = next_clock()
        found.append(and_(clock >= LOOKED, clock <= asked("due_by", Instants())))
    if wanted.waking_within is not None:
        found.append(and_(_E.case_state == "snoozed", _E.until <= asked("wakes_by", Instants())))
    if wanted.handed_within is not None:
        found.append(
            exists().where(
                _S.exception_id == _E.exception_id,
                _S.detected_at >= asked("handed_since", Instants()),
                _S.changed_by_type == "case.assigned",
                _S.assignee == _E.assignee,
                _S.by != _S.assignee,
            )
        )
    return found


def _beside(wanted: ExceptionFilter) -> list[Expression]:
    """What is asked of cases and actions."""
    found: list[Expression] = []
    if wanted.skus:
        found.append(_E.exception_id.in_(select(_K.exception_id).where(*_among(_K.sku, wanted.skus))))
    if wanted.labels:
        found.append(_E.exception_id.in_(select(_C.exception_id).where(*_among(_C.label, wanted.labels))))
    if wanted.waiting_on:
        found.append(exists().where(_C.exception_id == _E.exception_id, *_among(_C.waiting_on, wanted.waiting_on)))
        found.append(_E.case_state == "waiting")
    if wanted.reopened is not None:
        again = select(_C.exception_id).where(_C.reopenings > _ZERO)
        found.append(_E.exception_id.in_(again) if wanted.reopened else ~_E.exception_id.in_(again))
    if wanted.action_states:
        found.append(exists().where(_A.exception_id == _E.exception_id, *_among(_A.state, wanted.action_states)))
    return found


def of_actions(wanted: ActionFilter) -> list[Expression]:
    """The conditions of a filter."""
    found = [WAITS] if wanted.waiting else []
    found += _among(_A.state, wanted.states)
    found += _among(_A.action, wanted.actions)
    found += _among(_A.owner, wanted.teams)
    found += _among(_A.tenant, wanted.tenants)
    found += _among(_A.order_id, wanted.orders)
    found += _among(_A.exception_id, wanted.exceptions)
    if wanted.sites:
        found.append(_A.exception_id.in_(select(_E.exception_id).where(*_among(_E.site, wanted.sites))))
    return found


def _among(column: Column[str], values: Sequence[str]) -> list[Expression]:
    if not values:
        return []
    return [column == values[0] if len(values) == 1 else column.in_(values)]
