"""Several processes on one host: they live and die together. The processes here are small scripts, but real."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dataflows.runtime import launcher
from dataflows.runtime.launcher import PEER_GONE, command_of, launch
from dataflows.runtime.ports import LOOPBACK, held_ports
from dataflows.runtime.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Generator

ROOT = Path(__file__).parents[3]
SLEEP = "import time; time.sleep(60)"
HEED = "import os, signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); os.write(1, b'ready\\n'); time.sleep(60)"
DEAF = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.write(1, b'ready\\n'); time.sleep(60)"
PEER = f"import sys, time; time.sleep(0.1); sys.exit({PEER_GONE})"


def python(code: str) -> list[str]:
    """The command that runs some Python."""
    return [sys.executable, "-c", code]


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False


class Started:
    """Notes what has been started."""

    def __init__(self) -> None:
        self.pids: list[int] = []

    def __call__(self, number: int, pid: int) -> None:
        """A process was started."""
        assert number == len(self.pids)
        self.pids.append(pid)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """What a test starts; nobody has to wait long for the deaf."""
    monkeypatch.setattr(launcher, "GRACE_S", 0.5)
    return Started()


def test_all_end_well_and_so_does_the_launcher(started: Started) -> None:
    """Exit code 0 if every process ends with 0, without anybody having asked."""
    assert launch([python("pass"), python("import time; time.sleep(0.2)")], Stop(), started) == (0, "")
    assert not any(map(runs, started.pids))


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        ("import sys; sys.exit(1)", "ended with exit code 1"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "was killed by SIGTERM"),
    ],
)
def test_one_that_fails_takes_all_down_and_is_named(started: Started, code: str, ending: str) -> None:
    """Whether it gave up or was killed, and although the others end with errors because of it, or do not end at all."""
    stop = Stop()
    result = launch([python(PEER), python(SLEEP), python(code), python(DEAF)], stop, started)
    assert result == (1, f"process 2 (pid {started.pids[2]}) {ending}")
    assert not any(map(runs, started.pids))


def test_a_refused_configuration_is_exit_code_2(started: Started) -> None:
    """So that a supervisor does not start again what can never work."""
    code, failed = launch([python(SLEEP), python("import sys; sys.exit(2)")], Stop(), started)
    assert (code, failed) == (2, f"process 1 (pid {started.pids[1]}) ended with exit code 2")


def test_a_stop_is_passed_on_and_all_end_well(started: Started) -> None:
    """Even a process that the signal ends before it could heed it has not failed: it had not begun."""
    stop = Stop()

    def ask(number: int, pid: int) -> None:
        started(number, pid)
        stop.asked = number == 1

    assert launch([python(HEED), python(SLEEP)], stop, ask) == (0, "")
    assert not any(map(runs, started.pids))


@contextmanager
def lines(code: str) -> Generator[tuple[subprocess.Popen[str], list[str]]]:
    """Runs some Python that starts two processes; gives it and the first four lines that they all write, which do not get mixed up."""
    with subprocess.Popen(python(code), stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        try:
            yield process, [process.stdout.readline().strip() for _ in range(4)]
        finally:
            watchdog.cancel()
            process.kill()


LAUNCHER = f"""
import os, sys
from dataflows.runtime.launcher import launch
from dataflows.runtime.stop import Stop
stop = Stop()
with stop.on_signals():
    sys.exit(launch([[sys.executable, "-c", {HEED!r}]] * 2, stop, lambda number, pid: os.write(1, b"%d\\n" % pid))[0])
"""


def test_sigterm_to_the_launcher_stops_all_of_them() -> None:
    """The whole way: signal, handler, processes, exit code."""
    with lines(LAUNCHER) as (process, words):
        pids = [int(word) for word in words if word != "ready"]
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert not any(map(runs, pids))


ORPHAN = (
    "import os, time; from dataflows.runtime.launcher import die_with_launcher;"
    " os.write(1, b'%d\\n' % -die_with_launcher()); time.sleep(60)"
)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills the children of the dead")
def test_no_process_outlives_a_launcher_that_is_killed() -> None:
    """The launcher gets SIGKILL, so it cannot see to it itself."""
    with lines(LAUNCHER.replace(repr(HEED), repr(ORPHAN))) as (process, words):
        pids = [int(word) for word in words if word != "-1"]
        process.kill()
    assert len(pids) == 2
    while any(map(runs, pids)):
        time.sleep(0.01)


def test_a_process_whose_launcher_is_gone_already_ends_at_once() -> None:
    """The launcher may die between the start of a process and its asking to be killed then."""
    environment = os.environ | {launcher.PARENT: "1"}
    code = "from dataflows.runtime.launcher import die_with_launcher; die_with_launcher(); print('lives')"
    done = subprocess.run(python(code), env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")


def test_held_ports_are_given_to_nobody_else_and_whoever_they_are_for_listens_on_them() -> None:
    """Of the loopback: whoever can reach such a port of a cluster can make the engine unpickle what he likes."""
    with held_ports(3) as ports:
        assert ports == list(range(ports[0], ports[0] + 3))
        for port in ports:
            if sys.platform == "linux":
                with socket.socket() as other, pytest.raises(OSError, match="in use"):
                    other.bind((LOOPBACK, port))
            with socket.create_server((LOOPBACK, port)), socket.create_connection((LOOPBACK, port)):
                pass


def test_a_launched_process_knows_its_place() -> None:
    """Its place is said by options, which beat what file and environment say of processes."""
    command = command_of(1, ["a:1", "b:2"], ["--settings", "s.yaml"])
    assert command[1:] == [
        *("-P", "-m", "dataflows.cli", "run", "--settings", "s.yaml"),
        *("--processes", "1", "--process-id", "1", "--addresses", "a:1;b:2"),
    ]
