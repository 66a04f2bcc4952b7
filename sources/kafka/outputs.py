"""Reads output topics and decisions from Kafka: what is committed, all partitions, from offsets that the reader's owner keeps.

Guarantee: each committed record once for each `seek`, in the order of its partition. No consumer group is joined and nothing is committed
to the cluster. Offsets that are not there any more are an error: nothing is ever skipped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.record import Headers, headers_of
from schemas.wire import Rejected
from sources.kafka.broker import DENIED, PATIENCE, Admin, admin, ask_ends, describe, end_of, recoverable, topics_of
from sources.kafka.partition import channel_of
from sources.kafka.settings import KafkaInputError, NoResponseError, UnfitInputError
from sources.kafka.source import DEFAULTS, PINNED
from sources.outputs.reader import LoggedRecord, LostRecordsError, UnreadableLogError

GROWTH_S: Final = 30.0
"""How often the topics are asked for new partitions."""
LOST: Final = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})
LARGEST_FETCH: Final = 16 << 10
"""KiB that the client fetches ahead of a partition."""


class KafkaLogReader:
    """A `sources.outputs.reader.LogReader`. Used from one thread.

    `options`: of librdkafka; `topics`: their names, by what they hold. `remedy`: what mends lost records, as the end of a sentence.
    """

    def __init__(
        self,
        options: Mapping[str, object],
        topics: Mapping[str, str],
        *,
        batch: int = 1_000,
        remedy: str = "",
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Raises UnfitInputError if the options are unusable."""
        self._options, self._topics, self._batch, self._remedy = options, dict(topics), batch, remedy
        self._holds = {name: holds for holds, name in topics.items()}
        self._on_trouble = on_trouble
        self._admin: Admin = admin(options)
        self._consumer: Consumer | None = None
        self._next: dict[str, int] = {}
        """Behind the last record that was given, by partition."""
        self._read_to: dict[str, int] = {}
        """Where a partition ended when it was last read to its end: behind markers of transactions."""
        self._places: dict[str, TopicPartition] = {}
        self._asked = 0.0

    def seek(self, offsets: Mapping[str, int]) -> None:
        """As `LogReader.seek`. Raises UnreadableLogError; KafkaInputError if a topic does not exist, or the options are unusable."""
        self._reset()
        places = self._partitions()
        self._asked = time.monotonic()
        try:
            consumer = Consumer(
                {**DEFAULTS, "queued.max.messages.kbytes": LARGEST_FETCH, **self._options, **PINNED, "error_cb": self._heard}
            )
        except (KafkaException, ValueError, TypeError) as error:
            raise UnfitInputError(f"Kafka options: {describe(error)}") from error
        self._consumer, self._places = consumer, places
        self._next = {name: offsets[name] for name in places if name in offsets}
        try:
            consumer.assign([self._start(name) for name in places])
        except KafkaException as error:
            raise UnreadableLogError(f"Kafka: {describe(error)}") from error

    def poll(self, timeout: float) -> Sequence[LoggedRecord]:
        """As `LogReader.poll`."""
        consumer = self._consumer
        if consumer is None:
            raise UnreadableLogError("Kafka: nothing is read yet")
        self._grow(consumer)
        try:
            # A batch is waited for until its first record is there, and not until it is full.
            messages = consumer.consume(1, timeout)
            if messages:
                messages += consumer.consume(self._batch - 1, 0)
        except KafkaException as error:
            raise UnreadableLogError(f"Kafka: {describe(error)}") from error
        found: list[LoggedRecord] = []
        for message in messages:
            problem = message.error()
            if problem is None:
                found.append(self._record(message))
            else:
                self._trouble(message, problem)
        return found

    def ends(self) -> Mapping[str, int]:
        """As `LogReader.ends`. Raises UnreadableLogError."""
        places = {name: (place.topic, place.partition) for name, place in self._places.items()}
        found: dict[str, int] = {}
        try:
            for name, answer in ask_ends(self._admin, places, committed=True, timeout=PATIENCE).items():
                end = end_of(answer)
                # Behind the last record markers of transactions may stand, which are no records.
                found[name] = self._next.get(name, 0) if self._read_to.get(name) == end else end
        except KafkaException as error:
            raise UnreadableLogError(f"Kafka: {describe(error)}") from error
        return found

    def close(self) -> None:
        """As `LogReader.close`."""
        self._reset()

    def _reset(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._places, self._next, self._read_to = {}, {}, {}
        if consumer is not None:
            consumer.close()

    def _partitions(self) -> dict[str, TopicPartition]:
        try:
            known = topics_of(self._admin, self._options)
        except NoResponseError as error:
            raise UnreadableLogError(str(error)) from error
        missing = sorted(name for name in self._holds if name not in known)
        if missing:
            raise UnfitInputError(f"topic {missing[0]} does not exist: make it with `orderwatch topics create`, or start the engine first")
        return {
            channel_of(name, number): TopicPartition(name, number)
            for name in sorted(self._holds)
            for number in sorted(known[name].partitions)
        }

    def _start(self, name: str) -> TopicPartition:
        place = self._places[name]
        return TopicPartition(place.topic, place.partition, self._next.get(name, OFFSET_BEGINNING))

    def _grow(self, consumer: Consumer) -> None:
        """Partitions that are new are read from their beginning."""
        now = time.monotonic()
        if now - self._asked < GROWTH_S:
            return
        self._asked = now
        try:
            places = self._partitions()
        except UnreadableLogError as error:
            self._on_trouble(str(error))
            return
        new = [name for name in places if name not in self._places]
        self._places = places
        if new:
            consumer.incremental_assign([self._start(name) for name in new])

    def _record(self, message: Message) -> LoggedRecord:
        topic, number, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
        name = channel_of(topic, number)
        self._next[name] = offset + 1
        kind, stamp = message.timestamp()
        at = 0 if kind == TIMESTAMP_NOT_AVAILABLE else stamp * 1_000
        value, key = message.value() or b"", message.key() or b""
        return LoggedRecord(self._holds[topic], name, offset, offset + 1, at, key, value, _headers(message))

    def _trouble(self, message: Message, error: KafkaError) -> None:
        """Raises if an error ends reading."""
        topic, number = message.topic(), message.partition()
        name = "Kafka" if topic is None or number is None else channel_of(topic, number)
        code = error.code()
        if code == KafkaError._PARTITION_EOF:
            self._read_to[name] = message.offset() or 0
        elif code in LOST:
            wanted = self._next.get(name)
            where = "its beginning" if wanted is None else f"offset {wanted}"
            remedy = f": {self._remedy}" if self._remedy else ""
            raise LostRecordsError(f"{name}: {where} is not there (records were deleted, or the topic was made anew){remedy}")
        elif code in DENIED:
            raise KafkaInputError(f"{name}: {describe(error)}")
        elif recoverable(error):
            self._on_trouble(f"{name}: {describe(error)}")
        else:
            raise UnreadableLogError(f"{name}: {describe(error)}")

    def _heard(self, error: KafkaError) -> None:
        self._on_trouble(describe(error))


def _headers(message: Message) -> Headers:
    try:
        return headers_of(message)
    except Rejected:
        return ()  # Names that are not UTF-8: none of them can be read, and none of ours is among them.
