"""A small cluster in memory: partitions that are appended to at a clock of the test's own, and a client that fetches them as it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from confluent_kafka import OFFSET_BEGINNING, KafkaError, TopicPartition

from sources.batch import BEGINNING
from sources.kafka.clock import HostClock
from sources.kafka.ends import End
from sources.kafka.partition import PartitionReader, channel_of
from sources.kafka.ports import SourceHooks
from sources.kafka.reading import TopicReading
from sources.kafka.settings import KafkaInput, SourceStats
from sources.kafka.source import KafkaPart
from sources.messages import BARRIER, LOG_APPEND_TIME, PartitionLog
from sources.watermarks import WatermarkSampler
from tests.support.logs import T0, line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sources.batch import Batch


class Told:
    """A record of a partition, or what the client says in its place."""

    def __init__(
        self,
        topic: str,
        partition: int,
        offset: int,
        *,
        stamp: int = 0,
        value: bytes | None = b"",
        key: bytes | None = None,
        headers: list[tuple[str, bytes | None]] | None = None,
        kind: int = LOG_APPEND_TIME,
        error: KafkaError | None = None,
    ) -> None:
        self._place = (topic, partition, offset)
        self._stamp = (kind, stamp)
        self._value = value
        self._key = key
        self._headers = headers
        self._error = error

    def topic(self) -> str:
        """The topic."""
        return self._place[0]

    def partition(self) -> int:
        """The partition."""
        return self._place[1]

    def offset(self) -> int:
        """The offset."""
        return self._place[2]

    def timestamp(self) -> tuple[int, int]:
        """The kind of timestamp, and ms."""
        return self._stamp

    def key(self) -> bytes | None:
        """The key."""
        return self._key

    def value(self) -> bytes | None:
        """The value."""
        return self._value

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        """The headers."""
        return self._headers

    def error(self) -> KafkaError | None:
        """What came instead."""
        return self._error

    def __len__(self) -> int:
        return len(self._value or b"")


@dataclass
class Cluster:
    """Partitions of one topic, by number. `clock` (µs) is the reader's and, less `ahead`, the broker's, which stamps barriers."""

    count: int
    topic: str = "orders"
    clock: int = T0
    ahead: int = 0
    logs: dict[int, list[Told]] = field(default_factory=dict[int, list[Told]])
    first: dict[int, int] = field(default_factory=dict[int, int])
    """By partition, the offset of the oldest record that is still there; 0 if not named."""
    hidden: dict[int, int] = field(default_factory=dict[int, int])
    """By partition, the offset from which on records belong to an open transaction."""
    packed: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    """By partition, the first and last offset of a batch that the client cannot unpack."""

    def __post_init__(self) -> None:
        self.logs = {number: [] for number in range(self.count)}

    def append(
        self,
        partition: int,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: list[tuple[str, bytes | None]] | None = None,
        stamp: int | None = None,
        kind: int = LOG_APPEND_TIME,
    ) -> Told:
        """Appends a record, by default an event, stamped now or at `stamp` (µs)."""
        log = self.logs[partition]
        offset = len(log)
        value = line(f"e{partition}-{offset}", self.clock, order=f"O-{partition}") if value is None and headers is None else value
        ms = (self.clock if stamp is None else stamp) // 1_000
        announced = Told(self.topic, partition, offset, stamp=ms, value=value, key=key, headers=headers, kind=kind)
        log.append(announced)
        return announced

    def tombstone(self, partition: int) -> None:
        """Appends a record without a value."""
        self.append(partition, None, headers=[])

    def barrier(self, partition: int) -> None:
        """Appends a barrier."""
        self.append(partition, None, BARRIER, headers=[], stamp=self.clock + self.ahead)

    def end(self, partition: int) -> int:
        """Up to where a reader of committed records gets."""
        return min(len(self.logs[partition]), self.hidden.get(partition, 1 << 60))


class Client:
    """Fetches a cluster's partitions in turn, up to `most` records at a time; `eof` says whether ends are told."""

    def __init__(self, cluster: Cluster, most: int = 1_000) -> None:
        self.cluster = cluster
        self.most = most
        self.at: dict[int, int] = {}
        self.paused: set[int] = set()
        self.closed = False
        self._told: dict[int, int] = {}

    def consume(self, num_messages: int = 1, timeout: float = -1) -> Sequence[Told]:
        """What is there of partitions that are not paused."""
        assert timeout >= 0, "the loop must never wait"
        cluster = self.cluster
        found: list[Told] = []
        for number in sorted(self.at):
            if number in self.paused:
                continue
            if self.at[number] < cluster.first.get(number, 0):
                return [Told(cluster.topic, number, -1001, error=KafkaError(KafkaError._AUTO_OFFSET_RESET))]  # noqa: RUF100
            room = max(0, min(num_messages, self.most) - len(found))
            until = max(self.at[number], min(cluster.end(number), self.at[number] + room))
            first, last = cluster.packed.get(number, (until, until))
            if first <= self.at[number] <= last < until:
                # Until it is sent on, the client says so again and again; told is where the batch begins.
                trouble = Told(cluster.topic, number, first, error=KafkaError(KafkaError._BAD_COMPRESSION))  # noqa: RUF100
                found += [trouble, trouble]
                continue
            until = min(until, max(first, self.at[number])) if self.at[number] <= last else until
            found += cluster.logs[number][self.at[number] : until]
            self.at[number] = until
            if until == cluster.end(number) and self._told.get(number) != until and len(found) < num_messages:
                self._told[number] = until
                found.append(Told(cluster.topic, number, until, error=KafkaError(KafkaError._PARTITION_EOF)))  # noqa: RUF100
        return found

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        """Begins to fetch."""
        for place in partitions:
            self.at[place.partition] = self.cluster.first.get(place.partition, 0) if place.offset == OFFSET_BEGINNING else place.offset

    def seek(self, partition: TopicPartition) -> None:
        """Goes on elsewhere."""
        self.at[partition.partition] = partition.offset

    def pause(self, partitions: list[TopicPartition]) -> None:
        """Stops fetching."""
        self.paused |= {place.partition for place in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        """Fetches again."""
        self.paused -= {place.partition for place in partitions}

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float | None = None) -> tuple[int, int]:
        """Where a partition begins and ends."""
        del timeout
        return self.cluster.first.get(partition.partition, 0), len(self.cluster.logs[partition.partition])

    def close(self) -> None:
        """Lets go."""
        self.closed = True


class Answers:
    """Ends of partitions, as they were when they were asked for; told `after` further looks."""

    def __init__(self, cluster: Cluster, after: int = 0) -> None:
        self.cluster = cluster
        self.after = after
        self.known: dict[str, End] = {}
        self._open: dict[str, End] = {}
        self._looks = 0

    def ask(self, readers: Sequence[PartitionReader]) -> None:
        """Asks, unless a question is open."""
        if not self._open:
            cluster = self.cluster
            self._open = {reader.channel: End(cluster.clock, len(cluster.logs[reader.partition])) for reader in readers}
            self._looks = self.after

    def look(self) -> None:
        """Takes in the answer once it is there."""
        if self._open and self._looks <= 0:
            self.known, self._open = {**self.known, **self._open}, {}
        self._looks -= 1


@dataclass
class Proving:
    """Appends barriers where the real one writes them; `refusing` partitions take none. What is behind `hidden` is not seen, of course."""

    cluster: Cluster
    refusing: set[int] = field(default_factory=set[int])

    def tend(self, readers: Sequence[PartitionReader], newest: int) -> None:
        """Appends one to each silent partition."""
        del newest
        for reader in readers:
            if not reader.buffer and reader.partition not in self.refusing:
                self.cluster.barrier(reader.partition)

    def waits(self) -> dict[str, tuple[float, str]]:
        """Nothing is known."""
        return {}

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass
class Growing:
    """Says that the topics have grown once `found` is set."""

    found: str | None = None
    asked: int = 0

    def ask(self) -> None:
        """Counts the question."""
        self.asked += 1

    def look(self) -> None:
        """Nothing to take in."""


@dataclass
class Harness:
    """The parts of a source over a cluster in memory, called as Bytewax calls them."""

    cluster: Cluster
    client: Client
    answers: Answers
    proving: Proving
    growing: Growing
    reading: TopicReading
    parts: list[KafkaPart]

    def reader(self, partition: int) -> PartitionReader:
        """A partition."""
        return self.reading.readers[self.cluster.topic, partition]

    def round(self, step: int = 0) -> list[Batch]:
        """Lets `step` µs pass and calls every part once."""
        self.cluster.clock += step
        return [batch for part in self.parts for batch in part.next_batch()]


def harness(
    cluster: Cluster,
    states: dict[int, bytes] | None = None,
    *,
    client: Client | None = None,
    answers: Answers | None = None,
    create_time: bool = False,
    by_barriers: bool = False,
    clock: HostClock | None = None,
    others: int | None = None,
    **settings: object,
) -> Harness:
    """A source over a cluster, begun or resumed at `states`. The host's clock is the cluster's, unless another one is given."""
    client = client or Client(cluster)
    answers = answers or Answers(cluster)
    growing, proving = Growing(), Proving(cluster)
    given = KafkaInput(options={}, topics=(cluster.topic,), **settings)  # type: ignore[arg-type]  # whichever the test names
    passing: list[KafkaError] = []
    clock = clock or HostClock(lambda: cluster.clock, lambda: cluster.clock)
    hooks = SourceHooks(clock, None if others is None else lambda: others, None, passing.append)
    reading = TopicReading(given, client, answers, proving, growing, SourceStats(), hooks)
    parts: list[KafkaPart] = []
    for number in range(cluster.count):
        sampler = WatermarkSampler(given.feeds) if given.feeds else None
        reader = PartitionReader(PartitionLog(cluster.topic, number, create_time=create_time, sampler=sampler), by_barriers=by_barriers)
        if states is not None and number in states:
            reader.restore(states[number])
        reading.add(reader, OFFSET_BEGINNING if reader.next is None else reader.next)
        parts.append(KafkaPart(reading, reader, client.close))
    return Harness(cluster, client, answers, proving, growing, reading, parts)


def names(count: int, topic: str = "orders") -> list[str]:
    """The channels of a topic."""
    return [channel_of(topic, number) for number in range(count)]


def kept(batches: list[Batch], before: dict[str, int]) -> None:
    """Checks that no batch breaks what its channel's watermark has promised, and notes what it promises now."""
    for batch in batches:
        promised = before.get(batch.channel, BEGINNING)
        assert batch.watermark >= promised
        assert all(item.log >= promised for item in batch.items)
        before[batch.channel] = batch.watermark
