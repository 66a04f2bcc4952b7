"""Our own stories: what each exception kind means, as data (`tests/oracle/stories/*.yaml`).

They are written as users write theirs, which `orderwatch policy test` runs; `dataflows.detect.stories` says how.
"""

from __future__ import annotations

from pathlib import Path

from dataflows.detect.stories.events import event_of
from dataflows.detect.stories.expect import Expected
from dataflows.detect.stories.story import Story, stories_of
from dataflows.detect.stories.times import Times

__all__ = ["FOLDER", "Expected", "Story", "event", "rfc3339", "stories"]

FOLDER = Path(__file__).parent.parent / "oracle" / "stories"


def event(line: str, number: int) -> dict[str, object]:
    """One event line as a contract event."""
    return event_of(line, number, Times())


def rfc3339(stamp: str) -> str:
    """An instant as stories write it, in the contract's words."""
    return Times().rfc3339(stamp)


def stories() -> list[Story]:
    """All stories, file by file."""
    found: list[Story] = []
    for path in sorted(FOLDER.glob("*.yaml")):
        told, problems = stories_of(path)
        assert not problems, problems
        found += told
    return found
