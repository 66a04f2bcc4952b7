"""Three nodes of Apache Kafka that replicate to each other, each of which a test may freeze, kill and bring back."""

from __future__ import annotations

import base64
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import uuid4

from confluent_kafka.admin import AdminClient

from tests.support.kafka.base import CLUSTER, Broker, Unavailable, settings
from tests.support.kafka.maven import MavenKafka
from tests.support.kafka.process import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Sequence

COPIES = 3
SESSION_MS = 6_000
"""After so long without a sign of life a broker loses its partitions to others: longer than the short freezes of the tests."""


class Node(MavenKafka):
    """One of the nodes: broker and controller in one process."""

    def __init__(self, number: int, controllers: Sequence[int]) -> None:
        self.number = number
        self._controllers = controllers
        self.frozen = False
        super().__init__()

    def _prepare(self) -> None:
        data = self.home / "data"
        data.mkdir()
        # Kafka takes no directory ID that begins with a dash.
        directory = "A" + base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")[1:]
        (data / "meta.properties").write_text(f"version=1\ncluster.id={CLUSTER}\nnode.id={self.number}\ndirectory.id={directory}\n")
        voters = ",".join(f"{number}@{HOST}:{port}" for number, port in enumerate(self._controllers, 1))
        properties = settings(self.bootstrap, self.bootstrap, f"{HOST}:{self._controllers[self.number - 1]}") | {
            "node.id": str(self.number),
            "controller.quorum.voters": voters,
            "log.dirs": str(data),
            "default.replication.factor": str(COPIES),
            "min.insync.replicas": "2",
            "offsets.topic.replication.factor": str(COPIES),
            "transaction.state.log.replication.factor": str(COPIES),
            "transaction.state.log.min.isr": "2",
            "broker.session.timeout.ms": str(SESSION_MS),
            # A follower that hangs holds everything up until it is left behind: 30 s by default.
            "replica.lag.time.max.ms": "10000",
            # Who leads is the tests' affair.
            "auto.leader.rebalance.enable": "false",
        }
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))

    @property
    def alive(self) -> bool:
        """Whether it runs and is not frozen."""
        return not self.frozen and self._process.poll() is None

    def freeze(self) -> None:
        """Stops it where it stands (SIGSTOP): its connections stay open and nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        """Lets it go on as if no time had passed (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)
        self.frozen = False

    def stop(self) -> None:
        """Ends it for good; one that is frozen would not hear of it."""
        if self.frozen:
            self.thaw()
        super().stop()


class ReplicatedKafka(Broker):
    """Three nodes with three copies of each partition, two of which must have a record before `acks=all` is answered.

    `nodes` are by number. Ready in about 5 s.

    Raises:
        Unavailable: as `MavenKafka`.
    """

    real = True
    killable = True

    def __init__(self) -> None:
        controllers = [free_port() for _ in range(COPIES)]
        with ThreadPoolExecutor(COPIES) as pool:
            started = [pool.submit(Node, number, controllers) for number in range(1, COPIES + 1)]
        failed = [error for start in started if (error := start.exception()) is not None]
        self.nodes: dict[int, Node] = {start.result().number: start.result() for start in started if start.exception() is None}
        if failed:
            self.stop()
            raise failed[0]
        self.bootstrap = ",".join(node.bootstrap for node in self.nodes.values())
        self._await()
        self.rung = f"{COPIES} nodes of {MavenKafka.rung}"

    def _await(self) -> None:
        """Waits until each node knows of all."""
        clients = [AdminClient({"bootstrap.servers": node.bootstrap}) for node in self.nodes.values()]
        give_up = time.monotonic() + MavenKafka.patience
        while any(len(client.list_topics(timeout=30).brokers) < COPIES for client in clients):
            if time.monotonic() > give_up:
                self.stop()
                raise Unavailable(f"{COPIES} brokers did not find each other within {MavenKafka.patience:.0f} s")
            time.sleep(0.1)

    def leader(self, topic: str, partition: int = 0) -> Node:
        """The node that leads a partition, as soon as whoever is asked has heard of one that runs."""
        client = AdminClient({"bootstrap.servers": self.bootstrap})
        for _ in range(600):
            known = client.list_topics(topic, timeout=30).topics[topic].partitions
            found = self.nodes.get(known[partition].leader) if partition in known else None
            if found is not None and found.alive:
                return found
            time.sleep(0.1)
        raise Unavailable(f"{topic}:{partition} got no leader within a minute")

    def followers(self, *places: tuple[str, int]) -> list[Node]:
        """The nodes that lead none of some partitions: those that do nothing but copy them."""
        leading = {self.leader(topic, partition).number for topic, partition in places}
        return [node for number, node in self.nodes.items() if number not in leading]

    def kill(self) -> None:
        """Ends all nodes at once (SIGKILL)."""
        for node in self.nodes.values():
            node.kill()

    def restart(self) -> None:
        """Brings all nodes back."""
        with ThreadPoolExecutor(COPIES) as pool:
            list(pool.map(Node.restart, self.nodes.values()))

    def stop(self) -> None:
        """Ends all nodes for good and removes their data."""
        with ThreadPoolExecutor(COPIES) as pool:
            list(pool.map(Node.stop, self.nodes.values()))
