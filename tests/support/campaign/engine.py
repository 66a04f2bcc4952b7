"""The real `orderwatch run`, started by a supervisor that restarts it, and killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.kafka.process import spawn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

ROOT = Path(__file__).parents[3]
RUNNING = '"event": "running"'
"""What a process logs once its state is loaded and it reads."""


class Engine:
    """One engine over one state directory, with as many processes as each start says.

    Args:
        home: where its logs go.
        settings: its environment variables.
    """

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        self._home = home
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self.killed = 0
        self.falls: list[str] = []
        """The last words of runs that ended by themselves, which a supervisor would have restarted."""

    @property
    def alive(self) -> bool:
        """Whether it runs, ready or not."""
        return self._process is not None and self._process.poll() is None

    def keep_up(self, processes: int, **more: str) -> None:
        """Starts it if it does not run, as a supervisor does."""
        if self.alive:
            return
        if self._process is not None and self._process.returncode:
            self.falls.append(self.last_lines())
        self.starts += 1
        environment = {**os.environ, **self._settings, "ORDERWATCH_CLUSTER__PROCESSES": str(processes), **more}
        with self._log.open("wb") as log:
            self._process = spawn([sys.executable, "-P", "-m", "dataflows.cli", "run"], log, cwd=ROOT, env=environment)

    def check(self) -> None:
        """Asserts that the settings can be used at all, so that a mistake in them is not taken for a fall."""
        checked = subprocess.run(
            [sys.executable, "-P", "-m", "dataflows.cli", "run", "--check"],
            cwd=ROOT,
            env={**os.environ, **self._settings},
            check=False,
            capture_output=True,
        )
        assert checked.returncode == 0, checked.stderr

    def await_running(self, patience: float = 60.0) -> bool:
        """Waits until it reads; false if it ended before that, or takes too long."""
        give_up = time.monotonic() + patience
        while self.alive and time.monotonic() < give_up:
            if RUNNING in self._log.read_text(errors="replace"):
                return True
            time.sleep(0.05)
        return False

    def kill(self, rng: Random) -> None:
        """SIGKILL to one of its processes, or to all at once; returns when none is left."""
        if self._process is None or not self.alive:
            return
        launcher = self._process.pid
        processes = [launcher, *children(launcher)]
        for victim in processes if rng.random() < 0.3 else [rng.choice(processes)]:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it died with another one
        self.killed += 1
        self._process.wait(60)
        self._process = None
        give_up = time.monotonic() + 30
        while any(Path("/proc", str(process)).exists() for process in processes):
            assert time.monotonic() < give_up, "a process outlives its cluster"
            time.sleep(0.01)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(120)

    def wait(self, patience: float) -> int:
        """Waits for it to end by itself; returns the exit code."""
        assert self._process is not None
        return self._process.wait(patience)

    def destroy(self) -> None:
        """Ends it at once, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def behind(self) -> int:
        """How many records turned up late, of the runs that lived to say it."""
        logs = "".join(log.read_text(errors="replace") for log in self._home.glob("engine-*.log"))
        return sum(map(int, re.findall(r'"late_records": (\d+)', logs)))

    def last_lines(self) -> str:
        """The last line of its log."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "(nothing)"

    @property
    def _log(self) -> Path:
        return self._home / f"engine-{self.starts:04d}.log"


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    try:
        listed = [task.joinpath("children").read_text() for task in Path("/proc", str(process), "task").iterdir()]
    except OSError:
        return []  # it is gone
    return [int(child) for child in " ".join(listed).split()]
