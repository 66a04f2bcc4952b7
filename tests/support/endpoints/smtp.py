"""A mail server that misbehaves: the faults of `faults`, in the words of SMTP (RFC 5321)."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager, suppress
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

from tests.support.endpoints.faults import Fault, in_turn

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from email.message import EmailMessage

REPLIES: dict[Fault, tuple[bytes, bytes]] = {
    "throttled": (b"MAIL", b"421 too many of you\r\n"),
    "unavailable": (b"RCPT", b"450 later\r\n"),
    "refused": (b"RCPT", b"550 nobody of that name\r\n"),
    "error_before": (b"DATA", b"554 no\r\n"),
}
"""What is answered to which command; nothing is effected then."""


class MailFaultServer:
    """Takes mails as `faults` say, one for each connection in turn; then all is well."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self._choose = in_turn(faults)
        self._count = 0
        self._open: set[asyncio.StreamWriter] = set()
        self.mails: list[EmailMessage] = []
        self.effects: Counter[str] = Counter()
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[MailFaultServer]:
        """It listens until the end of the block."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for writer in list(self._open):
                writer.transport.abort()
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        fault, self._count = self._choose(self._count), self._count + 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._talk(fault, reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _talk(self, fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com\r\n")
        while line := await reader.readline():
            at, reply = REPLIES.get(fault, (b"", b""))
            command = line[:4].upper()
            if command == at:
                writer.write(reply)
            elif command == b"EHLO":
                writer.write(b"250-mail.example.com\r\n250 8BITMIME\r\n")
            elif command == b"DATA":
                writer.write(b"354 go on\r\n")
                await self._take(fault, await reader.readuntil(b"\r\n.\r\n"), writer)
            elif command == b"QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 ok\r\n")
            await writer.drain()

    async def _take(self, fault: Fault, text: bytes, writer: asyncio.StreamWriter) -> None:
        """A reply to the text is binding: 250 is accepted, anything else is not. Only without one is there a doubt."""
        if fault != "closed_before":
            mail = message_from_bytes(text[:-3], policy=policy.default)
            self.mails.append(mail)
            self.effects[str(mail["Message-ID"]).strip("<>").partition("@")[0]] += 1
        match fault:
            case "silent":
                await asyncio.sleep(3_600)
            case "late":
                await asyncio.sleep(0.1)
            case "garbage":
                writer.write(b"this is no SMTP\r\n")
                return
            case "closed_before" | "closed_after" | "error_after":
                writer.transport.abort()
                raise ConnectionAbortedError
            case _:
                pass
        writer.write(b"250 accepted\r\n")


def mails_by_key(server: MailFaultServer, key: str) -> int:
    """How many mails there were for a key."""
    return server.effects[key]
