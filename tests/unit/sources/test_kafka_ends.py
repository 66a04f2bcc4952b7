"""Where partitions end, as the brokers say: an answer that did not come is none, whatever the client makes of it."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from sources.kafka.broker import end_of
from sources.kafka.ends import Ends
from sources.kafka.lane import Lane
from sources.kafka.settings import KafkaInputError
from sources.messages import PartitionLog

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient


@dataclass
class Answered:
    """An answer of the client."""

    offset: int


@dataclass
class Admin:
    """A client whose answers the test gives."""

    asked: list[Future[Answered]] = field(default_factory=list[Future[Answered]])

    def list_offsets(self, places: dict[TopicPartition, object], **more: object) -> dict[TopicPartition, Future[Answered]]:
        """Takes a question."""
        del more
        futures: dict[TopicPartition, Future[Answered]] = {place: Future() for place in places}
        self.asked += futures.values()
        return futures


def ends(admin: Admin, complaints: list[int]) -> Ends:
    """The ends of partitions as `admin` tells them; the clock stands at 7."""
    return Ends(cast("AdminClient", admin), lambda: 7, lambda error: complaints.append(error.code()))


def test_an_answer_without_an_offset_is_no_proof_that_a_partition_has_been_read() -> None:
    """A connection that breaks gives an answer that looks like a success; what was known stays, and it is asked again."""
    admin, complaints = Admin(), list[int]()
    asked, lane = ends(admin, complaints), Lane(PartitionLog("events", 0, create_time=False))
    for offset in (12, OFFSET_INVALID):
        asked.ask([lane])
        admin.asked[-1].set_result(Answered(offset))
        asked.look()
    assert asked.known[lane.channel] == (7, 12)
    assert complaints == [KafkaError._TRANSPORT]
    asked.ask([lane])
    assert len(admin.asked) == 3


def test_who_waits_for_an_end_is_told_that_it_did_not_come() -> None:
    """An export must not take a partition for empty."""
    answer: Future[Answered] = Future()
    answer.set_result(Answered(OFFSET_INVALID))
    with pytest.raises(KafkaException, match="broke"):
        end_of(answer)


def test_a_refusal_is_final() -> None:
    """A question that is not allowed is not asked for ever."""
    admin = Admin()
    asked = ends(admin, [])
    asked.ask([Lane(PartitionLog("events", 0, create_time=False))])
    admin.asked[-1].set_exception(KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)))
    with pytest.raises(KafkaInputError, match="cannot be asked for"):
        asked.look()
