"""What an order's shard says of actions when an exception changes: that it asks for its best one, or no longer does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dataflows.core.decisions.cases import NEW
from dataflows.core.decisions.messages import Judgement
from dataflows.core.engine.against import standing_against
from dataflows.core.engine.exceptions import ExceptionState
from dataflows.core.engine.feeds import Feeds
from dataflows.core.engine.intents import Intent, MessageTerms, asked, intent_record, lane_of, spec_of, target_of
from dataflows.core.engine.message_book import AskedMessage, MessageBook
from dataflows.core.engine.messaging import Messenger
from dataflows.core.engine.order import Order
from dataflows.core.engine.ruleset import RuleSet
from dataflows.core.history.facts import Facts
from dataflows.core.policy import Policy
from dataflows.core.rules.guarding import Objection, guards_of, speak
from dataflows.core.rules.model import Rule
from schemas.actions import ActionSpec
from schemas.messages import MESSAGES
from schemas.output import OutputRecord

Guarded = Sequence[tuple[Objection, frozenset[str]]]
"""The guardrails that hold for an order, and what each is about."""


class Firing(NamedTuple):
    """Which time of which step of an exception it is, and why. `message`: what a message would say; `why`: one is taken back."""

    step: str
    reason: str
    number: int
    wanted: bool
    message: Judgement | None = None
    why: Objection | None = None
    replaces: int = 0


class Asking:
    """The intents of one policy. `feeds`: the monitored ones as the shard knows them."""

    def __init__(self, policy: Policy, ruleset: RuleSet, feeds: Feeds) -> None:
        self._policy = policy
        self._ruleset = ruleset
        self._feeds = feeds
        self._guards = guards_of(policy.guardrails)
        self.messenger = Messenger(policy)

    def spoken(self, facts: Facts) -> Guarded:
        """The guardrails of the policy that hold for an order."""
        return speak(self._guards, facts)

    def first(
        self, order: Order, state: ExceptionState, rule: Rule, facts: Facts, spoken: Guarded, key: Callable[[int], str]
    ) -> OutputRecord | None:
        """That a changed exception asks for its best action, or no longer does. `key` gives the next place in what the order says."""
        wanted = state.status == "open" and state.mode == "on" and (state.work or NEW).state != "resolved"
        name, reason = rule.actions[0] if rule.actions else ("", "the rule asks for no action any more")
        if not wanted:
            name = state.asked or name
        if wanted == (state.action > 0) or not name:
            return None
        if wanted:
            state.action, state.asked = 1 - state.action, name if rule.stated is not None else ""
        number = state.action
        if not wanted:
            state.action = -state.action
            if order.messages is not None:
                order.messages.close(order.exceptions.id_of(state))
        message = self.messenger.judge(order, state, facts, spec_of(name).name) if wanted and spec_of(name).name in MESSAGES else None
        return self.fire(order, state, Firing(name, reason, number, wanted, message), facts, spoken, key)

    def fire(
        self, order: Order, state: ExceptionState, firing: Firing, facts: Facts, spoken: Guarded, key: Callable[[int], str]
    ) -> OutputRecord:
        """One intent of an exception."""
        name, message = firing.step, firing.message
        spec, exception = spec_of(name), order.exceptions.id_of(state)
        known = asked(spec, name, state, facts)
        said: list[Objection] = []
        if firing.wanted:
            said = self.objections(order, state, facts, spec, spoken)
        if message is not None:
            known.parameters.update(message.message.parameters)
            if message.objection is not None:
                said.append(message.objection)
        customer = facts.fields.customer if facts.placed is not None else None
        intent = Intent(
            log=facts.now,
            key=key(facts.now),
            sort="asked" if firing.wanted else "gone",
            tenant=order.tenant,
            order=order.id,
            exception=exception,
            said=state.sequence,
            kind=state.kind,
            step=name,
            action=spec.name,
            number=firing.number,
            target=target_of(spec, state.scope),
            parameters=known.parameters,
            lane=lane_of(state.lane, said),
            guardrails=said,
            reason=firing.reason,
            evidence=list(state.evidence),
            severity=state.severity,
            policy=self._policy.version,
            customer=customer.id if customer is not None else None,
            amount=known.amount,
            message=None if message is None else terms_of(message),
            why=firing.why,
            replaces=firing.replaces,
        )
        if message is not None:
            _note(order, state, intent, message)
        return intent_record(intent, state.status)

    def objections(self, order: Order, state: ExceptionState, facts: Facts, spec: ActionSpec, spoken: Guarded) -> list[Objection]:
        """The guardrails that speak against an action of an exception, however late it is; `spoken`: those of the policy."""
        del facts
        said = [each for each, about in spoken if not about or spec.name in about]
        return said + standing_against(order, state)


def terms_of(judgement: Judgement) -> MessageTerms:
    """What whoever lets a message out goes by."""
    return MessageTerms(judgement.message, judgement.objection)


def _note(order: Order, state: ExceptionState, intent: Intent, judgement: Judgement) -> None:
    """Keeps a message that is asked for, to be judged again whenever its order changes."""
    if order.messages is None:
        order.messages = MessageBook()
    objection = judgement.objection
    entry = AskedMessage(
        intent.action_id, intent.action, judgement.message, (state.kind, state.scope, state.episode), intent.exception, state.scope
    )
    entry.objection, entry.until = ("", judgement.until) if objection is None else (objection.name, judgement.until)
    entry.out = objection is None or not ends(objection)
    order.messages.close(intent.exception)
    order.messages.asked[intent.exception] = entry


def ends(objection: Objection) -> bool:
    """Whether a guardrail takes a message back at once, so that no action of it stands."""
    return objection.effect == "withdraw"
