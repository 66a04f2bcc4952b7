"""A disk that is full: what dispatch has to keep waits for room, in the order of its steps, and nothing is lost or done twice."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import pytest

from dataflows.dispatch import journal as journals
from dataflows.dispatch.journal import AttemptJournal
from dataflows.dispatch.letters import forget

if TYPE_CHECKING:
    from pathlib import Path

LARGE = b"x" * 100_000


def put(db: sqlite3.Connection) -> int:
    """Keeps something that needs room, and says how much there is."""
    db.execute("INSERT INTO outbox (id, at, body) SELECT 'd' || count(*), 1, ? FROM outbox", (LARGE,))
    return int(db.execute("SELECT count(*) FROM outbox").fetchone()[0])


async def allow(journal: AttemptJournal, pages: int) -> None:
    """Lets the file have so many pages."""
    await journal.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())


def test_what_must_be_kept_waits_for_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits goes on once it is kept; until then the journal says what ails it."""
    monkeypatch.setattr(journals, "AGAIN_S", 0.01)

    async def run() -> None:
        journal = AttemptJournal(tmp_path)
        try:
            await allow(journal, 40)
            with pytest.raises(sqlite3.OperationalError):
                await journal.run(put)
            assert journal.ailment == "the journal cannot be written: database or disk is full"
            waiting = asyncio.create_task(journal.keep(put))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            await allow(journal, 10_000)
            assert await waiting == 1
            assert journal.ailment is None
        finally:
            journal.close()

    asyncio.run(run())


def test_a_fault_of_the_program_is_not_tried_again(tmp_path: Path) -> None:
    """It is told to whoever asked."""

    async def run() -> None:
        journal = AttemptJournal(tmp_path)
        try:
            with pytest.raises(sqlite3.IntegrityError):
                await journal.keep(lambda db: db.execute("INSERT INTO outbox (id, at, body) VALUES (NULL, 1, x'00')"))
        finally:
            journal.close()

    asyncio.run(run())


def test_what_is_erased_goes_from_the_write_ahead_log_with_the_next_commit(tmp_path: Path) -> None:
    """Zeros are written over it in the file; the log that says so is emptied."""

    async def run() -> None:
        journal = AttemptJournal(tmp_path)
        try:
            await journal.run(lambda db: db.execute("INSERT INTO contexts VALUES ('x-1', 'SO-100042', 'acme', 1, 0, x'00')"))
            await journal.run(lambda db: forget(db, "acme", "SO-100042"))
            assert named()
            journal.shorten_log()
            await journal.run(lambda db: db.execute("SELECT 1").fetchone())
            assert not named()
        finally:
            journal.close()

    def named() -> bool:
        return any(b"SO-100042" in file.read_bytes() for file in tmp_path.iterdir())

    asyncio.run(run())
