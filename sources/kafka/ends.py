"""Asks the brokers where partitions end, without waiting for the answer: how much is left to read.

Where no barriers are written it also is what an idle partition's watermark rests on, the weaker guarantee: records that were stamped may
not be visible yet. The answer is the high watermark, not the end of what is committed: records of an open transaction are stamped already
but hidden until it ends, so that time must not pass them by. A client's own high watermark is as old as the last fetch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, TopicCollection
from confluent_kafka.admin import AdminClient

from sources.kafka.broker import DENIED, ask_ends, describe, end_of, failure, no_offset, topic_id
from sources.kafka.partition import PartitionReader
from sources.kafka.settings import KafkaInputError, ReplacedError

TIMEOUT = 10.0
"""Seconds after which a question is given up, to be asked again."""


class End(NamedTuple):
    """Where a partition ended when it was asked for: everything stamped before `asked` (µs) and visible stood before `offset`."""

    asked: int
    offset: int


class Ends:
    """Where partitions end, one question to the brokers at a time. `on_error` is called with errors from which the client recovers."""

    def __init__(self, client: AdminClient, now: Callable[[], int], on_error: Callable[[KafkaError], None]) -> None:
        self._client = client
        self._now = now
        self._on_error = on_error
        self._open: dict[str, Future[Any]] = {}
        self._asked = 0
        self.known: dict[str, End] = {}
        """By channel, the last answer."""

    def ask(self, readers: Iterable[PartitionReader]) -> None:
        """Asks about some partitions, unless the last question is still open."""
        if self._open:
            return
        places = {reader.channel: (reader.topic, reader.partition) for reader in readers}
        # The clock is read first: what is appended after this moment may be missing from the answer.
        self._asked = self._now()
        self._open = ask_ends(self._client, places, committed=False, timeout=TIMEOUT)

    def look(self) -> None:
        """Reads the answer if it is there. Raises KafkaInputError if the brokers refuse it."""
        if not self._open or not all(future.done() for future in self._open.values()):
            return
        answers, self._open = self._open, {}
        for channel, future in answers.items():
            error = failure(future) or no_offset(future)
            if error is None:
                self.known[channel] = End(self._asked, end_of(future))
            elif error.code() not in DENIED:
                self._on_error(error)
            else:
                raise KafkaInputError(f"{channel}: the end of the partition cannot be asked for: {describe(error)}")


class Growth:
    """Notices partitions that were added while the engine runs: `found` then says so in one line. And topics that were made again.

    `partitions` are those of the topics that are read; `ids` are the IDs of all topics of which the brokers told one.
    """

    def __init__(
        self,
        client: AdminClient,
        partitions: Mapping[str, int],
        on_error: Callable[[KafkaError], None],
        ids: Mapping[str, str] | None = None,
    ) -> None:
        self._client = client
        self._partitions = partitions
        self._ids = ids or {}
        self._on_error = on_error
        self._open: dict[str, Future[Any]] = {}
        self.found: str | None = None

    def ask(self) -> None:
        """Asks how many partitions there are, unless the last question is still open."""
        if not self._open:
            topics = TopicCollection(sorted({*self._partitions, *self._ids}))
            self._open = self._client.describe_topics(topics, request_timeout=TIMEOUT)

    def look(self) -> None:
        """Takes in the answer if it is there. Raises ReplacedError if a topic was made again, or has fewer partitions than before."""
        if not self._open or not all(future.done() for future in self._open.values()):
            return
        answers, self._open = self._open, {}
        for topic, future in answers.items():
            error = failure(future)
            if error is not None:
                if error.code() in DENIED:
                    raise KafkaInputError(f"topic {topic}: {describe(error)}")
                self._on_error(error)
                continue
            known, found = self._ids.get(topic), topic_id(future.result())
            if known is not None and found is not None and found != known:
                raise ReplacedError(
                    f"topic {topic} was deleted and made again while the engine ran (ID {found}, it was {known}): start it again, and it"
                    " says how to go on"
                )
            if topic not in self._partitions:
                continue
            before, after = self._partitions[topic], len(future.result().partitions)
            if after < before:
                raise ReplacedError(f"topic {topic} has {after} partitions and had {before}: it was replaced by another of that name")
            if after > before:
                self.found = f"topic {topic} has grown from {before} to {after} partitions: restart to read them all"
