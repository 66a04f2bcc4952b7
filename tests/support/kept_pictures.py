"""Pictures that stand in documents, made by the tests that follow these documents: beside each stands what can be read on it.

Pixels differ from browser to browser; so what is compared is the text: headings, columns, what can be pressed. To make pictures anew:

    ORDERWATCH_PICTURES=write .venv/bin/pytest tests/e2e/test_guide.py
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from tests.support.browser import Window

WRITE: Final = "ORDERWATCH_PICTURES"
GREATEST: Final = 80_000
"""Bytes of a picture in the repository."""
READ: Final = """() => [...document.querySelectorAll("h1, h2, h3, th, main button, .decisions a, nav.side a")]
    .filter(one => one.getClientRects().length > 0)
    .map(one => `${one.tagName.toLowerCase()} ${one.textContent.trim().replace(/\\s+/g, " ")}`).join("\\n")"""


def keep(shown: Window, picture: Path) -> None:
    """Asserts that a page reads as on its kept picture; with `ORDERWATCH_PICTURES=write` keeps it as it is."""
    words, beside = re.sub(r"\d+", "#", str(shown.page.evaluate(READ))) + "\n", picture.with_suffix(".txt")
    if os.environ.get(WRITE) == "write":
        picture.parent.mkdir(parents=True, exist_ok=True)
        shown.page.screenshot(path=picture, type="jpeg", quality=45, animations="disabled")
        beside.write_text(words, encoding="utf-8")
    assert picture.exists(), f"{picture.name} is not kept yet: run with {WRITE}=write, and look at it"
    assert picture.stat().st_size < GREATEST
    assert words == beside.read_text(encoding="utf-8"), (
        f"the page reads otherwise than {picture.name}: run with {WRITE}=write, and look at it"
    )
