"""One output partition: a thread that opens it, and commits what it is given in short transactions.

The thread owns everything that talks to the broker, so that many partitions open at the same time and none holds up the flow. While one
transaction is being committed the next one gathers. What is wrong is kept and raised from the next `add` or `settle`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Any, Final, TypeVar

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from schemas.limits import LEAST_TOPIC_BYTES
from schemas.output import OutputRecord
from schemas.topics import REJECTS
from sinks.kafka.cut import fitted
from sinks.kafka.errors import TOO_LARGE, KafkaOutputError, is_final, kafka_error, output_error
from sinks.kafka.readback import ReadBack, SinkToken
from sinks.kafka.reading import CLIENT_LOG, OutputAdmin, is_missing, read_back
from sinks.kafka.records import Outgoing, fingerprint, outgoing
from sinks.kafka.stats import WriterListener

T = TypeVar("T")
LOG = structlog.get_logger("orderwatch.sinks.kafka")

TRANSACTION_TIMEOUT_MS: Final = 60_000
"""Kafka's own default: so long a dead writer's open transaction may hold back readers if nobody takes its place."""
LARGEST_RECORD: Final = 16 << 20
"""What the client lets pass (bytes); the topic's max.message.bytes decides."""
BATCH_SIZE: Final = 1_000_000
"""librdkafka's own `batch.size` (bytes)."""
MOST_PER_TRANSACTION: Final = 5_000
MOST_WAITING: Final = 20_000
"""Output records that may wait for one partition before the flow is held up."""
CALL: Final = 5.0
"""How long (s) a single call may block before the writer looks up."""
PAUSE: Final = 0.2
IDLE: Final = 1.0
"""How often (s) an idle producer is served."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all writers of a sink have in common; see `KafkaSink` for what each part means."""

    client: Mapping[str, object]
    admin: OutputAdmin
    state: str
    since: int | None
    listener: WriterListener
    patience: float


class TransactionWriter:
    """Writes the output records of one partition, in their order, each once."""

    def __init__(self, shared: Shared, topic: str, part: TopicPartition, token: SinkToken | None, limit: int = LARGEST_RECORD) -> None:
        self._shared = shared
        self._topic = topic
        self._part = part
        self._place = f"{part.topic}[{part.partition}]"
        self._token = token
        self._limit = limit
        self._state = shared.state.encode()
        self._read_back = ReadBack(token)
        self._end = -1
        self._last = -1
        self._refusal: KafkaError | None = None
        self._waiting: list[OutputRecord] = []
        self._unsettled = 0
        self._failure: KafkaOutputError | None = None
        self._closing = False
        self._changed = Condition()
        self._thread = Thread(target=self._run, name=f"write {self._place}", daemon=True)
        self._thread.start()

    def add(self, outputs: Sequence[OutputRecord]) -> None:
        """Takes output records to be published at once; blocks while too many wait. Raises `KafkaOutputError`."""
        with self._changed:
            while self._unsettled >= MOST_WAITING and self._failure is None:
                self._changed.wait()
            self._check()
            self._waiting.extend(outputs)
            self._unsettled += len(outputs)
            self._changed.notify_all()

    def settle(self) -> bytes:
        """Waits until all that was added is committed, and returns the token of a snapshot. Raises `KafkaOutputError`."""
        with self._changed:
            # The thread is ready only once opened, and knows its end offset only then.
            while self._failure is None and (self._unsettled or self._end < 0):
                self._changed.wait()
            self._check()
            return self._read_back.token(self._end)

    def close(self) -> None:
        """Publishes what waits, and stops. Raises `KafkaOutputError`."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        self._check()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    # --- on the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            producer = self._open()
            while outputs := self._take(producer):
                self._publish(producer, outputs)
        except KafkaOutputError as error:
            self._fail(error)
        except KafkaException as error:
            self._fail(self._hopeless(kafka_error(error)))
        except Exception as error:  # noqa: BLE001 (raised in the flow's thread: a writer must not die silently)
            self._fail(KafkaOutputError(f"{self._place}: {type(error).__name__}: {error}"))

    def _fail(self, error: KafkaOutputError) -> None:
        with self._changed:
            # Without traceback: its frames would keep the producer, its connections and threads, until some garbage collection, which may
            # run on one of librdkafka's own threads.
            self._failure = KafkaOutputError(str(error), fenced=error.fenced)
            self._changed.notify_all()

    def _open(self) -> Producer:
        began = time.monotonic()
        shared, part = self._shared, self._part
        settings: dict[str, Any] = {
            "compression.type": "lz4",
            "linger.ms": 5,  # lets a batch fill while it is produced; the flush before a commit does not wait for it
            "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
            "message.max.bytes": LARGEST_RECORD,
            "queue.buffering.max.messages": 2 * MOST_PER_TRANSACTION,
            "queue.buffering.max.kbytes": 65536,
            **shared.client,
            "transactional.id": f"{shared.state}-{part.topic}-{part.partition}",
        }
        self._limit = min(self._limit, _given(settings))
        # A batch of several records must fit as well.
        settings |= {"message.max.bytes": self._limit, "batch.size": min(self._limit, BATCH_SIZE)}
        producer = Producer(settings, logger=CLIENT_LOG)
        self._patiently(lambda: producer.init_transactions(CALL))
        end = self._patiently(self._look_back, lambda error: not is_final(error))
        pending = self._read_back.pending
        with self._changed:
            self._end = end
            self._changed.notify_all()
        seconds = time.monotonic() - began
        shared.listener.opened(self._topic, part.partition, pending, seconds)
        LOG.info(
            "output partition opened", topic=part.topic, partition=part.partition, end=end, read_back=pending, seconds=round(seconds, 3)
        )
        return producer

    def _look_back(self) -> int:
        shared, part, token = self._shared, self._part, self._token
        self._read_back = ReadBack(token)
        recorded = None if token is None else token.offset
        return read_back(shared.client, shared.admin, part, recorded, shared.since, self._state, self._read_back)

    def _take(self, producer: Producer) -> list[OutputRecord]:
        """The next output records, as many as a transaction takes; none once closed."""
        with self._changed:
            while not self._waiting:
                if self._closing:
                    return []
                if not self._changed.wait(IDLE):
                    producer.poll(0)
            taken, self._waiting = self._waiting[:MOST_PER_TRANSACTION], self._waiting[MOST_PER_TRANSACTION:]
            return taken

    def _publish(self, producer: Producer, outputs: Sequence[OutputRecord]) -> None:
        listener, partition = self._shared.listener, self._part.partition
        listener.queued(self._topic, partition, self._unsettled)
        unsaid, records = outputs, [outgoing(self._topic, output, self._state) for output in outputs]
        if not self._read_back.done:
            unsaid, records = self._unsaid(outputs, records)
            if len(unsaid) < len(outputs):
                listener.dropped(self._topic, partition, len(outputs) - len(unsaid))
        if records:
            began = time.monotonic()
            cut = self._commit(producer, records)
            listener.committed(self._topic, partition, unsaid, time.monotonic() - began)
            if cut:
                listener.cut(self._topic, partition, cut)
        with self._changed:
            self._end = max(self._end, self._last + 1)
            self._unsettled -= len(outputs)
            self._changed.notify_all()
        listener.queued(self._topic, partition, self._unsettled)

    def _unsaid(self, outputs: Sequence[OutputRecord], records: Sequence[Outgoing]) -> tuple[list[OutputRecord], list[Outgoing]]:
        book = self._read_back
        unsaid: list[OutputRecord] = []
        missing: list[Outgoing] = []
        for output, record in zip(outputs, records, strict=True):
            before = book.mismatches
            if not book.already(output.shard, output.number, fingerprint(record)):
                unsaid.append(output)
                missing.append(record)
            if book.mismatches > before:
                self._shared.listener.mismatched(self._topic, self._part.partition)
                LOG.warning(
                    "the output of a shard differs from before; compared by content from here on",
                    topic=self._part.topic,
                    partition=self._part.partition,
                    shard=output.shard,
                    number=output.number,
                )
        return unsaid, missing

    def _commit(self, producer: Producer, records: Sequence[Outgoing]) -> int:
        """Commits some records in one transaction; what may pass is aborted and tried again, as a whole. Returns how many are cut."""
        give_up = time.monotonic() + self._shared.patience
        while True:
            try:
                fitting = [fitted(record, self._limit) for record in records] if self._topic == REJECTS else records
                self._transact(producer, fitting)
                return sum(record is not whole for record, whole in zip(fitting, records, strict=True))
            except KafkaException as exception:
                error = self._refusal or kafka_error(exception)
                if not error.fatal():
                    self._patiently(lambda: producer.abort_transaction(CALL))
                if error.code() in TOO_LARGE and self._topic == REJECTS and self._limit >= LEAST_TOPIC_BYTES:
                    # The topic takes less than it did when the engine started, or did not tell.
                    self._limit //= 2
                    LOG.warning("a record is larger than the topic takes", topic=self._part.topic, limit=self._limit)
                    continue
                if is_final(error) or time.monotonic() > give_up or self._is_missing():
                    raise self._hopeless(error) from exception
            self._shared.listener.retried(self._topic, self._part.partition)
            LOG.warning("transaction aborted, trying again", topic=self._part.topic, partition=self._part.partition, error=error.name())
            time.sleep(PAUSE)

    def _transact(self, producer: Producer, records: Sequence[Outgoing]) -> None:
        topic, partition = self._part.topic, self._part.partition
        self._refusal = None
        producer.begin_transaction()
        for key, value, headers, _ in records:
            while True:
                try:
                    producer.produce(topic, value, key, partition, on_delivery=self._delivered, headers=headers)  # type: ignore[arg-type]
                    break
                except BufferError:
                    producer.poll(0.05)
        # A failed delivery fails the commit; the commit's outcome is asked for until it is known.
        self._patiently(lambda: producer.commit_transaction(CALL))

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._refusal = self._refusal or error
        elif (offset := message.offset()) is not None:
            self._last = offset

    def _patiently(self, call: Callable[[], T], may_pass: Callable[[KafkaError], bool] = KafkaError.retriable) -> T:
        """Repeats a call while its error may pass (default: the client says so) and patience lasts."""
        give_up = time.monotonic() + self._shared.patience
        while True:
            try:
                return call()
            except KafkaException as exception:
                if not may_pass(kafka_error(exception)) or time.monotonic() > give_up or self._is_missing():
                    raise
                time.sleep(PAUSE)

    def _is_missing(self) -> bool:
        # Asked whenever something fails: of a deleted topic the client knows nothing for a minute, and then it names another error.
        return is_missing(self._shared.admin, self._part)

    def _hopeless(self, error: KafkaError) -> KafkaOutputError:
        if self._is_missing():
            return KafkaOutputError(f"{self._place}: the topic or partition does not exist")
        return output_error(self._place, error)


def _given(settings: Mapping[str, object]) -> int:
    """The largest record that the client's settings let pass."""
    return int(str(settings.get("message.max.bytes", LARGEST_RECORD)))
