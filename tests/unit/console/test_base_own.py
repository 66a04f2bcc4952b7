"""The console's own database: made whole at first, brought up to date later, left alone by a program that is older than it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from dataflows.console.own import VERSIONS, open_own, prepare
from dataflows.console.routes import every_route
from dataflows.console.tables import METADATA
from sinks.cases.schema import StoreError, writing

every_route()  # the views declare the tables


def own(path: Path) -> Engine:
    """An own database in a file."""
    return open_own(f"sqlite:///{path}")


def differences(engine: Engine) -> list[Any]:
    """In what the tables are not those that the program declares."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSIONS, "compare_type": True})
        return [*compare_metadata(context, METADATA)]


def version(engine: Engine) -> str | None:
    """The version of the schema."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection, opts={"version_table": VERSIONS}).get_current_revision()


def test_migrations_make_what_the_program_declares(tmp_path: Path) -> None:
    """A database of before versions were counted keeps its rows; what it lacks is made."""
    new, old = own(tmp_path / "new.sqlite3"), own(tmp_path / "old.sqlite3")
    prepare(new)
    with writing(old).begin() as connection:
        kept = METADATA.tables["people"]
        kept.create(connection)
        row: dict[str, object] = {
            "name": "anna",
            "origin": "local",
            "created_at": "2026-01-01T00:00:00Z",
            "changed_at": "2026-01-01T00:00:00Z",
        }
        row |= {"single_keys": 1, "disabled": 0}
        columns = ", ".join(row)
        connection.execute(text(f"INSERT INTO people ({columns}) VALUES ({', '.join(f':{name}' for name in row)})"), row)
    prepare(old)
    prepare(old)
    for engine in (new, old):
        assert differences(engine) == []
        assert version(engine) is not None
    assert version(new) == version(old)
    with old.connect() as connection:
        assert connection.scalar(text("SELECT name FROM people")) == "anna"


def test_a_later_version_is_left_alone(tmp_path: Path) -> None:
    """An older program changes nothing of it, and says what to do."""
    engine = own(tmp_path / "own.sqlite3")
    prepare(engine)
    with writing(engine).begin() as connection:
        connection.execute(text(f"UPDATE {VERSIONS} SET version_num = '9999'"))
    before = inspect(engine).get_table_names()
    with pytest.raises(StoreError, match="has schema 9999, which a later version of this program has made"):
        prepare(engine)
    assert (inspect(engine).get_table_names(), version(engine)) == (before, "9999")
