"""What token holders use of the gateway, put together from settings: the tokens, the two routes, where decisions go, the audit."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final, NamedTuple

from confluent_kafka import KafkaException

from dataflows.errors import MisuseError
from dataflows.ingest.decisions import intake
from dataflows.ingest.decisions.case_store import SqlCaseStore
from dataflows.ingest.decisions.intake import DecisionIntake
from dataflows.ingest.decisions.notebook import JournalDecisionWriter
from dataflows.ingest.embedded import InputLogDecisions, InputLogWriter
from dataflows.observe.observer import Observer
from dataflows.settings import Settings
from schemas.deciding import decides
from sinks.cases.schema import open_store
from sinks.decisions import DecisionWriter
from sinks.kafka.decisions import KafkaDecisionWriter
from sources.gateway import events_in
from sources.gateway.api import ApiLimits, Door, TokenRoute
from sources.gateway.dead_letters import DeadLetters
from sources.gateway.events_in import EventIntake
from sources.gateway.journal import Journal
from sources.gateway.limits import Buffered
from sources.gateway.listener import GatewayListener
from sources.gateway.peers import Limits
from sources.gateway.tokens.book import TokenBook, TokenError
from sources.gateway.writers import GRACE_S, EventWriter
from sources.kafka.broker import describe

AUDIT: Final = "audit"
AUDIT_FILES: Final = 8


class SharedParts(NamedTuple):
    """What these routes have in common with the webhooks' ones."""

    writer: EventWriter
    dead_letters: DeadLetters
    listener: GatewayListener
    limits: Limits
    buffered: Buffered
    audit: Journal


def audit_of(settings: Settings, folder: Path) -> Journal:
    """The audit of who decided what with a token. Raises OSError."""
    segment = settings.gateway.audit_bytes // (AUDIT_FILES + 1)
    return Journal(folder, AUDIT, segment_bytes=segment, keep=AUDIT_FILES, fsync=settings.state.fsync)


def topic_of(settings: Settings) -> str:
    """The topic of decisions that the engine reads by these settings, else the one that dispatch writes."""
    return next((name for name in settings.inputs.topics if decides(name)), settings.dispatch.decisions)


def tokens_of(folder: Path) -> TokenBook:
    """The tokens in the gateway's directory. Raises MisuseError."""
    try:
        return TokenBook(folder, asks_only=True)
    except TokenError as error:
        raise MisuseError(str(error)) from error


def token_routes(
    stack: ExitStack,
    settings: Settings,
    folder: Path,
    observer: Observer,
    book: TokenBook,
    shared: SharedParts,
) -> Sequence[TokenRoute]:
    """The routes; what they open is closed with `stack`. Raises MisuseError, OSError."""
    given = settings.gateway
    writer, dead_letters, listener, limits, buffered, audit = shared
    door = Door(
        book,
        ApiLimits(body=given.max_body_bytes, content=given.max_content_bytes, rate=given.token_rate, burst=given.token_burst),
        limits.requests,
    )
    patience = given.write_timeout_seconds + GRACE_S + 1
    events = EventIntake(writer, dead_letters, listener, patience=patience)
    decisions_to = stack.enter_context(closing(_decision_writer(settings, folder, observer, writer)))
    store = stack.enter_context(closing(SqlCaseStore(lambda: open_store(settings.store.url_in(settings.state.dir)))))
    # A decision may wait for the store, then for the log.
    decisions = DecisionIntake(decisions_to, audit, listener, store, patience=2 * patience)
    return [
        TokenRoute(events_in.ROUTE, door, limits, listener, buffered, events_in.allowed, events.take),
        TokenRoute(intake.ROUTE, door, limits, listener, buffered, intake.allowed, decisions.take),
    ]


def _decision_writer(settings: Settings, folder: Path, observer: Observer, events: EventWriter) -> DecisionWriter:
    given = settings.gateway
    if isinstance(events, InputLogWriter):
        return InputLogDecisions(events.log, given.write_timeout_seconds)
    if given.output == "log":
        return JournalDecisionWriter(folder, segment_bytes=given.log_file_bytes, fsync=settings.state.fsync)
    try:
        return KafkaDecisionWriter(
            settings.kafka.client(),
            topic_of(settings),
            given.write_timeout_seconds,
            lambda problem: observer.log.warning("connection", error=problem),
        )
    except (KafkaException, ValueError, TypeError) as error:
        raise MisuseError(f"Kafka options: {describe(error)}") from error
