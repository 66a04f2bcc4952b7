"""What takes the console's decisions in, by the settings: into the embedded log over its socket, or into the topic of decisions."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from sqlalchemy import Engine

from dataflows.console.taking import ROLE, ConsoleDecisions
from dataflows.errors import MisuseError, refused
from dataflows.ingest.api import topic_of
from dataflows.observe import catalogue
from dataflows.observe.observer import Observer
from dataflows.settings import Settings
from sinks.decisions import DecisionWriter
from sinks.embedded.decisions import SocketDecisionWriter
from sinks.kafka.decisions import KafkaDecisionWriter
from sources.gateway.journal import Journal
from sources.kafka.broker import describe

AUDIT: Final = "decisions"
"""The file of the audit, in the console's directory: who asked for what, and whether it was taken in."""
AUDIT_BYTES: Final = 8 << 20
AUDIT_FILES: Final = 8
WRITE_S: Final = 10.0


class DecisionCounts:
    """Counts what the intake takes, and logs what it could not write."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def wrote(self, system: str, connection: str, count: int) -> None:
        """So many decisions are durable."""
        del system, connection
        self._observer.metrics.count(catalogue.CONSOLE_DECISIONS, by=count)

    def failed(self, what: str, error: Exception) -> None:
        """Something went wrong that is not a person's fault."""
        self._observer.metrics.count(catalogue.CONSOLE_FAILURES, "decisions")
        self._observer.log.warning(what, error=type(error).__name__)


def open_decisions(stack: ExitStack, settings: Settings, store: Engine, folder: Path, observer: Observer) -> ConsoleDecisions:
    """What takes decisions in; what it opens is closed with `stack`. `folder`: the console's directory. Raises MisuseError."""
    writer = stack.enter_context(closing(_writer(settings, observer)))
    try:
        audit = stack.enter_context(
            closing(Journal(folder, AUDIT, segment_bytes=AUDIT_BYTES, keep=AUDIT_FILES, fsync=settings.state.fsync))
        )
    except OSError as error:
        raise refused(error, folder, name="console.dir") from error
    return ConsoleDecisions(
        writer,
        store,
        audit,
        DecisionCounts(observer),
        templates=settings.dispatch.templates,
        bulk_limit=settings.console.bulk_approval_limit,
    )


def _writer(settings: Settings, observer: Observer) -> DecisionWriter:
    if settings.embedded.dir is not None:
        return SocketDecisionWriter(settings.embedded.dir, ROLE, WRITE_S)
    try:
        return KafkaDecisionWriter(
            settings.kafka.client(),
            topic_of(settings),
            WRITE_S,
            lambda problem: observer.log.warning("connection", error=problem),
        )
    except (KafkaException, ValueError, TypeError) as error:
        raise MisuseError(f"Kafka options: {describe(error)}") from error
