"""`v_open`: what is open, one row for each exception."""

from __future__ import annotations

from typing import Final

from sqlalchemy import and_, func, select

from sinks.cases.expressions import Expression, between
from sinks.cases.tables import cases, exceptions
from sinks.cases.views.base import Selected, View
from sinks.cases.views.clocks import COUNTS, STANDS, acknowledge_broken, resolve_broken

_E, _C = exceptions.c, cases.c


def _select(now: Expression) -> Selected:
    joined = exceptions.join(cases, _C.exception_id == _E.exception_id)
    return (
        select(
            *(_E.tenant, _E.exception_id, _E.order_id, _E.kind, _E.scope, _E.episode, _E.severity, _E.severity_rank, _E.score, _E.blocking),
            *(_E.lane, _E.owner, _E.team, _E.assignee, _E.case_state, _C.waiting_on, _E.until, _E.raised_at, _E.due_at),
            between(_E.raised_at, now).label("age_seconds"),
            *(_E.ack_by, _E.acknowledged_at, acknowledge_broken(now).label("acknowledge_breached"), _E.resolve_by),
            _E.paused_since.is_not(None).label("paused"),
            func.coalesce(resolve_broken(now), False).label("resolve_breached"),
            *(_E.escalation_level, _C.escalation_to, _C.reopenings, _C.flaps, _E.carrier, _E.site, _E.country, _E.customer_id, _E.tier),
            *(_E.total, _E.currency, _E.next_step, _E.told_at, _E.summary),
        )
        .select_from(joined)
        .where(and_(STANDS, COUNTS))
    )


OPEN: Final = View(
    "v_open",
    "What is open: one row for each exception.",
    {
        "tenant": "Whose it is.",
        "exception_id": "Which.",
        "order_id": "The order.",
        "kind": "What is wrong.",
        "scope": "What of the order; none: all of it.",
        "episode": "The how-manieth time.",
        "severity": "`low`, `medium`, `high`, `critical`.",
        "severity_rank": "0 critical to 3 low, to sort by.",
        "score": "0 to 1000, as last said.",
        "blocking": "Whether automation on the order pauses.",
        "lane": "`auto`, `review`, `block`.",
        "owner": "The accountable team.",
        "team": "The team that has it.",
        "assignee": "The person who has it; none: nobody.",
        "case_state": "How its case stands.",
        "waiting_on": "On whom it waits.",
        "until": "When a snooze or a wait ends at the latest.",
        "raised_at": "The log time at which it was first said.",
        "due_at": "The deadline that passed; none of what is no timeout.",
        "age_seconds": "How long ago it was first said, in seconds.",
        "ack_by": "By when somebody is to take it up.",
        "acknowledged_at": "When somebody did.",
        "acknowledge_breached": "Whether that was, or is, too late.",
        "resolve_by": "By when it is to be resolved; moved by what it has waited.",
        "paused": "Whether the resolve clock stands still.",
        "resolve_breached": "Whether it is not resolved in time.",
        "escalation_level": "How many rungs of the ladder it has gone.",
        "escalation_to": "To whom.",
        "reopenings": "How often somebody opened it again.",
        "flaps": "How often it was over and came back by itself.",
        "carrier": "The carrier that it is about.",
        "site": "The site that it is about.",
        "country": "Where the order goes.",
        "customer_id": "The customer, opaque.",
        "tier": "The customer's tier.",
        "total": "The order's total, in `currency`.",
        "currency": "Its currency.",
        "next_step": "The next step that helps most.",
        "told_at": "When the customer was last told anything.",
        "summary": "One sentence for a person.",
    },
    _select,
)
