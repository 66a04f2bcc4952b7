"""Whatever is killed, and whenever: the events of every webhook that was answered with 2xx are in the log, and nothing else is.

`ORDERWATCH_KILLS` is how often each test kills (default 6).
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from tests.support.brokers import topic
from tests.support.campaign.webhooks import MAX_BODY, SCHEME, Outcome, campaign, compared
from tests.support.gateway import Gateway
from tests.support.live import committed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.brokers import Broker

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("ORDERWATCH_KILLS", "6"))
CONNECTIONS = {"easypost/acme": {"scheme": SCHEME, "max_body_bytes": MAX_BODY}}


def held(outcome: Outcome, capsys: pytest.CaptureFixture[str]) -> None:
    """Asserts what every campaign must come to, and prints its figures."""
    with capsys.disabled():
        print(f"\n  {outcome}")  # noqa: T201 - the figures are what the test is for
    told = outcome.told
    assert told.wrong == []
    assert outcome.missing == []
    assert outcome.foreign == []
    assert outcome.different == []
    # It was a fair fight: deliveries were cut off, and intruders were answered.
    assert told.answers["sent again"] > 0
    assert {f"{how}: {status}" for how, status in (("forged", 401), ("stale", 401), ("oversized", 413))} <= told.answers.keys()
    assert any(event["type"] == "evidence.withdrawn" for event in told.expected.values())


def test_nothing_that_was_accepted_is_lost_from_the_embedded_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The gateway is killed under load; each start cuts off what a crash left torn."""
    gateway = Gateway(tmp_path / "gateway", CONNECTIONS, gateway={"output": "log", "log_file_bytes": 1 << 20})
    gateway.start()
    try:
        told, kills = asyncio.run(campaign(gateway, KILLS, seed=1))
        assert gateway.stop() == 0
    finally:
        gateway.destroy()
    held(compared(told, gateway.events(), kills), capsys)


def test_nothing_that_was_accepted_is_lost_from_kafka(own_broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The gateway and the broker are killed by lot; while the broker is away senders are told to come again."""
    name = topic(own_broker, "hooks", partitions=2)
    kafka = {"brokers": [own_broker.bootstrap]}
    gateway = Gateway(tmp_path / "gateway", CONNECTIONS, kafka=kafka, gateway={"topic": name, "write_timeout_seconds": 2})
    gateway.start()
    try:
        told, kills = asyncio.run(campaign(gateway, KILLS, seed=2, broker=own_broker))
        assert gateway.stop() == 0
    finally:
        gateway.destroy()
    held(compared(told, (record.value for record in committed(own_broker.bootstrap, name)), kills), capsys)
