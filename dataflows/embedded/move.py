"""An embedded installation becomes one on Kafka: its output logs become topics, and state and dispatch go on behind them.

The input stays where it is: the state has read all of it, and the topics of events begin with what comes next. Nothing is judged again,
since positions in the logs have names of their own; nothing is carried out again, since dispatch goes on behind what the topics hold.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, cast

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from dataflows.errors import MisuseError, RunError
from dataflows.runtime.state.directory import note_begins
from schemas.embedded import input_folder
from schemas.output import OutputRecord
from schemas.segments import POSITION, LogLine, PositionReader
from schemas.topics import REJECTS
from sinks.embedded.sink import read_all
from sinks.kafka.murmur import partition_of
from sinks.kafka.records import Outgoing, outgoing, partition_key
from sinks.kafka.sink import OutputTopic, part_name
from sinks.kafka.whose import find_output
from sinks.rejected import parse
from sources.kafka.partition import channel_of

PATIENCE: Final = 300.0
LOG_APPEND_TIME: Final = 2
MS: Final = 1_000


class _Loading:
    """What brokers have said of the records so far."""

    def __init__(self) -> None:
        self.ends: dict[tuple[str, int], int] = {}
        self.latest = 0
        self.failure = ""

    def delivered(self, error: KafkaError | None, message: Message) -> None:
        """A record is there, or will not be."""
        if error is not None:
            self.failure = self.failure or error.str()
            return
        place = (message.topic() or "", message.partition() or 0)
        self.ends[place] = max(self.ends.get(place, 0), (message.offset() or 0) + 1)
        kind, stamp = message.timestamp()
        if kind == LOG_APPEND_TIME:
            self.latest = max(self.latest, stamp * MS)


def move_outputs(data: Path, state: Path, uuid: str, client: Mapping[str, object], topics: Mapping[str, OutputTopic]) -> dict[str, int]:
    """Writes all output records into topics, and notes in the state where it goes on; returns how many, by what they are.

    `topics` are those that the engine will write, made and empty of output. Nothing else may run over `data` and `state`.

    Raises:
        MisuseError: if there is output in the topics already, as of a move that broke off; or if the brokers' clocks are behind.
        RunError: if the brokers do not take the records; nothing is noted then.
    """
    counts = {topic.name: topic.partitions for topic in topics.values()}
    if (found := find_output(client, counts, "")) is not None:
        raise MisuseError(
            f"topic {found.topic} holds output already, as of a move that broke off: delete {', '.join(sorted(counts))}, and move again"
        )
    loading, moved = _Loading(), dict.fromkeys(topics, 0)
    producer = Producer({**client, "enable.idempotence": True, "acks": "all", "linger.ms": 5, "compression.type": "lz4"})
    try:
        for kind, lines in read_all(data).items():
            for line in lines:
                _produce(producer, topics[kind], kind, line, uuid, loading)
                moved[kind] += 1
        left = producer.flush(PATIENCE)
    except KafkaException as error:
        raise RunError(f"the output cannot be written to Kafka: {error}") from error
    if left or loading.failure:
        raise RunError(f"the output cannot be written to Kafka: {loading.failure or 'the brokers do not answer'}")
    if loading.latest and loading.latest <= (read := _time(data)):
        raise MisuseError(
            f"the brokers' clocks are {(read - loading.latest) / 1e6:.1f} s behind the log: delete {', '.join(sorted(counts))}, and move"
            " again once they are not"
        )
    begins = {part_name(kind, n): loading.ends.get((topic.name, n), 0) for kind, topic in topics.items() for n in range(topic.partitions)}
    note_begins(state, begins)
    _note_dispatch(state / "dispatch" / "journal.sqlite3", loading.ends)
    return moved


def _produce(producer: Producer, topic: OutputTopic, kind: str, line: LogLine, uuid: str, loading: _Loading) -> None:
    output = _output(kind, line)
    record: Outgoing = outgoing(kind, output, uuid.encode())
    partition = partition_of(partition_key(kind, output), topic.partitions)
    while True:
        try:
            producer.produce(
                topic.name,
                record.value,
                record.key,
                partition,
                headers=record.headers,  # type: ignore[arg-type]  # None is a value that a header may have
                on_delivery=loading.delivered,
            )
            producer.poll(0)
            return
        except BufferError:
            producer.poll(0.1)


def _output(kind: str, line: LogLine) -> OutputRecord:
    """A record of a log as the engine had said it."""
    if kind != REJECTS:
        event = cast("dict[str, object]", json.loads(line.content))
        return OutputRecord(0, line.key, kind, str(event["type"]), "", line.content, shard=line.shard, number=line.number)
    reject = parse(line.content)
    return OutputRecord(
        0,
        "",
        kind,
        "reject",
        "",
        reject.value or b"",
        reject.reason,
        data=reject.fields,
        shard=line.shard,
        number=line.number,
        record_key=reject.key,
        headers=reject.headers,
    )


def _time(data: Path) -> int:
    """The time that the input log has come to."""
    with closing(PositionReader(input_folder(data) / POSITION)) as reader:
        position = reader.read()
    return 0 if position is None else position.time


def _note_dispatch(journal: Path, ends: Mapping[tuple[str, int], int]) -> None:
    """Has dispatch go on behind the records, which it has read in the logs."""
    if not journal.exists():
        return
    with closing(sqlite3.connect(journal)) as db, db:
        rows = [(channel_of(topic, partition), end) for (topic, partition), end in ends.items()]
        db.executemany("INSERT OR REPLACE INTO offsets VALUES (?, ?)", rows)
