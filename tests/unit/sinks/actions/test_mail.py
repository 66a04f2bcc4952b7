"""Mail, on a real server (aiosmtpd): what arrives, TLS and log-in, and what replies come to."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import AuthResult, LoginPassword

from sinks.actions.executor import ActionRefused, Contact, Done, RetryLater
from sinks.actions.registry import build, cannot, settings_of
from tests.support.endpoints.harness import KEY, PRIVATE, SECRET, VARIABLE, call_of
from tests.support.endpoints.smtp import MailFaultServer

if TYPE_CHECKING:
    from collections.abc import Generator
    from email.message import Message as Mail

    from sinks.actions.executor import ActionCall, Outcome
    from tests.support.endpoints.faults import Fault
    from tests.unit.sinks.actions.conftest import OwnCertificate


class Mailbox(Message):
    """Keeps what came."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Mail] = []

    def handle_message(self, message: Mail) -> None:
        """One more."""
        self.mails.append(message)


class OnFreePort(Controller):
    """Asks for any port, and finds out which it got."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def mail_server(**given: Any) -> Generator[tuple[Mailbox, int]]:
    """A mail server on a free port."""
    mailbox = Mailbox()
    controller = OnFreePort(mailbox, hostname="127.0.0.1", port=0, **given)
    controller.start()
    try:
        yield mailbox, cast("Any", controller).port
    finally:
        controller.stop()


def tls(own: OwnCertificate) -> ssl.SSLContext:
    """The server's side."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*own.chain)
    return context


def outcome_of(port: int, call: ActionCall | None = None, **given: Any) -> Outcome:
    """What comes of a mail to a customer."""
    near = {"host": "localhost", "port": port, "allow_networks": ["127.0.0.0/8", "::1/128"], "timeout_seconds": 60}
    sender = {"sender": "Der Laden <orders@shop.example>"}
    executor = build("mail", settings_of("mail", {**near, **sender, **given}))
    return asyncio.run(executor.execute(call or call_of("notify_customer")))


def text_of(mail: Mail) -> str:
    """What a part says."""
    content = mail.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode().strip()


def test_a_customer_gets_text_and_html_under_an_id_of_the_action() -> None:
    """Sender, subject and both forms; by its Message-ID a mail can be found."""
    with mail_server() as (mailbox, port):
        outcome = outcome_of(port, security="none", reply_to="help@shop.example")
    (mail,) = mailbox.mails
    assert outcome == Done(f"<{KEY}@shop.example>", "accepted by the mail server")
    assert mail["Message-ID"] == f"<{KEY}@shop.example>"
    assert (mail["To"], mail["From"]) == ("hanna@example.com", "Der Laden <orders@shop.example>")
    assert (mail["Subject"], mail["Reply-To"], mail["Auto-Submitted"]) == ("Your order SO-1042", "help@shop.example", "auto-generated")
    parts = {part.get_content_type(): text_of(part) for part in mail.walk() if not part.is_multipart()}
    assert parts == {"text/plain": PRIVATE, "text/html": f"<p>{PRIVATE}</p>"}


def test_a_team_gets_a_note_with_nothing_of_the_customer() -> None:
    """The exception's summary, the reason and the IDs."""
    with mail_server() as (mailbox, port):
        outcome_of(port, call_of("create_task"), security="none", to=["desk@shop.example", "lead@shop.example"])
    (mail,) = mailbox.mails
    text = text_of(mail)
    assert mail["To"] == "desk@shop.example, lead@shop.example"
    assert mail["Subject"] == "To do: order SO-1042"
    assert "the parcel stands still" in text
    assert f"Action: {KEY}" in text


def test_tls_is_verified_and_logs_in(own: OwnCertificate) -> None:
    """STARTTLS before the password, with a trusted certificate; without trust nothing is sent, and it may work later."""
    seen: list[Any] = []

    def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert session.ssl is not None
        assert (server, envelope, mechanism) is not None
        seen.append(data)
        right = isinstance(data, LoginPassword) and data.password.decode() == SECRET
        return AuthResult(success=right)

    given = {"require_starttls": True, "tls_context": tls(own), "authenticator": login, "auth_required": True}
    account: dict[str, Any] = {"username": "orders", "password": {"env": VARIABLE}}
    with mail_server(**given) as (mailbox, port):
        assert outcome_of(port, **account) == RetryLater("tls")
        assert (mailbox.mails, seen) == ([], [])
        assert isinstance(outcome_of(port, ca_file=own.ca, **account), Done)
    assert len(mailbox.mails) == len(seen) == 1


def denied(*_: Any) -> AuthResult:
    """Nobody is let in."""
    return AuthResult(success=False, handled=False)


def test_a_wrong_password_disables_the_endpoint(own: OwnCertificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """535: every mail after it would be refused too."""
    given = {"require_starttls": True, "tls_context": tls(own), "auth_required": True}
    monkeypatch.setenv(VARIABLE, "wrong")
    with mail_server(**given, authenticator=denied) as (_, port):
        outcome = outcome_of(port, ca_file=own.ca, username="orders", password={"env": VARIABLE})
    assert outcome == ActionRefused("smtp_535", "the mail server does not let us in", disable=True)


def test_a_server_without_starttls_gets_nothing() -> None:
    """Nobody falls back to plain text."""
    with mail_server() as (mailbox, port):
        outcome = outcome_of(port)
    assert isinstance(outcome, ActionRefused)
    assert outcome.code == "smtp_unsupported"
    assert mailbox.mails == []


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("throttled", RetryLater("smtp_421", throttle=True)),
        ("unavailable", RetryLater("smtp_450")),
        ("refused", ActionRefused("smtp_550", "the mail server does not take it")),
        ("error_before", ActionRefused("smtp_554", "the mail server does not take it")),
    ],
)
def test_4yz_is_repeated_and_5yz_is_final(fault: Fault, outcome: Outcome) -> None:
    """As RFC 5321 has it, at whatever command it comes."""

    async def run() -> Outcome:
        async with MailFaultServer([fault]).running() as server:
            host, port = server.url.removeprefix("http://").split(":")
            given = {"host": host, "port": int(port), "security": "none", "sender": "a@b.example", "allow_networks": "127.0.0.0/8"}
            return await build("mail", settings_of("mail", given)).execute(call_of("notify_customer"))

    assert asyncio.run(run()) == outcome


@pytest.mark.parametrize("address", ["hanna", "a@b", "a@b.example\r\nBcc: x@y.example", "a@b.example, c@d.example", "<a@b.example>", ""])
def test_what_is_no_single_address_is_not_written_to(address: str) -> None:
    """Neither a second recipient nor a header comes in by one."""
    call = call_of("notify_customer")
    outcome = outcome_of(1, type(call)(call.action, call.tenant, call.key, message=call.message, recipient=Contact("email", address)))
    assert outcome == ActionRefused("no_recipient", "there is no mail address to write to")


def test_a_line_break_in_a_subject_ends_no_header() -> None:
    """It becomes a blank."""
    call = call_of("notify_customer")
    assert call.message is not None
    message = call.message._replace(subject="Hello\r\nBcc: x@y.example")
    with mail_server() as (mailbox, port):
        outcome_of(port, type(call)(call.action, call.tenant, call.key, message=message, recipient=call.recipient), security="none")
    assert mailbox.mails[0]["Subject"] == "Hello Bcc: x@y.example"
    assert mailbox.mails[0]["Bcc"] is None


def test_an_endpoint_without_a_team_takes_messages_to_customers_alone() -> None:
    """A route of tasks to it is refused when settings are read."""
    given = {"host": "mail.example", "sender": "a@b.example"}
    assert cannot("mail", settings_of("mail", given), "create_task") == "this endpoint's settings say nothing of create_task"
    assert cannot("mail", settings_of("mail", {**given, "to": "desk@b.example"}), "create_task") is None


def test_a_password_over_an_open_line_is_refused() -> None:
    """When settings are read."""
    account = {"username": "orders", "password": {"env": VARIABLE}, "security": "none"}
    with pytest.raises(ValueError, match="over TLS only"):
        settings_of("mail", {"host": "mail.example", "sender": "a@b.example", **account})
