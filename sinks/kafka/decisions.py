"""Decisions written to their Kafka topic: idempotent, acknowledged by all replicas in sync, the subject as key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Condition, Event, Lock, Thread
from typing import Any, Final

import orjson
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from sinks.decisions import RefusedDecisionError, UnwrittenError
from sinks.kafka.errors import kafka_error

LARGEST_DECISION: Final = 2 << 20
"""Bytes that the client lets pass; `policy.activated` is the largest."""
GRACE_S: Final = 2.0
"""By how much the client's own time limit comes before ours."""
REFUSED: Final = frozenset((KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD))
"""What client or broker say of a record that they will never take as it is."""
HEADERS: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


class _Deliveries:
    """The decisions of one call on their way; told on the client's thread, waited for on the caller's."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._changed = Condition()
        self.error: KafkaError | None = None

    def delivered(self, error: KafkaError | None, message: Message) -> None:
        """One decision is acknowledged, or will not be."""
        del message
        with self._changed:
            self._left -= 1
            self.error = self.error or error
            self._changed.notify_all()

    def wait(self, timeout: float) -> bool:
        """Whether all have been heard of in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._left == 0, timeout)


class KafkaDecisionWriter:
    """A `sinks.decisions.DecisionWriter` on a topic of Kafka; any number of threads may write.

    A call returns once all its decisions are acknowledged, or raises UnwrittenError after `timeout` (s) and two seconds more: some may be
    there then, so that whoever repeats them must use the same IDs. Decisions about one subject keep their order. `client` holds
    librdkafka's options; `on_error` is told what it complains of. Raises KafkaException, ValueError or TypeError for unusable options.
    """

    def __init__(
        self, client: Mapping[str, object], topic: str, timeout: float = 10.0, on_error: Callable[[str], None] = lambda _: None
    ) -> None:

        def complain(error: KafkaError) -> None:
            on_error(_said(error))

        self._topic, self._timeout = topic, timeout
        self._settings: dict[str, Any] = {
            "log_level": 2,
            "linger.ms": 2,
            "compression.type": "lz4",
            "message.max.bytes": LARGEST_DECISION,
            **client,
            "partitioner": "murmur2_random",  # the partition that Kafka's own clients choose for a key
            "enable.idempotence": True,
            "acks": "all",
            "message.timeout.ms": max(1, int(timeout * 1_000)),
            "error_cb": complain,
        }
        self._lock = Lock()
        self._producer = Producer(self._settings)
        self._closing = Event()
        self._thread = Thread(target=self._serve, name="decisions", daemon=True)
        self._thread.start()

    def write(self, decisions: Sequence[Mapping[str, object]]) -> None:
        """Returns once all are acknowledged by the replicas in sync. Raises UnwrittenError, RefusedDecisionError if one is never taken."""
        if not decisions:
            return
        deliveries = _Deliveries(len(decisions))
        records = [(str(each.get("subject") or "").encode() or None, orjson.dumps(each)) for each in decisions]
        with self._lock:  # so that what two threads write about one order does not mix
            for key, value in records:
                self._produce(key, value, deliveries)
        if not deliveries.wait(self._timeout + GRACE_S):
            raise UnwrittenError(f"topic {self._topic}: the brokers did not answer within {self._timeout:g} s")
        if deliveries.error is not None:
            self._renew(deliveries.error)
            raise self._unwritten(deliveries.error)

    def close(self) -> None:
        """Waits for what is under way, as long as a call would."""
        self._producer.flush(self._timeout + GRACE_S)
        self._closing.set()
        self._thread.join()

    def _produce(self, key: bytes | None, value: bytes, deliveries: _Deliveries) -> None:
        try:
            self._producer.produce(self._topic, value, key, on_delivery=deliveries.delivered, headers=HEADERS)  # type: ignore[arg-type]
        except BufferError as error:
            raise UnwrittenError(f"topic {self._topic}: too much waits for the brokers") from error
        except KafkaException as error:
            failure = kafka_error(error)
            self._renew(failure)
            raise self._unwritten(failure) from error

    def _unwritten(self, error: KafkaError) -> UnwrittenError:
        kind = RefusedDecisionError if error.code() in REFUSED else UnwrittenError
        return kind(f"topic {self._topic}: {_said(error)}")

    def _renew(self, error: KafkaError) -> None:
        """An idempotent producer that has lost count never recovers; a new one begins to count anew."""
        if error.fatal():
            self._producer = Producer(self._settings)

    def _serve(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(0.1)


def _said(error: KafkaError) -> str:
    return f"{error.name()}: {error.str()}"
