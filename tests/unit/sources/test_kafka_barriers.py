"""When barriers are written, what is known of those that are not read, and what they tell of clocks. Producer and clocks are the test's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from confluent_kafka import KafkaError

from sources.kafka.barriers import AGAIN, Barriers
from sources.kafka.clock import HostClock
from sources.kafka.partition import PartitionReader
from sources.kafka.settings import SourceStats
from sources.messages import BARRIER, PartitionLog
from tests.support.logs import T0
from tests.support.partitions import Told

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import Producer

TICK, INTERVAL, SECOND = 100_000, 250_000, 1_000_000


@dataclass
class World:
    """Clocks (µs), brokers that stamp by one of their own, and a producer. What is produced is acknowledged at the next poll."""

    wall: int = T0
    steady: int = 7 * SECOND
    brokers: int = T0
    refusal: int | None = None
    written: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """When (steady), and into which partition."""
    _open: list[Callable[[], None]] = field(default_factory=list["Callable[[], None]"])

    def produce(self, topic: str, value: None, key: bytes, partition: int, on_delivery: Callable[[KafkaError | None, Told], None]) -> None:
        """Takes a barrier."""
        assert (value, key) == (None, BARRIER)
        self.written.append((self.steady, partition))
        announced = Told(topic, partition, len(self.written), stamp=self.brokers // 1_000, value=None, key=key)
        error = None if self.refusal is None else KafkaError(self.refusal)
        self._open.append(lambda: on_delivery(error, announced))

    def poll(self, timeout: float) -> None:
        """Acknowledges."""
        assert timeout == 0, "the loop must never wait"
        answers, self._open = self._open, []
        for answer in answers:
            answer()

    def passes(self, span: int) -> None:
        """Time passes everywhere alike."""
        self.wall += span
        self.steady += span
        self.brokers += span


class Parts:
    """Barriers over partitions 0 and up."""

    def __init__(self, count: int = 1) -> None:
        self.world = World()
        self.stats = SourceStats()
        self.errors: list[int] = []
        self.said: list[str] = []
        self.readers = [PartitionReader(PartitionLog("orders", number, create_time=False), by_barriers=True) for number in range(count)]
        self.clock = HostClock(lambda: self.world.wall, lambda: self.world.steady, self._stepped)
        client = cast("Producer", self.world)
        self.barriers = Barriers(client, self.clock, INTERVAL, self.stats, lambda error: self.errors.append(error.code()), self.said.append)
        self.newest = -1

    def _stepped(self, by: int) -> None:
        self.stats.steps["host"] += 1
        self.barriers.stepped(by)

    def read(self, partition: int = 0) -> None:
        """What was appended to a partition until now is read."""
        self.readers[partition].log.read(
            [Told("orders", partition, 0, stamp=self.world.brokers // 1_000, value=None)], announced=0, latest=0
        )

    def record(self, partition: int = 0) -> None:
        """A record is appended, read and handed out: it waits for all partitions."""
        self.read(partition)
        self.newest = self.readers[partition].log.greatest

    def ticks(self, span: int, *, read: bool = True) -> list[int]:
        """Lets time pass; returns into which partitions barriers were written, which are read at once if `read`."""
        before = len(self.world.written)
        for _ in range(span // TICK):
            self.world.passes(TICK)
            self.clock.look()
            done = len(self.world.written)
            self.barriers.tend(self.readers, self.newest)
            if read:
                for _, partition in self.world.written[done:]:
                    self.read(partition)
        return [partition for _, partition in self.world.written[before:]]


def test_a_silent_partition_gets_a_barrier_a_second() -> None:
    """At once at the start, since nothing is known of it then."""
    parts = Parts(2)
    assert sorted(parts.ticks(TICK)) == [0, 1]
    # Each is noticed a tick after it was read.
    assert len(parts.ticks(11 * SECOND)) in (18, 20)
    assert parts.stats.barriers == len(parts.world.written)


def test_a_record_waits_for_one_barrier_in_each_partition() -> None:
    """It is decided once all partitions are known to be beyond it; then there is nothing to hurry for."""
    parts = Parts(3)
    parts.ticks(SECOND)
    parts.record(1)
    assert sorted(parts.ticks(5 * TICK)) == [0, 1, 2]
    assert parts.ticks(4 * TICK) == []


def test_while_records_come_barriers_come_no_more_often_than_the_interval() -> None:
    """And none go to the partition in which they come: they prove as much."""
    parts = Parts(2)
    written: list[int] = []
    for _ in range(50):
        parts.record(0)
        written += parts.ticks(TICK)
    assert 0 not in written
    assert len(written) <= 5 * SECOND // INTERVAL + 1
    assert len(written) >= 5 * SECOND // (INTERVAL + 2 * TICK)


def test_one_that_is_not_read_is_followed_by_another_and_its_wait_is_told() -> None:
    """It may be lost, if the leader died; and if a replica hangs no number of them helps."""
    parts = Parts()
    parts.ticks(TICK, read=False)
    assert len(parts.ticks(10 * SECOND, read=False)) == 10 * SECOND // AGAIN
    ((seconds, trouble),) = parts.barriers.waits().values()
    assert (round(seconds), trouble) == (10, "")
    parts.read()
    parts.ticks(TICK)
    assert parts.barriers.waits() == {"orders:00000": (0.0, "")}


def test_none_is_written_where_there_is_something_to_read() -> None:
    """What waits in the buffer will be the watermark itself."""
    parts = Parts()
    parts.readers[0].buffer.append(Told("orders", 0, 0))
    assert parts.ticks(5 * SECOND) == []


def test_why_brokers_do_not_take_it_is_kept_until_it_is_read() -> None:
    """As the word of the library; it is counted with the other errors."""
    parts = Parts()
    parts.world.refusal = KafkaError.TOPIC_AUTHORIZATION_FAILED
    parts.ticks(2 * SECOND, read=False)
    ((_, trouble),) = parts.barriers.waits().values()
    assert "uthori" in trouble
    assert set(parts.errors) == {KafkaError.TOPIC_AUTHORIZATION_FAILED}


def test_a_clock_that_is_right_is_no_news() -> None:
    """The way to the broker and back is no difference."""
    parts = Parts()
    parts.ticks(10 * SECOND)
    assert (parts.said, parts.stats.ahead, parts.stats.steps) == ([], 0.0, {"host": 0, "brokers": 0})


def test_a_clock_that_differs_from_the_start_is_told_once() -> None:
    """As after a restart on a host whose clock was set."""
    parts = Parts()
    parts.world.wall += 30 * SECOND
    parts.clock.look()
    parts.stats.steps["host"] = 0
    parts.ticks(10 * SECOND)
    assert parts.said == ["the clock of this host is 30.0 s ahead of the brokers': silent partitions go by theirs"]
    assert parts.stats.steps == {"host": 0, "brokers": 0}
    assert parts.stats.ahead is not None
    assert abs(parts.stats.ahead - 30) < 0.01


def test_a_step_of_this_hosts_clock_is_not_taken_for_one_of_the_brokers() -> None:
    """The clock that nobody sets tells them apart."""
    parts = Parts()
    parts.ticks(3 * SECOND)
    parts.world.wall += 30 * SECOND
    parts.ticks(3 * SECOND)
    assert parts.stats.steps == {"host": 1, "brokers": 0}
    parts.world.wall -= 31 * SECOND
    parts.ticks(3 * SECOND)
    assert parts.stats.steps == {"host": 2, "brokers": 0}
    assert parts.stats.ahead is not None
    assert abs(parts.stats.ahead + 1) < 0.2


def test_a_step_of_the_brokers_clock_is_counted_as_theirs() -> None:
    """This host's went on steadily."""
    parts = Parts(3)
    parts.ticks(3 * SECOND)
    parts.world.brokers += 5 * SECOND
    parts.ticks(3 * SECOND)
    assert parts.stats.steps == {"host": 0, "brokers": 1}
    assert parts.said == ["the clock of this host is 4.9 s behind the brokers': silent partitions go by theirs"]


def test_by_the_host_alone_the_present_is_no_later_than_a_stamp_has_confirmed() -> None:
    """Where no barriers are written: a step forward counts once a broker has stamped so, a step back at once."""
    world = World()
    clock = HostClock(lambda: world.wall, lambda: world.steady)
    world.wall += 30 * SECOND
    assert (clock.earliest(), clock.latest()) == (T0, T0 + 30 * SECOND)
    clock.confirm(T0 + 29 * SECOND)
    assert clock.earliest() == T0 + 29 * SECOND
    world.wall = T0 - 5 * SECOND
    assert (clock.earliest(), clock.latest()) == (T0 - 5 * SECOND, T0)
