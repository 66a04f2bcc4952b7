"""What may change between two runs of the live engine, and when it holds: policy, partitions, number of processes."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import orjson
import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.support.brokers import topic
from tests.support.live import Engine, Given, produce

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.brokers import Broker

STRICT = """
rules:
  '*': off
  payment.capture_overdue: {switch: on, threshold: 1 s, grace: 0 s}
"""
LENIENT = STRICT.replace("1 s", "1 h")
PATIENCE = 60.0


def placed(number: int, partition: int = 0) -> Given:
    """An order that was placed now, and will not be paid."""
    order = f"O-{number}"
    event = {
        "specversion": "1.0",
        "id": f"placed-{number}",
        "source": "/storefront/acme",
        "type": "order.placed",
        "subject": order,
        "time": datetime.now(UTC).isoformat(),
        "data": {"total": {"amount": "10.00", "currency": "EUR"}},
    }
    return Given(partition, order.encode(), orjson.dumps(event))


def raised(engine: Engine) -> list[str]:
    """The orders that exceptions stand on, in the order of the topic."""
    return [str(orjson.loads(value)["subject"]) for value in engine.values("exceptions")]


def await_raised(engine: Engine, count: int) -> list[str]:
    """Waits until so many exceptions stand."""
    give_up = time.monotonic() + PATIENCE
    while len(found := raised(engine)) < count:
        assert time.monotonic() < give_up, f"{len(found)} of {count} exceptions: {engine.last_lines()}"
        time.sleep(0.2)
    return found


@pytest.mark.slow
def test_a_changed_policy_waits_for_a_clean_stop_and_then_holds_for_every_open_order(real_broker: Broker, tmp_path: Path) -> None:
    """What was cut off is finished as it began; after a clean stop orders that were judged before are judged anew, without a new event."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(LENIENT, encoding="utf-8")
    events = topic(real_broker, "events", 2)
    engine = Engine(tmp_path / "home", real_broker.bootstrap, events, (events,), policy)
    produce(real_broker.bootstrap, events, [placed(number, number % 2) for number in range(20)])
    engine.start()
    engine.ready()
    time.sleep(2.5)  # Two epochs: the orders are in the stored state.
    engine.kill()
    policy.write_text(STRICT, encoding="utf-8")

    engine.start()
    engine.ready()
    time.sleep(2.5)
    engine.stop()
    assert raised(engine) == [], "the lenient policy still holds"
    notes = [str(line["note"]) for line in engine.logged("held over")]
    assert len(notes) == 1
    assert "holds after a clean stop" in notes[0]

    engine.start()
    assert sorted(await_raised(engine, 20)) == sorted(f"O-{number}" for number in range(20))
    engine.stop()
    versions = [line["policy"] for line in engine.logged("starting")]
    assert versions[0] == versions[1] != versions[2]


@pytest.mark.slow
def test_a_topic_that_grows_stops_the_engine_and_the_next_run_reads_all_of_it(real_broker: Broker, tmp_path: Path) -> None:
    """The running engine notices, ends with one line and exit code 1 for its supervisor; nothing is lost on the way."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(STRICT, encoding="utf-8")
    events = topic(real_broker, "events", 1)
    engine = Engine(tmp_path / "home", real_broker.bootstrap, events, (events,), policy, inputs={"growth_check_seconds": 1})
    produce(real_broker.bootstrap, events, [placed(number) for number in range(5)])
    engine.start()
    await_raised(engine, 5)
    admin = AdminClient({"bootstrap.servers": real_broker.bootstrap})
    cast("dict[str, object]", admin.create_partitions([NewPartitions(events, 3)]))[events].result(30)  # type: ignore[attr-defined]
    assert engine.wait() == 1
    assert "partitions" in engine.last_lines().splitlines()[-1]

    produce(real_broker.bootstrap, events, [placed(number, number % 3) for number in range(5, 20)])
    engine.start(processes=2)
    assert sorted(await_raised(engine, 20)) == sorted(f"O-{number}" for number in range(20))
    engine.stop()
    starts = engine.logged("starting")
    assert {str(line["inputs"]) for line in starts} == {str({events: 1}), str({events: 3})}
    assert all(line["late_records"] == 0 for line in engine.logged("stopped"))
