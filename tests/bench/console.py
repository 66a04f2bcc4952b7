"""What the console costs: how soon an open page hears of a record, and how long pages take, while many people use it at once.

Records go the way of a live system: into the numbered log of an embedded installation, from there by the store's own loop into the store,
from there by the console's stream to every open page. Pages are asked for over HTTP, by clients in a process of their own.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
import orjson
import uvicorn

from dataflows.console.app import application
from dataflows.console.cookies import cookie_of
from dataflows.console.own import open_own, prepare
from dataflows.console.parts import ConsoleParts, parts_of
from dataflows.console.people.passwords import Passwords
from dataflows.console.routes import every_route
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
from tests.bench.store import filled
from tests.support.console import QUICK
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
THINK_S: Final = 1.0
"""How long somebody looks at a page, on average."""
RATE: Final = 5
"""Records a second."""
PORT: Final = 8197


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


def console(kind: str, many: int, opened: int, people: int, seconds: float) -> Heard:
    """Measures over a store of a kind with so many exceptions, of which so many are open."""
    with TemporaryDirectory() as made, filled(kind, many, opened) as (engine, _):
        folder = Path(made)
        url = engine.url.render_as_string(hide_password=False)
        return measured(url, folder, people, seconds)


def measured(url: str, folder: Path, people: int, seconds: float) -> Heard:
    """Measures over a store that is there."""
    cookies = _people(folder, people)
    context = get_context("spawn")
    server = context.Process(target=serve, args=(url, str(folder), PORT), daemon=True)
    server.start()
    try:
        with _feeding(url, folder) as appended:
            return asyncio.run(_clients(cookies, appended, seconds))
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
    return parts_of(store, own, settings, Observer(), clock=lambda: NOW + (datetime.now(UTC) - began), passwords=Passwords(QUICK))


def serve(url: str, folder: str, port: int) -> None:
    """Serves it: the process that is measured."""
    uvicorn.run(application(parts_over(url, Path(folder))), host="127.0.0.1", port=port, lifespan="off", log_level="error", ws="none")


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
def _feeding(url: str, folder: Path) -> Generator[dict[str, float]]:
    """While inside, exceptions come into a log, and the store keeps itself true to it; gives when each was appended."""
    stop, appended = Stop(), dict[str, float]()
    where = output_folder(folder) / LOGS["exceptions"]
    log, positions = SegmentLog(where, "exceptions", owner="bench"), PositionWriter(where)
    engine, reader = open_store(url), EmbeddedReader(folder, ("exceptions",))
    raised = orjson.loads(example("exception.raised"))

    def feed() -> None:
        number = 0
        while not stop.asked:
            time.sleep(1 / RATE)
            number += 1
            id_ = f"{number:08x}-0000-4000-8000-{random.getrandbits(48):012x}"
            raised["data"] |= {"exception_id": id_, "order_id": f"BENCH-{number}", "detected_at": NOW.isoformat()}
            log.append([LogEntry(micros(NOW) + number, orjson.dumps(raised), f"BENCH-{number}")])
            log.sync()
            appended[id_] = time.monotonic()
            positions.publish(Position(log.last_time, (log.end, 0, 0, 0)))

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
        reader.close()
        log.close()
        positions.close()
        engine.dispose()


async def _clients(cookies: Sequence[tuple[str, str]], appended: dict[str, float], seconds: float) -> Heard:
    found = Heard()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", limits=limits, timeout=60) as client:
        while True:
            try:
                await client.get("/healthz")
                break
            except httpx.TransportError:
                await asyncio.sleep(0.2)
        for path in VIEWS:  # the first look at each is not counted: templates are made, plans are planned
            await client.get(path, headers=_as(cookies[0]))
        until = time.monotonic() + seconds
        await asyncio.gather(
            *(_person(client, cookie, number, until, found) for number, cookie in enumerate(cookies)),
            *(_page(client, cookie, appended, until, found) for cookie in cookies),
        )
    return found


def _as(cookie: tuple[str, str]) -> dict[str, str]:
    return {"Cookie": f"{cookie[0]}={cookie[1]}"}


async def _person(client: httpx.AsyncClient, cookie: tuple[str, str], seed: int, until: float, found: Heard) -> None:
    """Somebody who goes from page to page."""
    lots = random.Random(seed)
    await asyncio.sleep(lots.random() * THINK_S)
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
        await asyncio.sleep(lots.expovariate(1 / THINK_S))


async def _page(client: httpx.AsyncClient, cookie: tuple[str, str], appended: dict[str, float], until: float, found: Heard) -> None:
    """A page that is open."""
    async with client.stream("GET", "/live", headers=_as(cookie)) as answer:
        event = ""
        async for line in answer.aiter_lines():
            now = time.monotonic()
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: ") and event == "changed":
                data: Any = orjson.loads(line[6:])
                found.heard += [(now - appended[id_]) * 1_000 for id_, _ in data["new"] if id_ in appended]
            if now > until:
                return
