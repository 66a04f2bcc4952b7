"""Who tells the world to Kafka, in real time, whatever is killed meanwhile."""

from __future__ import annotations

import threading
import time
from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException, Producer

from tests.support.campaign.world import LONGEST, Line, World

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

HEARTBEAT_S = 0.5


class Teller(threading.Thread):
    """Writes orders as they happen, from its own thread; waits for the broker as long as it takes.

    After `finish` no more orders are placed, those that are under way are told to their end, and the carrier stays alive until the last
    deadline has passed.
    """

    def __init__(self, bootstrap: str, topic: str, rate: float, seed: int) -> None:
        super().__init__(name="teller", daemon=True)
        self.acknowledged = 0
        self.failures: list[str] = []
        self._world = World(Random(seed))
        self._topic = topic
        self._rate = rate
        self._finishing = threading.Event()
        # The broker may be away for a while, again and again: a record is tried until it is there.
        options = {"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True, "linger.ms": 5, "message.timeout.ms": 600_000}
        self._producer = Producer({**options, "log_level": 0})

    @property
    def orders(self) -> int:
        """How many orders were placed."""
        return self._world.orders

    def finish(self) -> None:
        """Brings everything to its end and waits for it.

        Raises:
            AssertionError: a record was not acknowledged.
        """
        self._finishing.set()
        self.join()
        assert not self.failures, self.failures[:3]

    def run(self) -> None:
        """Tells; see the class."""
        try:
            self._tell()
        except (KafkaException, BufferError) as failure:
            self.failures.append(repr(failure))
        left = self._producer.flush(120)
        if left:
            self.failures.append(f"{left} records were not acknowledged")

    def _tell(self) -> None:
        ahead: list[Line] = []
        next_order = next_beat = time.time()
        last_deadline = 0.0
        while not (self._finishing.is_set() and time.time() > last_deadline):
            now = time.time()
            while next_order <= now:
                if not self._finishing.is_set():
                    for line in self._world.order(next_order):
                        heappush(ahead, line)
                        last_deadline = max(last_deadline, line.at + LONGEST)
                next_order += 1 / self._rate
            while next_beat <= now:
                heappush(ahead, self._world.heartbeat(next_beat))
                next_beat += HEARTBEAT_S
            while ahead and ahead[0].at <= now:
                line = heappop(ahead)
                self._producer.produce(self._topic, line.value, line.key, on_delivery=self._delivered)
            self._producer.poll(0.02)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        del message
        if error is None:
            self.acknowledged += 1
        else:
            self.failures.append(str(error))
