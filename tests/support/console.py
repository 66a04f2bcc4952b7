"""A console for tests and for looking at: over a store filled from a simulated world, with people whose password is known.

`python -m tests.support.console --port 8099 [--orders 300]` serves one: http://127.0.0.1:8099, names below, password `orderwatch-demo`.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import httpx2
import uvicorn
from argon2 import PasswordHasher
from sqlalchemy import Engine, update
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dataflows.console.access import Person, PersonScope
from dataflows.console.app import application
from dataflows.console.cookies import cookie_of
from dataflows.console.govern.opening import NAME as GOVERN
from dataflows.console.govern.opening import open_govern
from dataflows.console.own import open_own, prepare
from dataflows.console.pages.opening import PAGES, PageParts
from dataflows.console.parts import ConsoleParts, parts_of, wall
from dataflows.console.people.passwords import Passwords
from dataflows.console.routes import Route, every_route
from dataflows.console.taking import ConsoleDecisions
from dataflows.core.policy import Policy
from dataflows.core.rules.load import policy_of_text
from dataflows.observe.observer import Observer
from dataflows.settings import Settings
from dataflows.settings.console import ConsoleSettings
from sinks.cases.schema import open_store, upgrade, writing
from sinks.cases.standing import stands
from sinks.cases.tables import notes
from sinks.cases.writer import CaseWriter
from tests.support.console_world import day_policy, notes_of, working_day
from tests.support.stores import interleaved, sqlite_url

PASSWORD = "orderwatch-demo"
PEOPLE: Mapping[str, str] = {"anna": "operator", "bob": "approver", "vera": "viewer", "pia": "policy_author", "ada": "admin"}
"""Who there is, and their role."""
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Digests that cost nothing, for tests."""
ORIGIN = "https://testserver"
EMPTY_AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
"""What the clock of a console over an empty store says."""


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """What it says."""
        return self.at

    def move(self, by: timedelta) -> None:
        """Moves it."""
        self.at += by


@cache
def _filled(orders: int | None) -> tuple[Path, datetime]:
    """The file of a store as it is on a working day (None: an empty one), and the instant of looking. Made once in a process."""
    folder = Path(mkdtemp(prefix="orderwatch-console-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    engine = open_store(sqlite_url(folder))
    upgrade(engine)
    if orders is None:
        engine.dispose()
        return folder / "store.sqlite3", EMPTY_AT
    parts, now = working_day(orders)
    records = interleaved(parts)
    writer = CaseWriter(engine)
    for at in range(0, len(records), 1_000):
        writer.write(records[at : at + 1_000])
    with writing(engine).begin() as connection:
        stands(connection, now, 0, now)
        for reference, _, _, text in notes_of(parts):
            connection.execute(update(notes).where(notes.c.note_ref == reference).values(text=text))
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return folder / "store.sqlite3", now


def policy_of_world() -> Policy:
    """The policy of the simulated world."""
    found = policy_of_text(day_policy())
    assert isinstance(found, Policy)
    return found


class NotedDecisions:
    """A writer behind which there is no engine: what is decided is printed, and nothing comes of it."""

    def write(self, decisions: Sequence[Mapping[str, object]]) -> None:
        """Prints them."""
        for one in decisions:
            print(one["type"], one.get("subject"), one["data"], flush=True)  # noqa: T201

    def close(self) -> None:
        """Nothing is under way."""


class ForgottenLines:
    """An audit that nobody reads."""

    async def write(self, lines: Sequence[bytes]) -> None:
        """Forgets them."""
        del lines


def deciding(store: Engine) -> ConsoleDecisions:
    """What takes decisions in where no engine is behind it."""
    return ConsoleDecisions(NotedDecisions(), store, ForgottenLines())


class ConsoleHost:
    """A console with its parts. `clock` stands at the store's last record."""

    def __init__(self, parts: ConsoleParts, clock: Clock, folder: Path, routes: Sequence[Route] | None = None) -> None:
        self.parts, self.clock, self.folder = parts, clock, folder
        self.app: Starlette = application(parts, routes)

    def client(self, name: str | None = None, **headers: str) -> TestClient:
        """A browser in which somebody is logged in; None: nobody. It says where its requests come from, as browsers do."""
        made = TestClient(
            self.app,
            base_url=ORIGIN,
            follow_redirects=False,
            headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", "Accept-Language": "en", **headers},
        )
        if name is not None:
            made.cookies.set(cookie_of(self.parts.settings), self.parts.sessions.begin(name, "password", "test", self.clock()))
        return made

    def add(self, name: str, *roles: str, scope: PersonScope | None = None) -> Person:
        """Adds somebody whose password is PASSWORD."""
        self.parts.directory.add(name, roles, scope, password=PASSWORD, at=self.clock())
        found = self.parts.directory.find(name)
        assert found is not None
        return found.person


def embedded_settings(folder: Path, settings: Mapping[str, Any] | None = None) -> Settings:
    """The settings of an installation without a broker in a folder; `settings`: of its console."""
    return Settings.model_validate({"embedded": {"dir": folder}, "state": {"dir": folder / "state"}, "console": settings or {}})


@contextmanager
def console(
    folder: Path,
    *,
    orders: int | None = 60,
    settings: Mapping[str, Any] | None = None,
    routes: Sequence[Route] | None = None,
    decisions: Callable[[Engine], ConsoleDecisions] | None = None,
    people: Mapping[str, str] = PEOPLE,
    provider: Callable[[], httpx2.Client] | None = None,
    trials: Sequence[str] | None = None,
) -> Generator[ConsoleHost]:
    """A console while inside, over a copy of a filled store (`orders` None: an empty one) and an own database in `folder`.

    `trials`: the command that is run instead of a back-test.
    """
    given = ConsoleSettings.model_validate({"cookie": "secure", **(settings or {})})
    filled, at = _filled(orders)
    shutil.copy(filled, folder / "store.sqlite3")
    store = open_store(sqlite_url(folder))
    every_route()  # their modules declare tables
    own = open_own(sqlite_url(folder, "console"))
    prepare(own)
    clock = Clock(at)
    taken = None if decisions is None else decisions(store)
    stack = ExitStack()
    parts = parts_of(store, own, given, Observer(), clock=clock, passwords=Passwords(QUICK), decisions=taken, provider=provider)
    parts.more[PAGES] = PageParts(policy_of_world())
    parts.more[GOVERN] = open_govern(stack, embedded_settings(folder, settings), own, clock=clock, spawn=trials)
    host = ConsoleHost(parts, clock, folder, routes)
    for name, role in people.items():
        host.add(name, role)
    try:
        yield host
    finally:
        stack.close()
        store.dispose()
        own.dispose()


def serve(folder: Path, port: int, orders: int, clock: Callable[[], datetime] | None = None) -> uvicorn.Server:
    """A server over such a console, over plain HTTP; it runs once it is awaited. `clock`: else it goes on from the store's last record."""
    filled, last = _filled(orders)
    if not (folder / "store.sqlite3").exists():
        shutil.copy(filled, folder / "store.sqlite3")
    every_route()
    own = open_own(sqlite_url(folder, "console"))
    prepare(own)
    began = wall()
    given = ConsoleSettings.model_validate({"cookie": "plain", "port": port})
    store = open_store(sqlite_url(folder))
    parts = parts_of(
        store,
        own,
        given,
        Observer(),
        clock=clock or (lambda: last + (wall() - began)),
        passwords=Passwords(QUICK),
        decisions=deciding(store),
    )
    parts.more[PAGES] = PageParts(policy_of_world())
    parts.more[GOVERN] = open_govern(ExitStack(), embedded_settings(folder), own, clock=parts.clock)
    for name, role in PEOPLE.items():
        if parts.directory.find(name) is None:
            parts.directory.add(name, [role], password=PASSWORD, at=last)
    return uvicorn.Server(uvicorn.Config(application(parts), host="127.0.0.1", port=port, lifespan="off", log_level="warning"))


def main() -> None:
    """Serves until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="where its databases are kept; else nowhere")
    given = parser.parse_args()
    with TemporaryDirectory() as made:
        folder = given.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"http://127.0.0.1:{given.port}  {', '.join(PEOPLE)}  password {PASSWORD}", flush=True)  # noqa: T201
        asyncio.run(serve(folder, given.port, given.orders).serve())


if __name__ == "__main__":
    main()
