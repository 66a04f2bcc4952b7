"""Every command as a person meets it: in a terminal of three widths, into a pipe, and interrupted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.replays import command
from tests.support.screens import check
from tests.support.terminal import CTRL_C, terminal

SCREENS = Path(__file__).with_name("screens")
UNDER = ["--policy", "world.policy.yaml", "--until", "2026-07-20T00:00:00Z"]
DRAWN = {
    "replay": f"replay world.jsonl {' '.join(UNDER)} --out new",
    "explain": "explain ID --in out",
    "demo": "demo --orders 100 --seed 1 --seconds 1 --out found",
    "simulate": "simulate --orders 3 --out new.jsonl",
    "policy-check": "policy check world.policy.yaml",
}
"""Commands that draw: tables, colours, a bar."""
SAME = [
    "--help",
    "--version",
    "replay --help",
    "nonsense",
    "policy show",
    "adapt --list",
    "adapt shopify absent.json",
    "schemas export new",
    "run --check --state state",
    "gateway --check",
    "state show --state absent",
    "topics create --settings absent.yaml",
    "export --brokers 127.0.0.1:1 --topic t --out world.jsonl",
    "rejects replay --brokers 127.0.0.1:1",
]
"""Commands that print lines."""


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
    arguments = ["replay", *files, *UNDER, "--out"]
    shown = terminal(*arguments, tmp_path / "terminal", cwd=world, columns=120)
    assert shown.code == 0, shown.text
    assert "no records rejected" in shown.text
    piped = command(*arguments, str(tmp_path / "piped"), cwd=world)
    assert (piped.returncode, piped.stderr) == (0, b"")
    for name in ("exceptions", "actions", "incidents"):
        assert (tmp_path / "terminal" / f"{name}.jsonl").read_bytes() == (tmp_path / "piped" / f"{name}.jsonl").read_bytes()


@pytest.fixture(scope="module")
def judged(world: Path) -> Path:
    """The world with its output records in `out`."""
    done = command("replay", "world.jsonl", *UNDER, "--out", "out", cwd=world)
    assert done.returncode == 0, done.stderr
    return world


def lines_of(world: Path, name: str) -> list[str]:
    """The arguments of a command; `ID` stands for the first exception of the world."""
    first = json.loads((world / "out" / "exceptions.jsonl").read_bytes().splitlines()[0])
    return [str(first["data"]["exception_id"])[:13] if word == "ID" else word for word in DRAWN[name].split()]


@pytest.mark.parametrize("columns", [80, 120, 200])
@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn_is_what_somebody_looked_at(judged: Path, name: str, columns: int, tmp_path: Path) -> None:
    """Each command on terminals of three widths; its screen is kept in `screens`."""
    shown = terminal(*lines_of(judged, name), cwd=linked(judged, tmp_path), columns=columns, rows=40)
    assert shown.code == 0, shown.text
    check(SCREENS / f"{name}-{columns}.txt", shown.text)


@pytest.mark.parametrize("name", DRAWN)
def test_into_a_pipe_goes_text_without_colours(judged: Path, name: str, tmp_path: Path) -> None:
    """Nothing of a terminal is in it."""
    done = command(*lines_of(judged, name), cwd=linked(judged, tmp_path))
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout + done.stderr
    check(SCREENS / f"{name}-piped.txt", done.stdout.decode() + done.stderr.decode())


@pytest.mark.parametrize("words", SAME)
def test_a_terminal_shows_what_a_pipe_gets(judged: Path, words: str, tmp_path: Path) -> None:
    """Of commands that draw nothing of their own: text, which wraps, and one exit code."""
    folder = linked(judged, tmp_path)
    piped = command(*words.split(), cwd=folder)
    for columns in (80, 120, 200):
        shown = terminal(*words.split(), cwd=folder, columns=columns)
        assert shown.code == piped.returncode
        assert "Traceback" not in shown.text
        if columns == 80:
            assert "".join(shown.text.split()) == "".join((piped.stdout + piped.stderr).decode().split())


def linked(world: Path, folder: Path) -> Path:
    """A folder with the world's files, in which a command may write."""
    for path in world.iterdir():
        (folder / path.name).symlink_to(path)
    return folder


@pytest.mark.parametrize("how", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colours_gets_none(judged: Path, how: dict[str, str], tmp_path: Path) -> None:
    """As https://no-color.org and terminfo have it: no colour in the summary, in explain and in the demo."""
    for words in (
        ["replay", "world.jsonl", *UNDER, "--out", "new"],
        lines_of(judged, "explain"),
        ["demo", "--orders", "3", "--seconds", "1"],
    ):
        (tmp_path / words[0]).mkdir()
        shown = terminal(*words, cwd=linked(judged, tmp_path / words[0]), environment=how)
        assert shown.code == 0, shown.text
        assert re.search(rb"\x1b\[[0-9;]*3[0-9]", shown.raw) is None


def test_the_progress_is_drawn_where_standard_error_is_a_terminal(judged: Path, tmp_path: Path) -> None:
    """The summary into a pipe, the bar on the terminal; and the other way round no bar at all."""
    words = ["replay", "-", *UNDER, "--out"]
    given = (judged / "world.jsonl").read_bytes()
    folder = linked(judged, tmp_path)
    shown = terminal(*words, "one", cwd=folder, given=given, pipe="stdout")
    assert (shown.code, b"\x1b" in shown.piped, b"no records rejected" in shown.piped) == (0, False, True)
    shown = terminal(*words, "two", cwd=folder, given=given, pipe="stderr")
    assert (shown.code, shown.piped) == (0, b"")
    assert "no records rejected" in shown.text


def test_ctrl_c_leaves_a_clean_screen(judged: Path, tmp_path: Path) -> None:
    """The cursor is there again, and one line says that it was stopped."""
    shown = terminal("demo", cwd=linked(judged, tmp_path), keys=[("open,", CTRL_C)])
    assert shown.code == 130
    assert shown.lines[-1] == "orderwatch: stopped; what was written is not complete"
    assert shown.raw.rfind(b"\x1b[?25h") > shown.raw.rfind(b"\x1b[?25l")
