"""What the gateway remembers between requests: deliveries that it has answered, and what is known of each parcel.

One SQLite file in the state directory. Nothing is remembered before the events that it is about are durable: if the gateway dies in
between, the sender comes again, the same events get the same IDs, and the engine drops what it has. What is remembered outlives the
process; a power cut may cost the last of it, which is as if the gateway had died in between. Bounded by age and by count.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from schemas.instants import EPOCH
from sources.adapters.histories import Remembered, Spoken
from sources.gateway.files import open_file
from sources.gateway.group import GroupCommit

VERSION: Final = 1
MICROSECOND: Final = timedelta(microseconds=1)
WORD: Final = re.compile(r"[^\s/:]+")
"""The parts of a key."""
PRUNE_S: Final = 60.0
"""How often what is too old or too much is forgotten."""

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS seen (delivery BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_at ON seen (at);
CREATE TABLE IF NOT EXISTS histories (key TEXT PRIMARY KEY, at INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS histories_at ON histories (at);
"""


class Bound(NamedTuple):
    """How much is remembered: for so many seconds, and at most so many."""

    seconds: int
    most: int


SEEN: Final = Bound(7 * 86_400, 2_000_000)
"""Longer than any of the systems retries."""
HISTORIES: Final = Bound(120 * 86_400, 2_000_000)
"""Longer than a parcel is tracked."""


class _Stored(msgspec.Struct, array_like=True):
    """What is known of a thing as it is stored; instants in µs since the epoch, UTC."""

    said: int
    events: dict[str, int]
    withdrawn: dict[str, int]
    spoken: list[tuple[int, int]]


class DeliveryNote(NamedTuple):
    """What is to be remembered of one request: its delivery, and the histories that it told. `forget`: names of things to be forgotten."""

    delivery: bytes | None
    histories: dict[str, Remembered]
    forget: frozenset[str] = frozenset()


class UnusableMemoryError(Exception):
    """The memory cannot be used; the message is one line."""


class GatewayMemory:
    """Reads on the thread that asks, writes on one of its own, several requests in a transaction.

    `clock` gives seconds since the epoch. Raises UnusableMemoryError when made if the file is none of ours or cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        *,
        seen: Bound = SEEN,
        histories: Bound = HISTORIES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._bounds = {"seen": seen, "histories": histories}
        self._clock = clock
        self._pruned = 0.0
        try:
            # Keys hold tracking numbers: what SQLite makes beside the file gets the rights of the file.
            os.close(open_file(path, os.O_RDWR))
            for beside in (f"{path.name}-wal", f"{path.name}-shm"):
                if path.with_name(beside).exists():  # left by a crash of an older version
                    os.close(open_file(path.with_name(beside), os.O_RDWR))
            self._writer = _opened(path)
            self._reader = _opened(path)
            # Counted once, then kept up: SQLite would walk through all of them.
            self.counts = {table: _count(self._reader, table) for table in self._bounds}
        except sqlite3.Error as error:
            raise UnusableMemoryError(f"{path}: {error}") from error
        self._group: GroupCommit[DeliveryNote] = GroupCommit("memory", self._commit)

    def seen(self, delivery: bytes) -> bool:
        """Whether a delivery was answered before."""
        return self._reader.execute("SELECT 1 FROM seen WHERE delivery = ?", (delivery,)).fetchone() is not None

    def get(self, key: str) -> Remembered | None:
        """What is known of a thing."""
        row = self._reader.execute("SELECT value FROM histories WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        stored = msgspec.msgpack.decode(row[0], type=_Stored)
        spoken = tuple(Spoken(_instant(since), _instant(said)) for since, said in stored.spoken)
        return Remembered(_instant(stored.said), {id_: _instant(at) for id_, at in stored.events.items()}, stored.withdrawn, spoken)

    async def save(self, note: DeliveryNote) -> None:
        """Remembers; returns once it is stored. Raises sqlite3.Error."""
        await self._group.add(note)

    def close(self) -> None:
        """Stores what waits."""
        self._group.close()
        self._writer.close()
        self._reader.close()

    # --- on the thread ---------------------------------------------------------------------------

    def _commit(self, notes: list[DeliveryNote]) -> None:
        now = int(self._clock())
        deliveries = [(note.delivery, now) for note in notes if note.delivery is not None]
        dead_letters = {key: value for note in notes for key, value in note.histories.items()}
        histories = [(now, _packed(value), key) for key, value in dead_letters.items()]
        with self._writer:  # one transaction: committed at its end, rolled back by an error
            before = self._writer.total_changes
            self._writer.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", deliveries)
            seen = self._writer.total_changes
            self._writer.executemany("INSERT OR IGNORE INTO histories (at, value, key) VALUES (?, ?, ?)", histories)
            new = self._writer.total_changes
            self._writer.executemany("UPDATE histories SET at = ?, value = ? WHERE key = ?", histories)
        if names := frozenset[str]().union(*(note.forget for note in notes)):
            self._forget(names)
        self.counts["seen"] += seen - before
        self.counts["histories"] += new - seen
        if now - self._pruned >= PRUNE_S:
            self._pruned = now
            self._prune(now)

    def _forget(self, names: frozenset[str]) -> None:
        """Forgets histories whose key has one of the names as a word: a key is tenant, source and thing."""
        known = self._writer.execute("SELECT key FROM histories")
        gone = [(key,) for (key,) in known if not names.isdisjoint(WORD.findall(key))]
        with self._writer:
            self._writer.executemany("DELETE FROM histories WHERE key = ?", gone)
        self.counts["histories"] -= len(gone)
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def _prune(self, now: int) -> None:
        for table, bound in self._bounds.items():
            column = "delivery" if table == "seen" else "key"
            with self._writer:
                gone = self._writer.execute(f"DELETE FROM {table} WHERE at < ?", (now - bound.seconds,)).rowcount  # noqa: S608 - our names
                over = self.counts[table] - gone - bound.most
                if over > 0:
                    oldest = f"SELECT {column} FROM {table} ORDER BY at LIMIT ?"  # noqa: S608 - our names
                    gone += self._writer.execute(f"DELETE FROM {table} WHERE {column} IN ({oldest})", (over,)).rowcount  # noqa: S608
            self.counts[table] -= gone


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level="IMMEDIATE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA secure_delete = ON")  # what is forgotten is not to be found in free pages either
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, VERSION):
        connection.close()
        raise UnusableMemoryError(f"{path}: written by another version of this program ({version}, this one knows {VERSION})")
    if version == 0:
        connection.executescript(SCHEMA)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    return connection


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our names


def _packed(value: Remembered) -> bytes:
    events = {id_: _micros(at) for id_, at in value.events.items()}
    spoken = [(_micros(one.since), _micros(one.stated_at)) for one in value.spoken]
    return msgspec.msgpack.encode(_Stored(_micros(value.stated_at), events, value.withdrawn, spoken))


def _micros(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def _instant(at: int) -> datetime:
    return EPOCH + at * MICROSECOND
