"""Several programs as one: started in order, started again when they die, stopped in order, and none left behind.

Each part is a process of its own that survives a kill; so the supervisor needs no state. What a part writes on its standard error goes to a
file of its own, and is told line by line.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from dataflows.runtime.launcher import PARENT
from dataflows.runtime.stop import Stop

POLL_S: Final = 0.05
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 15.0
"""How long a part that dies again and again is waited for at most before it is started once more."""
STEADY_S: Final = 60.0
"""A part that has run for so long dies for a reason of its own, not for that of the last time."""
MOST_DEATHS: Final = 10
"""So many times in a row a part may die before it is given up."""
UNUSABLE: Final = 2
"""Exit code of a part whose settings do not fit: another start would end alike."""
STOP_S: Final = 30.0
"""How long a part may take to stop before it is killed; it loses nothing by that."""
LOG_BYTES: Final = 16 << 20
"""A part's log of so many bytes is put aside, under the name of the one before."""


@dataclass(frozen=True, slots=True)
class SupervisedPart:
    """A program to run. `command`: its command line; `ready`: whether it can be used, in words if not (None: it can)."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


class SupervisorListener(Protocol):
    """Told what becomes of the parts."""

    def started(self, part: str, pid: int) -> None:
        """A part was started."""
        ...

    def died(self, part: str, how: str, again_in: float) -> None:
        """A part ended that should run; it is started again after so many seconds."""
        ...

    def said(self, part: str, line: str) -> None:
        """A part has written a line."""
        ...


class GivenUpError(Exception):
    """A part that does not stay up. `unusable`: its settings do not fit, else it failed while running. The message is one line."""

    def __init__(self, message: str, *, unusable: bool) -> None:
        super().__init__(message)
        self.unusable = unusable


class _Running:
    """A part and its process, if it has one."""

    def __init__(self, part: SupervisedPart, logs: Path) -> None:
        self.part = part
        self.log = logs / f"{part.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        self.starts = 0
        self.due = 0.0
        """When it is to be started, by the steady clock."""
        self._began = 0.0
        self._read = self.log.stat().st_size if self.log.exists() else 0
        self._rest = b""
        self.last = ""
        """The last line that it wrote."""

    def start(self) -> int:
        """Starts the process; returns its ID."""
        environment = {**os.environ, **self.part.environment, PARENT: str(os.getpid())}
        handle = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                list(self.part.command), env=environment, stdin=subprocess.DEVNULL, stdout=handle, stderr=handle, process_group=0
            )
        finally:
            os.close(handle)
        self._began = time.monotonic()
        self.starts += 1
        return self.process.pid

    def ended(self) -> int | None:
        """The exit code of a process that has ended, once; None while it runs or there is none."""
        if self.process is None:
            return None
        code = self.process.poll()
        if code is not None:
            self.process = None
            if time.monotonic() - self._began > STEADY_S:
                self.deaths = 0
        return code

    def lines(self) -> list[str]:
        """What it has written since it was last asked, by whole lines."""
        try:
            with self.log.open("rb") as file:
                file.seek(self._read)
                written = file.read(1 << 20)
        except FileNotFoundError:
            return []
        self._read += len(written)
        *whole, self._rest = (self._rest + written).split(b"\n")
        found = [line.decode(errors="replace") for line in whole if line.strip()]
        if found:
            self.last = found[-1]
        if self._read > LOG_BYTES:
            self._put_aside()
        return found

    def _put_aside(self) -> None:
        """The file is kept open by the process: it is copied and emptied. A line that comes in that moment may be lost."""
        self.log.with_name(f"{self.log.name}.1").write_bytes(self.log.read_bytes())
        os.truncate(self.log, 0)
        self._read = 0


class Supervisor:
    """Runs parts until a stop is asked for. `order`: the parts as they are started; `stopping`: their names as they are stopped.

    Guarantee: while it runs each part runs, or is started again after a pause that grows from 0.2 s to 15 s; a part that refuses its
    settings, or dies ten times without having run for a minute, ends all, with a GivenUpError. None of the parts outlives this process,
    however it ends (on Linux, see `launcher.die_with_launcher`, which each part must call).
    """

    def __init__(self, order: Sequence[SupervisedPart], stopping: Sequence[str], logs: Path, listener: SupervisorListener) -> None:
        logs.mkdir(0o750, parents=True, exist_ok=True)
        self._running = {part.name: _Running(part, logs) for part in order}
        self._stopping = list(stopping)
        self._listener = listener

    def standing(self) -> dict[str, tuple[int | None, int]]:
        """By part, the ID of its process (None: none at the moment) and how often it was started. From any thread."""
        return {name: (None if (process := one.process) is None else process.pid, one.starts) for name, one in self._running.items()}

    def run(self, stop: Stop, on_turn: Callable[[], None] = lambda: None) -> None:
        """Runs the parts until `stop` is asked for, then stops them. `on_turn` is called about twenty times a second.

        Raises GivenUpError once all are stopped. To be called by the main thread: parts die with the thread that started them.
        """
        try:
            while not stop.asked:
                self._turn()
                on_turn()
                time.sleep(POLL_S)
            self.stop(on_turn)
        finally:
            self._kill()
            self._tell()

    def stop(self, on_turn: Callable[[], None] = lambda: None) -> None:
        """Stops all parts, one after the other, each once the one before it has ended."""
        for name in self._stopping:
            one = self._running[name]
            if one.process is None or one.process.poll() is not None:
                continue
            one.process.send_signal(signal.SIGTERM)
            until = time.monotonic() + STOP_S
            while one.process.poll() is None and time.monotonic() < until:
                self._tell()
                on_turn()
                time.sleep(POLL_S)

    def _turn(self) -> None:
        now = time.monotonic()
        for name, one in self._running.items():
            code = one.ended()
            if code is not None:
                self._tell()
                self._died(one, code, now)
            elif one.process is None and now >= one.due:
                self._listener.started(name, one.start())
        self._tell()

    def _died(self, one: _Running, code: int, now: float) -> None:
        name = one.part.name
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        one.deaths += 1
        if code == UNUSABLE or one.deaths >= MOST_DEATHS:
            often = "" if code == UNUSABLE else f", {one.deaths} times in a row"
            raise GivenUpError(f"{name} {how}{often}: {words(one.last)} ({one.log})", unusable=code == UNUSABLE)
        pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (one.deaths - 1))
        one.due = now + pause
        self._listener.died(name, how, pause)

    def _tell(self) -> None:
        for name, one in self._running.items():
            for line in one.lines():
                self._listener.said(name, line)

    def _kill(self) -> None:
        for one in self._running.values():
            if one.process is not None and one.process.poll() is None:
                one.process.kill()
                one.process.wait()


def words(line: str) -> str:
    """A line that a part has written, without what begins each of them."""
    return line.removeprefix("orderwatch: ") or "it said nothing"
