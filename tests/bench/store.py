"""What it costs to read the case store: each list, detail, search and count that people ask, many times, and the 95th percentile of them.

The bar is 100 ms on PostgreSQL for lists at 1,000,000 exceptions of which 20,000 are open; SQLite stands beside it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import NamedTuple

from sqlalchemy import Connection, Engine, text

from sinks.cases.queries.actions import list_actions
from sinks.cases.queries.counts import counts
from sinks.cases.queries.detail import exception_detail, order_detail
from sinks.cases.queries.exceptions import list_exceptions, resolve_prefix
from sinks.cases.queries.search import search
from sinks.cases.queries.wanted import ActionFilter, ExceptionFilter
from sinks.cases.schema import open_store, upgrade
from tests.support.filled import NOW, fill
from tests.support.postgres import server, why_not

TIMES = 60
"""How often each is asked."""
LISTS = {
    "open, gravest first": ExceptionFilter(),
    "open of a team": ExceptionFilter(teams=("CARR",)),
    "open of a person": ExceptionFilter(assignees=("user:p3",)),
    "open, nobody's": ExceptionFilter(unassigned=True),
    "open, low only": ExceptionFilter(severities=("low",)),
    "open of a kind": ExceptionFilter(kinds=("shipment.stuck",)),
    "open of a domain": ExceptionFilter(kinds=("shipment",)),
    "open, a clock run out": ExceptionFilter(breached="any"),
    "open with words": ExceptionFilter(text="shipped by dhl"),
    "open with rare words": ExceptionFilter(text="ord-000199"),
    "suppressed": ExceptionFilter(statuses=("suppressed",)),
    "resolved, newest first": ExceptionFilter(statuses=("resolved",)),
    "resolved of a team": ExceptionFilter(statuses=("resolved",), teams=("CS",)),
    "resolved of a kind": ExceptionFilter(statuses=("resolved",), kinds=("shipment.stuck",)),
    "retracted of a carrier": ExceptionFilter(statuses=("retracted",), carriers=("ups",)),
    "all of a tenant": ExceptionFilter(statuses=(), tenants=("acme",)),
}


class Asked(NamedTuple):
    """A question and its times, in ms. `cpu`: what this process and the server's use on average, whatever else this machine does."""

    name: str
    median: float
    p95: float
    longest: float
    cpu: float


def asked(connection: Connection, times: int = TIMES) -> Iterator[Asked]:
    """Each question, asked so often."""
    first = list_exceptions(connection, now=NOW, limit=100)
    deep = first.after
    for _ in range(30):
        page = list_exceptions(connection, now=NOW, limit=100, after=deep)
        deep = page.after or deep
    row = first.rows[0]
    questions: dict[str, Callable[[], object]] = {
        **{name: _list(connection, wanted) for name, wanted in LISTS.items()},
        "open, page 31": lambda: list_exceptions(connection, now=NOW, after=deep),
        "counts": lambda: counts(connection, now=NOW),
        "approvals": lambda: list_actions(connection, ActionFilter(waiting=True)),
        "actions, newest first": lambda: list_actions(connection),
        "search: order": lambda: search(connection, row.order_id),
        "search: tracking number": lambda: search(connection, "JJD 000000000000500"),
        "search: customer": lambda: search(connection, "cus_500"),
        "an ID by its beginning": lambda: resolve_prefix(connection, row.exception_id[:8]),
        "an exception": lambda: exception_detail(connection, row.exception_id, NOW),
        "an order": lambda: order_detail(connection, row.tenant, row.order_id, NOW),
    }
    for name, question in questions.items():
        question()
        took: list[float] = []
        before = _cpu(connection)
        for _ in range(times):
            begun = time.perf_counter()
            question()
            took.append((time.perf_counter() - begun) * 1_000)
        cut = quantiles(took, n=20)
        yield Asked(name, cut[9], cut[18], max(took), (_cpu(connection) - before) / times)


@contextmanager
def filled(kind: str, many: int, opened: int, folder: Path | None = None) -> Generator[tuple[Engine, float]]:
    """A store of a kind that holds so many exceptions, and how long it took to fill it, in seconds."""
    with TemporaryDirectory(dir=folder) as made:
        if kind == "sqlite":
            yield from _filled(f"sqlite:///{made}/store.sqlite3", many, opened)
            return
        if reason := why_not():
            raise RuntimeError(reason)
        with server() as running:
            yield from _filled(running.database(), many, opened)


def _filled(url: str, many: int, opened: int) -> Generator[tuple[Engine, float]]:
    engine = open_store(url)
    upgrade(engine)
    begun = time.perf_counter()
    fill(engine, many, opened, events=False)
    try:
        yield engine, time.perf_counter() - begun
    finally:
        engine.dispose()


def _cpu(connection: Connection) -> float:
    """What this process and its server process have used so far, in ms."""
    ours = time.process_time() * 1_000
    if connection.dialect.name == "sqlite":
        return ours
    fields = Path(f"/proc/{connection.scalar(text('SELECT pg_backend_pid()'))}/stat").read_text().rpartition(")")[2].split()
    return ours + (int(fields[11]) + int(fields[12])) * 1_000 / os.sysconf("SC_CLK_TCK")


def _list(connection: Connection, wanted: ExceptionFilter) -> Callable[[], object]:
    return lambda: list_exceptions(connection, wanted, now=NOW)
