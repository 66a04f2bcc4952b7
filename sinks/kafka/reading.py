"""Reads an output partition back, once, when it is opened."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, cast

import structlog
from confluent_kafka import OFFSET_INVALID, Consumer, IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from schemas.threads import FreedByOwner
from sinks.kafka.errors import BROKE, END_OF_PARTITION, UNPACKABLE
from sinks.kafka.readback import ReadBack
from sinks.kafka.records import entry


class _Answer(Protocol):
    """What the broker answers; the stubs do not say."""

    offset: int


LOG = structlog.get_logger("orderwatch.sinks.kafka")
CLIENT_LOG = logging.getLogger("orderwatch.kafka")
CLOCK_SKEW: Final = 3_600_000
"""How far (ms) the clocks of a producer's host and of the broker may be apart for `since` to be of use; a guess on the safe side."""
TIMEOUT: Final = 30.0
BRIEF: Final = 5.0
BATCH: Final = 2000
WAIT: Final = 0.05
"""Seconds to wait for a full batch; the last one never is."""
SLOW: Final = 10.0
"""After so many seconds without progress the log says what is waited for."""


class OutputAdmin(FreedByOwner, AdminClient):
    """A client for questions about output topics."""

    def __init__(self, client: Mapping[str, object]) -> None:
        super().__init__(dict(client), logger=CLIENT_LOG)


def read_back(
    client: Mapping[str, object],
    admin: OutputAdmin,
    part: TopicPartition,
    recorded: int | None,
    since: int | None,
    state: bytes,
    into: ReadBack,
) -> int:
    """Reads what this state wrote to `part` from the recorded offset on (none: from `since`, µs UTC; none: from the start of the log).

    Call it after `init_transactions`: our own transactions are settled then. Returns the end offset that it read to. Other producers'
    open transactions may hold back ours; they are waited for. Raises `KafkaException`.
    """
    end = _offset(admin, part, OffsetSpec.latest())
    start = _start(admin, part, recorded, since, end)
    if start >= end:
        return end
    consumer = reader(client, logger=CLIENT_LOG)
    try:
        for message in records(consumer, part, start, end):
            if (mine := entry(message, state)) is not None:
                into.add(*mine)
    finally:
        consumer.close()
    return end


def reader(client: Mapping[str, object], **more: Any) -> Consumer:
    """A consumer of what is committed, for `records`."""
    return Consumer(
        {
            **client,
            "group.id": "orderwatch",  # asked for by the client; nothing is committed
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 50,
            "queued.max.messages.kbytes": 16384,
        },
        **more,
    )


def records(consumer: Consumer, part: TopicPartition, start: int, end: int) -> Iterator[Message]:
    """What is committed in a partition, from one offset until it has been read to another. Raises `KafkaException`.

    Left out is what the client cannot unpack, as it is larger than the client takes: of us it is not, but others may write there too.
    """
    consumer.assign([TopicPartition(part.topic, part.partition, start)])
    heard, at = time.monotonic(), start
    while True:
        skipped = False
        for message in consumer.consume(BATCH, WAIT):
            heard = time.monotonic()
            error, offset = message.error(), message.offset() or 0
            if error is None:
                if offset >= end:
                    return
                at = offset + 1
                yield message
                if at >= end:
                    return
            elif error.code() == END_OF_PARTITION:
                if offset >= end:
                    return
            elif error.code() == UNPACKABLE:
                if not skipped:
                    # Told is where the batch begins, and told again and again until the client is sent on.
                    skipped, at = True, max(at, offset) + 1
                    consumer.seek(TopicPartition(part.topic, part.partition, at))
            elif not error.retriable():
                raise KafkaException(error)
        if time.monotonic() - heard > SLOW:
            heard = time.monotonic()
            LOG.warning("waiting for open transactions of other producers", topic=part.topic, partition=part.partition, until=end)


def _start(admin: OutputAdmin, part: TopicPartition, recorded: int | None, since: int | None, end: int) -> int:
    if end == 0:
        return 0
    first = _offset(admin, part, OffsetSpec.earliest())
    if recorded is None:
        if since is None:
            return first
        moment = OffsetSpec.for_timestamp(max(0, since // 1000 - CLOCK_SKEW))  # pyright: ignore[reportUnknownMemberType]
        at = _offset(admin, part, moment)
        return max(first, at) if at >= 0 else end
    if first <= recorded <= end:
        return recorded
    # Shorter than it was: made anew, or data lost. What we said and is gone cannot be said again; what is there is not said twice.
    LOG.error(
        "the topic does not reach the recorded offset", topic=part.topic, partition=part.partition, first=first, end=end, recorded=recorded
    )
    return first


def _offset(admin: OutputAdmin, part: TopicPartition, spec: OffsetSpec) -> int:
    place = TopicPartition(part.topic, part.partition)
    # Not the last stable offset: another producer's open transaction may hold that back before records of ours.
    return offsets(admin, [place], spec, committed=False)[0]


def offsets(admin: OutputAdmin, parts: Sequence[TopicPartition], spec: OffsetSpec, *, committed: bool) -> list[int]:
    """An offset of each partition, as asked for. `committed`: the end is that before any open transaction. Raises `KafkaException`."""
    level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
    answers = admin.list_offsets(dict.fromkeys(parts, spec), isolation_level=level, request_timeout=TIMEOUT)
    found = {(part.topic, part.partition): cast("_Answer", asked.result(TIMEOUT + 5)).offset for part, asked in answers.items()}
    # When the connection breaks while the question is open, the client calls this answer a success.
    if OFFSET_INVALID in found.values():
        raise KafkaException(KafkaError(BROKE, "the connection broke before the answer came"))
    return [found[part.topic, part.partition] for part in parts]


def is_missing(admin: OutputAdmin, part: TopicPartition) -> bool:
    """Whether the broker says that there is no such partition. All topics are asked for: to ask for one by name may create it."""
    try:
        topic = admin.list_topics(timeout=BRIEF).topics.get(part.topic)
    except KafkaException:
        return False  # no broker, no answer
    return topic is None or part.partition not in topic.partitions
