"""When a message goes out: not in quiet hours, not more often than the policy allows, and not where its order's shard objects."""

from __future__ import annotations

from dataflows.core.actions.caps import MessageCounts, recipient, recipient_of
from dataflows.core.actions.model import ActionState, with_guardrail
from dataflows.core.decisions.messages import CONSENT, CONTRADICTION, DUPLICATE
from dataflows.core.decisions.quiet import quiet_until
from dataflows.core.engine.intents import Intent
from dataflows.core.policy import Policy
from dataflows.core.rules.guarding import Objection
from schemas.instants import iso
from schemas.messages import MESSAGES

QUIET, CAP, NOT_JUDGED, REFUSED = "quiet_hours", "frequency_cap", "not_judged", "refused_before"
"""The names of guardrails that only messages have."""
OF_MESSAGES = (QUIET, CAP, NOT_JUDGED, REFUSED, DUPLICATE, CONTRADICTION, CONSENT)
MOST_HOLDS = 16
"""After as many holds, one after the other, a message that may still not go out is looked at again."""


class MessageDesk:
    """What all messages of one shard share. `counts`: what each customer got."""

    def __init__(self) -> None:
        self.counts = MessageCounts()

    def hold(self, action: ActionState, policy: Policy, now: int) -> bool:
        """Whether a message must wait, and until when: it is noted with the guardrails that say so."""
        terms, cap = action.message, policy.messages.cap
        if terms is None:
            return action.hold_until > now  # It was asked for by a program that knew no more.
        at, zone = now, terms.message.zone
        for _ in range(MOST_HOLDS):
            begin = at
            silent = 0 if policy.actions.quiet is None else quiet_until(at, zone, policy.actions.quiet)
            if silent:
                at = silent
                with_guardrail(action, Objection(QUIET, "hold", f"it is quiet where the customer is until {iso(at)} ({zone})"))
            free = at if cap is None else self.counts.free_at(recipient_of(action), cap, at)
            if cap is not None and free > at:
                at = free
                with_guardrail(action, Objection(CAP, "hold", f"the customer was sent {cap.most} messages; the next may go at {iso(at)}"))
            if at == begin:
                break
        action.hold_until = at if at > now else 0
        return at > now

    def requested(self, action: ActionState, policy: Policy, now: int) -> None:
        """Counts a message that goes out."""
        cap = policy.messages.cap
        if action.action in MESSAGES and cap is not None:
            self.counts.add(recipient_of(action), now, cap, now)
            action.counted = now

    def given_back(self, action: ActionState) -> None:
        """Counts a message no more that did not go out."""
        if action.counted:
            self.counts.remove(recipient_of(action), action.counted)
            action.counted = 0

    def heard(self, intent: Intent, policy: Policy) -> None:
        """Counts a message that somebody else sent."""
        cap = policy.messages.cap
        if intent.message is not None and cap is not None:
            self.counts.add(recipient(intent.tenant, intent.order, intent.customer), intent.message.at, cap, intent.log)


def objection_of(action: ActionState) -> Objection | None:
    """What an order's shard has against a message; of one that a person asked for also that it has not been judged yet."""
    if action.message is not None:
        return action.message.objection
    if action.action in MESSAGES and not action.by_rule:
        return Objection(NOT_JUDGED, "block", "nothing is known of what the order's customer was told")
    return None


def after_refusal(action: ActionState, before: ActionState | None) -> None:
    """Makes a message wait for a person where one that said something else was rejected, or nobody agreed to it."""
    if before is not None and before.state in ("rejected", "expired"):
        with_guardrail(action, Objection(REFUSED, "review", f"what was to be said before was {before.state}"))
        action.lane = "review" if action.lane == "auto" else action.lane
        action.approvals = max(1, action.approvals)
