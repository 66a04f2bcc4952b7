"""What the flow tells, and whom it lets look: one per process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from importlib.metadata import version

import structlog

from dataflows.observe import catalogue
from dataflows.observe.catalogue import Metric
from dataflows.observe.health import Health
from dataflows.observe.metrics import Metrics, Reading
from schemas.instants import EPOCH, SECOND
from schemas.output import EXCEPTION_FORGOTTEN, OutputRecord

MICROSECOND = timedelta(microseconds=1)


class Observer:
    """Metrics, health and log of a process. Every method may be called from any thread.

    It is a `sinks.kafka.Listener` too. `now` is the clock, µs since the epoch, UTC; `peers` are the other processes of the cluster.
    """

    def __init__(self, peers: Sequence[str] = (), now: Callable[[], int] = lambda: time.time_ns() // 1_000) -> None:
        self.metrics = Metrics()
        self.health = Health(peers)
        self.log = structlog.stdlib.get_logger("orderwatch")
        self._now = now
        self._queued: dict[tuple[str, int], int] = {}
        self.metrics.read(catalogue.READY, lambda: 0 if self.health.missing() else 1)
        self.metrics.read(catalogue.RESUME, lambda: self.health.resume_seconds)
        self.metrics.read(catalogue.QUEUED, self._waiting)

    # --- what a run tells -------------------------------------------------------------------

    def read(self, metric: Metric, reading: Callable[[], Reading]) -> None:
        """Has a counter or gauge of the catalogue read by a function whenever somebody asks; see `Metrics.read`."""
        self.metrics.read(metric, reading)

    def runs(self, policy: Callable[[], str]) -> None:
        """Says under which policy (version) the engine runs; it may change while it does."""
        self.metrics.read(catalogue.INFO, lambda: [((version("orderwatch"), policy()), 1.0)])

    def joining(self) -> None:
        """Brokers, topics and state are there; now the other processes of the cluster are waited for."""
        self.health.joining()

    def connected(self) -> None:
        """All processes of the cluster are there."""
        self.health.connected()

    def resumed(self) -> None:
        """The state is loaded and the flow runs. May be told again and again; the first time counts."""
        if self.health.resumed():
            self.log.info("running", resume_seconds=round(self.health.resume_seconds or 0.0, 3))

    def beat(self) -> None:
        """The flow is being polled."""
        self.health.beat()

    def snapshot(self, seconds: float) -> None:
        """A shard has ended an epoch."""
        self.metrics.observe(catalogue.SNAPSHOT, seconds)

    def published(self, topic: str, outputs: Sequence[OutputRecord]) -> None:
        """Output records now stand in their topic (exceptions, actions, incidents or rejects) for everybody to read."""
        now = self._now()
        metrics = self.metrics
        for output in outputs:
            if topic == "rejects":
                metrics.count(catalogue.REJECTED, output.kind)
            else:
                metrics.count(catalogue.OUTPUT_RECORDS, topic, output.type, output.severity)
            due = None
            if topic == "actions" and "action" in output.data:
                metrics.count(catalogue.ACTION_STATES, str(output.data["action"]), output.status)
            if topic == "exceptions" and output.type != EXCEPTION_FORGOTTEN:
                metrics.count(catalogue.EXCEPTIONS, output.kind, output.type)
                if output.type == "exception.raised":
                    due = output.data.get("due_at")
            metrics.observe(catalogue.DELAY, max(0, now - output.log) / SECOND, "signal" if due is None else "deadline")
            if isinstance(due, str):
                at = (datetime.fromisoformat(due) - EPOCH) // MICROSECOND
                metrics.observe(catalogue.DECISION_LAG, max(0, now - at) / SECOND)

    # --- what the writers of a Kafka sink tell ------------------------------------------------

    def opened(self, topic: str, partition: int, read_back: int, seconds: float) -> None:
        """An output partition is ready; the sink has logged it."""
        del topic, partition, read_back, seconds

    def committed(self, topic: str, partition: int, outputs: Sequence[OutputRecord], seconds: float) -> None:
        """A transaction was committed."""
        del partition
        self.metrics.count(catalogue.PUBLISHED, topic, by=len(outputs))
        self.metrics.observe(catalogue.COMMIT, seconds, topic)
        self.published(topic, outputs)

    def dropped(self, topic: str, partition: int, count: int) -> None:
        """Output records were already there."""
        del partition
        self.metrics.count(catalogue.DROPPED, topic, by=count)

    def mismatched(self, topic: str, partition: int) -> None:
        """A shard said something else than before."""
        del partition
        self.metrics.count(catalogue.MISMATCHES, topic)

    def retried(self, topic: str, partition: int) -> None:
        """A transaction was aborted and is tried again."""
        del partition
        self.metrics.count(catalogue.RETRIES, topic)

    def cut(self, topic: str, partition: int, count: int) -> None:
        """Rejects were larger than their topic takes."""
        del partition
        self.metrics.count(catalogue.CUT, topic, by=count)

    def queued(self, topic: str, partition: int, length: int) -> None:
        """How many output records wait to be committed."""
        self._queued[topic, partition] = length

    def _waiting(self) -> dict[str, float]:
        by_topic: dict[str, float] = {}
        for (topic, _), length in tuple(self._queued.items()):
            by_topic[topic] = by_topic.get(topic, 0.0) + length
        return by_topic
