"""The one consumer of a worker process and the partitions that share it: fetching, fairness between them, and how far time has come."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from sources.batch import BEGINNING
from sources.kafka.broker import recoverable, words
from sources.kafka.ends import End
from sources.kafka.lane import Fetched, PartitionReader
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
        self.lanes: dict[tuple[str | None, int | None], PartitionReader] = {}
        self.ended = False
        """The parts are to end: the topics have grown, or `until` has been passed everywhere."""
        self._hooks = hooks
        self._ticked = self._checked = hooks.clock.steady()
        self._asked = self._ticked - ASKED
        self._newest = BEGINNING
        self._pace: tuple[int, int] | None = None
        self._buffered = 0
        self._elsewhere = None if hooks.others is None else hooks.others()

    def add(self, lane: PartitionReader, offset: int) -> None:
        """Begins to fetch a partition at an offset."""
        self.lanes[lane.topic, lane.partition] = lane
        try:
            self.fetcher.incremental_assign([TopicPartition(lane.topic, lane.partition, offset)])
        except KafkaException as error:
            raise KafkaInputError(f"{lane.channel}: {words(error)}") from error

    def pump(self) -> None:
        """Takes what has been fetched, of whatever partition, into the buffers. Never waits."""
        lanes = self.lanes
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
                buffer = lanes[topic, number].buffer
            buffer.append(message)

    def tend(self) -> None:
        """What is due now and then: barriers, the questions where partitions end and whether there are more; publishes progress."""
        self.ends.look()
        now = self.clock.steady()
        if now - self._ticked < self.settings.tick:
            return
        self._ticked = now
        self.clock.look()
        lanes = list(self.lanes.values())
        proved = [lane for lane in lanes if lane.by_barriers]
        if proved:
            self.barriers.tend(proved, self._newest)
        if len(proved) < len(lanes) or now - self._asked >= ASKED:
            self._asked = now
            self.ends.ask(lanes)
        self.growth.look()
        if self.growth.found is not None:
            self.ended = True
        if now - self._checked >= self.settings.growth_check:
            self._checked = now
            self.growth.ask()
        if self._hooks.others is not None:
            self._elsewhere = self._hooks.others()
        if self._hooks.on_progress is not None:
            self._hooks.on_progress(min(lane.told for lane in lanes))

    def take(self, lane: PartitionReader) -> list[Item]:
        """Hands out what a partition has, unless it is too far ahead of others or of the pace."""
        buffer = lane.buffer
        if not buffer or lane.done:
            return []
        if self._held(lane):
            self._pause(lane)
            return []
        now = self.clock.latest()
        count = min(len(buffer), self.settings.batch)
        last = self._last(lane, now)
        if last is not None:
            count = lane.log.until(buffer[:count], last, told=lane.told, latest=now)
            if not count:
                until = self.settings.until
                lane.done = until is not None and lane.log.log_of(buffer[0], told=lane.told, latest=now) > until
                self._pause(lane)
                return []
        self._buffered -= count
        stats = self.stats
        stats.bytes += sum(map(len, buffer[:count]))
        log = lane.log
        barriers, tombstones, refused = log.barriers, log.tombstones, log.refused
        try:
            items = lane.take(count, now)
        except StampError as error:
            raise KafkaInputError(str(error)) from error
        stats.records += count - (log.barriers - barriers)
        stats.tombstones += log.tombstones - tombstones
        stats.refused += log.refused - refused
        stats.behind[lane.channel] = log.behind
        if items:
            self._newest = max(self._newest, items[-1].log)
        if not lane.by_barriers:
            self.clock.confirm(log.greatest)
        if lane.paused and len(buffer) < self.settings.batch:
            lane.paused = False
            self.fetcher.resume([TopicPartition(lane.topic, lane.partition)])
        return items

    def progress(self, lane: PartitionReader) -> int:
        """How far a partition has been read (µs): nothing of it with an earlier log time will come."""
        settings = self.settings
        told = lane.told
        if lane.done and settings.until is not None:
            return settings.until + 1
        now = self.clock.latest()
        # A broker whose clock is far ahead of ours must not let deadlines fire before their time.
        told = max(told, min(lane.log.greatest, now + AHEAD if lane.by_barriers else now))
        end = None if lane.by_barriers else self.ends.known.get(lane.channel)
        if end is not None and lane.position >= end.offset:
            told = max(told, end.asked - settings.clock_allowance)
        if lane.buffer and (self._pace or told > lane.told):
            # What is known of the next record bounds what may be told, and is itself progress where the pace holds it back.
            upcoming = lane.log.log_of(lane.buffer[0], told=lane.told, latest=now)
            told = min(upcoming, now) if self._pace else min(told, upcoming)
        limit = self._last(lane, now)
        if limit is not None:
            told = min(told, limit + 1 if limit == settings.until else limit)
        return max(told, lane.told)

    def worth_telling(self, lane: PartitionReader, progress: int) -> bool:
        """Whether progress alone is handed out: not more often than once per tick, but always if it was the last."""
        settings = self.settings
        return progress - lane.told >= settings.tick or (settings.until is not None and progress > settings.until >= lane.told)

    def tell(self, lane: PartitionReader, progress: int) -> None:
        """Notes what is handed out as progress; after the last partition has passed `until` the parts end."""
        lane.told = progress
        self.stats.progress[lane.channel] = progress
        until = self.settings.until
        if until is not None and progress > until:
            self.ended = self.ended or all(lane.told > until for lane in self.lanes.values())

    def lag(self) -> dict[str, int]:
        """By channel: offsets between what was handed out and the end of the partition, as far as known. From any thread."""
        ends: Mapping[str, End] = dict(self.ends.known)
        lanes = list(self.lanes.values())
        return {lane.channel: max(0, ends[lane.channel].offset - max(lane.position, 0)) for lane in lanes if lane.channel in ends}

    def _held(self, lane: PartitionReader) -> bool:
        """Whether a partition is further ahead of the slowest than allowed; the slowest itself never is."""
        bound = self.settings.read_ahead
        if not lane.may_be_ahead(bound):
            return False
        least = min(lane.told for lane in self.lanes.values())
        if self._elsewhere is not None:
            least = min(least, self._elsewhere)
        return lane.told > least and lane.ahead(least) >= bound

    def _pause(self, lane: PartitionReader) -> None:
        batch = self.settings.batch
        if not lane.paused and (lane.done or (self._buffered >= BUFFERED and len(lane.buffer) >= batch)):
            lane.paused = True
            self.stats.paused += 1
            self.fetcher.pause([TopicPartition(lane.topic, lane.partition)])

    def _last(self, lane: PartitionReader, now: int) -> int | None:
        """The log time (µs) up to which records may be handed out now: `until`, or what the pace allows."""
        settings = self.settings
        if settings.speed is None:
            return settings.until
        if self._pace is None:
            if not lane.buffer:
                return settings.until
            self._pace = (lane.log.log_of(lane.buffer[0], told=lane.told, latest=now), now)
        begin, began = self._pace
        reached = begin + int((now - began) * settings.speed)
        return reached if settings.until is None else min(reached, settings.until)

    def _skip(self, message: Fetched, error: KafkaError, skipped: set[str]) -> None:
        """Goes on behind a record that cannot be unpacked: a producer can pack more than the client takes into a batch that brokers take.

        The client says so again and again until it is told where to go on; `skipped`: the partitions that were, since it was asked.
        """
        lane = self.lanes.get((message.topic(), message.partition()))
        if lane is None:
            raise KafkaInputError(f"Kafka: {words(error)}")
        if lane.channel in skipped:
            return
        skipped.add(lane.channel)
        # Told is where the batch begins; part of it may lie behind us.
        offset = max(lane.wanted, message.offset() or 0)
        lane.buffer.append(Unreadable(offset))
        self._buffered += 1
        try:
            self.fetcher.seek(TopicPartition(lane.topic, lane.partition, offset + 1))
        except KafkaException as failed:
            raise KafkaInputError(f"{lane.channel}: {words(error)}, and there is no going on behind it: {words(failed)}") from failed

    def _trouble(self, message: Fetched, error: KafkaError) -> None:
        """What came instead of a message. Raises KafkaInputError unless the client gets over it."""
        lane = self.lanes.get((message.topic(), message.partition()))
        code = error.code()
        if lane is not None and code == KafkaError._PARTITION_EOF:
            lane.eof = message.offset() or 0
        elif lane is not None and code in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise KafkaInputError(self._lost(lane))
        elif recoverable(error):
            self._hooks.on_error(error)
        else:
            raise KafkaInputError(f"{lane.channel if lane else 'Kafka'}: {words(error)}")

    def _lost(self, lane: PartitionReader) -> str:
        """That the next offset is not there, in one line."""
        wanted = lane.wanted
        try:
            first, end = self.fetcher.get_watermark_offsets(TopicPartition(lane.topic, lane.partition), timeout=PATIENCE)
        except KafkaException as error:
            return f"{lane.channel}: offset {wanted} is not there, and where the partition begins is not known: {words(error)}"
        if wanted > end:
            return f"{lane.channel}: offset {wanted} is not there, the partition ends at {end}: the topic was replaced or cut off"
        return (
            f"{lane.channel}: records from offset {wanted} to {first} were deleted before they were read (retention is shorter than"
            " the engine was behind)"
        )
