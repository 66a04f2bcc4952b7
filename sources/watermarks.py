"""Watermarks of feeds: how far each monitored feed had spoken, told at the log's own pace.

Every order shard must know the watermarks, so they are thinned out where they arise: per partition, feed and second of log time only the
first record gives one. The first record of a partition gives one in any case, if need be of no feed: from then on every shard knows that
the log has begun and that feeds can be missed, also those that hold no order. Guarantee: the same log gives the same watermarks, however it
is cut into batches, if the state is kept with the offset.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias, TypeVar, cast

from schemas.feeds import FeedOf
from schemas.instants import SECOND
from schemas.record import FeedWatermark, Record
from sources.batch import Refusal

Item = TypeVar("Item", bound="Record | Refusal")
NO_FEED = ""
"""The feed of a watermark that only says that the log has begun."""
WatermarkState: TypeAlias = "tuple[str, int, str, int]"
"""A topic, a partition, a feed, and the second of log time (since the epoch, UTC) that its last watermark was given in."""


class WatermarkSampler:
    """Gives the watermarks of declared `feeds` (prefixes of `source`); `state` is what an earlier sampler's `state()` said.

    A sampler may serve any number of partitions; each must be read in the order of its log.
    """

    __slots__ = ("_feed_of", "_seconds", "feeds")

    def __init__(self, feeds: Sequence[str], state: Iterable[Sequence[str | int]] = ()) -> None:
        self.feeds = tuple(feeds)
        """The declared feeds; where there are none, nothing needs to be sampled."""
        self._feed_of = FeedOf(feeds)
        self._seconds = {(str(topic), int(partition), str(feed)): int(second) for topic, partition, feed, second in state}

    def sample(self, record: Record) -> FeedWatermark | None:
        """The watermark that stands right after `record` in the log, or None: its feed is not monitored, or has spoken in that second."""
        if not self.feeds:
            return None
        log = record.log
        feed = self._feed_of(record.event.source)
        if feed is None:
            place = (record.topic, record.partition, NO_FEED)
            if place in self._seconds:
                return None
            self._seconds[place] = log // SECOND
            return FeedWatermark(log, record.topic, record.partition, record.offset, record.sub + 1, NO_FEED, min(record.at, log))
        place, second = (record.topic, record.partition, feed), log // SECOND
        if self._seconds.get(place) == second:
            return None
        self._seconds[place] = second
        return FeedWatermark(log, record.topic, record.partition, record.offset, record.sub + 1, feed, min(record.at, log))

    def among(self, items: list[Item]) -> list[Item | FeedWatermark]:
        """Items in log order with each watermark right after its record; without declared feeds the list itself."""
        if not self.feeds:
            return cast("list[Item | FeedWatermark]", items)
        found: list[Item | FeedWatermark] = []
        for item in items:
            found.append(item)
            if isinstance(item, Record) and (feed_watermark := self.sample(item)) is not None:
                found.append(feed_watermark)
        return found

    def state(self) -> list[WatermarkState]:
        """What the next sampler must know, as plain data in a fixed order."""
        return sorted((topic, partition, feed, second) for (topic, partition, feed), second in self._seconds.items())
