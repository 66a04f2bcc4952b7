"""What can be read of a running flow: it joins the metrics to the parts that hold their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dataflows.core.policy import Policy
from dataflows.detect.flow import FlowOptions
from dataflows.detect.operators import OrderOperator
from dataflows.observe import Observer, catalogue
from dataflows.runtime.state.store import ShardStore
from schemas.instants import SECOND
from sources.batch import BEGINNING, END
from sources.kafka.source import KafkaSource

UNPROVED_S = 5.0
"""A barrier takes milliseconds; longer than this, and what is decided does not keep up."""


def watch(observer: Observer, source: KafkaSource, graph: FlowOptions, stores: Sequence[ShardStore], policy: Policy) -> None:
    """Has an observer read a flow's values whenever somebody asks. They are plain attributes: looking costs the flow nothing."""
    stats, shards, read = source.stats, graph.shards, observer.read
    observer.runs(policy.version)
    read(catalogue.RECORDS, lambda: stats.records)
    read(catalogue.RECORD_BYTES, lambda: stats.bytes)
    read(catalogue.NULL_RECORDS, lambda: stats.tombstones)
    read(catalogue.PAUSES, lambda: stats.paused)
    read(catalogue.CONNECTION_ERRORS, lambda: stats.errors)
    read(catalogue.BEHIND, lambda: stats.behind)
    read(catalogue.BARRIERS, lambda: stats.barriers)
    read(catalogue.BARRIER_WAIT, lambda: {channel: seconds for channel, (seconds, _) in source.waits().items()})
    read(catalogue.CLOCK_STEPS, lambda: stats.steps)
    read(catalogue.CLOCK_AHEAD, lambda: stats.ahead)
    read(catalogue.LAG, source.lag)
    read(catalogue.PROGRESS, lambda: {channel: at / SECOND for channel, at in _known(stats.progress).items()})
    read(catalogue.LEAST_PROGRESS, lambda: None if (decided := _decided(graph)) is None else decided / SECOND)
    read(catalogue.HELD_BACK, lambda: sum(len(shell.merge) for shell in graph.shells))
    read(catalogue.DUPLICATES, lambda: sum(shard.counts.duplicates for shard in shards))
    read(catalogue.MISSED, lambda: sum(shard.counts.missed for shard in shards))
    read(catalogue.OPEN_ORDERS, lambda: sum(len(shard) for shard in shards))
    read(catalogue.OPEN_EXCEPTIONS, lambda: list(_opened(graph).items()))
    read(catalogue.CLOSED_ORDERS, lambda: sum(shard.counts.closed for shard in shards))
    read(catalogue.TOMBSTONES, lambda: sum(shard.tombs for shard in shards))
    read(catalogue.STATE_BYTES, lambda: sum(store.size for store in stores))
    if policy.feeds:
        read(catalogue.FEED_MARK, lambda: {feed: mark / SECOND for feed, mark, _, _ in _feeds(graph) if mark is not None})
        read(catalogue.FEED_STALE, lambda: {feed: float(stale) for feed, _, stale, _ in _feeds(graph)})
        read(catalogue.PARKED, lambda: _parked(graph))
    observer.health.require(lambda: unproved(source))
    observer.health.follow(lambda: _decided(graph))


def _opened(graph: FlowOptions) -> dict[tuple[str, ...], float]:
    """Exceptions that stand open, by kind, owner and severity; 0 for those of which there were any since the start."""
    found: dict[tuple[str, ...], float] = {}
    for shard in graph.shards:
        for standing, count in tuple(shard.opened.items()):
            found[standing] = found.get(standing, 0.0) + count
    return found


def unproved(source: KafkaSource) -> str | None:
    """The partition that time has been waiting for longest, if it has for long."""
    waits = source.waits()
    if not waits:
        return None
    channel, (seconds, trouble) = max(waits.items(), key=lambda wait: wait[1])
    if seconds < UNPROVED_S:
        return None
    return f"{channel}: what was written last cannot be read for {seconds:.0f} s ({trouble or 'its leader or a replica hangs'})"


def _known(progress: Mapping[str, int]) -> dict[str, int]:
    return {channel: at for channel, at in progress.items() if BEGINNING < at < END}


def _decided(graph: FlowOptions) -> int | None:
    """Up to where the shards of this process have decided, whichever process reads what they are made of (µs); None before they begin."""
    least = min((shell.merge.progress for shell in graph.shells), default=BEGINNING)
    return least if BEGINNING < least < END else None


def _feeds(graph: FlowOptions) -> list[tuple[str, int | None, bool, int]]:
    """The feeds as one shard of this process sees them: all see the same."""
    return graph.shards[0].feeds.view() if graph.shards else []


def _parked(graph: FlowOptions) -> dict[str, float]:
    parked: dict[str, float] = {}
    for shard in graph.shards:
        for feed, _, _, orders in shard.feeds.view():
            parked[feed] = parked.get(feed, 0.0) + orders
    return parked


def said(graph: FlowOptions) -> int:
    """How many verdicts the shards of this process have ever said."""
    return sum(shell.number for shell in graph.shells if isinstance(shell, OrderOperator))
