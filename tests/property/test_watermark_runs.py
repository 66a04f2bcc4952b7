"""Watermarks that shards share in runs: each shard says what it says when every one of them is applied in its place, record by record."""

from __future__ import annotations

import pickle
from dataclasses import replace
from operator import attrgetter
from random import Random
from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.engine.feeds import Feeds
from dataflows.core.engine.shard import Shard
from dataflows.core.engine.watermarks import WatermarkRun
from dataflows.core.policy import FeedPolicy
from dataflows.core.rules.load import load_policy
from dataflows.detect.arrivals import Arrival
from dataflows.detect.exchange import ORDER_ITEMS
from dataflows.detect.operators import OrderOperator
from dataflows.detect.router import Router
from dataflows.runtime.checkpoint import Checkpointer
from schemas.identifiers import AS_SENT
from schemas.record import FeedWatermark, Record
from sources.batch import END as ENDED
from sources.batch import Batch
from sources.watermarks import WatermarkSampler
from tests.property.histories import examples
from tests.property.test_feeds import END, SLOT, World, worlds
from tests.support.graph import MemoryStores
from tests.support.logs import DAY, T0

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataflows.core.policy import Policy
    from dataflows.detect.exchange import OrderItem
    from schemas.output import OutputRecord

CHANNELS = ("p0", "p1")
SHARDS = 3
POSITION = attrgetter("log", "topic", "partition", "offset", "sub")
Lines = list[tuple[int, str, bytes]]


def partitions(world: World, coarse: int) -> list[list[Record | FeedWatermark]]:
    """The world's log in two partitions, in slots so coarse that records of both share instants."""
    found: list[list[Record | FeedWatermark]] = [[], []]
    sampler = WatermarkSampler(world.policy().lateness)
    for item in world.items():
        if isinstance(item, Record):
            item.log = T0 + (item.log - T0) // (coarse * SLOT) * coarse * SLOT
            item.partition = item.offset % 2
            found[item.partition].append(item)
            if (mark := sampler.sample(item)) is not None:
                found[item.partition].append(mark)
    return found


def lines(outs: Sequence[OutputRecord]) -> Lines:
    """What was said, as it is compared."""
    return [(out.log, out.key, out.body) for out in outs]


def one_by_one(policy: Policy, number: int, log: Sequence[Record | FeedWatermark]) -> Lines:
    """What a shard says that every item of the log is applied to."""
    shard = Shard(policy, place=(number, SHARDS))
    for item in sorted(log, key=POSITION):
        if isinstance(item, FeedWatermark) or item.order:
            shard.apply(item)
    shard.advance(T0 + END * SLOT)
    return lines(shard.drain())


def in_runs(policy: Policy, number: int, parts: Sequence[Sequence[Record | FeedWatermark]], lots: Random) -> Lines:
    """What it says when it gets the same by the graph: in batches, merged, through a pickle or not, restored now and then."""
    stores, router = MemoryStores(), Router(compare_customers=False, identifiers=AS_SENT)

    def operator(snapshot: bytes | None) -> OrderOperator:
        keeper = Checkpointer(stores, policy.version, ORDER_ITEMS)
        return OrderOperator(lambda _: Shard(policy, place=(number, SHARDS)), CHANNELS, keeper, snapshot)

    shell = operator(None)
    left = [list(part) for part in parts]
    outs: list[OutputRecord] = []
    over = [False, False]
    while not all(over):
        batches: list[Batch] = []
        for channel in lots.sample((0, 1), lots.randint(1, 2)):
            items, left[channel] = left[channel][: (step := lots.choice((0, 1, 3, 30)))], left[channel][step:]
            over[channel] = not left[channel]
            progress = ENDED if over[channel] else left[channel][0].log
            batches.append(Batch(CHANNELS[channel], progress, items, T0 + END * SLOT if over[channel] else None))
        arrivals = [cast("Arrival[OrderItem]", arrival) for name, arrival in router(batches) if name.startswith("s")]
        # All records of the world in this one shard: two orders are too few to be spread.
        items_ = sorted((item for arrival in arrivals for item in arrival.items), key=POSITION)
        arrival = Arrival("s00", arrivals[0].watermark, items_, arrivals[0].until, in_order=True, run=arrivals[0].run)
        if lots.random() < 0.3:
            arrival = pickle.loads(pickle.dumps(arrival))
        for _, said in shell.on_batch([arrival])[0]:
            outs += said
        if lots.random() < 0.2 and not all(over):
            shell = operator(pickle.loads(pickle.dumps(shell.snapshot())))
    return lines(outs)


@examples(150)
@given(worlds(), st.integers(1, 6), st.integers(0, SHARDS - 1), st.integers(0, 2**32))
def test_runs_say_what_single_watermarks_say(world: World, coarse: int, number: int, seed: int) -> None:
    """Whichever shard it is, however the partitions are cut and merged, and wherever it is restored: the same bytes in the same order."""
    policy = world.policy()
    log = [item for part in partitions(world, coarse) for item in part]
    assert in_runs(policy, number, partitions(world, coarse), Random(seed)) == one_by_one(policy, number, log)


def test_a_watermark_that_came_in_a_later_run_counts_at_its_own_place() -> None:
    """Until its log has begun a shard is given single watermarks as well: one of another partition that stands before must not be lost."""
    feed, first, later = "/payments", 10 * SLOT, 20 * SLOT
    policy = replace(load_policy(None), feeds={feed: FeedPolicy(DAY, 2 * DAY)})
    number = next(n for n in range(SHARDS) if feed not in Feeds(policy, (n, SHARDS)).own)
    feeds = Feeds(policy, (number, SHARDS))
    mark = FeedWatermark(later, "t", 1, 0, 1, feed, later)
    feeds.add(WatermarkRun([mark]))
    feeds.add(WatermarkRun([FeedWatermark(first, "t", 0, 0, 1, feed, first)]))
    feeds.stand(mark.position)
    feeds.begin(mark.log)
    feeds.hear(mark)
    assert feeds.decides((feed,), first - 1, 0, mark.log) == first + DAY
