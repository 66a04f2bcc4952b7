"""A verdict as a Kafka record.

Verdicts are CloudEvents in structured mode under the order ID. A reject is the original record, its key, value and headers untouched and in
their order, with Kafka Connect's headers behind them: names, and values as UTF-8 text, as in `DeadLetterQueueReporter` of Apache Kafka's
connect-runtime. Behind everything stand our own: the state, shard and number by which a resumed engine knows what it has said.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from schemas.wire import REASONS
from sinks.base import REJECTS
from sinks.kafka.readback import Entry
from sinks.rejected import UNKNOWN, Reject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from confluent_kafka import Message

    from schemas.record import Headers
    from sinks.base import Verdict

CONTENT_TYPE = ("content-type", b"application/cloudevents+json")
STATE, SHARD, NUMBER = "ow-state", "ow-shard", "ow-number"
OWN = "ow-"
"""How the names of our own headers begin."""
REPLAYED_FROM = "ow-replayed-from"
"""On a record that was fed back: `topic/partition/offset` of the original."""
ERRORS = "__connect.errors."
TOPIC, PARTITION, OFFSET = f"{ERRORS}topic", f"{ERRORS}partition", f"{ERRORS}offset"
CONNECTOR, TASK, STAGE, CLASS = f"{ERRORS}connector.name", f"{ERRORS}task.id", f"{ERRORS}stage", f"{ERRORS}class.name"
EXCEPTION, MESSAGE = f"{ERRORS}exception.class.name", f"{ERRORS}exception.message"
"""The last of Connect's, `exception.stacktrace`, is left out: a verdict on a record has none."""
DECODING, JUDGING = "VALUE_CONVERTER", "TASK_PUT"
"""Connect's names of the stages: turning bytes into a record, and working on it."""


class Outgoing(NamedTuple):
    """A record to be produced."""

    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes | None]]


def partition_key(topic: str, verdict: Verdict) -> bytes:
    """What decides about the partition: the order ID (of an incident: its subject); of a reject the original key, else where it stood."""
    if topic != REJECTS:
        return verdict.order.encode()
    if verdict.record_key is not None:
        return verdict.record_key
    return "/".join(_place(verdict.data)).encode()


def outgoing(topic: str, verdict: Verdict, state: bytes) -> Outgoing:
    """The record of a verdict; `state` is the UUID of the state directory."""
    own: list[tuple[str, bytes | None]] = [
        (STATE, state),
        (SHARD, verdict.shard.encode()),
        (NUMBER, b"%d" % verdict.number),
    ]
    if topic != REJECTS:
        return Outgoing(verdict.order.encode(), verdict.body, [CONTENT_TYPE, *own])
    return Outgoing(verdict.record_key, verdict.body, [*verdict.headers, *_errors(verdict), *own])


def _place(data: Mapping[str, object]) -> tuple[str, str, str]:
    return str(data.get("topic", "")), str(data.get("partition", UNKNOWN)), str(data.get("offset", UNKNOWN))


def _errors(verdict: Verdict) -> list[tuple[str, bytes | None]]:
    topic, partition, offset = _place(verdict.data)
    reason = str(verdict.data.get("reason", ""))
    named = (
        (TOPIC, topic),
        (PARTITION, partition),
        (OFFSET, offset),
        (CONNECTOR, "orderwatch"),
        (TASK, "0"),
        (STAGE, DECODING if reason in REASONS else JUDGING),
        (CLASS, "orderwatch"),
        (EXCEPTION, reason),
        (MESSAGE, str(verdict.data.get("detail", ""))),
    )
    return [(name, text.encode()) for name, text in named]


def fingerprint(record: Outgoing) -> bytes:
    """The content of a record, apart from where it was said: key, value and the headers that are not ours."""
    digest = blake2b(digest_size=16)
    for part in (record.key, record.value):
        _feed(digest, part)
    for name, value in record.headers:
        if name not in {STATE, SHARD, NUMBER}:
            _feed(digest, name.encode())
            _feed(digest, value)
    return digest.digest()


def _feed(digest: blake2b, part: bytes | None) -> None:
    digest.update(b"-" if part is None else b"%d:" % len(part))
    digest.update(part or b"")


def entry(message: Message, state: bytes) -> tuple[str, Entry] | None:
    """What a record that was read back says of a shard; None if it is not of this state."""
    headers = headers_of(message)
    own = dict(headers)  # of a repeated name the last counts, and ours stand last
    if own.get(STATE) != state:
        return None
    shard, number, offset = own.get(SHARD), own.get(NUMBER), message.offset()
    if shard is None or number is None or offset is None:
        return None
    record = Outgoing(message.key(), message.value() or b"", headers)
    return shard.decode(), Entry(int(number), fingerprint(record), offset)


def headers_of(message: Message) -> list[tuple[str, bytes | None]]:
    """A record's headers, in their order."""
    return [(name, value) for name, value in message.headers() or ()]


def reject_of(message: Message) -> Reject:
    """The original of a record of the topic of rejects, without what was added to it, and why and where it was rejected."""
    headers = headers_of(message)
    said = {name: (value or b"").decode(errors="replace") for name, value in headers if name.startswith(ERRORS)}
    return Reject(
        said.get(TOPIC, ""),
        _whole(said.get(PARTITION)),
        _whole(said.get(OFFSET)),
        said.get(EXCEPTION, ""),
        said.get(MESSAGE, ""),
        message.value(),
        message.key(),
        original(headers),
    )


def original(headers: Iterable[tuple[str, bytes | None]]) -> Headers:
    """Headers without those that Connect and we add."""
    return tuple(header for header in headers if not header[0].startswith((ERRORS, OWN)))


def _whole(text: str | None) -> int:
    return int(text) if text is not None and text.lstrip("-").isdecimal() else UNKNOWN
