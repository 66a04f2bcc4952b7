"""The routes of token holders for tests: over real sockets, in front of real files, with a clock that stands."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from dataflows.ingest.decisions import intake
from dataflows.ingest.decisions.case_store import SqlCaseStore
from dataflows.ingest.decisions.intake import DecisionIntake
from dataflows.ingest.decisions.notebook import JournalDecisionWriter
from sinks.cases.schema import open_store, upgrade
from sinks.cases.tables import exception_events, exceptions
from sources.gateway import events_in
from sources.gateway.api import ApiLimits, Door, TokenRoute
from sources.gateway.app import application
from sources.gateway.events_in import EventIntake
from sources.gateway.journal import Journal
from sources.gateway.peers import Limits
from sources.gateway.server import listen, server
from sources.gateway.tokens.book import TokenBook
from sources.gateway.tokens.scopes import DecisionScope, EventScope, TokenScope
from sources.gateway.tokens.secret import read_token
from tests.support.webhooks import Sender
from tests.unit.gateway.parts import NOW, Parts, parts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
    from pathlib import Path

    from sinks.decisions import DecisionWriter
    from tests.support.webhooks import Reply

AT = datetime.fromtimestamp(NOW, UTC)
EVENT: Mapping[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/warehouse/ams1",
    "type": "warehouse.packed",
    "subject": "SO-1",
    "time": "2026-04-22T12:00:00Z",
    "data": {"site": "ams1"},
}
DECISION: Mapping[str, Any] = {"type": "case.acknowledged", "subject": "SO-1", "data": {"exception_id": "x-1"}}
WAREHOUSE = TokenScope(events=EventScope(("/warehouse/*",)))
ANNA = TokenScope(decisions=DecisionScope("user:anna", ("operator",)))
LIMITS = Limits(requests=4, buffered=300_000, read_timeout=0.8, head=4_096, connections=50, keep_alive=5)


def secret_of(token: str) -> bytes:
    """The secret in the text of a token: as it may hold underscores itself, it is not what stands behind the last one."""
    found = read_token(token)
    assert found is not None
    return found.secret.encode()


@dataclass
class ApiParts:
    """The routes without their server. `store`: where the case store is, which has no tables until `make_store`."""

    folder: Path
    gateway: Parts
    book: TokenBook
    routes: Sequence[TokenRoute]
    store: str
    now: list[float] = field(default_factory=lambda: [float(NOW)])

    def token(self, scope: TokenScope, name: str | None = None, expires: float | None = None) -> str:
        """A new token."""
        return str(self.book.create(name or f"t{len(self.book)}", scope, expires))

    def decisions(self) -> list[dict[str, Any]]:
        """What was written as decisions."""
        return _lines(self.folder / "order-decisions.jsonl")

    def events(self) -> list[dict[str, Any]]:
        """What was written as events."""
        return _lines(self.folder / "events.jsonl")

    def audit(self) -> list[dict[str, Any]]:
        """The lines of the audit."""
        return _lines(self.folder / "audit.jsonl")

    def letters(self) -> list[dict[str, Any]]:
        """The dead letters."""
        return _lines(self.folder / "refused" / "refused.jsonl")

    def make_store(self, *standing: tuple[str, str, str, int]) -> None:
        """Makes the store, with exceptions: ID, tenant, order and sequence of each."""
        engine = open_store(self.store)
        upgrade(engine)
        with engine.begin() as connection:
            for id_, tenant, order, sequence in standing:
                row = {"exception_id": id_, "tenant": tenant, "order_id": order, "sequence": sequence, "case_state": "assigned"}
                connection.execute(insert(exceptions).values(filled(exceptions, row)))
                for number in range(1, sequence + 1):
                    said = {**row, "sequence": number, "type": "exception.updated"}
                    connection.execute(insert(exception_events).values(filled(exception_events, said)))
        engine.dispose()


def filled(table: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a table: what is given, and something in every other column that must have a value."""
    row = {name: value for name, value in given.items() if name in table.c}
    for column in table.c:
        if column.name not in row and not column.nullable and column.default is None:
            python = {"INTEGER": 1, "SMALLINT": 1, "BIGINT": 1, "BOOLEAN": False, "DATETIME": AT}
            row[column.name] = python.get(str(column.type).partition("(")[0].split(" ")[0].upper(), "x")
    return row


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


@contextmanager
def api(
    folder: Path, limits: Limits = LIMITS, of_tokens: ApiLimits | None = None, writer: DecisionWriter | None = None
) -> Generator[ApiParts]:
    """The routes over a folder; opened again over the same folder, they go on."""
    with ExitStack() as stack:
        gateway = stack.enter_context(parts(folder, limits=limits))
        now = [float(NOW)]
        book = stack.enter_context(closing(TokenBook(folder, clock=lambda: now[0])))
        asked = stack.enter_context(closing(TokenBook(folder, clock=lambda: now[0], asks_only=True)))
        store = f"sqlite:///{folder / 'store.sqlite3'}"
        cases = stack.enter_context(closing(SqlCaseStore(lambda: open_store(store))))
        audit = stack.enter_context(closing(Journal(folder, "audit")))
        to = stack.enter_context(closing(writer or JournalDecisionWriter(folder)))
        events = EventIntake(gateway.writer, gateway.dead_letters, gateway.stats, patience=5, clock=lambda: now[0])
        decisions = DecisionIntake(to, audit, gateway.stats, cases, patience=5, clock=lambda: now[0])
        door = Door(asked, of_tokens or ApiLimits(body=100_000, content=200_000), limits.requests)
        buffered = gateway.hooks.buffered
        routes = [
            TokenRoute(events_in.ROUTE, door, limits, gateway.stats, buffered, events_in.allowed, events.take),
            TokenRoute(intake.ROUTE, door, limits, gateway.stats, buffered, intake.allowed, decisions.take),
        ]
        yield ApiParts(folder, gateway, book, routes, store, now)


@asynccontextmanager
async def served(given: ApiParts, limits: Limits = LIMITS) -> AsyncGenerator[int]:
    """While inside, serves on a free port of the loopback."""
    app = application(given.gateway.hooks, lambda: None, list[str], given.routes)
    web, socket = server(app, limits, given.gateway.connections, patience=1), listen("127.0.0.1", 0)
    port = int(socket.getsockname()[1])
    running = asyncio.create_task(web.serve(sockets=[socket]))
    while not web.started:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        web.should_exit = True
        await running


async def post(port: int, route: str, token: str | None, body: object, **headers: str) -> tuple[int, dict[str, Any], Reply]:
    """Sends what is to be JSON (bytes: as they are); the status and the answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sender = Sender(port)
    sent = {"authorization": f"Bearer {token}"} if token is not None else {}
    reply = await sender.post(f"/{route}", content, sent | {name.replace("_", "-"): value for name, value in headers.items()})
    await sender.close()
    return reply.status, json.loads(reply.body), reply
