"""Reading an output partition back: without an answer from the broker it is not taken for empty."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaException, TopicPartition

from sinks.kafka.errors import is_final, kafka_error
from sinks.kafka.readback import ReadBack
from sinks.kafka.reading import read_back

if TYPE_CHECKING:
    from sinks.kafka.reading import OutputAdmin


@dataclass
class Answered:
    """An answer of the client."""

    offset: int


class Broken:
    """A client whose connection breaks at each question: it answers without an error and without an offset."""

    def list_offsets(self, places: dict[TopicPartition, object], **more: object) -> dict[TopicPartition, Future[Answered]]:
        """Answers at once."""
        del more
        future: Future[Answered] = Future()
        future.set_result(Answered(OFFSET_INVALID))
        return dict.fromkeys(places, future)


def test_an_answer_without_an_offset_is_asked_for_again() -> None:
    """Else nothing would be read back, and what a run before a crash had written would be written twice."""
    with pytest.raises(KafkaException) as raised:
        read_back({}, cast("OutputAdmin", Broken()), TopicPartition("out", 0), 5, None, b"state", ReadBack(None))
    assert not is_final(kafka_error(raised.value))
