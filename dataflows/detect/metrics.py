"""The metrics of a running flow: each joined to the object that holds its value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from dataflows.core.policy import Policy
from dataflows.detect.flow import FlowOptions
from dataflows.detect.operators import ActionOperator, OrderOperator
from dataflows.observe import Observer, catalogue
from dataflows.runtime.state.store import ShardStore
from schemas.instants import SECOND
from sources.batch import BEGINNING, END
from sources.embedded.source import EmbeddedSource
from sources.kafka.source import KafkaSource

UNPROVED_S = 5.0
"""A barrier takes milliseconds; one that takes longer than this holds decisions back."""


StandingT = TypeVar("StandingT", bound="tuple[str, ...]")


def watch(
    observer: Observer, source: KafkaSource | EmbeddedSource, graph: FlowOptions, stores: Sequence[ShardStore], policy: Policy
) -> None:
    """Connects an observer to a flow's values. It reads plain attributes when it is scraped: that costs the flow nothing."""
    stats, shards, read = source.stats, graph.shards, observer.read
    observer.runs(lambda: next((shard.policy.version for shard in graph.shards), policy.version))
    read(catalogue.RECORDS, lambda: stats.records)
    read(catalogue.RECORD_BYTES, lambda: stats.bytes)
    read(catalogue.NULL_RECORDS, lambda: stats.tombstones)
    read(catalogue.PAUSES, lambda: stats.paused)
    read(catalogue.CONNECTION_ERRORS, lambda: stats.errors)
    read(catalogue.LATE_RECORDS, lambda: stats.late)
    read(catalogue.BARRIERS, lambda: stats.barriers)
    read(catalogue.BARRIER_WAIT, lambda: {channel: seconds for channel, (seconds, _) in source.waits().items()})
    read(catalogue.CLOCK_STEPS, lambda: stats.steps)
    read(catalogue.CLOCK_AHEAD, lambda: stats.ahead)
    read(catalogue.LAG, source.lag)
    read(catalogue.WATERMARK, lambda: {channel: at / SECOND for channel, at in _known(stats.watermark).items()})
    read(catalogue.LOW_WATERMARK, lambda: None if (decided := _decided(graph)) is None else decided / SECOND)
    read(catalogue.BUFFERED, lambda: sum(len(operator.merge) for operator in graph.operators))
    read(catalogue.DUPLICATES, lambda: sum(shard.counts.duplicates for shard in shards))
    read(catalogue.MISSED, lambda: sum(shard.counts.missed for shard in shards))
    read(catalogue.OPEN_ORDERS, lambda: sum(len(shard) for shard in shards))
    read(catalogue.OPEN_EXCEPTIONS, lambda: list(_opened(graph).items()))
    read(catalogue.CASES, lambda: list(_summed(shard.engine.publisher.cases for shard in graph.shards).items()))
    read(catalogue.ACTIONS, lambda: list(_summed(shard.machine.standing.actions for shard in graph.action_shards).items()))
    read(catalogue.GUARDED, lambda: list(_summed(shard.machine.standing.guarded for shard in graph.action_shards).items()))
    read(catalogue.CLOSED_ORDERS, lambda: sum(shard.counts.closed for shard in shards))
    read(catalogue.TOMBSTONES, lambda: sum(shard.tombstones for shard in shards))
    read(catalogue.STATE_BYTES, lambda: sum(store.size for store in stores))
    if policy.feeds or policy.pace is not None:
        read(
            catalogue.FEED_WATERMARK, lambda: {feed: watermark / SECOND for feed, watermark, _, _ in _feeds(graph) if watermark is not None}
        )
        read(catalogue.FEED_STALE, lambda: {feed: float(stale) for feed, _, stale, _ in _feeds(graph)})
        read(catalogue.DEFERRED, lambda: _deferred(graph))
    observer.health.require(lambda: unproved(source))
    observer.health.follow(lambda: _decided(graph))


def _opened(graph: FlowOptions) -> dict[tuple[str, ...], float]:
    """Open exceptions by kind, owner and severity."""
    return _summed(shard.opened for shard in graph.shards)


def _summed(counters: Iterable[Counter[StandingT]]) -> dict[tuple[str, ...], float]:
    """What shards count, in all; 0 for a combination that there was since the start and no longer is."""
    found: dict[tuple[str, ...], float] = {}
    for counter in counters:
        for standing, count in tuple(counter.items()):
            found[standing] = found.get(standing, 0.0) + count
    return found


def unproved(source: KafkaSource | EmbeddedSource) -> str | None:
    """The partition whose barrier has been waiting longest, if for longer than `UNPROVED_S`."""
    waits = source.waits()
    if not waits:
        return None
    channel, (seconds, trouble) = max(waits.items(), key=lambda wait: wait[1])
    if seconds < UNPROVED_S:
        return None
    return f"{channel}: what was written last cannot be read for {seconds:.0f} s ({trouble or 'its leader or a replica hangs'})"


def _known(watermark: Mapping[str, int]) -> dict[str, int]:
    return {channel: at for channel, at in watermark.items() if BEGINNING < at < END}


def _decided(graph: FlowOptions) -> int | None:
    """The low watermark of the shards of this process (µs of log time); None before they begin."""
    least = min((operator.merge.watermark for operator in graph.operators), default=BEGINNING)
    return least if BEGINNING < least < END else None


def _feeds(graph: FlowOptions) -> list[tuple[str, int | None, bool, int]]:
    """The feeds as one shard of this process sees them: all see the same."""
    return graph.shards[0].feeds.view() if graph.shards else []


def _deferred(graph: FlowOptions) -> dict[str, float]:
    deferred: dict[str, float] = {}
    for shard in graph.shards:
        for feed, _, _, orders in shard.feeds.view():
            deferred[feed] = deferred.get(feed, 0.0) + orders
    return deferred


def output_records(graph: FlowOptions) -> int:
    """How many output records the shards of this process have ever numbered."""
    return sum(operator.number for operator in graph.operators if isinstance(operator, OrderOperator | ActionOperator))
