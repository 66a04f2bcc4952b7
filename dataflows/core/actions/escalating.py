"""What nobody has approved in time goes to others, rung by rung, until somebody decides or it expires."""

from __future__ import annotations

from typing import Final

from dataflows.core.actions.model import ActionState
from dataflows.core.clocks import Calendar
from dataflows.core.decisions.escalation import Duty, next_rung
from dataflows.core.policy import Policy
from dataflows.core.policy.model import LadderStep

OVERDUE: Final = "approval_overdue"
"""Why an action escalates, as it is published."""


def escalate(policy: Policy, action: ActionState, now: int) -> None:
    """Lets an action escalate whose approval is overdue, and plans the next time.

    Along the ladder that the policy names for actions; else once, to the first role that may approve it, in the team that has its
    exception.
    """
    ladder = policy.ladders.get(policy.actions.ladder)
    if ladder is None:
        _go(action, now, (action.owner, policy.actions.roles_for(action.action)[0]))
        action.escalates_at = 0
        return

    def windows(step: LadderStep, team: str) -> tuple[Calendar, ...]:
        return policy.windows(step, team, action.tenant)

    duty = Duty(policy.team_calendar(action.owner, action.tenant), windows)
    place, base = action.rung or (0, action.approve_by)
    rung = next_rung(ladder, place, base, duty, action.owner)
    if rung is not None and rung.at <= now:
        _go(action, now, rung.to)
        action.rung = (rung.after, rung.at)
        rung = next_rung(ladder, rung.after, rung.at, duty, action.owner)
    action.escalates_at = 0 if rung is None else rung.at


def _go(action: ActionState, now: int, to: tuple[str, str]) -> None:
    team, role = to
    action.level, action.escalated, action.escalated_to = action.level + 1, now, (team, role) if team else (role, "")
