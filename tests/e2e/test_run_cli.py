"""`orderwatch run` as an operator meets it: starting, readiness, metrics, stopping, failing in one line, other numbers of processes."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.support.live import PATIENCE, Engine, Given, produce
from tests.support.logs import line
from tests.support.replays import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.brokers import Broker

MICROSECOND_NS = 1_000


@pytest.fixture
def engine(real_broker: Broker, tmp_path: Path) -> Iterator[Engine]:
    """An engine that reads a topic of one partition, so that of several processes only one reads."""
    name = f"run-{uuid4().hex[:8]}"
    engine = Engine(tmp_path, real_broker.bootstrap, name, (f"{name}-events",))
    yield engine
    with suppress(AssertionError):  # it has ended
        engine.kill()


def until(engine: Engine, holds: Callable[[], bool], what: str) -> None:
    """Waits until something holds; gives up with the engine's last words."""
    give_up = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < give_up, f"it did not {what}: {engine.last_lines()}"
        time.sleep(0.1)


def declined(order: str) -> list[Given]:
    """An order whose payment is declined for good: an exception, at once."""
    now = time.time_ns() // MICROSECOND_NS
    placed: dict[str, object] = {"method": "digital", "total": {"amount": "1.00", "currency": "EUR"}}
    failed: dict[str, object] = {"payment_id": f"p-{order}", "decline": "hard"}
    return [
        Given(0, order.encode(), line(f"{order}-1", now, "order.placed", order=order, data=placed)),
        Given(0, order.encode(), line(f"{order}-2", now, "payment.failed", order=order, data=failed)),
    ]


def raised(engine: Engine) -> Counter[str]:
    """How often an exception was raised, by order."""
    return Counter(
        event["data"]["order_id"] for event in map(json.loads, engine.values("exceptions")) if event["type"] == "exception.raised"
    )


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def test_it_is_started_watched_stopped_and_goes_on_with_any_number_of_processes(engine: Engine) -> None:
    """1, 3, then 2 processes: ready, measured, SIGTERM ends it with 0; each order is told of once, and no log line knows an order."""
    orders: list[str] = []
    for processes in (1, 3, 2):
        engine.start(processes=processes)
        engine.ready()
        orders.append(f"ORDER-{processes}")
        produce(engine.bootstrap, engine.topics[0], [*declined(orders[-1]), Given(0, None, b"no event")])
        until(engine, lambda: engine.metric("orderwatch_published_total") >= 3, "publish an exception, an action and a reject")
        assert engine.metric("orderwatch_ready") == processes
        assert engine.metric("orderwatch_records_total") == 3
        assert engine.metric("orderwatch_rejected_total") == 1
        assert engine.metric("orderwatch_open_orders") == len(orders)
        assert engine.metric("orderwatch_output_records_total") >= 1
        assert engine.metric("orderwatch_detection_delay_seconds_count") >= 2
        assert engine.metric("orderwatch_late_records_total") == 0
        engine.stop()
    assert raised(engine) == Counter(orders)
    assert len(engine.logged("stopped")) == 6
    assert not [found for found in engine.logged("starting") if found["fresh"]][1:]
    assert "ORDER-" not in engine.log.read_text()


def test_a_killed_process_ends_all_in_one_line_and_a_restart_goes_on(engine: Engine) -> None:
    """Exit code 1 for the supervisor, and the last line names the process that was killed."""
    engine.start(processes=2)
    engine.ready()
    produce(engine.bootstrap, engine.topics[0], declined("A"))
    pids = children(engine.pid)
    os.kill(pids[1], signal.SIGKILL)
    assert engine.wait() == 1
    last = engine.last_lines().splitlines()[-1]
    assert last == f"orderwatch: process 1 (pid {pids[1]}) was killed by SIGKILL; so all 2 processes were stopped"
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    engine.start(processes=2)
    engine.ready()
    produce(engine.bootstrap, engine.topics[0], declined("B"))
    until(engine, lambda: raised(engine) == Counter("AB"), "tell of both orders, once each")
    engine.stop()


def test_a_second_engine_over_the_same_state_is_refused(engine: Engine) -> None:
    """In one line; the first one runs on."""
    engine.start()
    engine.ready()
    settings = engine.settings()
    settings.write_text(settings.read_text().replace(f"port: {engine.port}", "port: 0"), encoding="utf-8")
    second = command("run", "--settings", settings)
    assert second.returncode in {1, 2}
    assert second.stderr.decode().splitlines()[-1].startswith(f"orderwatch: state directory {engine.state_dir} is in use by process 0")
    engine.stop()


def test_topics_are_made_once_and_then_left_alone(engine: Engine) -> None:
    """What is there is checked; one that does not fit is refused by name."""
    made = command("topics", "create", "--settings", engine.settings())
    names = sorted([*engine.topics, *(engine.topic(output) for output in ("exceptions", "actions", "incidents", "rejects"))])
    assert made.returncode == 0, made.stderr
    assert sorted(made.stdout.decode().splitlines()) == sorted([*(f"made {name}" for name in names), "all topics are there"])
    again = command("topics", "create", "--settings", engine.settings())
    assert again.stdout.decode() == "all topics are there\n"
    engine.outputs = {"partitions": 5}
    other = command("topics", "create", "--settings", engine.settings())
    assert other.returncode == 2
    assert "has 3 partitions, 5 are wanted" in other.stderr.decode()
