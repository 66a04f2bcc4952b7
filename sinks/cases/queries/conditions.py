"""Filters as conditions of the database. What indexes rest on is written into the statement, not bound: plans for any value need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import BindParameter, Column, Integer, Text, and_, exists, func, literal_column, or_, select

from sinks.cases.expressions import Expression
from sinks.cases.queries.prepared import asked
from sinks.cases.queries.wanted import ActionFilter, ExceptionFilter, FilterError
from sinks.cases.tables import Amounts, Instants, actions, cases, exception_events, exception_skus, exceptions
from sinks.cases.views.approvals import WAITS
from sinks.cases.views.clocks import acknowledge_broken, resolve_broken

_E, _A, _C, _S, _K = exceptions.c, actions.c, cases.c, exception_events.c, exception_skus.c
LOOKED: Final = asked("now", Instants())
"""The instant of looking."""
STATUSES: Final = ("open", "suppressed", "resolved", "retracted")
STANDING: Final = frozenset(("open", "suppressed"))
"""What is not over: it is sorted by gravity; what is over, or both, by when it was last said, the newest first."""
_SUPPRESSED: Final = literal_column("'suppressed'", Text())
_ZERO: Final = literal_column("0", Integer())
VALUES: Final[Mapping[str, Column[str]]] = {
    "modes": _E.mode,
    "states": _E.case_state,
    "teams": _E.team,
    "severities": _E.severity,
    "tenants": _E.tenant,
    "orders": _E.order_id,
    "sites": _E.site,
    "carriers": _E.carrier,
    "lanes": _E.lane,
    "countries": _E.country,
    "tiers": _E.tier,
    "currencies": _E.currency,
    "policies": _E.policy,
}
"""By field of a filter the column that has one of its values."""
SEVERAL: Final = (*VALUES, "assignees", "kinds", "skus", "labels", "waiting_on", "action_states")
"""Fields of a filter with several values, each a parameter of the statement."""
AMOUNTS: Final = ("worth_from", "worth_to")
SPANS: Final = ("older_than", "newer_than", "due_within", "waking_within", "handed_within")
"""Fields of a filter that are parameters of the statement."""
OF_SHIPMENTS: Final = or_(_E.domain == "shipment", _E.scope.startswith("shipment:"))
"""About a parcel, or about shipping as a whole."""


def standing(wanted: ExceptionFilter) -> bool:
    """Whether only what is not over is wanted. Raises FilterError of a status that there is not."""
    if unknown := [status for status in wanted.statuses if status not in STATUSES]:
        raise FilterError(f"no such status: {', '.join(unknown)}; there are {', '.join(STATUSES)}")
    return bool(wanted.statuses) and STANDING.issuperset(wanted.statuses)


def of_exceptions(wanted: ExceptionFilter, prefix: str = "") -> list[Expression]:
    """The conditions of a filter, as of the parameter `now`. Raises FilterError if it asks for what cannot be looked for.

    Values are parameters, whose names begin with `prefix`: see `at_instant`.
    """
    stands = standing(wanted)
    found: list[Expression] = [_E.closed_at.is_(None)] if stands else []
    if stands and set(wanted.statuses) == {"open"}:
        # What stands and is not suppressed is open. Said so, PostgreSQL expects as many rows as there are: it takes being open and not
        # being closed for two things, each as rare as the other.
        found.append(_E.status != _SUPPRESSED)
    elif wanted.statuses and frozenset(wanted.statuses) != STANDING:
        found.append(_E.status.in_([literal_column(f"'{status}'") for status in wanted.statuses]))
    for field, column in VALUES.items():
        found += _among(column, field, getattr(wanted, field), prefix)
    found += _assignees(wanted, prefix)
    if wanted.kinds:
        kinds = [(_E.kind if "." in kind else _E.domain, _value("kinds", place, prefix)) for place, kind in enumerate(wanted.kinds)]
        found.append(or_(*(column == value for column, value in kinds)))
    if wanted.worth_from is not None:
        found.append(_E.total >= asked(f"{prefix}worth_from", Amounts()))
    if wanted.worth_to is not None:
        found.append(_E.total <= asked(f"{prefix}worth_to", Amounts()))
    if wanted.blocking is not None:
        found.append(_E.blocking.is_(wanted.blocking))
    if wanted.escalated is not None:
        found.append(_E.escalation_level > _ZERO if wanted.escalated else _E.escalation_level == _ZERO)
    if wanted.shipments:
        found.append(OF_SHIPMENTS)
    found += _in_time(wanted)
    found += _beside(wanted, prefix)
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
    found: dict[str, object] = {"now": now, **values_of(wanted)}
    for name, before in (("raised_by", wanted.older_than), ("raised_since", wanted.newer_than), ("handed_since", wanted.handed_within)):
        if before is not None:
            found[name] = now - before
    for name, after in (("due_by", wanted.due_within), ("wakes_by", wanted.waking_within)):
        if after is not None:
            found[name] = now + after
    return found


def values_of(wanted: ExceptionFilter, prefix: str = "") -> dict[str, object]:
    """The parameters of the conditions of a filter that do not depend on time."""
    found: dict[str, object] = {}
    for field in SEVERAL:
        found |= {f"{prefix}{field}_{place}": value for place, value in enumerate(getattr(wanted, field))}
    return found | {f"{prefix}{field}": value for field in AMOUNTS if (value := getattr(wanted, field)) is not None}


def shape(wanted: ExceptionFilter) -> ExceptionFilter:
    """A filter without what is asked anew each time: statements are made once for all that have the same."""
    plain: dict[str, Any] = {field: ("",) * len(getattr(wanted, field)) for field in SEVERAL}
    plain["kinds"] = tuple("." if "." in kind else "" for kind in wanted.kinds)
    plain |= {field: timedelta(0) for field in SPANS if getattr(wanted, field) is not None}
    plain |= {field: Decimal(0) for field in AMOUNTS if getattr(wanted, field) is not None}
    return replace(wanted, **plain)


def _assignees(wanted: ExceptionFilter, prefix: str) -> list[Expression]:
    either = _among(_E.assignee, "assignees", wanted.assignees, prefix)
    if wanted.unassigned:
        either.append(_E.assignee.is_(None))
    if wanted.assigned:
        either.append(_E.assignee.is_not(None))
    return [or_(*either)] if either else []


def _in_time(wanted: ExceptionFilter) -> list[Expression]:
    """What is asked of instants, each a parameter."""
    found: list[Expression] = []
    if wanted.older_than is not None:
        found.append(_E.raised_at <= asked("raised_by", Instants()))
    if wanted.newer_than is not None:
        found.append(_E.raised_at >= asked("raised_since", Instants()))
    if wanted.due_within is not None:
        found.append(and_(_E.clock_at >= LOOKED, _E.clock_at <= asked("due_by", Instants())))
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


def _beside(wanted: ExceptionFilter, prefix: str) -> list[Expression]:
    """What is asked of cases and actions."""
    found: list[Expression] = []
    if wanted.skus:
        found.append(_E.exception_id.in_(select(_K.exception_id).where(*_among(_K.sku, "skus", wanted.skus, prefix))))
    if wanted.labels:
        found.append(_E.exception_id.in_(select(_C.exception_id).where(*_among(_C.label, "labels", wanted.labels, prefix))))
    if wanted.waiting_on:
        found.append(exists().where(_C.exception_id == _E.exception_id, *_among(_C.waiting_on, "waiting_on", wanted.waiting_on, prefix)))
        found.append(_E.case_state == "waiting")
    if wanted.reopened is not None:
        again = select(_C.exception_id).where(_C.reopenings > _ZERO)
        found.append(_E.exception_id.in_(again) if wanted.reopened else ~_E.exception_id.in_(again))
    if wanted.action_states:
        found.append(exists().where(_A.exception_id == _E.exception_id, *_among(_A.state, "action_states", wanted.action_states, prefix)))
    return found


def of_actions(wanted: ActionFilter) -> list[Expression]:
    """The conditions of a filter."""
    found = [WAITS] if wanted.waiting else []
    found += _stated(_A.state, wanted.states)
    found += _stated(_A.action, wanted.actions)
    found += _stated(_A.owner, wanted.teams)
    found += _stated(_A.tenant, wanted.tenants)
    found += _stated(_A.order_id, wanted.orders)
    found += _stated(_A.exception_id, wanted.exceptions)
    if wanted.sites:
        found.append(_A.exception_id.in_(select(_E.exception_id).where(*_stated(_E.site, wanted.sites))))
    return found


def _among(column: Column[str], field: str, values: Sequence[str], prefix: str) -> list[Expression]:
    """Whether a column has one of the values of a field, each a parameter."""
    if not values:
        return []
    asks = [_value(field, place, prefix) for place in range(len(values))]
    return [column == asks[0] if len(asks) == 1 else column.in_(asks)]


def _value(field: str, place: int, prefix: str) -> BindParameter[Any]:
    return asked(f"{prefix}{field}_{place}", Text())


def _stated(column: Column[str], values: Sequence[str]) -> list[Expression]:
    if not values:
        return []
    return [column == values[0] if len(values) == 1 else column.in_(values)]
