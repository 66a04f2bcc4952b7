"""What follows for an order's messages once anything has happened to it: what is asked for is judged again, what was sent is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, cast

from msgspec.structs import replace

from dataflows.core.decisions.cases import NEW
from dataflows.core.decisions.messages import WITHDRAWN, CustomerMessage, Judgement
from dataflows.core.engine.asking import Asking, MessageFiring, ends, terms_of
from dataflows.core.engine.exceptions import ExceptionState, derived_id
from dataflows.core.engine.intents import Intent, MessageTerms, Sort, intent_record
from dataflows.core.engine.lifecycle import Key
from dataflows.core.engine.message_book import MOST, AskedMessage, MessageBook
from dataflows.core.engine.messaging import SENT, changed_words
from dataflows.core.engine.order import MESSAGES, Order
from dataflows.core.engine.ruleset import RuleSet
from dataflows.core.history.facts import Facts
from dataflows.core.rules.guarding import Objection
from schemas.deciding import decides
from schemas.events import ActionEvent, ActionInitiated, MessageSent
from schemas.instants import FAR
from schemas.messages import MESSAGES as TO_CUSTOMERS
from schemas.output import OutputRecord
from schemas.record import Record

HEARD: Final = frozenset(("action.executed", "action.initiated", "action.observed"))
"""Decisions about actions that an order's shard hears of as well: its customer may have been told something, or is to be."""
NEWS: Final = frozenset((SENT, "action.executed", "action.observed"))
"""Types of events after which the customer knows something else."""
NO_EXCEPTION: Final = Objection("no_exception", WITHDRAWN, "what it is about is over")


def hear(order: Order, record: Record) -> bool:
    """Takes in what was decided about a message of an order; whether that is news for what its customer was told or is to be."""
    if not decides(record.topic):
        return False
    if record.event.type == "action.initiated":
        return _initiated(order, record)
    data = cast("ActionEvent", record.event.data)
    if record.event.type == "action.observed" and data.outcome != "executed":
        return False
    return order.messages is not None and order.messages.executed(data.action_id, record.log)


def _initiated(order: Order, record: Record) -> bool:
    data, event = cast("ActionInitiated", record.event.data), record.event
    if data.action not in TO_CUSTOMERS:
        return False
    book = order.messages = order.messages or MessageBook()
    id_ = initiated_id(event.tenant, order.id, event.source, event.id)
    if id_ in book.asked or any(each.id == id_ for each in book.former):
        return False
    stated = {name: value for name, value in (data.parameters or {}).items() if isinstance(value, str)}
    about = data.exception_id
    key, state = next(((k, s) for k, s in order.exceptions.states.items() if order.exceptions.id_of(s) == about), (None, None))
    book.asked[id_] = AskedMessage(
        id_,
        data.action,
        CustomerMessage("", "", "", ""),
        key,
        about or "",
        None if state is None else state.scope,
        initiated=True,
        stated=(stated.get("topic"), stated.get("channel"), stated.get("promised_by")),
    )
    for name in [name for name, entry in book.asked.items() if entry.initiated][:-MOST]:
        book.close(name)
    return True


def initiated_id(tenant: str, order: str, source: str, event: str) -> str:
    """The ID of the action that a person asks for by an event."""
    return derived_id(f"{tenant}\x1f{order}\x1f{source}\x1f{event}\x1finitiated")


class FollowUp:
    """Messages of orders under one policy. `key` gives the next place in what an order says at an instant."""

    def __init__(self, asking: Asking, ruleset: RuleSet, version: str) -> None:
        self._asking = asking
        self._ruleset = ruleset
        self._version = version

    def heard(self, order: Order, facts: Facts, record: Record, key: Callable[[int], str]) -> OutputRecord:
        """That somebody else told the customer something: it counts among the messages that the customer got."""
        data = cast("MessageSent", record.event.data)
        topic = self._asking.messenger.topic(data.topic) or ""
        at = min(record.at, record.log)
        return intent_record(
            self._intent(
                order, facts, "sent", key, message=MessageTerms(CustomerMessage(topic, data.channel or "", "", "", data.promised_by), at=at)
            ),
            "",
        )

    def review(self, order: Order, facts: Facts, key: Callable[[int], str]) -> list[OutputRecord]:
        """Judges every message that is asked for again, and plans when time alone may change that."""
        book = order.messages
        if book is None:
            return []
        outs: list[OutputRecord] = []
        for name in sorted(book.asked):
            entry = book.asked[name]
            outs += self._stated(order, entry, name, facts, key) if entry.initiated else self._asked(order, entry, facts, key)
        if book.due < FAR:
            order.recheck_at[MESSAGES] = max(book.due, facts.now)
        else:
            order.recheck_at.pop(MESSAGES, None)
        return outs

    def _asked(self, order: Order, entry: AskedMessage, facts: Facts, key: Callable[[int], str]) -> Iterable[OutputRecord]:
        """A message that an exception asks for: what is out and would say something else is taken back, and asked for anew."""
        state = order.exceptions.states.get(cast("Key", entry.key))
        if state is None or state.action <= 0:
            cast("MessageBook", order.messages).close(entry.exception)
            return
        judgement = self._asking.messenger.judge(order, state, facts, entry.action)
        entry.until = judgement.until
        name = "" if judgement.objection is None else judgement.objection.name
        if (judgement.message, name) == (entry.message, entry.objection):
            return
        number, step = state.action, self._step(state, entry)
        lasting = judgement.objection is not None and ends(judgement.objection)
        if entry.out:
            why = judgement.objection if lasting else changed_words(entry.message, judgement.message)
            yield from self._fire(order, state, "gone", (step, "", number), facts, key, MessageFiring(why=why))
        if lasting:
            entry.message, entry.objection, entry.out = judgement.message, name, False
            return
        state.action = number + 1
        firing = (step, self._reason(state, step), number + 1)
        yield from self._fire(order, state, "asked", firing, facts, key, MessageFiring(judgement, replaces=number))

    def _fire(
        self,
        order: Order,
        state: ExceptionState,
        sort: Sort,
        step: tuple[str, str, int],
        facts: Facts,
        key: Callable[[int], str],
        message: MessageFiring,
    ) -> Iterable[OutputRecord]:
        said = self._asking.intent(order, state, facts, sort, step, self._asking.spoken(facts), key, message)
        return () if said is None else (said,)

    def _stated(self, order: Order, entry: AskedMessage, name: str, facts: Facts, key: Callable[[int], str]) -> Iterable[OutputRecord]:
        """A message that a person asked for: it says what they stated, so it is taken back where that must not be said."""
        judgement = self._asking.messenger.judge_stated(order, entry, facts)
        state = None if entry.key is None else order.exceptions.states.get(entry.key)
        if entry.exception and not _stands(state):
            judgement = Judgement(judgement.message, NO_EXCEPTION, FAR)
        entry.until = judgement.until
        objection = "" if judgement.objection is None else judgement.objection.name
        if (judgement.message, objection) == (entry.message, entry.objection):
            return
        entry.message, entry.objection = judgement.message, objection
        yield intent_record(self._intent(order, facts, "spoken", key, entry=entry, message=terms_of(judgement)), "")
        if objection:
            cast("MessageBook", order.messages).close(name)

    def _step(self, state: ExceptionState, entry: AskedMessage) -> str:
        """The rule's word for it."""
        rule = self._ruleset.by_kind(state.kind)
        return state.asked or (rule.actions[0][0] if rule.actions else entry.action)

    def _reason(self, state: ExceptionState, step: str) -> str:
        return next((reason for name, reason in self._ruleset.by_kind(state.kind).actions if name == step), "")

    def _intent(
        self,
        order: Order,
        facts: Facts,
        sort: str,
        key: Callable[[int], str],
        *,
        entry: AskedMessage | None = None,
        message: MessageTerms | None = None,
    ) -> Intent:
        customer = facts.fields.customer if facts.placed is not None else None
        return Intent(
            log=facts.now,
            key=key(facts.now),
            sort="spoken" if sort == "spoken" else "sent",
            tenant=order.tenant,
            order=order.id,
            exception="" if entry is None else entry.exception,
            said=0,
            kind="",
            step="",
            action="" if entry is None else entry.action,
            number=0,
            target="customer",
            parameters={},
            lane="",
            guardrails=[],
            reason="",
            evidence=[],
            severity="low",
            policy=self._version,
            customer=customer.id if customer is not None else None,
            message=message,
            action_of="" if entry is None else entry.id,
        )


def _stands(state: ExceptionState | None) -> bool:
    """Whether an exception is there to be told of."""
    return state is not None and state.status == "open" and (state.work or NEW).state != "resolved"


def again(
    states: dict[Key, ExceptionState], said: Iterable[OutputRecord], id_of: Callable[[ExceptionState], str]
) -> dict[Key, ExceptionState]:
    """The open exceptions that are to be said anew, since what the customer was told has changed: those that have not just been said."""
    known = {out.data["exception_id"] for out in said if out.topic == "exceptions"}
    return {key: replace(state) for key, state in states.items() if state.status == "open" and id_of(state) not in known}


__all__ = ["HEARD", "NEWS", "SENT", "FollowUp", "again", "hear", "initiated_id"]
