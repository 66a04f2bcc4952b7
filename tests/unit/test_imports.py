"""The directions of imports hold: a planted import against them is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("dataflows", "schemas", "sinks", "sources")
PLANTED = {
    "core knows no command line": ("dataflows/core/engine/shard.py", "from dataflows.cli import options"),
    "history knows no rules": ("dataflows/core/history/facts.py", "from dataflows.core.rules.model import Rule"),
    "no circle among siblings": ("dataflows/core/clocks/spans.py", "from dataflows.core.clocks.calendar import Calendar"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_an_import_against_the_layers_is_refused(tmp_path: Path, what: str) -> None:
    """Each is one that somebody in a hurry might write; the tree without it is checked by `poe imports`."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path, line = PLANTED[what]
    file = tmp_path / path
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace("from __future__ import annotations\n", f"from __future__ import annotations\n\n{line}\n", 1), encoding="utf-8"
    )
    linter = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"]
    done = subprocess.run(linter, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout
    assert f".{file.stem} -> " in done.stdout, done.stdout
