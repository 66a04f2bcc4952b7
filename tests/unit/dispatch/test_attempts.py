"""An action's way from request to outcome, in one process: what is called how often, and what the log is given of it."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from dataflows.dispatch.begin import Beginning
from dataflows.dispatch.chores import Chores
from dataflows.dispatch.contacts import Contacts
from dataflows.dispatch.following import Following
from dataflows.dispatch.healthy import EndpointHealth, load_health
from dataflows.dispatch.journal import AttemptJournal
from dataflows.dispatch.letters import asked, forget
from dataflows.dispatch.metrics import DispatchObserver
from dataflows.dispatch.model import SECOND, OwnAttempt, PendingAction
from dataflows.dispatch.outbox import Outbox
from dataflows.dispatch.pipeline import Pipeline
from dataflows.dispatch.prepare import Preparation
from dataflows.dispatch.queues import EndpointQueue
from dataflows.dispatch.recovery import Recovery
from dataflows.dispatch.refusals import refused_decisions, write_again
from dataflows.dispatch.result import Results
from dataflows.dispatch.schedule import Schedule
from dataflows.dispatch.sharing import Alone
from dataflows.dispatch.wanted import NEVER, due_at
from dataflows.observe.observer import Observer
from dataflows.settings.dispatch import DispatchSettings, EndpointTerms, RouteSettings
from sinks.actions.executor import ActionRefused, Done, RetryLater, Unknown
from sinks.decisions import RefusedDecisionError
from sources.outputs.reader import LoggedRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from sinks.actions.executor import ActionCall, Observation, Outcome

NOW = 1_800_000_000 * SECOND
ID = "act-1"
EXAMPLE = json.loads((Path(__file__).parents[3] / "schemas/examples/action.requested.json").read_text(encoding="utf-8"))
REQUESTED = {**EXAMPLE, "data": {**EXAMPLE["data"], "action_id": ID, "idempotency_key": ID, "action": "create_task", "exception_id": None}}


class KeptLog:
    """A `DecisionWriter` that keeps what it is given; `begins` is called where an attempt begins. `refuses`: types that it never takes."""

    def __init__(self) -> None:
        self.said: list[Mapping[str, Any]] = []
        self.begins: Callable[[], None] = lambda: None
        self.refuses: Sequence[str] = ()

    def write(self, decisions: Sequence[Mapping[str, Any]]) -> None:
        """Takes them."""
        if any(each["type"] in self.refuses for each in decisions):
            raise RefusedDecisionError("not for this role")
        self.said.extend(decisions)
        if any(each["type"] == "action.begun" for each in decisions):
            self.begins()

    def close(self) -> None:
        """Nothing is open."""


class ScriptedEnd:
    """An executor that answers one thing after the other, and notes the keys that it is called with."""

    def __init__(self, answers: Sequence[Outcome], *, honours_keys: bool = True) -> None:
        self._answers = list(answers)
        self.honours_keys, self.can_be_asked = honours_keys, False
        self.calls: list[str] = []
        self.log = KeptLog()
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def execute(self, call: ActionCall) -> Outcome:
        """Notes the key."""
        self.calls.append(call.key)
        if self.meanwhile is not None:
            await self.meanwhile()
        return self._answers.pop(0)

    async def status(self, call: ActionCall) -> Observation:
        """It cannot be asked."""
        raise AssertionError(call)

    async def close(self) -> None:
        """Nothing is open."""


class Way:
    """One action on its way to one endpoint, by a clock of the test."""

    def __init__(self, end: ScriptedEnd) -> None:
        self.end, self.now = end, NOW
        self.journal = AttemptJournal(None)
        self.following = Following(self.journal.id)

    async def __aenter__(self) -> Self:
        settings, journal, following, share = DispatchSettings(jitter=0.0), self.journal, self.following, Alone()
        terms = EndpointTerms.model_validate({"kind": "webhook"})
        health = (await journal.run(lambda db: load_health(db, {"hook": terms})))["hook"]
        self.outbox = Outbox(journal, self.end.log)
        listener = DispatchObserver(Observer())
        stages = (
            Preparation(journal, Contacts(())),
            Beginning(journal, self.outbox, following, share, self.clock, stale_s=60),
            Results(journal, self.outbox, Schedule(settings), self.clock, listener),
        )
        routes = (RouteSettings(endpoint="hook"),)
        self.pipeline = Pipeline(following, routes, stages, share, self.clock, listener, no_route_s=900)
        self.queue = EndpointQueue(
            health, self.end, 60.0, addressed=False, clock=self.clock, admit=self.pipeline.admit, carry=self.pipeline.carry
        )
        self.pipeline.queues, self.pipeline.blocked = {"hook": self.queue}, ""
        record = LoggedRecord("actions", "actions:0", 0, 1, NOW, b"", json.dumps(REQUESTED).encode())
        changed, _, work = following.apply([record])
        await journal.run(work)
        (self.action,) = changed
        self.writing = asyncio.create_task(self.outbox.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writing.cancel()
        self.journal.close()

    def clock(self) -> int:
        """The time."""
        return self.now

    @property
    def due(self) -> int:
        """When the action is due next."""
        return due_at(self.action, self.pipeline.begun_of(self.action))

    async def step(self) -> None:
        """Takes the action through the stages once it is due, and has the log take what is said."""
        self.now = max(self.now, self.due)
        assert self.now < NEVER
        self.action.busy = True
        await self.pipeline.carry(self.action, self.queue)
        await self.outbox.flush()


def steps(end: ScriptedEnd, count: int, prepare: Callable[[Way], None] = lambda _: None) -> tuple[PendingAction, int, list[str]]:
    """Takes the action so many steps; how it stands then, when it is due, and the dead letters that there are."""

    async def run() -> tuple[PendingAction, int, list[str]]:
        async with Way(end) as way:
            prepare(way)
            for _ in range(count):
                await way.step()
            letters = await way.journal.run(lambda db: [id_ for (id_,) in db.execute("SELECT action_id FROM dead_letters")])
            return way.action, way.due, letters

    return asyncio.run(run())


def said_of(end: ScriptedEnd) -> list[tuple[str, str, object, object]]:
    """By what was said: type and ID, the code, and in how many seconds the next call is due."""
    found: list[tuple[str, str, object, object]] = []
    for event in end.log.said:
        data = event["data"]
        again = data.get("retry_at")
        left = None if again is None else datetime.fromisoformat(again).timestamp() - NOW / SECOND
        found.append((event["type"], event["id"].removeprefix(f"{ID}:"), data.get("code"), left))
    return found


DOUBT = RetryLater("timeout", in_doubt=True)


def test_each_call_in_doubt_that_is_made_again_is_said_with_its_time() -> None:
    """Of one attempt, each under an ID of its own; the outcome that is found then is said of that attempt."""
    end = ScriptedEnd([DOUBT, DOUBT, Done("r-1")])
    assert steps(end, 3)[1] == NEVER
    assert end.calls == [ID] * 3
    assert said_of(end) == [
        ("action.begun", "1:begun", None, None),
        ("action.in_doubt", "1:in_doubt:1", "timeout", 5.0),
        ("action.in_doubt", "1:in_doubt:2", "timeout", 305.0),
        ("action.executed", "1:executed", None, None),
    ]
    assert {event["data"]["attempt"] for event in end.log.said} == {1}


def test_a_doubt_that_no_call_follows_is_said_without_a_time() -> None:
    """Whether the schedule has ended, or the endpoint honours no keys."""
    end = ScriptedEnd([DOUBT] * 10)
    assert steps(end, 10)[1] == NEVER
    kinds = [(type_, left is None) for type_, _, _, left in said_of(end)]
    assert kinds == [("action.begun", True), *[("action.in_doubt", False)] * 9, ("action.in_doubt", True)]
    assert len({event["id"] for event in end.log.said}) == 11
    other = ScriptedEnd([Unknown("timeout")], honours_keys=False)
    assert steps(other, 1)[1] == NEVER
    assert said_of(other)[1:] == [("action.in_doubt", "1:in_doubt", "timeout", None)]


@pytest.mark.parametrize("honours_keys", [True, False])
def test_what_breaks_behind_a_call_is_a_call_without_an_answer(honours_keys: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have had its effect: it is made again under its key only, and never where keys are not honoured."""
    end = ScriptedEnd([Done("r-1")], honours_keys=honours_keys)

    def broken(_: EndpointHealth) -> None:
        raise RuntimeError

    monkeypatch.setattr(EndpointHealth, "succeeded", broken)
    action, due, _ = steps(end, 1)
    assert end.calls == [ID]
    assert (due == NEVER) is not honours_keys
    assert not action.busy
    said = said_of(end)
    assert [(type_, code) for type_, _, code, _ in said] == [("action.begun", None), ("action.in_doubt", "dispatch_error")]
    assert (said[-1][3] is None) is not honours_keys


def _pause(way: Way) -> None:
    way.following.pauses = frozenset(("all",))


def _withdraw(way: Way) -> None:
    del way.following.actions[ID]


def _expire(way: Way) -> None:
    way.action.expires_at = NOW + 1
    way.now = NOW + 2


def _lose_sight(way: Way) -> None:
    way.pipeline.blocked = "unread"


@pytest.mark.parametrize("what", [_pause, _withdraw, _expire, _lose_sight])
def test_nobody_is_called_once_something_was_read_that_holds(what: Callable[[Way], None]) -> None:
    """The log took its time to have the beginning: what was read meanwhile counts, and the attempt ends without a call."""
    end = ScriptedEnd([])

    def prepare(way: Way) -> None:
        end.log.begins = lambda: what(way)

    steps(end, 1, prepare)
    assert end.calls == []
    assert [(type_, code) for type_, _, code, _ in said_of(end)] == [("action.begun", None), ("action.failed", "interrupted")]
    assert end.log.said[-1]["data"]["retry_at"] is not None


def observed(end: ScriptedEnd) -> list[tuple[object, ...]]:
    """The observations that were said: outcome, evidence, whether there is a next try."""
    found = [event["data"] for event in end.log.said if event["type"] == "action.observed"]
    return [(data["outcome"], data["evidence"], "retry_at" in data) for data in found]


def test_what_was_not_called_though_others_doubt_it_is_tried_again() -> None:
    """A dispatcher stands still behind its beginning; who takes over says that nobody knows. It wakes and knows: no call was made."""
    end = ScriptedEnd([Done("r-1")])

    async def run() -> None:
        async with Way(end) as way:

            def taken_over() -> None:
                way.action.state, way.action.attempt = "in_doubt", 1
                way.pipeline.blocked = "stood still"

            end.log.begins = taken_over
            await way.step()
            assert (end.calls, observed(end)) == ([], [("not_executed", "no call was made", True)])
            end.log.begins, way.pipeline.blocked = lambda: None, ""
            way.action.state, way.action.retry_at = "failed", way.now
            await way.step()
            assert await way.journal.run(lambda db: db.execute("SELECT count(*) FROM dead_letters").fetchone()[0]) == 0

    asyncio.run(run())
    assert end.calls == [ID]
    assert [id_ for _, id_, *_ in said_of(end)] == ["1:begun", "1:observed", "2:begun", "2:executed"]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Done("r-1"), [("executed", "what the endpoint answered", False)]),
        (RetryLater("http_500"), [("not_executed", "what the endpoint answered", True)]),
        (ActionRefused("http_422"), [("not_executed", "what the endpoint answered", False)]),
        (Unknown("timeout"), []),
    ],
)
@pytest.mark.parametrize("restarted", [False, True])
def test_an_outcome_that_came_behind_the_doubt_of_others_is_observed(
    outcome: Outcome, expected: list[tuple[object, ...]], restarted: bool
) -> None:
    """The log has their word first and ours counts no more; what is not known is not said."""
    end = ScriptedEnd([outcome], honours_keys=False)

    async def run() -> None:
        async with Way(end) as way:
            await way.step()
            if restarted:
                way.pipeline.following = Following(way.journal.id)
                await way.journal.run(way.pipeline.following.load)
            action = way.pipeline.following.actions[ID]
            action.state, action.attempt = "in_doubt", 1
            for _ in range(2):
                await Recovery(way.pipeline, 60, NOW).observe()
                await way.outbox.flush()

    asyncio.run(run())
    assert (end.calls, observed(end)) == ([ID], expected)


@pytest.mark.parametrize("erased", [False, True])
def test_no_dead_letter_is_kept_of_an_order_that_was_erased_during_the_call(erased: bool) -> None:
    """Nothing else would take it away."""
    end = ScriptedEnd([ActionRefused("http_422")])

    def prepare(way: Way) -> None:
        async def erase() -> None:
            await way.journal.run(lambda db: forget(db, way.action.tenant, way.action.order))

        end.meanwhile = erase if erased else None

    assert steps(end, 1, prepare)[2] == ([] if erased else [ID])
    assert said_of(end)[1] == ("action.failed", "1:failed", "http_422", None)


def _refused(way: Way) -> Awaitable[list[tuple[str, str]]]:
    return way.journal.run(lambda db: [(each.id.removeprefix(f"{ID}:"), each.reason) for each in refused_decisions(db)])


@pytest.mark.parametrize("erased", [False, True])
def test_an_outcome_that_the_log_refuses_is_kept_until_it_is_written_again(erased: bool) -> None:
    """Under the same ID, and called again is nobody. Of an order that was erased nothing is kept."""
    end = ScriptedEnd([Done("r-1")])
    end.log.refuses = ("action.executed",)

    async def run() -> None:
        async with Way(end) as way:
            await way.step()
            assert await _refused(way) == [("1:executed", "not for this role")]
            assert way.due == NEVER
            if erased:
                await way.journal.run(lambda db: forget(db, way.action.tenant, way.action.order))
            end.log.refuses = ()
            asking = "INSERT INTO requests (what, subject, asked_by, at) VALUES ('write', ?, 'user:anna', 1)"
            await way.journal.run(lambda db: db.execute(asking, (f"{ID}:1:executed",)).rowcount)
            chores = Chores(way.pipeline, Recovery(way.pipeline, 60, NOW), way.journal, way.outbox, DispatchSettings(), way.clock)
            await chores.once()
            await way.outbox.flush()
            assert (await _refused(way), await way.journal.run(asked), chores.refused) == ([], [], 0 if erased else 1)

    asyncio.run(run())
    assert [type_ for type_, *_ in said_of(end)] == ["action.begun", *([] if erased else ["action.executed"])]
    assert end.calls == [ID]


def test_nobody_is_called_where_the_log_refuses_that_an_attempt_begins() -> None:
    """It is tried again in five minutes, under the same number, and nothing is left of the refusal then."""
    end = ScriptedEnd([Done("r-1")])
    end.log.refuses = ("action.begun",)

    async def run() -> None:
        async with Way(end) as way:
            await way.step()
            assert (end.calls, end.log.said, way.due) == ([], [], NOW + 300 * SECOND)
            assert await _refused(way) == [("1:begun", "not for this role")]
            assert await way.journal.run(lambda db: write_again(db, f"{ID}:1:begun")) == "the attempt says it"
            end.log.refuses = ()
            await way.step()
            assert await _refused(way) == []

    asyncio.run(run())
    assert [id_ for _, id_, *_ in said_of(end)] == ["1:begun", "1:executed"]


def test_a_replay_that_the_log_refuses_leaves_nothing() -> None:
    """Whoever asked for it may ask again."""
    end = ScriptedEnd([])
    end.log.refuses = ("action.begun",)

    async def run() -> None:
        async with Way(end) as way:
            own = way.action.own = OwnAttempt(2, "hook", "beginning", NOW, asked_by="user:anna")
            assert await way.pipeline.replay(way.action, own, way.queue) == "the log refused it: not for this role"
            assert await _refused(way) == []
            assert await way.journal.run(lambda db: db.execute("SELECT count(*) FROM attempts").fetchone()) == (0,)

    asyncio.run(run())
