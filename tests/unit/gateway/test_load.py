"""Under senders that trickle, stall, say nothing or do not read: genuine webhooks and readiness are answered all the while.

All over real sockets of the loopback, so that everybody has one address: what saves the genuine ones is that they do not lag.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
import uvloop

from sources.gateway.peers import Limits
from sources.gateway.server import listen, server
from tests.support.webhooks import SECRETS, Sender, tracker
from tests.unit.gateway.parts import Parts, hook, parts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine
    from pathlib import Path

PATH = "/hooks/easypost/acme"
HOOK = hook(scheme="secret", max_body=100_000)
SIGNED = {"X-Orderwatch-Secret": SECRETS["secret"]}
LIMITS = Limits(requests=8, buffered=1_000_000, read_timeout=60, head=4_096, connections=60, connections_of_peer=1_000, keep_alive=600)
"""Time limits play no part in most of these: nobody is saved by waiting."""
MANY = 200
"""Connections, of the 60 that may be open."""
HEAD = f"POST {PATH} HTTP/1.1\r\nhost: x\r\n".encode()
BODY = HEAD + b"content-length: 50000\r\n\r\n"


@asynccontextmanager
async def served(gateway: Parts, limits: Limits, **tls: Path) -> AsyncGenerator[int]:
    """While inside, serves on a free port of the loopback."""
    web, socket = server(gateway.app(), limits, gateway.connections, patience=1, **tls), listen("127.0.0.1", 0)
    running = asyncio.create_task(web.serve(sockets=[socket]))
    while not web.started:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)
    try:
        yield int(socket.getsockname()[1])
    finally:
        web.should_exit = True
        await running


class Crowd:
    """Connections that say `begin` and then add `drip` now and then; whoever is closed is opened again."""

    def __init__(self, port: int, begin: bytes, drip: bytes, count: int) -> None:
        self._port, self._begin, self._drip, self._count = port, begin, drip, count
        self.opened = 0

    async def _one(self) -> None:
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                self.opened += 1
                try:
                    writer.write(self._begin)
                    while not writer.is_closing() and not reader.at_eof():
                        await asyncio.sleep(0.2)
                        writer.write(self._drip)
                        await writer.drain()
                finally:
                    writer.close()
            await asyncio.sleep(0.2)

    @asynccontextmanager
    async def around(self) -> AsyncGenerator[None]:
        """While inside, they are there."""
        tasks = [asyncio.create_task(self._one()) for _ in range(self._count)]
        try:
            while self.opened < self._count:  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0.01)
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def run_in_loop(run: Callable[[], Coroutine[None, None, None]]) -> None:
    """As the gateway runs."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


async def ask(port: int, path: str = PATH, body: bytes = b"", headers: dict[str, str] | None = None, method: str = "POST") -> int:
    """A request on a connection of its own; how it was answered."""
    sender = Sender(port)
    status = (await sender.post(path, body, headers, method=method)).status
    await sender.close()
    return status


async def is_served(port: int, name: str) -> None:
    """Webhooks and questions for readiness, each on a connection of its own: all answered with 200."""
    for number in range(5):
        assert await ask(port, PATH, tracker(f"{name}{number}", 2), SIGNED) == 200
        for path in ("/readyz", "/healthz"):
            assert await ask(port, path, method="GET") == 200


@pytest.mark.parametrize(
    ("begin", "drip"),
    [
        (BODY, b"x"),
        (BODY + b"x" * 40_000, b""),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (HEAD, b"x: y\r\n"),
        (b"", b""),
        (b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", b""),
        (b"POST /readyz HTTP/1.1\r\nhost: x\r\ncontent-length: 50000\r\n\r\n", b"x"),
    ],
    ids=["bodies that trickle", "bodies that stall", "chunks that trickle", "heads that trickle", "silence", "idle", "bodies to readiness"],
)
def test_whoever_lags_makes_way(tmp_path: Path, begin: bytes, drip: bytes) -> None:
    """However many they are: connections, request slots and bytes go to those who send."""

    async def run() -> None:
        async with served(gateway, LIMITS) as port, Crowd(port, begin, drip, MANY).around():
            await is_served(port, "T")
            assert len(gateway.connections) <= LIMITS.connections

    with parts(tmp_path, HOOK, limits=LIMITS) as gateway:
        run_in_loop(run)
        assert len(gateway.events()) == 10
        assert gateway.intake.under_way == 0
        assert gateway.stats.replies["easypost", "acme", "accepted"] == 5


def test_bytes_of_bodies_that_stall_go_to_others(tmp_path: Path) -> None:
    """Also where connections are not short."""
    limits = Limits(buffered=300_000, read_timeout=60, connections=500, connections_of_peer=500)

    async def run() -> None:
        async with served(gateway, limits) as port, Crowd(port, BODY + b"x" * 40_000, b"", 12).around():
            await asyncio.sleep(0.7)
            for number in range(3):
                assert await ask(port, PATH, tracker(f"B{number}", 1) + b" " * 80_000, SIGNED) == 200

    with parts(tmp_path, HOOK, limits=limits) as gateway:
        run_in_loop(run)
        assert gateway.stats.replies["easypost", "acme", "evicted"]


def test_whoever_does_not_read_is_let_go(tmp_path: Path) -> None:
    """Requests one after the other and not an answer taken: the connection ends, and holds nothing."""
    limits = Limits(read_timeout=0.3, connections=60)

    async def flood(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        with suppress(OSError):
            while not writer.is_closing():
                writer.write(b"GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n" * 200)
                await writer.drain()
        writer.close()

    async def run() -> None:
        async with served(gateway, limits) as port:
            floods = [asyncio.create_task(flood(port)) for _ in range(5)]
            await is_served(port, "U")
            await asyncio.wait_for(asyncio.gather(*floods), 30)
            await is_served(port, "V")

    with parts(tmp_path, HOOK, limits=limits) as gateway:
        run_in_loop(run)


def test_those_who_shake_hands_count_too(tmp_path: Path) -> None:
    """Connections to a port with TLS that never begin with it."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2"]
    if subprocess.run([*made, "-subj", "/CN=localhost"], capture_output=True, check=False).returncode:
        pytest.skip("no openssl to make a certificate with")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    async def run() -> None:
        async with served(gateway, LIMITS, cert=cert, key=key) as port, Crowd(port, b"", b"", MANY).around():
            for _ in range(3):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
                writer.write(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
                writer.close()
            assert len(gateway.connections) <= LIMITS.connections

    with parts(tmp_path / "state", HOOK, limits=LIMITS) as gateway:
        run_in_loop(run)


def test_a_body_must_keep_up_with_the_least_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that trickles is told so long before the time for a whole body is over; one that comes at the rate is taken."""
    monkeypatch.setattr("sources.gateway.limits.GRACE_S", 0.5)
    limits = Limits(read_timeout=60, rate=20_000)

    async def send(port: int, pause: float, size: int) -> bytes:
        body = tracker("RATE", 1).ljust(40_000)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = HEAD + f"x-orderwatch-secret: {SECRETS['secret']}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        writer.write(head)
        reply = asyncio.create_task(reader.readline())
        for at in range(0, len(body), size):
            if reply.done():
                break
            with suppress(OSError):
                writer.write(body[at : at + size])
            await asyncio.sleep(pause)
        found = await asyncio.wait_for(reply, 30)
        writer.close()
        return found

    async def run() -> None:
        async with served(gateway, limits) as port:
            assert b" 408 " in await send(port, 0.1, 10)
            assert b" 200 " in await send(port, 0.05, 4_000)

    with parts(tmp_path, HOOK, limits=limits) as gateway:
        run_in_loop(run)


@pytest.mark.parametrize("trusted", [False, True])
def test_one_sender_has_so_many_connections(tmp_path: Path, *, trusted: bool) -> None:
    """By its address; behind a proxy that is trusted by the address that it names, and the proxy itself by none."""
    proxies = (ip_network("127.0.0.0/8"),) if trusted else ()
    limits = Limits(read_timeout=60, connections=500, connections_of_peer=10, proxies=proxies)

    def begin(number: int) -> bytes:
        return HEAD + f"x-forwarded-for: 198.51.100.{number % 4}, 127.0.0.1\r\ncontent-length: 50\r\n\r\n".encode()

    async def run() -> None:
        async with served(gateway, limits) as port:
            opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
            await asyncio.sleep(0.2)
            assert len(gateway.connections) == (60 if trusted else 10)
            for number, (_, writer) in enumerate(opened):
                with suppress(OSError):
                    writer.write(begin(number))
            await asyncio.sleep(0.3)
            assert len(gateway.connections) == (40 if trusted else 10)
            await is_served(port, "W")
            for _, writer in opened:
                writer.close()

    with parts(tmp_path, HOOK, limits=limits) as gateway:
        run_in_loop(run)
        assert sum(gateway.stats.evictions.values()) >= (20 if trusted else 50)


def test_slots_are_for_those_who_have_proved_who_they_are(tmp_path: Path) -> None:
    """While all slots wait for the broker, a stranger is told that he is one, and whoever is genuine to come again."""
    limits = Limits(requests=3)

    async def run() -> None:
        async with served(gateway, limits) as port:
            gateway.writer.gate = asyncio.Event()
            waiting = [asyncio.create_task(ask(port, PATH, tracker(f"S{number}", 1), SIGNED)) for number in range(3)]
            while gateway.intake.under_way < 3:  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0.01)
            assert await ask(port, PATH, tracker("X", 1)) == 401
            assert await ask(port, PATH, tracker("Y", 1), SIGNED) == 503
            assert await ask(port, "/healthz", method="GET") == 200
            gateway.writer.gate.set()
            assert [await one for one in waiting] == [200] * 3

    with parts(tmp_path, HOOK, limits=limits) as gateway:
        run_in_loop(run)


def test_requests_before_the_first_answer_are_few(tmp_path: Path) -> None:
    """A sender of webhooks waits for each answer; whoever does not, costs no memory for it."""

    async def run() -> None:
        async with served(gateway, Limits()) as port:
            gateway.writer.gate = asyncio.Event()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            body = tracker("PIPE", 1)
            first = HEAD + f"x-orderwatch-secret: {SECRETS['secret']}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
            writer.write(first + b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n" * 1_000)
            with suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 10) == b""
            gateway.writer.gate.set()
            writer.close()
            await is_served(port, "P")

    with parts(tmp_path, HOOK) as gateway:
        run_in_loop(run)
