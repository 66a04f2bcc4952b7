"""`orderwatch run`: the live engine, from a settings file and environment variables."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import options
from dataflows.errors import MisuseError, RunError
from dataflows.runtime.launcher import PEER_GONE, command_of, die_with_launcher, launch
from dataflows.runtime.ports import LOOPBACK, held_ports

if TYPE_CHECKING:
    from collections.abc import Generator

    from dataflows.observe.observer import Observer
    from dataflows.runtime.stop import Stop
    from dataflows.settings import ClusterSettings, Settings
    from dataflows.settings.load import At

REMIND_S = 5.0
"""How often the log says who is waited for."""


def run(  # noqa: PLR0913, PLR0917 - each is an option
    settings: options.SettingsFile = None,
    policy: Annotated[Path | None, typer.Option(metavar="FILE", help="The policy (setting policy).")] = None,
    state: Annotated[Path | None, typer.Option(metavar="DIR", help="The state directory (setting state.dir).")] = None,
    processes: Annotated[int | None, typer.Option(metavar="N", help="Processes on this host (setting cluster.processes).")] = None,
    process_id: Annotated[int | None, typer.Option(metavar="I", help="Which of --addresses this process is, from 0.")] = None,
    cluster: Annotated[str | None, typer.Option("--addresses", metavar="HOST:PORT;...", help="All processes of the cluster.")] = None,
    new_state: Annotated[
        bool,
        typer.Option(
            "--new-state",
            help="Begin with a new state even where the output of another one is: all is processed and written again under the new one.",
        ),
    ] = False,
    accept_topic: Annotated[
        list[str] | None,
        typer.Option(
            "--accept-topic",
            metavar="NAME",
            help="Go on though this topic was deleted and made again: offsets of the state hold there as they are.",
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only validate, and print the settings that hold; secrets are masked.")] = False,
) -> int:
    """Watch orders live: read events from Kafka, write output records, each once. SIGTERM stops it cleanly."""
    from dataflows.settings import render_settings

    launched = die_with_launcher()
    given = {"--policy": policy, "--state": state, "--processes": processes, "--process-id": process_id, "--addresses": cluster}
    found = read_settings(settings, given)
    _check_folders(found)
    rules = options.policy(found.policy)
    topics = {*found.inputs.topics, *(found.outputs.topics.values() if found.outputs.kind == "kafka" else ())}
    if unknown := sorted(set(accept_topic or ()) - topics):
        raise MisuseError(f"--accept-topic {unknown[0]}: no topic of the settings; there are {', '.join(sorted(topics))}")
    if check:
        typer.echo(f"{render_settings(found)}# ok; policy {rules.name!r}, version {rules.version}", nl=True)
        return 0
    if found.cluster.processes > 1:
        allowed = [*(["--new-state"] if new_state else []), *(word for name in accept_topic or () for word in ("--accept-topic", name))]
        return _launch(found, [*command_line(settings, given), *allowed])
    return _work(found, frozenset(accept_topic or ()), new_state=new_state, launched=launched)


def _check_folders(settings: Settings) -> None:
    """Raises MisuseError if a folder of the settings cannot be written to: before brokers are waited for."""
    folder = settings.outputs.folder if settings.outputs.kind == "files" else None
    found = [options.folder_problem("state.dir", settings.state.dir), folder and options.folder_problem("outputs.folder", folder)]
    if problems := [problem for problem in found if problem]:
        raise MisuseError(*problems)


def read_settings(file: Path | None, given: dict[str, Path | int | str | None], *, spare: dict[At, object] | None = None) -> Settings:
    """The settings of a file, the environment and options (None: not given); `spare` as for `load_settings`. Raises MisuseError."""
    from dataflows.settings import SettingsError, load_settings

    at: dict[str, At] = {
        "--policy": ("policy",),
        "--state": ("state", "dir"),
        "--processes": ("cluster", "processes"),
        "--process-id": ("cluster", "process_id"),
        "--addresses": ("cluster", "addresses"),
        "--api": ("client", "api"),
        "--store": ("store", "url"),
    }
    try:
        return load_settings(file, os.environ, {name: (at[name], value) for name, value in given.items() if value is not None}, spare=spare)
    except SettingsError as error:
        raise MisuseError(*error.problems) from error


def command_line(settings: Path | None, given: dict[str, Path | int | str | None]) -> list[str]:
    """The options that a launched process gets as they were given; its place in the cluster is its own."""
    handed_on = {"--settings": settings, "--policy": given["--policy"], "--state": given["--state"]}
    return [word for name, value in handed_on.items() if value is not None for word in (name, str(value))]


def _launch(settings: Settings, arguments: list[str]) -> int:
    from dataflows.observe.logs import logging_to_stderr
    from dataflows.observe.observer import Observer
    from dataflows.runtime.stop import Stop

    stop, observer, count = Stop(), Observer(), settings.cluster.processes
    with logging_to_stderr(settings.log), stop.on_signals(), held_ports(count) as ports:
        where = [f"{LOOPBACK}:{port}" for port in ports]
        code, failed = launch(
            [command_of(number, where, arguments) for number in range(count)],
            stop,
            lambda number, pid: observer.log.info("process started", process=number, pid=pid),
        )
    if code:
        raise (MisuseError if code == 2 else RunError)(f"{failed}; so all {count} processes were stopped")
    return 0


def _work(settings: Settings, accepted: frozenset[str], *, new_state: bool, launched: bool) -> int:
    """Runs one process. One that another process took down says so by its exit code, if it is the launcher that asks."""
    from dataflows.detect.live import run_live
    from dataflows.detect.topics import Allowed
    from dataflows.observe.logs import logging_to_stderr
    from dataflows.observe.observer import Observer
    from dataflows.runtime.runner import PeerError
    from dataflows.runtime.state.files import keep_private
    from dataflows.runtime.stop import Stop

    keep_private()
    cluster, stop = settings.cluster, Stop()
    number = cluster.process_id or 0
    peers = [address for at, address in enumerate(cluster.addresses) if at != number]
    observer = Observer(peers)
    with ExitStack() as stack:
        stack.enter_context(logging_to_stderr(settings.log, **({"process": number} if peers else {})))
        stack.enter_context(stop.on_signals(insist=not launched))
        if settings.http.enabled:
            _serve(stack, settings, observer, number)
        if peers:
            stack.enter_context(_awaiting(cluster, observer, stop))
        try:
            run_live(settings, stop, observer, Allowed(new_state, accepted))
        except RunError as error:
            if launched and isinstance(error.__cause__, PeerError):
                observer.log.warning("stopped: another process of the cluster is gone")
                sys.stderr.flush()
                os._exit(PEER_GONE)  # what of the engine is left in this process cannot be ended in order
            raise
    return 0


def _serve(stack: ExitStack, settings: Settings, observer: Observer, number: int) -> None:
    from dataflows.observe.http import PortError, serving

    http = settings.http
    try:
        port = stack.enter_context(serving(http.host, http.port and http.port + number, observer))
    except PortError as error:
        raise MisuseError(str(error)) from error  # not a failure that another start would get over
    observer.log.info("serving /metrics, /healthz and /readyz", host=http.host, port=port)


@contextmanager
def _awaiting(cluster: ClusterSettings, observer: Observer, stop: Stop) -> Generator[None]:
    """While the engine waits for the cluster to be complete, which takes as long as it takes: says so, and still heeds a signal.

    The wait is native code, in which Python's signal handlers do not run; nothing has begun by then, so the process just ends.
    Peers are only looked up by name: a connection to try them would be taken for one of the cluster's own.
    """
    ended = threading.Event()
    ears, mouth = socket.socketpair()
    mouth.setblocking(False)

    def remind() -> None:
        while not ended.wait(REMIND_S) and not observer.health.is_connected:
            if stop.asked:
                leave()  # It was asked before anybody listened.
            if not observer.health.is_joining:
                continue
            unknown = [address for address in cluster.addresses if not _resolves(address)]
            observer.log.warning("waiting for the other processes of the cluster", addresses=cluster.addresses, unknown_hosts=unknown)

    def heed() -> None:
        if ears.recv(1) and not observer.health.is_connected:
            leave()

    def leave() -> None:
        observer.log.info("stopped before the cluster was complete")
        sys.stderr.flush()
        os._exit(0)

    before = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    for work in (remind, heed):
        threading.Thread(target=work, name=work.__name__, daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        ended.set()
        mouth.close()


def _resolves(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        return bool(socket.getaddrinfo(host.strip("[]"), port))
    except OSError:
        return False
