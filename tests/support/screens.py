"""What commands draw, kept as text: one file per screen, looked at by a person when it was written.

A screen that changed fails its test and shows the difference. To write the screens anew, look at what `git diff` shows, and commit them:

    ORDERWATCH_SCREENS=write .venv/bin/pytest tests/e2e/test_terminal.py
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

WRITE = "ORDERWATCH_SCREENS"
UNSTABLE = (
    (re.compile(r"in \d[\d,]*\.\d s \([\d,]+ events/s\)"), "in # s (# events/s)"),
    (re.compile(r"\bversion [0-9a-f]{16}\b"), "version ################"),
)
"""What differs from run to run, and what stands for it."""


def settled(text: str, names: dict[str, str] | None = None) -> str:
    """A text without what differs from run to run; `names` says what stands for folders and the like."""
    for name, word in (names or {}).items():
        text = text.replace(name, word)
    for pattern, word in UNSTABLE:
        text = pattern.sub(word, text)
    return text


def check(screen: Path, text: str, names: dict[str, str] | None = None) -> None:
    """Asserts that a screen is drawn as it is kept; with `ORDERWATCH_SCREENS=write` keeps it as it is drawn."""
    found = settled(text, names)
    if os.environ.get(WRITE) == "write":
        screen.parent.mkdir(parents=True, exist_ok=True)
        screen.write_text(found, encoding="utf-8")
    assert screen.exists(), f"{screen.name} is not kept yet: run with {WRITE}=write, and look at it"
    assert found == screen.read_text(encoding="utf-8"), f"drawn otherwise than {screen.name}: look at it, and run with {WRITE}=write"
