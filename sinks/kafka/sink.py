"""Output records to Kafka, each once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from confluent_kafka import TopicPartition

from schemas.output import OutputRecord
from schemas.topics import REJECTS
from sinks.kafka.errors import KafkaOutputError
from sinks.kafka.murmur import partition_of
from sinks.kafka.readback import VERSION, SinkToken, decode
from sinks.kafka.reading import OutputAdmin
from sinks.kafka.records import partition_key
from sinks.kafka.stats import WriterListener, WriterStats
from sinks.kafka.writer import LARGEST_RECORD, Shared, TransactionWriter

PATIENCE: Final = 300.0
"""Seconds for which a broker may be away before the engine gives up and leaves it to its supervisor."""


class OutputTopic(NamedTuple):
    """Where the output records of one kind go. `partitions` is pinned in the state: an order's partition follows from it.

    `limit` is the topic's `max.message.bytes`, where it is known.
    """

    name: str
    partitions: int
    limit: int = LARGEST_RECORD


class _Partition(StatefulSinkPartition["Sequence[OutputRecord]", bytes]):
    def __init__(self, writer: TransactionWriter) -> None:
        self._writer = writer

    def write_batch(self, values: list[Sequence[OutputRecord]]) -> None:
        for outputs in values:
            self._writer.add(outputs)

    def snapshot(self) -> bytes:
        return self._writer.settle()

    def close(self) -> None:
        self._writer.close()


class KafkaSink(FixedPartitionedSink["Sequence[OutputRecord]", bytes]):
    """Writes output records to Kafka topics, at once, in transactions. Items are (name of the part, output records in order).

    Guarantee: read with `read_committed`, every output record stands in its topic exactly once, and those of a shard within a partition in
    the order in which it said them, whatever is killed: a resumed run says again what it said after its last committed epoch, and the sink
    drops what is already there. That needs a flow that is deterministic per shard (state UUID, shard and number name an output record; its
    content is compared as well) and topics that keep their records longer than the engine may be down. If a shard says something else than
    before, its output records are compared by content alone until they are past what was read back: nothing equal stands twice then, but
    what was said before and is not said any more stays; the listener is told, and the log. A writer that was replaced (same state) is
    fenced: nothing that it writes becomes visible any more. A reject that is larger than its topic takes is cut, and says so
    (`sinks.kafka.cut`).

    `begins`: by part, an offset before which stands only what this state had written elsewhere and what was brought here since.

    `client` holds librdkafka's settings (`bootstrap.servers`, security); `state` is the UUID of the state directory and `since` the instant
    (µs, UTC) at which that was made, which spares reading what is older; `listener` is told what happens, on the writers' threads;
    `patience` (seconds) bounds how long errors that may pass are borne. `write_batch` and `snapshot` raise `KafkaOutputError`.
    """

    def __init__(
        self,
        client: Mapping[str, object],
        state: str,
        topics: Mapping[str, OutputTopic],
        *,
        since: int | None = None,
        begins: Mapping[str, int] | None = None,
        listener: WriterListener | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._topics = dict(topics)
        self._begins = begins or {}
        self._parts = sorted(part_name(topic, n) for topic, output in topics.items() for n in range(output.partitions))
        self._index = {name: index for index, name in enumerate(self._parts)}
        self._shared = Shared(dict(client), OutputAdmin(client), state, since, listener or WriterStats(), patience)
        self._place = _placing({topic: output.partitions for topic, output in topics.items()})

    def list_parts(self) -> list[str]:
        """All partitions of all topics, sorted as text."""
        return self._parts

    def part_fn(self, item_key: str) -> int:
        """The index of a part among all, by its name. Raises `KeyError` for a name that `part_of` does not give."""
        return self._index[item_key]

    def part_of(self, topic: str, order: str, record_key: bytes | None = None) -> str:
        """The part of an output record: of a reject by the original's key, of all others by order ID (an incident's subject)."""
        return self._place(topic, record_key if topic == REJECTS and record_key is not None else order.encode())

    def part_for(self, topic: str, output: OutputRecord) -> str:
        """The part of an output record; a reject without key goes by where the original stood."""
        return self._place(topic, partition_key(topic, output))

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> _Partition:
        """Begins to open a partition; what goes wrong in that is raised by the first write."""
        del step_id
        topic, _, number = for_part.partition(":")
        output = self._topics[topic]
        part = TopicPartition(output.name, int(number))
        try:
            token = self._begin(for_part) if resume_state is None else decode(resume_state)
        except ValueError as error:
            raise KafkaOutputError(f"{output.name}[{part.partition}]: {error}") from error
        return _Partition(TransactionWriter(self._shared, topic, part, token, output.limit))

    def _begin(self, part: str) -> SinkToken | None:
        """What a part begins with that no snapshot tells of."""
        return SinkToken(VERSION, self._begins[part], {}, {}) if part in self._begins else None


def _placing(partitions: Mapping[str, int]) -> Callable[[str, bytes], str]:
    """The part of a key, remembered: murmur2 in Python takes some microseconds. Knows no sink, which would never be freed then."""

    @lru_cache(4_096)
    def place(topic: str, key: bytes) -> str:
        return part_name(topic, partition_of(key, partitions[topic]))

    return place


def part_name(topic: str, partition: int) -> str:
    """The name of a part; padded, because Bytewax sorts the names as text."""
    return f"{topic}:{partition:05d}"
