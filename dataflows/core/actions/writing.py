"""What is written of actions, as CloudEvents: every event carries the full state."""

from __future__ import annotations

from dataflows.core.actions.escalating import OVERDUE
from dataflows.core.actions.model import ActionState
from dataflows.core.actions.pauses import Pause
from dataflows.core.engine.exceptions import cited, escalation_said, event, guardrails_data
from dataflows.core.engine.intents import Intent
from dataflows.core.policy import Policy
from schemas.instants import iso
from schemas.output import OutputRecord, rejected, withheld
from schemas.record import Record

AUTOMATION = "automation"
"""What stands for the order where something is said of automation itself."""


class Writer:
    """Numbers the lines of each instant: that keeps their order where the output of several shards is merged."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.instant = -1
        self.number = 0
        self.out: list[OutputRecord] = []

    def action(self, action: ActionState, log: int) -> None:
        """Says how an action stands."""
        first, action.sequence = action.sequence == 0, action.sequence + 1
        type_ = "action.updated"
        if action.state in ("requested", "withdrawn"):
            type_ = f"action.{action.state}"
        elif first:
            type_ = "action.proposed"
        data = self._data(action)
        body = event(action.tenant, action.order, type_, f"{action.id}:{action.sequence}", log, data)
        self._say(log, action.order, type_, body, data, action.kind, action.severity, action.state)

    def withdrawn_of_before(self, intent: Intent) -> None:
        """Withdraws an action that was proposed before actions were followed: in the words of then, under the ID of then."""
        data: dict[str, object] = {
            "action_id": intent.action_id,
            "exception_id": intent.exception,
            "order_id": intent.order,
            "action": intent.action,
            "step": intent.step,
            "target": intent.target,
            "parameters": intent.parameters,
            "idempotency_key": intent.action_id,
            "reason": intent.reason,
            "evidence": [cited(each) for each in intent.evidence],
            "sequence": intent.said,
            "state": "withdrawn",
            "lane": intent.lane,
            "initiated_by": f"rule:{intent.kind}",
            "policy": intent.policy,
        }
        body = event(intent.tenant, intent.order, "action.withdrawn", f"{intent.action_id}:{intent.said}", intent.log, data)
        self._say(intent.log, intent.order, "action.withdrawn", body, data, intent.kind, intent.severity, "withdrawn")

    def automation(self, pauses: dict[str, Pause], tenant: str, log: int, id_: str) -> None:
        """Says where automation is paused."""
        paused = [
            {"scope": scope, "since": iso(pause.since), "by": pause.by, "reason": pause.reason} for scope, pause in sorted(pauses.items())
        ]
        data: dict[str, object] = {"paused": paused}
        body = event(tenant, AUTOMATION, "automation.state", id_, log, data)
        self._say(log, AUTOMATION, "automation.state", body, data)

    def reject(self, record: Record, reason: str, detail: str) -> None:
        """Gives a decision back untouched: why, and where it stood; nothing of it where it is about an erased order."""
        give = withheld if reason == "forgotten" else rejected
        self.out.append(give(record, self.key(record.log), reason, detail))

    def key(self, log: int) -> str:
        """The next place at this instant."""
        if log != self.instant:
            self.instant, self.number = log, 0
        self.number += 1
        return f"{self.number:09d}"

    def _say(
        self, log: int, order: str, type_: str, body: bytes, data: dict[str, object], kind: str = "", severity: str = "", status: str = ""
    ) -> None:
        self.out.append(OutputRecord(log, order, "actions", type_, self.key(log), body, kind, severity, status, data))

    def _data(self, action: ActionState) -> dict[str, object]:
        waits = action.outstanding
        return {
            "action_id": action.id,
            "exception_id": action.exception,
            "order_id": action.order,
            "action": action.action,
            "parameters": action.parameters,
            "idempotency_key": action.id,
            "reason": action.reason,
            "evidence": [cited(each) for each in action.evidence],
            "sequence": action.sequence,
            "step": action.step or None,
            "target": action.target,
            "payload_hash": action.payload,
            "state": action.state,
            "lane": action.lane,
            "guardrails": guardrails_data(action.guardrails),
            "needs_approval_by": iso(action.approve_by) if action.approve_by else None,
            "approvers": list(self.policy.actions.roles_for(action.action)) if waits else [],
            "approvals_needed": waits,
            "initiated_by": action.initiated_by,
            "approved_by": list(action.approved),
            "expires_at": iso(action.expires) if action.expires and action.state == "proposed" else None,
            "held_until": iso(action.hold_until) if action.hold_until and action.state == "proposed" else None,
            "value": None if action.amount is None else {"amount": action.amount[0], "currency": action.amount[1]},
            "irreversible": not action.spec.reversible,
            "attempt": action.attempt,
            "retry_at": iso(action.retry_at) if action.retry_at else None,
            "compensates": action.compensates,
            "message": None if action.message is None else action.message.message.parameters,
            "replaces": action.replaces,
            "owner": action.owner or None,
            "escalation": None
            if action.escalated_to is None
            else escalation_said(action.level, action.escalated_to, action.escalated, OVERDUE),
            "policy": action.policy,
        }
