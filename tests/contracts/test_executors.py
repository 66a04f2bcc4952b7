"""What every kind of executor keeps to, tried on a real local server that misbehaves: an entry in `harness` enrols a kind."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from schemas.actions import ACTIONS
from sinks.actions.executor import ActionRefused, Done, Executor, Outcome, RetryLater, Unknown
from sinks.actions.kind import secrets_of
from sinks.actions.registry import KINDS, actions_of, build, cannot, settings_of, unreadable_secrets
from tests.support.endpoints.harness import HARNESSES, KEY, PRIVATE, SECRET, VARIABLE, Harness, call_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sinks.actions.executor import ActionCall
    from tests.support.endpoints.faults import Fault

pytestmark = pytest.mark.parametrize("kind", sorted(KINDS))


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret that settings name."""
    monkeypatch.setenv(VARIABLE, SECRET)


def executor_of(kind: str, url: str, **more: Any) -> Executor:
    """An executor for an endpoint that is here; its secret is in the environment, unless a test took it away."""
    if VARIABLE in os.environ:
        os.environ[VARIABLE] = HARNESSES[kind].secret(url)
    return build(kind, settings_of(kind, {**HARNESSES[kind].settings(url), **more}))


def sample(harness: Harness, **more: Any) -> ActionCall:
    """The first attempt at an action that the kind can do."""
    return call_of(harness.action, parameters=harness.parameters, target=harness.target, order=harness.order, **more)


async def tried(kind: str, faults: Sequence[Fault], attempts: int = 1, **more: Any) -> tuple[list[Outcome], int, Executor]:
    """The outcomes of so many attempts at one action, how often it was effected, and the executor."""
    harness = HARNESSES[kind]
    if "silent" in faults:
        more |= {"timeout_seconds": 1.0, "connect_timeout_seconds": 1.0}
    async with harness.server(faults).running() as server:
        executor = executor_of(kind, server.url, **more)
        outcomes = [await executor.execute(sample(harness, attempt=number)) for number in range(1, attempts + 1)]
        await executor.close()
        return outcomes, harness.effects(server, KEY), executor


def doubtful(outcome: Outcome, executor: Executor) -> bool:
    """Whether an outcome says that something may have been effected, in the way that fits what is promised."""
    if executor.honours_keys:
        return isinstance(outcome, RetryLater) and outcome.in_doubt
    return isinstance(outcome, Unknown)


def test_every_kind_is_tried_and_named_in_the_table_of_actions(kind: str) -> None:
    """A kind without a harness, or that no action names, would be tested by nobody, or could do nothing."""
    assert set(HARNESSES) == set(KINDS)
    assert any(kind in spec.executors for spec in ACTIONS.values())
    named = {name for spec in ACTIONS.values() for name in spec.executors}
    assert named == set(KINDS)


def test_a_route_to_what_cannot_do_it_is_refused_in_words(kind: str) -> None:
    """Of the actions, those that a kind cannot do are refused with who can; a misspelt one with what is meant."""
    settings = settings_of(kind, HARNESSES[kind].settings("http://127.0.0.1:1"))
    assert HARNESSES[kind].action in actions_of(kind, settings)
    for action in ACTIONS:
        assert (cannot(kind, settings, action) is None) == (action in actions_of(kind, settings))
    assert "did you mean hold_order?" in (cannot(kind, settings, "hold_ordr") or "")


def test_settings_that_mean_nothing_are_refused_without_their_values(kind: str) -> None:
    """A secret in a wrong place is not shown again by the message about it."""
    with pytest.raises(ValueError, match="there is no such setting") as raised:
        settings_of(kind, {**HARNESSES[kind].settings("http://127.0.0.1:1"), "passwort": SECRET})
    assert SECRET not in str(raised.value)


def test_what_works_is_done_once(kind: str) -> None:
    """An endpoint that does what it should."""
    outcomes, effects, _ = asyncio.run(tried(kind, ["none"]))
    assert [type(outcome) for outcome in outcomes] == [Done]
    assert effects == 1


def test_no_connection_is_certain_not_to_have_done_anything(kind: str) -> None:
    """Nobody listens: nothing was sent, so that it is tried again whatever the endpoint promises."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        outcome = asyncio.run(executor_of(kind, f"http://127.0.0.1:{unused.getsockname()[1]}").execute(sample(HARNESSES[kind])))
    assert isinstance(outcome, RetryLater)
    assert not outcome.in_doubt


def test_a_private_address_is_not_called_unless_it_is_allowed(kind: str) -> None:
    """The endpoint is there and would do it; not a byte reaches it."""
    outcomes, effects, _ = asyncio.run(tried(kind, ["none"], allow_networks=[]))
    assert [outcome.code for outcome in outcomes if isinstance(outcome, ActionRefused)] == ["address_refused"]
    assert effects == 0


@pytest.mark.parametrize("fault", ["silent", "closed_after", "closed_before", "garbage"])
def test_no_answer_to_what_was_sent_is_doubt(kind: str, fault: Fault) -> None:
    """Whether it was effected or not looks the same from here, so both are the same."""
    outcomes, _, executor = asyncio.run(tried(kind, [fault]))
    assert doubtful(outcomes[0], executor), outcomes


@pytest.mark.parametrize("fault", ["closed_after", "late", "error_after", "throttled"])
def test_a_repetition_with_the_key_effects_nothing_again(kind: str, fault: Fault) -> None:
    """Where keys are honoured, the next attempt succeeds and there is one effect; elsewhere there is no next attempt after a doubt."""
    first, effects, executor = asyncio.run(tried(kind, [fault]))
    if not executor.honours_keys and isinstance(first[0], Unknown | Done):
        assert effects <= 1
        return
    outcomes, effects, _ = asyncio.run(tried(kind, [fault, "none", "none"], attempts=2))
    assert isinstance(outcomes[-1], Done), outcomes
    assert effects == 1


def test_who_has_too_much_to_do_says_when_to_come_again(kind: str) -> None:
    """Nothing was effected, and nobody comes before the time."""
    (outcome,), effects, executor = asyncio.run(tried(kind, ["throttled"]))
    if HARNESSES[kind].blind:
        assert doubtful(outcome, executor)
        return
    assert isinstance(outcome, RetryLater)
    assert outcome.throttle
    assert not outcome.in_doubt
    assert effects == 0


def test_a_refusal_is_final(kind: str) -> None:
    """What is refused was not effected, and is not repeated."""
    (outcome,), effects, executor = asyncio.run(tried(kind, ["refused"]))
    if HARNESSES[kind].blind:
        assert doubtful(outcome, executor)
        return
    assert isinstance(outcome, ActionRefused)
    assert effects == 0


def test_an_attempt_can_be_cut_off(kind: str) -> None:
    """A program that stops waits for no endpoint: the attempt ends, and says so by being cancelled."""

    async def cut() -> None:
        harness = HARNESSES[kind]
        async with harness.server(["silent"]).running() as server:
            executor = executor_of(kind, server.url, timeout_seconds=100)
            task = asyncio.create_task(executor.execute(sample(harness)))
            while not harness.effects(server, KEY):  # noqa: ASYNC110 - servers of all kinds have this count in common, and no event
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cut())


def test_a_missing_secret_is_seen_before_and_costs_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named when settings are checked; an attempt without it sends nothing and may work later."""
    settings = settings_of(kind, HARNESSES[kind].settings("http://127.0.0.1:1"))
    if not list(secrets_of(settings)):
        pytest.skip("this endpoint has no secret")
    assert unreadable_secrets(settings) == []
    monkeypatch.delenv(VARIABLE)
    assert any(VARIABLE in problem for problem in unreadable_secrets(settings))
    (outcome,), effects, _ = asyncio.run(tried(kind, ["none"]))
    assert outcome == RetryLater("secret_unreadable")
    assert effects == 0


@pytest.mark.parametrize("fault", ["none", "refused", "error_after", "garbage", "throttled", "closed_after"])
def test_nothing_of_secrets_or_of_what_was_said_is_shown(kind: str, fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    """Not in logs, however fine; not in outcomes; not in what a traceback shows of executor, settings and call."""
    caplog.set_level(logging.DEBUG)
    outcomes, _, executor = asyncio.run(tried(kind, [fault]))
    settings = settings_of(kind, HARNESSES[kind].settings("http://127.0.0.1:1"))
    shown = caplog.text + repr([*outcomes, executor, settings, sample(HARNESSES[kind])])
    for hidden in (SECRET, SECRET.removeprefix("whsec_"), PRIVATE, "hanna@example.com"):
        assert hidden not in shown


def test_asking_changes_nothing(kind: str) -> None:
    """A status query before and after: what is not there is not said to be done, and nothing is effected by asking."""

    async def asked() -> None:
        harness = HARNESSES[kind]
        async with harness.server([]).running() as server:
            executor = executor_of(kind, server.url)
            before = await executor.status(sample(harness))
            assert not isinstance(before, Done)
            assert harness.effects(server, KEY) == 0
            if not executor.can_be_asked:
                assert isinstance(before, Unknown)
                return
            await executor.execute(sample(harness))
            assert isinstance(await executor.status(sample(harness)), Done)
            assert harness.effects(server, KEY) == 1

    asyncio.run(asked())
