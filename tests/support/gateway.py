"""The gateway as a user runs it: `orderwatch gateway` in a process of its own, and what it has written and kept."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import yaml

from tests.support.kafka.process import free_port, spawn
from tests.support.webhooks import SECRETS

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
READY = '"event": "running"'


class Gateway:
    """`orderwatch gateway` with settings and a state directory of its own below `home`.

    `connections` are settings as in a file, secrets left out: each has that of its scheme. `more` are further settings by section.
    """

    def __init__(self, home: Path, connections: dict[str, dict[str, Any]], **more: dict[str, Any]) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.state = home, home / "state"
        self.port, self.metrics_port = free_port(), free_port()
        self.environment = {f"SECRET_{scheme.upper()}": secret for scheme, secret in SECRETS.items()}
        self.settings: dict[str, Any] = {
            "state": {"dir": str(self.state)},
            "gateway": {
                "port": self.port,
                "http_port": self.metrics_port,
                "connections": {key: _secured(key, one) for key, one in connections.items()},
            },
        }
        for section, values in more.items():
            self.settings[section] = {**self.settings.get(section, {}), **values}
        self.file = home / "settings.yaml"
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def alive(self) -> bool:
        """Whether it runs, ready or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> Path:
        """What the last start wrote to standard error."""
        return self.home / f"gateway-{self.starts:04d}.log"

    def write_settings(self) -> None:
        """Writes the settings file anew, whole at once."""
        draft = self.file.with_suffix(".new")
        draft.write_text(yaml.safe_dump(self.settings), encoding="utf-8")
        draft.replace(self.file)

    def command(self, *arguments: str, output: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
        """Starts the command."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ORDERWATCH_")} | self.environment
        command = [sys.executable, "-P", "-m", "dataflows.cli", "gateway", "--settings", str(self.file), *arguments]
        if output is not None:
            return spawn(command, output, cwd=ROOT, env=environment)
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def start(self, *, wait: bool = True) -> None:
        """Starts it; waits until it receives, unless told otherwise."""
        assert not self.alive(), "it runs already"
        self.starts += 1
        self.write_settings()
        with self.log.open("wb") as log:
            self._process = self.command(output=log)
        if wait:
            give_up = time.monotonic() + PATIENCE
            while READY not in self.said():
                assert self.alive(), self.said()
                assert time.monotonic() < give_up, self.said()
                time.sleep(0.02)

    def said(self) -> str:
        """The log of the last start."""
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL, and waits for its end."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(PATIENCE)

    def ended(self) -> int:
        """Waits until it ends by itself; returns the exit code."""
        assert self._process is not None
        return self._process.wait(PATIENCE)

    def destroy(self) -> None:
        """Ends it at once, if it runs."""
        if self.alive():
            self.kill()

    def get(self, path: str) -> str:
        """A page of its own port for metrics and health, whatever its status."""
        try:
            with urlopen(f"http://127.0.0.1:{self.metrics_port}{path}", timeout=PATIENCE) as reply:
                return str(reply.read().decode())
        except HTTPError as error:
            return error.read().decode()
        except URLError as error:
            return str(error)

    def events(self) -> list[bytes]:
        """The lines of the embedded log, all files."""
        return list(_lines((self.state / "gateway").glob("events*.jsonl")))

    def kept(self, name: str = "refused") -> list[bytes]:
        """The lines of refused requests, all files."""
        return list(_lines((self.state / "gateway" / "refused").glob(f"{name}*.jsonl")))


def _secured(key: str, connection: dict[str, Any]) -> dict[str, Any]:
    """A connection with the secret of its scheme, from the environment."""
    scheme = connection.get("scheme", key.partition("/")[0])
    return {"secrets": [{"env": f"SECRET_{scheme.upper()}"}], **connection}


def _lines(files: Iterable[Path]) -> Iterable[bytes]:
    # The file that is written sorts after the full ones, by its name without a number.
    for file in sorted(files, key=lambda path: (path.stem.count("-") == 0, path.name)):
        yield from file.read_bytes().splitlines()
