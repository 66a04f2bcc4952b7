"""Contract events from files into a topic.

Guarantee: every line that is an event is appended, in order within its partition, and `load` returns once the replicas in sync have
acknowledged all of them. If it breaks off, what was appended stays; loading the same files again adds nothing, since the engine drops what
it knows. Lines that are no event are never appended: they are handed back with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.aliases import aliases
from schemas.wire import MAX_BYTES, Event, Rejected, decode
from sources.exports import is_export
from sources.kafka.broker import DEFAULTS, describe, recoverable
from sources.kafka.settings import KafkaInputError, NoResponseError
from sources.lines import FileLines, UnreadableSourceError

LARGEST_RECORD: Final = MAX_BYTES + 4_096
"""What the client lets pass (bytes): the topic's max.message.bytes decides."""
HEADERS: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
GIVE_UP_S: Final = 60.0
"""How long a record may wait for its broker before the load breaks off."""
POLL_S: Final = 0.1


class RefusedLine(NamedTuple):
    """A line that is no event: where it stands (`line` counts from 1), why, and the line."""

    path: str
    line: int
    reason: str
    detail: str
    raw: bytes


def key_of(event: Event) -> str:
    """The key of an event's record: the order's ID where it is known, else its first alias, else its source."""
    return event.subject or next((value for _, value in aliases(event)), event.source)


def events_of(path: str, refused: Callable[[RefusedLine], None], on_read: Callable[[int], None]) -> Iterator[tuple[str, bytes]]:
    """The events of a file, or of standard input (`-`), as key and line; `on_read` is told how many bytes of the file were read.

    Raises:
        UnreadableError: if it cannot be read, or holds an export of a topic.
    """
    lines = FileLines(path)
    try:
        if is_export(lines.peek()):
            raise UnreadableSourceError(f"{path}: an export of a topic, which `orderwatch replay` reads; load takes contract events")
        number = 0
        while (chunk := lines.read()) is not None:
            for at, line in enumerate(chunk):
                number += 1
                if not line.strip():
                    continue
                try:
                    if at in lines.sizes:
                        raise Rejected("too_large", f"more than {MAX_BYTES} bytes")
                    event = decode(line)
                except Rejected as why:
                    refused(RefusedLine(path, number, why.reason, why.detail, line))
                else:
                    yield key_of(event), line
            on_read(lines.consumed)
    finally:
        lines.close()


def load(options: Mapping[str, object], topic: str, records: Iterator[tuple[str, bytes]], on_sent: Callable[[int], None]) -> int:
    """Appends records to a topic and waits until all are acknowledged; returns how many. `on_sent` is told now and then.

    Raises:
        NoAnswerError: no broker took a record within `GIVE_UP_S`; how many were acknowledged is said.
        KafkaInputError: the options are unusable, or the topic does not take a record.
        UnreadableError: of the iterator, once what came before it is acknowledged.
    """
    failures: list[KafkaError] = []
    acknowledged = 0

    def delivered(error: KafkaError | None, message: Message) -> None:
        nonlocal acknowledged
        del message
        if error is None:
            acknowledged += 1
        else:
            failures.append(error)

    producer = _producer(options)
    broken: UnreadableSourceError | None = None
    try:
        for key, value in records:
            while not failures:
                try:
                    producer.produce(topic, value, key.encode(), on_delivery=delivered, headers=HEADERS)  # type: ignore[arg-type]
                except BufferError:
                    producer.poll(POLL_S)
                except KafkaException as error:
                    failures.append(_error(error))
                else:
                    break
            if failures:
                break
            producer.poll(0)
            on_sent(acknowledged)
    except UnreadableSourceError as error:
        broken = error
    while not failures and producer.flush(POLL_S):
        on_sent(acknowledged)
    if failures:
        producer.purge()
        producer.flush(0)
        _refuse(failures[0], topic, acknowledged)
    if broken is not None:
        raise UnreadableSourceError(f"{broken}; {_appended(acknowledged)}") from broken
    on_sent(acknowledged)
    return acknowledged


def _appended(count: int) -> str:
    return f"{count:,} events were appended before, and loading them again adds nothing"


def _producer(options: Mapping[str, object]) -> Producer:
    settings = {
        **DEFAULTS,
        "compression.type": "lz4",
        "linger.ms": 20,
        "message.max.bytes": LARGEST_RECORD,
        **options,
        "partitioner": "murmur2_random",  # the partition that Kafka's own clients choose for a key
        "enable.idempotence": True,
        "acks": "all",
        "message.timeout.ms": int(GIVE_UP_S * 1_000),
    }
    try:
        return Producer(settings)
    except (KafkaException, ValueError, TypeError) as error:
        raise KafkaInputError(f"Kafka options: {describe(error)}") from error


def _error(exception: KafkaException) -> KafkaError:
    error = exception.args[0]
    return error if isinstance(error, KafkaError) else KafkaError(KafkaError._FAIL, describe(exception))


def _refuse(error: KafkaError, topic: str, acknowledged: int) -> None:
    said = f"topic {topic}: {describe(error)}; {_appended(acknowledged)}"
    passing = recoverable(error) or error.code() == KafkaError._MSG_TIMED_OUT
    raise (NoResponseError if passing else KafkaInputError)(said) from KafkaException(error)
