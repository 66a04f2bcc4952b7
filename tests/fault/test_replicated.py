"""Three brokers with three copies of everything: whichever of them hangs or dies, the live engine says what a replay says.

The leader stamps a record when it appends it, and shows it once the others have it. In between time must not pass it by.
`ORDERWATCH_FREEZES` is how often each disturbance is made (default 1, a minute in all).
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import pytest
from confluent_kafka import Producer

from tests.e2e.test_live_equals_replay import replayed, said
from tests.support.brokers import Unavailable, topic
from tests.support.kafka.cluster import ReplicatedKafka
from tests.support.live import Engine, committed
from tests.support.replays import TOPICS, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FREEZES = int(os.environ.get("ORDERWATCH_FREEZES", "1"))
DEADLINE = 3.0
"""Seconds in which an order must be paid."""
POLICY = f"""
rules:
  '*': off
  payment.capture_overdue: {{switch: on, threshold: {DEADLINE:.0f} s, grace: 0 s}}
"""
SHORT, LONG = 4.0, 10.0
"""Seconds of a freeze: shorter than a broker's session, so that it stays in office, and longer, so that another takes over."""
PATIENCE = 60.0

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[ReplicatedKafka]:
    """Three brokers, for these tests alone."""
    try:
        brokers = ReplicatedKafka()
    except Unavailable as none:
        pytest.skip(f"needs three brokers from Maven's jars: {none}")
    yield brokers
    brokers.stop()


class Shop:
    """Places orders and pays them, in partitions 0 and 1 of a topic."""

    def __init__(self, cluster: ReplicatedKafka, events: str) -> None:
        self._events = events
        options = {"bootstrap.servers": cluster.bootstrap, "linger.ms": 0, "log_level": 0, "topic.metadata.refresh.interval.ms": 1_000}
        self._producers = {acks: Producer({**options, "acks": acks, "socket.timeout.ms": 3_000}) for acks in ("1", "all")}
        self._orders: dict[str, int] = {}

    def place(self, order: str, partition: int) -> None:
        """Places an order, which all copies then have."""
        self._orders[order] = partition
        self._tell(order, "order.placed", {"total": {"amount": "10.00", "currency": "EUR"}}, "all")
        self.settle()

    def pay(self, order: str, acks: str) -> None:
        """Pays an order, and does not wait until that is acknowledged."""
        self._tell(order, "payment.captured", {"payment_id": f"pay-{order}", "amount": {"amount": "10.00", "currency": "EUR"}}, acks)
        self._producers[acks].poll(0)

    def settle(self) -> None:
        """Waits until all that was told is acknowledged."""
        for producer in self._producers.values():
            assert producer.flush(PATIENCE) == 0

    def _tell(self, order: str, kind: str, data: object, acks: str) -> None:
        source = "/storefront/acme" if kind == "order.placed" else "/payments/acme"
        event = {"specversion": "1.0", "id": f"{kind}-{order}", "source": source, "type": kind, "subject": order, "data": data}
        event["time"] = datetime.now(UTC).isoformat()
        self._producers[acks].produce(self._events, orjson.dumps(event), order.encode(), self._orders[order])


def follower_hangs(cluster: ReplicatedKafka, shop: Shop, events: str, name: str, acks: str) -> None:
    """A pure follower of both partitions hangs while an order is paid in time; what is paid is seen after the deadline."""
    shop.place(f"{name}-paid", 0)
    shop.place(f"{name}-unpaid", 1)
    follower = cluster.followers((events, 0), (events, 1))[0]
    follower.freeze()
    try:
        time.sleep(0.5)
        shop.pay(f"{name}-paid", acks)
        time.sleep(SHORT)
    finally:
        follower.thaw()
    shop.settle()


def leader_hangs(cluster: ReplicatedKafka, shop: Shop, events: str, name: str, seconds: float) -> None:
    """The leader of the partition in which an order is paid hangs; if it does so for long, another leads when it wakes up."""
    shop.place(f"{name}-paid", 0)
    shop.place(f"{name}-unpaid", 1)
    leader = cluster.leader(events, 0)
    leader.freeze()
    try:
        shop.pay(f"{name}-paid", "all")
        time.sleep(seconds)
        if seconds > DEADLINE:
            shop.settle()
    finally:
        leader.thaw()
    shop.place(f"{name}-later", 0)


def leader_dies(cluster: ReplicatedKafka, shop: Shop, events: str, name: str) -> None:
    """The leader of the partition in which an order is paid is killed at that moment, and comes back later."""
    shop.place(f"{name}-paid", 0)
    shop.place(f"{name}-unpaid", 1)
    leader = cluster.leader(events, 0)
    shop.pay(f"{name}-paid", "1")
    leader.kill()
    shop.place(f"{name}-later", 0)
    leader.restart()
    time.sleep(DEADLINE)


def in_time(cluster: ReplicatedKafka, events: str) -> set[str]:
    """The orders whose payment stands in the log no later than its deadline: nothing may ever be said of them."""
    placed: dict[str, float] = {}
    paid: set[str] = set()
    for record in committed(cluster.bootstrap, events):
        if record.value:
            event = orjson.loads(record.value)
            order = event["subject"]
            if event["type"] == "order.placed":
                placed[order] = datetime.fromisoformat(event["time"]).timestamp()
            elif record.stamp / 1_000 <= placed[order] + DEADLINE:
                paid.add(order)
    return paid


@pytest.mark.parametrize("processes", [0, 1, 2] if FREEZES > 1 else [0])
def test_whichever_broker_hangs_or_dies_the_live_run_says_what_the_replay_says(
    cluster: ReplicatedKafka, tmp_path: Path, processes: int
) -> None:
    """Byte for byte, no record behind the watermark, and no word about an order whose payment was appended in time.

    With 0 for processes it is one that writes files: an engine whose output hangs with the brokers does not read on, and is not tempted.
    """
    events = topic(cluster, "events", 2, copies=3)
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    files = tmp_path / "said"
    outputs: dict[str, object] = {} if processes else {"kind": "files", "folder": str(files)}
    engine = Engine(tmp_path / "engine", cluster.bootstrap, events, (events,), policy, max(1, processes), outputs=outputs)
    engine.start()
    shop = Shop(cluster, events)
    try:
        engine.ready()
        for number in range(FREEZES):
            follower_hangs(cluster, shop, events, f"follower-1-{number}", "1")
            follower_hangs(cluster, shop, events, f"follower-all-{number}", "all")
            leader_hangs(cluster, shop, events, f"leader-short-{number}", SHORT)
            leader_hangs(cluster, shop, events, f"leader-long-{number}", LONG)
            leader_dies(cluster, shop, events, f"leader-dead-{number}")
        time.sleep(DEADLINE)
        engine.stop()
        until = time.time_ns() // 1_000 + 1_000_000
        engine.run(until=datetime.fromtimestamp(until / 1e6, UTC).isoformat())
    finally:
        engine.destroy()
    live = said(engine) if processes else {output: sorted(content.splitlines()) for output, content in written(files).items()}
    replay = replayed([events], cluster, policy, until, tmp_path)
    named = {str(orjson.loads(line)["subject"]) for line in live["exceptions"]}
    assert not named & in_time(cluster, events)
    assert {f"{story}-{number}-unpaid" for story in ("follower-1", "leader-long") for number in range(FREEZES)} <= named
    for output in TOPICS:
        assert live[output] == replay[output], output
    assert sum(int(str(line["late_records"])) for line in engine.logged("stopped")) == 0
