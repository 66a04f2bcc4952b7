"""What a Kafka sink tells whoever measures it. Calls come from the writers' threads, several at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from schemas.output import OutputRecord


class WriterListener(Protocol):
    """Told what the writers do. `topic` is exceptions, actions, incidents or rejects; durations are seconds."""

    def opened(self, topic: str, partition: int, read_back: int, seconds: float) -> None:
        """A partition is ready; `read_back` output records of this state are already there beyond the recorded offset."""
        ...

    def committed(self, topic: str, partition: int, outputs: Sequence[OutputRecord], seconds: float) -> None:
        """Output records stand in the topic for everybody to read; `seconds` is the transaction's duration."""
        ...

    def dropped(self, topic: str, partition: int, count: int) -> None:
        """`count` output records were already there."""
        ...

    def mismatched(self, topic: str, partition: int) -> None:
        """A shard said something else than before: cause for an alert."""
        ...

    def retried(self, topic: str, partition: int) -> None:
        """A transaction was aborted and is tried again."""
        ...

    def cut(self, topic: str, partition: int, count: int) -> None:
        """`count` rejects were written without what of them the topic does not take."""
        ...

    def queued(self, topic: str, partition: int, length: int) -> None:
        """How many output records wait to be committed."""
        ...


@dataclass(slots=True)
class WriterStats:
    """Counts what the writers tell, by topic."""

    published: Counter[str] = field(default_factory=Counter[str])
    already_there: Counter[str] = field(default_factory=Counter[str])
    read_back: Counter[str] = field(default_factory=Counter[str])
    mismatches: Counter[str] = field(default_factory=Counter[str])
    retries: Counter[str] = field(default_factory=Counter[str])
    not_whole: Counter[str] = field(default_factory=Counter[str])
    waiting: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    """Queue length by topic and partition."""
    published_log: dict[str, int] = field(default_factory=dict[str, int])
    """The greatest log time published, µs, UTC."""
    commits: int = 0
    commit_seconds: float = 0.0
    slowest_commit: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def opened(self, topic: str, partition: int, read_back: int, seconds: float) -> None:
        """Counts what was read back."""
        del partition, seconds
        with self._lock:
            self.read_back[topic] += read_back

    def committed(self, topic: str, partition: int, outputs: Sequence[OutputRecord], seconds: float) -> None:
        """Counts what was published, and how long that took."""
        del partition
        with self._lock:
            self.published[topic] += len(outputs)
            self.published_log[topic] = max(self.published_log.get(topic, 0), *(output.log for output in outputs))
            self.commits += 1
            self.commit_seconds += seconds
            self.slowest_commit = max(self.slowest_commit, seconds)

    def dropped(self, topic: str, partition: int, count: int) -> None:
        """Counts what was already there."""
        del partition
        with self._lock:
            self.already_there[topic] += count

    def mismatched(self, topic: str, partition: int) -> None:
        """Counts mismatches."""
        del partition
        with self._lock:
            self.mismatches[topic] += 1

    def retried(self, topic: str, partition: int) -> None:
        """Counts aborted transactions."""
        del partition
        with self._lock:
            self.retries[topic] += 1

    def cut(self, topic: str, partition: int, count: int) -> None:
        """Counts rejects that are not whole."""
        del partition
        with self._lock:
            self.not_whole[topic] += count

    def queued(self, topic: str, partition: int, length: int) -> None:
        """Notes a queue's length."""
        with self._lock:
            self.waiting[topic, partition] = length
