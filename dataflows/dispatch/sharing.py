"""Which actions are this dispatcher's, where several share the work: those of the partitions that the consumer group has given to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import Any, Final, Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition

from sources.kafka.broker import DEFAULTS, describe

SESSION_MS: Final = 10_000
"""After how long without a word from a dispatcher its partitions go to others."""


class WorkShare(Protocol):
    """What is this dispatcher's to begin. It is about who works, not about safety: that rests on what the log says first."""

    @property
    def contested(self) -> bool:
        """Whether somebody else may begin the same action: then the log says who was first."""
        ...

    def owns(self, partition: int) -> bool:
        """Whether actions of a partition are begun here."""
        ...

    def close(self) -> None:
        """Gives it back."""
        ...


class Alone:
    """The only dispatcher of an installation: the lock of its journal sees to that."""

    contested = False

    def owns(self, partition: int) -> bool:
        """Everything."""
        del partition
        return True

    def close(self) -> None:
        """There is nothing to give back."""


class KafkaShare:
    """A member of a consumer group on the topic of actions. It reads nothing: it only learns which partitions are its own.

    `changed` is called, on a thread of its own, whenever that changes.
    """

    contested = True

    def __init__(
        self, client: Mapping[str, object], topic: str, group: str, changed: Callable[[], None], failed: Callable[[str], None]
    ) -> None:
        self._owned: frozenset[int] = frozenset()
        self._changed, self._failed = changed, failed
        settings: dict[str, Any] = {
            **DEFAULTS,
            **client,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "latest",
            "partition.assignment.strategy": "range",
            "session.timeout.ms": SESSION_MS,
            "heartbeat.interval.ms": SESSION_MS // 5,
        }
        self._consumer = Consumer(settings)
        self._consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        self._closing = Event()
        self._thread = Thread(target=self._serve, name="share", daemon=True)
        self._thread.start()

    def owns(self, partition: int) -> bool:
        """Whether the group has given it to us."""
        return partition in self._owned

    def close(self) -> None:
        """Leaves the group, so that others take over at once."""
        self._closing.set()
        self._thread.join()
        self._owned = frozenset()
        self._consumer.close()

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                message = self._consumer.poll(0.2)
            except KafkaException as error:
                self._failed(describe(error))
                continue
            problem = None if message is None else message.error()
            if problem is not None:
                self._failed(describe(problem))

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.assign(partitions)
        consumer.pause(partitions)
        self._owned = frozenset(each.partition for each in partitions)
        self._changed()

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._owned -= {each.partition for each in partitions}
        consumer.unassign()
        self._changed()
