"""Over real sockets: what is too large, too slow, too much or misdirected, and that all else goes on meanwhile."""

from __future__ import annotations

import asyncio
import gzip
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from sources.gateway.peers import Limits
from sources.gateway.schemes import SCHEMES
from sources.gateway.server import listen, server
from tests.support.webhooks import SECRETS, SIGN, Reply, Sender, adyen_body, tracker, usps_body
from tests.unit.gateway.parts import Parts, hook, parts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

PATH = "/hooks/easypost/acme"
SHARED = hook(scheme="secret", max_body=100_000)
HEADERS = {"X-Orderwatch-Secret": SECRETS["secret"]}
LIMITS = Limits(requests=4, buffered=300_000, read_timeout=0.8, head=4_096, connections=50, keep_alive=5)


@asynccontextmanager
async def served(gateway: Parts, limits: Limits = LIMITS) -> AsyncGenerator[int]:
    """While inside, serves on a free port of the loopback."""
    web, socket = server(gateway.app(), limits, gateway.connections, patience=1), listen("127.0.0.1", 0)
    port = int(socket.getsockname()[1])
    running = asyncio.create_task(web.serve(sockets=[socket]))
    while not web.started:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        web.should_exit = True
        await running


async def once(port: int, path: str = PATH, body: bytes = b"", method: str = "POST", **headers: str) -> Reply:
    """A request on a connection of its own."""
    sender = Sender(port)
    reply = await sender.post(path, body, HEADERS | headers, method=method)
    await sender.close()
    return reply


async def _ended(writer: asyncio.StreamWriter) -> None:
    """Ends a connection."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def test_requests_follow_one_another_on_a_connection(tmp_path: Path) -> None:
    """Accepted, duplicate, forged, refused, accepted: an answer each."""

    async def run() -> None:
        async with served(gateway) as port:
            sender = Sender(port)
            body = tracker("TRK1", 2)
            wanted: tuple[tuple[bytes, dict[str, str], int], ...] = (
                (body, HEADERS, 200),
                (body, HEADERS, 200),
                (body, {}, 401),
                (b"{}", HEADERS, 202),
                (tracker("T", 1), HEADERS, 200),
            )
            for sent, headers, status in wanted:
                assert (await sender.post(PATH, sent, headers)).status == status
            await sender.close()
            assert (await once(port, PATH + "?key=a+shared+secret", tracker("U", 1), **{"X-Orderwatch-Secret": "wrong"})).status == 200

    with parts(tmp_path, SHARED, limits=LIMITS) as gateway:
        asyncio.run(run())
        counts = {outcome: count for (_, _, outcome), count in gateway.stats.replies.items()}
        assert counts == {"accepted": 3, "duplicate": 1, "forged": 1, "refused": 1}


def test_what_is_misdirected_is_said_at_once(tmp_path: Path) -> None:
    """Another connection, another path, another method; health is there for whoever balances."""

    async def run() -> None:
        async with served(gateway) as port:
            for path in ("/hooks/easypost/other", "/hooks/other/acme", "/hooks/easypost", "/", "/metrics", "/hooks/easypost/acme/x"):
                assert (await once(port, path)).status == 404
            reply = await once(port, method="GET")
            assert (reply.status, reply.headers["allow"]) == (405, "POST")
            assert (await once(port, "/healthz", method="GET")).body == b"ok\n"
            assert (await once(port, "/readyz", method="GET")).status == 200

    with parts(tmp_path, SHARED, limits=LIMITS) as gateway:
        asyncio.run(run())
        assert {key[:2] for key in gateway.stats.replies} == {("unknown", "unknown"), ("easypost", "acme")}


@pytest.mark.parametrize(
    "path",
    [
        f"{PATH}/",
        f"/{PATH}",
        "/hooks//easypost/acme",
        f"{PATH}//?a=b",
        "/hooks/easyp%6Fst/acme",
        "/hooks%2Feasypost/acme",
        "http://other" + PATH,
    ],
)
def test_a_path_may_have_slashes_too_many(tmp_path: Path, path: str) -> None:
    """Senders do not follow a redirect: it is served."""

    async def run() -> None:
        async with served(gateway) as port:
            assert (await once(port, path, tracker("TRK1", 1))).status == 200
            for probe in ("/readyz/", "//healthz"):
                assert (await once(port, probe, method="GET")).status == 200

    with parts(tmp_path, SHARED, limits=LIMITS) as gateway:
        asyncio.run(run())
        assert gateway.stats.replies == {("easypost", "acme", "accepted"): 1}


@pytest.mark.parametrize(
    "path",
    [
        "/Hooks/easypost/acme",
        "/hooks/EasyPost/acme",
        "/hooks/easypost/Acme",
        "/hooks/",
        "/hooks/./easypost/acme",
        "/hooks/easypost/x/../acme",
        "/hooks/easypost/acme;v=1",
        "/hooks/easypost/acme%20",
        "/hooks/easypost/acme%00",
        "/hooks/easypost/%ff",
        "/hooks/easypost/%zz",
    ],
)
def test_another_path_is_not_found(tmp_path: Path, path: str) -> None:
    """Names are written as in the settings."""

    async def run() -> None:
        async with served(gateway) as port:
            assert (await once(port, path, tracker("TRK1", 1))).status == 404

    with parts(tmp_path, SHARED, limits=LIMITS) as gateway:
        asyncio.run(run())
        assert not gateway.stats.replies["easypost", "acme", "accepted"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"])
def test_another_method_is_told_which_one(tmp_path: Path, method: str) -> None:
    """405, and what is allowed; of a request for the head alone there is no body."""

    async def run() -> None:
        async with served(gateway) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"{method} {PATH}/ HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 405 ")
            assert b"\r\nallow: POST" in head
            assert body == (b"" if method == "HEAD" else b"bad_method: webhooks are sent by POST\n")
            await _ended(writer)

    with parts(tmp_path, SHARED, limits=LIMITS) as gateway:
        asyncio.run(run())


def test_woocommerces_ping_is_answered_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    """With 200, without a signature; an unsigned webhook is not."""
    woo = hook(scheme="woocommerce")

    async def run() -> None:
        async with served(gateway) as port:
            assert (await once(port, PATH, b"webhook_id=7")).status == 200
            assert (await once(port, PATH, tracker("TRK1", 1))).status == 401

    with parts(tmp_path, woo, limits=LIMITS) as gateway:
        asyncio.run(run())
        assert gateway.stats.replies == {("easypost", "acme", "ping"): 1, ("easypost", "acme", "forged"): 1}
        assert gateway.events() == gateway.refused() == []
        [forged] = (tmp_path / "refused" / "forged.jsonl").read_bytes().splitlines()
        assert b"webhook_id" not in forged


def test_a_body_that_is_too_large_is_refused_before_it_is_there(tmp_path: Path) -> None:
    """By what it says it is, or as soon as there is too much of it; a compressed one is not unpacked."""

    async def run() -> None:
        async with served(gateway) as port:
            head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\n".encode()
            assert (await Sender(port).raw(head + b"content-length: 100001\r\n\r\n")).status == 413
            chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
            reply = await Sender(port).raw(head + b"transfer-encoding: chunked\r\n\r\n" + chunk * 8)
            assert (reply.status, reply.headers["connection"]) == (413, "close")
            bomb = gzip.compress(b"\0" * 50_000_000)
            assert (await once(port, PATH, bomb, **{"content-encoding": "gzip"})).status == 415
            assert (await once(port, PATH, b"x" * 100_000)).status == 202

    with parts(tmp_path, SHARED, limits=LIMITS) as gateway:
        asyncio.run(run())


@pytest.mark.parametrize(
    "parts_of_head",
    [
        [b"POST " + PATH.encode() + b" HTTP/1.1\r\nhost: x\r\n", *[b"x-%d: %s\r\n" % (n, b"y" * 900) for n in range(5)]],
        [b"POST " + PATH.encode() + b" HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 20_000],
        [b"POST /" + b"a" * 20_000],
        [b"POST " + PATH.encode() + b" HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nx: " + b"y" * 20_000 + b"\r\n\r\n"],
    ],
    ids=["many headers", "a long header", "a long path", "all at once"],
)
def test_a_head_that_is_too_large_is_refused(tmp_path: Path, parts_of_head: list[bytes]) -> None:
    """431, in however many pieces it comes."""

    async def run() -> None:
        async with served(gateway) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for piece in parts_of_head:
                writer.write(piece)
                await asyncio.sleep(0.005)
            assert b" 431 " in await reader.readline()
            await _ended(writer)
            assert (await once(port, body=b"{}")).status == 202

    with parts(tmp_path, SHARED, limits=LIMITS) as gateway:
        asyncio.run(run())


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"POST " + PATH.encode(),
        b"POST " + PATH.encode() + b" HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n12345",
        b"POST " + PATH.encode() + b" HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n12\r\n",
    ],
    ids=["silence", "half a head", "half a body", "half a body in chunks"],
)
def test_a_sender_that_dawdles_is_let_go(tmp_path: Path, start: bytes) -> None:
    """408 and the end of the connection, also for one that sends a byte now and then; others are served meanwhile."""

    async def run() -> None:
        async with served(gateway) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(start)

            async def drip() -> None:
                while True:
                    await asyncio.sleep(0.1)
                    writer.write(b"1" if start else b"")

            dripping = asyncio.create_task(drip())
            assert (await once(port, body=tracker("TRK1", 1))).status == 200
            with suppress(ConnectionResetError):  # what was sent after the end of the connection may undo the answer
                assert b" 408 " in await asyncio.wait_for(reader.read(), 10)
            dripping.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await dripping
            await _ended(writer)

    with parts(tmp_path, SHARED, limits=LIMITS) as gateway:
        asyncio.run(run())


def test_blank_lines_keep_no_connection_open(tmp_path: Path) -> None:
    """Between requests they are no request, and the time for the next one runs."""

    async def run() -> None:
        async with served(gateway) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            await reader.readuntil(b"ok\n")
            writer.write(b"\r\n")
            assert b" 408 " in await asyncio.wait_for(reader.read(), 10)
            await _ended(writer)

    with parts(tmp_path, SHARED, limits=LIMITS) as gateway:
        asyncio.run(run())


def test_no_more_requests_or_bytes_are_held_than_allowed(tmp_path: Path) -> None:
    """Those beyond are told to come again, at once; when the broker is back all is well."""

    async def run() -> None:
        async with served(gateway) as port:
            gateway.writer.gate = asyncio.Event()
            waiting = [asyncio.create_task(once(port, body=tracker(f"TRK{number}", 1))) for number in range(4)]
            await asyncio.sleep(0.1)
            reply = await once(port, body=tracker("TRK9", 1))
            assert (reply.status, reply.headers["retry-after"]) == (503, "5")
            gateway.writer.gate.set()
            assert [(await one).status for one in waiting] == [200] * 4
            gateway.writer.gate = asyncio.Event()
            large = [tracker(f"L{number}", 1) + b" " * 90_000 for number in range(4)]
            together = [asyncio.create_task(once(port, body=body)) for body in large]
            await asyncio.sleep(0.2)
            gateway.writer.gate.set()
            assert sorted([(await one).status for one in together]) == [200, 200, 200, 503]
            assert (await once(port, body=tracker("TRK9", 1))).status == 200

    with parts(tmp_path, SHARED, limits=LIMITS) as gateway:
        asyncio.run(run())
        assert gateway.intake.under_way == 0


def test_a_sender_that_goes_away_leaves_nothing_behind(tmp_path: Path) -> None:
    """In the middle of its body."""

    async def run() -> None:
        async with served(gateway) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhalf".encode())
            await writer.drain()
            await asyncio.sleep(0.05)
            await _ended(writer)
            give_up = time.monotonic() + 5
            while not gateway.stats.replies and time.monotonic() < give_up:  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0.01)

    with parts(tmp_path, SHARED, limits=LIMITS) as gateway:
        asyncio.run(run())
        assert dict(gateway.stats.replies) == {("easypost", "acme", "gone"): 1}
        assert gateway.intake.under_way == 0


def test_a_stop_finishes_what_is_under_way(tmp_path: Path) -> None:
    """The answer still comes; nobody new gets in."""

    async def run() -> None:
        async with served(gateway) as port:
            idle = Sender(port)
            await idle.post("/healthz", b"", method="GET")
            gateway.writer.gate = asyncio.Event()
            waiting = asyncio.create_task(once(port, body=tracker("TRK1", 1)))
            await asyncio.sleep(0.05)
            asyncio.get_running_loop().call_later(0.4, gateway.writer.gate.set)
        assert (await waiting).status == 200
        await idle.close()
        with pytest.raises(OSError, match="Connect call failed"):
            await once(port, body=b"")

    with parts(tmp_path, SHARED, limits=LIMITS) as gateway:
        asyncio.run(run())
        assert len(gateway.events()) == 1


def test_every_scheme_is_taken_over_the_wire(tmp_path: Path) -> None:
    """Signed as the systems sign, by the real clock."""

    async def run() -> None:
        async with served(gateway) as port:
            for scheme in SCHEMES.keys() - {"adyen", "usps"}:
                one = hook(scheme=scheme)
                gateway.intake.hooks = {("easypost", "acme"): one}
                sent = SIGN[scheme](SECRETS[scheme], tracker(scheme, 1), 1_790_000_000)
                sender = Sender(port)
                assert (await sender.post(PATH, sent.body, sent.headers)).status == 200, scheme
                await sender.close()
            gateway.intake.hooks = {("adyen", "acme"): hook("adyen")}
            reply = await once(port, "/hooks/adyen/acme", SIGN["adyen"](SECRETS["adyen"], adyen_body("7914073381342284"), 0).body)
            assert (reply.status, reply.body) == (200, b"[accepted]")
            gateway.intake.hooks = {("usps", "acme"): hook("usps")}
            signed = SIGN["usps"](SECRETS["usps"], usps_body("9400100000000000000011"), 0)
            assert (await once(port, "/hooks/usps/acme", signed.body, **signed.headers)).status == 200

    with parts(tmp_path, SHARED, limits=LIMITS) as gateway:
        asyncio.run(run())
