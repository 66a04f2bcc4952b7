"""What each page of the console costs: one person looks at one page after another. CPU of the console and of the database apart.

The clock tells what somebody waits for on this machine as busy as it is; CPU tells what the page costs whatever else runs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import httpx
from sqlalchemy import Engine, select, text

from sinks.cases.tables import exceptions

SORTS = ("clock", "due", "age", "value")
SHOWN = (
    "/",
    "/queue",
    "/queue?team=CARR",
    "/exceptions",
    *(f"/exceptions?sort={sort}" for sort in SORTS),
    "/exceptions?severity=critical",
    "/exceptions?severity=low",
    "/exceptions?kind=shipment&team=CARR",
    "/exceptions?team=CS&severity=high&sort=clock",
    "/exceptions?breached=any&sort=clock",
    "/exceptions?due_in=4h&sort=clock",
    "/exceptions?assignee=nobody",
    "/exceptions?waiting_on=customer",
    "/exceptions?action=proposed",
    "/exceptions?sku=SKU-005",
    "/exceptions?worth_from=100&country=DE",
    "/exceptions?text=shipped+by+dhl",
    "/exceptions?text=ord-0009999",
    "/exceptions?status=resolved",
    "/exceptions?status=any&tenant=acme",
    "/exceptions?status=any&carrier=ups",
    "/shipments",
    *(f"/shipments?sort={sort}" for sort in SORTS),
    "/shipments?severity=critical&carrier=ups",
    "/approvals",
    "/actions",
    "/actions?tab=failed",
    "/messages",
    "/feeds",
    "/audit",
    "/rejects",
    "/automation",
    "/modes?days=7",
    "/modes?days=30",
    "/modes?days=90",
    "/load?days=7",
    "/load?days=30",
    "/load?days=90",
)
"""What is looked at, besides an exception, an order, and the next page of the list."""


class PageCost(NamedTuple):
    """A page: times in ms, the first look and the median and longest of the others; CPU in ms a look; bytes as made and as sent."""

    path: str
    first: float
    median: float
    longest: float
    console: float
    store: float
    first_cpu: float
    size: int
    sent: int


class Spent:
    """CPU of the console's process and of the database, in ms."""

    def __init__(self, pid: int, engine: Engine) -> None:
        self._pid = pid
        self._server: int | None = None
        if engine.dialect.name == "postgresql":
            with engine.connect() as connection:
                backend = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
            self._server = int(_fields(backend)[1])

    def console(self) -> float:
        """Of the console."""
        return _ticks(self._pid, 11, 12)

    def store(self) -> float:
        """Of the database: all processes of its server, also those that have ended."""
        if self._server is None:
            return 0.0
        children = Path(f"/proc/{self._server}/task/{self._server}/children").read_text().split()
        return _ticks(self._server, 11, 12, 13, 14) + sum(_ticks(int(child), 11, 12) for child in children)


def paths_of(engine: Engine) -> list[str]:
    """What is looked at."""
    with engine.connect() as connection:
        row = connection.execute(
            select(exceptions.c.exception_id, exceptions.c.tenant, exceptions.c.order_id)
            .where(exceptions.c.closed_at.is_(None))
            .order_by(exceptions.c.severity_rank)
            .limit(1)
        ).one()
    return [*SHOWN, f"/exceptions/{row.exception_id}", f"/orders/{row.tenant}/{row.order_id}"]


def costs(
    base: str, cookie: tuple[str, str], engine: Engine, pid: int, times: int, only: Sequence[str] = (), rest: float = 0.0
) -> Iterator[PageCost]:
    """Each page, looked at so often, with a rest before each look."""
    spent = Spent(pid, engine)
    headers = {"Cookie": f"{cookie[0]}={cookie[1]}"}
    with httpx.Client(base_url=base, headers=headers, timeout=60) as client:
        client.get("/healthz")
        for path in paths_of(engine):
            if only and path not in only:
                continue
            first, answer, first_cpu = _look(client, path, spent, rest)
            took: list[float] = []
            begun = spent.console(), spent.store()
            for _ in range(times):
                each, answer, _ = _look(client, path, spent, rest)
                took.append(each)
            console, store = spent.console() - begun[0], spent.store() - begun[1]
            size, sent = len(answer.content), int(answer.headers["content-length"])
            yield PageCost(path, first, median(took), max(took), console / times, store / times, first_cpu, size, sent)


def _look(client: httpx.Client, path: str, spent: Spent, rest: float) -> tuple[float, httpx.Response, float]:
    """One look: ms, what was answered, and CPU of both in ms."""
    time.sleep(rest)
    before, began = spent.console() + spent.store(), time.perf_counter()
    answer = client.get(path)
    answer.raise_for_status()
    return (time.perf_counter() - began) * 1_000, answer, spent.console() + spent.store() - before


def _fields(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _ticks(pid: int, *fields: int) -> float:
    try:
        found = _fields(pid)
    except FileNotFoundError:
        return 0.0
    return sum(int(found[field]) for field in fields) * 1_000 / os.sysconf("SC_CLK_TCK")
