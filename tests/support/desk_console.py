"""A console, an engine and a store without a broker: what the console has written is replayed, and projected into the store that it reads.

The engine is the one that runs live, over the same log; it speaks whenever it is asked to.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any, cast

import orjson
from sqlalchemy import Engine
from starlette.testclient import TestClient

from dataflows.console.govern.opening import NAME as GOVERN
from dataflows.console.govern.opening import GovernParts
from dataflows.console.taking import ConsoleDecisions
from schemas.wire import micros
from sinks.cases.writer import CaseWriter
from sinks.decisions import UnwrittenError
from tests.support.console import PEOPLE, ConsoleHost, console
from tests.support.replays import replay
from tests.support.stores import record

TOPICS = ("exceptions", "actions", "incidents", "rejects")
START = datetime(2026, 5, 27, 12, tzinfo=UTC)
"""When the console is opened: orders of `late` are two days late by then."""


class WrittenDecisions:
    """Keeps decisions in a file, as the engine reads them. `broken`: it cannot be written."""

    def __init__(self, path: Path) -> None:
        self.path, self.broken = path, False
        path.touch()

    def write(self, decisions: Sequence[Mapping[str, object]]) -> None:
        """Appends them. Raises UnwrittenError."""
        if self.broken:
            raise UnwrittenError("the log does not answer")
        with self.path.open("ab") as file:
            file.writelines(orjson.dumps(decision) + b"\n" for decision in decisions)

    def close(self) -> None:
        """Nothing is under way."""

    def all(self) -> list[dict[str, Any]]:
        """All that was written."""
        return [orjson.loads(line) for line in self.path.read_bytes().splitlines()]


class AuditedLines:
    """Keeps the lines of the audit."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    async def write(self, lines: Sequence[bytes]) -> None:
        """Keeps them."""
        self.lines += [orjson.loads(line) for line in lines]


class DeskConsole:
    """A console over what an engine says of some events. Its clock stands until it is moved; each `speak` moves it by a second."""

    def __init__(self, host: ConsoleHost, written: WrittenDecisions, audit: AuditedLines, folder: Path, policy: Path | None) -> None:
        self.host, self.written, self.audit = host, written, audit
        self._folder, self._policy = folder, policy

    @property
    def store(self) -> Engine:
        """The case store."""
        return self.host.parts.store

    def speak(self) -> None:
        """The engine reads all that there is by now, and the store all that it says."""
        self.host.clock.move(timedelta(seconds=1))
        decisions = self.written.path if self.written.path.stat().st_size else None
        out = self._folder / "out"
        replay(self._folder / "events.jsonl", out, self._policy, until=micros(self.host.clock()), decisions=decisions)
        found = {topic: (out / f"{topic}.jsonl").read_bytes().splitlines() for topic in TOPICS}
        found["decisions"] = self.written.path.read_bytes().splitlines()
        CaseWriter(self.store).rebuild([[record(topic, line, at) for at, line in enumerate(lines)] for topic, lines in found.items()])
        self.host.parts.heads.forget()

    def rows(self, statement: Any) -> list[Any]:
        """What the store has."""
        with self.store.connect() as connection:
            return [*connection.execute(statement).all()]


@contextmanager
def desk_console(
    folder: Path,
    events: Sequence[Mapping[str, Any]],
    *,
    policy: str | None = None,
    people: Mapping[str, str] = PEOPLE,
    settings: Mapping[str, Any] | None = None,
) -> Generator[DeskConsole]:
    """Such a console while inside; the engine has spoken once."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "events.jsonl").write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    rules = None
    if policy is not None:
        rules = folder / "policy.yaml"
        rules.write_text(policy, encoding="utf-8")
    written, audit = WrittenDecisions(folder / "decisions.jsonl"), AuditedLines()
    now: list[Any] = []

    def decisions(store: Engine) -> ConsoleDecisions:
        return ConsoleDecisions(written, store, audit, clock=lambda: now[0]().timestamp())

    with console(folder, orders=None, decisions=decisions, people=people, settings=settings) as host:
        host.parts.more[GOVERN] = replace(cast("GovernParts", host.parts.more[GOVERN]), policy=rules)
        now.append(host.clock)
        host.clock.at = START
        made = DeskConsole(host, written, audit, folder, rules)
        made.speak()
        yield made


def late(id_: str, **more: Any) -> dict[str, Any]:
    """An order that was to leave two days before START, and did not."""
    placed = START - timedelta(days=5)
    return {
        "specversion": "1.0",
        "id": f"{id_}-placed",
        "source": "/storefront/acme",
        "type": "order.placed",
        "subject": id_,
        "time": placed.isoformat(),
        "data": {
            "total": {"amount": "129.90", "currency": "EUR"},
            "payment_terms": "invoice",
            "ship_by": (START - timedelta(days=2)).isoformat(),
            "lines": [{"line_id": "1", "sku": "A", "quantity": 1}],
            **more,
        },
    }


def event(id_: str, type_: str, at: datetime, source: str, **data: Any) -> dict[str, Any]:
    """Another event of an order."""
    head = {"specversion": "1.0", "id": f"{id_}-{type_}", "source": source, "type": type_, "subject": id_}
    return {**head, "time": at.isoformat(), "data": data}


def hidden(page: str) -> dict[str, list[str]]:
    """The hidden fields of the form that a page has, by name."""
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input type=\"hidden\"[^>]*>", page):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value:
            found.setdefault(name[1], []).append(unescape(value[1]))
    return found


def text_of(page: str) -> str:
    """What a page says in its middle."""
    middle = page.partition("<main")[2].partition("</main>")[0] or page
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", middle)).split())


def decide(client: TestClient, verb: str, *, x: Sequence[str] = (), a: Sequence[str] = (), **fields: Any) -> Any:
    """Opens the form of a decision, and sends it with these fields; the answer to that."""
    query: list[tuple[str, str | int | float | bool | None]] = [("do", verb), *(("x", one) for one in x), *(("a", one) for one in a)]
    opened = client.get("/decide", params=query)
    assert opened.status_code == 200, text_of(opened.text)
    return client.post("/decide", data={**hidden(opened.text), "step": "send", **fields})
