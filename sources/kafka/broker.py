"""Talking to the cluster: options, metadata, and its errors in the words of one line."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_INVALID, IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType, TopicDescription, TopicMetadata

from schemas.threads import FreedByOwner
from sources.kafka.settings import KafkaInputError, NoResponseError, UnfitInputError
from sources.messages import TIMESTAMP_TYPES

PATIENCE = 15.0
"""Seconds that a question asked at the start may take."""
_STATE = re.compile(r" \(after \d+ms in state [^)]*\)")
"""What the client adds to its errors and nobody needs to know."""
NO_IDS = frozenset({"AAAAAAAAAAAAAAAAAAAAAA", "None"})
"""What stands for the ID of a topic where the brokers know of none: all bits 0, in base64, or nothing."""
QUIET = 2
"""Log level of librdkafka (syslog: critical). What it reports goes to `on_error` as well, and is told there."""

DEFAULTS: dict[str, object] = {
    "log_level": QUIET,
    "client.id": "orderwatch",
    # A broker that restarts is back within seconds; the client's own default waits up to 10 s before it looks again.
    "reconnect.backoff.max.ms": 1_000,
    # When a leader hangs, its connections stay open, and a client that waits for it would not ask who leads now for a minute.
    "topic.metadata.refresh.interval.ms": 5_000,
}

RECOVERABLE = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TRANSPORT,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._WAIT_COORD,
        KafkaError._WAIT_CACHE,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
        # No group is ever joined: what the cluster says about groups is of no concern.
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
    }
)
"""Errors that pass: a broker that restarts, a leader that moves."""
MOVING = frozenset(
    {
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
    }
)
"""Those of a leader that moves, or has just been made."""
MOVING_S = 0.2
"""How long to wait before such a leader is asked again."""


DENIED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.UNSUPPORTED_VERSION,
        KafkaError._UNSUPPORTED_FEATURE,
    }
)
"""Answers to a question that asking again will not change. Whatever else goes wrong with one, such as no leader, passes or shows
elsewhere."""


def recoverable(error: KafkaError) -> bool:
    """Whether the client gets over an error by itself."""
    return not error.fatal() and (error.retriable() or error.code() in RECOVERABLE)


def describe(error: object) -> str:
    """An error of the library as the end of a sentence."""
    if isinstance(error, KafkaException) and error.args:
        error = error.args[0]
    text = error.str() if isinstance(error, KafkaError) else str(error)
    return _STATE.sub("", " ".join(text.split()).removeprefix("Broker: ").removesuffix("."))


class Admin(FreedByOwner, AdminClient):
    """A client for questions that remembers what it last complained of: an answer that does not come says nothing about why."""

    def __init__(self, settings: Mapping[str, object], on_error: Callable[[KafkaError], None] | None) -> None:
        self.complaint = ""

        def heard(error: KafkaError) -> None:
            # That all brokers are down comes after why they are.
            if error.code() != KafkaError._ALL_BROKERS_DOWN:
                self.complaint = describe(error)
            if on_error is not None:
                on_error(error)

        super().__init__({**settings, "error_cb": heard})  # pyright: ignore[reportUnknownMemberType]


def admin(options: Mapping[str, object], on_error: Callable[[KafkaError], None] | None = None) -> Admin:
    """A client for questions. Raises UnfitError if the options are unusable."""
    try:
        return Admin({**DEFAULTS, **options}, on_error)
    except (KafkaException, ValueError, TypeError) as error:
        raise UnfitInputError(f"Kafka options: {describe(error)}") from error


def topics_of(client: Admin, options: Mapping[str, object]) -> dict[str, TopicMetadata]:
    """All topics. Waits up to `PATIENCE`; raises NoAnswerError if no broker answers."""
    try:
        return client.list_topics(timeout=PATIENCE).topics
    except KafkaException as error:
        client.poll(0)  # pyright: ignore[reportUnknownMemberType]
        why = client.complaint or describe(error)
        raise NoResponseError(f"no answer from the brokers at {options.get('bootstrap.servers')}: {why}") from error


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as the cluster describes it; None for what it does not tell.

    `timestamps` is a value of `message.timestamp.type`, `limit` that of `max.message.bytes`. `id` tells the topic from every other that has
    had or will have its name (KIP-516, brokers from 2.8 on).
    """

    name: str
    partitions: int
    timestamps: str | None
    limit: int | None = None
    id: str | None = None


def describe_topics(client: Admin, options: Mapping[str, object], topics: Iterable[str]) -> dict[str, Topic | None]:
    """The topics, None where there is none. Waits up to `PATIENCE`.

    Raises:
        KafkaInputError: if no broker answers, or the topics cannot be described.
    """
    names = list(topics)
    found = topics_of(client, options)
    described: dict[str, Topic | None] = {}
    there = [name for name in names if name in found]
    settings, ids = _settings(client, there), _ids(client, there)
    for name in names:
        metadata = found.get(name)
        if metadata is None:
            described[name] = None
        elif metadata.error is not None:
            raise KafkaInputError(f"topic {name}: {describe(metadata.error)}")
        else:
            given = settings.get(name, {})
            stamps, limit = given.get("message.timestamp.type"), given.get("max.message.bytes")
            described[name] = Topic(
                name,
                len(metadata.partitions),
                stamps if stamps in TIMESTAMP_TYPES else None,
                int(limit) if limit is not None and limit.isdecimal() else None,
                ids.get(name),
            )
    return described


def topic_id(description: TopicDescription) -> str | None:
    """The ID of a topic, if the brokers know of such."""
    found = str(description.topic_id)
    return None if found in NO_IDS else found


def _ids(client: AdminClient, topics: list[str]) -> dict[str, str]:
    """The IDs of topics, where the cluster tells."""
    if not topics:
        return {}
    ids: dict[str, str] = {}
    for name, future in client.describe_topics(TopicCollection(topics), request_timeout=PATIENCE).items():
        try:
            found = topic_id(future.result(PATIENCE))
        except (KafkaException, TimeoutError):
            continue
        if found is not None:
            ids[name] = found
    return ids


def _settings(client: AdminClient, topics: list[str]) -> dict[str, dict[str, str]]:
    """The settings of each topic, where the cluster tells; reading them may not be allowed."""
    if not topics:
        return {}
    settings: dict[str, dict[str, str]] = {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in topics]
    for resource, future in client.describe_configs(resources, request_timeout=PATIENCE).items():
        try:
            entries = future.result(PATIENCE)
        except (KafkaException, TimeoutError):
            # Every record says who stamped it, and is checked when it is read; a record that is too large is refused when it is written.
            continue
        settings[resource.name] = {name: str(entry.value) for name, entry in entries.items()}
    return settings


def ask_ends(client: AdminClient, places: Mapping[str, tuple[str, int]], *, committed: bool, timeout: float) -> dict[str, Future[Any]]:
    """Asks where some partitions end, without waiting: the futures' results have an `offset`. `committed`: before any open transaction."""
    names = {place: name for name, place in places.items()}
    latest: OffsetSpec = OffsetSpec.latest()
    level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
    futures = client.list_offsets({TopicPartition(*place): latest for place in names}, isolation_level=level, request_timeout=timeout)
    return {names[place.topic, place.partition]: future for place, future in futures.items()}


def no_offset(answer: Future[Any]) -> KafkaError | None:
    """What is wrong with an answer to `ask_ends` that came without an error; None if it has an offset.

    When the connection breaks while the question is open, the client answers OFFSET_INVALID and calls that a success.
    """
    broke = answer.result().offset == OFFSET_INVALID
    return KafkaError(KafkaError._TRANSPORT, "the connection broke before the answer came") if broke else None


def end_of(answer: Future[Any]) -> int:
    """Where a partition ends, as answered to `ask_ends`; waits for it. Raises KafkaException if the answer did not come."""
    error = no_offset(answer)
    if error is not None:
        raise KafkaException(error)
    return int(answer.result().offset)


def ends_of(client: AdminClient, places: Mapping[str, tuple[str, int]]) -> dict[str, int]:
    """Where partitions end, before any open transaction; waits for it. Raises KafkaException.

    A partition that was just made, or moves, has for a moment leaders who do not know of each other: it is asked again.
    """
    give_up = time.monotonic() + PATIENCE
    while True:
        answers = ask_ends(client, places, committed=True, timeout=PATIENCE)
        try:
            return {channel: end_of(answer) for channel, answer in answers.items()}
        except KafkaException as error:
            reason = error.args[0]
            if not isinstance(reason, KafkaError) or reason.code() not in MOVING or time.monotonic() > give_up:
                raise
            time.sleep(MOVING_S)


def failure(future: Future[Any]) -> KafkaError | None:
    """What went wrong with a question that has been answered; None if nothing did."""
    error = future.exception()
    if error is None:
        return None
    if isinstance(error, KafkaException):
        cause = error.args[0]
        if isinstance(cause, KafkaError):
            return cause
    raise KafkaInputError(f"Kafka: {describe(error)}") from error
