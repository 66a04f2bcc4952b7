"""What the console costs: how soon an open page hears of a record, and how long pages take, while many people use it at once.

Records go the way of a live system: into the numbered log of an embedded installation, or into a topic of a Kafka, from there by the
store's own loop into the store, from there by the console's stream to every open page. Pages are asked for over HTTP, by clients in a
process of their own.
"""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Final

import httpx
import orjson
import uvicorn
import uvloop
from confluent_kafka import Producer

from dataflows.console.app import application
from dataflows.console.cookies import cookie_of
from dataflows.console.counting import counted_ahead
from dataflows.console.govern.opening import NAME as GOVERN
from dataflows.console.govern.opening import open_govern
from dataflows.console.own import open_own, prepare
from dataflows.console.parts import ConsoleParts, parts_of
from dataflows.console.people.passwords import Passwords
from dataflows.console.routes import every_route
from dataflows.console.run import COUNTED, GIVE_WAY_S, settle
from dataflows.observe.observer import Observer
from dataflows.runtime.stop import Stop
from dataflows.settings.console import ConsoleSettings
from dataflows.store.sync import StoreSync, run_store
from schemas.embedded import output_folder
from schemas.instants import micros
from schemas.segments import Position
from sinks.cases.schema import open_store
from sinks.embedded.log import LogEntry, PositionWriter, SegmentLog
from sources.embedded.outputs import LOGS, EmbeddedReader
from sources.kafka.outputs import KafkaLogReader
from sources.outputs.reader import LogReader
from tests.bench.kafka import kafka
from tests.bench.pages import PageCost, costs
from tests.bench.store import filled
from tests.support.brokers import topic
from tests.support.console import QUICK, embedded_settings
from tests.support.filled import NOW
from tests.support.stored import example
from tests.support.stores import sqlite_url

VIEWS: Final = (
    "/",
    "/queue",
    "/exceptions",
    "/exceptions?severity=critical",
    "/shipments",
    "/approvals",
    "/modes?days=30",
    "/load?days=30",
    "/feeds",
)
FOLLOWED: Final = ("", "?team=CARR", "?severity=high", "?sort=clock", "?status=open&status=suppressed")
"""What the open pages show, each another list: all want the records that come."""
THINK_S: Final = 10.0
"""How long somebody looks at a page, on average."""
RATE: Final = 5
"""Records a second."""
PORT: Final = 8197
BASE: Final = f"http://127.0.0.1:{PORT}"
Append = Callable[[int, bytes], None]


@dataclass(frozen=True)
class ConsoleLoad:
    """How many people there are at once, for how long, how long each looks at a page on average, whether records come through a Kafka.

    `looks`: how often one person looks at each page afterwards; 0: not at all.
    """

    people: int
    seconds: float
    think: float = THINK_S
    kafka: bool = False
    looks: int = 10


@dataclass
class Heard:
    """What was measured. `heard`: ms from the append of a record until a page was told; `pages`: ms by view; `refused`: other answers."""

    heard: list[float] = field(default_factory=list[float])
    pages: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    sizes: dict[str, int] = field(default_factory=dict[str, int])
    refused: int = 0


def p95(values: Sequence[float]) -> float:
    """The 95th percentile."""
    return values[0] if len(values) == 1 else quantiles(values, n=20)[18]


def console(kind: str, many: int, opened: int, load: ConsoleLoad) -> tuple[Heard, list[PageCost]]:
    """Measures over a store of a kind with so many exceptions, of which so many are open."""
    with TemporaryDirectory() as made, filled(kind, many, opened) as (engine, _):
        return measured(engine.url.render_as_string(hide_password=False), Path(made), load)


def measured(url: str, folder: Path, load: ConsoleLoad) -> tuple[Heard, list[PageCost]]:
    """Measures over a store that is there: people at once while records come, then one who sees all pages."""
    with served(url, folder, load.people) as (cookies, pid):
        heard = _heard(url, folder, cookies, load)
        engine = open_store(url)
        try:
            return heard, list(costs(BASE, cookies[0], engine, pid, load.looks)) if load.looks else []
        finally:
            engine.dispose()


def _heard(url: str, folder: Path, cookies: Sequence[tuple[str, str]], load: ConsoleLoad) -> Heard:
    with ExitStack() as stack:
        logged = stack.enter_context(_kafka() if load.kafka else _embedded(folder))
        return _by_clients(cookies, stack.enter_context(_feeding(url, *logged)), load)


@contextmanager
def served(url: str, folder: Path, people: int) -> Generator[tuple[list[tuple[str, str]], int]]:
    """A console in a process of its own while inside: the cookies of so many people, and its process ID."""
    cookies = _people(folder, people)
    server = get_context("spawn").Process(target=serve, args=(url, str(folder), PORT), daemon=True)
    server.start()
    assert server.pid is not None
    try:
        yield cookies, server.pid
    finally:
        server.terminate()
        server.join()


def parts_over(url: str, folder: Path) -> ConsoleParts:
    """A console over a store, whose clock goes on from where the filled store is looked at."""
    every_route()
    own = open_own(sqlite_url(folder, "console"))
    prepare(own)
    began = datetime.now(UTC)
    settings = ConsoleSettings.model_validate({"cookie": "plain", "port": PORT})
    store = open_store(url, pool=settings.connections)
    parts = parts_of(store, own, settings, Observer(), clock=lambda: NOW + (datetime.now(UTC) - began), passwords=Passwords(QUICK))
    parts.more[GOVERN] = open_govern(ExitStack(), embedded_settings(folder), own, clock=parts.clock)
    return parts


def serve(url: str, folder: str, port: int) -> None:
    """Serves it: the process that is measured."""
    sys.setswitchinterval(GIVE_WAY_S)
    parts = parts_over(url, Path(folder))
    server = uvicorn.Server(uvicorn.Config(application(parts), host="127.0.0.1", port=port, lifespan="off", log_level="error", ws="none"))

    async def serving() -> None:
        settle()
        async with counted_ahead(parts, COUNTED):
            await server.serve()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving())


def _people(folder: Path, many: int) -> list[tuple[str, str]]:
    """So many people who are logged in: the name and the value of each one's cookie."""
    parts = parts_over(sqlite_url(folder, "none"), folder)
    found: list[tuple[str, str]] = []
    for number in range(many):
        name = f"p{number}"
        parts.directory.add(name, ["operator", "approver"], None, password=None, at=NOW)
        found.append((cookie_of(parts.settings), parts.sessions.begin(name, "password", "bench", NOW)))
    parts.own.dispose()
    return found


@contextmanager
def _embedded(folder: Path) -> Generator[tuple[Append, LogReader]]:
    """The numbered log of an embedded installation: what appends to it, and what the store reads it by."""
    where = output_folder(folder) / LOGS["exceptions"]
    log, positions = SegmentLog(where, "exceptions", owner="bench"), PositionWriter(where)

    def append(number: int, value: bytes) -> None:
        log.append([LogEntry(micros(NOW) + number, value, f"BENCH-{number}")])
        log.sync()
        positions.publish(Position(log.last_time, (log.end, 0, 0, 0)))

    with closing(log), closing(positions), closing(EmbeddedReader(folder, ("exceptions",))) as reader:
        yield append, reader


@contextmanager
def _kafka() -> Generator[tuple[Append, LogReader]]:
    """The same of a topic; a record counts from when it is handed to the producer."""
    with kafka() as broker:
        name = topic(broker, "exceptions", 3)
        options = {"bootstrap.servers": broker.bootstrap}
        # The broker ends before the producer is gone, which would say so at length.
        producer = Producer({**options, "linger.ms": 0, "enable.idempotence": True, "log_level": 0})

        def append(number: int, value: bytes) -> None:
            producer.produce(name, value, f"BENCH-{number}", number % 3)
            producer.poll(0)

        with closing(KafkaLogReader(options, {"exceptions": name})) as reader:
            yield append, reader
        producer.flush(5)


@contextmanager
def _feeding(url: str, append: Append, reader: LogReader) -> Generator[dict[str, float]]:
    """While inside, exceptions come into a log, and the store keeps itself true to it; gives when each was appended."""
    stop, appended = Stop(), dict[str, float]()
    engine = open_store(url)
    raised = orjson.loads(example("exception.raised"))
    raised["data"]["severity"], raised["data"]["owner"] = "high", "CARR"
    raised["data"]["case"] |= {"team": "CARR"}

    def feed() -> None:
        number = 0
        while not stop.asked:
            time.sleep(1 / RATE)
            number += 1
            id_ = f"{number:08x}-0000-4000-8000-{random.getrandbits(48):012x}"
            raised["data"] |= {"exception_id": id_, "order_id": f"BENCH-{number}", "detected_at": NOW.isoformat()}
            value = orjson.dumps(raised)
            appended[id_] = time.monotonic()
            append(number, value)

    threads = [
        threading.Thread(target=feed, daemon=True),
        threading.Thread(target=run_store, args=(reader, StoreSync(engine, Observer(), stop)), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield appended
    finally:
        stop.asked = True
        for thread in threads:
            thread.join()
        engine.dispose()


def _by_clients(cookies: Sequence[tuple[str, str]], appended: dict[str, float], load: ConsoleLoad) -> Heard:
    """Measures in a process of their own: beside the store's loop, whose CPU is no console's, an answer would wait to be taken."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        found, names = pool.submit(ask, cookies, load).result()
    found.heard = [(at - appended[id_]) * 1_000 for id_, at in names if id_ in appended]
    return found


def ask(cookies: Sequence[tuple[str, str]], load: ConsoleLoad) -> tuple[Heard, list[tuple[str, float]]]:
    """What the clients see, and when (`time.monotonic`, one clock for all processes) a page was told of which exception."""
    return asyncio.run(_clients(cookies, load))


async def _clients(cookies: Sequence[tuple[str, str]], load: ConsoleLoad) -> tuple[Heard, list[tuple[str, float]]]:
    found, names = Heard(), list[tuple[str, float]]()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=BASE, limits=limits, timeout=60) as client:
        while True:
            try:
                await client.get("/healthz")
                break
            except httpx.TransportError:
                await asyncio.sleep(0.2)
        for path in VIEWS:  # the first look at each is not counted: templates are made, plans are planned
            await client.get(path, headers=_as(cookies[0]))
        until = time.monotonic() + load.seconds
        await asyncio.gather(
            *(_person(client, cookie, number, until, found, load.think) for number, cookie in enumerate(cookies)),
            *(_page(cookie, FOLLOWED[number % len(FOLLOWED)], until, names) for number, cookie in enumerate(cookies)),
        )
    return found, names


def _as(cookie: tuple[str, str]) -> dict[str, str]:
    return {"Cookie": f"{cookie[0]}={cookie[1]}"}


async def _person(client: httpx.AsyncClient, cookie: tuple[str, str], seed: int, until: float, found: Heard, think: float) -> None:
    """Somebody who goes from page to page."""
    lots = random.Random(seed)
    await asyncio.sleep(lots.random() * think)
    while time.monotonic() < until:
        path = lots.choice(VIEWS)
        began = time.monotonic()
        answer = await client.get(path, headers=_as(cookie))
        took = (time.monotonic() - began) * 1_000
        if answer.status_code == 200:
            found.pages.setdefault(path, []).append(took)
            found.sizes[path] = len(answer.content)
        else:
            found.refused += 1
        await asyncio.sleep(lots.expovariate(1 / think))


async def _page(cookie: tuple[str, str], shows: str, until: float, names: list[tuple[str, float]]) -> None:
    """A page that is open. Read by lines from a plain connection: a client that does more takes the CPU that the console is to have."""
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(f"GET /live{shows} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nCookie: {cookie[0]}={cookie[1]}\r\n\r\n".encode())
    assert b" 200 " in await reader.readline()
    event = b""
    while line := await reader.readline():  # each message is a chunk of its own: no line is cut by the length of one
        now = time.monotonic()
        if line.startswith(b"event: "):
            event = line[7:].strip()
        elif line.startswith(b"data: ") and event == b"changed":
            names += [(id_, now) for id_, _ in orjson.loads(line[6:])["new"]]
        if now > until:
            break
    writer.close()
