"""Kafka topics as channels in log order, one per partition.

Guarantee: each record that was committed comes out once per resume, at the position that the broker gave it, in the order of its partition;
the offsets are part of the flow's own state, so that a resume goes on exactly behind what the resumed state holds. Offsets that are not
there any more stop the engine: nothing is ever skipped. No consumer group is joined and nothing is committed to the cluster; the client
library only asks for the group's coordinator, whose answer is of no concern.

The watermark is told only for what was read, and is what its stamps say: where nothing comes, barriers are written and read back, so that
time is a function of the log and of no clock of ours. Topics that take no barriers give a weaker guarantee: a partition that is read to the
end that its leader shows goes by this host's clock, less an allowance. What is shown later than that turns up late, and is counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException

from sources.batch import Batch
from sources.kafka import barriers, broker
from sources.kafka.barriers import Barriers
from sources.kafka.clock import HostClock
from sources.kafka.ends import Ends, Growth
from sources.kafka.partition import PartitionReader, channel_of
from sources.kafka.ports import SourceHooks
from sources.kafka.reading import TopicReading
from sources.kafka.settings import KafkaInput, KafkaInputError, SourceStats
from sources.messages import PartitionLog
from sources.watermarks import WatermarkSampler

POLL = timedelta(milliseconds=10)
"""How long an idle partition waits before it looks again for records; its watermark is announced at each tick."""
SILENCE = 5.0
"""Seconds in which an error of one kind is reported once; each is counted."""
DEFAULTS: dict[str, object] = {
    **broker.DEFAULTS,
    "group.id": "orderwatch",
    # The client fetches ahead up to `queued.min.messages`, then looks again after this time; after its own default of 1 s a fast reader
    # would have had nothing to read for most of it.
    "fetch.queue.backoff.ms": 10,
}
PINNED: dict[str, object] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
}
"""What the guarantee rests on."""


class KafkaPart(StatefulSourcePartition[Batch, bytes]):
    """One partition. Ends, without saying that its input has ended, once the topics have grown or `until` has been passed everywhere."""

    def __init__(self, reading: TopicReading, reader: PartitionReader, on_close: Callable[[], None]) -> None:
        self._reading = reading
        self._lane = reader
        self._on_close = on_close
        self._idle = False

    def next_batch(self) -> list[Batch]:
        """What is there of the partition, or how far its time has come. Never waits."""
        reading, reader = self._reading, self._lane
        if reading.ended:
            raise StopIteration
        if not reader.buffer:
            reading.pump()
        reading.tend()
        items = reading.take(reader)
        watermark = reading.watermark(reader)
        # Where all that was read were barriers there may be more.
        self._idle = not items and not reader.buffer
        if not items and not reading.worth_telling(reader, watermark):
            return []
        reading.tell(reader, watermark)
        return [Batch(reader.channel, watermark, items)]

    def next_awake(self) -> datetime | None:
        """At once while there is something to hand out."""
        return datetime.now(UTC) + POLL if self._idle else None

    def snapshot(self) -> bytes:
        """Where to go on: of what was handed out only."""
        return self._lane.state()

    def close(self) -> None:
        """Lets go of the consumer, with the last part."""
        self._on_close()


class KafkaSource(FixedPartitionedSource[Batch, bytes]):
    """Reads topics, a part and a channel for each partition.

    `expected`: how many partitions of each topic the state knows; there must be no fewer, and what is beyond is read from its beginning.
    `only`: how many of them are read, where a run that was cut off must be finished as it was before its topics grew. `ids`: IDs of topics,
    read here or not, that must stay what they are while it runs.
    `clock` is this host's. `others` gives the low watermark of other processes, `on_watermark` is told this one's: both are
    advice that bounds reading ahead. `on_error` is told, in one line and from any thread, what the client gets over by itself, each kind of
    error once in a while; `on_clock`, likewise, of clocks that differ or step.

    Raises:
        KafkaInputError: when built, if the cluster does not answer, a topic is missing, has fewer partitions than expected, is stamped
            by producers or takes no barriers though they are required; while running, if records cannot be read any more.
    """

    def __init__(  # noqa: PLR0913 - each is given by its name, and most by none
        self,
        settings: KafkaInput,
        *,
        expected: Mapping[str, int] | None = None,
        only: Mapping[str, int] | None = None,
        ids: Mapping[str, str] | None = None,
        clock: HostClock | None = None,
        others: Callable[[], int | None] | None = None,
        on_watermark: Callable[[int], None] | None = None,
        on_error: Callable[[str], None] | None = None,
        on_clock: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings
        self.stats = SourceStats()
        self._clock = clock or HostClock()
        self._clock.on_step = self._stepped
        self._say_clock = on_clock
        self._others = others
        self._on_watermark = on_watermark
        self._say = on_error
        self._said: dict[int, float] = {}
        self._expected = dict(expected or {})
        self._ids = dict(ids or {})
        self._admin = broker.admin(settings.options, self._on_error)
        self._create_time: dict[str, bool] = {}
        self._by_producers: set[str] = set()
        self.partitions: dict[str, int] = {}
        """How many partitions each topic has."""
        self._describe()
        self.weaker = self._weaker()
        """By topic, why silent partitions go by this host's clock: the weaker guarantee."""
        read = {topic: count if only is None else min(count, only.get(topic, 0)) for topic, count in self.partitions.items()}
        self._places = {channel_of(topic, number): (topic, number) for topic, count in read.items() for number in range(count)}
        self.channels = tuple(self._places)
        """The names of all channels, of this process and of others."""
        self._reading: TopicReading | None = None
        self._barriers: Barriers | None = None
        self._latest: dict[tuple[str, int], int] = {}
        self._open = 0

    @property
    def grown(self) -> str | None:
        """One line if the parts have ended because a topic has grown: the engine is to be started again."""
        return None if self._reading is None else self._reading.growth.found

    def lag(self) -> dict[str, int]:
        """By channel of this process: how many offsets stand between what was handed out and the end. From any thread."""
        return {} if self._reading is None else self._reading.lag()

    def waits(self) -> dict[str, tuple[float, str]]:
        """By channel of this process: for how long (s) nothing has proved that it was read, and what is known of why. From any thread."""
        return {} if self._reading is None else self._reading.barriers.waits()

    def list_parts(self) -> list[str]:
        """All channels, the same in every process."""
        return list(self.channels)

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> KafkaPart:
        """Begins or goes on to read a partition."""
        del step_id
        topic, number = self._places[for_part]
        reading = self._reading = self._reading or self._begin()
        sampler = WatermarkSampler(self.settings.feeds) if self.settings.feeds else None
        log = PartitionLog(topic, number, create_time=self._create_time[topic], sampler=sampler)
        reader = PartitionReader(log, by_barriers=topic not in self.weaker)
        if resume_state is not None:
            reader.restore(resume_state)
        if reader.next is None:
            reader.next = self._first(topic, number)
        reading.add(reader, OFFSET_BEGINNING if reader.next is None else reader.next)
        self._open += 1
        return KafkaPart(reading, reader, self._closed)

    def _describe(self) -> None:
        settings = self.settings
        for name, topic in broker.describe_topics(self._admin, settings.options, settings.topics).items():
            if topic is None:
                raise KafkaInputError(f"topic {name} does not exist")
            by_producer = topic.timestamps == "CreateTime"
            if by_producer and not settings.allow_create_time:
                raise KafkaInputError(
                    f"topic {name} has message.timestamp.type=CreateTime: set it to LogAppendTime,"
                    " or allow_create_time for the weaker guarantee"
                )
            if topic.partitions < self._expected.get(name, 0):
                raise KafkaInputError(f"topic {name} has {topic.partitions} partitions, the state knows {self._expected[name]}")
            self._create_time[name] = settings.allow_create_time
            self.partitions[name] = topic.partitions
            if by_producer:
                self._by_producers.add(name)

    def _weaker(self) -> dict[str, str]:
        settings = self.settings
        if settings.barriers == "off":
            return dict.fromkeys(settings.topics, "inputs.barriers is off")
        weaker = dict.fromkeys(self._by_producers, "its producers stamp the records")
        weaker |= barriers.refused(settings.options, [name for name in settings.topics if name not in weaker], self._on_error)
        if weaker and settings.barriers == "required":
            topic, why = next(iter(weaker.items()))
            raise KafkaInputError(f"topic {topic} takes no barriers: {why}; allow it, or set inputs.barriers for the weaker guarantee")
        return weaker

    def _begin(self) -> TopicReading:
        options = {**DEFAULTS, **self.settings.options, **PINNED, "error_cb": self._on_error}
        try:
            consumer = Consumer(options)
        except (KafkaException, ValueError, TypeError) as error:
            raise KafkaInputError(f"Kafka options: {broker.describe(error)}") from error
        settings, clock = self.settings, self._clock
        writer = barriers.producer(settings.options, self._on_error)
        self._barriers = Barriers(writer, clock, settings.barrier_interval, self.stats, self._on_error, self._on_clock)
        return TopicReading(
            settings,
            consumer,
            Ends(self._admin, clock.earliest, self._on_error),
            self._barriers,
            Growth(self._admin, self.partitions, self._on_error, self._ids),
            self.stats,
            SourceHooks(clock, self._others, self._on_watermark, self._on_error),
        )

    def _first(self, topic: str, partition: int) -> int | None:
        """The offset that a partition is first read from; None: its beginning."""
        added = partition >= self._expected.get(topic, partition + 1)
        if self.settings.start == "earliest" or added:
            return None
        if not self._latest:
            # All at once, as an offset: what is appended before the first state is stored must not be skipped by a second start.
            try:
                self._latest = {self._places[channel]: end for channel, end in broker.ends_of(self._admin, self._places).items()}
            except KafkaException as error:
                raise KafkaInputError(f"the ends of the topics cannot be asked for: {broker.describe(error)}") from error
        return self._latest[topic, partition]

    def _on_error(self, error: KafkaError) -> None:
        self.stats.errors += 1
        # A client that finds no broker complains dozens of times a second.
        now = time.monotonic()
        if self._say is not None and now - self._said.get(error.code(), -SILENCE) >= SILENCE:
            self._said[error.code()] = now
            self._say(broker.describe(error))

    def _on_clock(self, text: str) -> None:
        if self._say_clock is not None:
            self._say_clock(text)

    def _stepped(self, by: int) -> None:
        self.stats.steps["host"] += 1
        if self._barriers is not None:
            self._barriers.stepped(by)
        self._on_clock(f"the clock of this host was set {'forward' if by > 0 else 'back'} by {abs(by) / 1e6:.1f} s")

    def _closed(self) -> None:
        self._open -= 1
        if self._open == 0 and self._reading is not None:
            self._reading.fetcher.close()
            self._reading.barriers.close()
