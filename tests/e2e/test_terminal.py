"""Every command as a person meets it: in a terminal of three widths, into a pipe, and interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.replays import command
from tests.support.terminal import terminal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small world, cut into two files."""
    folder = tmp_path_factory.mktemp("world")
    made = command("simulate", "--orders", "30", "--seed", "3", "--out", str(folder / "world.jsonl"))
    assert made.returncode == 0, made.stderr
    lines = (folder / "world.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "one.jsonl").write_bytes(b"".join(lines[::2]))
    (folder / "two.jsonl").write_bytes(b"".join(lines[1::2]))
    return folder


@pytest.mark.parametrize("files", [["world.jsonl"], ["one.jsonl", "two.jsonl"]])
def test_a_replay_on_a_terminal_says_what_a_replay_into_a_pipe_says(world: Path, tmp_path: Path, files: list[str]) -> None:
    """The progress bar changes nothing of the output."""
    arguments = ["replay", *files, "--policy", "world.policy.yaml", "--until", "2026-07-20T00:00:00Z", "--out"]
    shown = terminal(*arguments, tmp_path / "terminal", cwd=world, columns=120)
    assert shown.code == 0, shown.text
    assert "no records rejected" in shown.text
    piped = command(*arguments, str(tmp_path / "piped"), cwd=world)
    assert (piped.returncode, piped.stderr) == (0, b"")
    for name in ("exceptions", "actions", "incidents"):
        assert (tmp_path / "terminal" / f"{name}.jsonl").read_bytes() == (tmp_path / "piped" / f"{name}.jsonl").read_bytes()
