"""Creates topics on request, and checks those that exist: nothing of an existing topic is ever changed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

from schemas.limits import LEAST_TOPIC_BYTES
from sources.kafka.broker import PATIENCE, Admin, admin, describe, topics_of
from sources.kafka.settings import KafkaInputError, UnfitInputError

BROKER_DEFAULT = -1
"""As replication factor: what the cluster is set to."""
STAMPS = "message.timestamp.type"
CLEANUP = "cleanup.policy"
DAY_MS = 86_400_000
INPUT_DAYS = 14
"""How long events are kept: longer than any outage that one wants to catch up after."""
OUTPUT_DAYS = 90
"""How long output records are kept: a resume reads back those of its last epoch, people look up older ones."""

LIMIT = "max.message.bytes"
OUTPUT_BYTES = 4 << 20
"""Greatest record of an output topic: a reject is an original of up to 1 MiB, Kafka's default limit, and headers beside its own."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What a topic is created with. `exact`: an existing one must have just so many partitions, else at least so many.

    `least_bytes`: the least `max.message.bytes` that an existing one may have.
    """

    partitions: int
    config: Mapping[str, str]
    exact: bool = False
    least_bytes: int = 0


def input_topic(partitions: int, retention_days: int = INPUT_DAYS) -> TopicSpec:
    """A topic of events: stamped by the broker, since log time is built on it, and deleted by age alone."""
    return TopicSpec(partitions, {STAMPS: "LogAppendTime", CLEANUP: "delete", "retention.ms": str(retention_days * DAY_MS)})


def output_topic(partitions: int, retention_days: int = OUTPUT_DAYS) -> TopicSpec:
    """A topic of output records: never compacted, as every event of an exception counts, and of a fixed number of partitions."""
    config = {
        STAMPS: "LogAppendTime",
        CLEANUP: "delete",
        "retention.ms": str(retention_days * DAY_MS),
        LIMIT: str(OUTPUT_BYTES),
    }
    return TopicSpec(partitions, config, exact=True, least_bytes=LEAST_TOPIC_BYTES)


def ensure_topics(options: Mapping[str, object], topics: Mapping[str, TopicSpec], *, replication: int = BROKER_DEFAULT) -> list[str]:
    """Creates the topics that are missing, checks the others, and returns the names of those created, once they can be used.

    With `replication` copies, all but one must have a record before it counts as written (`min.insync.replicas`), unless the spec says
    otherwise: one broker may fail, and nothing acknowledged is lost.

    Raises:
        UnfitError: if a topic may not be created, or an existing one does not fit. KafkaInputError: if no broker answers, or not in time.
    """
    client = admin(options)
    known = topics_of(client, options)
    missing = [name for name in topics if name not in known]
    created = _create(client, {name: topics[name] for name in missing}, replication) if missing else []
    _await(client, options, {name: topics[name].partitions for name in created})
    _check(client, options, {name: spec for name, spec in topics.items() if name not in created})
    return created


def _create(client: Admin, topics: Mapping[str, TopicSpec], replication: int) -> list[str]:
    copies = {} if replication == BROKER_DEFAULT else {"min.insync.replicas": str(max(1, replication - 1))}
    wanted = [
        NewTopic(name, num_partitions=spec.partitions, replication_factor=replication, config={**copies, **spec.config})
        for name, spec in topics.items()
    ]
    created: list[str] = []
    for name, future in client.create_topics(wanted, operation_timeout=PATIENCE, request_timeout=PATIENCE).items():
        try:
            future.result()
        except KafkaException as error:
            cause = error.args[0]
            # Another process was quicker: the topic is checked like any other that exists.
            if isinstance(cause, KafkaError) and cause.code() == KafkaError.TOPIC_ALREADY_EXISTS:
                continue
            passing = isinstance(cause, KafkaError) and cause.retriable()
            raise (KafkaInputError if passing else UnfitInputError)(f"topic {name} cannot be created: {describe(error)}") from error
        created.append(name)
    return created


def _await(client: Admin, options: Mapping[str, object], partitions: Mapping[str, int]) -> None:
    """Waits until every partition has a leader: the answer to a creation may come before the brokers know of it."""
    end = time.monotonic() + PATIENCE
    waiting = dict(partitions)
    while waiting:
        known = topics_of(client, options)
        for name, count in list(waiting.items()):
            topic = known.get(name)
            if topic is not None and len(topic.partitions) == count and all(one.leader >= 0 for one in topic.partitions.values()):
                del waiting[name]
        if waiting and time.monotonic() > end:
            raise KafkaInputError(f"topic {next(iter(waiting))} was created, but has no leader after {PATIENCE:.0f} s")
        if waiting:
            time.sleep(0.05)


def _check(client: Admin, options: Mapping[str, object], topics: Mapping[str, TopicSpec]) -> None:
    if not topics:
        return
    known = topics_of(client, options)
    settings = client.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in topics], request_timeout=PATIENCE)
    for resource, future in settings.items():
        name = resource.name
        spec = topics[name]
        try:
            found = {key: entry.value for key, entry in future.result().items()}
        except KafkaException as error:
            raise KafkaInputError(f"topic {name}: its settings cannot be read: {describe(error)}") from error
        count = len(known[name].partitions)
        if count < spec.partitions or (spec.exact and count != spec.partitions):
            raise UnfitInputError(f"topic {name} has {count} partitions, {'' if spec.exact else 'at least '}{spec.partitions} are wanted")
        limit = found.get(LIMIT)
        if limit is not None and int(limit) < spec.least_bytes:
            raise UnfitInputError(
                f"topic {name} has {LIMIT}={limit}, at least {spec.least_bytes} is needed for what may be written there: raise it"
                f" ({OUTPUT_BYTES} takes every reject whole)"
            )
        for key in (STAMPS, CLEANUP):
            value = found.get(key)
            if key in spec.config and value is not None and value != spec.config[key]:
                raise UnfitInputError(f"topic {name} has {key}={value}, {spec.config[key]} is wanted")
