"""Opens a store and brings its schema up to date. Whoever writes upgrades; whoever reads only is told where schemas differ."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any, Final

import orjson
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import Connection as PostgresConnection
from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import SetColumnComment, SetTableComment

from sinks.cases.tables import METADATA

MIGRATIONS: Final = Path(__file__).parent / "migrations"
LOCK: Final = 0x0_0DE_5704
"""The advisory lock of PostgreSQL under which one program upgrades while others wait."""
WRITES: Final = "orderwatch_writes"
"""The execution option of transactions that write."""
BUSY_S: Final = 30
"""How long SQLite waits for another writer."""
DRIVERS: Final = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg", "sqlite": "sqlite"}


class StoreError(Exception):
    """A store that cannot be used as it is. The message is one line, without secrets, and says what to mend."""


def store_url(given: str) -> URL:
    """The URL of a store with the driver that is used for it. Raises StoreError of what is none, or names another database."""
    try:
        url = make_url(given)
    except ArgumentError:
        raise StoreError(
            "the URL of the store is none; such as sqlite:////var/lib/orderwatch/store.sqlite3, postgresql://USER@HOST/DB"
        ) from None
    name = url.drivername.partition("+")[0]
    if name not in DRIVERS:
        raise StoreError(f"the store is PostgreSQL or SQLite, not {name}")
    return url.set(drivername=DRIVERS[name])


def open_store(given: str, *, pool: int = 5) -> Engine:
    """An engine for a store, which is not looked at yet; `pool`: how many connections are kept. Raises StoreError of an unusable URL.

    On SQLite readers never wait for the writer, nor it for them (WAL), and what is committed survives a crash of the host.
    """
    url = store_url(given)
    try:
        if url.get_backend_name() == "sqlite":
            engine = create_engine(url, connect_args={"timeout": BUSY_S}, json_serializer=_dumps, json_deserializer=orjson.loads)
            event.listen(engine, "connect", _sqlite)
            event.listen(engine, "begin", _begin)
            return engine
        engine = create_engine(
            url,
            pool_size=pool,
            pool_pre_ping=True,
            connect_args={"application_name": "orderwatch"},
            json_serializer=_dumps,
            json_deserializer=orjson.loads,
        )
        event.listen(engine, "connect", _postgresql)
        return engine
    except (NoSuchModuleError, ArgumentError, TypeError) as error:
        raise StoreError(f"the store at {shown(url)} cannot be opened: {error}") from error


def for_reading(engine: Engine) -> Engine:
    """The same for who only reads: on PostgreSQL each statement is its own transaction, which spares each reader two round trips."""
    return engine if engine.dialect.name == "sqlite" else engine.execution_options(isolation_level="AUTOCOMMIT")


def make_file(given: str) -> None:
    """Makes the file of a SQLite store, which nobody but its owner may read, where there is none. Raises StoreError."""
    url = store_url(given)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return
    path = Path(url.database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(f"{path}: {(error.strerror or str(error)).lower()}") from error


def _dumps(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # it takes 254 levels, and events may have a few more
        return json.dumps(value, ensure_ascii=False, allow_nan=False)


def writing(engine: Engine) -> Engine:
    """The same engine for transactions that write: on SQLite they wait for another writer as they begin, not in their midst."""
    return engine.execution_options(**{WRITES: True})


def shorten_log(engine: Engine) -> bool:
    """Empties the write-ahead log of SQLite, in which what was erased may still stand; whether that could be: a reader may be at it."""
    if engine.dialect.name != "sqlite":
        return True
    pooled = engine.raw_connection()
    try:
        cursor = pooled.cursor()
        cursor.execute("PRAGMA busy_timeout = 0")  # nobody waits for it: it is tried again
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = cursor.fetchone()
            return busy is not None and not busy[0]
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_S * 1_000}")
    finally:
        pooled.close()


def _sqlite(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
    del entry
    connection.isolation_level = None  # transactions begin where they are begun, not where the driver thinks
    # What is erased is not to be found in free pages either: SQLite writes zeros over it.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", f"busy_timeout={BUSY_S * 1_000}"):
        connection.execute(f"PRAGMA {pragma}").close()


def _postgresql(connection: PostgresConnection[Any], entry: ConnectionPoolEntry) -> None:
    """PostgreSQL compiles what it takes to be costly, which took seconds where asking took a tenth of one."""
    del entry
    before, connection.autocommit = connection.autocommit, True
    connection.execute("SET jit = off").close()
    connection.autocommit = before


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITES) else "BEGIN")


def shown(url: URL) -> str:
    """A URL as it may be shown: without a password."""
    return url.render_as_string(hide_password=True)


def revisions() -> list[str]:
    """The versions of the schema that this program knows, the first one first."""
    return [script.revision for script in reversed(list(_scripts().walk_revisions()))]


def current(connection: Connection) -> str | None:
    """The version of the schema of a store; None of an empty database."""
    return MigrationContext.configure(connection).get_current_revision()


def check(connection: Connection) -> str | None:
    """The version of the schema; None of an empty database. Raises StoreError if a later program has made it."""
    version, known = current(connection), revisions()
    if version is not None and version not in known:
        raise StoreError(
            f"the store at {shown(connection.engine.url)} has schema {version}, which a later version of this program has made;"
            f" this one knows up to {known[-1]}: use the later one"
        )
    return version


def upgrade(engine: Engine) -> bool:
    """Brings the schema up to date, whoever else may try the same; returns whether there was anything to do.

    Raises:
        StoreError: if the schema is newer than this program. SQLAlchemyError: if the database cannot be used.
    """
    with writing(engine).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        if check(connection) == revisions()[-1]:
            return False
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if connection.dialect.name == "postgresql":
            _explain(connection)
        return True


def _explain(connection: Connection) -> None:
    """Makes what tables and columns hold their comments in the database, for whoever looks at them there."""
    for table in METADATA.sorted_tables:
        described = table.to_metadata(MetaData())
        described.comment = table.info["about"]
        connection.execute(SetTableComment(described))
        for column in described.columns:
            column.comment = column.doc
            connection.execute(SetColumnComment(column))


def ready(engine: Engine) -> None:
    """For who reads only: raises StoreError unless the schema is the one that this program knows."""
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    if file and not Path(file).exists():  # to look there would make one
        raise StoreError(f"there is no store at {file}: start `orderwatch store`, which makes it")
    try:
        with engine.connect() as connection:
            version = check(connection)
    except DBAPIError as error:
        raise StoreError(f"the store at {shown(engine.url)} cannot be read: {reason(error)}") from error
    if version != revisions()[-1]:
        raise StoreError(f"the store at {shown(engine.url)} has no schema {revisions()[-1]} yet: start `orderwatch store`, which makes it")


def reason(error: DBAPIError) -> str:
    """What a database says is wrong, in one line and without values."""
    said = str(error.orig).strip().splitlines()
    return said[0].strip() if said else type(error.orig).__name__


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
