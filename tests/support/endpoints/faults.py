"""An endpoint that misbehaves as it is asked, or by lot, and counts what it effected by key.

A `Fault` says what it does with one request. `effects` counts how often something was effected for a key: with `honours_keys` a repetition
of a key effects nothing again. So "each effect once" is `max(server.effects.values()) == 1`, whatever was answered.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import threading
from collections import Counter
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from tests.support.endpoints.wire import Received, Reply, read_request

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Sequence

Fault: TypeAlias = Literal[
    "none",  # effects it, answers 200
    "silent",  # effects it, never answers
    "late",  # effects it, answers after `late_s`
    "error_before",  # 500, nothing effected
    "error_after",  # effects it, answers 500
    "throttled",  # 429 with Retry-After, nothing effected
    "unavailable",  # 503 with Retry-After, nothing effected
    "busy",  # 503 without, nothing effected
    "twice",  # effects it, answers 200 twice
    "closed_unread",  # closes before the request is read
    "closed_before",  # reads it, closes without an answer, nothing effected
    "closed_after",  # effects it, closes without an answer
    "closed_in_body",  # effects it, closes in the middle of the answer's body
    "garbage",  # effects it, answers what is no HTTP
    "lie",  # effects it, says 500 with a body that says "ok"
    "redirect",  # 302 to `location`, nothing effected
    "huge",  # effects it, answers 200 with an endless body
    "gone",  # 410
    "refused",  # 422, nothing effected
    "unauthorised",  # 401
]
CHAOS: tuple[Fault, ...] = (
    *("none", "none", "none", "none", "silent", "late", "error_before", "error_after", "throttled", "unavailable", "busy", "twice"),
    *("closed_unread", "closed_before", "closed_after", "closed_in_body", "garbage", "lie"),
)
"""What a receiver does by lot that is never final: whoever repeats with the key gets there in the end."""
EFFECTIVE = frozenset(
    ("none", "silent", "late", "error_after", "twice", "closed_after", "closed_in_body", "garbage", "lie", "huge"),
)
KEYS = ("webhook-id", "idempotency-key", "x-request-key")
"""Headers that a key may stand in."""


class Taken(NamedTuple):
    """A request, what was done with it, and its key."""

    request: Received
    fault: Fault
    key: str


def in_turn(faults: Sequence[Fault]) -> Callable[[int], Fault]:
    """One fault after the other; then all is well."""
    return lambda number: faults[number] if number < len(faults) else "none"


class FaultServer:
    """`choose` says what to do with a request by its number, from 0; a sequence is gone through once, then all is well."""

    def __init__(
        self,
        choose: Sequence[Fault] | Callable[[int], Fault] = (),
        *,
        honours_keys: bool = True,
        retry_after: str = "1",
        late_s: float = 0.1,
        location: str = "http://169.254.169.254/latest/meta-data/",
        certificate: tuple[str, str] | None = None,
        reply: Callable[[Received], Reply] | None = None,
    ) -> None:
        self._choose = choose if callable(choose) else in_turn(choose)
        self.honours, self.wait, self._late, self._location = honours_keys, retry_after, late_s, location
        self._certificate, self._reply = certificate, reply or self.reply
        self._count = 0
        self._open: set[asyncio.StreamWriter] = set()
        self.taken: list[Taken] = []
        self.effects: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens. With a certificate: by the name that it is for."""
        return f"http://127.0.0.1:{self.port}" if self._certificate is None else f"https://localhost:{self.port}"

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[FaultServer]:
        """It listens, on a free port, until the end of the block."""
        context = None
        if self._certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self._certificate)
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context, backlog=1_024)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in list(self._open):
                writer.transport.abort()
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            # Who is silent is so until the end: of a cancelled one asyncio would print a page each.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._answer(reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(1)
        if not first:
            return  # Somebody looked whether anybody is here.
        if self._choose(self._count) == "closed_unread":
            self._count += 1
            writer.transport.abort()
            return
        request = await read_request(reader, first)
        if request is None:
            return
        fault: Fault = "none"
        if self.concerns(request):
            fault, self._count = self._choose(self._count), self._count + 1
        if fault == "closed_unread":  # The lot has fallen on it while it was being read: it counts as unread.
            writer.transport.abort()
            return
        key = self.key_of(request)
        self.taken.append(Taken(request, fault, key))
        self.calls[key] += 1
        if fault in EFFECTIVE:
            self.effect(request, key)
        await self._speak(fault, request, writer)

    def reply(self, request: Received) -> Reply:  # noqa: ARG002 - those that answer by the request take it
        """The answer if all is well."""
        return Reply(200, {"ok": True})

    def concerns(self, request: Received) -> bool:
        """Whether a request is one that faults are for; all others are answered as they should be."""
        return request.method != "GET"

    def key_of(self, request: Received) -> str:
        """The key that a request bears."""
        return next((request.headers[name] for name in KEYS if name in request.headers), "")

    def effect(self, request: Received, key: str) -> None:
        """Does what a request asks for, and counts it."""
        if self.concerns(request) and not (self.honours and self.effects[key]):
            self.effects[key] += 1

    async def _speak(self, fault: Fault, request: Received, writer: asyncio.StreamWriter) -> None:
        match fault:
            case "silent":
                await asyncio.sleep(3_600)
            case "late":
                await asyncio.sleep(self._late)
                writer.write(self._reply(request).encoded())
            case "closed_before" | "closed_after":
                writer.transport.abort()
                return
            case "closed_in_body":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
                await writer.drain()
                await asyncio.sleep(0.02)
                writer.transport.abort()
                return
            case "garbage":
                writer.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            case "huge":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
                for _ in range(100_000):
                    writer.write(b"x" * 65_536)
                    await writer.drain()
            case "twice":
                writer.write(self._reply(request).encoded().replace(b"connection: close\r\n", b"") * 2)
            case _:
                writer.write(self.stated(fault, request).encoded())
        await writer.drain()

    def stated(self, fault: Fault, request: Received) -> Reply:
        """What is answered."""
        wait = {"retry-after": self.wait}
        stated: dict[str, Reply] = {
            "error_before": Reply(500, {"error": "broken"}),
            "error_after": Reply(500, {"error": "broken"}),
            "lie": Reply(500, {"ok": True}),
            "throttled": Reply(429, {"error": "slow down"}, wait),
            "unavailable": Reply(503, {"error": "later"}, wait),
            "busy": Reply(503, {"error": "later"}),
            "redirect": Reply(302, b"", {"location": self._location}),
            "gone": Reply(410, {"error": "gone"}),
            "refused": Reply(422, {"error": "no"}),
            "unauthorised": Reply(401, {"error": "who are you?"}),
        }
        return stated.get(fault) or self._reply(request)


def by_lot(seed: int, faults: Sequence[Fault] = CHAOS) -> Callable[[int], Fault]:
    """A fault for each request by its number: the same in each run."""
    return lambda number: random.Random(f"{seed}:{number}").choice(faults)


@contextmanager
def served(server: FaultServer) -> Generator[FaultServer]:
    """The server in a thread of its own, for whoever has no event loop or must not share one."""
    ready, end = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def main() -> None:
        async with server.running():
            ready.set()
            await end.wait()

    def run() -> None:
        asyncio.set_event_loop(loop)
        task = loop.create_task(main())
        loop.run_until_complete(task)
        for left in asyncio.all_tasks(loop):
            left.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(10)
