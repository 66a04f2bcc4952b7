"""The gateway's parts for tests: in a folder of their own, with a clock that stands, and a writer that can fail."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sources.adapters import ADAPTERS, AdapterConnection
from sources.gateway.app import HookRoutes, application
from sources.gateway.connections import Connections
from sources.gateway.dead_letters import DeadLetters
from sources.gateway.hooks import Hook, Secret
from sources.gateway.intake import Intake
from sources.gateway.journal import Journal
from sources.gateway.listener import GatewayStats
from sources.gateway.memory import GatewayMemory
from sources.gateway.peers import Limits
from sources.gateway.request import Request
from sources.gateway.schemes import SCHEMES
from sources.gateway.writers import LogWriter
from tests.support.webhooks import SECRETS, SIGN, URL

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from sources.adapters.output import Draft
    from sources.gateway.request import Reply

NOW = 1_790_000_000
AT = datetime.fromtimestamp(NOW, UTC)


@dataclass
class Broken:
    """A writer in front of another: raises `error`, or waits for `gate`, before it writes. Counts what it was given."""

    behind: LogWriter
    error: Exception | None = None
    gate: asyncio.Event | None = None
    given: list[list[Draft]] = field(default_factory=list[list[dict[str, Any]]])
    ailment: str | None = None

    async def write(self, events: Sequence[Draft]) -> None:
        """Writes, fails or waits."""
        self.given.append(list(events))
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        await self.behind.write(events)

    def close(self) -> None:
        """Closes the writer behind."""
        self.behind.close()


def hook(system: str = "easypost", *, scheme: str | None = None, rate: float | None = None, burst: int = 1, **more: Any) -> Hook:
    """A connection called `acme`, with the scheme's secret; `more` goes to the connection."""
    adapter = ADAPTERS[system]
    chosen = SCHEMES[scheme or adapter.scheme]
    text = SECRETS[chosen.name]
    max_body = more.pop("max_body", 1 << 20)
    secrets = more.pop("secrets", (Secret(text, chosen.key(text)),))
    return Hook(
        system, AdapterConnection(name="acme", **more), adapter, chosen, secrets, rate, burst, max_body, URL if chosen.signs_url else ""
    )


@dataclass
class Parts:
    """A gateway without its server."""

    folder: Path
    writer: Broken
    memory: GatewayMemory
    dead_letters: DeadLetters
    stats: GatewayStats
    intake: Intake
    connections: Connections
    hooks: HookRoutes

    def app(self) -> Any:
        """The application."""
        return application(self.hooks, lambda: None, list[str])

    def events(self) -> list[bytes]:
        """The lines of the log."""
        return (self.folder / "events.jsonl").read_bytes().splitlines()

    def refused(self) -> list[bytes]:
        """The lines of refused requests."""
        return (self.folder / "refused" / "refused.jsonl").read_bytes().splitlines()

    async def take(self, hook: Hook, body: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        """Answers a request that is rightly signed."""
        sent = SIGN[hook.scheme.name](SECRETS[hook.scheme.name], body, NOW)
        lowered = {name.lower(): value for name, value in sent.headers.items()} | dict(headers or {})
        return await self.intake.take(hook, Request(lowered, sent.query.encode(), sent.body, AT, url=hook.url))


@contextmanager
def parts(folder: Path, *hooks: Hook, limits: Limits | None = None, patience: float = 10.0) -> Generator[Parts]:
    """A gateway that keeps everything in a folder; opened again over the same folder, it goes on."""
    writer = Broken(LogWriter(Journal(folder, "events")))
    memory, dead_letters, stats = GatewayMemory(folder / "memory.sqlite3"), DeadLetters(folder / "refused", 1 << 20), GatewayStats()
    limits, found = limits or Limits(), {(one.system, one.name): one for one in hooks}
    intake = Intake(found, writer, memory, dead_letters, stats, most=limits.requests, patience=patience, clock=lambda: NOW)
    open_ = Connections(limits, stats.evicted)
    try:
        yield Parts(folder, writer, memory, dead_letters, stats, intake, open_, HookRoutes(intake, limits, stats, open_, lambda: NOW))
    finally:
        writer.close()
        dead_letters.close()
        memory.close()
