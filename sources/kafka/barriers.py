"""Barriers: records without content that the engine writes into the partitions it reads, as proof of how far it has read.

Whoever reads a barrier back has read everything that was appended before it, whichever broker hangs, dies or is cut off meanwhile: the
barrier stands in the one log on which all copies agree. Nothing that is merely asked proves as much: see decision 14.
A barrier is a tombstone with a key of its own. It says nothing to anybody, and to us only when it was appended, as every record does; so
it does not matter who wrote it, whether it was lost, or whether it stands there twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from sources.batch import BEGINNING
from sources.kafka import broker
from sources.kafka.clock import STEP, HostClock
from sources.kafka.partition import PartitionReader
from sources.kafka.settings import KafkaInputError, SourceStats
from sources.messages import BARRIER, LOG_APPEND_TIME

QUIET = 1_000_000
"""How often (µs) a barrier is written while nothing waits for it: often enough for deadlines, which are minutes and more."""
AGAIN = 1_000_000
"""After so long (µs) a barrier that was not read is followed by another one: it may be lost, as when its leader was killed."""
ANSWER = 10.0
"""Seconds after which one that no broker takes is given up."""
TRY = 5.0
"""Seconds that the try at the start may take."""
MS = 1_000

PINNED: dict[str, object] = {
    # What proves is that it was read back. Until then a leader that has lost its office may acknowledge what it likes.
    "acks": 1,
    "enable.idempotence": False,
    "message.timeout.ms": int(ANSWER * 1_000),
    "linger.ms": 1,
}
_MAY_COME = frozenset({KafkaError._MSG_TIMED_OUT, KafkaError._TIMED_OUT, KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})


def producer(options: Mapping[str, object], on_error: Callable[[KafkaError], None]) -> Producer:
    """A client that writes barriers. Raises KafkaInputError if the options are unusable."""
    try:
        return Producer({**broker.DEFAULTS, **options, **PINNED, "error_cb": on_error})
    except (KafkaException, ValueError, TypeError) as error:
        raise KafkaInputError(f"Kafka options: {broker.describe(error)}") from error


def refused(options: Mapping[str, object], topics: Iterable[str], on_error: Callable[[KafkaError], None]) -> dict[str, str]:
    """The topics that take no barriers, with the reason, found out by writing one into the first partition of each.

    Waits up to `TRY`. Brokers that do not answer have not refused: what they say later holds.
    """
    answers: dict[str, str] = {}
    client = producer(options, on_error)

    def answered(topic: str, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            if error.code() not in _MAY_COME and not broker.recoverable(error):
                answers[topic] = broker.describe(error)
        elif message.timestamp()[0] != LOG_APPEND_TIME:
            answers[topic] = "the broker does not stamp records"

    for topic in topics:
        client.produce(topic, None, BARRIER, 0, on_delivery=partial(answered, topic))
    client.flush(TRY)
    client.purge()
    client.flush(TRY)
    return answers


@dataclass(slots=True)
class _BarrierState:
    """What is known of a partition. Instants by the steady clock (µs) unless said otherwise."""

    greatest: int = BEGINNING
    """The log time that it had reached when it was looked at last."""
    moved: int = 0
    """When that had changed."""
    written: int = 0
    since: int | None = None
    """When the first barrier was written that nothing has been read since; None if there is none."""
    trouble: str = ""
    ahead: tuple[int, int] | None = None
    """Between how many µs this host's clock is ahead of the leader's, at least and at most."""


class Barriers:
    """Writes barriers where a partition is silent, and knows which have not been read.

    Where something waits for a partition one is written at once, but not more often than every `interval` (µs); else every `QUIET`.
    `on_clock` is told, as a sentence, that this host's clock and the brokers' differ by much, or do so by another span than before.
    """

    def __init__(
        self,
        client: Producer,
        clock: HostClock,
        interval: int,
        stats: SourceStats,
        on_error: Callable[[KafkaError], None],
        on_clock: Callable[[str], None],
    ) -> None:
        self._client = client
        self._clock = clock
        self._interval = interval
        self._stats = stats
        self._on_error = on_error
        self._on_clock = on_clock
        self._places: dict[str, _BarrierState] = {}
        self._distinguished = -AGAIN

    def tend(self, readers: Iterable[PartitionReader], newest: int) -> None:
        """Writes where it is due. `newest` is the log time (µs) of the newest record that was handed out: it waits for all partitions."""
        self._client.poll(0)
        now = self._clock.steady()
        for reader in readers:
            place = self._places.get(reader.channel)
            if place is None:
                place = self._places[reader.channel] = _BarrierState()
            if place.greatest != reader.log.greatest:
                place.greatest, place.moved, place.since, place.trouble = reader.log.greatest, now, None, ""
            elif not reader.buffer and self._due(place, now, newest):
                self._write(reader, place, now)

    def waits(self) -> dict[str, tuple[float, str]]:
        """By channel, for how long (s) a barrier has been waiting to be read, and what went wrong if anything is known. From any thread."""
        now = self._clock.steady()
        found = {channel: (place.since, place.trouble) for channel, place in list(self._places.items())}
        return {channel: (0.0 if since is None else (now - since) / 1e6, trouble) for channel, (since, trouble) in found.items()}

    def stepped(self, by: int) -> None:
        """This host's clock was set by so many µs: what is known of others' is changed likewise."""
        for place in self._places.values():
            if place.ahead is not None:
                place.ahead = (place.ahead[0] + by, place.ahead[1] + by)

    def close(self) -> None:
        """Lets go of the connections."""
        self._client.purge()
        self._client.flush(0)

    def _due(self, place: _BarrierState, now: int, newest: int) -> bool:
        if place.since is not None:
            return now - place.written >= AGAIN
        if place.greatest <= newest:
            return now - place.written >= self._interval
        return now - max(place.written, place.moved) >= max(QUIET, self._interval)

    def _write(self, reader: PartitionReader, place: _BarrierState, now: int) -> None:
        place.written = now
        if place.since is None:
            place.since = now
        try:
            announced = partial(self._on_delivery, place, self._clock.wall())
            self._client.produce(reader.topic, None, BARRIER, reader.partition, on_delivery=announced)
        except (BufferError, KafkaException) as error:
            place.trouble = broker.describe(error)
            return
        self._stats.barriers += 1

    def _on_delivery(self, place: _BarrierState, sent: int, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            place.trouble = broker.describe(error)
            self._on_error(error)
            return
        kind, stamp = message.timestamp()
        if kind == LOG_APPEND_TIME:
            # The stamp has no µs: it was made up to 1 ms later than it says.
            self._compare(place, (sent - (stamp + 1) * MS, self._clock.wall() - stamp * MS))

    def _compare(self, place: _BarrierState, ahead: tuple[int, int]) -> None:
        """Compares this host's clock with the leader's, between whose stamp and ours the way there and back lies."""
        before, place.ahead = place.ahead, ahead
        low, high = ahead
        surely = low if low > 0 else min(high, 0)
        self._stats.ahead = surely / 1e6
        if before is None:
            news = abs(surely) >= STEP
        else:
            news = low - before[1] >= STEP or before[0] - high >= STEP
            if news and self._clock.steady() - self._distinguished >= AGAIN:
                self._stats.steps["brokers"] += 1
        if news and self._clock.steady() - self._distinguished >= AGAIN:
            self._distinguished = self._clock.steady()
            self._on_clock(f"the clock of this host {_agrees(surely)} the brokers': silent partitions go by theirs")


def _agrees(ahead: int) -> str:
    return f"is {abs(ahead) / 1e6:.1f} s {'ahead of' if ahead > 0 else 'behind'}" if abs(ahead) >= STEP else "agrees with"
