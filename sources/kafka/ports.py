"""What the partitions of a process need of the world outside: the client library, the brokers' answers, the clock, other processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import KafkaError, TopicPartition

from sources.kafka.clock import HostClock
from sources.kafka.ends import End
from sources.kafka.partition import Fetched, PartitionReader


class Fetcher(Protocol):
    """What is used of the client library's consumer."""

    def consume(self, num_messages: int = 1, timeout: float = -1) -> Sequence[Fetched]:
        """The next messages, up to a number."""
        ...

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        """Begins to fetch partitions."""
        ...

    def seek(self, partition: TopicPartition) -> None:
        """Goes on to fetch a partition at another offset; what has been fetched of it and not been consumed is forgotten."""
        ...

    def pause(self, partitions: list[TopicPartition]) -> None:
        """Stops fetching partitions."""
        ...

    def resume(self, partitions: list[TopicPartition]) -> None:
        """Goes on fetching partitions."""
        ...

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float | None = None) -> tuple[int, int]:
        """Where a partition begins and ends."""
        ...

    def close(self) -> None:
        """Lets go of the connections."""
        ...


class Asked(Protocol):
    """Where partitions end, as far as the brokers have said."""

    known: dict[str, End]

    def ask(self, readers: list[PartitionReader]) -> None:
        """Asks, without waiting."""
        ...

    def look(self) -> None:
        """Takes in what was answered."""
        ...


class Prover(Protocol):
    """What has partitions that are silent prove how far they have been read."""

    def tend(self, readers: list[PartitionReader], newest: int) -> None:
        """Does what is due; `newest`: the log time (µs) of the newest record handed out."""
        ...

    def waits(self) -> dict[str, tuple[float, str]]:
        """By channel, for how long (s) the proof has been wanting, and what is known of why."""
        ...

    def close(self) -> None:
        """Lets go of the connections."""
        ...


class Watch(Protocol):
    """Whether partitions were added; `found` says so."""

    @property
    def found(self) -> str | None:
        """What was found, in one line."""
        ...

    def ask(self) -> None:
        """Asks, without waiting."""
        ...

    def look(self) -> None:
        """Takes in what was answered."""
        ...


@dataclass(frozen=True, slots=True)
class SourceHooks:
    """Links to the surroundings: the clock, the low watermark of other processes (µs) and of this one, and passing errors."""

    clock: HostClock
    others: Callable[[], int | None] | None
    on_watermark: Callable[[int], None] | None
    on_error: Callable[[KafkaError], None]
