"""What an order's shard says of actions: that an exception asks for its best one, what stands against it now, or that it no longer does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha1
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from dataflows.core.decisions.cases import NEW
from dataflows.core.decisions.messages import Judgement
from dataflows.core.engine.against import rests_on, stale_feeds, standing_against, suggestions_of
from dataflows.core.engine.exceptions import ExceptionState
from dataflows.core.engine.feeds import Feeds
from dataflows.core.engine.intents import Intent, MessageTerms, Sort, asked, intent_record, lane_of, spec_of, target_of
from dataflows.core.engine.lifecycle import place
from dataflows.core.engine.message_book import AskedMessage, MessageBook
from dataflows.core.engine.messaging import Messenger
from dataflows.core.engine.order import Order, key_of
from dataflows.core.engine.ruleset import RuleSet
from dataflows.core.engine.silences import of_payments
from dataflows.core.history.facts import Facts
from dataflows.core.policy import Policy, RuleSetting
from dataflows.core.rules.guarding import Objection, guards_of, speak
from dataflows.core.rules.model import Rule
from schemas.actions import ActionSpec
from schemas.instants import FAR, SECOND
from schemas.messages import MESSAGES
from schemas.output import OutputRecord

Guarded = Sequence[tuple[Objection, frozenset[str]]]
"""The guardrails that hold for an order, and what each is about."""


class MessageFiring(NamedTuple):
    """Of a message: what it would say, why one is taken back, and the number of the one in whose place it stands."""

    judgement: Judgement | None = None
    why: Objection | None = None
    replaces: int = 0


NO_MESSAGE = MessageFiring()
SILENCE_SPREAD: Final = 60
"""Seconds of log time after a feed has fallen silent within which each order that rests on it takes back what it asks for."""
QUARANTINED = Objection("quarantined", "withdraw", "the order's history cannot be evaluated any more")


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

    def over(
        self, order: Order, state: ExceptionState, rule: Rule, facts: Facts, spoken: Guarded, key: Callable[[int], str]
    ) -> OutputRecord | None:
        """That a changed exception no longer asks for its action. `key` gives the next place in what the order says."""
        name, reason = rule.actions[0] if rule.actions else ("", "the rule asks for no action any more")
        name, number = state.asked or name, state.action
        if number <= 0 or _wants(state) or not name:
            return None
        state.action = -number
        if order.messages is not None:
            order.messages.close(order.exceptions.id_of(state))
        return self.intent(order, state, facts, "gone", (name, reason, number), spoken, key)

    def wants(self, order: Order) -> bool:
        """Whether an exception of an order wants an action that it has not asked for."""
        return any(self._unasked(state) for state in order.exceptions.states.values())

    def first(self, order: Order, facts: Facts, key: Callable[[int], str]) -> list[OutputRecord]:
        """That exceptions ask for their best actions, of which all that ends or suppresses them at this instant is known."""
        found: list[OutputRecord] = []
        spoken: Guarded | None = None
        for state in sorted((s for s in order.exceptions.states.values() if self._unasked(s)), key=place):
            rule = self._ruleset.by_kind(state.kind)
            name, reason = rule.actions[0]
            state.action, state.asked = 1 - state.action, name if rule.stated is not None else ""
            spoken, message, action = self.spoken(facts) if spoken is None else spoken, NO_MESSAGE, spec_of(name).name
            if action in MESSAGES:
                message = MessageFiring(self.messenger.judge(order, state, facts, action))
            said = self.intent(order, state, facts, "asked", (name, reason, state.action), spoken, key, message)
            if said is not None:
                found.append(said)
        return found

    def _unasked(self, state: ExceptionState) -> bool:
        return state.action <= 0 and _wants(state) and bool(self._ruleset.by_kind(state.kind).actions)

    def again(self, order: Order, facts: Facts, key: Callable[[int], str]) -> list[OutputRecord]:
        """What stands against the actions that the order's exceptions ask for, where it is not what was last said of them.

        Whoever follows the actions knows which of them have not begun.
        """
        found: list[OutputRecord] = []
        spoken: Guarded | None = None
        for state in sorted((s for s in order.exceptions.states.values() if s.action > 0), key=place):
            rule = self._ruleset.by_kind(state.kind)
            name, reason = rule.actions[0] if rule.actions else ("", "")
            name = state.asked or name
            if not name:
                continue
            spoken = self.spoken(facts) if spoken is None else spoken
            said = self.intent(order, state, facts, "guarded", (name, reason, state.action), spoken, key)
            if said is not None:
                found.append(said)
        return found

    def silence_at(self, order: Order, facts: Facts) -> int:
        """When to see whether a feed on which something rests that the order asks for has fallen silent; FAR: no feed can.

        Each order has a second of its own after that: however many rest on one feed, its silence never stops the flow.
        """
        asking = [state for state in order.exceptions.states.values() if state.action > 0]
        # When a source falls silent that no feed names is not foreseen.
        asks = any(of_payments(state, self._ruleset.by_kind(state.kind).awaits) for state in asking)
        self._feeds.silences.watch(order.key, asks=asks)
        if not self._feeds:
            return FAR
        named = set[str]().union(*(rests_on(self._feeds, state, self._setting(order, state), facts) for state in asking))
        at = min(map(self._feeds.falls_silent, named), default=FAR)
        return at if at == FAR else turn(order, at)

    def given_up(self, order: Order, now: int, key: Callable[[int], str]) -> list[OutputRecord]:
        """That an order's exceptions ask for nothing any more, since nobody can say whether they still stand (record 29).

        It reads nothing of the history, which is at fault.
        """
        found: list[OutputRecord] = []
        for state in order.exceptions.states.values():
            actions = self._ruleset.by_kind(state.kind).actions
            name = state.asked or (actions[0][0] if actions else "")
            if state.action <= 0 or not name:
                continue
            intent = Intent(
                log=now,
                key=key(now),
                sort="gone",
                tenant=order.tenant,
                order=order.id,
                exception=order.exceptions.id_of(state),
                said=state.sequence,
                kind=state.kind,
                step=name,
                action=spec_of(name).name,
                number=state.action,
                target=target_of(spec_of(name), state.scope),
                parameters={},
                lane=state.lane,
                guardrails=[],
                reason=QUARANTINED.reason,
                evidence=[],
                severity=state.severity,
                policy=self._policy.version,
                owner=state.owner,
                why=QUARANTINED,
            )
            found.append(intent_record(intent, state.status))
        return found

    def intent(
        self,
        order: Order,
        state: ExceptionState,
        facts: Facts,
        sort: Sort,
        step: tuple[str, str, int],
        spoken: Guarded,
        key: Callable[[int], str],
        message: MessageFiring = NO_MESSAGE,
    ) -> OutputRecord | None:
        """An intent about a step (its name, its reason, its number); None if it would say what was said last."""
        name, reason, number = step
        spec, exception = spec_of(name), order.exceptions.id_of(state)
        known, judgement = asked(spec, name, state, facts), message.judgement
        said: list[Objection] = []
        if sort != "gone":
            said = self.objections(order, state, facts, spec, spoken)
            before, state.judged = state.judged, _digest(state.lane, said, known.parameters)
            if sort == "guarded" and before in ("", state.judged):
                return None
            if judgement is not None:
                known.parameters.update(judgement.message.parameters)
                said += [] if judgement.objection is None else [judgement.objection]
            elif spec.name in MESSAGES:
                entry = None if order.messages is None else order.messages.asked.get(exception)
                if entry is None:
                    return None  # It went out.
                known.parameters.update(entry.message.parameters)
        customer = facts.fields.customer if facts.placed is not None else None
        intent = Intent(
            log=facts.now,
            key=key(facts.now),
            sort=sort,
            tenant=order.tenant,
            order=order.id,
            exception=exception,
            said=state.sequence,
            kind=state.kind,
            step=name,
            action=spec.name,
            number=number,
            target=target_of(spec, state.scope),
            parameters=known.parameters,
            lane=lane_of(state.lane, said),
            guardrails=said,
            reason=reason,
            evidence=list(state.evidence),
            severity=state.severity,
            policy=self._policy.version,
            customer=customer.id if customer is not None else None,
            amount=known.amount,
            owner=state.owner,
            message=None if judgement is None else terms_of(judgement),
            why=message.why,
            replaces=message.replaces,
        )
        if judgement is not None:
            _note(order, state, intent, judgement)
        return intent_record(intent, state.status)

    def objections(self, order: Order, state: ExceptionState, facts: Facts, spec: ActionSpec, spoken: Guarded) -> list[Objection]:
        """The guardrails that speak against an action of an exception, however late it is; `spoken`: those of the policy."""
        said = [each for each, about in spoken if not about or spec.name in about]
        said += standing_against(order, state)
        said += suggestions_of(state)
        if self._feeds or self._feeds.silences:
            awaits = self._ruleset.by_kind(state.kind).awaits
            said += stale_feeds(self._feeds, state, self._setting(order, state), awaits, facts)
        return said

    def _setting(self, order: Order, state: ExceptionState) -> RuleSetting | None:
        index = self._ruleset.index.get(state.kind)
        return None if index is None or order.profile is None else order.profile.settings[index]


def _wants(state: ExceptionState) -> bool:
    """Whether an exception asks for its action as it stands."""
    return state.status == "open" and state.mode == "on" and (state.work or NEW).state != "resolved"


def turn(order: Order, at: int) -> int:
    """When an order sees what the silence of a feed, which began at `at`, means to what it asks for: all of them within a minute."""
    return at + crc32(key_of(order.tenant, order.id).encode()) % SILENCE_SPREAD * SECOND


def _digest(lane: str, said: list[Objection], parameters: dict[str, object]) -> str:
    return sha1(_ENCODER.encode((lane, said, parameters)), usedforsecurity=False).hexdigest()[:12]


_ENCODER = msgspec.json.Encoder(order="sorted")


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
