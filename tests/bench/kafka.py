"""Kafka to Kafka: how fast the live engine gets through a backlog, and how soon it speaks of what has just happened."""

from __future__ import annotations

import json
import resource
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple, cast
from zlib import crc32

from confluent_kafka import Consumer, TopicPartition

from schemas.wire import decode, micros
from sources.kafka.settings import KafkaInput
from sources.kafka.source import KafkaSource
from sources.simulator import policy_text, stream
from sources.simulator.moments import END
from tests.support.brokers import climb, topic
from tests.support.hurried import SECOND
from tests.support.live import PATIENCE, Engine, Given, produce
from tests.support.logs import MINUTE, iso, line

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.support.brokers import Broker

PARTITIONS = 6
UNTIL = END * SECOND
BY_PRODUCERS = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}
SIGNAL, DEADLINE = "shipment.damaged", "payment.capture_overdue"
PATIENT_S = 5
"""How long after its placing an order may be unpaid under the policy of the latency measurement."""
WARM_S = 3
"""What is told in the first seconds is left out of the figures: the sink opens a partition when it has something for it."""
POLICY = f"rules: {{order.master_data_incomplete: off, {DEADLINE}: {{threshold: {PATIENT_S} s}}}}\n"


class Rate(NamedTuple):
    """Records per second, by the clock and per second of processor time; `cpu` counts all processes."""

    wall: float
    cpu: float


class Through(NamedTuple):
    """How fast a backlog is got through: records in it, the floor (reading and decoding alone), and by number of processes."""

    broker: str
    records: int
    floor: Rate
    by_processes: dict[int, Rate]


class Soon(NamedTuple):
    """Milliseconds, median and 99th percentile, and of how many."""

    of: int
    p50: float
    p99: float


class Latency(NamedTuple):
    """From the append of a signal's record to its exception: appended, and readable. From what was due to the same."""

    rate: int
    appended: Soon
    readable: Soon
    deadline_appended: Soon
    deadline_readable: Soon


@contextmanager
def kafka() -> Generator[Broker]:
    """A broker of one's own: nobody else's work is in the figures."""
    broker = climb(own=True).broker
    yield broker
    broker.stop()


def backlog(broker: Broker, orders: int) -> tuple[str, int]:
    """Appends a simulated world to a new topic, stamped with its own time; returns topic and number of records."""
    name = topic(broker, "world", PARTITIONS, BY_PRODUCERS)
    count = 0

    def records() -> Iterator[Given]:
        nonlocal count
        for raw in stream(orders, 1):
            event = decode(raw)
            key = (event.subject or event.source).encode()
            count += 1
            at = micros(event.recordedtime or event.time)
            yield Given(crc32(key) % PARTITIONS, key, raw, at // 1_000)

    produce(broker.bootstrap, name, records())
    return name, count


def floor(broker: Broker, name: str) -> Rate:
    """The consumer loop of the engine that only decodes."""
    source = KafkaSource(KafkaInput({"bootstrap.servers": broker.bootstrap}, (name,), allow_create_time=True, until=UNTIL))
    parts = [source.build_part("events", part, None) for part in source.list_parts()]
    began, cpu = time.perf_counter(), time.process_time()
    living = list(parts)
    while living:
        for part in list(living):
            try:
                part.next_batch()
            except StopIteration:
                living.remove(part)
    rate = Rate(source.stats.records / (time.perf_counter() - began), source.stats.records / (time.process_time() - cpu))
    for part in parts:
        part.close()
    return rate


def through(orders: int, processes: tuple[int, ...] = (1, 2)) -> Through:
    """Measures a simulated world of so many orders by each number of processes, with state kept and each output record written once."""
    with kafka() as broker, TemporaryDirectory() as folder:
        policy = Path(folder, "policy.yaml")
        policy.write_text(policy_text(), encoding="utf-8")
        name, records = backlog(broker, orders)
        found: dict[int, Rate] = {}
        for count in processes:
            inputs = {"allow_create_time": True, "until": iso(UNTIL)}
            engine = Engine(Path(folder, str(count)), broker.bootstrap, f"{name}-{count}", (name,), policy, count, inputs)
            before = _spent()
            engine.run()
            began = min(_at(said) for said in engine.logged("running"))
            ended = max(_at(said) for said in engine.logged("stopped"))
            found[count] = Rate(records / (ended - began), records / (_spent() - before))
        return Through(broker.rung, records, floor(broker, name), found)


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _at(said: dict[str, object]) -> float:
    return datetime.fromisoformat(str(said["timestamp"])).timestamp()


class Shipped:
    """Orders that are on their way, and what is told of them at a steady rate."""

    def __init__(self, seconds: int, rate: int) -> None:
        self.rate = rate
        self.warm = WARM_S * rate
        self.count = self.warm + seconds * rate
        self._begun = time.time_ns() // 1_000

    def before(self) -> Iterator[bytes]:
        """What has happened to the orders already, and is told in time: an hour late it would be history."""
        for number in range(self.count):
            order, at = f"o{number}", self._begun - MINUTE + number
            parcel: dict[str, object] = {"tracking_number": f"t{number}", "carrier": "ups"}
            yield line(f"{order}-1", at, "order.placed", order=order, source="/storefront", data={"payment_terms": "external"})
            yield line(f"{order}-2", at, "warehouse.shipped", order=order, source="/warehouse", data=parcel)

    def happens(self, number: int) -> bytes:
        """The next event, now: eight scans in ten are routine, one says that the parcel is damaged, and one order in ten is placed anew."""
        now = time.time_ns() // 1_000
        if number % 10 == 0:
            return line(f"n{number}", now, "order.placed", order=f"n{number}", source="/storefront")
        status = "damaged" if number % 10 == 5 else "in_transit"
        return line(
            f"s{number}", now, "carrier.scan", order=None, source="/carrier/ups", data={"status": status, "tracking_number": f"t{number}"}
        )


class Listener(threading.Thread):
    """Notes what becomes readable in a topic, and when."""

    def __init__(self, bootstrap: str, name: str) -> None:
        super().__init__(daemon=True)
        options = {"bootstrap.servers": bootstrap, "group.id": "listener", "isolation.level": "read_committed", "enable.auto.commit": False}
        self._consumer = Consumer({**options, "fetch.wait.max.ms": 10})
        self._consumer.assign([TopicPartition(name, number, 0) for number in range(3)])
        self.found: list[tuple[float, int, bytes]] = []
        """When it could be read (s), its broker's stamp (ms), and the event."""
        self.stopped = threading.Event()

    def run(self) -> None:
        """Reads until it is stopped."""
        while not self.stopped.is_set():
            for message in self._consumer.consume(1_000, 0.005):
                if message.error() is None:
                    self.found.append((time.time(), message.timestamp()[1], message.value() or b""))
        self._consumer.close()


def latency(seconds: int, rate: int) -> Latency:
    """Measures a steady stream of so many events per second."""
    with kafka() as broker, TemporaryDirectory() as folder:
        policy = Path(folder, "policy.yaml")
        policy.write_text(POLICY, encoding="utf-8")
        name, world = topic(broker, "steady", PARTITIONS), Shipped(seconds, rate)
        produce(broker.bootstrap, name, (Given(number % PARTITIONS, None, raw) for number, raw in enumerate(world.before())))
        engine = Engine(Path(folder, "engine"), broker.bootstrap, name, (name,), policy)
        engine.start()
        engine.ready()
        listener = Listener(broker.bootstrap, engine.topic("exceptions"))
        listener.start()
        ready = time.monotonic() + PATIENCE
        while engine.metric("orderwatch_open_orders") < world.count:  # What lags is not known before it has begun to read.
            assert time.monotonic() < ready, "it does not read what had happened before"
            time.sleep(0.1)
        stamps = tell(broker, name, world)
        wanted = Counter({SIGNAL: world.count // 10, DEADLINE: world.count // 10})
        give_up = time.monotonic() + PATIENCE
        while (left := wanted - Counter(kind for kind, *_ in raised(listener))) and time.monotonic() < give_up:
            time.sleep(0.2)
        listener.stopped.set()
        listener.join()
        engine.stop()
        assert not left, f"{dict(left)} exceptions did not come"
        return summed(world, stamps, listener)


def tell(broker: Broker, name: str, world: Shipped) -> dict[str, float]:
    """Appends events at their rate; returns when each was appended (s, by the broker's stamp) by its ID."""
    from confluent_kafka import Message, Producer  # noqa: PLC0415 - a producer that reports stamps is needed here only

    producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0})
    stamps: dict[str, float] = {}

    def delivered(error: object, message: Message) -> None:
        assert error is None, error
        stamps[str(json.loads(message.value() or b"")["id"])] = message.timestamp()[1] / 1_000

    began = time.monotonic()
    for number in range(world.count):
        while (wait := began + number / world.rate - time.monotonic()) > 0:
            producer.poll(wait)
        producer.produce(name, world.happens(number), partition=number % PARTITIONS, on_delivery=delivered)
    producer.flush(PATIENCE)
    return stamps


def raised(listener: Listener) -> Iterator[tuple[str, float, float, dict[str, object]]]:
    """The exceptions that were raised: kind, when they were appended and could be read (s), and their data."""
    for readable, stamp, value in list(listener.found):
        event = json.loads(value)
        if event["type"] == "exception.raised":
            yield event["data"]["kind"], stamp / 1_000, readable, event["data"]


def summed(world: Shipped, stamps: dict[str, float], listener: Listener) -> Latency:
    """Reduces what was heard to figures."""
    signals: list[tuple[float, float]] = []
    deadlines: list[tuple[float, float]] = []
    for kind, appended, readable, data in raised(listener):
        id_ = cast("list[dict[str, str]]", data["evidence"])[-1]["id"]
        if kind not in (SIGNAL, DEADLINE) or int(id_[1:]) < world.warm:
            continue
        if kind == SIGNAL:
            cause = stamps[id_]
            signals.append((appended - cause, readable - cause))
        else:
            due = datetime.fromisoformat(str(data["due_at"])).timestamp()
            deadlines.append((appended - due, readable - due))
    figures = [soon([pair[at] for pair in pairs]) for pairs in (signals, deadlines) for at in (0, 1)]
    return Latency(world.rate, *figures)


def soon(seconds: list[float]) -> Soon:
    """Median and 99th percentile."""
    cuts = quantiles(seconds, n=100, method="inclusive")
    return Soon(len(seconds), cuts[49] * 1_000, cuts[98] * 1_000)
