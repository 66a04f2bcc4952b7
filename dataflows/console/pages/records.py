"""Source records: what an event looked like as it came in, read from the log of an embedded installation or from Kafka."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from confluent_kafka import KafkaException, TopicPartition

from dataflows.console.text import mark
from schemas.instants import EPOCH
from schemas.segments import DamagedLogError, SegmentReader
from schemas.topics import EMBEDDED
from sinks.kafka.reading import reader

PATIENCE_S: Final = 5.0
"""How long a broker has to give a record."""
ANSWER_S: Final = 1.0
"""How long it has to say that it is there at all."""
GONE: Final = mark("The record is not there any more: its log keeps records for a time only.")
SILENT: Final = mark("The brokers do not answer.")
ELSEWHERE: Final = mark("The console cannot read this log: its settings name no such topic.")


class SourceRecord(NamedTuple):
    """A record as it was appended: when, and its bytes."""

    appended_at: datetime | None
    value: bytes


class UnreadableRecordError(Exception):
    """A record cannot be shown; the message is a text that says why, to be translated."""


class RecordSource(Protocol):
    """Where source records are read."""

    def reads(self, topic: str) -> bool:
        """Whether records of a topic can be read here."""
        ...

    def record(self, topic: str, partition: int, offset: int) -> SourceRecord:
        """A record. Blocking: call it on a thread. Raises UnreadableRecordError."""
        ...


class EmbeddedRecords:
    """The input log of an embedded installation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def reads(self, topic: str) -> bool:
        """Its own logs, each of which is a folder."""
        return topic.startswith(EMBEDDED) and "/" not in topic and (self._folder / topic).is_dir()

    def record(self, topic: str, partition: int, offset: int) -> SourceRecord:
        """As of the protocol; a log has one partition."""
        if not self.reads(topic) or partition:
            raise UnreadableRecordError(ELSEWHERE)
        log = SegmentReader(self._folder / topic)
        try:
            log.seek(offset)
            (line,) = log.read(offset + 1, 1)
        except (DamagedLogError, OSError, ValueError) as error:
            raise UnreadableRecordError(GONE) from error
        finally:
            log.close()
        return SourceRecord(EPOCH + timedelta(microseconds=line.time), line.content)


class KafkaRecords:
    """Topics of Kafka. `client`: how brokers are reached."""

    def __init__(self, client: Mapping[str, str], topics: Collection[str]) -> None:
        self._client, self._topics = dict(client), frozenset(topics)

    def reads(self, topic: str) -> bool:
        """The topics that the engine reads."""
        return topic in self._topics

    def record(self, topic: str, partition: int, offset: int) -> SourceRecord:
        """As of the protocol. Each has a client of its own: people look at records now and then."""
        if not self.reads(topic):
            raise UnreadableRecordError(ELSEWHERE)
        consumer, part = reader(self._client), TopicPartition(topic, partition, offset)
        try:
            consumer.assign([part])
            message = consumer.poll(PATIENCE_S)
            if message is None:
                consumer.get_watermark_offsets(part, ANSWER_S)  # the brokers answer, so it is the record that is not there
                raise UnreadableRecordError(GONE)
            if message.error() is not None or message.offset() != offset:
                raise UnreadableRecordError(GONE)
        except KafkaException as error:
            raise UnreadableRecordError(SILENT) from error
        finally:
            consumer.close()
        _, at = message.timestamp()
        return SourceRecord(None if at < 0 else datetime.fromtimestamp(at / 1_000, UTC), message.value() or b"")
