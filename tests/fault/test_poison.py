"""A fault in the program, on one order: it costs that order an exception and a reject, and nobody else anything; across a kill as well."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import orjson
import pytest

from tests.e2e.test_changes import STRICT, placed
from tests.support.brokers import topic
from tests.support.live import ROOT, Engine, committed, produce
from tests.support.poison import VARIABLE

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.support.brokers import Broker

ORDERS = 20
POISONED = "O-7"
CAPTURE, MASTER, FAILED = "payment.capture_overdue", "order.master_data_incomplete", "data.rule_failed"
POLICY = f"{STRICT}  {FAILED}: {{switch: on}}\n  {MASTER}: {{switch: on}}\n"
PATIENCE = 90.0


@pytest.fixture
def engine(real_broker: Broker, tmp_path: Path) -> Engine:
    """An engine with its topics, not started."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    events = topic(real_broker, "events", 2)
    return Engine(tmp_path / "home", real_broker.bootstrap, events, (events,), policy)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "kinds", "rejects"),
    [(MASTER, {FAILED, CAPTURE}, 1), (CAPTURE, {FAILED, MASTER}, 0), ("timeline", {FAILED}, 1)],
    ids=["at an event", "at a deadline", "outside of rules"],
)
def test_one_poisoned_order_stops_no_other(engine: Engine, kind: str, kinds: set[str], rejects: int) -> None:
    """What throws for that order throws each time; the record that it throws at is rejected. A SIGKILL and a restart change nothing."""
    [events] = engine.topics
    with _running(engine, kind) as process:
        produce(engine.bootstrap, events, [placed(number, number % 2) for number in range(ORDERS)])
        _await(engine, 2 * ORDERS - 2 + len(kinds))
        process.kill()
    with _running(engine, kind) as process:
        produce(engine.bootstrap, events, [placed(number, number % 2) for number in range(ORDERS, 2 * ORDERS)])
        _await(engine, 4 * ORDERS - 2 + len(kinds))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    said = [orjson.loads(value)["data"] for value in engine.values("exceptions")]
    by_order = {order: {data["kind"] for data in said if data["order_id"] == order} for order in {data["order_id"] for data in said}}
    assert by_order.pop(POISONED) == kinds
    assert by_order == {f"O-{number}": {CAPTURE, MASTER} for number in range(2 * ORDERS) if number != int(POISONED[2:])}
    assert len(said) == 4 * ORDERS - 2 + len(kinds), "each once"
    rejected = committed(engine.bootstrap, engine.topic("rejects"))
    assert [record.key for record in rejected] == [POISONED.encode()] * rejects
    assert all(orjson.loads(record.value)["subject"] == POISONED for record in rejected)
    assert "PoisonError: " not in engine.log.read_text(), "what it throws may hold customer data"


def _running(engine: Engine, kind: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.support.poison", "run", "--settings", str(engine.settings())]
    with engine.log.open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env={**os.environ, VARIABLE: f"{kind}:{POISONED}"})


def _await(engine: Engine, count: int) -> None:
    give_up = time.monotonic() + PATIENCE
    while len(engine.values("exceptions")) < count:
        assert time.monotonic() < give_up, engine.last_lines()
        time.sleep(0.3)
