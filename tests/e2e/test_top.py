"""`orderwatch top` in a real terminal, and piped: what a person sees, kept as text, and what a program is given."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyte
import pytest

from sinks.cases.schema import open_store, upgrade
from sinks.cases.standing import stands
from sinks.cases.writer import CaseWriter
from tests.support import screens
from tests.support.terminal import CTRL_C, OURS, ROOT, terminal
from tests.support.worked import UNTIL, worked

NOW = datetime.fromtimestamp(UNTIL, UTC) + timedelta(hours=7)
SCREENS = Path(__file__).with_name("screens")
LEAVES = b"\x1b[?1049l"
"""What a terminal is told when the screen is given back."""
KEYBOARD = re.compile(rb"\x1b\[[<>=?][0-9;]*u")
"""What asks a terminal for more of its keys, which pyte takes for text."""
PINNED = """
import sys
from datetime import datetime
from dataflows.cli.top_app import TopApp
from dataflows.cli.top_board import StoreBoard
from dataflows.cli.top_filters import Filters
from sinks.cases.schema import open_store
now = datetime.fromisoformat(sys.argv[2])

async def leave(pilot):
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()  # the list
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()  # the pane of its first
    await pilot.pause()
    await pilot.press("q")

TopApp(StoreBoard(open_store(sys.argv[1]), lambda: now), Filters(), 200, every=1e6).run(auto_pilot=leave)
"""
"""The screen as of an instant: what is late by this machine's clock is another thing each day. It is left once all has been drawn, which a
second look at a slow store would cut short."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store that holds a worked world, whose writer was seen just then."""
    found = f"sqlite:///{tmp_path_factory.mktemp('top') / 'store.sqlite3'}"
    engine = open_store(found)
    upgrade(engine)
    writer = CaseWriter(engine)
    writer.offsets()
    writer.write(worked().records())
    with engine.begin() as connection:
        stands(connection, NOW, 0, NOW)
    engine.dispose()
    return found


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
def test_the_screen_is_drawn_as_it_is_kept(url: str, columns: int, rows: int) -> None:
    """With the pane of the gravest; `q` gives the terminal back."""
    program = [sys.executable, "-c", PINNED, url, NOW.isoformat()]
    shown = terminal(program=program, columns=columns, rows=rows, cwd=ROOT)
    assert shown.code == 0
    assert LEAVES in shown.raw
    drawn = pyte.Screen(columns, rows)
    pyte.ByteStream(drawn).feed(KEYBOARD.sub(b"", shown.raw[: shown.raw.index(LEAVES)]))
    screens.check(SCREENS / f"top_{columns}.txt", "".join(f"{line.rstrip()}\n" for line in drawn.display))


def test_it_quits_cleanly(url: str) -> None:
    """By Ctrl-C, as by `q` above: code 0, and no trace of an error."""
    shown = terminal("top", "--store", url, keys=[("as of", CTRL_C)])
    assert shown.code == 0
    assert b"Traceback" not in shown.raw


def test_a_pipe_is_given_the_table(url: str) -> None:
    """Whole sentences, no escape sequences; gravest first; how old the store is stands on standard error."""
    done = piped("top", "--store", url, "--severity", "high")
    assert done.returncode == 0, done.stderr
    head, *lines, last = done.stdout.splitlines()
    assert head.split() == "SCORE SEVERITY CLOCK ORDER KIND OWNER CASE ACTION SENTENCE".split()
    assert "\x1b" not in done.stdout
    assert lines
    assert {line.split()[1] for line in lines} <= {"critical", "high"}
    assert last.startswith(f"{len(lines)} open: ")
    scores = [int(line.split()[0]) for line in lines if line.split()[1] == "high"]
    assert scores == sorted(scores, reverse=True)
    assert "the store is not kept true since" in done.stderr


def piped(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command whose output goes to pipes."""
    return subprocess.run([sys.executable, "-c", OURS, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
