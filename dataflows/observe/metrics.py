"""Collects metrics when they are asked for: what can be read from the running flow costs it nothing while nobody looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock
from typing import TypeAlias

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from dataflows.observe.catalogue import METRICS, Metric

Labels: TypeAlias = tuple[str, ...]
Reading: TypeAlias = "float | Mapping[str, float] | Sequence[tuple[Labels, float]] | None"
"""One value, or values by label, or of several labels pairs of them and a value; None: no value yet."""
NONE = "none"
"""What a label says that has no value: an empty one cannot be told from one that is not there."""
TRIES = 3
"""A mapping that grows while it is being read raises; the next try sees it whole."""


class Metrics(Collector):
    """The metrics of this process, in a registry of their own. Every method may be called from any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._reads: dict[Metric, list[Callable[[], Reading]]] = {}
        self._counts: dict[Metric, Counter[Labels]] = {}
        self._lock = Lock()
        self._histograms = {
            metric: Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=self.registry)
            for metric in METRICS
            if metric.kind == "histogram"
        }
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def read(self, metric: Metric, reading: Callable[[], Reading]) -> None:
        """Has a counter or gauge read by a function whenever it is asked for; several readings of one metric are added up.

        The function is called from another thread than the flow's: it should look at plain attributes, and change nothing.
        """
        self._reads.setdefault(metric, []).append(reading)

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Adds to a counter."""
        with self._lock:
            self._counts.setdefault(metric, Counter())[_named(labels)] += by  # type: ignore[assignment]  # counts of seconds are floats

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Adds a value to a histogram."""
        histogram = self._histograms[metric]
        (histogram.labels(*_named(labels)) if labels else histogram).observe(value)

    def collect(self) -> Iterable[Family]:
        """All counters and gauges that have a value."""
        for metric in METRICS:
            if metric.kind == "histogram":
                continue
            values = self.values(metric)
            if values:
                kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
                family = kind(metric.name, metric.help, labels=metric.labels)
                for labels in sorted(values):
                    family.add_metric(labels, values[labels])
                yield family

    def values(self, metric: Metric) -> dict[Labels, float]:
        """The values of a counter or gauge, by labels."""
        with self._lock:
            values: dict[Labels, float] = dict(self._counts.get(metric, {}))
        for reading in self._reads.get(metric, ()):
            for labels, value in _read(reading):
                values[labels] = values.get(labels, 0.0) + value
        return values

    def total(self, metric: Metric) -> float:
        """The sum of a metric over all its labels."""
        return sum(self.values(metric).values())


def _named(labels: Labels) -> Labels:
    return labels if all(labels) else tuple(label or NONE for label in labels)


def _read(reading: Callable[[], Reading]) -> list[tuple[Labels, float]]:
    for left in reversed(range(TRIES)):
        try:
            found = reading()
            if found is None:
                return []
            if isinstance(found, int | float):
                return [((), float(found))]
            if isinstance(found, Mapping):
                return [(_named((label,)), float(value)) for label, value in found.items()]
            return [(_named(labels), float(value)) for labels, value in found]
        except RuntimeError:
            if not left:
                raise
    raise AssertionError("unreachable")
