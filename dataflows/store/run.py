"""`orderwatch store`: opens the database and the logs that the settings name, and keeps the one true to the others."""

from __future__ import annotations

from contextlib import ExitStack, closing
from functools import partial

from sqlalchemy.exc import DBAPIError

from dataflows.errors import MisuseError, RunError
from dataflows.observe.http import PortError, serving
from dataflows.observe.observer import Observer
from dataflows.runtime.stop import Stop
from dataflows.settings import Settings
from dataflows.store.sync import StoreSync, rebuild_store, run_store
from schemas.deciding import decides
from schemas.topics import TOPICS
from sinks.cases.schema import StoreError, make_file, open_store, reason, shown, store_url
from sinks.cases.writer import MovedError
from sources.embedded.outputs import EmbeddedReader
from sources.kafka.outputs import KafkaLogReader
from sources.kafka.settings import KafkaInputError
from sources.outputs.reader import LogReader, LostRecordsError, UnreadableLogError

REMEDY = "`orderwatch store --rebuild` makes the store anew from what there is"


def sync_store(settings: Settings, observer: Observer, *, rebuild: bool) -> None:
    """Keeps the store true until SIGTERM or SIGINT. `rebuild`: makes it anew from the logs first.

    Raises:
        MisuseError: if the settings do not fit what is there: the URL, the topics, the port, a schema of a later version.
        RunError: if records that are to be read are not there any more.
    """
    stop = Stop()
    with stop.on_signals(), ExitStack() as stack:
        if settings.http.enabled:
            try:
                port = stack.enter_context(serving(settings.http.host, settings.store.http_port, observer))
            except PortError as error:
                raise MisuseError(str(error).replace("http.port", "store.http_port")) from error
            observer.log.info("serving /metrics, /healthz and /readyz", host=settings.http.host, port=port)
        observer.runs(lambda: "none")
        try:
            make_file(settings.store.url_in(settings.state.dir))
            engine = open_store(settings.store.url_in(settings.state.dir))
            stack.callback(engine.dispose)
            reader = stack.enter_context(closing(reader_of(settings, observer)))
            sync = StoreSync(engine, observer, stop, batch=settings.store.batch, retention_days=settings.store.retention_days)
            if rebuild:
                rebuild_store(reader, sync)
            run_store(reader, sync)
        except StoreError as error:
            raise MisuseError(str(error)) from error
        except KafkaInputError as error:
            raise MisuseError(str(error)) from error
        except (LostRecordsError, MovedError, UnreadableLogError) as error:
            raise RunError(str(error)) from error
        except DBAPIError as error:
            raise RunError(f"the database: {reason(error)}") from error
    observer.log.info("stopped")


def store_of(settings: Settings) -> str:
    """The store that the settings name, as it may be shown. Raises MisuseError."""
    try:
        return shown(store_url(settings.store.url_in(settings.state.dir)))
    except StoreError as error:
        raise MisuseError(f"store.url: {error}") from error


def reader_of(settings: Settings, observer: Observer) -> LogReader:
    """The reader of the logs that the settings name. Raises MisuseError."""
    if settings.embedded.dir is not None:
        return EmbeddedReader(settings.embedded.dir, (*TOPICS, "decisions"))
    if settings.outputs.kind != "kafka":
        raise MisuseError("outputs.kind: the store reads Kafka topics; files of a replay are not followed")
    decisions = [name for name in settings.inputs.topics if decides(name)]
    if len(decisions) > 1:
        raise MisuseError(f"inputs.topics: the store follows one topic of decisions, there are {', '.join(decisions)}")
    topics = {**settings.outputs.topics, **({"decisions": decisions[0]} if decisions else {})}
    warn = partial(observer.log.warning, "connection")
    return KafkaLogReader(
        settings.kafka.client(), topics, batch=settings.store.batch, remedy=REMEDY, on_trouble=lambda problem: warn(error=problem)
    )
