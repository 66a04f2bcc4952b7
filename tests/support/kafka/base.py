"""What every rung gives: a broker that can be killed and brought back."""

from __future__ import annotations

from abc import ABC, abstractmethod

VERSION = "3.9.1"
"""The Apache Kafka that tests run on, whichever rung brings it."""

CLUSTER = "b3JkZXJ3YXRjaC10ZXN0cw"
"""The cluster ID: a base64 UUID, as Kafka demands."""


class Unavailable(Exception):  # noqa: N818 - an answer, not a failure
    """This rung cannot be had here; the message says why."""


class Broker(ABC):
    """A running Kafka for tests.

    Attributes:
        bootstrap: `host:port`, for `bootstrap.servers`; the same after a restart.
        rung: which Kafka this is, for people.
        real: whether it is Apache Kafka itself. What is not one cannot show transactions, fencing, lag or the end of a partition.
        killable: whether a test may kill it and have it back with its data.
    """

    bootstrap: str
    rung: str
    real: bool
    killable: bool

    @abstractmethod
    def kill(self) -> None:
        """Ends it as a power cut would (SIGKILL)."""

    @abstractmethod
    def restart(self) -> None:
        """Brings it back on the same port with the same data, and returns when it answers."""

    @abstractmethod
    def stop(self) -> None:
        """Ends it for good and removes its data."""


def settings(listen: str, advertised: str, controller: str) -> dict[str, str]:
    """The properties of a single KRaft node that starts fast and forgives a SIGKILL.

    Args:
        listen: host and port that clients reach, as bound.
        advertised: the same as clients see it.
        controller: host and port of the controller.
    """
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{listen},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{advertised}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "auto.create.topics.enable": "false",
        # Little work: one node, few threads, one partition for each of Kafka's own topics.
        "num.network.threads": "2",
        "num.io.threads": "3",
        "num.recovery.threads.per.data.dir": "2",
        "background.threads": "2",
        "log.cleaner.dedupe.buffer.size": "8388608",
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        "group.initial.rebalance.delay.ms": "0",
        # A killed broker may register again only when the session of the killed one is over: 9 s by default.
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "400",
    }
