"""The embedded log: what it says is on the disk is there, and nothing is there that is no whole line."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from schemas.record import Record
from sources.files import FileSource
from sources.gateway.group import ClosedError, GroupCommit
from sources.gateway.journal import Journal
from tests.support.logs import T0, line

if TYPE_CHECKING:
    from pathlib import Path


def test_lines_are_there_once_the_write_returns(tmp_path: Path) -> None:
    """In the order in which they were given."""

    async def write() -> None:
        journal = Journal(tmp_path, "events")
        await journal.write([b"1", b"2"])
        assert (tmp_path / "events.jsonl").read_bytes() == b"1\n2\n"
        await journal.write([b"3"])
        journal.close()

    asyncio.run(write())
    assert (tmp_path / "events.jsonl").read_bytes() == b"1\n2\n3\n"


def test_many_writes_share_one_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk is busy the next ones gather."""
    syncs: list[int] = []
    sync = os.fdatasync

    def slow(handle: int) -> None:
        syncs.append(handle)
        sync(handle)

    async def write() -> None:
        journal = Journal(tmp_path, "events")
        monkeypatch.setattr(os, "fdatasync", slow)
        await asyncio.gather(*(journal.write([b"%d" % number]) for number in range(500)))
        journal.close()

    asyncio.run(write())
    assert 1 <= len(syncs) < 100
    assert (tmp_path / "events.jsonl").read_bytes() == b"".join(b"%d\n" % number for number in range(500))


@pytest.mark.parametrize("tail", [b"", b'{"id": "to', b"\0\0\0\0", b'{"id": "x"\0\0}\n{"id": "y"}\n'])
def test_a_torn_end_is_cut_off_when_the_log_is_opened(tmp_path: Path, tail: bytes) -> None:
    """What a crash left of a line, and zeros that a power cut left of a file that had grown."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"id": "a"}\n{"id": "b"}\n' + tail)
    journal = Journal(tmp_path, "events")
    assert journal.torn == len(tail)
    asyncio.run(journal.write([b'{"id": "c"}']))
    journal.close()
    assert path.read_bytes() == b'{"id": "a"}\n{"id": "b"}\n{"id": "c"}\n'


def test_a_log_of_one_torn_line_begins_anew(tmp_path: Path) -> None:
    """There is no whole line before it, and it is longer than what is looked at in one go."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"x" * (3 << 20))
    Journal(tmp_path, "events").close()
    assert path.read_bytes() == b""


def test_a_full_file_is_put_aside_and_the_oldest_go(tmp_path: Path) -> None:
    """Numbers go on where an earlier run ended; what went is counted."""

    async def write(count: int) -> Journal:
        journal = Journal(tmp_path, "kept", segment_bytes=10, keep=2)
        for number in range(count):
            await journal.write([b"%09d" % number])
        journal.close()
        return journal

    assert asyncio.run(write(2)).dropped == 0
    journal = asyncio.run(write(3))
    assert journal.dropped == 3
    assert [path.name for path in journal.files()] == ["kept-000004.jsonl", "kept-000005.jsonl", "kept.jsonl"]
    assert (tmp_path / "kept-000005.jsonl").read_bytes() == b"000000002\n"


def test_a_write_that_fails_leaves_nothing_behind_and_the_next_one_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, half-way through; whoever wrote is told."""
    write = os.write

    def full(handle: int, data: bytes) -> int:
        if len(data) > 4:
            return write(handle, data[:4])
        raise OSError(28, "No space left on device")

    async def run() -> None:
        journal = Journal(tmp_path, "events")
        await journal.write([b"first"])
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(OSError, match="No space"):
                await journal.write([b"second"])
        assert (tmp_path / "events.jsonl").read_bytes().startswith(b"first\nseco")
        await journal.write([b"third"])
        journal.close()
        with pytest.raises(ClosedError):
            await journal.write([b"fourth"])

    asyncio.run(run())
    assert (tmp_path / "events.jsonl").read_bytes() == b"first\nthird\n"


def test_a_replay_reads_it(tmp_path: Path) -> None:
    """Full files and the one that is written, as `orderwatch replay` does."""

    async def write() -> list[Path]:
        journal = Journal(tmp_path, "events", segment_bytes=400)
        for number in range(5):
            await journal.write([line(f"e-{number}", T0 + number)])
        journal.close()
        return journal.files()

    files = [str(path) for path in asyncio.run(write())]
    assert len(files) > 1
    source = FileSource(files)
    part = source.build_part("events", "files", None)
    found: list[str] = []
    with suppress(StopIteration):
        while True:
            found += [item.event.id for batch in part.next_batch() for item in batch.items if isinstance(item, Record)]
    assert found == [f"e-{number}" for number in range(5)]


def test_whoever_gives_up_waiting_holds_up_nobody() -> None:
    """A request that is cancelled while its item waits."""
    done: list[int] = []

    async def run() -> None:
        group: GroupCommit[int] = GroupCommit("test", done.extend)
        first = asyncio.create_task(group.add(1))
        await asyncio.sleep(0)
        first.cancel()
        await group.add(2)
        group.close()

    asyncio.run(run())
    assert done == [1, 2]
