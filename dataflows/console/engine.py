"""How the engine is: it says so itself, on the port of its metrics. Asked now and then, only while somebody wants to know."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock, Thread
from typing import Final
from urllib.error import HTTPError

from prometheus_client.parser import text_string_to_metric_families

from dataflows.observe import catalogue
from dataflows.observe.probe import probe
from schemas.instants import EPOCH

AGE_S: Final = 2.0
PATIENCE_S: Final = 1.5
LINES: Final = 2
"""Of what it misses, at most so much."""
LARGEST: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class FeedStanding:
    """A feed as the engine sees it. `watermark`: the greatest time that it has spoken. `deferred`: orders that wait for it."""

    stale: bool
    watermark: datetime | None
    deferred: int


@dataclass(frozen=True, slots=True)
class EngineStanding:
    """`problem`: why it is not ready, None if it is. `watermark`: what it has judged up to. `lag`: records that it has not read."""

    problem: str | None
    watermark: datetime | None = None
    lag: int | None = None
    feeds: Mapping[str, FeedStanding] = field(default_factory=dict[str, FeedStanding])


class EngineWatch:
    """Asks the engine at `address` (`http://host:port`). `clock` gives seconds that never go back."""

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._address, self._clock, self._lock = address.rstrip("/"), clock, Lock()
        self._said: EngineStanding | None = None
        self._at: float | None = None

    def look(self) -> EngineStanding | None:
        """How it was a moment ago; None: it was never asked. It is asked behind the back of who wants to know: nobody waits for it."""
        with self._lock:
            now = self._clock()
            if self._at is None or now - self._at >= AGE_S:
                self._at = now
                Thread(target=self.ask, name="engine", daemon=True).start()
            return self._said

    def ask(self) -> EngineStanding:
        """Asks it now, and waits for what it says."""
        self._said = self._ask()
        return self._said

    def _ask(self) -> EngineStanding:
        try:
            problem = self._missing()
            return measured(self._get("/metrics"), problem)
        except (OSError, ValueError):
            return EngineStanding("it does not answer")

    def _missing(self) -> str | None:
        try:
            self._get("/readyz")
        except HTTPError as error:
            return ", ".join(error.read(4_096).decode(errors="replace").splitlines()[:LINES]) or "not ready"
        return None

    def _get(self, path: str) -> str:
        with probe(self._address + path, PATIENCE_S) as answer:
            return str(answer.read(LARGEST), "utf-8")


def measured(metrics: str, problem: str | None) -> EngineStanding:
    """What the engine's metrics say. Raises ValueError if they are none."""
    found: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    low = [value for _, value in found.get(catalogue.LOW_WATERMARK.name, ()) if value > 0]
    lag = [value for _, value in found.get(catalogue.LAG.name, ())]
    marks = {labels["feed"]: value for labels, value in found.get(catalogue.FEED_WATERMARK.name, ())}
    held = {labels["feed"]: value for labels, value in found.get(catalogue.DEFERRED.name, ())}
    feeds = {
        labels["feed"]: FeedStanding(value > 0, _instant(marks.get(labels["feed"])), int(held.get(labels["feed"], 0)))
        for labels, value in found.get(catalogue.FEED_STALE.name, ())
    }
    return EngineStanding(problem, _instant(min(low, default=None)), int(sum(lag)) if lag else None, feeds)


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None or seconds <= 0 else EPOCH + timedelta(seconds=seconds)
