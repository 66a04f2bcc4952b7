"""Watermarks of feeds: how far each monitored feed had spoken, told at the log's own pace.

Every order shard must know the watermarks, so they are thinned out where they arise: per partition, feed and second of log time only the
first record gives one, and the first that is late, since whether a feed still tells what it has missed must not hang on what else it tells
in that second. The first record of a partition gives one in any case, if need be of no feed: from then on every shard knows that the log
has begun and that feeds can be missed, also those that hold no order. Guarantee: the same log gives the same watermarks, however it is cut
into batches, if the state is kept with the offset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias, TypeVar, cast

from schemas.feeds import FeedOf
from schemas.instants import SECOND
from schemas.record import FeedWatermark, Record
from sources.batch import Refusal

Item = TypeVar("Item", bound="Record | Refusal")
NO_FEEDS: Mapping[str, int] = MappingProxyType({})
"""Where none is monitored."""
NO_FEED = ""
"""The feed of a watermark that only says that the log has begun."""
WatermarkState: TypeAlias = "tuple[str | int, ...]"
"""A topic, a partition, a feed, and the seconds of log time (since the epoch, UTC) that its last watermark and its last late one, if there
was one, were given in."""


class WatermarkSampler:
    """Gives the watermarks of declared `feeds`; `state` is what an earlier sampler's `state()` said.

    `feeds` are prefixes of `source`, each with how long after it happened a record may be told before it is late (µs). A sampler may serve
    any number of partitions; each must be read in the order of its log.
    """

    __slots__ = ("_feed_of", "_late", "_seconds", "feeds")

    def __init__(self, feeds: Mapping[str, int], state: Iterable[Sequence[str | int]] = ()) -> None:
        self.feeds = feeds
        """The declared feeds; where there are none, nothing needs to be sampled."""
        self._feed_of = FeedOf(feeds)
        self._seconds: dict[tuple[str, int, str], int] = {}
        self._late: dict[tuple[str, int, str], int] = {}
        for topic, partition, feed, second, *late in state:
            place = (str(topic), int(partition), str(feed))
            self._seconds[place] = int(second)
            if late:  # A state of before late ones were told of has none.
                self._late[place] = int(late[0])

    def sample(self, record: Record) -> FeedWatermark | None:
        """The watermark that stands right after `record` in the log, or None.

        None: its feed is not monitored, or has spoken in that second, and `record` is not the first late one in it.
        """
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
        late = log - record.at > self.feeds[feed]
        if (self._late if late else self._seconds).get(place) == second:
            return None
        self._seconds[place] = second
        if late:
            self._late[place] = second
        return FeedWatermark(log, record.topic, record.partition, record.offset, record.sub + 1, feed, min(record.at, log), late)

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
        late = self._late
        return sorted((*place, second, late[place]) if place in late else (*place, second) for place, second in self._seconds.items())
