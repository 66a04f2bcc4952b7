"""A dispatcher in a process of its own, which tests start, stop and kill."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
ROOT = Path(__file__).parents[2]


def webhook(url: str, **more: Any) -> dict[str, Any]:
    """The settings of an endpoint that is a server of the test."""
    return {
        "kind": "webhook",
        "url": url,
        "secrets": [{"env": "DISPATCH_TEST_SECRET"}],
        "allow_http": True,
        "allow_networks": ["127.0.0.0/8"],
        "timeout_seconds": 1.0,
        "connect_timeout_seconds": 1.0,
        "concurrency": 32,
        "breaker_failures": 10_000,
        **more,
    }


class Dispatcher:
    """One dispatcher on the log in `folder`. `name`: it shares the work with others."""

    def __init__(self, folder: Path, settings: dict[str, Any], name: str = "") -> None:
        self._folder, self._name = folder, name
        self.dir = folder / f"dispatch{name}"
        self._file = folder / f"settings{name}.json"
        self.log = folder / f"dispatch{name}.log"
        self._file.write_text(json.dumps({"dir": str(self.dir), **settings}))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it."""
        command = [
            sys.executable,
            "-m",
            "tests.support.dispatching",
            str(self._file),
            str(self._folder),
            *([self._name] if self._name else []),
        ]
        environment = {**os.environ, "DISPATCH_TEST_SECRET": SECRET}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, stdout=log)

    def signal(self, number: int) -> None:
        """Sends it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kills it."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def stop(self, timeout: float = 240.0) -> int:
        """Stops it cleanly; returns its exit code."""
        self.signal(signal.SIGTERM)
        assert self.process is not None
        return self.process.wait(timeout)

    def destroy(self) -> None:
        """Whatever became of it, it is gone."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()

    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None
