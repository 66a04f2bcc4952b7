"""A receiver for trying things out: it takes mails and webhooks on this machine, and keeps what came for whoever wants to see it.

It is no endpoint for production: it forgets what it had, and lets everybody in who reaches its address. `checked` by the signature are
webhooks only where a secret is given.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any, Final, Literal, cast

from standardwebhooks import Webhook, WebhookVerificationError

KEPT: Final = 1_000
"""How many arrivals are kept; the oldest are forgotten first."""
LARGEST: Final = 1 << 20
IDLE_S: Final = 30.0
REMEMBERED: Final = 100_000
"""Keys that are remembered, so that a repetition is seen as one."""


@dataclass(frozen=True, slots=True)
class DemoArrival:
    """Something that came: a mail (`recipient`, `subject`, `text`) or a webhook (`subject` is its action).

    `key`: the action's ID. `again`: how often it had come before; a receiver that honours keys acts on the first alone.
    """

    kind: Literal["mail", "webhook"]
    key: str
    recipient: str
    subject: str
    text: str
    again: int = 0
    signed: bool | None = None
    """Of a webhook, whether its signature is right; None where there is no secret to check it by."""
    body: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)


class DemoReceiver:
    """Takes mails by SMTP and webhooks by HTTP. `on_arrival` is called with each, in the loop that it runs in."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        smtp_port: int = 0,
        http_port: int = 0,
        *,
        secret: str | None = None,
        on_arrival: Callable[[DemoArrival], None] = lambda _: None,
    ) -> None:
        self.host, self.smtp_port, self.http_port = host, smtp_port, http_port
        self.arrivals: deque[DemoArrival] = deque(maxlen=KEPT)
        self._secret, self._on_arrival = secret, on_arrival
        self._seen: OrderedDict[tuple[str, str], int] = OrderedDict()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[DemoReceiver]:
        """It listens until the end of the block; ports that were 0 are those that it got. Raises OSError for a port that is taken."""
        smtp = await asyncio.start_server(self._guarded(self._mail), self.host, self.smtp_port, limit=LARGEST)
        try:
            http = await asyncio.start_server(self._guarded(self._webhook), self.host, self.http_port, limit=LARGEST)
        except OSError:
            smtp.close()
            raise
        self.smtp_port, self.http_port = smtp.sockets[0].getsockname()[1], http.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            for server in (smtp, http):
                server.close()

    def _guarded(self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> Callable[..., Any]:
        """A connection that stalls, breaks or says nonsense ends alone."""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                async with asyncio.timeout(IDLE_S):
                    await serve(reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
                pass
            finally:
                writer.close()

        return handle

    def _came(self, arrival: DemoArrival) -> None:
        self.arrivals.append(arrival)
        self._on_arrival(arrival)

    def _again(self, kind: str, key: str) -> int:
        """How often a key has come before."""
        before = self._seen.pop((kind, key), 0)
        self._seen[kind, key] = before + 1
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return before

    async def _mail(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """As much of SMTP (RFC 5321) as a sender needs to hand a mail over."""
        recipients: list[str] = []
        writer.write(b"220 orderwatch demo receiver\r\n")
        while True:
            await writer.drain()
            line = (await reader.readline()).decode("utf-8", "replace").strip()
            match line[:4].upper():
                case "EHLO":
                    writer.write(b"250-orderwatch demo receiver\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
                case "DATA":
                    writer.write(b"354 go on\r\n")
                    await writer.drain()
                    text = await reader.readuntil(b"\r\n.\r\n")
                    self._take_mail(text[:-3].replace(b"\r\n..", b"\r\n."), recipients)
                    recipients = []
                    writer.write(b"250 accepted\r\n")
                case "RCPT":
                    recipients.append(line.partition("<")[2].partition(">")[0])
                    writer.write(b"250 ok\r\n")
                case "HELO" | "MAIL" | "RSET" | "NOOP":
                    writer.write(b"250 ok\r\n")
                case "QUIT" | "":
                    writer.write(b"221 bye\r\n")
                    return
                case _:
                    writer.write(b"502 not here\r\n")

    def _take_mail(self, text: bytes, recipients: list[str]) -> None:
        mail = message_from_bytes(text, policy=policy.default)
        key = str(mail.get("Message-ID", "")).strip("<> ").partition("@")[0]
        part = mail.get_body(("plain", "html"))
        content = "" if part is None else str(part.get_content()).strip()
        self._came(DemoArrival("mail", key, ", ".join(recipients), str(mail.get("Subject", "")), content, self._again("mail", key)))

    async def _webhook(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        length = int(headers.get("content-length", "0"))
        if length > LARGEST:
            await self._answer(writer, "413 Content Too Large")
            return
        body = await reader.readexactly(length)
        await self._answer(writer, self._take_webhook(headers, body))

    def _take_webhook(self, headers: dict[str, str], body: bytes) -> str:
        """The status to answer with."""
        signed = None
        if self._secret is not None:
            try:
                Webhook(self._secret).verify(body, headers, json_parse=False)
            except (WebhookVerificationError, ValueError):
                return "401 Unauthorized"
            signed = True
        try:
            event = _mapping(json.loads(body))
        except ValueError:
            return "400 Bad Request"
        data, message, recipient = (_mapping(event.get(name)) for name in ("data", "message", "recipient"))
        key = headers.get("webhook-id") or headers.get("idempotency-key") or ""
        subject = str(data.get("action") or event.get("type") or "")
        text = str(message.get("text") or event.get("text") or data.get("reason") or "")
        to = str(recipient.get("address") or "")
        self._came(DemoArrival("webhook", key, to, subject, text, self._again("webhook", key), signed, event))
        return "200 OK"

    async def _answer(self, writer: asyncio.StreamWriter, status: str) -> None:
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()


def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
