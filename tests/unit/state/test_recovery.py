"""The recovery store, which native code reads: what is wrong with it is found before, and named by file."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from dataflows.runtime.state import StateError, StateHome
from dataflows.runtime.state.errors import DamagedStateError, FailingVolumeError
from dataflows.runtime.state.recovery import roll_back, why

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAGE = 4_096


def zeroed(file: Path, page: int) -> None:
    """Overwrites a page with zeros, as a disk may give it back."""
    with file.open("r+b") as opened:
        opened.seek(page * PAGE)
        opened.write(bytes(PAGE))


def emptied(file: Path) -> None:
    """SQLite takes an empty file for a new database."""
    file.write_bytes(b"")


def cut(file: Path) -> None:
    """The end is lost."""
    file.write_bytes(file.read_bytes()[:PAGE])


def replaced(file: Path) -> None:
    """Another file in its place."""
    file.write_bytes(b"not a database" * 1_000)


def removed(file: Path) -> None:
    """Gone."""
    file.unlink()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state directory whose recovery store has something in it."""
    path = tmp_path / "state"
    StateHome.open(path).close()
    with closing(sqlite3.connect(path / "recovery" / "part-2.sqlite3")) as store:
        rows = [("detect", f"s{n:02}", n, bytes(9_000)) for n in range(64)]
        store.executemany("INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES (?, ?, ?, ?)", rows)
        store.commit()
    return path


@pytest.mark.parametrize("damage", [*(partial(zeroed, page=page) for page in range(4)), emptied, cut, replaced, removed])
def test_damage_is_refused_at_the_start_with_the_file_and_the_remedy(path: Path, damage: Callable[[Path], None]) -> None:
    """Not in Rust's words, and not by a panic."""
    damage(path / "recovery" / "part-2.sqlite3")
    with pytest.raises(DamagedStateError, match=r"part-2.sqlite3 is (damaged|missing): .*; restore the state directory from a backup"):
        StateHome.open(path)


def test_a_store_that_is_well_is_taken_and_nothing_is_left_behind(path: Path) -> None:
    """The probe of the volume is removed."""
    StateHome.open(path).close()
    assert why(path / "recovery", 4) is None
    assert sorted(file.name for file in (path / "recovery").iterdir() if not file.name.endswith(("-wal", "-shm"))) == [
        f"part-{n}.sqlite3" for n in range(4)
    ]


def test_a_volume_that_is_full_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own error reaches nobody from native code, so it is looked for: how much room there is."""
    found = os.statvfs(path)
    left = os.statvfs_result((found.f_bsize, 4_096, *found[2:4], 100, *found[5:]))
    monkeypatch.setattr("os.statvfs", Mock(return_value=left))
    assert isinstance(reason := why(path / "recovery", 4), FailingVolumeError)
    assert str(reason) == f"{path / 'recovery'}: the volume is full: 400 KiB are free, the engine needs 32 MiB to commit"


def test_a_store_that_somebody_holds_is_not_called_damaged(path: Path) -> None:
    """What cannot be opened may be in use."""
    with closing(sqlite3.connect(path / "recovery" / "part-1.sqlite3", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StateError) as refused:
            StateHome.open(path)
    assert not isinstance(refused.value, DamagedStateError)


def test_what_is_rolled_back_is_by_the_slowest_worker_of_the_last_execution(path: Path) -> None:
    """Two workers, of which one had come to epoch 40 and of the other nothing is known but where it began."""
    folder = path / "recovery"
    for part, rows in enumerate(("(3, 2, 30)", "(4, 2, 35)", "(2, 1, 60)")):
        with closing(sqlite3.connect(folder / f"part-{part}.sqlite3")) as store, store:
            store.execute(f"INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES {rows}")
    with closing(sqlite3.connect(folder / "part-3.sqlite3")) as store, store:
        store.execute("INSERT INTO fronts (ex_num, worker_index, worker_frontier) VALUES (4, 0, 40), (3, 1, 50)")
    assert roll_back(folder, 4) == 64 - 35
    assert roll_back(folder, 4) == 0
    with closing(sqlite3.connect(folder / "part-2.sqlite3")) as store:
        assert store.execute("SELECT MAX(snap_epoch), COUNT(*) FROM snaps").fetchone() == (34, 35)


def test_a_store_that_cannot_be_read_is_not_rolled_back(path: Path) -> None:
    """Its folder is named."""
    replaced(path / "recovery" / "part-2.sqlite3")
    with pytest.raises(StateError, match="recovery"):
        roll_back(path / "recovery", 4)
