"""`orderwatch up` as a user runs it, in processes of its own: whole, for stories in a browser, for erasures, and to be killed.

A shop with people of its console is started once for all the stories of a module: each has orders of its own, and finds its rows by their
names.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.request import urlopen

import yaml

from dataflows.cli.up_demo import PORTS
from dataflows.console.run import opened
from dataflows.embedded.plan import PARTS
from dataflows.settings import Settings
from tests.support.console import PASSWORD, PEOPLE
from tests.support.embedded import PATIENCE, is_caught_up, send, until
from tests.support.kafka.process import free_port


class RunningSystem:
    """`orderwatch up` over the directory `home/data`, at ports of its own. `given`: its settings besides those."""

    def __init__(self, home: Path, given: Mapping[str, object]) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.data = home, home / "data"
        self.ports = {name: free_port() for name in PORTS}
        document: dict[str, object] = {"client": {"api": self.url("gateway")}, **given}
        for (section, name), port in self.ports.items():
            document[section] = {**cast("dict[str, object]", document.get(section, {})), name: port}
        self._given = home / "settings.yaml"
        self._given.write_text(yaml.safe_dump(document), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, part: str) -> str:
        """Where gateway or console is."""
        return f"http://127.0.0.1:{self.ports[part, 'port']}"

    @property
    def settings(self) -> Path:
        """The settings that its parts run with; they are there once it has been started."""
        return self.data / "settings.yaml"

    def start(self) -> None:
        """Starts it."""
        command = [sys.executable, "-m", "dataflows.cli", "up", "--data", str(self.data), "--settings", str(self._given)]
        with (self.home / "up.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def await_ready(self) -> None:
        """Waits until all parts are."""
        self.until(self._is_ready, "it does not get ready")

    def tell(self, events: Iterable[Mapping[str, object]]) -> None:
        """Appends events to the input log; they are on the disk when this returns."""
        send(self.data, "events", list(events), "load")

    def pids(self) -> dict[str, int]:
        """The processes of the parts that run now, whoever started them."""
        found: dict[str, int] = {}
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = file.read_text(encoding="utf-8", errors="replace").split("\0")
            except OSError:
                continue  # it is gone
            if str(self.settings) in words and (part := words[words.index("--settings") - 1]) in PARTS:
                found[part] = int(file.parent.name)
        return found

    def send(self, part: str, number: signal.Signals) -> None:
        """Sends a signal to the process of a part."""
        os.kill(self.pids()[part], number)

    def kill(self, part: str) -> bool:
        """Kills a part, or the supervisor, as a loss of power would; whether there was one to kill. Either is started again."""
        if part == "up":
            self.close()
            self.start()
            return True
        pid = self.pids().get(part)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        return pid is not None

    def said(self) -> str:
        """What it has printed last."""
        return (self.home / "up.log").read_text(encoding="utf-8", errors="replace")[-4_000:]

    def until(self, condition: Callable[[], bool], what: str, more: Callable[[], object] = str) -> None:
        """Waits for something while it runs; `more` says why it is not so, where it never is."""
        process = self._running()

        def holds() -> bool:
            assert process.poll() is None, self.said()
            return condition()

        until(holds, what, lambda: f"{more()}\n{self.said()}")

    def is_caught_up(self) -> bool:
        """Whether the engine has read all that was appended."""
        return is_caught_up(self.ports["http", "port"])

    def stop(self) -> None:
        """Stops all of it, cleanly."""
        process, self._process = self._running(), None
        process.terminate()
        try:
            assert process.wait(PATIENCE) == 0, self.said()
        finally:
            process.kill()
        assert not self.pids()

    def close(self) -> None:
        """Kills it, if it runs; no process is left behind."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        until(lambda: not self.pids(), "parts outlive their supervisor", self.said)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it was not started"
        return self._process

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.ports['embedded', 'http_port']}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def running_shop(home: Path, policy: str) -> Generator[RunningSystem]:
    """One with people while inside, ready for work."""
    home.mkdir(parents=True, exist_ok=True)
    rules = home / "policy.yaml"
    rules.write_text(policy, encoding="utf-8")
    shop = RunningSystem(home, {"policy": str(rules), "console": {"cookie": "plain"}, "state": {"epoch_seconds": 0.2, "fsync": False}})
    try:
        shop.start()
        shop.await_ready()
        whole = Settings.model_validate(yaml.safe_load(shop.settings.read_text(encoding="utf-8")))
        with opened(whole) as parts:
            for name, role in PEOPLE.items():
                parts.directory.add(name, (role,), password=PASSWORD, at=datetime.now(UTC))
        yield shop
    finally:
        shop.close()


def told(order: str, type_: str, source: str, data: Mapping[str, Any], *, ago: float = 0) -> dict[str, object]:
    """An event of an order, of now or so many seconds ago."""
    at = instant(-ago)
    head = {"specversion": "1.0", "id": f"{order}:{type_}:{at}", "source": source, "type": type_, "subject": order, "time": at}
    return {**head, "data": data}


def instant(after: float) -> str:
    """The instant in so many seconds."""
    return (datetime.now(UTC) + timedelta(seconds=after)).isoformat(timespec="milliseconds")
