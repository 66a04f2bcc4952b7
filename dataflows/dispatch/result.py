"""Last stage: what came of an attempt. It is in the journal first, and goes into the log from there: neither lost nor said twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from dataflows.dispatch.begin import attempt_row, store_attempt
from dataflows.dispatch.events import decision
from dataflows.dispatch.healthy import EndpointHealth, store_health
from dataflows.dispatch.journal import AttemptJournal
from dataflows.dispatch.listening import DispatchListener
from dataflows.dispatch.model import CERTAIN, SECOND, Clock, OwnAttempt, PendingAction, Phase, stated
from dataflows.dispatch.outbox import Outbox, put
from dataflows.dispatch.schedule import Schedule
from sinks.actions.executor import ActionRefused, Done, Executor, NotDone, Observation, Outcome, RetryLater, Unknown

ASK_AFTER_S: Final = (2.0, 15.0, 120.0)
"""Seconds after which an endpoint is asked what became of a call; then somebody has to look."""
BURY: Final = "INSERT OR REPLACE INTO dead_letters SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE EXISTS (SELECT 1 FROM actions WHERE id = ?1)"
"""Of an order that was erased while the call was under way nothing is kept: there is no action any more."""
OUTCOME: Final = (
    "SELECT endpoint, began_at, tries, asked_by, outcome, code FROM attempts"
    " WHERE action_id = ? AND attempt = ? AND dispatcher = ? AND phase = 'done'"
)
LONGEST: Final = 512
INTERRUPTED: Final = "interrupted"
"""The code of an attempt that never got to its call."""


class Ending(NamedTuple):
    """What is written of an attempt. `word`: how metrics call it. `dead`: it has failed for good."""

    phase: Phase
    word: str
    code: str = ""
    next_at: int = 0
    type_: str = ""
    said: Mapping[str, object] = {}
    dead: bool = False


class Results:
    """Takes outcomes in."""

    def __init__(self, journal: AttemptJournal, outbox: Outbox, schedule: Schedule, clock: Clock, listener: DispatchListener) -> None:
        self._journal, self._outbox, self._schedule, self._clock, self._listener = journal, outbox, schedule, clock, listener

    async def take(
        self, action: PendingAction, own: OwnAttempt, outcome: Outcome | Observation, executor: Executor, health: EndpointHealth
    ) -> Ending:
        """Notes the outcome of a call, or of a question about one, and says it where there is something to say."""
        now = self._clock()
        ending = self._ending(action, own, outcome, executor, now)
        row = None if own.asked_by else self._judge(health, outcome, now)
        await self._write(action, own, ending, now, row)
        self._listener.attempt(action, own, ending.word, ending.code, now)
        return ending

    async def doubt(self, action: PendingAction, own: OwnAttempt, code: str) -> None:
        """An attempt ends in doubt: nobody knows, and nobody can be asked."""
        now = self._clock()
        await self._write(action, own, _doubt(code), now, None)
        self._listener.attempt(action, own, "in_doubt", code, now)

    async def refuse(self, action: PendingAction, endpoint: str, code: str, *, dead: bool = True) -> None:
        """An action fails for good without a call. `dead`: it is kept for a replay."""
        now, number = self._clock(), action.attempt + 1
        own = OwnAttempt(number, endpoint, "done", now)
        before = [] if action.state == "requested" else [decision(action, "action.begun", number, now, dispatcher=self._journal.id)]
        await self._write(action, own, Ending("done", "refused", code, 0, "action.failed", {"code": code}, dead=dead), now, None, before)
        self._listener.attempt(action, own, "refused", code, now)

    async def observe(self, action: PendingAction) -> None:
        """Says what our last attempt did where the log has it in doubt: who had taken over from us said so before our outcome was read."""
        action.certain = False
        id_, number, who, now = action.id, action.failed, self._journal.id, self._clock()
        found = await self._journal.keep(lambda db: db.execute(OUTCOME, (id_, number, who)).fetchone())
        if found is None:
            return  # The order was erased.
        endpoint, began, tries, asked_by, word, code = found
        own = OwnAttempt(number, endpoint, "done", began, tries, asked_by=asked_by)
        if word == "retried":
            ending = self._again(action, own, RetryLater(code), now)
        else:
            done = word == "executed"
            ending = Ending("done", word, code, 0, "action.executed" if done else "action.failed", {} if done else {"code": code}, not done)
        await self._write(action, own, ending, now, None)
        action.certain = False

    def _ending(self, action: PendingAction, own: OwnAttempt, outcome: Outcome | Observation, executor: Executor, now: int) -> Ending:
        match outcome:
            case Done(reference, result):
                return Ending("done", "executed", "", 0, "action.executed", {"reference": _short(reference), "result": _short(result)})
            case NotDone():
                if own.adopted:
                    return _doubt("not_done_yet")  # Whoever began it may be about to call.
                own.doubtful = False
                return self._again(action, own, RetryLater("not_done"), now)
            case RetryLater() if not outcome.in_doubt and not own.doubtful:
                return self._again(action, own, outcome, now)
            case RetryLater(code):
                own.doubtful = True
                at = 0 if own.asked_by else self._schedule.next_at(action.calls, now, outcome.after, action.expires_at)
                if at and executor.honours_keys:
                    said = {"code": _short(code), "retry_at": stated(at)}
                    return Ending("calling", "retried_in_doubt", code, at, "action.in_doubt", said)
                return _doubt(code)
            case ActionRefused(code):
                if own.doubtful:
                    return _doubt(code)
                return Ending("done", "refused", code, 0, "action.failed", {"code": _short(code), "result": _short(outcome.why)}, dead=True)
            case Unknown(code):
                own.doubtful = True
                asked = max(0, own.tries - 1) if own.phase == "asking" else 0
                if executor.can_be_asked and asked < len(ASK_AFTER_S):
                    return Ending("asking", "asked", code, now + int(ASK_AFTER_S[asked] * SECOND))
                return _doubt(code)

    def _again(self, action: PendingAction, own: OwnAttempt, outcome: RetryLater, now: int) -> Ending:
        if outcome.code == INTERRUPTED and not own.asked_by:
            at = now
        else:
            at = 0 if own.asked_by else self._schedule.next_at(action.calls, now, outcome.after, action.expires_at)
        said: dict[str, object] = {"code": _short(outcome.code)}
        if not at:
            return Ending("done", "failed", outcome.code, 0, "action.failed", said, dead=True)
        return Ending("done", "retried", outcome.code, 0, "action.failed", said | {"retry_at": stated(at)})

    def _judge(self, health: EndpointHealth, outcome: Outcome | Observation, now: int) -> tuple[object, ...]:
        """What an outcome says of the endpoint's health."""
        match outcome:
            case Done() | NotDone():
                health.succeeded()
            case ActionRefused():
                health.answered()
                if outcome.disable and not health.disabled:
                    health.disabled = outcome.code
                    self._listener.disabled(health.name, outcome.code)
            case RetryLater(code):
                if outcome.throttle:
                    health.throttled(now, None if outcome.after is None else self._schedule.kept(outcome.after))
                if code != INTERRUPTED and not (outcome.throttle and code == "http_429") and health.failed(now):
                    self._listener.breaker(health.name, code, (health.open_until - now) / SECOND)
            case Unknown(code):
                if health.failed(now):
                    self._listener.breaker(health.name, code, (health.open_until - now) / SECOND)
        return health.row()

    async def _write(
        self,
        action: PendingAction,
        own: OwnAttempt,
        ending: Ending,
        now: int,
        health: tuple[object, ...] | None,
        before: list[dict[str, Any]] | None = None,
    ) -> None:
        events = [*(before or ())]
        if ending.type_ and not (ending.type_ == "action.in_doubt" and action.state == "in_doubt"):
            events.append(_event(action, own, ending, now))
        done = ending.phase == "done"
        own.phase, own.next_at = ending.phase, ending.next_at
        attempt = attempt_row(self._journal.id, action, own, ending.word, ending.code, now if done else 0)
        letter = (action.id, action.tenant, action.order, action.action, own.endpoint, own.number, ending.code, now)

        def write(db: sqlite3.Connection) -> None:
            store_attempt(db, attempt)
            for event in events:
                put(db, event, now)
            if health is not None:
                store_health(db, health)
            if ending.dead:
                db.execute(BURY, letter)
            elif ending.type_ == "action.executed":
                db.execute("DELETE FROM dead_letters WHERE action_id = ?", (action.id,))
            if own.asked_by and done:
                db.execute(
                    "INSERT INTO audit (at, who, what, subject, detail) VALUES (?, ?, 'replayed', ?, ?)",
                    (now, own.asked_by, action.id, f"{ending.word} {ending.code}".strip()),
                )

        await self._journal.keep(write)
        if done:
            action.own, action.failed, action.certain = None, max(action.failed, own.number), ending.word in CERTAIN
        if events:
            self._outbox.kick()


def _stands_in_doubt(action: PendingAction, own: OwnAttempt) -> bool:
    """Whether the log says of the attempt that nobody knows, as who takes over from a dispatcher says of what that had begun."""
    return action.state == "in_doubt" and action.attempt == own.number


def _event(action: PendingAction, own: OwnAttempt, ending: Ending, now: int) -> dict[str, Any]:
    """What the log is told. A doubt that it knows of already ends by an observation only."""
    if _stands_in_doubt(action, own) and ending.type_ in ("action.executed", "action.failed"):
        outcome = "executed" if ending.type_ == "action.executed" else "not_executed"
        evidence = "no call was made" if ending.code == INTERRUPTED else "what the endpoint answered"
        known = {name: ending.said.get(name) for name in ("reference", "retry_at")}
        return decision(action, "action.observed", own.number, now, outcome=outcome, evidence=evidence, **known)
    said = decision(action, ending.type_, own.number, now, **ending.said)
    # A doubt that the next call may end is said each time, of one attempt: each under its own ID.
    return said if ending.phase == "done" else {**said, "id": f"{said['id']}:{own.tries}"}


def _doubt(code: str) -> Ending:
    return Ending("done", "in_doubt", code, 0, "action.in_doubt", {"code": _short(code)})


def _short(text: str | None) -> str | None:
    return text[:LONGEST] if text else None
