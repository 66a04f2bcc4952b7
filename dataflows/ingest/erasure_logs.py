"""The logs by which a gateway erases: of an embedded installation, or the topics of Kafka that its settings name."""

from __future__ import annotations

from functools import partial

from dataflows.ingest.erasure import NothingSaidError, OpenLog
from dataflows.observe.observer import Observer
from dataflows.settings import Settings
from schemas.deciding import decides
from schemas.topics import DECISIONS
from sources.embedded.outputs import EmbeddedReader
from sources.kafka.broker import admin, topics_of
from sources.kafka.outputs import KafkaLogReader
from sources.kafka.settings import UnfitInputError
from sources.outputs.reader import LogReader


def logs_of(settings: Settings, observer: Observer) -> OpenLog | None:
    """What opens them; None of a gateway that writes files, to which no engine says anything."""
    folder = settings.embedded.dir
    if folder is not None:
        return lambda holds: EmbeddedReader(folder, (holds,))
    return partial(_of_kafka, settings, observer) if settings.gateway.output == "kafka" else None


def _of_kafka(settings: Settings, observer: Observer, holds: str) -> LogReader:
    """Opens the topics of Kafka that hold something. Raises KafkaInputError; NothingSaidError if there is none yet."""
    options = settings.kafka.client()
    there = topics_of(admin(options), options)
    if holds == "exceptions":
        wanted = [settings.outputs.topics[holds]]
    else:
        named = dict.fromkeys((*settings.inputs.topics, settings.gateway.topic, DECISIONS))
        wanted = [name for name in named if decides(name) == (holds == "decisions")]
    topics = {f"{holds} {name}": name for name in wanted if name in there}
    if not topics:
        if holds == "exceptions":
            raise NothingSaidError
        raise UnfitInputError(f"there is no topic of {holds}: inputs.topics must name it")
    return KafkaLogReader(options, topics, on_trouble=lambda problem: observer.log.warning("connection", error=problem))
