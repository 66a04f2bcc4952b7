"""The gateway beside a bare handler of the same server, on the loopback: how many webhooks a second, and how soon each is answered.

All are asked by one load generator, a process of its own with a fixed number of connections, each of which sends one request after the
other. It takes its share of the machine: what counts are the ratios.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from tests.support.brokers import Unavailable, climb, topic
from tests.support.gateway import Gateway
from tests.support.kafka.process import free_port
from tests.support.webhooks import SECRETS, SIGN, Sender, tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
SCHEME = "shopify"
"""Signs the body alone: signatures can be made beforehand."""
PATH = "/hooks/easypost/acme"
CONNECTIONS = {"easypost/acme": {"scheme": SCHEME}}
SENDERS = 32
SCANS = 3
"""Events of a webhook."""
WARM = 0.2
"""This share of the requests comes before the figures are taken."""

BARE = """
import sys
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from sources.gateway.connections import Connections
from sources.gateway.peers import Limits
from sources.gateway.server import listen, server
import asyncio, uvloop

async def take(request):
    await request.body()
    return PlainTextResponse("ok")

async def main():
    app = Starlette(routes=[Route("/hooks/{system}/{name}", take, methods=["POST"])])
    await server(app, Limits(), Connections(Limits()), patience=1).serve(
        sockets=[listen("127.0.0.1", int(sys.argv[1]))]
    )

asyncio.Runner(loop_factory=uvloop.new_event_loop).run(main())
"""
"""Reads the body and answers 200: on the same server, with the same limits."""


class Load(NamedTuple):
    """Requests per second; milliseconds to the answer, median and 99th percentile; processor time of the server per request, µs."""

    rate: float
    p50: float
    p99: float
    cpu: float


@dataclass(frozen=True)
class Beside:
    """What was measured in one run, by what was asked; and on which Kafka, if there was one."""

    requests: int
    size: int
    by: dict[str, Load]
    translating: float
    """Processor time of the adapter alone per request, µs: the floor of what a gateway costs beyond a bare handler."""
    broker: str


def beside(requests: int = 20_000) -> Beside:
    """Asks each of them so often."""
    by: dict[str, Load] = {}
    rung = "no Kafka"
    with TemporaryDirectory(prefix="orderwatch-bench-") as folder:
        home = Path(folder)
        by["bare handler"] = _bare(requests)
        by["gateway, embedded log"] = _gateway(Gateway(home / "log", CONNECTIONS, gateway={"output": "log"}), requests)
        try:
            climbed = climb()
        except Unavailable as none:
            rung = f"no Kafka: {none}"
        else:
            broker, rung = climbed.broker, str(climbed)
            try:
                kafka, name = {"brokers": [broker.bootstrap]}, topic(broker, "hooks", partitions=6)
                by["gateway, Kafka"] = _gateway(Gateway(home / "kafka", CONNECTIONS, kafka=kafka, gateway={"topic": name}), requests)
            finally:
                broker.stop()
    return Beside(requests, len(tracker("TRK00000000", SCANS)), by, _translating(), rung)


def _translating(count: int = 2_000) -> float:
    adapter, connection = ADAPTERS["easypost"], AdapterConnection(name="acme")
    bodies = [tracker(f"TRK{number:08d}", SCANS) for number in range(count)]
    began = time.process_time()
    for body in bodies:
        translate(adapter, Payload(body), connection)
    return (time.process_time() - began) / count * 1e6


def _bare(requests: int) -> Load:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", BARE, str(port)], cwd=ROOT)
    try:
        return _measured(port, process.pid, requests, lambda: process.poll() is None)
    finally:
        process.terminate()
        process.wait()


def _gateway(gateway: Gateway, requests: int) -> Load:
    gateway.start()
    try:
        return _measured(gateway.port, gateway.pid, requests, gateway.alive)
    finally:
        gateway.stop()


def _measured(port: int, pid: int, requests: int, alive: Callable[[], bool]) -> Load:
    """Has a process of its own send requests; waits until the server listens."""
    give_up = time.monotonic() + 30
    while not _listens(port):
        assert alive(), "the server has ended"
        assert time.monotonic() < give_up, "the server does not listen"
        time.sleep(0.05)
    before = _cpu(pid)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.gateway", str(port), str(requests)], cwd=ROOT, capture_output=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return Load(found["rate"], found["p50"], found["p99"], (_cpu(pid) - before) / requests * 1e6)


def _listens(port: int) -> bool:
    async def run() -> bool:
        sender = Sender(port)
        try:
            await sender.post("/", b"")
        except OSError:
            return False
        await sender.close()
        return True

    return asyncio.run(run())


def _cpu(pid: int) -> float:
    """Processor time of a process so far, seconds (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _prepared(requests: int) -> Iterator[bytes]:
    """Whole requests, ready to be sent; each is of a parcel of its own."""
    for number in range(requests):
        body = tracker(f"TRK{number:08d}", SCANS)
        headers = {"host": "bench", "content-type": "application/json", "content-length": str(len(body))}
        headers |= SIGN[SCHEME](SECRETS[SCHEME], body, 0).headers
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        yield f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + body


async def generate(port: int, requests: int) -> dict[str, float]:
    """Sends the requests over `SENDERS` connections; returns the figures."""
    waiting = list(_prepared(requests))
    waiting.reverse()
    taken: list[float] = []
    began = [0.0]
    warm = int(requests * WARM)

    async def send() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while waiting:
            data = waiting.pop()
            at = time.perf_counter()
            writer.write(data)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            now = time.perf_counter()
            taken.append(now - at)
            if len(taken) == warm:
                began[0] = now
        writer.close()

    await asyncio.gather(*(send() for _ in range(SENDERS)))
    seconds = time.perf_counter() - began[0]
    cuts = quantiles(taken[warm:], n=100)
    return {"rate": (requests - warm) / seconds, "p50": cuts[49] * 1_000, "p99": cuts[98] * 1_000}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(generate(int(sys.argv[1]), int(sys.argv[2])))))  # noqa: T201
