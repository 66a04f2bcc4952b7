"""A policy is governed data: what a start changes is written into the log, and a replay of the log alone says the same."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import pytest

from schemas.topics import DECISIONS
from tests.e2e.test_changes import LENIENT, STRICT, await_raised, placed
from tests.support.brokers import topic
from tests.support.live import Engine, Given, committed, produce
from tests.support.replays import command, written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.brokers import Broker

UNTESTED = STRICT + "  shipment.eta_slip: {switch: on, lane: auto}\n"


def event(type_: str, subject: str | None, data: dict[str, object]) -> Given:
    """Something that happens now."""
    now = datetime.now(UTC).isoformat()
    line = {"specversion": "1.0", "id": f"{type_}-{subject}-{now}", "source": "/storefront/acme", "type": type_, "time": now, "data": data}
    return Given(0, None, orjson.dumps(line if subject is None else {**line, "subject": subject}))


@pytest.mark.slow
def test_what_a_start_changes_is_activated_in_the_log_and_a_replay_of_it_says_the_same(real_broker: Broker, tmp_path: Path) -> None:
    """One activation for the changed file, one for an upgrade, none for a start as it was; one that was not back-tested is refused."""
    policy, first = tmp_path / "policy.yaml", tmp_path / "first.yaml"
    for file in (policy, first):
        file.write_text(LENIENT, encoding="utf-8")
    events, decisions = topic(real_broker, "events", 2), topic(real_broker, "decisions", 1, ending=f"-{DECISIONS}")
    engine = Engine(tmp_path / "home", real_broker.bootstrap, events, (events, decisions), policy)

    def activations() -> list[dict[str, object]]:
        values = [record.value for record in committed(real_broker.bootstrap, decisions)]
        return [json.loads(value)["data"] for value in values if value]  # The engine's own marks are empty.

    produce(real_broker.bootstrap, events, [placed(number, number % 2) for number in range(6)])
    engine.start()
    engine.ready()
    time.sleep(2.5)  # Two epochs: the orders are in the stored state.
    engine.stop()
    assert activations() == []

    policy.write_text(STRICT, encoding="utf-8")
    engine.start(processes=2)
    engine.ready()
    assert [data["by"] for data in activations()] == ["service:run"]
    assert activations()[0]["text"] == STRICT
    # Those that nothing touches have their own second within ten minutes: these are touched.
    produce(real_broker.bootstrap, events, [event("order.updated", f"O-{number}", {"channel": "web"}) for number in range(6)])
    produce(real_broker.bootstrap, events, [placed(number, number % 2) for number in range(6, 10)])
    assert sorted(await_raised(engine, 10)) == sorted(f"O-{number}" for number in range(10))
    engine.stop()

    engine.start(processes=1)
    engine.ready()
    engine.stop()
    assert len(activations()) == 1

    state = engine.state_dir / "state.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "engine": "0.0.1"}))
    engine.start()
    engine.ready()
    produce(real_broker.bootstrap, events, [event("feed.heartbeat", None, {})])
    time.sleep(2.5)
    engine.stop()
    _, upgrade = activations()
    assert (upgrade["text"], str(upgrade["note"]).partition(" → ")[0]) == (STRICT, "engine 0.0.1")
    shown = command("state", "show", "--state", engine.state_dir)
    assert f"by service:run, version {upgrade['version']}" in shown.stdout.decode()

    policy.write_text(UNTESTED, encoding="utf-8")
    words = engine.refused()
    assert "no back-test covers what it makes automatic and cannot be undone: shipment.eta_slip (notify_customer)" in words
    assert len(activations()) == 2

    exported = command("export", "--brokers", real_broker.bootstrap, "--topic", events, "--topic", decisions, "--out", tmp_path / "export")
    assert exported.returncode == 0, exported.stderr.decode()
    files = sorted((tmp_path / "export").iterdir())
    run = command("replay", *files, "--policy", first, "--out", tmp_path / "replayed")
    assert run.returncode == 0, run.stderr.decode()
    for output in ("exceptions", "actions"):
        assert sorted(written(tmp_path / "replayed")[output].splitlines()) == sorted(engine.values(output)), output
    assert "2 policies activated" in run.stdout.decode()
