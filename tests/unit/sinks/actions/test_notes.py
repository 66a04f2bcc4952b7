"""Notes to teams, by chat and by Apprise; and the receiver that shows what came."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sinks.actions.executor import ActionRefused, Done, RetryLater
from sinks.actions.receiver import DemoReceiver
from sinks.actions.registry import build, settings_of
from tests.support.endpoints.faults import FaultServer
from tests.support.endpoints.harness import KEY, PRIVATE, SECRET, VARIABLE, call_of, local
from tests.support.endpoints.wire import Reply

if TYPE_CHECKING:
    from sinks.actions.executor import Outcome


async def posted(reply: Reply, call: Any = None, **given: Any) -> tuple[Outcome, Any]:
    """The outcome of a note, and what was posted."""
    async with FaultServer(reply=lambda _: reply).running() as server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(VARIABLE, f"{server.url}/services/{SECRET}")
            executor = build("chat", settings_of("chat", local(server.url, url={"env": VARIABLE}, **given)))
            outcome = await executor.execute(call or call_of("create_task"))
        return outcome, server.taken[0].request.json()


def test_slack_gets_a_text_in_which_nothing_is_markup_or_a_call() -> None:
    """`<!channel>` and a link in a reason stay what they are: text."""
    call = call_of("create_task", says={"reason": "<!channel> & <https://evil.example|here>"})
    outcome, said = asyncio.run(posted(Reply(200, b"ok"), call))
    assert outcome == Done(None, "posted")
    assert "&lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;" in said["text"]
    assert "<" not in said["text"]
    assert said["text"].startswith("*To do: order SO-1042*\n")


def test_teams_gets_an_adaptive_card() -> None:
    """Answered with 202, as a flow does."""
    outcome, said = asyncio.run(posted(Reply(202), format="teams"))
    card = said["attachments"][0]["content"]
    assert outcome == Done(None, "posted")
    assert (said["type"], card["type"]) == ("message", "AdaptiveCard")
    assert card["body"][0]["inlines"][0]["text"] == "To do: order SO-1042"


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(404, b"no_service"), ActionRefused("http_404", "the channel or its webhook is gone", disable=True)),
        (Reply(410, b"channel_is_archived"), ActionRefused("http_410", "the channel or its webhook is gone", disable=True)),
        (Reply(400, b"invalid_payload"), ActionRefused("http_400")),
        (Reply(403, b"action_prohibited"), ActionRefused("http_403", "the endpoint does not let us in")),
        (Reply(429, b"", {"retry-after": "30"}), RetryLater("http_429", 30.0, throttle=True)),
    ],
)
def test_what_slack_refuses_in_its_words(reply: Reply, outcome: Outcome) -> None:
    """A webhook that leads nowhere any more disables the endpoint."""
    assert asyncio.run(posted(reply))[0] == outcome


@pytest.mark.parametrize(
    "url", ["json://127.0.0.1/x", "xml://h", "form://h", "syslog://", "mailto://a:b@c.example", "gotify://h/t", "nonsense"]
)
def test_apprise_uses_the_services_of_the_list_and_no_others(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What leads anywhere, what acts on this machine, and what lacks TLS is refused before Apprise sees it."""
    monkeypatch.setenv(VARIABLE, url)
    executor = build("apprise", settings_of("apprise", {"url": {"env": VARIABLE}}))
    assert asyncio.run(executor.execute(call_of("escalate"))) == ActionRefused(
        "service_not_allowed", "the service is not in the list of those that are"
    )


def test_the_receiver_shows_mails_and_webhooks_and_knows_a_repetition() -> None:
    """What the demonstration shows: who was written to, what, and that a second delivery of a key is one."""

    async def run() -> DemoReceiver:
        shown: list[str] = []
        async with DemoReceiver(secret=SECRET, on_arrival=lambda each: shown.append(each.subject)).running() as receiver:
            near = {"allow_networks": "127.0.0.0/8", "timeout_seconds": 60}
            mail = {"host": "127.0.0.1", "port": receiver.smtp_port, "security": "none", "sender": "Läden <a@b.example>", **near}
            hook = {"url": f"http://127.0.0.1:{receiver.http_port}/", "secrets": {"env": VARIABLE}, "allow_http": True, **near}
            for kind, settings in (("mail", mail), ("webhook", hook), ("webhook", hook)):
                outcome = await build(kind, settings_of(kind, settings)).execute(call_of("notify_customer"))
                assert isinstance(outcome, Done), outcome
            assert shown == ["Your order SO-1042", "notify_customer", "notify_customer"]
            return receiver

    mail, hook, again = asyncio.run(run()).arrivals
    assert (mail.kind, mail.key, mail.recipient, mail.text, mail.again) == ("mail", KEY, "hanna@example.com", PRIVATE, 0)
    assert (hook.kind, hook.key, hook.recipient, hook.text, hook.signed, hook.again) == (
        "webhook",
        KEY,
        "hanna@example.com",
        PRIVATE,
        True,
        0,
    )
    assert again.again == 1


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"\0",
    ],
)
def test_nonsense_ends_its_own_connection_alone(request_: bytes) -> None:
    """The receiver goes on, and nothing has arrived."""

    async def run() -> int:
        async with DemoReceiver(secret=SECRET).running() as receiver:
            reader, writer = await asyncio.open_connection("127.0.0.1", receiver.http_port)
            writer.write(request_)
            writer.write_eof()
            await reader.read()
            writer.close()
            return len(receiver.arrivals)

    assert asyncio.run(run()) == 0
