"""A source record is shown as it came in, wherever it stands: read from Kafka by its place."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dataflows.console.pages.records import ELSEWHERE, GONE, SILENT, KafkaRecords, UnreadableRecordError
from tests.support.brokers import Broker, topic
from tests.support.kafka.process import free_port
from tests.support.live import Given, produce

STAMP = 1_780_000_000_123


def test_a_record_of_a_topic_is_read_by_its_place(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the time of its append; one that is not there says so, and no other topic is read."""
    name = topic(broker, "looked-at", 2, {"message.timestamp.type": "CreateTime"})
    produce(broker.bootstrap, name, [Given(1, b"O-1", f'{{"id":"e{number}"}}'.encode(), STAMP) for number in range(3)])
    records = KafkaRecords({"bootstrap.servers": broker.bootstrap}, [name])
    assert records.reads(name)
    found = records.record(name, 1, 1)
    assert found.value == b'{"id":"e1"}'
    assert found.appended_at == datetime.fromtimestamp(STAMP / 1_000, UTC)
    monkeypatch.setattr("dataflows.console.pages.records.PATIENCE_S", 1.0)
    with pytest.raises(UnreadableRecordError) as refused:
        records.record(name, 1, 7)
    assert str(refused.value) == GONE
    with pytest.raises(UnreadableRecordError) as refused:
        records.record("another-topic", 0, 0)
    assert str(refused.value) == ELSEWHERE


def test_a_broker_that_does_not_answer_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says that it is away."""
    monkeypatch.setattr("dataflows.console.pages.records.PATIENCE_S", 0.3)
    records = KafkaRecords({"bootstrap.servers": f"127.0.0.1:{free_port()}"}, ["order-events"])
    with pytest.raises(UnreadableRecordError) as refused:
        records.record("order-events", 0, 0)
    assert str(refused.value) == SILENT
