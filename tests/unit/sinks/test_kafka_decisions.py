"""Decisions are acknowledged when `write` returns, and it never waits longer than it says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sinks.decisions import RefusedDecisionError, UnwrittenError
from sinks.kafka.decisions import KafkaDecisionWriter

BEGUN = {"specversion": "1.0", "id": "a:begun:1", "source": "/orderwatch/dispatch", "type": "action.begun", "subject": "SO-1"}


@pytest.fixture
def writer() -> Iterator[KafkaDecisionWriter]:
    """A writer to librdkafka's own mock of a cluster."""
    made = KafkaDecisionWriter({"test.mock.num.brokers": 1}, "order-decisions", 5.0)
    yield made
    made.close()


def test_a_write_returns_once_all_are_acknowledged(writer: KafkaDecisionWriter) -> None:
    """The mock acknowledges as a broker does; a second write goes on."""
    writer.write([BEGUN, {**BEGUN, "id": "a:executed:1"}])
    writer.write([])
    writer.write([{**BEGUN, "subject": None}])


def test_a_decision_that_is_too_large_is_not_written(writer: KafkaDecisionWriter) -> None:
    """The error says which topic, and nothing of the decision."""
    with pytest.raises(RefusedDecisionError, match=r"^topic order-decisions: ") as raised:
        writer.write([{**BEGUN, "data": {"text": "secret" * 1_000_000}}])
    assert "secret" not in str(raised.value)
    writer.write([BEGUN])


def test_without_a_broker_it_says_so_in_time() -> None:
    """Nothing listens at port 1; the client gives up by its own time limit, before ours."""
    complaints: list[str] = []
    writer = KafkaDecisionWriter({"bootstrap.servers": "127.0.0.1:1"}, "order-decisions", 0.2, complaints.append)
    with pytest.raises(UnwrittenError, match=r"_MSG_TIMED_OUT|did not answer") as raised:
        writer.write([BEGUN])
    assert not isinstance(raised.value, RefusedDecisionError)
    writer.close()
    assert complaints
