"""A soak: orders are opened and told of at a steady rate for as long as one likes, and memory is watched.

What counts is the slope over the second half: an open order must cost what its packed form costs, and time alone must cost nothing.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import linear_regression
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from confluent_kafka import Producer

from tests.bench.kafka import PARTITIONS, kafka
from tests.support.brokers import topic
from tests.support.live import Engine
from tests.support.logs import line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SAMPLE_S = 5.0
"""How often memory is looked at."""


class Sample(NamedTuple):
    """What was seen: seconds since the first record, open orders, resident bytes of the engine's process."""

    seconds: float
    orders: int
    resident: int


class Soaked(NamedTuple):
    """A soak in figures; the slopes are least squares over the second half of the samples."""

    rung: str
    samples: tuple[Sample, ...]
    per_order: float
    """Bytes of resident memory per open order."""
    per_minute: float
    """Bytes of resident memory per minute."""


def soak(minutes: float, rate: int, *, cache_bytes: int | None = None) -> Soaked:
    """Opens `rate` orders a second for so many minutes, each with a capture, a hand-over and two scans; returns what memory did."""
    with kafka() as broker, TemporaryDirectory() as folder:
        name = topic(broker, "soak", PARTITIONS)
        state = {} if cache_bytes is None else {"cache_bytes": cache_bytes}
        engine = Engine(Path(folder, "engine"), broker.bootstrap, name, (name,), state=state)
        engine.start()
        engine.ready()
        producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 20})
        samples: list[Sample] = []
        began = sampled = time.monotonic()
        orders = 0
        try:
            while (now := time.monotonic()) < began + minutes * 60:
                for number in range(orders, int((now - began) * rate)):
                    for value in told(number):
                        producer.produce(name, value, partition=number % PARTITIONS)
                    orders = number + 1
                producer.poll(0.05)
                if now - sampled >= SAMPLE_S:
                    sampled = now
                    samples.append(Sample(now - began, int(engine.metric("orderwatch_open_orders")), resident_of(engine.pid)))
        finally:
            producer.flush(30)
            engine.destroy()
    return summed(broker.rung, samples)


def told(number: int) -> Iterator[bytes]:
    """An order of the soak: placed now, paid, on its way."""
    order, at = f"S{number:08}", time.time_ns() // 1_000
    yield line(f"{order}-1", at, "order.placed", order=order, source="/storefront")
    yield line(f"{order}-2", at + 1, "payment.captured", order=order, source="/payments", data={"payment_id": f"p{number}"})
    parcel: dict[str, object] = {"tracking_number": f"t{number}", "carrier": "ups"}
    yield line(f"{order}-3", at + 2, "warehouse.shipped", order=order, source="/warehouse", data=parcel)
    for step in (3, 4):
        scan: dict[str, object] = {"status": "in_transit", "tracking_number": f"t{number}"}
        yield line(f"{order}-{step + 1}", at + step, "carrier.scan", order=order, source="/carrier/ups", data=scan)


def resident_of(pid: int) -> int:
    """Resident bytes of a process."""
    for entry in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if entry.startswith("VmRSS:"):
            return int(entry.split()[1]) * 1_024
    raise AssertionError(f"process {pid} tells of no memory")


def summed(rung: str, samples: Sequence[Sample]) -> Soaked:
    """Reduces samples to slopes."""
    late = samples[len(samples) // 2 :]
    resident = [sample.resident for sample in late]
    per_order = linear_regression([sample.orders for sample in late], resident).slope
    per_minute = linear_regression([sample.seconds / 60 for sample in late], resident).slope
    return Soaked(rung, tuple(samples), per_order, per_minute)
