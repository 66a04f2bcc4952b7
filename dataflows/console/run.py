"""The console as a process: opens what it stands on, serves until it is asked to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import uvicorn
import uvloop
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from dataflows.console.app import application
from dataflows.console.counting import counted_ahead
from dataflows.console.deciding.opening import open_decisions
from dataflows.console.govern.opening import NAME as GOVERN
from dataflows.console.govern.opening import open_govern
from dataflows.console.live.hub import LiveHub
from dataflows.console.live.opening import open_live
from dataflows.console.own import open_own, prepare
from dataflows.console.pages.opening import PAGES, open_pages
from dataflows.console.parts import ConsoleParts, parts_of, wall
from dataflows.console.routes import every_route
from dataflows.console.views import load, modes
from dataflows.errors import MisuseError, RunError
from dataflows.observe import catalogue
from dataflows.observe.http import PortError, cannot_listen, serving
from dataflows.observe.observer import Observer
from dataflows.settings import Settings
from sinks.cases.schema import StoreError, open_store, ready, store_url
from sinks.cases.schema import shown as shown_url

BACKLOG: Final = 256
COUNTED: Final = (modes.COUNTS, load.COUNTS)
"""What is counted before anybody asks for it."""
BEAT_S: Final = 1.0
CHECK_S: Final = 5.0
"""How often it is looked whether the databases answer."""
GIVE_WAY_S: Final = 0.001
"""After how long a thread that makes a page gives way. By Python's own 5 ms each statement of another page waits as long for each page that
is being made: 16 statements took 500 to 600 ms beside two pages, and take 110 to 290; a second of CPU makes about as many (-6 to +7 %)."""
GRACE_S: Final = 3
"""How long requests that are under way have when the console stops; pages that follow changes are ended."""


def folder_of(settings: Settings) -> Path:
    """The console's directory."""
    return settings.console.folder(settings.state.dir)


def own_of(settings: Settings) -> Engine:
    """The console's own database, with its tables. Raises MisuseError, RunError."""
    every_route()  # the views declare the tables
    try:
        engine = open_own(settings.console.own_url(folder_of(settings)))
        prepare(engine)
    except StoreError as error:
        raise MisuseError(f"console.url: {error}") from error
    except SQLAlchemyError as error:
        raise RunError(f"console.url: the console's own database does not answer: {type(error).__name__}") from error
    return engine


def checked_urls(settings: Settings) -> tuple[str, str]:
    """The store and the console's own database, as they may be shown. Raises MisuseError."""
    found: list[str] = []
    for name, url in (
        ("store.url", settings.store.url_in(settings.state.dir)),
        ("console.url", settings.console.own_url(folder_of(settings))),
    ):
        try:
            found.append(shown_url(store_url(url)))
        except StoreError as error:
            raise MisuseError(f"{name}: {error}") from error
    return found[0], found[1]


def run_console(settings: Settings, observer: Observer) -> None:
    """Serves until SIGTERM or SIGINT.

    Raises MisuseError where the settings do not fit what is there, RunError where the console's own database does not answer.
    """
    given = settings.console
    sys.setswitchinterval(GIVE_WAY_S)
    with ExitStack() as stack:
        if settings.http.enabled:
            try:
                port = stack.enter_context(serving(settings.http.host, given.http_port, observer))
            except PortError as error:
                raise MisuseError(str(error).replace("http.port", "console.http_port")) from error
            observer.log.info("serving /metrics, /healthz and /readyz", host=settings.http.host, port=port)
        parts = _parts(stack, settings, observer, serves=True)
        hub = open_live(parts, settings, observer)
        if given.cookie == "plain":
            observer.log.warning("console.cookie is plain: whoever listens in on the network has every session; for development only")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(parts, observer, hub))


def settle() -> None:
    """Takes what is there for good out of the collector's sight: a look at all of it is a pause in which no page is made."""
    gc.collect()
    gc.freeze()


class ConsoleServer(uvicorn.Server):
    """uvicorn that leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Captures none."""
        yield


async def _serve(parts: ConsoleParts, observer: Observer, hub: LiveHub) -> None:
    given = parts.settings
    try:
        listener = _listen(given.host, given.port)
    except (OSError, OverflowError) as error:
        raise MisuseError(cannot_listen("console", given.host, given.port, error)) from error
    server = ConsoleServer(
        uvicorn.Config(
            application(parts),
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True
        hub.let_go()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await asyncio.to_thread(parts.directory.prepare)
    watch = _Watch(parts)
    observer.health.require(lambda: watch.problem)
    observer.read(catalogue.CONSOLE_SESSIONS, lambda: watch.sessions)
    observer.runs(lambda: "none")
    if not await asyncio.to_thread(parts.directory.count):
        observer.log.warning("nobody can log in yet: orderwatch people add NAME --role admin")
    observer.log.info("serving the console", host=given.host, port=listener.getsockname()[1], path=given.path or "/")
    await watch.look()
    observer.resumed()
    task = asyncio.create_task(watch.work(observer))
    settle()
    try:
        async with counted_ahead(parts, COUNTED):
            await server.serve(sockets=[listener])
    finally:
        task.cancel()
    observer.log.info("stopped")


class _Watch:
    """Whether both databases answer, and how many sessions there are."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self.problem: str | None = None
        self.sessions: int | None = None

    async def work(self, observer: Observer) -> None:
        """Looks again and again."""
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while True:
            observer.beat()
            await asyncio.sleep(BEAT_S)
            if loop.time() - looked >= CHECK_S:
                await self.look()
                looked = loop.time()

    async def look(self) -> None:
        """Looks once."""
        self.problem, self.sessions = await asyncio.to_thread(self._looked)

    def _looked(self) -> tuple[str | None, int | None]:
        problem: str | None = None
        sessions: int | None = None
        try:
            ready(self._parts.store)
        except StoreError as error:
            problem = str(error)
        except SQLAlchemyError as error:
            problem = f"the store does not answer: {type(error).__name__}"
        try:
            with self._parts.own.connect() as connection:
                connection.execute(text("SELECT 1"))
            sessions = self._parts.sessions.count(wall())
        except SQLAlchemyError as error:
            problem = f"the console's own database does not answer: {type(error).__name__}"
        return problem, sessions


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


@contextmanager
def opened(settings: Settings) -> Generator[ConsoleParts]:
    """The parts for a command that works on people, without a server. Raises MisuseError, RunError."""
    with ExitStack() as stack:
        yield _parts(stack, settings, Observer())


def _parts(stack: ExitStack, settings: Settings, observer: Observer, *, serves: bool = False) -> ConsoleParts:
    """The parts over the databases of the settings; `serves`: with what only pages need. Closed with `stack`."""
    own = own_of(settings)
    stack.callback(own.dispose)
    try:
        store = open_store(settings.store.url_in(settings.state.dir), pool=settings.console.connections)
    except StoreError as error:
        raise MisuseError(f"store.url: {error}") from error
    stack.callback(store.dispose)
    decisions = open_decisions(stack, settings, store, folder_of(settings), observer) if serves else None
    parts = parts_of(store, own, settings.console, observer, decisions=decisions)
    if serves:
        parts.more[PAGES] = open_pages(settings)
        parts.more[GOVERN] = open_govern(stack, settings, own)
    return parts
