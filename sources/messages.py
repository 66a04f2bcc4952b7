"""From what a Kafka partition holds to records of its log: the one reading that live running and the replay of an export share.

Log time is the record's timestamp (ms, here µs), made monotone within the partition: the greater of its own and the greatest before it.
The broker stamps it at the time of append. A topic whose producers stamp (`CreateTime`) gives a weaker guarantee: a timestamp later than
the clock moves no time, and a record stamped before what its partition's watermark had reached meanwhile is applied at that watermark, so
that another reading of the same topic may place such records elsewhere. A record without a timestamp, or with one before 1970, is rejected.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol, TypeAlias

from schemas.record import FeedWatermark, Headers, Record, headers_of
from schemas.wire import BINARY_MODE, MAX_BYTES, Rejected, decode, event_of, micros
from sources.batch import BEGINNING, Refusal
from sources.watermarks import WatermarkSampler

Item: TypeAlias = Record | Refusal | FeedWatermark

BARRIER = b"orderwatch.barrier"
"""The key of a tombstone that is a barrier (`sources.kafka.barriers`). Stored data: it must not change."""

NO_TIMESTAMP, CREATE_TIME, LOG_APPEND_TIME = 0, 1, 2
"""Kinds of timestamps, as the client library numbers them."""
TIMESTAMP_TYPES = {"CreateTime": CREATE_TIME, "LogAppendTime": LOG_APPEND_TIME}
"""Values of the topic setting `message.timestamp.type`."""
MS = 1_000


class Message(Protocol):
    """One record of a partition, as the client library hands it out. Its length is that of its value."""

    def offset(self) -> int | None:
        """Its place in the partition."""
        ...

    def timestamp(self) -> tuple[int, int]:
        """The kind of timestamp, and ms since the epoch."""
        ...

    def key(self) -> bytes | None:
        """The key."""
        ...

    def value(self) -> bytes | None:
        """The value; None in a tombstone. Raises Rejected where it cannot be had."""
        ...

    def headers(self) -> Sequence[tuple[str, bytes | None]] | None:
        """The headers, in their order; raises UnicodeDecodeError if the name of one is not UTF-8. See `schemas.record.headers_of`."""
        ...

    def __len__(self) -> int: ...


class Unreadable:
    """Stands for a record that the client library cannot hand out: its batch is larger, once unpacked, than the client takes."""

    __slots__ = ("_offset",)

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def offset(self) -> int:
        """Its place in the partition."""
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        """Not known: it takes the log time of the record before it."""
        return NO_TIMESTAMP, -1

    def key(self) -> None:
        """Not known."""

    def value(self) -> bytes | None:
        """Not known. Raises Rejected."""
        raise Rejected("too_large", "the record cannot be unpacked; nothing of it but its place is known")

    def headers(self) -> None:
        """Not known."""

    def __len__(self) -> int:
        return 0


class StampError(Exception):
    """A record whose timestamp is not the broker's stands where only such are allowed; the message is one line."""


def is_barrier(message: Message) -> bool:
    """Whether a record is a barrier: empty, with the key of one. What cannot be read is none."""
    try:
        return message.key() == BARRIER and message.value() is None and not headers_of(message)
    except Rejected:
        return False


class PartitionLog:
    """Reads one partition's records in the order of their offsets.

    A record without a value, a tombstone, says nothing about an order: it is counted and left out, unless it is a CloudEvent in binary
    mode, whose data may be empty. Log time reaches its stamp all the same, that of a barrier included. `create_time`: timestamps of
    producers are allowed.
    """

    __slots__ = ("barriers", "create_time", "greatest", "late", "partition", "refused", "sampler", "tombstones", "topic")

    def __init__(self, topic: str, partition: int, *, create_time: bool, sampler: WatermarkSampler | None = None) -> None:
        self.topic = topic
        self.partition = partition
        self.create_time = create_time
        self.sampler = sampler
        self.greatest = BEGINNING
        """The greatest log time so far, µs; BEGINNING before the first record."""
        self.tombstones = 0
        """Of others than the engine: barriers are counted apart."""
        self.barriers = 0
        self.refused = 0
        self.late = 0
        """Late records: read after the announced watermark had passed them, and given it as their log time."""

    def read(self, messages: Sequence[Message], *, announced: int, latest: int) -> list[Item]:
        """The records, refusals and watermarks of some messages, sorted by position.

        `announced` (µs) is the watermark that others know of; nothing comes before it. `latest` (µs) is a clock reading: of producers'
        timestamps, those after it are absurd.

        Raises:
            StampError: if a record is not stamped by the broker and must be.
        """
        items: list[Item] = []
        append, intern = items.append, sys.intern
        topic, partition, create_time, sampler = self.topic, self.partition, self.create_time, self.sampler
        greatest = self.greatest
        floor = max(greatest, announced)
        for message in messages:
            kind, stamp = message.timestamp()
            log = stamp * MS
            if kind != LOG_APPEND_TIME:
                if kind == CREATE_TIME and not create_time:
                    raise StampError(self._stamp_words(message))
                if kind != CREATE_TIME or log < 0 or log > latest:
                    log = floor = max(floor, 0)
            if log < floor:
                if log < announced and greatest < announced:
                    self.late += 1
                    greatest = max(greatest, log)
                log = floor
            else:
                greatest = floor = log
            offset = message.offset() or 0
            value: bytes | None = None
            headers: Headers = ()
            try:
                # Whatever a producer decides about is read in here.
                value = message.value()
                headers = headers_of(message)
                if value is None and not any(name == BINARY_MODE for name, _ in headers):
                    self._count_empty(message)
                    continue
                if stamp < 0 or kind == NO_TIMESTAMP:
                    raise Rejected("bad_time", "the record has no timestamp, or one before 1970")
                event = event_of(headers, value or b"") if headers else decode(value or b"")
            except Rejected as why:
                self.refused += 1
                raw = value or b""
                kept = raw[:MAX_BYTES]
                digest = sha256(raw).digest() if len(raw) > MAX_BYTES else b""
                key = message.key()
                append(Refusal(log, topic, partition, offset, 0, why.reason, why.detail, kept, len(raw), key, headers, digest))
                continue
            # Interned: an order's identifier then stands in memory once, in however many events and ties it occurs.
            order = intern(event.subject or "")
            record = Record(log, topic, partition, offset, 0, micros(event.time), order, event, value or b"", message.key(), headers)
            append(record)
            if sampler is not None:
                feed_watermark = sampler.sample(record)
                if feed_watermark is not None:
                    append(feed_watermark)
        self.greatest = greatest
        return items

    def _count_empty(self, message: Message) -> None:
        if is_barrier(message):
            self.barriers += 1
        else:
            self.tombstones += 1

    def log_of(self, message: Message, *, announced: int, latest: int) -> int:
        """The log time (µs) that a message would be given if it were read next."""
        kind, stamp = message.timestamp()
        log = stamp * MS
        floor = max(self.greatest, announced)
        if kind != LOG_APPEND_TIME and (kind != CREATE_TIME or log < 0 or log > latest):
            return max(floor, 0)
        return max(floor, log)

    def until(self, messages: Sequence[Message], last: int, *, announced: int, latest: int) -> int:
        """How many of the messages have a log time of at most `last` (µs)."""
        if max(self.greatest, announced) > last:
            return 0
        for count, message in enumerate(messages):
            if self.log_of(message, announced=announced, latest=latest) > last:
                return count
        return len(messages)

    def _stamp_words(self, message: Message) -> str:
        place = f"topic {self.topic}, partition {self.partition}, offset {message.offset()}"
        return (
            f"{place}: stamped by its producer (message.timestamp.type=CreateTime), not by the broker; set the topic to LogAppendTime,"
            " or allow_create_time for the weaker guarantee"
        )
