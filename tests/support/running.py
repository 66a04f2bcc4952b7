"""An installation as a user runs it: `orderwatch up` in processes of its own, with people of its console, for stories in a browser.

It is started once for all the stories of a module: each has orders of its own, and finds its rows by their names.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import yaml

from dataflows.console.run import opened
from dataflows.runtime.launcher import addresses
from dataflows.settings import Settings
from sinks.decisions import UnwrittenError
from sinks.embedded.decisions import SocketDecisionWriter
from tests.support.console import PASSWORD, PEOPLE

PATIENCE_S: Final = 240.0
"""After which a story gives up what it waits for. Nothing is measured by it."""
PORTS: Final = (
    ("gateway", "port"),
    ("gateway", "http_port"),
    ("http", "port"),
    ("store", "http_port"),
    ("dispatch", "http_port"),
    ("console", "port"),
    ("console", "http_port"),
    ("embedded", "http_port"),
)
STARTED: Final = re.compile(r"^up +(\w+) started \(pid (\d+)\)", re.MULTILINE)


class RunningShop:
    """`orderwatch up` over a directory below `home`, at ports of its own."""

    def __init__(self, home: Path, policy: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.data, self.log = home / "data", home / "up.log"
        rules = home / "policy.yaml"
        rules.write_text(policy, encoding="utf-8")
        chosen: dict[str, dict[str, object]] = {"console": {"cookie": "plain"}, "state": {"epoch_seconds": 0.2, "fsync": False}}
        for (section, name), address in zip(PORTS, addresses(len(PORTS)), strict=True):
            chosen.setdefault(section, {})[name] = int(address.rpartition(":")[2])
        settings = home / "settings.yaml"
        settings.write_text(yaml.safe_dump({**chosen, "policy": str(rules)}), encoding="utf-8")
        self.url = f"http://127.0.0.1:{chosen['console']['port']}"
        self._health = f"http://127.0.0.1:{chosen['embedded']['http_port']}/readyz"
        command = [sys.executable, "-m", "dataflows.cli", "up", "--data", str(self.data), "--settings", str(settings)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._writer = SocketDecisionWriter(self.data, "load")

    def await_ready(self) -> None:
        """Waits until all parts are, and adds the people."""
        self.until(self._is_ready, "the installation does not get ready")
        whole = Settings.model_validate(yaml.safe_load((self.data / "settings.yaml").read_text(encoding="utf-8")))
        with opened(whole) as parts:
            for name, role in PEOPLE.items():
                parts.directory.add(name, (role,), password=PASSWORD, at=datetime.now(UTC))

    def tell(self, events: Iterable[Mapping[str, object]]) -> None:
        """Appends events to the input log; they are on the disk when this returns."""
        given, give_up = list(events), time.monotonic() + PATIENCE_S
        while True:
            try:
                self._writer.send("events", given)
                return
            except UnwrittenError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.1)

    def pid(self, part: str) -> int:
        """The process of a part, as `up` has said it last."""
        return int([pid for name, pid in STARTED.findall(self.said()) if name == part][-1])

    def send(self, part: str, number: signal.Signals) -> None:
        """Sends a signal to the process of a part."""
        os.kill(self.pid(part), number)

    def said(self) -> str:
        """What `up` has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Waits for something."""
        give_up = time.monotonic() + PATIENCE_S
        while not condition():
            assert self._process.poll() is None, self.said()[-4_000:]
            assert time.monotonic() < give_up, f"{what}\n{self.said()[-4_000:]}"
            time.sleep(0.1)

    def close(self) -> None:
        """Stops all of it; no process is left behind."""
        self._writer.close()
        if self._process.poll() is None:
            with suppress(ProcessLookupError, IndexError):
                self.send("console", signal.SIGCONT)  # a story that failed may have left it stopped
            self._process.terminate()
            try:
                self._process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _is_ready(self) -> bool:
        try:
            with urlopen(self._health, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def running_shop(home: Path, policy: str) -> Generator[RunningShop]:
    """One while inside, ready for work."""
    shop = RunningShop(home, policy)
    try:
        shop.await_ready()
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
