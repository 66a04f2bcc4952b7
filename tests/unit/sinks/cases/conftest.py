"""Databases for tests of the store: SQLite always, PostgreSQL where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sinks.cases.schema import open_store, upgrade
from sinks.cases.writer import CaseWriter
from tests.support.postgres import PostgresServer, server, why_not
from tests.support.worked import worked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for all tests of the run; each takes a database of its own."""
    if reason := why_not():
        pytest.skip(reason)
    with server() as running:
        yield running


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def worked_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store that holds a worked world, for tests that only read; once of each kind."""
    engine = open_store(new_database(request, tmp_path_factory.mktemp("worked")))
    upgrade(engine)
    writer = CaseWriter(engine)
    writer.offsets()
    writer.write(worked().records())
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database: once of each kind."""
    return new_database(request, tmp_path)


def new_database(request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of a new, empty database of the kind that the fixture is parametrised by."""
    if request.param == "sqlite":
        return f"sqlite:///{folder / 'store.sqlite3'}"
    running: PostgresServer = request.getfixturevalue("postgres")
    return running.database()
