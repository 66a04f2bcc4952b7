"""A gateway with tokens, an engine and a store, without a broker: what the gateway has written is replayed, and projected into the store.

The engine is the one that runs live, over the same log; it speaks whenever it is asked to.
"""

from __future__ import annotations

import io
import os
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from dataflows.cli.main import run
from schemas.wire import micros
from sinks.cases.writer import CaseWriter
from tests.support.gateway import Gateway
from tests.support.replays import replay
from tests.support.stores import record, store

if TYPE_CHECKING:
    from collections.abc import Mapping

TOPICS = ("exceptions", "actions", "incidents", "rejects")
PATIENCE = 60.0
VARIABLE = "ORDERWATCH_CLIENT__TOKEN"


class Done(NamedTuple):
    """A command that has ended: its exit code, and what it has said."""

    code: int
    stdout: str
    stderr: str


class DecidingShop:
    """All of it below a folder. `environment`: what commands find there beside the settings."""

    def __init__(self, home: Path, output: str = "log", **more: dict[str, Any]) -> None:
        gateway: dict[str, Any] = {"output": output, **more.pop("gateway", {})}
        self.gateway = Gateway(home, {}, gateway=gateway, **more)
        self.folder = self.gateway.state / "gateway"
        self.out = home / "out"
        self.url = f"sqlite:///{home / 'store.sqlite3'}"
        self.gateway.settings["store"] = {"url": self.url}
        self.gateway.write_settings()

    def command(self, *arguments: str, token: str | None = None) -> Done:
        """Runs `orderwatch` in this process, as long as nobody is at the terminal; `token`: what it finds in its environment."""
        said, complained = io.StringIO(), io.StringIO()
        before = {name: value for name, value in os.environ.items() if name.startswith("ORDERWATCH_")}
        for name in before:
            del os.environ[name]
        if token is not None:
            os.environ[VARIABLE] = token
        stdin, sys.stdin = sys.stdin, io.StringIO()
        try:
            with redirect_stdout(said), redirect_stderr(complained):
                code = run([*arguments, "--settings", str(self.gateway.file)])
        finally:
            sys.stdin = stdin
            os.environ.pop(VARIABLE, None)
            os.environ.update(before)
        return Done(code, said.getvalue(), complained.getvalue())

    def awaited(self, *arguments: str, token: str | None = None) -> Done:
        """The same, while the engine reads the decision that comes of it."""
        before = len(self.decisions())

        def follow() -> None:
            give_up = time.monotonic() + PATIENCE
            while len(self.decisions()) == before and time.monotonic() < give_up:
                time.sleep(0.02)
            self.engine()

        following = Thread(target=follow)
        following.start()
        try:
            return self.command(*arguments, token=token)
        finally:
            following.join(PATIENCE)

    def token(self, name: str, *scope: str) -> str:
        """A new token."""
        made = self.command("tokens", "create", name, *scope)
        assert made.code == 0, made.stderr
        return made.stdout.strip()

    def decisions(self) -> list[dict[str, Any]]:
        """What was written as decisions."""
        path = self.folder / "order-decisions.jsonl"
        return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []

    def engine(self) -> None:
        """The engine reads all that there is by now, and the store all that it says."""
        events, decisions = self.folder / "events.jsonl", self.folder / "order-decisions.jsonl"
        given = decisions if decisions.exists() and decisions.stat().st_size else None
        until = micros(datetime.now(UTC) + timedelta(seconds=1))
        replay(events, self.out, until=until, decisions=given)
        with store(self.url) as engine:
            found = {topic: (self.out / f"{topic}.jsonl").read_bytes().splitlines() for topic in TOPICS}
            found["decisions"] = decisions.read_bytes().splitlines() if given is not None else []
            # Made anew: an event that came since may have changed what was said before, as in a replay it has its own place.
            CaseWriter(engine).rebuild([[record(topic, line, at) for at, line in enumerate(lines)] for topic, lines in found.items()])


def order(id_: str, now: datetime, **more: Any) -> dict[str, Any]:
    """An order that was to leave some days ago, and did not."""
    placed = now - timedelta(days=4)
    return {
        "specversion": "1.0",
        "id": f"{id_}-placed",
        "source": "/storefront/acme",
        "type": "order.placed",
        "subject": id_,
        "time": placed.isoformat(timespec="seconds"),
        "data": {
            "total": {"amount": "129.90", "currency": "EUR"},
            "payment_terms": "invoice",
            "ship_by": (now - timedelta(days=2)).isoformat(timespec="seconds"),
            "lines": [{"line_id": "1", "sku": "A", "quantity": 1}],
            **more,
        },
    }


def shown(lines: str) -> list[Mapping[str, Any]]:
    """What a command has said with --json."""
    return [orjson.loads(line) for line in lines.splitlines()]
