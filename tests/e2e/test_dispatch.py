"""`orderwatch dispatch` on a real Kafka: two share the work; and what its command says of mistakes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer

from tests.support.brokers import topic
from tests.support.dispatcher import SECRET, webhook
from tests.support.endpoints.faults import FaultServer, served
from tests.support.live import committed

if TYPE_CHECKING:
    from tests.support.brokers import Broker

ROOT = Path(__file__).parents[2]
ORDERWATCH = Path(sys.executable).with_name("orderwatch")
ENVIRONMENT = {**os.environ, "DISPATCH_TEST_SECRET": SECRET}
REQUESTED = json.loads((ROOT / "schemas/examples/action.requested.json").read_text())


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run([ORDERWATCH, "dispatch", *arguments], env=ENVIRONMENT, capture_output=True, text=True, check=False)


def requested(number: int) -> dict[str, Any]:
    """A task that the engine asks for."""
    event: dict[str, Any] = json.loads(json.dumps(REQUESTED))
    order, id_ = f"SO-{number}", f"act-{number}"
    event["data"] |= {"action_id": id_, "idempotency_key": id_, "order_id": order, "action": "create_task", "exception_id": None}
    return event | {"subject": order, "id": f"{id_}:2"}


@pytest.mark.slow
def test_two_dispatchers_on_kafka_carry_each_action_out_once(real_broker: Broker, tmp_path: Path) -> None:
    """Each action is begun and executed once in the log, and effected once; a dry run says what will be sent before."""
    names = {name: topic(real_broker, name, partitions=4) for name in ("actions", "exceptions")}
    decisions = topic(real_broker, "x", partitions=2, ending="-order-decisions")
    producer = Producer({"bootstrap.servers": real_broker.bootstrap})
    for number in range(30):
        event = requested(number)
        producer.produce(names["actions"], json.dumps(event).encode(), event["subject"].encode())
    assert producer.flush(30) == 0
    server, files = FaultServer(), [tmp_path / "a.json", tmp_path / "b.json"]
    with served(server):
        for file in files:
            dispatch = {"dir": str(file.with_suffix("")), "http_port": 0, "decisions": decisions, "group": decisions}
            dispatch |= {"endpoints": {"hook": webhook(server.url)}, "routes": [{"endpoint": "hook"}]}
            settings = {"kafka": {"brokers": [real_broker.bootstrap]}, "outputs": names, "http": {"port": 0}, "dispatch": dispatch}
            file.write_text(json.dumps(settings))
        rehearsed = run("--settings", str(files[0]), "--dry-run")
        assert (rehearsed.returncode, rehearsed.stdout.count("create_task")) == (0, 30), rehearsed.stderr
        assert not server.taken
        processes = [subprocess.Popen([ORDERWATCH, "dispatch", "--settings", file], env=ENVIRONMENT) for file in files]
        try:
            end = time.monotonic() + 120
            while len(server.effects) < 30 and time.monotonic() < end:
                time.sleep(0.1)
            for process in processes:
                process.terminate()
            assert [process.wait(60) for process in processes] == [0, 0]
        finally:
            for process in processes:
                process.kill()
    assert sorted(server.effects.values()) == [1] * 30
    said = Counter(json.loads(record.value)["type"] for record in committed(real_broker.bootstrap, decisions))
    assert said == {"action.begun": 30, "action.executed": 30}


def test_mistakes_in_the_settings_are_said_at_once(tmp_path: Path) -> None:
    """Each in a line that names the setting; nothing is called."""
    file = tmp_path / "dispatch.json"
    ends = {"hook": {"kind": "webhook", "url": "http://example.com", "secrets": {"env": "NONE_SUCH"}}, "fax": {"kind": "fax"}}
    file.write_text(json.dumps({"dispatch": {"dir": str(tmp_path / "d"), "endpoints": ends, "routes": [{"endpoint": "hook"}]}}))
    found = run("--settings", str(file), "--check")
    assert found.returncode == 2
    assert "dispatch.endpoints.hook.url" in found.stderr
    assert "dispatch.endpoints.fax.kind" in found.stderr
    listed = run("dead-letters", "list", "--settings", str(file))
    assert listed.returncode == 2
    assert "there is no journal" in listed.stderr
