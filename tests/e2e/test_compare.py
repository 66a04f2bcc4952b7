"""`python -m tests.bench.compare`: two checkouts that say the same, and one that says something else."""

from __future__ import annotations

import shlex
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.support.terminal import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LOUDER = r"""sed -i 's/"severity":"medium"/"severity":"low"/' "$out/exceptions.jsonl"; sed -i '$d' "$out/actions.jsonl" """


def checkout(folder: Path, after: str = "") -> Path:
    """A checkout whose program is this one; `after` is what happens to what it wrote."""
    program = folder / ".venv" / "bin" / "orderwatch"
    program.parent.mkdir(parents=True)
    run = f'PYTHONPATH={shlex.quote(str(ROOT))} {shlex.quote(sys.executable)} -m dataflows.cli "$@" || exit'
    find_out = 'while [ "$1" != "" ]; do [ "$1" = --out ] && out="$2"; shift; done'
    program.write_text(f"#!/bin/sh\n{run}\n{find_out}\n{after}\n", encoding="utf-8")
    program.chmod(0o755)
    return folder


def compare(one: Path, other: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Compares two checkouts."""
    command = [sys.executable, "-m", "tests.bench.compare", "--against", str(one), "--checkout", str(other), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_checkouts_that_say_the_same_agree(tmp_path: Path) -> None:
    """Over a world and over random histories under a drawn policy; the seconds of both are told."""
    done = compare(checkout(tmp_path / "one"), checkout(tmp_path / "two"), "--orders", "30", "--seeds", "1,2", "--histories", "20")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(("world", "histories"))]
    assert [row[-1] for row in rows] == ["0", "0", "0"]
    assert all(float(row[-5]) > 0 and float(row[-4]) > 0 for row in rows)


def test_what_another_checkout_says_otherwise_is_told(tmp_path: Path) -> None:
    """By topic and kind, with the lines."""
    done = compare(checkout(tmp_path / "one"), checkout(tmp_path / "two", LOUDER), "--orders", "60")
    assert done.returncode == 1, done.stderr
    assert " changed\n" in done.stdout
    assert " missing\n" in done.stdout
    lines = done.stdout.splitlines()
    pairs = [(one[6:], two[6:]) for one, two in pairwise(lines) if one.startswith("    - ") and two.startswith("    + ")]
    assert any(one != two and one[:60] == two[:60] for one, two in pairs)
    assert '"severity":"low"' in done.stdout


def test_a_checkout_that_fails_is_told(tmp_path: Path) -> None:
    """With what it said."""
    done = compare(checkout(tmp_path / "one"), checkout(tmp_path / "two", "echo broken; exit 3"), "--orders", "5")
    assert done.returncode == 1
    assert "broken" in done.stderr
