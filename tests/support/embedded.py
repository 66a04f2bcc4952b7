"""An embedded installation as a user runs it: its parts in processes of their own over one data directory."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, cast
from urllib.request import urlopen

import yaml

from schemas.embedded import input_folder
from schemas.segments import POSITION, PositionReader
from sinks.decisions import UnwrittenError
from sinks.embedded.decisions import SocketDecisionWriter
from sinks.embedded.sink import read_all
from sources.embedded.outputs import EmbeddedReader
from tests.support.kafka.process import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from schemas.segments import LogLine

PATIENCE = 240.0
"""Seconds after which a test gives up. Nothing is measured by it."""


@dataclass
class Installation:
    """A data directory below `home`, and the processes over it."""

    home: Path
    policy: Path | None = None
    more: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, "Mapping[str, object]"])

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.data = self.home / "data"
        self.ports = {name: free_port() for name in ("gateway", "run", "hooks")}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def settings(self) -> Path:
        """Writes the settings file; returns its path."""
        chosen: dict[str, dict[str, object]] = {
            "embedded": {"dir": str(self.data)},
            "state": {"dir": str(self.data / "state"), "epoch_seconds": 0.2},
            "gateway": {"port": self.ports["hooks"], "http_port": self.ports["gateway"]},
            "http": {"port": self.ports["run"]},
        }
        for section, values in self.more.items():
            chosen.setdefault(section, {}).update(values)
        document = {**chosen, **({"policy": str(self.policy)} if self.policy else {})}
        path = self.home / "settings.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return path

    def start(self, part: str) -> subprocess.Popen[bytes]:
        """Starts `orderwatch PART`."""
        with (self.home / f"{part}.log").open("ab") as log:
            command = [sys.executable, "-m", "dataflows.cli", part, "--settings", str(self.settings())]
            process = self.processes[part] = subprocess.Popen(command, stdout=log, stderr=log)
        return process

    def kill(self, part: str) -> None:
        """Kills a part as a loss of power would."""
        process = self.processes.pop(part)
        process.kill()
        process.wait()

    def stop(self, part: str) -> None:
        """Asks a part to stop, and waits until it has, cleanly."""
        process = self.processes.pop(part)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, self.log(part)

    def close(self) -> None:
        """Leaves no process behind."""
        for part in list(self.processes):
            self.kill(part)

    def log(self, part: str) -> str:
        """What a part has logged."""
        return (self.home / f"{part}.log").read_text(encoding="utf-8")[-4_000:]

    def send(self, to: str, events: Sequence[bytes], role: str) -> None:
        """Appends events to the log `to`."""
        send(self.data, to, [cast("dict[str, object]", json.loads(event)) for event in events], role)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Waits for something."""
        until(condition, what, lambda: self.log("run"))

    def watermark(self) -> int:
        """How far the input log's writer is."""
        reader = PositionReader(input_folder(self.data) / POSITION)
        position = reader.read()
        reader.close()
        return 0 if position is None else position.time

    def is_caught_up(self) -> bool:
        """Whether the engine has read all that was appended."""
        return is_caught_up(self.ports["run"])

    def has_judged(self, until: int) -> bool:
        """Whether time has passed for the engine beyond an instant (µs)."""
        name = "orderwatch_low_watermark_timestamp_seconds"
        reached = [float(line.rsplit(" ", 1)[1]) for line in self.metrics("run").splitlines() if line.startswith(name)]
        return bool(reached) and min(reached) * 1_000_000 > until

    def metrics(self, part: str) -> str:
        """The metrics of a part; nothing while it does not answer."""
        return metrics_at(self.ports[part])

    def said(self) -> dict[str, list[LogLine]]:
        """Everything that the engine has written and published."""
        return read_all(self.data)

    def values(self) -> dict[str, list[bytes]]:
        """The same, sorted, since shards do not wait for each other."""
        return {topic: sorted(line.content for line in lines) for topic, lines in self.said().items()}

    def reader(self, *topics: str) -> EmbeddedReader:
        """Reads logs as store and dispatch do."""
        return EmbeddedReader(self.data, topics)


def until(condition: Callable[[], bool], what: str, more: Callable[[], object] = str) -> None:
    """Waits for something; `more` says why it is not so, where it never is."""
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, f"{what}\n{more()}"
        time.sleep(0.05)


def send(data: Path, to: str, events: Sequence[Mapping[str, object]], role: str) -> None:
    """Appends events to the log `to` of an installation, however often its writer is killed meanwhile."""
    give_up = time.monotonic() + PATIENCE
    with closing(SocketDecisionWriter(data, role)) as writer:
        while True:
            try:
                writer.send(to, events)
                return
            except UnwrittenError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.05)


def metrics_at(port: int) -> str:
    """The metrics of the part at a port; nothing while it does not answer."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def lag_at(port: int) -> float:
    """Records that the engine at a port has to read; infinite while it does not say."""
    lags = [float(line.rsplit(" ", 1)[1]) for line in metrics_at(port).splitlines() if line.startswith("orderwatch_lag_records{")]
    return sum(lags) if lags else inf


def is_caught_up(port: int) -> bool:
    """Whether the engine at a port has read all that was appended."""
    return not lag_at(port)
