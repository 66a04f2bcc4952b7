"""The signed webhook: what a receiver with the public library sees, and what its answers come to."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from sinks.actions.executor import ActionRefused, Done, RetryLater, Unknown
from sinks.actions.registry import build, settings_of
from tests.support.endpoints.faults import FaultServer
from tests.support.endpoints.harness import KEY, PRIVATE, SECRET, VARIABLE, call_of, local

if TYPE_CHECKING:
    from pathlib import Path

    from sinks.actions.executor import Outcome
    from tests.support.endpoints.faults import Fault
    from tests.support.endpoints.wire import Received

OTHER = "whsec_" + base64.b64encode(b"the next secret, of the same length!").decode()


async def sent(fault: Fault = "none", times: int = 1, **given: Any) -> tuple[list[Outcome], list[Received]]:
    """The outcomes of attempts, and the requests that came."""
    faults: list[Fault] = [fault] * times
    async with FaultServer(faults).running() as server:
        settings = local(server.url, url=f"{server.url}/hook", **{"secrets": {"env": VARIABLE}, **given})
        executor = build("webhook", settings_of("webhook", settings))
        outcomes = [await executor.execute(call_of("notify_customer", attempt=number)) for number in range(1, times + 1)]
        return outcomes, [each.request for each in server.taken]


def test_the_public_library_verifies_it_and_reads_the_action() -> None:
    """ID, timestamp and signature as Standard Webhooks has them; the body is the contract's action and its message."""
    (outcome,), (request,) = asyncio.run(sent())
    said = Webhook(SECRET).verify(request.body, dict(request.headers))
    assert request.headers["webhook-id"] == KEY
    assert (said["type"], said["data"]["action"], said["data"]["order_id"]) == ("action.requested", "notify_customer", "SO-1042")
    assert (said["message"]["text"], said["recipient"]["address"]) == (PRIVATE, "hanna@example.com")
    assert outcome == Done(None, "accepted with 200")


def test_attempts_differ_in_nothing_but_their_time() -> None:
    """The ID is the key: it and the body stay, so that a receiver knows a repetition."""
    _, (first, second) = asyncio.run(sent(times=2))
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


def test_while_secrets_change_over_both_verify_and_a_file_holds_at_once(tmp_path: Path) -> None:
    """One signature for each secret; a file that changes between two attempts changes the signature of the second."""
    file = tmp_path / "secret"
    file.write_text(f"{OTHER}\n")
    _, (request,) = asyncio.run(sent(secrets=[{"env": VARIABLE}, {"file": str(file)}]))
    for secret in (SECRET, OTHER):
        Webhook(secret).verify(request.body, dict(request.headers))
    file.write_text(SECRET)
    _, (request,) = asyncio.run(sent(secrets={"file": str(file)}))
    Webhook(SECRET).verify(request.body, dict(request.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(request.body, dict(request.headers))


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("gone", ActionRefused("http_410", "the endpoint is gone", disable=True)),
        ("throttled", RetryLater("http_429", 1.0, throttle=True)),
        ("unavailable", RetryLater("http_503", 1.0, throttle=True)),
        ("busy", RetryLater("http_503", throttle=True, in_doubt=True)),
        ("error_before", RetryLater("http_500", in_doubt=True)),
        ("unauthorised", RetryLater("http_401")),
        ("redirect", ActionRefused("http_302", "it redirects, and redirects are not followed")),
        ("huge", Done(None, "accepted with 200")),
        ("twice", Done(None, "accepted with 200")),
        ("closed_in_body", Done(None, "accepted with 200")),
    ],
)
def test_what_a_receiver_answers(fault: Fault, outcome: Outcome) -> None:
    """By its status; a body that is cut off changes nothing of it."""
    (found,), _ = asyncio.run(sent(fault))
    assert found == outcome


def test_a_receiver_that_knows_no_keys_is_not_called_again_after_a_doubt() -> None:
    """Its operator says so: then an answer that may come after the effect is a doubt."""
    outcomes, _ = asyncio.run(sent("error_after", honours_keys=False))
    assert outcomes == [Unknown("http_500")]


def test_a_secret_that_is_no_key_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be a key is as good as none."""
    monkeypatch.setenv(VARIABLE, "whsec_not base64 at all!")
    outcomes, requests = asyncio.run(sent())
    assert (outcomes, requests) == ([RetryLater("secret_unreadable")], [])


def test_a_secret_in_the_settings_themselves_is_refused_and_not_shown() -> None:
    """Settings name secrets and hold none."""
    with pytest.raises(ValueError, match="secrets") as raised:
        settings_of("webhook", {"url": "https://example.com/", "secrets": [SECRET]})
    assert SECRET not in str(raised.value)
