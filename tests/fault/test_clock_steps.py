"""The clock of the engine's host is set while it runs, it crashes, and starts again by the wrong clock: nothing of that is seen outside."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import pytest

from tests.e2e.test_changes import PATIENCE, STRICT, await_raised, placed
from tests.e2e.test_live_equals_replay import assert_written_once_in_order, replayed, said
from tests.support.brokers import topic
from tests.support.live import Engine, Given, produce
from tests.support.replays import TOPICS
from tests.support.stepped import VARIABLE, set_clock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.brokers import Broker

POLICY = STRICT.replace("threshold: 1 s", "threshold: 3 s")
PAID = 100
"""Orders of this number and beyond are paid at once."""


def paid(number: int) -> Given:
    """The payment of an order."""
    event = {
        "specversion": "1.0",
        "id": f"paid-{number}",
        "source": "/payments/acme",
        "type": "payment.captured",
        "subject": f"O-{number}",
        "time": datetime.now(UTC).isoformat(),
        "data": {"payment_id": f"p-{number}", "amount": {"amount": "10.00", "currency": "EUR"}},
    }
    return Given(1, f"O-{number}".encode(), orjson.dumps(event))


@pytest.mark.slow
def test_a_clock_step_makes_no_output_early_late_or_twice(real_broker: Broker, tmp_path: Path) -> None:
    """Forward by 30 s, SIGKILL, a start by that clock, SIGKILL, and back: each order is judged once, as a replay judges it."""
    events = topic(real_broker, "events", 2)
    policy, clock = tmp_path / "policy.yaml", tmp_path / "clock"
    policy.write_text(POLICY)
    os.environ[VARIABLE] = str(clock)
    engine = Engine(tmp_path / "home", real_broker.bootstrap, events, (events,), policy, program="tests.support.stepped")

    def sell(number: int) -> None:
        """An order that is not paid, and one that is, in the other partition and later than the step would allow."""
        produce(real_broker.bootstrap, events, [placed(number), placed(PAID + number)])
        time.sleep(0.5)
        produce(real_broker.bootstrap, events, [paid(PAID + number)])

    try:
        set_clock(clock, 0)
        engine.start()
        engine.ready()
        sell(0)
        set_clock(clock, 30)
        sell(1)
        await_metric(engine, "orderwatch_clock_steps_total", 1)
        engine.kill()
        engine.start()
        engine.ready()
        sell(2)
        set_clock(clock, 0)
        sell(3)
        await_raised(engine, 4)
        engine.kill()
        engine.start()
        engine.ready()
        engine.stop()
        until = time.time_ns() // 1_000 + 1_000_000
        engine.run(until=datetime.fromtimestamp(until / 1e6, UTC).isoformat())
    finally:
        del os.environ[VARIABLE]
        engine.destroy()
    live, replay = said(engine), replayed([events], real_broker, policy, until, tmp_path)
    told = sorted((str(event["subject"]), str(event["type"])) for event in map(orjson.loads, live["exceptions"]))
    assert told == [(f"O-{number}", "exception.raised") for number in range(4)]
    for output in TOPICS:
        assert live[output] == replay[output], output
    assert_written_once_in_order(engine)
    assert sum(int(str(line["late_records"])) for line in engine.logged("stopped")) == 0
    notes = " / ".join(str(line["note"]) for line in engine.logged("clock"))
    assert "was set forward by 30.0 s" in notes
    assert "is 30.0 s ahead of the brokers'" in notes
    assert "was set back by 30.0 s" in notes


def await_metric(engine: Engine, name: str, least: float) -> None:
    """Waits until a metric has come to a value."""
    give_up = time.monotonic() + PATIENCE
    while engine.metric(name) < least:
        assert time.monotonic() < give_up, f"{name}: {engine.metric(name)}"
        time.sleep(0.1)
