"""The messages of one order: which its customer got, which are asked for, and what each would say as the order stands."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Final, cast

from dataflows.core.clocks.zones import deadline
from dataflows.core.decisions.messages import (
    CHANGED,
    WITHDRAWN,
    CustomerMessage,
    Judgement,
    Occasion,
    Promise,
    SentMessage,
    channel_for,
    judged,
)
from dataflows.core.engine.exceptions import ExceptionState
from dataflows.core.engine.message_book import AskedMessage
from dataflows.core.engine.order import Order
from dataflows.core.history.facts import Facts
from dataflows.core.policy import Policy
from dataflows.core.rules.guarding import Objection
from schemas.instants import iso
from schemas.messages import TOPICS, topic_of

if TYPE_CHECKING:
    from schemas.events import MessageSent
    from schemas.record import Record

SENT: Final = "message.sent"
PROMISED: Final = "promised_by"
SHOWN = 8
"""How many messages are said with an exception: the last of each topic."""


class Messenger:
    """Messages under one policy. Nothing here changes an order."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._topics = {topic: topic for topic in TOPICS} | dict(policy.messages.topics)

    def sent(self, order: Order, facts: Facts) -> list[SentMessage]:
        """What the customer was told, by anybody, as it was."""
        ours = order.messages.sent if order.messages is not None else []
        others = [self._heard(order, record) for record in facts.t.of(SENT)]
        return sorted([*ours, *others], key=lambda message: (message.at, message.by, message.action or ""))

    def data(self, order: Order, facts: Facts) -> list[dict[str, object]]:
        """The last message of each topic in the contract's words, the latest first."""
        if order.messages is None and SENT not in facts.t.by_type:
            return []
        last = {message.topic: message for message in self.sent(order, facts)}
        latest = sorted(last.values(), key=lambda message: (-message.at, message.by, message.topic or ""))
        return [
            {
                "topic": message.topic,
                "channel": message.channel,
                "promised_by": message.promised,
                "sent_at": iso(message.at),
                "by": message.by,
                "exception_id": message.exception,
                "action_id": message.action,
            }
            for message in islice(latest, SHOWN)
        ]

    def consent(self, facts: Facts) -> list[Objection]:
        """That an order's customer agreed to no channel that there is."""
        customer = facts.fields.customer if facts.placed is not None else None
        _, objection = channel_for(self._policy.messages, customer.consents if customer is not None else None)
        return [] if objection is None else [objection]

    def judge(self, order: Order, state: ExceptionState, facts: Facts, action: str) -> Judgement:
        """What an exception's message would say, and whether it may be said."""
        promise = self._promise(facts, state.scope)
        message, objection = self._message(order, facts, topic_of(state.kind, action), promise)
        occasion = Occasion(order.exceptions.id_of(state), state.scope, state.start)
        return self._judged(order, facts, message, objection, occasion, promise)

    def judge_stated(self, order: Order, entry: AskedMessage, facts: Facts) -> Judgement:
        """What a message that a person asked for would say, and whether it may be said."""
        promise = self._promise(facts, entry.scope)
        topic, channel, promised = entry.stated
        state = None if entry.key is None else order.exceptions.states.get(entry.key)
        since = 0 if state is None else state.start  # Without an exception whatever was said of it counts.
        name = topic_of(entry.key[0] if entry.key else "", entry.action) if topic is None else topic
        wrong = promised is not None and not _is_date(promised)
        message, objection = self._message(order, facts, name, promise, channel, None if wrong else promised)
        if wrong:
            objection = Objection("parameters", WITHDRAWN, f"promised_by is no date: {promised}")
        return self._judged(order, facts, message, objection, Occasion(entry.exception, entry.scope, since), promise)

    def topic(self, stated: str | None) -> str | None:
        """The topic that somebody means: a topic, a kind of exception, or a word that the policy maps; else what they say."""
        if stated is None:
            return None
        word = stated.casefold()
        return self._topics.get(word) or (topic_of(word) if "." in word else stated)

    def _judged(
        self, order: Order, facts: Facts, message: CustomerMessage, objection: Objection | None, occasion: Occasion, promise: Promise | None
    ) -> Judgement:
        sent = self.sent(order, facts)
        ends = _deadlines(message.zone)
        return judged(message, objection, occasion, sent, promise=promise, deadline=ends, now=facts.now)

    def _message(
        self,
        order: Order,
        facts: Facts,
        topic: str,
        promise: Promise | None,
        channel: str | None = None,
        promised: str | None = None,
    ) -> tuple[CustomerMessage, Objection | None]:
        policy = self._policy.messages
        fields = facts.fields if facts.placed is not None else None
        customer = fields.customer if fields is not None else None
        ship_to = fields.ship_to if fields is not None else None
        by, objection = channel_for(policy, customer.consents if customer is not None else None, channel)
        zone = facts.ship_to_zone if ship_to is not None else self._policy.tenant_zone(order.tenant)
        language = policy.language(ship_to.country if ship_to is not None else None)
        dated = topic in TOPICS and TOPICS[topic].dated and promise is not None and promise.deadline > facts.now
        if promised is None and dated and promise is not None:
            promised = promise.stated
        return CustomerMessage(topic, by, language, zone, promised), objection

    def _promise(self, facts: Facts, scope: str | None) -> Promise | None:
        """The promise that is in force for what an exception is about: its line's, else the order's, else the earliest of lines."""
        if facts.placed is None:
            return None
        if scope is not None and scope.startswith("line:"):
            own = facts.line_dates(PROMISED).own.get(scope.removeprefix("line:"))
            if own and own[-1][0] is not None:
                return _in_force(facts, own[-1][0], own[-1][1])
        segments = facts.dates(PROMISED)
        if segments and segments[-1][0] is not None:
            return _in_force(facts, segments[-1][0], segments[-1][1])
        lines = [own[-1] for own in facts.line_dates(PROMISED).own.values()]
        found = [_in_force(facts, each[0], each[1]) for each in lines if each[0] is not None]
        return min(found, key=lambda promise: promise.deadline, default=None)

    def _heard(self, order: Order, record: Record) -> SentMessage:
        data = cast("MessageSent", record.event.data)
        about = data.exception_id
        states = order.exceptions.states.values() if about is not None else ()
        scope = next((state.scope for state in states if order.exceptions.id_of(state) == about), None)
        return SentMessage(record.at, record.event.source, self.topic(data.topic), data.channel, data.promised_by, about, scope)


def changed_words(before: CustomerMessage, after: CustomerMessage) -> Objection:
    """That a message is taken back because it would say something else now."""
    return Objection(CHANGED, WITHDRAWN, f"it would say something else now: {before.differs(after) or 'what speaks against it'}")


def _in_force(facts: Facts, stated: str, since: int) -> Promise:
    return Promise(stated, facts.promise_deadline(stated), since)


def _is_date(text: str) -> bool:
    try:
        deadline(text, "UTC")
    except (ValueError, OverflowError):
        return False
    return True


def _deadlines(zone: str) -> Callable[[str], int]:
    return lambda text: deadline(text, zone)
