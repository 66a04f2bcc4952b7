"""Opens what dispatch stands on, by the settings, and runs it: on Kafka or on the logs of an embedded installation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import uvloop
from confluent_kafka import KafkaException

from dataflows.dispatch.connections import endpoints_of
from dataflows.dispatch.journal import AttemptJournal, JournalError
from dataflows.dispatch.process import Dispatch, DispatchGround, run_until_stopped
from dataflows.dispatch.sharing import Alone, KafkaShare, WorkShare
from dataflows.errors import MisuseError, RunError, refused
from dataflows.observe import catalogue
from dataflows.observe.http import PortError, serving
from dataflows.observe.observer import Observer
from dataflows.settings import Settings
from sinks.decisions import DecisionWriter
from sinks.embedded.decisions import SocketDecisionWriter
from sinks.kafka.decisions import KafkaDecisionWriter
from sources.embedded.outputs import EmbeddedReader
from sources.kafka.broker import describe
from sources.kafka.outputs import KafkaLogReader
from sources.kafka.settings import KafkaInputError
from sources.outputs.reader import LogReader, LostRecordsError

ROLE: Final = "dispatch"
REMEDY: Final = "stop dispatch, move its journal away and start it again: it reads what is left; actions under way will be in doubt"


def folder_of(settings: Settings) -> Path:
    """The directory of the journal."""
    return settings.dispatch.dir or settings.state.dir / "dispatch"


def reader_of(settings: Settings, observer: Observer) -> LogReader:
    """Reads what dispatch follows. Raises MisuseError."""
    if settings.embedded.dir is not None:
        return EmbeddedReader(settings.embedded.dir, ("actions", "exceptions"))
    if settings.outputs.kind != "kafka":
        raise MisuseError("outputs.kind files: dispatch reads Kafka, or an embedded installation (embedded.dir)")
    outputs = settings.outputs
    topics = {"actions": outputs.actions, "exceptions": outputs.exceptions, "decisions": settings.dispatch.decisions}
    try:
        return KafkaLogReader(settings.kafka.client(), topics, remedy=REMEDY, on_trouble=_trouble(observer))
    except KafkaInputError as error:
        raise MisuseError(str(error)) from error


def run_dispatch(settings: Settings, observer: Observer) -> None:
    """Runs until SIGTERM or SIGINT.

    Raises:
        MisuseError: if the settings do not fit what is there: endpoints, secrets, topics, ports, the journal's folder.
        RunError: if the log has lost what was not read yet, or the disk fails.
    """
    given, folder = settings.dispatch, folder_of(settings)
    if not given.endpoints and not given.routes:
        observer.log.warning("no endpoint and no route: every action fails with no_route", after_seconds=given.no_route_seconds)
    with ExitStack() as stack:
        endpoints = endpoints_of(given)
        try:
            journal = stack.enter_context(closing(AttemptJournal(folder)))
            if settings.http.enabled:
                port = stack.enter_context(serving(settings.http.host, given.http_port, observer))
                observer.log.info("serving /metrics, /healthz and /readyz", host=settings.http.host, port=port)
        except (JournalError, PortError) as error:
            raise MisuseError(str(error)) from error
        except OSError as error:
            raise refused(error, folder, name="dispatch.dir") from error
        reader = stack.enter_context(closing(reader_of(settings, observer)))
        try:
            writer = stack.enter_context(closing(_writer(settings, observer)))
        except (KafkaException, ValueError, TypeError) as error:
            raise MisuseError(f"Kafka options: {describe(error)}") from error
        observer.runs(lambda: "none")
        observer.health.connected()
        dispatch = Dispatch(given, DispatchGround(reader, writer, _share(settings, observer), endpoints), journal, observer)
        observer.log.info("dispatching", endpoints=sorted(endpoints), routes=len(given.routes), journal=str(folder))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                runner.run(run_until_stopped(dispatch))
            except* LostRecordsError as lost:
                raise RunError(str(lost.exceptions[0])) from lost
            except* KafkaInputError as unfit:
                raise MisuseError(str(unfit.exceptions[0])) from unfit
        observer.log.info("stopped")


def _writer(settings: Settings, observer: Observer) -> DecisionWriter:
    given = settings.dispatch
    if settings.embedded.dir is not None:
        return SocketDecisionWriter(settings.embedded.dir, ROLE, given.write_timeout_seconds)
    return KafkaDecisionWriter(settings.kafka.client(), given.decisions, given.write_timeout_seconds, _trouble(observer))


def _share(settings: Settings, observer: Observer) -> Callable[[Callable[[], None]], WorkShare]:
    if settings.embedded.dir is not None:
        return lambda _: Alone()
    client, topic, group = settings.kafka.client(), settings.outputs.actions, settings.dispatch.group
    return lambda changed: KafkaShare(client, topic, group, changed, _trouble(observer))


def _trouble(observer: Observer) -> Callable[[str], None]:
    def say(problem: str) -> None:
        observer.metrics.count(catalogue.CONNECTION_ERRORS)
        observer.log.warning("connection", error=problem)

    return say
