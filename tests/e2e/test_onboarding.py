"""A history that is loaded when a shop begins, live on Kafka, under the built-in policy: what is over is not raised, nothing is done."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

from sources.simulator import OPENING, stream
from tests.oracle.judging.reading import instant
from tests.support import live
from tests.support.brokers import topic
from tests.support.live import Engine, Given, committed, produce
from tests.support.logs import DAY, HOUR, iso

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.brokers import Broker

ORDERS = int(os.environ.get("ORDERWATCH_ORDERS", "1500"))
PARTITIONS = 3
LOADED = OPENING * 1_000_000 + 45 * DAY
"""When the history is loaded: as many orders are on their way as on any day."""
BY_PRODUCERS = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}

pytestmark = pytest.mark.slow


def history() -> Iterator[Given]:
    """All that had been said by then, in one load: thousands of records a second, in the order in which they had been said."""
    number = 0
    for line in stream(ORDERS, 5):
        event = json.loads(line)
        if instant(str(event.get("recordedtime", event["time"]))) <= LOADED:
            key = str(event.get("subject") or event["data"].get("tracking_number") or event["source"]).encode()
            yield Given(crc32(key) % PARTITIONS, key, line, LOADED // 1_000 + number // 5)
            number += 1


def test_a_history_that_is_loaded_requests_nothing_and_takes_nothing_back(
    real_broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every order is judged within six hours of it: what stood open then is said, as begun in history, and its actions are proposed."""
    monkeypatch.setattr(live, "PATIENCE", max(live.PATIENCE, ORDERS / 10))
    events = topic(real_broker, "history", PARTITIONS, BY_PRODUCERS)
    produce(real_broker.bootstrap, events, history())
    until = iso(LOADED + 8 * HOUR)
    engine = Engine(tmp_path, real_broker.bootstrap, events, (events,), inputs={"until": until})
    engine.run(allow_create_time=True)
    said = [json.loads(record.value) for record in committed(engine.bootstrap, engine.topic("exceptions"))]
    types = Counter(str(event["type"]) for event in said)
    actions = Counter(str(json.loads(record.value)["type"]) for record in committed(engine.bootstrap, engine.topic("actions")))
    raised = [event["data"] for event in said if event["type"] == "exception.raised"]
    figures = f"{ORDERS} orders: {dict(types)}, {sum(bool(one['backfilled']) for one in raised)} backfilled, {dict(actions)}"
    print(figures)  # noqa: T201 - for whoever runs it at full size
    assert len(raised) >= ORDERS // 100, figures
    assert actions["action.requested"] == 0, figures
    assert actions["action.proposed"] > 0, figures
    assert 100 * types["exception.retracted"] <= len(raised), figures
