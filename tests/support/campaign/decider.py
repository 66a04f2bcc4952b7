"""Who decides while everything is killed: reads what was published, and answers as people and a dispatch would, some of it forged."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from heapq import heappop, heappush
from random import Random
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition

from tests.support.campaign.world import instant

PEOPLE = ("user:anna", "user:ben", "user:cara")
OUTCOMES = ("executed", "executed", "executed", "failed", "in_doubt")
AFTER_S = 0.6
"""How long those who decide think at most."""


class Decider(threading.Thread):
    """Follows the topics of exceptions and actions, from its own thread, and writes decisions into theirs, and now and then elsewhere."""

    def __init__(self, bootstrap: str, outputs: dict[str, str], decisions: str, events: str, seed: int) -> None:
        super().__init__(name="decider", daemon=True)
        self.written: Counter[str] = Counter()
        self.failures: list[str] = []
        self._lots = Random(seed)
        self._outputs, self._decisions, self._events = outputs, decisions, events
        self._finishing = threading.Event()
        self._ahead: list[tuple[float, int, str, dict[str, Any]]] = []
        self._number = 0
        quiet = {"bootstrap.servers": bootstrap, "log_level": 0}
        self._producer = Producer({**quiet, "acks": "all", "enable.idempotence": True, "linger.ms": 5, "message.timeout.ms": 600_000})
        self._consumer = Consumer({**quiet, "group.id": "decider", "enable.auto.commit": False, "isolation.level": "read_committed"})

    def finish(self) -> None:
        """Decides nothing more, and waits until all that was decided is in its topic.

        Raises:
            AssertionError: a decision was not acknowledged.
        """
        self._finishing.set()
        self.join()
        assert not self.failures, self.failures[:3]

    def run(self) -> None:
        """Decides; see the class."""
        try:
            self._follow()
        except (KafkaException, BufferError) as failure:
            self.failures.append(repr(failure))
        if self._producer.flush(120):
            self.failures.append("decisions were not acknowledged")

    def _follow(self) -> None:
        read = [self._outputs["actions"], self._outputs["exceptions"]]
        self._consumer.assign([TopicPartition(name, partition, OFFSET_BEGINNING) for name in read for partition in (0, 1)])
        pause_at = time.time() + 5
        while not self._finishing.is_set():
            message = self._consumer.poll(0.02)
            if message is not None and message.error() is None:
                self._answer(json.loads(bytes(message.value() or b"{}")))
            now = time.time()
            if now >= pause_at:
                scope = self._lots.choice(("all", "action:notify_customer", "rule:payment.declined_hard"))
                self._later("automation.paused", "automation", {"scope": scope, "by": "user:anna", "reason": "a drill"})
                self._later("automation.resumed", "automation", {"scope": scope, "by": "user:anna"}, 2.0)
                pause_at = now + 12
            while self._ahead and self._ahead[0][0] <= now:
                _, _, topic, event = heappop(self._ahead)
                self.written["forged" if topic == self._events else event["type"]] += 1
                value = json.dumps({"specversion": "1.0", "source": "/desk", "time": instant(now), **event}).encode()
                self._producer.produce(topic, value, event["subject"].encode(), on_delivery=self._delivered)
            self._producer.poll(0)
        self._consumer.close()

    def _answer(self, event: dict[str, Any]) -> None:
        type_, data, subject = event["type"], event["data"], event["subject"]
        if type_ == "exception.raised":
            self._case(subject, data["exception_id"])
        elif type_.startswith("action."):
            self._action(subject, data)

    def _case(self, subject: str, exception: str) -> None:
        about: dict[str, Any] = {"exception_id": exception, "by": self._lots.choice(PEOPLE)}
        chance = self._lots.random()
        if chance < 0.3:
            self._later("case.acknowledged", subject, about)
        if chance < 0.15:
            self._later("case.assigned", subject, {**about, "assignee": "user:ben"}, AFTER_S)
        if chance < 0.08:
            self._later("case.resolved", subject, {**about, "outcome": "settled by hand"}, 2 * AFTER_S)

    def _action(self, subject: str, data: dict[str, Any]) -> None:
        about: dict[str, Any] = {"action_id": data["action_id"]}
        state = data["state"]
        if state == "proposed" and data["approvals_needed"]:
            read = {**about, "by": self._lots.choice(PEOPLE), "by_roles": ["approver"], "payload_hash": data["payload_hash"]}
            chance = self._lots.random()
            if chance < 0.1:
                self._later("action.approved", subject, {**read, "payload_hash": "0" * 64})
            elif chance < 0.2:
                self._later("action.approved", subject, read, topic=self._events)
            elif chance < 0.8:
                self._later("action.approved" if chance < 0.7 else "action.rejected", subject, read)
        elif state == "requested":
            self._later("action.begun", subject, {**about, "attempt": data["attempt"] + 1})
        elif state == "begun":
            outcome = self._lots.choice(OUTCOMES)
            again = {"retry_at": instant(time.time() + 1)} if outcome == "failed" and self._lots.random() < 0.5 else {}
            self._later(f"action.{outcome}", subject, {**about, "attempt": data["attempt"], **again})
        elif state == "failed" and data["retry_at"]:
            self._later("action.begun", subject, {**about, "attempt": data["attempt"] + 1}, 1.0)
        elif state == "in_doubt":
            self._later("action.observed", subject, {**about, "outcome": self._lots.choice(("executed", "not_executed"))}, 1.0)

    def _later(self, type_: str, subject: str, data: dict[str, Any], after: float = 0.0, *, topic: str = "") -> None:
        self._number += 1
        at = time.time() + after + self._lots.random() * AFTER_S
        event = {"id": f"d-{self._number}", "type": type_, "subject": subject, "data": data}
        heappush(self._ahead, (at, self._number, topic or self._decisions, event))

    def _delivered(self, error: object, message: object) -> None:
        del message
        if error is not None:
            self.failures.append(str(error))
