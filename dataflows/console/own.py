"""The console's own database: opened here, its tables made where they are missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from sqlalchemy import Connection, Engine, Insert, Table, text
from sqlalchemy.dialects import postgresql, sqlite

from dataflows.console.tables import METADATA
from sinks.cases.schema import make_file, open_store, writing

LOCK: Final = 0x0_0DE_5705
"""The advisory lock of PostgreSQL under which one process makes tables while others wait."""


def open_own(url: str) -> Engine:
    """An engine for the database. Raises StoreError of an unusable URL."""
    make_file(url)
    return open_store(url)


def prepare(engine: Engine) -> None:
    """Makes the tables that are missing. Raises SQLAlchemyError."""
    with writing(engine).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        METADATA.create_all(connection)


def upsert(connection: Connection, table: Table, row: Mapping[str, object]) -> Insert:
    """The statement that writes a row, or what of it has changed where there is one of its key."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    made: Any = insert(table).values(**row)
    keys = [column.name for column in table.primary_key]
    kept = {name: value for name, value in row.items() if name not in keys}
    return cast("Insert", made.on_conflict_do_update(index_elements=keys, set_=kept))
