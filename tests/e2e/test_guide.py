"""The guide "Connect your shop in an hour" (`sources/README.md`), followed as it is written: its settings, its script, its words."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest
import yaml

from dataflows.settings.gateway import GatewaySettings
from tests.support.brokers import topic
from tests.support.gateway import Gateway
from tests.support.live import PATIENCE, Engine, committed, partitions
from tests.support.replays import command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.brokers import Broker

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "sources" / "README.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "sources" / "examples"
REQUESTS = sorted((EXAMPLES / "life").glob("*.json"))
POLICY = EXAMPLES / "shop.policy.yaml"
SETTINGS = cast("dict[str, Any]", yaml.safe_load(GUIDE.partition("<<'YAML'\n")[2].partition("\nYAML\n")[0]))
SECRETS = dict(re.findall(r"(\w+_SECRET)=(\S+)", GUIDE))


def sent(port: int, *requests: Path, **secrets: str) -> list[str]:
    """What the guide's script prints of sending requests to the connections named `tea`."""
    script = [sys.executable, str(EXAMPLES / "send.py"), f"http://127.0.0.1:{port}", "tea", *map(str, requests)]
    done = subprocess.run(script, env={**os.environ, **SECRETS, **secrets}, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with the settings of the guide, but on ports of its own."""
    found = Gateway(tmp_path / "gateway", {})
    del found.settings["state"]
    found.environment = SECRETS
    given = SETTINGS["gateway"] | {"dir": str(tmp_path / "kept"), "port": found.port}
    found.settings["gateway"] = given
    yield found
    found.destroy()


def of_late(path: Path, folder: Path) -> Path:
    """The same request as if it had been sent these days: what is half a year old the live engine rejects."""
    days = (datetime.now(UTC).date() - date(2026, 5, 5)).days
    text = re.sub(r"2026-05-\d\d", lambda match: str(date.fromisoformat(match[0]) + timedelta(days)), path.read_text(encoding="utf-8"))
    text = re.sub(r"\b1777\d{6}\b", lambda match: str(int(match[0]) + 86_400 * days), text)
    folder.mkdir(exist_ok=True)
    (folder / path.name).write_text(text, encoding="utf-8")
    return folder / path.name


def test_the_guide_as_it_is_written(gateway: Gateway, tmp_path: Path) -> None:
    """Six requests are taken, one sent again is written once, a forged one is not taken; the replay prints what the guide shows."""
    gateway.start()
    assert sent(gateway.port, *REQUESTS) == [f"200 {path.name}" for path in REQUESTS]
    log = tmp_path / "kept" / "events.jsonl"
    before = log.read_bytes()
    assert sent(gateway.port, REQUESTS[1]) == [f"200 {REQUESTS[1].name}"]
    assert sent(gateway.port, REQUESTS[0], SHOPIFY_SECRET="another") == [f"401 {REQUESTS[0].name}"]
    assert log.read_bytes() == before
    assert gateway.stop() == 0
    done = command("replay", log, "--policy", POLICY, "--until", "2026-05-12T00:00:00Z", "--out", tmp_path / "verdicts")
    said = [" ".join(line.split()) for line in (done.stdout + done.stderr).decode().splitlines()]
    shown = [" ".join(line.split()) for line in GUIDE.splitlines() if line.startswith(("payment.declined_soft", "shipment.scan_gap"))]
    assert len(shown) == 2
    assert [line for line in said if line.startswith(("payment.", "shipment."))] == shown


def test_the_guide_sends_to_where_its_gateway_listens() -> None:
    """Its settings state no port, so that it is the default one; the tests above and below use ports of their own."""
    assert "port" not in SETTINGS["gateway"]
    assert f"http://localhost:{GatewaySettings().port} tea" in GUIDE


def test_live_from_the_webhook_to_the_exception(
    gateway: Gateway, real_broker: Broker, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """With Kafka instead of files: what Shopify and Stripe send is, moments later, an exception in its topic."""
    events = topic(real_broker, "guide", 3)
    engine = Engine(tmp_path / "engine", real_broker.bootstrap, f"{events}-said", (events,), POLICY)
    request.addfinalizer(engine.destroy)
    gateway.settings["kafka"] = {"brokers": [real_broker.bootstrap]}
    gateway.settings["gateway"] |= {"output": "kafka", "topic": events}
    gateway.start()
    engine.start()
    engine.ready()
    requests = [of_late(path, tmp_path / "requests") for path in REQUESTS[:3]]
    assert sent(gateway.port, *requests) == [f"200 {path.name}" for path in requests]
    give_up = time.monotonic() + PATIENCE
    found: list[dict[str, Any]] = []
    while len(found) < 2:
        assert time.monotonic() < give_up, engine.last_words()
        name = engine.topic("exceptions")
        values = committed(real_broker.bootstrap, name) if partitions(real_broker.bootstrap, name) else []
        found = [orjson.loads(record.value) for record in values]
        time.sleep(0.1)
    engine.stop()
    assert gateway.stop() == 0
    assert [(one["type"], one["subject"], one["data"]["kind"]) for one in found] == [
        ("exception.raised", "5501234567890", "payment.declined_soft"),
        ("exception.resolved", "5501234567890", "payment.declined_soft"),
    ]
    assert [proof["source"] for proof in found[0]["data"]["evidence"]] == ["/payments/stripe/tea"]
