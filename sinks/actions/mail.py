"""Mail by SMTP: to a customer the message that was written for the action, to a team a note of it.

The server is verified (TLS from the first byte, or STARTTLS which must succeed). The Message-ID is made of the action's ID, so that a mail
can be found by it; no server is bound to drop a second one of the same ID. So a connection that breaks after the text was begun leaves a
doubt, and nobody sends it again. A 4yz reply is repeated, a 5yz is final (RFC 5321, section 4.2.1).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection
from contextlib import suppress
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate, parseaddr
from typing import Annotated, Final, Literal

import aiosmtplib
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from schemas.actions import ACTIONS
from schemas.messages import MESSAGES
from sinks.actions.addresses import AddressRefusedError, Resolver, connected, resolved
from sinks.actions.endpoint import EndpointSettings, several
from sinks.actions.executor import ActionCall, ActionRefused, Done, Observation, Outcome, RetryLater, Unknown
from sinks.actions.kind import ExecutorKind
from sinks.actions.notes import note_of
from sinks.actions.secrets import SecretSource, SecretUnreadableError

TO_CUSTOMERS: Final[frozenset[str]] = frozenset((*MESSAGES, "propose_substitute"))
BUSY: Final = (421, 452)
"""Replies of a server that has too much to do."""


def _address(text: str) -> str:
    if not _plain(parseaddr(text)[1]):
        raise ValueError(f"{text!r} is no mail address; write shop@example.com or Shop <shop@example.com>")
    return text


MailAddress = Annotated[str, AfterValidator(_address)]


class MailSettings(EndpointSettings):
    """A mail server."""

    host: str = Field(min_length=1, max_length=253, description="The mail server.")
    port: int = Field(default=587, ge=1, le=65_535, description="Its port: 587 for `starttls`, 465 for `tls`.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="`tls` from the first byte, `starttls` at once, or `none`, on a line that nobody else reads."
    )
    username: str | None = Field(default=None, min_length=1, description="Who logs in; unset: nobody.")
    password: SecretSource | None = Field(default=None, description="Their password: `{env: NAME}` or `{file: PATH}`.")
    sender: MailAddress = Field(description="Who mails are from, `Shop <orders@example.com>`.")
    reply_to: MailAddress | None = Field(default=None, description="Who answers go to, if not to the sender.")
    to: Annotated[tuple[MailAddress, ...], BeforeValidator(several)] = Field(
        default=(), description="The team that notes go to. Without it the endpoint has messages to customers alone."
    )

    @model_validator(mode="after")
    def _complete(self) -> MailSettings:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together: one of them is missing")
        if self.security == "none" and self.password is not None:
            raise ValueError("security: a password is sent over TLS only")
        return self


class MailExecutor:
    """Sends mails by one server, each over a connection of its own."""

    honours_keys = False
    can_be_asked = False

    def __init__(self, settings: MailSettings, resolver: Resolver = resolved) -> None:
        self._settings, self._resolver = settings, resolver
        self._tls = ssl.create_default_context()
        if settings.ca_file is not None:
            self._tls.load_verify_locations(cafile=settings.ca_file)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2

    async def execute(self, call: ActionCall) -> Outcome:
        """As `Executor` says."""
        made = mail_of(call, self._settings)
        if isinstance(made, ActionRefused):
            return made
        progress = _Progress()
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                return await self._send(made, progress)
        except SecretUnreadableError:
            return RetryLater("secret_unreadable")
        except AddressRefusedError:
            return ActionRefused("address_refused", "the mail server's address may not be called")
        except aiosmtplib.SMTPResponseException as error:
            if 400 <= error.code < 600:
                return of_reply(error.code)
            code = "bad_answer"
        except aiosmtplib.SMTPNotSupported:
            return ActionRefused("smtp_unsupported", "the server lacks STARTTLS, or the letters of an address")
        except ssl.SSLError:
            code = "tls"
        except TimeoutError:
            code = "timeout"
        except (OSError, aiosmtplib.SMTPException):
            code = "connection_lost" if progress.connected else "connect_refused"
        return Unknown(code, "the connection broke after the text was begun") if progress.begun else RetryLater(code)

    async def status(self, call: ActionCall) -> Observation:
        """Nothing can be found out."""
        return Unknown("not_askable", f"a mail server cannot be asked about {call.name}")

    async def close(self) -> None:
        """Nothing stays open between mails."""

    async def _send(self, mail: EmailMessage, progress: _Progress) -> Outcome:
        given = self._settings
        password = None if given.password is None else given.password.read()
        async with asyncio.timeout(given.connect_timeout_seconds):
            sock = await connected(given.host, given.port, given.allow_networks, self._resolver)
        client = aiosmtplib.SMTP(
            hostname=given.host,
            sock=sock,
            timeout=given.timeout_seconds,
            use_tls=given.security == "tls",
            start_tls=False,  # It is begun below, where a server that lacks it is told from one that is not there.
            tls_context=None if given.security == "none" else self._tls,
        )
        transport: asyncio.BaseTransport | None = None
        try:
            await client.connect()
            transport = client.transport
            progress.connected = True
            if given.security == "starttls":
                await client.ehlo()
                if not client.supports_extension("starttls"):
                    raise aiosmtplib.SMTPNotSupported("starttls")
                await client.starttls(server_hostname=given.host, tls_context=self._tls)
                transport = client.transport
            if given.username is not None and password is not None:
                await client.login(given.username, password)
            await self._hand_over(client, mail, progress)
        finally:
            client.close()
            if isinstance(transport, asyncio.WriteTransport):
                # A server that says no good-bye in TLS would hold the socket for half a minute. It is released in the loop's next turn.
                transport.abort()
                await asyncio.sleep(0)
        return Done(str(mail["Message-ID"]), "accepted by the mail server")

    async def _hand_over(self, client: aiosmtplib.SMTP, mail: EmailMessage, progress: _Progress) -> None:
        recipients = [address.addr_spec for address in mail["To"].addresses]
        wide = not all(each.isascii() for each in recipients)
        if wide and not client.supports_extension("smtputf8"):
            raise aiosmtplib.SMTPNotSupported("smtputf8")
        encoding = "utf-8" if wide else "ascii"
        await client.mail(parseaddr(self._settings.sender)[1], options=["SMTPUTF8"] if wide else [], encoding=encoding)
        for recipient in recipients:
            await client.rcpt(recipient, encoding=encoding)
        content = mail.as_bytes(policy=SMTPUTF8 if wide else SMTP)
        progress.begun = True
        await client.data(content)
        with suppress(OSError, aiosmtplib.SMTPException):  # It has the mail: how it takes leave changes nothing.
            await client.quit()


class _Progress:
    """How far an attempt has come: connected, and whether the text was begun, from where on nobody knows what was taken."""

    connected = False
    begun = False


def of_reply(code: int) -> Outcome:
    """What a reply of the server means: nothing was taken, whenever it came."""
    if 400 <= code < 500:
        return RetryLater(f"smtp_{code}", throttle=code in BUSY)
    if code in (530, 534, 535, 538):
        return ActionRefused(f"smtp_{code}", "the mail server does not let us in", disable=True)
    return ActionRefused(f"smtp_{code}", "the mail server does not take it")


def mail_of(call: ActionCall, settings: MailSettings) -> EmailMessage | ActionRefused:
    """The mail for an action, or why there can be none."""
    mail = EmailMessage(policy=SMTPUTF8)
    try:
        if call.name in TO_CUSTOMERS:
            if call.recipient is None or call.recipient.channel != "email" or not _plain(call.recipient.address):
                return ActionRefused("no_recipient", "there is no mail address to write to")
            if call.message is None or not call.message.text:
                return ActionRefused("no_message", "there is no text")
            mail["To"] = Address(addr_spec=call.recipient.address)
            _fill(mail, call.message.subject, call.message.text, call.message.html)
            mail["Content-Language"] = call.message.language
        else:
            if not settings.to:
                return ActionRefused("no_recipient", "the endpoint names no team (to)")
            note = note_of(call)
            mail["To"] = ", ".join(settings.to)
            _fill(mail, note.subject, note.text, "")
        mail["From"] = settings.sender
        if settings.reply_to is not None:
            mail["Reply-To"] = settings.reply_to
        mail["Message-ID"] = f"<{call.key}@{parseaddr(settings.sender)[1].rpartition('@')[2]}>"
        mail["Date"] = formatdate(usegmt=True)
        mail["Auto-Submitted"] = "auto-generated"
    except (ValueError, MessageError, IndexError):
        return ActionRefused("bad_message", "an address or a header cannot be written")
    return mail


def _fill(mail: EmailMessage, subject: str, text: str, html: str) -> None:
    mail["Subject"] = " ".join(subject.split())
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")


def _plain(address: str) -> bool:
    """Whether it is one mail address and no more."""
    name, at, domain = address.rpartition("@")
    return bool(at and name and "." in domain.strip(".") and len(address) <= 254) and not any(
        char.isspace() or not char.isprintable() or char in '<>,;:\\"()[]' for char in address
    )


def _able(settings: MailSettings) -> Collection[str]:
    return frozenset(ACTIONS) if settings.to else TO_CUSTOMERS


KIND: Final = ExecutorKind(
    name="mail",
    about="Mail by SMTP: messages to customers (HTML and text), notes to a team.",
    promise="at most once; doubt when the connection breaks after the text was begun",
    settings=MailSettings,
    build=MailExecutor,
    actions=_able,
)
