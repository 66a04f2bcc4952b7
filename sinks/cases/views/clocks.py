"""How the clocks of cases stand: what is kept, what is broken, what still runs. A clock that is met in the very instant is kept.

The engine says by when a case is to be acknowledged and resolved, and moves the latter by what the case has waited (`ack_by`,
`resolve_by`); here they are only compared. Over means: by the log time at which the engine said so.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import and_, func, select

from sinks.cases.expressions import Expression
from sinks.cases.tables import exception_events, exceptions

_E = exceptions.c
COUNTS: Final = exceptions.c.mode == "on"
"""What rules in shadow say asks nobody for anything."""
STANDS: Final = exceptions.c.status == "open"
OVER: Final = exceptions.c.closed_at.is_not(None)
RETRACTED: Final = exceptions.c.status == "retracted"
UNACKNOWLEDGED: Final = exceptions.c.case_state.in_(("new", "open"))
"""Nobody has taken it up, or nobody has since it was opened again."""


def acknowledge_broken(now: Expression) -> Expression:
    """Whether somebody took it up too late, or nobody did in time while it was open."""
    taken = func.coalesce(_E.acknowledged_at, _E.stopped_at, now)
    return and_(_E.ack_by.is_not(None), taken > _E.ack_by)


def acknowledge_kept() -> Expression:
    """Whether somebody took it up in time."""
    return and_(_E.ack_by.is_not(None), _E.acknowledged_at.is_not(None), _E.acknowledged_at <= _E.ack_by)


def acknowledge_spared() -> Expression:
    """Whether it stood no more before anybody had to take it up, and nobody had."""
    return and_(_E.ack_by.is_not(None), _E.acknowledged_at.is_(None), _E.stopped_at.is_not(None), _E.stopped_at <= _E.ack_by)


def resolve_broken(now: Expression) -> Expression:
    """Whether it stood longer than it was to; while it waits on somebody the clock stands still."""
    ended = func.coalesce(_E.paused_since, _waiting_since(), _E.stopped_at, now)
    return and_(_E.resolve_by.is_not(None), ended > _E.resolve_by)


def resolve_kept() -> Expression:
    """Whether it was over in time."""
    ended = func.coalesce(_waiting_since(), _E.stopped_at)
    return and_(OVER, _E.resolve_by.is_not(None), ended.is_not(None), ended <= _E.resolve_by)


def _waiting_since() -> Expression:
    """Since when a case waited that waited when its exception ended by itself: the resolve clock stood still from then on."""
    waited, others = exception_events.alias("waited"), exception_events.alias("others")
    before = (
        select(func.max(others.c.sequence))
        .where(others.c.exception_id == _E.exception_id, others.c.case_state != "waiting")
        .correlate(exceptions)
        .scalar_subquery()
    )
    return (
        select(func.min(waited.c.detected_at))
        .where(
            _E.case_state == "waiting",
            waited.c.exception_id == _E.exception_id,
            waited.c.sequence > func.coalesce(before, 0),
            waited.c.detected_at < _E.stopped_at,
        )
        .correlate(exceptions)
        .scalar_subquery()
    )
