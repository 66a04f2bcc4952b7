"""The webhook gateway as a process: opens what it keeps, serves until it is asked to stop, reads its connections again when they change."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import ssl
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import uvloop
from confluent_kafka import KafkaException

from dataflows.commands.errors import MisuseError, RunError
from dataflows.hooks import files_of, hooks_of
from dataflows.observe import catalogue
from dataflows.observe.gateway import GatewayObserver
from dataflows.observe.http import PortError, serving
from dataflows.settings import SettingsError, load_settings
from dataflows.state.files import lock
from sources.gateway.app import Hooks, application
from sources.gateway.intake import Intake
from sources.gateway.journal import Journal
from sources.gateway.kept import Kept
from sources.gateway.limits import Limits
from sources.gateway.memory import Bound, Memory, UnusableMemoryError
from sources.gateway.server import listen, server
from sources.gateway.writers import GRACE_S, KafkaWriter, LogWriter
from sources.kafka.broker import admin, topics_of, words
from sources.kafka.settings import KafkaInputError, NoAnswerError
from sources.kafka.topics import BROKER_DEFAULT, ensure_topics, input_topic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dataflows.observe.observer import Observer
    from dataflows.settings import GatewaySettings, Settings
    from sources.gateway.hooks import Hook
    from sources.gateway.server import Server
    from sources.gateway.writers import Writer

DAY_S = 86_400
LOOK_S = 1.0
"""How often files are looked at for changes, and health is told that the loop runs."""
LOCK_WAIT_S = 10.0
"""How long a process that was killed may take to die before its successor gives up."""
SPARE_FILES = 256
"""File descriptors needed beside those of connections."""


def state_of(settings: Settings) -> Path:
    """The directory in which the gateway keeps its log, its memory and what it refused."""
    return settings.gateway.dir or settings.state.dir / "gateway"


def connections(settings: GatewaySettings, environment: Mapping[str, str]) -> dict[tuple[str, str], Hook]:
    """The connections of the settings. Raises MisuseError."""
    try:
        return hooks_of(settings, environment)
    except SettingsError as error:
        raise MisuseError(str(error)) from error


def run_gateway(settings: Settings, file: Path | None, observer: Observer) -> None:
    """Serves until SIGTERM or SIGINT. `file`: the settings file, read again when it changes.

    Raises:
        MisuseError: if the settings do not fit what is there: secrets, topic, certificate, state directory.
        RunError: if a port is taken, no broker answers, or the state directory cannot be written.
    """
    given = settings.gateway
    hooks = connections(given, os.environ)
    if not hooks:
        raise MisuseError("gateway.connections: there is none to receive from")
    listener = GatewayObserver(observer)
    limits = Limits(
        requests=given.max_requests,
        buffered=given.max_buffered_bytes,
        read_timeout=given.read_timeout_seconds,
        head=given.max_head_bytes,
        connections=given.max_connections,
    )
    _raise_file_limit(limits.connections + SPARE_FILES)
    with ExitStack() as stack:
        writer, memory, kept = _kept_parts(stack, settings, observer)
        intake = Intake(hooks, writer, memory, kept, listener, patience=given.write_timeout_seconds + GRACE_S + 1)
        app = Hooks(intake, limits, listener)
        observer.read(catalogue.GATEWAY_UNDER_WAY, lambda: app.under_way)
        observer.read(catalogue.GATEWAY_REMEMBERED, lambda: dict(memory.counts))
        observer.read(catalogue.GATEWAY_DROPPED, lambda: kept.dropped)
        observer.health.require(lambda: writer.ailment)
        served = application(app, observer.health.ailment, observer.health.missing)
        patience = given.read_timeout_seconds + given.write_timeout_seconds + GRACE_S
        try:
            web = server(served, limits, patience=patience, cert=given.cert_file, key=given.key_file)
        except (OSError, ssl.SSLError) as error:
            raise MisuseError(f"gateway.cert_file: {given.cert_file} and its key cannot be used: {error}") from error
        # What is there by now stays: looking through it for garbage again and again would hold up requests for some 50 ms each time.
        gc.collect()
        gc.freeze()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(web, settings, file, intake, observer))


def _kept_parts(stack: ExitStack, settings: Settings, observer: Observer) -> tuple[Writer, Memory, Kept]:
    """Opens what the gateway keeps, and where events go; closed in reverse when the gateway ends."""
    given, folder, fsync = settings.gateway, state_of(settings), settings.state.fsync
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        handle = lock(folder / "lock", LOCK_WAIT_S)
        if handle is None:
            raise MisuseError(f"{folder}: another gateway uses it; each needs a gateway.dir of its own")
        stack.callback(os.close, handle)
        if settings.http.enabled:
            port = stack.enter_context(serving(settings.http.host, settings.http.port, observer))
            observer.log.info("serving /metrics, /healthz and /readyz", host=settings.http.host, port=port)
        seen, histories = Bound(given.seen_days * DAY_S, given.seen_count), Bound(given.history_days * DAY_S, given.history_count)
        memory = stack.enter_context(closing(Memory(folder / "memory.sqlite3", seen=seen, histories=histories)))
        kept = stack.enter_context(closing(Kept(folder / "refused", given.refused_bytes, fsync=fsync)))
        writer = stack.enter_context(closing(_writer(settings, folder, observer)))
    except UnusableMemoryError as error:
        raise MisuseError(str(error)) from error
    except PortError as error:
        raise RunError(str(error)) from error
    except OSError as error:
        raise RunError(f"{folder}: {(error.strerror or str(error)).lower()}") from error
    return writer, memory, kept


def _writer(settings: Settings, folder: Path, observer: Observer) -> Writer:
    given = settings.gateway
    if given.output == "log":
        journal = Journal(folder, "events", segment_bytes=given.log_file_bytes, fsync=settings.state.fsync)
        if journal.torn:
            observer.log.warning("the log ended in a torn line, which nobody was told of; cut off", bytes=journal.torn)
        return LogWriter(journal)
    kafka, options = settings.kafka, settings.kafka.client()
    try:
        if given.topic not in topics_of(admin(options), options):
            if not kafka.create_topics:
                raise MisuseError(
                    f"topic {given.topic} does not exist: make it with `orderwatch topics create`, or set kafka.create_topics"
                )
            spec = input_topic(settings.inputs.partitions)
            ensure_topics(options, {given.topic: spec}, replication=kafka.replication or BROKER_DEFAULT)
        return KafkaWriter(
            options,
            given.topic,
            given.write_timeout_seconds,
            lambda problem: observer.log.warning("connection", error=problem),
        )
    except NoAnswerError as error:
        raise RunError(str(error)) from error
    except KafkaInputError as error:
        raise MisuseError(str(error)) from error
    except (KafkaException, ValueError, TypeError) as error:
        raise MisuseError(f"Kafka options: {words(error)}") from error


async def _serve(web: Server, settings: Settings, file: Path | None, intake: Intake, observer: Observer) -> None:
    given = settings.gateway
    try:
        socket = listen(given.host, given.port)
    except (OSError, OverflowError) as error:
        # Python's own words for it name the address a second time.
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno and error.errno > 0 else str(error)
        raise RunError(f"gateway: cannot listen on {given.host}:{given.port}: {reason.lower()}") from error
    loop, reload = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        web.force_exit = web.should_exit  # a second signal does not wait for requests that are under way
        web.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    observer.runs("")
    observer.log.info(
        "receiving webhooks",
        host=given.host,
        port=socket.getsockname()[1],
        connections=sorted("/".join(key) for key in intake.hooks),
        output=given.output,
        tls=given.cert_file is not None,
    )
    observer.resumed()
    looking = asyncio.create_task(_look(settings, file, intake, observer, reload))
    try:
        await web.serve(sockets=[socket])
    finally:
        looking.cancel()
    observer.log.info("stopped")


async def _look(settings: Settings, file: Path | None, intake: Intake, observer: Observer, reload: asyncio.Event) -> None:
    """Reads the connections again when one of their files has changed, or when told to; what is wrong is logged, and the old ones stay."""
    given = settings.gateway
    files = [*([file] if file else []), *files_of(given)]
    known = _stamps(files)
    while True:
        observer.beat()
        try:
            async with asyncio.timeout(LOOK_S):
                await reload.wait()
        except TimeoutError:
            pass
        now = _stamps(files)
        if now == known and not reload.is_set():
            continue
        reload.clear()
        known = now
        try:
            fresh = load_settings(file, os.environ).gateway if file else given
            intake.hooks = hooks_of(fresh, os.environ)
        except SettingsError as error:
            observer.metrics.count(catalogue.GATEWAY_RELOADS, "failed")
            observer.log.error("connections not read again; the old ones stay", error=str(error))  # noqa: TRY400 - one line says it
            continue
        given = fresh
        files = [*([file] if file else []), *files_of(given)]
        known = _stamps(files)
        observer.metrics.count(catalogue.GATEWAY_RELOADS, "done")
        observer.log.info("connections read again", connections=sorted("/".join(key) for key in intake.hooks))


def _stamps(files: list[Path]) -> list[tuple[int, int, int] | None]:
    """What changes when a file does; a mounted secret is replaced as a whole."""
    found: list[tuple[int, int, int] | None] = []
    for file in files:
        try:
            stat = file.stat()
        except OSError:
            found.append(None)
        else:
            found.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return found


def _raise_file_limit(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
