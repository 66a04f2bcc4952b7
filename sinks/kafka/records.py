"""An output record as a Kafka record.

Output records are CloudEvents in structured mode under the order ID. A reject is the original record, its key, value and headers untouched
and in their order, with Kafka Connect's headers behind them: names, and values as UTF-8 text, as in `DeadLetterQueueReporter` of Apache
Kafka's connect-runtime. Behind everything stand our own: the state, shard and number by which a resumed engine knows what it has said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple, TypeAlias, cast

import orjson
from confluent_kafka import Message

from schemas.output import OutputRecord
from schemas.record import Headers, headers_of
from schemas.topics import REJECTS
from schemas.wire import REASONS, Rejected
from sinks.kafka.readback import ReadBackRecord
from sinks.rejected import UNKNOWN, Reject

CONTENT_TYPE = ("content-type", b"application/cloudevents+json")
STATE, SHARD, NUMBER = "ow-state", "ow-shard", "ow-number"
CUT = "ow-cut"
"""On a reject that is not whole: what of the original was cut, in JSON; see `sinks.kafka.cut`."""
OWN = "ow-"
"""How the names of our own headers begin."""
REPLAYED_FROM = "ow-replayed-from"
"""On a record that was fed back: `topic/partition/offset` of the original."""
ERRORS = "__connect.errors."
TOPIC, PARTITION, OFFSET = f"{ERRORS}topic", f"{ERRORS}partition", f"{ERRORS}offset"
CONNECTOR, TASK, STAGE, CLASS = f"{ERRORS}connector.name", f"{ERRORS}task.id", f"{ERRORS}stage", f"{ERRORS}class.name"
EXCEPTION, MESSAGE = f"{ERRORS}exception.class.name", f"{ERRORS}exception.message"
"""The last of Connect's, `exception.stacktrace`, is left out: an output record on a record has none."""
FOREIGN = "not_a_reject"
"""The reason that is told of a record in the topic of rejects that says none."""
_HEX = re.compile(r"(?:[0-9a-f]{2})+")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
DECODING, JUDGING = "VALUE_CONVERTER", "TASK_PUT"
"""Connect's names of the stages: turning bytes into a record, and working on it."""


Header: TypeAlias = tuple[str, bytes | None]


class Outgoing(NamedTuple):
    """A record to be produced."""

    key: bytes | None
    value: bytes | None
    headers: list[Header]
    added: int = 0
    """How many of the headers, at the end, are not the original's."""


def partition_key(topic: str, output: OutputRecord) -> bytes:
    """What decides about the partition: the order ID (of an incident: its subject); of a reject the original key, else where it stood."""
    if topic != REJECTS:
        return output.order.encode()
    if output.record_key is not None:
        return output.record_key
    return "/".join(_place(output.data)).encode()


def outgoing(topic: str, output: OutputRecord, state: bytes) -> Outgoing:
    """The record of an output record; `state` is the UUID of the state directory."""
    own: list[Header] = [
        (STATE, state),
        (SHARD, output.shard.encode()),
        (NUMBER, b"%d" % output.number),
    ]
    if topic != REJECTS:
        return Outgoing(output.order.encode(), output.body, [CONTENT_TYPE, *own], 1 + len(own))
    added = [*_errors(output), *_cut_before(output), *own]
    return Outgoing(output.record_key, output.body, [*output.headers, *added], len(added))


def _cut_before(output: OutputRecord) -> list[Header]:
    """What the source has left out of the value, which it reads up to a size only."""
    size, digest = output.data.get("size"), output.data.get("sha256")
    if size is None:
        return []
    return [(CUT, orjson.dumps({"value": {"bytes": size, "kept": len(output.body), "sha256": digest}}))]


def _place(data: Mapping[str, object]) -> tuple[str, str, str]:
    return str(data.get("topic", "")), str(data.get("partition", UNKNOWN)), str(data.get("offset", UNKNOWN))


def _errors(output: OutputRecord) -> list[Header]:
    topic, partition, offset = _place(output.data)
    reason = str(output.data.get("reason", ""))
    named = (
        (TOPIC, topic),
        (PARTITION, partition),
        (OFFSET, offset),
        (CONNECTOR, "orderwatch"),
        (TASK, "0"),
        (STAGE, DECODING if reason in REASONS else JUDGING),
        (CLASS, "orderwatch"),
        (EXCEPTION, reason),
        (MESSAGE, str(output.data.get("detail", ""))),
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


def entry(message: Message, state: bytes) -> tuple[str, ReadBackRecord] | None:
    """What a record that was read back says of a shard; None if it is not of this state."""
    try:
        headers = list(headers_of(message))
    except Rejected:
        return None  # nothing of ours: our own names are UTF-8
    own = dict(headers)  # of a repeated name the last counts, and ours stand last
    if own.get(STATE) != state:
        return None
    # Whoever may write to the topic may have written this.
    shard, number, offset = _text(own.get(SHARD)), _whole(_text(own.get(NUMBER))), message.offset()
    if not shard or number == UNKNOWN or offset is None:
        return None
    known = cut_of(headers).get("fingerprint")
    whole = bytes.fromhex(known) if isinstance(known, str) and _HEX.fullmatch(known) else None
    return shard, ReadBackRecord(number, whole or fingerprint(Outgoing(message.key(), message.value(), headers)), offset)


def cut_of(headers: Sequence[Header]) -> dict[str, object]:
    """What a record says of what it lacks; empty if nothing, or if it cannot be read.

    It counts in its place only, right before the three that name shard and number: an original may have a header of that name as well.
    """
    name, value = headers[-4] if len(headers) > 3 else ("", None)
    try:
        recorded: object = orjson.loads(value or b"{}") if name == CUT else {}
    except orjson.JSONDecodeError:
        return {}
    return cast("dict[str, object]", recorded) if isinstance(recorded, dict) else {}


def reject_of(message: Message) -> Reject:
    """The original of a record of the topic of rejects, without what was added to it, and why and where it was rejected.

    What others have written there is told as far as it can be read, under the reason `FOREIGN`.
    """
    try:
        headers = headers_of(message)
    except Rejected as why:
        return Reject("", UNKNOWN, UNKNOWN, FOREIGN, why.detail, message.value(), message.key())
    recorded = {name: (value or b"").decode(errors="replace") for name, value in headers if name.startswith(ERRORS)}
    return Reject(
        recorded.get(TOPIC, ""),
        _whole(recorded.get(PARTITION)),
        _whole(recorded.get(OFFSET)),
        recorded.get(EXCEPTION, "") or FOREIGN,
        recorded.get(MESSAGE, ""),
        message.value(),
        message.key(),
        original(headers),
        {name: part for name, part in cut_of(headers).items() if name != "fingerprint"},
    )


def original(headers: Iterable[Header]) -> Headers:
    """Headers without those that Connect and we add."""
    return tuple(header for header in headers if not header[0].startswith((ERRORS, OWN)))


def _whole(text: str | None) -> int:
    return int(text) if text is not None and _WHOLE.fullmatch(text) else UNKNOWN


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
