"""Copies topics into export files: everything that is committed, up to where each partition ended when the export began."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from sources.exports import ExportWriter
from sources.kafka.broker import admin, describe, describe_topics, ends_of, recoverable
from sources.kafka.partition import channel_of
from sources.kafka.settings import KafkaInputError, UnfitInputError
from sources.kafka.source import DEFAULTS, PINNED
from sources.messages import Unreadable

SILENCE = 60.0
"""Seconds without a word from the brokers after which an export is given up."""
BATCH = 1_000


@dataclass(slots=True)
class _Copy:
    """One partition on its way into its file."""

    channel: str
    place: tuple[str, int]
    end: int
    writer: ExportWriter
    next: int = 0
    """Behind the last record written."""
    done: bool = False


def export(
    options: Mapping[str, object],
    topics: Sequence[str],
    folder: Path,
    *,
    until_offset: int | None = None,
    on_read: Callable[[int], None] | None = None,
) -> dict[Path, int]:
    """Writes one file per topic partition into `folder`; returns the files with how many records each holds.

    `until_offset` ends every partition before that offset, if it does not end earlier anyway. `on_read` is told how many records were
    read. Files appear only once all are whole; those of the same names are replaced.

    Raises:
        UnfitError: if a topic does not exist. KafkaInputError: if they cannot be read, or not to their ends.
        OSError: if the folder cannot be written.
    """
    client = admin(options)
    places: dict[str, tuple[str, int]] = {}
    types: dict[str, str] = {}
    for name, topic in describe_topics(client, options, topics).items():
        if topic is None:
            raise UnfitInputError(f"topic {name} does not exist")
        types[name] = topic.timestamps or "LogAppendTime"
        places |= {channel_of(name, number): (name, number) for number in range(topic.partitions)}
    exported = time.time_ns() // 1_000
    try:
        ends = ends_of(client, places)
    except KafkaException as error:
        raise KafkaInputError(f"the ends of the topics cannot be asked for: {describe(error)}") from error
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as undo:
        copies: dict[tuple[str | None, int | None], _Copy] = {}
        for channel, (name, number) in places.items():
            writer = ExportWriter(folder, name, number, types[name], exported)
            undo.callback(writer.discard)
            end = ends[channel] if until_offset is None else min(ends[channel], until_offset)
            copies[name, number] = _Copy(channel, (name, number), end, writer)
        _copy(options, copies, on_read)
        undo.pop_all()
    for copy in copies.values():
        copy.writer.close()
    return {copy.writer.path: copy.writer.records for copy in copies.values()}


def _copy(
    options: Mapping[str, object], copies: Mapping[tuple[str | None, int | None], _Copy], on_read: Callable[[int], None] | None
) -> None:
    consumer = Consumer({**DEFAULTS, **options, **PINNED})
    try:
        open_ = [copy for copy in copies.values() if copy.end > 0]
        consumer.assign([TopicPartition(*copy.place, OFFSET_BEGINNING) for copy in open_])
        left, read, heard = len(open_), 0, time.monotonic()
        while left:
            messages = consumer.consume(BATCH, 1.0)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE:
                raise KafkaInputError(f"no word from the brokers for {SILENCE:.0f} s, {left} partitions are not copied to their ends")
            skipped: set[str] = set()
            for message in messages:
                copy = copies.get((message.topic(), message.partition()))
                error = message.error()
                if copy is not None and error is not None and error.code() == KafkaError._BAD_COMPRESSION:
                    # As `sources.kafka.reading` does it.
                    if copy.channel in skipped or copy.done:
                        continue
                    skipped.add(copy.channel)
                    record: Message | Unreadable = Unreadable(max(copy.next, message.offset() or 0))
                    consumer.seek(TopicPartition(*copy.place, (record.offset() or 0) + 1))
                    error = None
                else:
                    record = message
                if _take(copy, record, error) and copy is not None:
                    left -= 1
                    consumer.incremental_unassign([TopicPartition(*copy.place)])
            read += len(messages)
            if on_read is not None:
                on_read(read)
    finally:
        consumer.close()


def _take(copy: _Copy | None, message: Message | Unreadable, error: KafkaError | None) -> bool:
    """Writes a record if it belongs to the export; whether the partition is finished by it."""
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        if recoverable(error):
            return False
        raise KafkaInputError(f"{'Kafka' if copy is None else copy.channel}: {describe(error)}")
    if copy is None or copy.done:
        return False
    offset = message.offset() or 0
    if error is None and offset < copy.end:
        copy.writer.write(message)
        offset += 1
        copy.next = offset
    copy.done = offset >= copy.end
    return copy.done
