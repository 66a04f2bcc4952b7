"""What all requests share: the store, the console's own database, settings, the clock, who reads what."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

import httpx2
from anyio import CapacityLimiter, to_thread
from sqlalchemy import Connection, Engine, Index, Table, insert
from sqlalchemy.exc import SQLAlchemyError

from dataflows.console.access import EVERY, Person, PersonScope
from dataflows.console.engine import EngineStanding, EngineWatch
from dataflows.console.insight.kept import KeptAnswers
from dataflows.console.metrics import ConsoleObserver
from dataflows.console.people.attempts import Attempts
from dataflows.console.people.directory import Directory
from dataflows.console.people.oidc import OidcLogIn
from dataflows.console.people.passwords import Passwords
from dataflows.console.people.sessions import Sessions
from dataflows.console.tables import METADATA
from dataflows.ingest.decisions.expected import StoreDownError
from dataflows.observe.observer import Observer
from dataflows.settings.console import ConsoleSettings
from schemas.instants import EPOCH
from sinks.cases.queries.counts import counts
from sinks.cases.queries.rows import OpenCounts, StaleFeed, StoreStanding
from sinks.cases.queries.standing import stale_feeds, standing
from sinks.cases.queries.wanted import IN_HAND, ExceptionFilter
from sinks.cases.schema import StoreError, for_reading, ready, writing
from sinks.cases.tables.base import about, instant, number, text
from sources.gateway.answers import PieceResult

Given = ParamSpec("Given")
Found = TypeVar("Found")
HEAD_AGE: Final = timedelta(seconds=3)
"""How old counts may be before they are asked for anew."""
HEAD_OLDEST: Final = timedelta(seconds=8)
"""How old they may be that are shown while they are asked for anew: nobody waits for counts who has just seen them."""
MOST_HEADS: Final = 500

reads: Final = Table(
    "reads",
    METADATA,
    text("read_id", "A random ID.", key=True),
    instant("at", "When.", needed=True),
    text("by", "Who, such as `user:anna`.", needed=True),
    text("what", "What was read: `exception`, `order`, `search`, `export`, `record`, `reject` or `message`.", needed=True),
    text("subject", "Of what: an ID of an exception or `TENANT/ORDER`; of a search its sort, never its words."),
    number("count", "How many rows.", needed=True),
    Index("ix_reads_at", "at"),
    info=about("Reads of personal data, as `console.audited` names them."),
)


def wall() -> datetime:
    """The clock."""
    return datetime.now(UTC)


class ReadAudit:
    """Notes who read what. Blocking: call it on a thread."""

    def __init__(self, own: Engine, audited: Sequence[str]) -> None:
        self._own, self._audited = own, frozenset(audited)

    def note(self, person: Person, what: str, subject: str | None, at: datetime, count: int = 1) -> None:
        """Notes a read, if reads of this kind are noted."""
        if what not in self._audited:
            return
        row = {"read_id": secrets.token_hex(16), "at": at, "by": person.by, "what": what, "subject": subject, "count": count}
        with writing(self._own).begin() as connection:
            connection.execute(insert(reads).values(**row))


@dataclass(frozen=True, slots=True)
class Head:
    """What the head of each page shows."""

    counts: OpenCounts
    standing: StoreStanding
    at: datetime
    feeds: Sequence[StaleFeed] = ()
    engine: EngineStanding | None = None


class Heads:
    """The heads of pages by scope, each asked for anew once it is too old. On any thread."""

    def __init__(self) -> None:
        self.engine: EngineWatch | None = None
        """Who asks the engine how it is; None: nobody."""
        self.asked = KeptAnswers(age=0)
        """Who asks for the same head while it is asked for gets that one."""
        self.shared = KeptAnswers(age=HEAD_AGE.total_seconds())
        """What all who may see the same are shown alike, such as how many rows of a list have what: as old as the head's counts at most."""
        self._kept: dict[PersonScope, Head] = {}
        self._renewals: set[asyncio.Task[Head]] = set()
        self._lock = Lock()

    def kept(self, person: Person, now: datetime, oldest: timedelta = HEAD_AGE) -> Head | None:
        """The head, if it is not too old."""
        found = self._kept.get(person.scope)
        return found if found is not None and abs(now - found.at) < oldest else None

    def renew(self, person: Person, ask: Callable[[], Awaitable[Head]]) -> None:
        """Asks for the head anew, behind the back of whoever is shown the kept one. If it fails, who asks once that is too old is told."""
        task = asyncio.ensure_future(self.asked.get(person.scope, ask))
        self._renewals.add(task)
        task.add_done_callback(self._renewed)

    def _renewed(self, task: asyncio.Task[Head]) -> None:
        self._renewals.discard(task)
        if not task.cancelled():
            task.exception()

    def read(self, connection: Connection, person: Person, now: datetime) -> Head:
        """The head as it is now."""
        wanted = person.narrow(ExceptionFilter(states=IN_HAND))
        tenants = () if EVERY in person.scope.tenants else person.scope.tenants
        engine = None if self.engine is None else self.engine.look()
        found = counts(connection, wanted, now=now)
        head = Head(found, standing(connection), now, stale_feeds(connection, tenants), engine)
        with self._lock:
            if len(self._kept) >= MOST_HEADS:
                self._kept.clear()
            self._kept[person.scope] = head
        return head

    def forget(self) -> None:
        """All are asked for anew: something was decided."""
        self.shared.forget()
        with self._lock:
            self._kept.clear()


class TakesDecisions(Protocol):
    """What takes the decisions of people in: `taking.ConsoleDecisions`."""

    templates: Path | None
    """Texts of messages of the user's own."""
    bulk_limit: Decimal
    """Up to which value approvals are given together."""

    async def take(self, person: Person, decisions: Sequence[Mapping[str, object]]) -> Sequence[PieceResult]:
        """What became of each decision, in their order. Raises UntakenError."""
        ...

    def refusals(self, ids: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        """Of decisions that the engine has refused, by their IDs: reason and detail. Blocking. Raises StoreDownError."""
        ...


@dataclass(frozen=True)
class ConsoleParts:
    """What views stand on. `decisions`: takes decisions in; None: this console only shows."""

    store: Engine
    own: Engine
    settings: ConsoleSettings
    clock: Callable[[], datetime]
    directory: Directory
    sessions: Sessions
    attempts: Attempts
    audit: ReadAudit
    metrics: ConsoleObserver
    threads: CapacityLimiter
    oidc: OidcLogIn | None = None
    decisions: TakesDecisions | None = None
    heads: Heads = field(default_factory=Heads)
    more: dict[str, object] = field(default_factory=dict[str, object])
    """What single parts keep between requests, by their name."""

    async def read(self, query: Callable[Concatenate[Connection, Given], Found], /, *args: Given.args, **kwargs: Given.kwargs) -> Found:
        """Asks the store on a thread. Raises StoreDownError where it does not answer."""

        def ask() -> Found:
            self.known_store()
            with self.store.connect() as connection:
                return query(connection, *args, **kwargs)

        try:
            return await to_thread.run_sync(ask, limiter=self.threads)
        except StoreError as error:
            raise StoreDownError(str(error)) from error
        except SQLAlchemyError as error:
            raise StoreDownError(f"the store does not answer: {type(error).__name__}") from error  # its message may quote values

    def known_store(self) -> None:
        """Looks once at the store's schema. Raises StoreError."""
        if "store" not in self.more:
            ready(self.store)
            self.more["store"] = True


def parts_of(
    store: Engine,
    own: Engine,
    settings: ConsoleSettings,
    observer: Observer,
    *,
    clock: Callable[[], datetime] = wall,
    passwords: Passwords | None = None,
    provider: Callable[[], httpx2.Client] | None = None,
    decisions: TakesDecisions | None = None,
) -> ConsoleParts:
    """The parts over two databases; the own one has its tables already."""
    directory = Directory(own, passwords or Passwords())
    return ConsoleParts(
        store=for_reading(store),
        own=own,
        settings=settings,
        clock=clock,
        directory=directory,
        oidc=OidcLogIn(settings, own, directory, provider) if settings.oidc_issuer else None,
        sessions=Sessions(own, timedelta(minutes=settings.idle_minutes), timedelta(hours=settings.session_hours)),
        attempts=Attempts(own, settings.log_in_tries),
        audit=ReadAudit(own, settings.audited),
        metrics=ConsoleObserver(observer),
        threads=CapacityLimiter(settings.connections),
        decisions=decisions,
    )


def zero() -> Head:
    """The head of a page when nothing is known."""
    return Head(OpenCounts(*[0] * 12), StoreStanding(None, None, None), EPOCH)
