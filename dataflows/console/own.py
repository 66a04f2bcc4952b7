"""The console's own database: opened here, its tables made, and brought up to date where an earlier version of this program made them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Insert, Table, inspect, text
from sqlalchemy.dialects import postgresql, sqlite

from dataflows.console.tables import METADATA
from sinks.cases.schema import StoreError, make_file, open_store, shown, writing

LOCK: Final = 0x0_0DE_5705
"""The advisory lock of PostgreSQL under which one process makes tables while others wait."""
MIGRATIONS: Final = Path(__file__).parent / "migrations"
VERSIONS: Final = "console_schema"
"""The table that holds the version: the database may be that of the store, which has one of its own."""
FIRST: Final = "people"
"""The table that every installation of before versions were counted has."""


def open_own(url: str) -> Engine:
    """An engine for the database. Raises StoreError of an unusable URL."""
    make_file(url)
    return open_store(url)


def prepare(engine: Engine) -> None:
    """Makes the tables, or brings them up to date. Raises SQLAlchemyError; StoreError if a later version has made them."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    with writing(engine).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context = MigrationContext.configure(connection, opts={"version_table": VERSIONS})
        version, newest = context.get_current_revision(), scripts.get_current_head()
        if version == newest:
            return
        known = {script.revision for script in scripts.walk_revisions()}
        if version is not None and version not in known:
            raise StoreError(
                f"the console's own database at {shown(engine.url)} has schema {version}, which a later version of this program has made;"
                f" this one knows up to {newest}: use the later one"
            )
        if version is None and not inspect(connection).has_table(FIRST):
            METADATA.create_all(connection)
            context.stamp(scripts, "head")
            return
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def upsert(connection: Connection, table: Table, row: Mapping[str, object]) -> Insert:
    """The statement that writes a row, or what of it has changed where there is one of its key."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    made: Any = insert(table).values(**row)
    keys = [column.name for column in table.primary_key]
    kept = {name: value for name, value in row.items() if name not in keys}
    return cast("Insert", made.on_conflict_do_update(index_elements=keys, set_=kept))
