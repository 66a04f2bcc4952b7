"""What the writer says of itself in the store, so that whoever reads it knows how old what it reads may be."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from sinks.cases.tables import standing

WRITER = "writer"


def stands(connection: Connection, seen_at: datetime, behind: int | None, caught_up_at: datetime | None) -> None:
    """Says that the writer is at work, and how many records it is behind. `caught_up_at` None: what was said before stays."""
    insert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(standing)
    said = {"seen_at": seen_at, "behind": behind, **({} if caught_up_at is None else {"caught_up_at": caught_up_at})}
    put = insert.values(name=WRITER, **said)
    connection.execute(put.on_conflict_do_update(index_elements=[standing.c.name], set_=said))
