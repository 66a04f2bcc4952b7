"""The journal: what dispatch must know after any crash. SQLite, durable at each commit; many writes share one commit."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, TypeVar

from dataflows.dispatch.tables import TABLES, VERSION
from dataflows.runtime.state.files import lock

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
LOCK_WAIT_S: Final = 10.0
"""How long a process that was killed may take to die before its successor gives up."""
AGAIN_S: Final = 1.0
"""How long what could not be written waits for its next try."""
BUSY_S: Final = 10.0
"""How long a commit waits for a command that writes into the journal, such as a replay of dead letters."""
MOST_AT_ONCE: Final = 512
"""Pieces of work in one commit."""
FILE: Final = "journal.sqlite3"


class JournalError(Exception):
    """The journal cannot be used; the message is one line."""


class AttemptJournal:
    """One thread that writes; each commit is on the disk before anybody goes on. `id` names this journal for ever."""

    def __init__(self, folder: Path | None) -> None:
        """Opens the journal in a folder, alone; None: one that is not kept.

        Raises JournalError, and OSError that names the file.
        """
        self._lock: int | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._lock = lock(folder / "lock", LOCK_WAIT_S)
            if self._lock is None:
                raise JournalError(f"{folder}: another dispatcher uses it; each needs a dispatch.dir of its own")
        try:
            self._db = connect(folder / FILE if folder is not None else None)
            self.id = self._identity()
        except sqlite3.Error as error:
            raise JournalError(f"{folder}: the journal cannot be used: {error}") from error
        self._queue: SimpleQueue[tuple[Work[Any], Future[Any]] | None] = SimpleQueue()
        self.ailment: str | None = None
        """Why nothing, or not everything, can be written at the moment."""
        self._refused: set[object] = set()
        self._logged = False
        self._thread = Thread(target=self._serve, name="journal", daemon=True)
        self._thread.start()

    def submit(self, work: Work[T]) -> Future[T]:
        """Has a piece of work done and committed, after all that was handed over before; its result comes once it is durable."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # What was handed over is done: it cannot be cancelled.
        self._queue.put((work, future))
        return future

    async def run(self, work: Work[T]) -> T:
        """As `submit`, and waits. Once handed over it is done, even if the caller is cancelled."""
        return await asyncio.shield(asyncio.wrap_future(self.submit(work)))

    async def keep(self, work: Work[T]) -> T:
        """As `run`; while the disk will not have it, such as a full one, it is tried again, and `ailment` says why."""
        asked = object()
        while True:
            try:
                result = await self.run(work)
            except sqlite3.OperationalError:
                self._refused.add(asked)
                await asyncio.sleep(AGAIN_S)
                continue
            self._refused.discard(asked)
            if not self._refused:
                self.ailment = None
            return result

    def shorten_log(self) -> None:
        """Has the write-ahead log emptied after the next commit: what was erased may still stand in it."""
        self._logged = True

    def close(self) -> None:
        """Commits what was handed over, and closes."""
        self._queue.put(None)
        self._thread.join()
        self._db.close()
        if self._lock is not None:
            os.close(self._lock)

    def _identity(self) -> str:
        version = self._db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
        if version is not None and version[0] != VERSION:
            raise JournalError(f"the journal is of version {version[0]}, this program writes {VERSION}")
        with self._db:
            self._db.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?), ('id', ?)", (VERSION, str(uuid.uuid4())))
        return str(self._db.execute("SELECT value FROM meta WHERE name = 'id'").fetchone()[0])

    def _serve(self) -> None:
        going = True
        while going:
            batch = [self._queue.get()]
            while len(batch) < MOST_AT_ONCE and not self._queue.empty():
                batch.append(self._queue.get())
            going = None not in batch
            self._commit([each for each in batch if each is not None])

    def _commit(self, batch: list[tuple[Work[Any], Future[Any]]]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        failed = False
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for work, future in batch:
                self._db.execute("SAVEPOINT piece")
                try:
                    result = work(self._db)
                except Exception as error:  # noqa: BLE001 - whatever goes wrong is told to whoever asked for it
                    self._db.execute("ROLLBACK TO piece")
                    if isinstance(error, sqlite3.OperationalError):
                        failed, self.ailment = True, f"the journal cannot be written: {error}"
                    future.set_exception(error)
                else:
                    done.append((future, result))
                self._db.execute("RELEASE piece")
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self.ailment = f"the journal cannot be written: {error}"
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            for future in (each for _, each in batch if not each.done()):
                future.set_exception(error)
            return
        if not failed and not self._refused:
            self.ailment = None
        if self._logged:
            self._shorten()
        for future, result in done:
            future.set_result(result)

    def _shorten(self) -> None:
        """Empties the write-ahead log; nobody waits for who reads it meanwhile: the next commit tries again."""
        try:
            self._db.execute("PRAGMA busy_timeout = 0")
            self._logged = bool(self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        except sqlite3.Error as error:
            self.ailment = f"the journal's write-ahead log cannot be emptied: {error}"
        finally:
            self._db.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1_000)}")


def connect(file: Path | None) -> sqlite3.Connection:
    """A connection to a journal; a commit on it is on the disk. Raises sqlite3.Error."""
    db = sqlite3.connect(":memory:" if file is None else file, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    if file is not None:
        file.chmod(0o640)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA secure_delete = ON")  # what is forgotten is not to be found in the file either
    db.executescript(TABLES)
    return db
