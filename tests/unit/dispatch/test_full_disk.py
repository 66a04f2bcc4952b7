"""A disk that is full: what dispatch has to keep waits for room, in the order of its steps, and nothing is lost or done twice."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import pytest

from dataflows.dispatch import journal as journals
from dataflows.dispatch import letters
from dataflows.dispatch.journal import AttemptJournal
from dataflows.dispatch.letters import forget, prune
from dataflows.dispatch.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LARGE = b"x" * 100_000
KEPT = ("id FROM actions", "action_id FROM attempts")


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


class CountingLog:
    """A `DecisionWriter` that counts what it is given."""

    def __init__(self) -> None:
        self.ids: list[object] = []

    def write(self, decisions: Sequence[Mapping[str, object]]) -> None:
        """Takes them."""
        self.ids += [each["id"] for each in decisions]

    def close(self) -> None:
        """Nothing is open."""


def test_what_the_log_has_is_not_written_again_while_that_cannot_be_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for room; what is to be said then goes on."""
    monkeypatch.setattr(journals, "AGAIN_S", 0.001)
    tries, log = [0], CountingLog()

    def full() -> None:
        tries[0] += 1
        if tries[0] < 20:
            raise sqlite3.OperationalError

    def fill(db: sqlite3.Connection) -> None:
        db.create_function("no_room", 0, full)
        db.execute("CREATE TEMP TRIGGER fills BEFORE DELETE ON outbox BEGIN SELECT no_room(); END")
        db.executemany("INSERT INTO outbox (id, at, body) VALUES (?, 1, ?)", [(id_, b'{"id": "%b"}' % id_.encode()) for id_ in ("a", "b")])

    async def run() -> None:
        journal = AttemptJournal(tmp_path)
        outbox = Outbox(journal, log)
        try:
            await journal.run(fill)
            writing = asyncio.create_task(outbox.run())
            await outbox.flush()
            writing.cancel()
        finally:
            journal.close()

    asyncio.run(run())
    assert log.ids == ["a", "b"]
    assert tries[0] >= 20


def test_what_is_committed_counts_though_the_write_ahead_log_cannot_be_emptied(tmp_path: Path) -> None:
    """Whoever wrote it goes on; the journal says what ails it, and tries again."""

    async def run() -> None:
        journal = AttemptJournal(tmp_path)
        denied = sqlite3.SQLITE_DENY

        def refuse(action: int, name: str | None, *_: object) -> int:
            return denied if action == sqlite3.SQLITE_PRAGMA and name == "wal_checkpoint" else sqlite3.SQLITE_OK

        try:
            await journal.run(lambda db: db.set_authorizer(refuse))
            journal.shorten_log()
            assert await journal.run(put) == 1
            assert "cannot be emptied" in (journal.ailment or "")
            await journal.run(lambda db: db.set_authorizer(None))
            assert await journal.run(put) == 2
            assert journal.ailment is None
        finally:
            journal.close()

    asyncio.run(run())


def test_everything_that_is_over_goes_however_much_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Part by part; what is open stays, and so does an attempt that began not long ago."""
    monkeypatch.setattr(letters, "PRUNED_AT_ONCE", 2)

    def fill(db: sqlite3.Connection) -> None:
        action = "INSERT INTO actions VALUES (?, 'acme', 'SO-1', 0, 1, 'executed', 1, 0, 1, 1, ?, x'00')"
        db.executemany(action, [(f"a{number}", 5) for number in range(5)] + [("open", 0), ("young", 50)])
        attempt = "INSERT INTO attempts (action_id, attempt, dispatcher, phase, endpoint, began_at) VALUES (?, 1, 'us', 'done', 'hook', ?)"
        db.executemany(attempt, [(f"a{number}", 4) for number in range(5)] + [("open", 4), ("erased", 4), ("erased later", 40)])

    async def run() -> None:
        journal = AttemptJournal(tmp_path)
        try:
            await journal.run(fill)
            parts = 1
            while await journal.run(lambda db: prune(db, 10, 10)):
                parts += 1
            assert parts == 3
            left = await journal.run(lambda db: [sorted(id_ for (id_,) in db.execute(f"SELECT {which}")) for which in KEPT])
            assert left == [["open", "young"], ["erased later", "open"]]
        finally:
            journal.close()

    asyncio.run(run())
