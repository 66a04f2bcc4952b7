"""Whether the parts of an installation are well: each is asked by HTTP now and then, and the answers are one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final, Self
from urllib.error import HTTPError

from dataflows.observe import Observer, catalogue
from dataflows.observe.probe import probe
from dataflows.settings.values import reached

ASK_S: Final = 1.0
PATIENCE_S: Final = 3.0
LINES: Final = 3
"""What a part misses, at most so much of it."""


class Wellness:
    """Asks every part's `/readyz`, on a thread of its own while it is entered. `standing`: what the supervisor knows of the processes."""

    def __init__(self, host: str, ports: Mapping[str, int], standing: Callable[[], Mapping[str, tuple[int | None, int]]]) -> None:
        self._host = host
        self._ports, self._standing = dict(ports), standing
        self._missing = dict.fromkeys(ports, "starting")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="wellness", daemon=True)

    def missing(self) -> dict[str, str]:
        """By part, what it misses to be ready; empty if nothing does. From any thread."""
        found = {name: text for name, text in self._missing.items() if text}
        for name, (pid, starts) in self._standing().items():
            if pid is None:
                found[name] = "is being started again" if starts else "starting"
        return found

    def join(self, observer: Observer) -> None:
        """Connects the observer that answers for all."""
        observer.health.require(lambda: "; ".join(f"{name}: {text}" for name, text in self.missing().items()) or None)
        observer.read(catalogue.PART_UP, lambda: {name: float(name not in self.missing()) for name in self._ports})
        observer.read(catalogue.PART_STARTS, lambda: {name: float(starts) for name, (_, starts) in self._standing().items()})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _ask(self) -> None:
        while not self._ended.wait(ASK_S):
            for name, port in self._ports.items():
                self._missing[name] = self._answer(port)

    def _answer(self, port: int) -> str:
        """What a part misses; nothing if it is ready."""
        try:
            with probe(f"http://{reached(self._host, port)}/readyz", PATIENCE_S):
                return ""
        except HTTPError as error:
            return ", ".join(error.read(4_096).decode(errors="replace").splitlines()[:LINES]) or "not ready"
        except OSError:
            return "does not answer yet"
