"""The brokers that tests run on do what tests rely on."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.support.brokers import RUNGS, Unavailable, topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.brokers import Broker

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=RUNGS)
def rung(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A broker of each rung in turn; skips those that this machine does not have."""
    try:
        broker = RUNGS[str(request.param)]()
    except Unavailable as reason:
        pytest.skip(f"{request.param}: {reason}")
    yield broker
    broker.stop()


def write(broker: Broker, name: str, values: list[bytes]) -> None:
    """Writes values to partition 0 of a topic and waits until all are acknowledged."""
    producer = Producer({"bootstrap.servers": broker.bootstrap, "acks": "all", "enable.idempotence": broker.real})
    for value in values:
        producer.produce(name, value, partition=0)
    assert producer.flush(30) == 0


def read(broker: Broker, name: str, count: int, isolation: str = "read_committed") -> list[bytes]:
    """Reads the first `count` values of partition 0 of a topic."""
    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": "reader", "isolation.level": isolation, "enable.auto.commit": False}
    )
    consumer.assign([TopicPartition(name, 0, 0)])
    values: list[bytes] = []
    give_up = time.monotonic() + 30
    while len(values) < count and time.monotonic() < give_up:
        for message in consumer.consume(count - len(values), 0.5):
            assert message.error() is None
            values.append(message.value() or b"")
    consumer.close()
    return values


def test_the_best_broker_of_this_machine_says_what_it_is(broker: Broker) -> None:
    """Whoever reads a report knows which Kafka it speaks of."""
    print(f"Kafka: {broker.rung} at {broker.bootstrap}")  # noqa: T201 - for whoever reads along with -s
    name = topic(broker, "which")
    write(broker, name, [b"hello"])
    assert read(broker, name, 1, "read_uncommitted") == [b"hello"]


def test_every_rung_takes_and_gives_records(rung: Broker) -> None:
    """Each rung that this machine has carries records on a topic of one's own."""
    name = topic(rung, "plain", partitions=3)
    values = [b"%d" % number for number in range(1000)]
    write(rung, name, values)
    assert read(rung, name, 1000, "read_uncommitted") == values


def test_topics_of_one_prefix_are_different_topics(broker: Broker) -> None:
    """Tests that share a broker do not see each other's records."""
    assert topic(broker, "same") != topic(broker, "same")


def test_an_aborted_transaction_is_never_seen(real_broker: Broker) -> None:
    """A real broker hides what was aborted, which the exactly-once tests rely on."""
    name = topic(real_broker, "transactions")
    producer = Producer({"bootstrap.servers": real_broker.bootstrap, "transactional.id": name})
    producer.init_transactions(30)
    for value, commit in ((b"kept", True), (b"dropped", False), (b"kept too", True)):
        producer.begin_transaction()
        producer.produce(name, value)
        producer.flush(30)
        if commit:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
    assert read(real_broker, name, 2) == [b"kept", b"kept too"]


def test_a_killed_broker_comes_back_with_its_records_and_its_address(own_broker: Broker) -> None:
    """What was acknowledged before SIGKILL is there after the restart, and the broker takes more, twice over."""
    name, bootstrap = topic(own_broker, "kill"), own_broker.bootstrap
    values: list[bytes] = []
    for life in range(2):
        more = [b"%d-%d" % (life, number) for number in range(100)]
        write(own_broker, name, more)
        values += more
        own_broker.kill()
        own_broker.restart()
    assert own_broker.bootstrap == bootstrap
    assert read(own_broker, name, len(values)) == values


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv here: only Linux ends a child with its parent")
def test_no_broker_outlives_a_run_that_is_killed() -> None:
    """SIGKILL gives the test run no chance to clean up; the kernel ends the broker with it."""
    script = "import sys; from tests.support.kafka.tansu import Tansu; print(Tansu().pid, flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as run:
        assert run.stdout
        child = Path("/proc", run.stdout.readline().strip())
        assert child.name, "no broker started"
        assert child.exists()
        run.send_signal(signal.SIGKILL)
        run.wait()
        give_up = time.monotonic() + 30
        while child.exists() and time.monotonic() < give_up:
            time.sleep(0.02)
    assert not child.exists()
