"""Every step of an action's life, whoever takes it: its rule, a person, what carries it out, or time."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from dataflows.core.actions.budgets import Budgets
from dataflows.core.actions.digest import payload_hash
from dataflows.core.actions.escalating import escalate
from dataflows.core.actions.exclusive import rival_of
from dataflows.core.actions.known import KnownActions
from dataflows.core.actions.messages import after_refusal, objection_of
from dataflows.core.actions.model import RULE, ActionState, StandingActions, with_guardrail
from dataflows.core.actions.pauses import NAME as PAUSED
from dataflows.core.actions.pauses import Pause, pause_over
from dataflows.core.actions.writing import Writer
from dataflows.core.engine.intents import Intent
from dataflows.core.policy import Policy
from dataflows.core.rules.guarding import Objection
from schemas.actions import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

EXCLUSIVE, BUDGET, PARAMETERS = "one_irreversible_action", "budget", "parameters"
"""The names of guardrails that only an action shard can ask."""


class Machine:
    """The actions of one shard. `changed`: the IDs of those that have changed and are not stored yet."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.actions = KnownActions()
        self.budgets = Budgets(policy)
        self.pauses: dict[str, Pause] = {}
        self.writer = Writer(policy)
        self.standing = StandingActions()
        self.changed: set[str] = set()
        self._touched: set[str] = set()
        self._of_order: dict[tuple[str, str], tuple[str, ...]] = {}
        self._of_firing: dict[str, str] = {}
        self.forgotten: dict[str, int] = {}
        """Erased orders, by tenant and name, and since when (µs of log time)."""
        self._erased: list[str] = []

    def adopt(self, policy: Policy) -> None:
        """Goes on under another policy: what was decided stays, also how many persons must agree to what is proposed already."""
        self.policy = self.budgets.policy = self.writer.policy = policy

    # what is known

    def add(self, action: ActionState) -> None:
        """Knows an action from now on."""
        self.actions.add(action)
        key = (action.tenant, action.order)
        siblings = self._of_order.get(key, ())
        if action.id not in siblings:
            self._of_order[key] = (*siblings, action.id)
        if action.firing:
            self._of_firing[action.firing] = action.id

    def drop(self, id_: str) -> None:
        """Knows an action no more."""
        action = self.actions.pop(id_)
        key = (action.tenant, action.order)
        siblings = tuple(each for each in self._of_order[key] if each != id_)
        if siblings:
            self._of_order[key] = siblings
        else:
            del self._of_order[key]
        if action.firing:
            self._of_firing.pop(action.firing, None)
        self.touch(id_)

    def forget_order(self, tenant: str, order: str, now: int) -> None:
        """Remembers of an order that it was erased."""
        name = f"{tenant}\x1f{order}"
        self.forgotten[name] = now
        self._erased.append(name)

    def forgets(self, tenant: str, order: str) -> bool:
        """Whether an order was erased."""
        return bool(self.forgotten) and f"{tenant}\x1f{order}" in self.forgotten

    def erased_since(self) -> list[tuple[str, int]]:
        """The orders that were erased since the last call."""
        names, self._erased = self._erased, []
        return [(name, self.forgotten[name]) for name in names]

    def forget_firing(self, firing: str) -> None:
        """Knows no more which action an exception asked for: another one stands in its place."""
        self._of_firing.pop(firing, None)

    def of_order(self, tenant: str, order: str) -> list[ActionState]:
        """The actions of an order, by ID."""
        return [self.actions[id_] for id_ in sorted(self._of_order.get((tenant, order), ()))]

    def of_firing(self, firing: str) -> ActionState | None:
        """The action that an exception asked for."""
        known = self._of_firing.get(firing)
        return None if known is None else self.actions[known]

    def touch(self, id_: str) -> None:
        """Notes that an action has changed."""
        self.changed.add(id_)
        self._touched.add(id_)

    def touched(self) -> list[str]:
        """The actions that have changed since the last call, by ID."""
        if not self._touched:
            return []
        found = sorted(self._touched)
        self._touched.clear()
        return found

    def say(self, action: ActionState, now: int) -> None:
        """Writes how an action stands, and lets the actions of its order that waited for its end go on."""
        if action.final and not action.ended:
            action.ended = now
        self.touch(action.id)
        self.standing.count(action)
        self.writer.action(action, now)
        if action.final:
            self._free(action, now)

    # what rules ask for

    def ask(self, intent: Intent) -> None:
        """An exception asks for an action."""
        if self.of_firing(intent.firing) is not None:
            return
        spec = ACTIONS[intent.action]
        action = ActionState(
            id=intent.action_id,
            tenant=intent.tenant,
            order=intent.order,
            action=intent.action,
            target=intent.target,
            parameters=intent.parameters,
            payload=payload_hash(intent.tenant, intent.order, intent.exception, intent.action, intent.target, intent.parameters),
            exception=intent.exception,
            kind=intent.kind,
            step=intent.step,
            firing=intent.firing,
            said=intent.said,
            lane=intent.lane,
            guardrails=tuple(intent.guardrails),
            reason=intent.reason,
            evidence=tuple(intent.evidence),
            severity=intent.severity,
            policy=intent.policy,
            customer=intent.customer,
            amount=intent.amount,
            initiated_by=f"{RULE}{intent.kind}",
            approvals=self.needed(intent.action, intent.amount) if spec.approval or intent.lane != "auto" else 0,
            hold_until=intent.hold_until,
            message=intent.message,
            owner=intent.owner,
        )
        after_refusal(action, self.of_firing(intent.firing_of(intent.replaces)) if intent.replaces else None)
        self.begin(action, intent.log)

    def needed(self, action: str, amount: tuple[str, str] | None) -> int:
        """How many persons must agree to an action."""
        if not ACTIONS[action].approval:
            return 1
        value, currency = (None, None) if amount is None else (Decimal(amount[0]), amount[1])
        return self.policy.actions.approvals_for(value, currency)

    def begin(self, action: ActionState, now: int) -> None:
        """Takes a new action in: it is requested, proposed, or blocked."""
        self.add(action)
        missing = [name for name in action.spec.needs if action.parameters.get(name) is None]
        if missing:
            with_guardrail(action, Objection(PARAMETERS, "block", f"not known yet: {', '.join(missing)}"))
            action.lane = "block"
            action.approvals = max(1, action.approvals)
        if action.spec.approval and action.lane == "auto":
            action.lane = "review"
        objection = None if action.message is None else action.message.objection
        if objection is not None:
            with_guardrail(action, objection)
            action.state = "blocked" if objection.effect == "block" else "proposed"
        elif not self._block(action):
            self._go_on(action, now)
        self.say(action, now)
        if objection is not None and objection.effect != "block":
            self.withdraw(action, now, objection.reason)

    def withdraw(self, action: ActionState, now: int, why: str) -> None:
        """Ends an action that has not begun."""
        action.was_requested = action.state == "requested"
        action.state, action.rival = "withdrawn", ""
        action.reason = why or action.reason
        self.budgets.give_back(action)
        self.say(action, now)

    # whether it may be requested

    def hindrance(self, action: ActionState, now: int) -> Objection | None:
        """What keeps an action from being requested although everybody who must has agreed; None if nothing does."""
        for name in action.spec.needs:
            if action.parameters.get(name) is None:
                return Objection(PARAMETERS, "block", f"not known yet: {name}")
        if (objection := objection_of(action)) is not None:
            return objection
        if paused := pause_over(self.pauses, action):
            return paused
        spent = self.budgets.spent(action, now)
        return None if spent is None else Objection(BUDGET, "review", f"the budget is spent: {spent.name}")

    def request_if_free(self, action: ActionState, now: int) -> None:
        """Requests an action that waits for nobody any more; what keeps it makes it wait for a person."""
        if not self._block(action):
            self._go_on(action, now)
        self.say(action, now)

    def _go_on(self, action: ActionState, now: int) -> None:
        if action.outstanding == 0:
            hindered = self.hindrance(action, now)
            if hindered is not None:
                with_guardrail(action, hindered)
                action.lane = "block" if hindered.effect == "block" or action.lane == "block" else "review"
                action.approvals = len(action.approved) + 1
            elif not self.budgets.messages.hold(action, self.policy, now):
                action.state = "requested"
                action.stop_waiting()
                self.budgets.reserve(action, now)
                return
        action.state = "proposed"
        action.stop_waiting()
        if action.outstanding:
            self.await_person(action, now)

    def await_person(self, action: ActionState, now: int) -> None:
        """Lets an action wait for a person's approval, for as long as the policy says."""
        terms = self.policy.actions
        action.stop_waiting()
        action.expires = now + terms.approval_timeout
        action.approve_by = action.escalates_at = now + terms.approve_within

    def rival(self, action: ActionState) -> ActionState | None:
        """The action that excludes another one now."""
        return rival_of(action, self.of_order(action.tenant, action.order))

    def _block(self, action: ActionState) -> bool:
        """Whether another action of the target excludes it; then it waits for that one's end."""
        rival = self.rival(action)
        if rival is None:
            return False
        action.state, action.rival = "blocked", rival.id
        action.stop_waiting()
        action.lane = "block"
        ours, theirs = action.kind or action.initiated_by, rival.kind or rival.initiated_by
        why = f"{action.action} of {ours} and {rival.action} of {theirs} are about the same {rival.target}: only one at a time ({rival.id})"
        with_guardrail(action, Objection(EXCLUSIVE, "block", why))
        return True

    def _free(self, ended: ActionState, now: int) -> None:
        """Lets a person decide about what waited for an action that has ended."""
        waiting: Iterable[ActionState] = [
            each for each in self.of_order(ended.tenant, ended.order) if each.state == "blocked" and each.rival == ended.id
        ]
        for action in waiting:
            action.rival = ""
            if not self._block(action):
                action.state = "proposed"
                action.lane = "review" if action.lane == "block" and not _blocked_otherwise(action) else action.lane
                # Two rules wanted the same: that the first is over does not make the second one right.
                action.approvals = max(action.approvals, len(action.approved) + 1)
                self.await_person(action, now)
            self.say(action, now)

    # time

    def reach(self, action: ActionState, now: int) -> None:
        """What time alone does to an action that is due."""
        if action.state == "proposed" and action.expires and action.expires <= now:
            action.state = "expired"
            self.say(action, now)
        elif action.state == "proposed" and action.outstanding and action.escalates_at and action.escalates_at <= now:
            escalate(self.policy, action, now)
            self.say(action, now)
        elif action.state == "proposed" and action.hold_until and action.hold_until <= now and not action.outstanding:
            self.request_if_free(action, now)


def _blocked_otherwise(action: ActionState) -> bool:
    return any(each.effect == "block" and each.name not in (EXCLUSIVE, PAUSED) for each in action.guardrails)
