"""One partition on its way from the consumer to the flow: what was fetched and not yet handed out, and how far it has come."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import msgspec
from confluent_kafka import KafkaError

from sources.batch import BEGINNING
from sources.kafka.settings import KafkaInputError
from sources.messages import Item, Message, PartitionLog, Unreadable
from sources.watermarks import WatermarkSampler

STATE_VERSION = 1


class Fetched(Message, Protocol):
    """What the consumer hands out: a record, or an error in its place."""

    def topic(self) -> str | None:
        """The topic that it is of."""
        ...

    def partition(self) -> int | None:
        """The partition that it is of."""
        ...

    def error(self) -> KafkaError | None:
        """What came instead of a record."""
        ...


class _State(msgspec.Struct, array_like=True):
    """What is stored of a partition: plain data, of what was handed out only."""

    version: int
    next: int | None
    announced: int
    greatest: int
    feed_watermarks: list[tuple[str | int, ...]]


def channel_of(topic: str, partition: int) -> str:
    """The name of a partition's part and channel. Stored data: it must not change."""
    return f"{topic}:{partition:05d}"


class PartitionReader:
    """One partition. `next` is the offset after the last record handed out; None before the first is known."""

    def __init__(self, log: PartitionLog, *, by_barriers: bool = False) -> None:
        self.log = log
        self.by_barriers = by_barriers
        """Its time comes from what stands in it alone, barriers included; else this host's clock moves it while it is silent."""
        self.topic = log.topic
        self.partition = log.partition
        self.channel = channel_of(log.topic, log.partition)
        self.buffer: list[Fetched | Unreadable] = []
        self.next: int | None = None
        self.announced = BEGINNING
        """The watermark that was handed out, µs."""
        self.eof = -1
        """The offset at which the partition was last seen to end, behind everything in the buffer."""
        self.paused = False
        self.done = False
        """Everything up to `until` has been handed out."""
        self._ahead: deque[tuple[int, int]] = deque()
        self._count = 0

    @property
    def position(self) -> int:
        """Every record that is visible before this offset has been handed out; -1 if nothing is known."""
        position = -1 if self.next is None else self.next
        # Behind the last record there may be offsets that hold none: the ends of transactions.
        return position if self.buffer else max(position, self.eof)

    @property
    def wanted(self) -> int:
        """The offset from which on nothing has been fetched."""
        return (self.buffer[-1].offset() or 0) + 1 if self.buffer else self.position

    def take(self, count: int, latest: int) -> list[Item]:
        """Hands out the next `count` messages of the buffer. `latest` (µs): a clock reading."""
        messages = self.buffer[:count]
        del self.buffer[:count]
        items = self.log.read(messages, announced=self.announced, latest=latest)
        self.next = (messages[-1].offset() or 0) + 1
        self._ahead.append((self.log.greatest, count))
        self._count += count
        return items

    def may_be_ahead(self, bound: int) -> bool:
        """Whether it is worth asking how far ahead the partition is."""
        return self._count >= bound

    def ahead(self, least: int) -> int:
        """How many records were handed out that wait for a partition whose watermark is `least` (µs)."""
        ahead = self._ahead
        while ahead and ahead[0][0] < least:
            self._count -= ahead.popleft()[1]
        return self._count

    def state(self) -> bytes:
        """What a resume needs."""
        position, sampler = self.position, self.log.sampler
        feed_watermarks = [] if sampler is None else sampler.state()
        return msgspec.msgpack.encode(
            _State(STATE_VERSION, None if position < 0 else position, self.announced, self.log.greatest, feed_watermarks)
        )

    def restore(self, state: bytes) -> None:
        """Goes on from a state. Raises KafkaInputError if it is of a version that is not known."""
        try:
            stored = msgspec.msgpack.decode(state, type=_State)
        except msgspec.DecodeError as error:
            raise KafkaInputError(f"{self.channel}: the stored position cannot be read: {error}") from error
        if stored.version != STATE_VERSION:
            raise KafkaInputError(f"{self.channel}: the stored position is of version {stored.version}, this engine knows {STATE_VERSION}")
        self.next, self.announced, self.log.greatest = stored.next, stored.announced, stored.greatest
        if self.log.sampler is not None:
            self.log.sampler = WatermarkSampler(self.log.sampler.feeds, stored.feed_watermarks)
