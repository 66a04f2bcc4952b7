"""The topic of rejects, read; and rejected records fed back to where they came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from sinks.kafka.errors import KafkaOutputError, kafka_error, output_error
from sinks.kafka.murmur import partition_of
from sinks.kafka.reading import BRIEF, TIMEOUT, reader, records
from sinks.kafka.records import REPLAYED_FROM, original, reject_of
from sinks.kafka.writer import LARGEST_RECORD
from sinks.rejected import Reject

QUIET: Final = {"log_level": 2}
"""What fails here is told in one line of our own, so the client library keeps silent short of a catastrophe."""
WAIT: Final = 0.1


class Found(NamedTuple):
    """A reject, and where it stands in the topic of rejects."""

    partition: int
    offset: int
    reject: Reject


class RejectReplay(NamedTuple):
    """A record to be fed back: a reject, mended or not, and the topic that it goes to."""

    reject: Reject
    topic: str


def partitions_of(client: Mapping[str, object]) -> dict[str, int]:
    """How many partitions each topic has. Raises `KafkaOutputError` if no broker answers."""
    consumer = reader({**QUIET, **client})
    try:
        topics = consumer.list_topics(timeout=BRIEF).topics  # of all, since to ask for one by name may create it
    except KafkaException as exception:
        raise KafkaOutputError(f"no broker answers at {client.get('bootstrap.servers')} ({kafka_error(exception).name()})") from exception
    finally:
        consumer.close()
    return {name: len(topic.partitions) for name, topic in topics.items()}


def read_rejects(client: Mapping[str, object], topic: str, partitions: int) -> Iterator[Found]:
    """All rejects that stand in the topic now, partition by partition, in order. Raises `KafkaOutputError`."""
    consumer = reader({**QUIET, **client})
    try:
        for partition in range(partitions):
            part = TopicPartition(topic, partition)
            # Of a consumer that reads what is committed, the end is that of what is committed.
            start, end = consumer.get_watermark_offsets(part, timeout=TIMEOUT)
            if start >= end:
                continue
            for message in records(consumer, part, start, end):
                if (offset := message.offset() or 0) < end:
                    yield Found(partition, offset, reject_of(message))
    except KafkaException as exception:
        raise output_error(topic, kafka_error(exception)) from exception
    finally:
        consumer.close()


def read_reject(client: Mapping[str, object], topic: str, partition: int, offset: int) -> Reject | None:
    """The reject at one place of the topic; None if it is not there any more. Raises `KafkaOutputError`."""
    consumer = reader({**QUIET, **client})
    part = TopicPartition(topic, partition)
    try:
        start, end = consumer.get_watermark_offsets(part, timeout=BRIEF)
        if not start <= offset < end:
            return None
        found = next(records(consumer, part, offset, offset + 1), None)
        return None if found is None or found.offset() != offset else reject_of(found)
    except KafkaException as exception:
        raise output_error(topic, kafka_error(exception)) from exception
    finally:
        consumer.close()


def feed_back(client: Mapping[str, object], deliveries: Iterable[RejectReplay], partitions: Mapping[str, int]) -> int:
    """Produces records with their original keys and headers, and one more that says where the original stood. Returns how many.

    A record goes to the partition that it came from, where the topic is the same and has it, else by key as Kafka's clients choose. It may
    be sent twice if this is interrupted and done again; the engine counts an event once. Raises `KafkaOutputError`: some may be sent then.
    """
    producer = Producer(
        {
            **QUIET,
            "compression.type": "lz4",
            "linger.ms": 5,
            "message.max.bytes": LARGEST_RECORD,
            **client,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
        }
    )
    failures: list[KafkaError] = []
    sent = 0

    def delivered(error: KafkaError | None, message: Message) -> None:
        nonlocal sent
        del message
        if error is None:
            sent += 1
        else:
            failures.append(error)

    for reject, topic in deliveries:
        headers = [*original(reject.headers), (REPLAYED_FROM, reject.place.encode())]
        partition = _partition(reject, topic, partitions.get(topic, 0))
        while True:
            try:
                producer.produce(topic, reject.value, reject.key, partition, on_delivery=delivered, headers=headers)  # type: ignore[arg-type]
                break
            except BufferError:
                producer.poll(WAIT)
            except KafkaException as exception:
                failures.append(kafka_error(exception))
                break
        producer.poll(0)
        if failures:
            break
    producer.flush(TIMEOUT)
    if failures:
        raise KafkaOutputError(f"{output_error('feeding back', failures[0])}; {sent} were sent")
    if len(producer):
        raise KafkaOutputError(f"feeding back: the broker does not answer; {sent} were sent")
    return sent


def _partition(reject: Reject, topic: str, partitions: int) -> int:
    if topic == reject.topic and 0 <= reject.partition < partitions:
        return reject.partition
    if reject.key is None or not partitions:
        return -1
    return partition_of(reject.key, partitions)
