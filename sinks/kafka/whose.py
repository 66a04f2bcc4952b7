"""Whether topics hold output records already, and whose: every record that an engine writes carries the UUID of its state."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from schemas.record import headers_of
from schemas.wire import Rejected
from sinks.kafka.errors import KafkaOutputError, is_final, kafka_error
from sinks.kafka.reading import CLIENT_LOG, OutputAdmin, offsets, reader, records
from sinks.kafka.records import STATE

PATIENCE: Final = 30.0
"""Seconds for which errors that may pass are borne."""
PAUSE: Final = 0.2
FIRST: Final = 64
"""How many offsets are looked at first, from the end of a partition."""
GROWTH: Final = 16
"""By how much more each further look takes in, where others than engines have written."""


class Stands(NamedTuple):
    """An output record, where it stands, and the UUID of the state that said it."""

    topic: str
    partition: int
    offset: int
    state: str


def find_output(client: Mapping[str, object], topics: Mapping[str, int], own: str) -> Stands | None:
    """A committed output record of another state than `own` in some topics (name to count of partitions); None if none of them holds one.

    Each partition is looked at from its end; what others than engines have written there is passed over. Raises `KafkaOutputError`.
    """
    parts = [TopicPartition(topic, number) for topic, count in topics.items() for number in range(count)]
    give_up = time.monotonic() + PATIENCE
    while True:
        # One that knows an old leader goes on asking it ("Leader epoch is older than broker epoch"): each try has a client of its own.
        admin = OutputAdmin(client)
        try:
            return _find(client, admin, parts, own.encode())
        except KafkaException as exception:
            error = kafka_error(exception)
            # Of a topic that was made just now not every broker knows.
            if is_final(error) or time.monotonic() > give_up:
                names = ", ".join(sorted(topics))
                raise KafkaOutputError(f"whether {names} hold output of another state cannot be found out: {error.str()}") from exception
            time.sleep(PAUSE)


def _find(client: Mapping[str, object], admin: OutputAdmin, parts: Sequence[TopicPartition], own: bytes) -> Stands | None:
    firsts = offsets(admin, parts, OffsetSpec.earliest(), committed=True)
    ends = offsets(admin, parts, OffsetSpec.latest(), committed=True)
    filled = [(part, first, end) for part, first, end in zip(parts, firsts, ends, strict=True) if first < end]
    if not filled:
        return None
    consumer = reader(client, logger=CLIENT_LOG)
    try:
        return next((found for part, first, end in filled if (found := _last(consumer, part, (first, end), own)) is not None), None)
    finally:
        consumer.close()


def _last(consumer: Consumer, part: TopicPartition, reach: tuple[int, int], own: bytes) -> Stands | None:
    (first, end), span = reach, FIRST
    while end > first:
        start = max(first, end - span)
        found: Stands | None = None
        for message in records(consumer, part, start, end):
            try:
                state = dict(headers_of(message)).get(STATE)
            except Rejected:
                continue
            if state is not None and state != own:
                found = Stands(part.topic, part.partition, message.offset() or 0, state.decode(errors="replace"))
        if found is not None:
            return found
        end, span = start, span * GROWTH
    return None
