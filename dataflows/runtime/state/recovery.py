"""The recovery store: Bytewax's SQLite files of offsets and tokens, checked before and after the engine's native code uses them.

What native code finds wrong there it says in words of its own, without naming a file, or it panics; in a cluster it says nothing at all.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from dataflows.runtime.state.errors import DamagedStateError, FailingVolumeError, StateError, of_system

TABLES = frozenset(("parts", "exs", "fronts", "commits", "snaps"))
"""What Bytewax 0.21 keeps in each file."""
FIRST_EPOCH = 1
"""Where Bytewax begins over an empty store."""
BUSY_S = 10.0
"""How long a process that is about to die may hold a file of it."""
SPARE_BYTES = 32 << 20
"""What must be free on the volume for the engine to be sure to commit: SQLite's logs grow to 4 MB in each of four files, and are copied
back before they shrink. A store that failed for want of room gives up to half of that back when it is closed.
"""


def parts(folder: Path, count: int) -> Iterator[Path]:
    """The files of a recovery store of `count` parts."""
    return (folder / f"part-{part}.sqlite3" for part in range(count))


def check(folder: Path, count: int) -> None:
    """Reads all files of a recovery store. Raises DamagedStateError, naming the file, if one is missing or not as SQLite wrote it."""
    for file in parts(folder, count):
        if not file.exists():
            raise DamagedStateError(f"{file} is missing: without the recovery store, nobody knows what of the state counts")
        try:
            with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as store:
                found = store.execute("PRAGMA quick_check(1)").fetchone()[0]
                tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        except sqlite3.OperationalError as error:
            # Locked or not to be opened: that is no damage.
            raise StateError(f"{file}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise DamagedStateError(f"{file} is damaged: {error}") from error
        if found != "ok":
            raise DamagedStateError(f"{file} is damaged: {' '.join(str(found).split())}")
        if missing := TABLES - tables:
            raise DamagedStateError(f"{file} is damaged: it holds no table {min(missing)}")


def roll_back(folder: Path, count: int) -> int:
    """Deletes the snapshots of epochs that never became durable, as no resume may read them; returns how many there were.

    Bytewax writes the snapshots of an epoch before it notes that the epoch is over, and leaves them where they are if it is killed
    between. The next run begins with that epoch again. A key that is not awake in it this time is not written again, so once the epoch
    is over a later resume would take what was rolled back for its state. Call it before the flow is built, with no other run under way.
    Raises StateError if a file cannot be read or written.
    """
    try:
        with ExitStack() as opened:
            uris = (f"{file.absolute().as_uri()}?mode=rw" for file in parts(folder, count))
            stores = [opened.enter_context(closing(sqlite3.connect(uri, uri=True, timeout=BUSY_S))) for uri in uris]
            resumed, gone = _resume_epoch(stores), 0
            for store in stores:
                with store:
                    gone += store.execute("DELETE FROM snaps WHERE snap_epoch >= ?", (resumed,)).rowcount
            return gone
    except sqlite3.Error as error:
        raise StateError(f"{folder}: {error}") from error


def forget(folder: Path, count: int, key: str) -> None:
    """Deletes the snapshots of a part of a source that there is no more: Bytewax refuses to resume while it has one. Raises StateError."""
    try:
        for file in parts(folder, count):
            with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_S)) as store, store:
                store.execute("DELETE FROM snaps WHERE state_key = ?", (key,))
    except sqlite3.Error as error:
        raise StateError(f"{folder}: {error}") from error


def _resume_epoch(stores: Sequence[sqlite3.Connection]) -> int:
    """The epoch that Bytewax will begin with: the least that a worker of its last execution had reached; the first if there was none."""
    begun: list[tuple[int, int, int]] = []
    for store in stores:
        begun += store.execute("SELECT ex_num, worker_count, resume_epoch FROM exs")
    if not begun:
        return FIRST_EPOCH
    last, workers, first = max(begun)
    reached = dict.fromkeys(range(workers), first)
    fronts: list[tuple[int, int]] = []
    for store in stores:
        fronts += store.execute("SELECT worker_index, worker_frontier FROM fronts WHERE ex_num = ?", (last,))
    for worker, frontier in fronts:
        reached[worker] = max(reached.get(worker, first), frontier)
    return min(reached.values())


def why(folder: Path, count: int) -> StateError | None:
    """Why native code may have failed over a recovery store: damage, or a volume without room; None if neither is found."""
    try:
        check(folder, count)
        volume = os.statvfs(folder)
    except StateError as error:
        return error
    except OSError as error:
        return of_system(error, folder)
    free = volume.f_bavail * volume.f_frsize
    if free < SPARE_BYTES:
        return FailingVolumeError(
            f"{folder}: the volume is full: {free >> 10} KiB are free, the engine needs {SPARE_BYTES >> 20} MiB to commit"
        )
    return None
