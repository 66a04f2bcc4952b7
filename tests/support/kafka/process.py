"""A broker that is a process of this machine: started, killed and started again, and never left behind."""

from __future__ import annotations

import atexit
import shutil
import socket
import subprocess
import tempfile
import time
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from dataflows.runtime.ports import held_ports
from tests.support.kafka.base import Broker, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

HOST = "127.0.0.1"

_held = ExitStack()
atexit.register(_held.close)

# Linux kills a child when the *thread* that started it ends (PR_SET_PDEATHSIG), so one thread that lives as long as Python starts them all.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="broker-starter")


def free_port(count: int = 1) -> int:
    """The first of `count` free ports in a row. Nobody else who looks for one is given these while this process lives."""
    return _held.enter_context(held_ports(count))[0]


def spawn(command: Sequence[str], output: IO[bytes], **more: Any) -> subprocess.Popen[bytes]:
    """Starts a process that dies with this one, even when this one is killed: the kernel sees to it where `setpriv` is (any Linux).

    `output` takes what it writes to standard output and error; `more` is for `subprocess.Popen`.
    """
    guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen[bytes]([*guard, *command], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **more)

    return _starter.submit(start).result()


class ProcessBroker(Broker):
    """A broker process with a directory of its own; it dies with the process that started it."""

    patience = 60.0
    """How long the broker may take until it answers, in seconds."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="orderwatch-kafka-"))
        self.port = free_port()
        self.bootstrap = f"{HOST}:{self.port}"
        self._prepare()
        self._start()

    @abstractmethod
    def _prepare(self) -> None:
        """Writes what the broker needs into `home`."""

    @abstractmethod
    def _command(self) -> list[str]:
        """The command that runs the broker in the foreground."""

    def _start(self) -> None:
        with self.output.open("ab") as output:
            self._process = spawn(self._command(), output)
        try:
            self._await()
        except BaseException:
            self.stop()
            raise

    def _await(self) -> None:
        give_up = time.monotonic() + self.patience
        while not (self._listens() and answers(self.bootstrap)):
            if (code := self._process.poll()) is not None:
                raise Unavailable(f"the broker ended with code {code}: {self._last_words()}")
            if time.monotonic() > give_up:
                raise Unavailable(f"the broker did not answer within {self.patience:.0f} s: {self._last_words()}")
            time.sleep(0.02)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0

    def _last_words(self) -> str:
        return " / ".join(self.output.read_text(errors="replace").strip().splitlines()[-3:])

    @property
    def output(self) -> Path:
        """What the process wrote to its standard output and error."""
        return self.home / "output.txt"

    @property
    def pid(self) -> int:
        """The process ID of the broker that runs now, or ran last."""
        return self._process.pid

    def kill(self) -> None:
        """Ends it as a power cut would (SIGKILL)."""
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """Brings it back on the same port with the same data, and returns when it answers."""
        self.kill()
        self._start()

    def stop(self) -> None:
        """Ends it for good and removes its data."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
        shutil.rmtree(self.home, ignore_errors=True)


def answers(bootstrap: str, timeout: float = 5.0) -> bool:
    """Whether a broker at `bootstrap` answers a request for metadata within `timeout` seconds."""
    # log_level 0: while a broker comes up, refused connections are no news.
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        return bool(admin.list_topics(timeout=timeout).brokers)
    except KafkaException:
        return False
