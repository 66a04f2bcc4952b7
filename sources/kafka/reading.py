"""The one consumer of a worker process and the partitions that share it: fetching, fairness between them, and how far time has come."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from sources.batch import BEGINNING
from sources.kafka.broker import describe, recoverable
from sources.kafka.ends import End
from sources.kafka.partition import Fetched, PartitionReader
from sources.kafka.ports import Asked, Fetcher, Prover, SourceHooks, Watch
from sources.kafka.settings import KafkaInput, KafkaInputError, SourceStats
from sources.messages import Item, StampError, Unreadable

BUFFERED = 100_000
"""Records in the buffers of a process from which on partitions that may not be handed out are fetched no more. Not much fewer: a pause
throws away what the client has fetched ahead."""
ASKED = 1_000_000
"""How often (µs) it is asked where partitions end if only the lag is to be known."""
AHEAD = 60_000_000
"""A broker's stamp that is later than the present by more than this (µs) is not believed: its partition's time waits for the present."""
PATIENCE = 5.0
"""Seconds that the look for the beginning of a trimmed partition may take, to put it into words."""


class TopicReading:
    """Everything that the partitions of one process share. Used from one thread."""

    def __init__(
        self,
        settings: KafkaInput,
        fetcher: Fetcher,
        ends: Asked,
        barriers: Prover,
        growth: Watch,
        stats: SourceStats,
        hooks: SourceHooks,
    ) -> None:
        self.settings = settings
        self.fetcher = fetcher
        self.ends = ends
        self.barriers = barriers
        self.growth = growth
        self.stats = stats
        self.clock = hooks.clock
        self.readers: dict[tuple[str | None, int | None], PartitionReader] = {}
        self.ended = False
        """The parts are to end: the topics have grown, or `until` has been passed everywhere."""
        self._hooks = hooks
        self._ticked = self._checked = hooks.clock.steady()
        self._asked = self._ticked - ASKED
        self._newest = BEGINNING
        self._pace: tuple[int, int] | None = None
        self._buffered = 0
        self._elsewhere = None if hooks.others is None else hooks.others()

    def add(self, reader: PartitionReader, offset: int) -> None:
        """Begins to fetch a partition at an offset."""
        self.readers[reader.topic, reader.partition] = reader
        try:
            self.fetcher.incremental_assign([TopicPartition(reader.topic, reader.partition, offset)])
        except KafkaException as error:
            raise KafkaInputError(f"{reader.channel}: {describe(error)}") from error

    def pump(self) -> None:
        """Takes what has been fetched, of whatever partition, into the buffers. Never waits."""
        readers = self.readers
        topic: str | None = None
        number: int | None = -1
        buffer: list[Fetched | Unreadable] = []
        skipped: set[str] = set()
        messages = self.fetcher.consume(self.settings.batch, 0)
        self._buffered += len(messages)
        for message in messages:
            error = message.error()
            if error is not None:
                self._buffered -= 1
                if error.code() == KafkaError._BAD_COMPRESSION:
                    self._skip(message, error, skipped)
                else:
                    self._trouble(message, error)
                continue
            # Mostly many of one partition come in a row.
            if message.partition() != number or message.topic() != topic:
                topic, number = message.topic(), message.partition()
                buffer = readers[topic, number].buffer
            buffer.append(message)

    def tend(self) -> None:
        """What is due now and then: barriers, the questions where partitions end and whether there are more; publishes the watermark."""
        self.ends.look()
        now = self.clock.steady()
        if now - self._ticked < self.settings.tick:
            return
        self._ticked = now
        self.clock.look()
        readers = list(self.readers.values())
        proved = [reader for reader in readers if reader.by_barriers]
        if proved:
            self.barriers.tend(proved, self._newest)
        if len(proved) < len(readers) or now - self._asked >= ASKED:
            self._asked = now
            self.ends.ask(readers)
        self.growth.look()
        if self.growth.found is not None:
            self.ended = True
        if now - self._checked >= self.settings.growth_check:
            self._checked = now
            self.growth.ask()
        if self._hooks.others is not None:
            self._elsewhere = self._hooks.others()
        if self._hooks.on_watermark is not None:
            self._hooks.on_watermark(min(reader.announced for reader in readers))

    def take(self, reader: PartitionReader) -> list[Item]:
        """Hands out what a partition has, unless it is too far ahead of others or of the pace."""
        buffer = reader.buffer
        if not buffer or reader.done:
            return []
        if self._held(reader):
            self._pause(reader)
            return []
        now = self.clock.latest()
        count = min(len(buffer), self.settings.batch)
        last = self._last(reader, now)
        if last is not None:
            count = reader.log.until(buffer[:count], last, announced=reader.announced, latest=now)
            if not count:
                until = self.settings.until
                reader.done = until is not None and reader.log.log_of(buffer[0], announced=reader.announced, latest=now) > until
                self._pause(reader)
                return []
        self._buffered -= count
        stats = self.stats
        stats.bytes += sum(map(len, buffer[:count]))
        log = reader.log
        barriers, tombstones, refused = log.barriers, log.tombstones, log.refused
        try:
            items = reader.take(count, now)
        except StampError as error:
            raise KafkaInputError(str(error)) from error
        stats.records += count - (log.barriers - barriers)
        stats.tombstones += log.tombstones - tombstones
        stats.refused += log.refused - refused
        stats.late[reader.channel] = log.late
        if items:
            self._newest = max(self._newest, items[-1].log)
        if not reader.by_barriers:
            self.clock.confirm(log.greatest)
        if reader.paused and len(buffer) < self.settings.batch:
            reader.paused = False
            self.fetcher.resume([TopicPartition(reader.topic, reader.partition)])
        return items

    def watermark(self, reader: PartitionReader) -> int:
        """How far a partition has been read (µs): nothing of it with an earlier log time will come."""
        settings = self.settings
        announced = reader.announced
        if reader.done and settings.until is not None:
            return settings.until + 1
        now = self.clock.latest()
        # A broker whose clock is far ahead of ours must not let deadlines fire before their time.
        announced = max(announced, min(reader.log.greatest, now + AHEAD if reader.by_barriers else now))
        end = None if reader.by_barriers else self.ends.known.get(reader.channel)
        if end is not None and reader.position >= end.offset:
            announced = max(announced, end.asked - settings.clock_allowance)
        if reader.buffer and (self._pace or announced > reader.announced):
            # What is known of the next record bounds what may be told, and is itself the watermark where the pace holds it back.
            upcoming = reader.log.log_of(reader.buffer[0], announced=reader.announced, latest=now)
            announced = min(upcoming, now) if self._pace else min(announced, upcoming)
        limit = self._last(reader, now)
        if limit is not None:
            announced = min(announced, limit + 1 if limit == settings.until else limit)
        return max(announced, reader.announced)

    def worth_telling(self, reader: PartitionReader, watermark: int) -> bool:
        """Whether the watermark alone is handed out: not more often than once per tick, but always if it was the last."""
        settings = self.settings
        return watermark - reader.announced >= settings.tick or (
            settings.until is not None and watermark > settings.until >= reader.announced
        )

    def tell(self, reader: PartitionReader, watermark: int) -> None:
        """Records the watermark that is announced; after the last partition has passed `until` the parts end."""
        reader.announced = watermark
        self.stats.watermark[reader.channel] = watermark
        until = self.settings.until
        if until is not None and watermark > until:
            self.ended = self.ended or all(reader.announced > until for reader in self.readers.values())

    def lag(self) -> dict[str, int]:
        """By channel: offsets between what was handed out and the end of the partition, as far as known. From any thread."""
        ends: Mapping[str, End] = dict(self.ends.known)
        readers = list(self.readers.values())
        return {
            reader.channel: max(0, ends[reader.channel].offset - max(reader.position, 0)) for reader in readers if reader.channel in ends
        }

    def _held(self, reader: PartitionReader) -> bool:
        """Whether a partition is further ahead of the slowest than allowed; the slowest itself never is."""
        bound = self.settings.read_ahead
        if not reader.may_be_ahead(bound):
            return False
        least = min(reader.announced for reader in self.readers.values())
        if self._elsewhere is not None:
            least = min(least, self._elsewhere)
        return reader.announced > least and reader.ahead(least) >= bound

    def _pause(self, reader: PartitionReader) -> None:
        batch = self.settings.batch
        if not reader.paused and (reader.done or (self._buffered >= BUFFERED and len(reader.buffer) >= batch)):
            reader.paused = True
            self.stats.paused += 1
            self.fetcher.pause([TopicPartition(reader.topic, reader.partition)])

    def _last(self, reader: PartitionReader, now: int) -> int | None:
        """The log time (µs) up to which records may be handed out now: `until`, or what the pace allows."""
        settings = self.settings
        if settings.speed is None:
            return settings.until
        if self._pace is None:
            if not reader.buffer:
                return settings.until
            self._pace = (reader.log.log_of(reader.buffer[0], announced=reader.announced, latest=now), now)
        begin, began = self._pace
        reached = begin + int((now - began) * settings.speed)
        return reached if settings.until is None else min(reached, settings.until)

    def _skip(self, message: Fetched, error: KafkaError, skipped: set[str]) -> None:
        """Goes on behind a record that cannot be unpacked: a producer can pack more than the client takes into a batch that brokers take.

        The client says so again and again until it is told where to go on; `skipped`: the partitions that were, since it was asked.
        """
        reader = self.readers.get((message.topic(), message.partition()))
        if reader is None:
            raise KafkaInputError(f"Kafka: {describe(error)}")
        if reader.channel in skipped:
            return
        skipped.add(reader.channel)
        # Told is where the batch begins; part of it may lie behind us.
        offset = max(reader.wanted, message.offset() or 0)
        reader.buffer.append(Unreadable(offset))
        self._buffered += 1
        try:
            self.fetcher.seek(TopicPartition(reader.topic, reader.partition, offset + 1))
        except KafkaException as failed:
            raise KafkaInputError(
                f"{reader.channel}: {describe(error)}, and there is no going on behind it: {describe(failed)}"
            ) from failed

    def _trouble(self, message: Fetched, error: KafkaError) -> None:
        """What came instead of a message. Raises KafkaInputError unless the client gets over it."""
        reader = self.readers.get((message.topic(), message.partition()))
        code = error.code()
        if reader is not None and code == KafkaError._PARTITION_EOF:
            reader.eof = message.offset() or 0
        elif reader is not None and code in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise KafkaInputError(self._lost(reader))
        elif recoverable(error):
            self._hooks.on_error(error)
        else:
            raise KafkaInputError(f"{reader.channel if reader else 'Kafka'}: {describe(error)}")

    def _lost(self, reader: PartitionReader) -> str:
        """That the next offset is not there, in one line."""
        wanted = reader.wanted
        try:
            first, end = self.fetcher.get_watermark_offsets(TopicPartition(reader.topic, reader.partition), timeout=PATIENCE)
        except KafkaException as error:
            return f"{reader.channel}: offset {wanted} is not there, and where the partition begins is not known: {describe(error)}"
        if wanted > end:
            return f"{reader.channel}: offset {wanted} is not there, the partition ends at {end}: the topic was replaced or cut off"
        return (
            f"{reader.channel}: records from offset {wanted} to {first} were deleted before they were read (retention is shorter than"
            " the engine was behind)"
        )
