"""Several processes of one cluster on this host: started together, stopped together, and down together if one of them fails."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from dataflows.runtime.stop import Stop

PARENT = "ORDERWATCH_LAUNCHED_BY"
"""Environment variable of a launched process: the ID of the process that launched it."""
PEER_GONE = 3
"""Exit code of a launched process that ended only because another one did; nobody but the launcher sees it."""
GRACE_S = 5.0
"""How long a process may take to end by itself after another one failed (Bytewax: 0.1 s), and then once it has been asked to."""
POLL_S = 0.05
SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux, see prctl(2)."""


class Child:
    """A process of the cluster. It has a process group of its own: Ctrl-C reaches only the launcher, which passes it on once."""

    def __init__(self, number: int, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.number = number
        self._process = subprocess.Popen(command, env=environment, process_group=0)  # noqa: S603 - our own command

    @property
    def pid(self) -> int:
        """Its process ID."""
        return self._process.pid

    def code(self) -> int | None:
        """Its exit code, negative if a signal ended it; None while it runs."""
        return self._process.poll()

    def send(self, number: int) -> None:
        """Sends it a signal, if it still runs."""
        self._process.send_signal(number)

    def ending(self) -> str:
        """How it ended, in words."""
        code = self.code() or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return f"process {self.number} (pid {self.pid}) {how}"


def launch(commands: Sequence[Sequence[str]], stop: Stop, on_start: Callable[[int, int], None]) -> tuple[int, str]:
    """Runs commands side by side until all have ended; returns an exit code, and if it is not 0, which process failed and how.

    A stop that is asked for is passed on to all of them as SIGTERM. If one fails, the others are waited for, then asked to end, then
    killed. None of them outlives this process, however it ends. `on_start` is told the number and the ID of each. The code is 2 if a
    process refused its configuration, else 1. To be called by the main thread: children die with the thread that started them.
    """
    environment = {**os.environ, PARENT: str(os.getpid())}
    children: list[Child] = []
    try:
        for number, command in enumerate(commands):
            child = Child(number, command, environment)
            children.append(child)
            on_start(number, child.pid)
        return _watch(children, stop)
    finally:
        _end(children)


def _watch(children: Sequence[Child], stop: Stop) -> tuple[int, str]:
    passed_on = False
    while True:
        # In this order: a process that the stop ends before it can heed it has not failed.
        asked = stop.asked
        if asked and not passed_on:
            passed_on = True
            _send(children, signal.SIGTERM)
        if _failed(children, asked=asked):
            break
        if not _living(children):
            return 0, ""
        time.sleep(POLL_S)
    _wait(children)
    # A process that a peer took down is named only if there is nobody else to name.
    first = min(_failed(children, asked=asked), key=lambda child: child.code() == PEER_GONE)
    return 2 if first.code() == 2 else 1, first.ending()


def _failed(children: Sequence[Child], *, asked: bool) -> list[Child]:
    return [child for child in children if (code := child.code()) and not (asked and code == -signal.SIGTERM)]


def _living(children: Sequence[Child]) -> list[Child]:
    return [child for child in children if child.code() is None]


def _send(children: Sequence[Child], number: int) -> None:
    for child in _living(children):
        child.send(number)


def _wait(children: Sequence[Child]) -> None:
    until = time.monotonic() + GRACE_S
    while _living(children) and time.monotonic() < until:
        time.sleep(POLL_S)


def _end(children: Sequence[Child]) -> None:
    """Sees to it that none of the processes is left."""
    if _living(children):
        _send(children, signal.SIGTERM)
        _wait(children)
    while _living(children):
        _send(children, signal.SIGKILL)
        time.sleep(POLL_S)


def command_of(process: int, addresses: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """The command line of one process of a cluster: `orderwatch run` with the same arguments, and its own place."""
    place = ["--processes", "1", "--process-id", str(process), "--addresses", ";".join(addresses)]
    return [sys.executable, "-P", "-m", "dataflows.cli", "run", *arguments, *place]


def die_with_launcher() -> bool:
    """In a launched process: has the system kill this process if its launcher dies (on Linux); returns whether it was launched."""
    parent = os.environ.get(PARENT)
    if parent is None:
        return False
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):
        os._exit(1)  # it died before the system was asked
    return True
