"""What the engine wrote, beside what one undisturbed replay of the same records writes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from tests.support.replays import command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from confluent_kafka import Message

JUDGED = ("exceptions", "actions", "incidents")
"""What is compared byte for byte; rejects by the place of the record that was rejected."""
PLACE = ("__connect.errors.topic", "__connect.errors.partition", "__connect.errors.offset")


@dataclass
class Comparison:
    """Output records by output: how many a replay gives, and which of those that the engine wrote are not as they should be."""

    expected: Counter[str] = field(default_factory=Counter[str])
    lost: list[str] = field(default_factory=list[str])
    duplicated: list[str] = field(default_factory=list[str])
    foreign: list[str] = field(default_factory=list[str])
    different: list[str] = field(default_factory=list[str])
    disordered: list[str] = field(default_factory=list[str])
    kinds: Counter[str] = field(default_factory=Counter[str])

    @property
    def equal(self) -> bool:
        """Nothing lost, nothing twice, nothing else, all in order."""
        return not (self.lost or self.duplicated or self.foreign or self.different or self.disordered)


def read_all(bootstrap: str, topic: str) -> list[Message]:
    """Every committed record of a topic, partition by partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "comparer",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    try:
        partitions = sorted(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
        messages: list[Message] = []
        ended: set[int | None] = set()
        while len(ended) < len(partitions):
            for message in consumer.consume(1000, 0.5):
                error = message.error()
                if error is None:
                    messages.append(message)
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    ended.add(message.partition())
        return sorted(messages, key=lambda message: (message.partition() or 0, message.offset() or 0))
    finally:
        consumer.close()


def replay(bootstrap: str, topics: Sequence[str], policy: Path, until: str, home: Path) -> Path:
    """Exports topics and replays the export undisturbed; returns the folder of what came out."""
    exported = command(
        "export", "--brokers", bootstrap, *(part for topic in topics for part in ("--topic", topic)), "--out", home / "export"
    )
    assert exported.returncode == 0, exported.stderr
    files = sorted((home / "export").iterdir())
    replayed = command("replay", *files, "--policy", policy, "--until", until, "--out", home / "replay")
    assert replayed.returncode == 0, replayed.stderr
    return home / "replay"


def compare(bootstrap: str, outputs: Mapping[str, str], replayed: Path) -> Comparison:
    """Holds the engine's topics (by what they are for) against a replay's files."""
    found = Comparison()
    for output in JUDGED:
        expected = {identity(line): line for line in (replayed / f"{output}.jsonl").read_bytes().splitlines()}
        written = [bytes(message.value() or b"") for message in read_all(bootstrap, outputs[output])]
        found.expected[output] = len(expected)
        _match(found, output, expected, written)
    for line in (replayed / "exceptions.jsonl").read_bytes().splitlines():
        event = json.loads(line)
        found.kinds[f"{event['data']['kind']} {event['type'].partition('.')[2]}"] += 1
    places = Counter(_place(message) for message in read_all(bootstrap, outputs["rejects"]))
    rejected = {_rejected(line) for line in (replayed / "rejects.jsonl").read_bytes().splitlines()}
    found.expected["rejects"] = len(rejected)
    found.lost += [f"rejects {place}" for place in rejected - places.keys()]
    found.foreign += [f"rejects {place}" for place in places.keys() - rejected]
    found.duplicated += [f"rejects {place}" for place, count in places.items() if count > 1]
    return found


def _match(found: Comparison, output: str, expected: Mapping[str, bytes], written: list[bytes]) -> None:
    seen: dict[str, bytes] = {}
    latest: dict[str, int] = {}
    for body in written:
        name = identity(body)
        if name in seen:
            found.duplicated.append(f"{output} {name}")
        seen[name] = body
        subject, _, sequence = name.rpartition(":")
        if sequence.isdecimal():
            if int(sequence) != latest.get(subject, 0) + 1:
                found.disordered.append(f"{output} {name}")
            latest[subject] = int(sequence)
    found.lost += [f"{output} {name}" for name in expected.keys() - seen.keys()]
    found.foreign += [f"{output} {name}" for name in seen.keys() - expected.keys()]
    found.different += [f"{output} {name}" for name in expected.keys() & seen.keys() if expected[name] != seen[name]]


def identity(body: bytes) -> str:
    """The `id` of an event."""
    return str(json.loads(body)["id"])


def _place(message: Message) -> tuple[str, ...]:
    headers = {name: bytes(value or b"") for name, value in message.headers() or []}
    return tuple(headers[name].decode() for name in PLACE)


def _rejected(line: bytes) -> tuple[str, ...]:
    record = json.loads(line)
    return tuple(str(record[name]) for name in ("topic", "partition", "offset"))
