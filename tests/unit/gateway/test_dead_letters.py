"""Refused requests: no longer than so many days, whatever file they stand in; and everything that is kept is closed to others."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sources.gateway.dead_letters import DeadLetters, captured
from sources.gateway.files import make_folder
from sources.gateway.request import Request
from tests.support.webhooks import tracker
from tests.unit.gateway.parts import hook, parts

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def line(at: datetime, text: str = "x", size: int = 0) -> bytes:
    """A refused request that was received at a time."""
    return captured(Request({}, b"", text.encode() + b" " * size, at), "easypost", "acme", "bad_time", [])


def bodies(folder: Path, name: str = "refused") -> list[str]:
    """What is kept, oldest first."""
    files = sorted(folder.glob(f"{name}*.jsonl"), key=lambda path: (path.stem.count("-") == 0, path.name))
    return [json.loads(one)["body"].strip() for path in files for one in path.read_bytes().splitlines()]


def names(folder: Path) -> list[str]:
    """The files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_what_is_too_old_goes_and_the_rest_stays(tmp_path: Path) -> None:
    """From full files and from the one that is written, line by line; what comes afterwards is kept as before."""

    async def run() -> None:
        dead_letters = DeadLetters(tmp_path, 30_000, days=30)
        for days in (90, 60, 31, 29, 1):
            await dead_letters.refused.write([line(NOW - days * DAY, f"{days} {number}", 1_500) for number in range(2)])
        await dead_letters.forged.write([line(NOW - 31 * DAY, "old"), line(NOW - 3 * DAY, "new")])
        assert names(tmp_path)[1:] == ["refused-000001.jsonl", "refused-000002.jsonl", "refused.jsonl"]
        assert await dead_letters.purge(NOW) == 7
        assert bodies(tmp_path) == ["29 0", "29 1", "1 0", "1 1"]
        assert bodies(tmp_path, "forged") == ["new"]
        assert await dead_letters.purge(NOW) == 0
        await dead_letters.refused.write([line(NOW, "now")])
        assert bodies(tmp_path)[-1] == "now"
        assert await dead_letters.purge(NOW + 31 * DAY) == 6
        assert bodies(tmp_path) == []
        assert names(tmp_path) == ["forged.jsonl", "refused.jsonl"]
        dead_letters.close()

    asyncio.run(run())


def test_what_an_older_version_left_goes_with_the_first_start(tmp_path: Path) -> None:
    """Years of it in one file that was never full; a line that is none of ours counts as old."""
    lines = [line(NOW - 900 * DAY, "ancient"), b'{"what": "is this"}', line(NOW - 2 * DAY, "recent")]
    (tmp_path / "refused.jsonl").write_bytes(b"".join(one + b"\n" for one in lines))
    (tmp_path / "refused-000001.jsonl.new").write_bytes(b"half")

    async def run() -> None:
        dead_letters = DeadLetters(tmp_path, 1 << 20)
        assert await dead_letters.purge(NOW) == 2
        dead_letters.close()

    asyncio.run(run())
    assert bodies(tmp_path) == ["recent"]
    assert not list(tmp_path.glob("*.new"))


def test_requests_that_are_refused_meanwhile_are_not_lost(tmp_path: Path) -> None:
    """While what is old goes, what is new comes."""

    async def run() -> None:
        dead_letters = DeadLetters(tmp_path, 1 << 20)
        await dead_letters.refused.write([line(NOW - 40 * DAY, "old")] * 500)
        await asyncio.gather(
            dead_letters.purge(NOW),
            *(dead_letters.refused.write([line(NOW, f"{number}")]) for number in range(200)),
            dead_letters.purge(NOW),
        )
        dead_letters.close()

    asyncio.run(run())
    assert sorted(bodies(tmp_path)) == sorted(f"{number}" for number in range(200))


@contextmanager
def umask(mask: int) -> Generator[None]:
    """Another umask meanwhile."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_whatever_is_kept_is_closed_to_others(tmp_path: Path, mask: int) -> None:
    """Whatever the umask, and also what an older version had made open: files 0640, folders 0750."""
    folder = tmp_path / "state" / "gateway"
    with umask(mask):
        make_folder(folder)
        (folder / "events-000001.jsonl").write_bytes(b"{}\n")
        (folder / "events-000001.jsonl").chmod(0o666)
        one = hook(scheme="secret")
        with parts(folder, one) as gateway:
            asyncio.run(gateway.take(one, tracker("TRK1", 1)))
            asyncio.run(gateway.take(one, b"{}"))
            asyncio.run(gateway.intake.take(one, Request({}, b"", b"{}", NOW)))
            asyncio.run(gateway.dead_letters.purge(NOW + 90 * DAY))
            found = {path: stat.S_IMODE(path.stat().st_mode) for path in [tmp_path / "state", *(tmp_path / "state").rglob("*")]}
    assert {path.suffix for path in found} >= {".jsonl", ".sqlite3", ".sqlite3-wal"}
    assert {path: mode for path, mode in found.items() if mode != (0o750 if path.is_dir() else 0o640)} == {}


def test_a_folder_of_somebody_else_keeps_its_rights(tmp_path: Path) -> None:
    """Only what the gateway makes gets its own."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    theirs.chmod(0o777)
    make_folder(theirs / "ours")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (theirs, theirs / "ours")] == [0o777, 0o750]
