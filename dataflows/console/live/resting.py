"""Who has let their pages rest: these follow no changes until told to (WCAG 2.2.2). Blocking: call it on a thread."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Engine, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from dataflows.console.tables import METADATA
from sinks.cases.schema import writing
from sinks.cases.tables.base import about, text

resting: Final = Table(
    "resting",
    METADATA,
    text("name", "Whose pages.", key=True),
    info=about("People whose pages do not follow changes by themselves."),
)


def rests(own: Engine, name: str) -> bool:
    """Whether somebody's pages rest."""
    with own.connect() as connection:
        return connection.scalar(select(resting.c.name).where(resting.c.name == name)) is not None


def rest(own: Engine, name: str, *, now: bool) -> None:
    """Lets somebody's pages rest, or follow again."""
    with writing(own).begin() as connection:
        if not now:
            connection.execute(delete(resting).where(resting.c.name == name))
            return
        insert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(resting)
        connection.execute(insert.values(name=name).on_conflict_do_nothing())
