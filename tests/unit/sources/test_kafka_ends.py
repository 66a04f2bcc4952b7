"""Where partitions end, as the brokers say: an answer that did not come is none, whatever the client makes of it."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from sources.kafka.broker import end_of, ends_of
from sources.kafka.ends import Ends, Growth
from sources.kafka.partition import PartitionReader
from sources.kafka.settings import KafkaInputError, ReplacedError
from sources.messages import PartitionLog

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient


@dataclass
class Answered:
    """An answer of the client."""

    offset: int


@dataclass
class Described:
    """A topic as the client describes it."""

    topic_id: object
    partitions: list[None]


@dataclass
class Describing:
    """A client that answers at once, whatever the topics are."""

    answers: dict[str, Described | KafkaException]

    def describe_topics(self, topics: object, **more: object) -> dict[str, Future[Described]]:
        """Answers for all."""
        del topics, more
        futures: dict[str, Future[Described]] = {}
        for name, answer in self.answers.items():
            futures[name] = Future()
            if isinstance(answer, Described):
                futures[name].set_result(answer)
            else:
                futures[name].set_exception(answer)
        return futures


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
    asked, reader = ends(admin, complaints), PartitionReader(PartitionLog("events", 0, create_time=False))
    for offset in (12, OFFSET_INVALID):
        asked.ask([reader])
        admin.asked[-1].set_result(Answered(offset))
        asked.look()
    assert asked.known[reader.channel] == (7, 12)
    assert complaints == [KafkaError._TRANSPORT]
    asked.ask([reader])
    assert len(admin.asked) == 3


def test_who_waits_for_an_end_is_told_that_it_did_not_come() -> None:
    """An export must not take a partition for empty."""
    answer: Future[Answered] = Future()
    answer.set_result(Answered(OFFSET_INVALID))
    with pytest.raises(KafkaException, match="broke"):
        end_of(answer)


@dataclass
class Scripted:
    """A client that answers each question with the next of its answers."""

    answers: list[int | KafkaError]

    def list_offsets(self, places: dict[TopicPartition, object], **more: object) -> dict[TopicPartition, Future[Answered]]:
        """Answers at once."""
        del more
        answer, future = self.answers.pop(0), Future[Answered]()
        if isinstance(answer, int):
            future.set_result(Answered(answer))
        else:
            future.set_exception(KafkaException(answer))
        return dict.fromkeys(places, future)


def test_a_leader_that_moves_is_asked_again_and_a_refusal_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Right after a topic is made its leader's epoch is not known everywhere; what asking again does not change is said at once."""
    monkeypatch.setattr("sources.kafka.broker.MOVING_S", 0.0)
    moving = Scripted([KafkaError(KafkaError.FENCED_LEADER_EPOCH), KafkaError(KafkaError.UNKNOWN_LEADER_EPOCH), 12])
    assert ends_of(cast("AdminClient", moving), {"events-0": ("events", 0)}) == {"events-0": 12}
    refusing = Scripted([KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED), 12])
    with pytest.raises(KafkaException):
        ends_of(cast("AdminClient", refusing), {"events-0": ("events", 0)})
    assert refusing.answers == [12]


def test_a_refusal_is_final() -> None:
    """A question that is not allowed is not asked for ever."""
    admin = Admin()
    asked = ends(admin, [])
    asked.ask([PartitionReader(PartitionLog("events", 0, create_time=False))])
    admin.asked[-1].set_exception(KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)))
    with pytest.raises(KafkaInputError, match="cannot be asked for"):
        asked.look()


NONE = "AAAAAAAAAAAAAAAAAAAAAA"


@pytest.mark.parametrize(("read", "written", "again"), [("A", "B", None), ("X", "B", "events"), ("A", "X", "verdicts"), (NONE, NONE, None)])
def test_a_topic_that_is_made_again_is_noticed_while_the_engine_runs(read: str, written: str, again: str | None) -> None:
    """Of those that are read and those that are written; where the brokers tell no ID there is nothing to compare."""
    admin = Describing({"events": Described(read, [None] * 2), "verdicts": Described(written, [None] * 9)})
    growth = Growth(cast("AdminClient", admin), {"events": 2}, lambda _: None, {"events": "A", "verdicts": "B"})
    growth.ask()
    if again is None:
        growth.look()
        assert growth.found is None
    else:
        with pytest.raises(ReplacedError, match=rf"topic {again} was deleted and made again while the engine ran \(ID X, it was [AB]\)"):
            growth.look()


def test_a_topic_that_is_not_there_for_a_moment_is_asked_for_again() -> None:
    """It is being made again, or a broker does not know of it yet."""
    complaints: list[int] = []
    admin = Describing({"events": KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))})
    growth = Growth(cast("AdminClient", admin), {"events": 2}, lambda error: complaints.append(error.code()), {"events": "A"})
    growth.ask()
    growth.look()
    assert complaints == [KafkaError.UNKNOWN_TOPIC_OR_PART]
    admin.answers = {"events": Described("A", [None] * 3)}
    growth.ask()
    growth.look()
    assert growth.found is not None
