"""The webhook gateway as a process: opens what it keeps, serves until it is asked to stop, reads its connections again when they change."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import ssl
from collections.abc import Mapping
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import uvloop
from confluent_kafka import KafkaException

from dataflows.errors import MisuseError, RunError, refused
from dataflows.ingest.api import SharedParts, audit_of, token_routes, tokens_of
from dataflows.ingest.connections import files_of, hooks_of, shared
from dataflows.ingest.embedded import InputLogWriter, open_input_log
from dataflows.ingest.erasure import GatewayErasure
from dataflows.ingest.erasure_logs import logs_of
from dataflows.ingest.metrics import GatewayObserver
from dataflows.observe import catalogue
from dataflows.observe.http import PortError, cannot_listen, serving
from dataflows.observe.observer import Observer
from dataflows.runtime.state.files import lock
from dataflows.settings import GatewaySettings, Settings, SettingsError, load_settings
from sinks.embedded.server import LogSocket
from sources.gateway.app import HookRoutes, application
from sources.gateway.connections import RESERVE, Connections
from sources.gateway.dead_letters import DeadLetters
from sources.gateway.files import close_to_others, make_folder
from sources.gateway.hooks import Hook
from sources.gateway.intake import Intake
from sources.gateway.journal import Journal
from sources.gateway.memory import Bound, GatewayMemory, UnusableMemoryError
from sources.gateway.peers import Limits
from sources.gateway.probing import FolderProbe, Probe
from sources.gateway.server import Server, listen, server
from sources.gateway.tokens.book import TokenBook
from sources.gateway.writers import GRACE_S, EventWriter, KafkaWriter, LogWriter, replicas_needed
from sources.kafka.broker import admin, describe, topics_of
from sources.kafka.settings import KafkaInputError, NoResponseError
from sources.kafka.topics import BROKER_DEFAULT, ensure_topics, input_topic

DAY_S = 86_400
POLL_S = 1.0
"""How often files are looked at for changes, and health is told that the loop runs."""
PURGE_S = 3_600.0
"""How often refused requests that are too old are looked for."""
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
        raise MisuseError(*error.problems) from error


def run_gateway(settings: Settings, file: Path | None, observer: Observer) -> None:
    """Serves until SIGTERM or SIGINT. `file`: the settings file, read again when it changes.

    Raises:
        MisuseError: if the settings do not fit what is there: secrets, topic, certificate, ports, state directory.
        RunError: if no broker answers, or the disk fails.
    """
    given = settings.gateway
    hooks = connections(given, os.environ)
    listener = GatewayObserver(observer)
    limits = Limits(
        requests=given.max_requests,
        buffered=given.max_buffered_bytes,
        read_timeout=given.read_timeout_seconds,
        head=given.max_head_bytes,
        rate=given.min_bytes_per_second,
        connections=_connections(given.max_connections, observer),
        connections_of_peer=given.max_connections_per_peer,
        proxies=given.trusted_proxies,
    )
    for problem in shared(hooks):
        observer.log.warning("connections with the same secret", problem=f"{problem}: what is meant for one, the other takes too")
    with ExitStack() as stack:
        writer, memory, dead_letters, book = _open_stores(stack, settings, observer)
        if not hooks and not len(book):
            observer.log.warning("nobody can send anything yet: gateway.connections has none, and there are no tokens")
        intake = Intake(
            hooks, writer, memory, dead_letters, listener, most=limits.requests, patience=given.write_timeout_seconds + GRACE_S + 1
        )
        open_ = Connections(limits, listener.evicted)
        app = HookRoutes(intake, limits, listener, open_)
        audit = stack.enter_context(closing(audit_of(settings, state_of(settings))))
        shared_parts = SharedParts(writer, dead_letters, listener, limits, app.buffered, audit)
        routes = token_routes(stack, settings, state_of(settings), observer, book, shared_parts)
        observer.read(catalogue.GATEWAY_UNDER_WAY, lambda: intake.under_way)
        observer.read(catalogue.GATEWAY_CONNECTIONS, lambda: len(open_))
        observer.read(catalogue.GATEWAY_REMEMBERED, lambda: dict(memory.counts))
        observer.read(catalogue.GATEWAY_DROPPED, lambda: dead_letters.dropped)
        probe = stack.enter_context(closing(_probe(settings)))
        for part in (writer, intake, probe):
            observer.health.require(partial(getattr, part, "ailment"))
        served = application(app, observer.health.ailment, observer.health.missing, routes)
        patience = given.read_timeout_seconds + given.write_timeout_seconds + GRACE_S
        try:
            web = server(served, limits, open_, patience=patience, cert=given.cert_file, key=given.key_file)
        except (OSError, ssl.SSLError) as error:
            raise MisuseError(f"gateway.cert_file: {given.cert_file} and its key cannot be used: {error}") from error
        # What is there by now stays: looking through it for garbage again and again would hold up requests for some 50 ms each time.
        gc.collect()
        gc.freeze()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            local = LogSocket(settings.embedded.dir, writer.log) if settings.embedded.dir and isinstance(writer, InputLogWriter) else None
            open_log = logs_of(settings, observer)
            erasure = None if open_log is None else GatewayErasure(open_log, state_of(settings), dead_letters, audit, memory)
            runner.run(_serve(web, settings, file, intake, dead_letters, observer, local, erasure))


def _open_stores(stack: ExitStack, settings: Settings, observer: Observer) -> tuple[EventWriter, GatewayMemory, DeadLetters, TokenBook]:
    """Opens what the gateway keeps, and where events go; closed in reverse when the gateway ends."""
    given, folder, fsync = settings.gateway, state_of(settings), settings.state.fsync
    try:
        make_folder(folder)
        handle = lock(folder / "lock", LOCK_WAIT_S)
        if handle is None:
            raise MisuseError(f"{folder}: another gateway uses it; each needs a gateway.dir of its own")
        stack.callback(os.close, handle)
        close_to_others(handle)
        if settings.http.enabled:
            port = stack.enter_context(serving(settings.http.host, given.http_port, observer))
            observer.log.info("serving /metrics, /healthz and /readyz", host=settings.http.host, port=port)
        seen, histories = Bound(given.seen_days * DAY_S, given.seen_count), Bound(given.history_days * DAY_S, given.history_count)
        memory = stack.enter_context(closing(GatewayMemory(folder / "memory.sqlite3", seen=seen, histories=histories)))
        dead_letters = stack.enter_context(
            closing(DeadLetters(folder / "refused", given.refused_bytes, days=given.refused_days, fsync=fsync))
        )
        book = stack.enter_context(closing(tokens_of(folder)))
        if settings.embedded.dir is None:
            writer: EventWriter = stack.enter_context(closing(_writer(settings, folder, observer)))
        else:
            writer = open_input_log(stack, settings, observer)
    except UnusableMemoryError as error:
        raise MisuseError(str(error)) from error
    except PortError as error:
        raise MisuseError(str(error)) from error
    except OSError as error:
        raise refused(error, folder, name="gateway.dir") from error
    return writer, memory, dead_letters, book


def _writer(settings: Settings, folder: Path, observer: Observer) -> EventWriter:
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
            in_sync=replicas_needed(options, given.topic),
        )
    except NoResponseError as error:
        raise RunError(str(error)) from error
    except KafkaInputError as error:
        raise MisuseError(str(error)) from error
    except (KafkaException, ValueError, TypeError) as error:
        raise MisuseError(f"Kafka options: {describe(error)}") from error


def _probe(settings: Settings) -> Probe:
    """Looks after the disk: the log, what is remembered and what is refused lie there."""
    check = FolderProbe(state_of(settings), fsync=settings.state.fsync)
    return Probe("disk", check, f"{state_of(settings)}: the disk does not answer")


async def _serve(
    web: Server,
    settings: Settings,
    file: Path | None,
    intake: Intake,
    dead_letters: DeadLetters,
    observer: Observer,
    local: LogSocket | None,
    erasure: GatewayErasure | None,
) -> None:
    given = settings.gateway
    try:
        socket = listen(given.host, given.port)
    except (OSError, OverflowError) as error:
        raise MisuseError(cannot_listen("gateway", given.host, given.port, error)) from error
    loop, reload = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        web.force_exit = web.should_exit  # a second signal does not wait for requests that are under way
        web.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    if local is not None:
        try:
            await local.start()
        except OSError as error:
            raise refused(error, settings.embedded.dir, name="embedded.dir") from error
    observer.runs(lambda: "none")
    observer.log.info(
        "receiving webhooks",
        host=given.host,
        port=socket.getsockname()[1],
        connections=sorted("/".join(key) for key in intake.hooks),
        output=given.output if local is None else "embedded",
        tls=given.cert_file is not None,
    )
    observer.resumed()
    tasks = [asyncio.create_task(_check(settings, file, intake, observer, reload)), asyncio.create_task(_purge(dead_letters, observer))]
    if erasure is not None:
        tasks.append(asyncio.create_task(erasure.work(observer)))
    try:
        await web.serve(sockets=[socket])
    finally:
        if erasure is not None:
            erasure.stop()
        for task in tasks:
            task.cancel()
        if local is not None:
            await local.close()
    observer.log.info("stopped")


async def _check(settings: Settings, file: Path | None, intake: Intake, observer: Observer, reload: asyncio.Event) -> None:
    """Reads the connections again when one of their files has changed, or when told to; what is wrong is logged, and the old ones stay."""
    given = settings.gateway
    files = [*([file] if file else []), *files_of(given)]
    known = _stamps(files)
    while True:
        observer.beat()
        try:
            async with asyncio.timeout(POLL_S):
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


async def _purge(dead_letters: DeadLetters, observer: Observer) -> None:
    """Removes refused requests that are too old, at once and then every hour."""
    while True:
        try:
            gone = await dead_letters.purge(datetime.now(UTC))
        except OSError as error:
            observer.metrics.count(catalogue.GATEWAY_FAILURES, "old refused requests not removed")
            observer.log.error("old refused requests not removed", error=(error.strerror or str(error)).lower())  # noqa: TRY400 - as above
        else:
            if gone:
                observer.log.info("old refused requests removed", requests=gone)
        await asyncio.sleep(PURGE_S)


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


def _connections(wanted: int, observer: Observer) -> int:
    """How many connections there may be: as many as wanted, if the system gives the files for them."""
    files = wanted + RESERVE + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= files:
        return wanted
    soft = files if hard == resource.RLIM_INFINITY else min(files, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft >= files:
        return wanted
    fewer = max(1, soft - RESERVE - SPARE_FILES)
    observer.log.warning("fewer connections than gateway.max_connections: the system's limit of open files is too low", connections=fewer)
    return fewer
