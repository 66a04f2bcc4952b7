"""What of the logs goes: full segments that are older, or more, than the settings keep, once everybody who reads them is past them.

The engine's place is what it had read two epochs before, and a minute at least, if it has not been started anew since: by then an epoch has
made it durable.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from dataflows.embedded.plan import SystemPlan
from dataflows.observe.probe import probe
from dataflows.settings.values import reached
from schemas.embedded import input_folder, output_folder
from schemas.instants import DAY
from sinks.cases.schema import StoreError, open_store, ready
from sinks.cases.tables import offsets
from sinks.embedded.log import delete_segments
from sources.embedded.outputs import LOGS, EmbeddedReader, partition_of

EVERY_S: Final = 60.0
EPOCHS: Final = 2
"""After so many what was read is durable, though one of them took its time."""
QUOTE: Final = '"'
PATIENCE_S: Final = 5.0
READERS: Final[Mapping[str, tuple[str, ...]]] = {
    "events": ("run",),
    "decisions": ("run", "store"),
    "exceptions": ("store", "dispatch"),
    "actions": ("store", "dispatch"),
    "incidents": ("store",),
    "rejects": ("store",),
}
"""By what a log holds, the parts that must be past a segment before it goes."""
LOG = structlog.get_logger("orderwatch.embedded")
Standing = Callable[[], Mapping[str, tuple[int | None, int]]]


class LogRetention:
    """Deletes what is to go, on a thread of its own while it is entered. `standing`: what the supervisor knows of the processes."""

    def __init__(self, plan: SystemPlan, standing: Standing, clock: Callable[[], float] = time.monotonic) -> None:
        self._plan, self._standing, self._clock = plan, standing, clock
        self._ended = threading.Event()
        self._engine: int | None = None
        self._places: list[tuple[float, dict[str, int]]] = []
        """How far this process of the engine was, and when (s), the oldest first."""
        self._thread = threading.Thread(target=self._work, name="log retention", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def purge(self, now: int) -> int:
        """Deletes what is to go at an instant (µs); returns how many bytes went. Raises OSError."""
        past = {"run": self._of_engine(), "store": self._of_store(), "dispatch": self._of_dispatch()}
        given, gone = self._plan.settings.embedded, 0
        for topic, readers in READERS.items():
            before = min(past[reader].get(partition_of(topic), 0) for reader in readers)
            folder = (input_folder if topic in {"events", "decisions"} else output_folder)(self._plan.data) / LOGS[topic]
            gone += delete_segments(folder, before, older_than=now - int(given.keep_days * DAY), keep_bytes=given.keep_bytes)
        return gone

    def _work(self) -> None:
        while not self._ended.wait(EVERY_S):
            try:
                if gone := self.purge(time.time_ns() // 1_000):
                    LOG.info("old segments of the logs deleted", bytes=gone)
            except OSError as error:
                LOG.warning("old segments of the logs not deleted", error=(error.strerror or str(error)).lower())

    def _of_engine(self) -> dict[str, int]:
        """How far the engine is for good: a crash takes it back to its last epoch."""
        pid, now = self._standing().get("run", (None, 0))[0], self._clock()
        if pid != self._engine:
            self._engine, self._places = pid, []
        if pid is None:
            return {}
        self._places.append((now, self._read()))
        durable = now - max(EVERY_S, EPOCHS * self._plan.settings.state.epoch_seconds)
        while len(self._places) > 1 and self._places[1][0] <= durable:
            del self._places[0]
        at, place = self._places[0]
        return place if at <= durable else {}

    def _read(self) -> dict[str, int]:
        """How far the engine has read, by partition: where the logs end, less what it lags behind."""
        http = self._plan.settings.http
        with closing(EmbeddedReader(self._plan.data, ("events", "decisions"))) as reader:
            ends = reader.ends()
        try:
            with probe(f"http://{reached(http.host, http.port)}/metrics", PATIENCE_S) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return {}
        lags: dict[str, float] = {}
        for line in lines:
            if line.startswith("orderwatch_lag_records{"):
                lags[f"{line.split(QUOTE)[1]}:00000"] = float(line.rsplit(" ", 1)[1])
        return {partition: max(0, end - int(lags[partition])) for partition, end in ends.items() if partition in lags}

    def _of_store(self) -> dict[str, int]:
        settings = self._plan.settings
        try:
            engine = open_store(settings.store.url_in(settings.state.dir))
            try:
                ready(engine)  # to look for one where there is none yet would make its file, with the rights of any other
                with engine.connect() as connection:
                    found = {str(row[0]): int(row[1]) for row in connection.execute(select(offsets.c.log_partition, offsets.c.next_offset))}
            finally:
                engine.dispose()
        except (SQLAlchemyError, StoreError):
            return {}  # nothing goes while the store does not say how far it is
        return found

    def _of_dispatch(self) -> dict[str, int]:
        settings = self._plan.settings
        journal = (settings.dispatch.dir or settings.state.dir / "dispatch") / "journal.sqlite3"
        if not journal.exists():
            return {}
        try:
            with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
                return {str(partition): int(following) for partition, following in db.execute("SELECT partition, next FROM offsets")}
        except sqlite3.Error:
            return {}
