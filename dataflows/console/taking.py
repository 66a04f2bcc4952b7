"""How decisions of people get into the log: by the same checks and the same writer as those of token holders."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

import orjson
from sqlalchemy import Engine

from dataflows.console.access import Person
from dataflows.ingest.decisions.case_store import SqlCaseStore
from dataflows.ingest.decisions.intake import AuditLines, DecisionIntake, IntakeListener
from dataflows.ingest.decisions.who import Decider
from sinks.decisions import DecisionWriter
from sources.gateway.answers import ApiReply, PieceResult
from sources.gateway.batches import Piece
from sources.gateway.tokens.scopes import ALL, DecisionScope

SOURCE: Final = "/orderwatch/console"
"""The `source` of every decision made here."""
ROLE: Final = "console"
"""Its role at the socket of an embedded installation."""
PATIENCE_S: Final = 30.0


class UntakenError(Exception):
    """Decisions are not known to be in the log; to send them again, with the same keys, does no harm. The message is one line."""


class Unheard:
    """Listens to the intake where nobody counts what it takes."""

    def wrote(self, system: str, connection: str, count: int) -> None:
        """Decisions are durable."""

    def failed(self, what: str, error: Exception) -> None:
        """They are not: whoever decided is told."""


class ConsoleDecisions:
    """Takes decisions of people. `store`: the case store; `audit`: gets a line for each decision; `templates`: texts of the user's own.

    `bulk_limit`: up to which value, in the currency of the action, approvals may be given in bulk.
    """

    def __init__(
        self,
        writer: DecisionWriter,
        store: Engine,
        audit: AuditLines,
        listener: IntakeListener | None = None,
        *,
        templates: Path | None = None,
        bulk_limit: Decimal = Decimal(100),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.templates, self.bulk_limit = templates, bulk_limit
        self._store = SqlCaseStore(lambda: store)
        self._intake = DecisionIntake(writer, audit, listener or Unheard(), self._store, patience=PATIENCE_S, clock=clock)

    async def take(self, person: Person, decisions: Sequence[Mapping[str, object]]) -> Sequence[PieceResult]:
        """What became of each decision, in their order. Each states its key as `id`. Raises UntakenError."""
        if not decisions:
            return ()
        reply: ApiReply = await self._intake.decide(decider(person), [Piece(dict(one), orjson.dumps(one)) for one in decisions])
        if reply.outcome == "unavailable" or len(reply.results) != len(decisions):
            raise UntakenError(reply.detail or reply.reason or reply.outcome)
        return reply.results

    def refusals(self, ids: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        """Of decisions that the engine has refused, by their IDs: reason and detail. Blocking. Raises StoreDownError."""
        return self._store.refusals(ids)


def decider(person: Person) -> Decider:
    """A person as the intake knows who decides."""
    scope = DecisionScope(person.by, person.roles, (ALL,), person.scope.tenants)
    return Decider(_beginning(person), person.name, "console", SOURCE, scope, person.scope.teams, person.scope.sites)


def decision_id(person: Person, key: str) -> str:
    """The ID of the decision that a person has given a key: the same however often it is sent, and no other person's."""
    return f"{_beginning(person)}-{key}"


def _beginning(person: Person) -> str:
    return f"console:{person.name}:"  # no name has a colon
