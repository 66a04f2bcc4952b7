"""`v_approvals`: what waits for somebody to agree, and who may."""

from __future__ import annotations

from typing import Final

from sqlalchemy import and_, func, select

from sinks.cases.expressions import Expression, between
from sinks.cases.tables import actions, exceptions
from sinks.cases.views.base import Selected, View

_A, _E = actions.c, exceptions.c
WAITS: Final = and_(_A.approvals_needed > 0, _A.state.in_(("proposed", "blocked")))
"""Somebody must still agree."""


def _select(now: Expression) -> Selected:
    return (
        select(
            *(_A.tenant, _A.action_id, _A.sequence, _A.exception_id, _A.order_id, _E.kind, _E.severity, _A.owner, _A.action, _A.step),
            *(_A.target, _A.value, _A.currency, _A.irreversible, _A.reason, _A.state, _A.approvers, _A.approvals_needed),
            *(_A.initiated_by, _A.approved_by, _A.proposed_at, between(_A.proposed_at, now).label("waiting_seconds")),
            *(_A.needs_approval_by, func.coalesce(_A.needs_approval_by < now, False).label("overdue"), _A.expires_at),
            *(_A.escalation_level, _A.escalation_to, _A.payload_hash),
        )
        .select_from(actions.outerjoin(exceptions, _E.exception_id == _A.exception_id))
        .where(WAITS)
    )


APPROVALS: Final = View(
    "v_approvals",
    "Actions that wait for somebody to agree: one row each. Whoever asked for it, and whoever agreed already, may not.",
    {
        "tenant": "Whose.",
        "action_id": "Which.",
        "sequence": "The number of its last event.",
        "exception_id": "The exception that it is for; none where a person asked for it and named none.",
        "order_id": "The order.",
        "kind": "Of the exception.",
        "severity": "Of the exception.",
        "owner": "The team that has the exception.",
        "action": "What is to be done.",
        "step": "The rule's own word for it.",
        "target": "What it changes.",
        "value": "What it is about in money, in `currency`.",
        "currency": "Its currency.",
        "irreversible": "Whether it cannot be undone.",
        "reason": "Why.",
        "state": "`proposed`, or `blocked` by another action of the same target.",
        "approvers": "Who may agree: the roles of which one is needed, as a JSON array.",
        "approvals_needed": "How many persons must still agree.",
        "initiated_by": "Who asked for it, and so may not agree.",
        "approved_by": "Who agreed already, and may not again, as a JSON array.",
        "proposed_at": "When it was first said (log time).",
        "waiting_seconds": "How long ago that is, in seconds.",
        "needs_approval_by": "From when on it escalates.",
        "overdue": "Whether that has passed.",
        "expires_at": "When it expires if nobody agrees.",
        "escalation_level": "How many rungs of the ladder it has gone.",
        "escalation_to": "To whom.",
        "payload_hash": "What an approval must name.",
    },
    _select,
)
