"""Where events go: the embedded log, or a Kafka topic. Both return once the events are durable, or raise within a bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread
from typing import Any, Final, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import ConfigResource, ResourceType, TopicMetadata

from sources.adapters.output import Draft
from sources.adapters.translate import encoded, key_of
from sources.gateway.group import ClosedError
from sources.gateway.journal import Journal
from sources.gateway.probing import Ailing, Probe
from sources.kafka.broker import DEFAULTS, PATIENCE, admin, describe

LARGEST_RECORD: Final = 2 << 20
"""What the client lets pass (bytes): events are at most 1 MiB; the topic's max.message.bytes decides."""
MOST_QUEUED: Final = 100_000
QUEUED_KBYTES: Final = 64 << 10
GRACE_S: Final = 2.0
"""By how much the client's own time limit comes before ours."""
METADATA_S: Final = 0.75
"""How long a probe waits for an answer of a broker, and then of another: the first one may just have gone."""
HEADERS: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
UNFIT: Final = frozenset(
    (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE, KafkaError.INVALID_RECORD, KafkaError.POLICY_VIOLATION)
)
"""What no second try mends: it is about the record, not about the broker."""


class UnavailableError(Exception):
    """The events are not known to be durable: the sender must come again. The message says why, without any of their content."""


class UnfitEventError(Exception):
    """The topic will never take an event; the message says why, without any of its content."""


class EventWriter(Protocol):
    """Makes events durable."""

    @property
    def ailment(self) -> str | None:
        """Why nothing can be written at the moment; None if nothing is known to be wrong."""
        ...

    async def write(self, events: Sequence[Draft]) -> None:
        """Returns once all events are durable. Raises UnavailableError, UnfitError."""
        ...

    def close(self) -> None:
        """Brings to an end what is under way."""
        ...


class LogWriter:
    """The embedded log: lines of a journal, which `orderwatch replay` reads."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._last = Ailing()

    @property
    def ailment(self) -> str | None:
        """Why the last write failed."""
        return self._last.ailment

    async def write(self, events: Sequence[Draft]) -> None:
        """Returns once the events are on the disk."""
        try:
            await self._journal.write([encoded(event) for event in events])
        except OSError as error:
            text = f"the log cannot be written: {(error.strerror or str(error)).lower()}"
            self._last.ails(text)
            raise UnavailableError(text) from error
        except ClosedError as error:
            raise UnavailableError("the gateway is stopping") from error
        self._last.well()

    def close(self) -> None:
        """Writes what waits."""
        self._journal.close()


class _Batch:
    """The events of one request on their way to the broker. Told of deliveries on the client's thread, waited for on the loop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, count: int) -> None:
        self._loop = loop
        self._left = count
        self._error: KafkaError | None = None
        self.done: asyncio.Future[KafkaError | None] = loop.create_future()

    def delivered(self, error: KafkaError | None, message: Message) -> None:
        """One event is delivered, or will not be."""
        del message
        self._left -= 1
        self._error = self._error or error
        if not self._left and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        if not self.done.done():
            self.done.set_result(self._error)


class KafkaWriter:
    """A Kafka topic: idempotent, acknowledged by all replicas in sync, the key of each record that of its event.

    Also where nobody writes, it asks the brokers every second who leads the topic's partitions, and whether enough replicas are in sync.

    `timeout` (s) bounds how long a request waits; what is not acknowledged by then is dropped from the queue, whose size is bounded too.
    `client` holds librdkafka's options; `on_error` is told what it complains of. `in_sync`: the topic's min.insync.replicas.

    Raises KafkaException, ValueError or TypeError when made with unusable options.
    """

    def __init__(
        self,
        client: Mapping[str, object],
        topic: str,
        timeout: float,
        on_error: Callable[[str], None] = lambda _: None,
        *,
        in_sync: int = 1,
    ) -> None:
        self._down: str | None = None
        """That no broker is connected, as long as none has answered since."""

        def complain(error: KafkaError) -> None:
            if error.code() == KafkaError._ALL_BROKERS_DOWN:
                self._down = describe(error)
            on_error(describe(error))

        self._last = Ailing()
        self._in_sync = in_sync
        self._topic, self._timeout = topic, timeout
        self._settings: dict[str, Any] = {
            **DEFAULTS,
            "linger.ms": 2,
            "compression.type": "lz4",
            "message.max.bytes": LARGEST_RECORD,
            "queue.buffering.max.messages": MOST_QUEUED,
            "queue.buffering.max.kbytes": QUEUED_KBYTES,
            **client,
            "partitioner": "murmur2_random",  # the partition that Kafka's own clients choose for a key
            "enable.idempotence": True,
            "acks": "all",
            "message.timeout.ms": max(1, int(timeout * 1_000)),
            "error_cb": complain,
        }
        self._producer = Producer(self._settings)
        self._questions = admin(client)
        """Asks the brokers on connections of its own: one that is given up because of a late answer carries no events."""
        self._lone: Producer | None = None
        """Sends each event by itself; made when it is needed."""
        self._closing = Event()
        self._thread = Thread(target=self._serve, name="kafka deliveries", daemon=True)
        self._thread.start()
        self._probe = Probe("kafka", self._check, "the brokers do not answer", self._last.well)

    @property
    def ailment(self) -> str | None:
        """Why nothing can be written at the moment: what the brokers say, or why the last write failed."""
        return self._down or self._probe.ailment or self._last.ailment

    async def write(self, events: Sequence[Draft]) -> None:
        """Returns once all events are acknowledged."""
        records = [(key_of(event).encode(), encoded(event)) for event in events]
        failure = await self._produce(self._producer, records)
        if failure is not None and failure.code() in UNFIT:
            # Events of several requests travel together, and all of them are refused together: alone, each answers for itself.
            self._lone = self._lone or Producer({**self._settings, "batch.num.messages": 1, "linger.ms": 0})
            failure = await self._produce(self._lone, records)
        if failure is not None:
            raise self._failed(failure)
        self._down = None
        self._last.well()
        self._probe.well()

    async def _produce(self, producer: Producer, records: Sequence[tuple[bytes, bytes]]) -> KafkaError | None:
        """What is wrong with the first record that was not delivered; None if all were."""
        batch = _Batch(asyncio.get_running_loop(), len(records))
        try:
            for key, value in records:
                producer.produce(self._topic, value, key, on_delivery=batch.delivered, headers=HEADERS)  # type: ignore[arg-type]
        except BufferError as error:
            raise UnavailableError("too much waits for the broker") from error
        except KafkaException as error:
            failure: object = error.args[0]
            if isinstance(failure, KafkaError):
                return failure
            raise UnavailableError(describe(error)) from error
        try:
            async with asyncio.timeout(self._timeout + GRACE_S):
                return await batch.done
        except TimeoutError as late:
            raise self._unavailable("the broker did not answer in time") from late

    def _asked(self) -> TopicMetadata:
        return self._questions.list_topics(self._topic, timeout=METADATA_S).topics[self._topic]

    def close(self) -> None:
        """Waits for what is under way, as long as a request would."""
        self._probe.close()
        for producer in self._producers():
            producer.flush(self._timeout + GRACE_S)
        self._closing.set()
        self._thread.join()

    def _producers(self) -> list[Producer]:
        return [producer for producer in (self._producer, self._lone) if producer is not None]

    def _failed(self, error: KafkaError) -> Exception:
        if error.code() in UNFIT:
            return UnfitEventError(describe(error))
        if error.fatal():
            # An idempotent producer that has lost count never recovers; a new one begins to count anew.
            self._producer, self._lone = Producer(self._settings), None
        return self._unavailable(f"events cannot be written to Kafka: {describe(error)}")

    def _unavailable(self, text: str) -> UnavailableError:
        self._last.ails(text)
        return UnavailableError(text)

    def _check(self) -> str | None:
        """What stands in the way of a write, as far as the brokers say."""
        try:
            topic = self._asked()
        except KafkaException:
            try:
                topic = self._asked()
            except KafkaException as error:
                return f"the brokers do not answer: {describe(error)}"
        self._down = None
        if topic.error is not None:
            return f"topic {self._topic}: {describe(topic.error)}"
        for number, partition in topic.partitions.items():
            if partition.leader < 0:
                return f"topic {self._topic}: partition {number} has no leader"
            in_sync = len(partition.isrs)
            if in_sync < self._in_sync:
                return f"topic {self._topic}: partition {number} has {in_sync} replicas in sync, and a write needs {self._in_sync}"
        return None

    def _serve(self) -> None:
        while not self._closing.is_set():
            first, *others = self._producers()
            for producer in others:
                producer.poll(0)
            first.poll(0.01 if others else 0.1)


def replicas_needed(client: Mapping[str, object], topic: str) -> int:
    """How many replicas of a topic must be in sync for a write; 1 where the cluster does not tell us. Raises KafkaInputError."""
    asked = ConfigResource(ResourceType.TOPIC, topic)
    try:
        entry = admin(client).describe_configs([asked], request_timeout=PATIENCE)[asked].result().get("min.insync.replicas")
    except KafkaException:
        return 1
    return int(entry.value) if entry is not None and entry.value else 1
