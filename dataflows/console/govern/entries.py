"""The console's own audit in a list: what happened to people and sessions, and who read what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, Table, select

from dataflows.console.parts import reads
from dataflows.console.people.tables import entries
from sinks.cases.expressions import Expression
from sinks.cases.queries.rows import values

ROWS: Final = 100
READ: Final = "read"


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries are wanted. `what`: what happened, or of reads `read`. `before`: the instant of the last row of the page before."""

    by: str | None = None
    what: str | None = None
    subject: str | None = None
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConsoleEntry:
    """What happened: `read` of what was read, with what and how many."""

    id: str
    at: datetime
    by: str
    what: str
    subject: str | None
    detail: Mapping[str, object]


def list_entries(own: Engine, wanted: EntryFilter, limit: int = ROWS) -> list[ConsoleEntry]:
    """The newest first. Blocking."""
    found: list[ConsoleEntry] = []
    with own.connect() as connection:
        if wanted.what != READ:
            chosen = select(entries).where(*_conditions(entries, wanted)).order_by(entries.c.at.desc(), entries.c.entry_id).limit(limit)
            if wanted.what:
                chosen = chosen.where(entries.c.what == wanted.what)
            found += [
                ConsoleEntry(row.entry_id, row.at, row.by, row.what, row.subject, row.detail or {}) for row in connection.execute(chosen)
            ]
        if wanted.what in (None, READ):
            seen = select(reads).where(*_conditions(reads, wanted)).order_by(reads.c.at.desc(), reads.c.read_id).limit(limit)
            for row in connection.execute(seen):
                detail = {"what": row.what, "count": values(row)["count"]}
                found.append(ConsoleEntry(row.read_id, row.at, row.by, READ, row.subject, detail))
    return sorted(found, key=lambda one: (one.at, one.id), reverse=True)[:limit]


def _conditions(table: Table, wanted: EntryFilter) -> list[Expression]:
    found: list[Expression] = []
    if wanted.by:
        found.append(table.c.by == wanted.by)
    if wanted.subject:
        found.append(table.c.subject == wanted.subject)
    if wanted.since is not None:
        found.append(table.c.at >= wanted.since)
    if wanted.before is not None:
        found.append(table.c.at < wanted.before)
    return found
