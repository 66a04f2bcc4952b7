"""The views that everybody has without saving them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from dataflows.console.text import mark
from dataflows.console.visit import Visit


class StandardView(NamedTuple):
    """A view. `query`: as it stands in the URL of all exceptions."""

    name: str
    query: str


STANDARD: Final = (
    StandardView(mark("Mine"), "assignee=me&sort=clock"),
    StandardView(mark("Unassigned"), "assignee=nobody"),
    StandardView(mark("Due in 4 hours"), "due_in=4h&sort=clock"),
    StandardView(mark("Clock run out"), "breached=any&sort=clock"),
    StandardView(mark("Awaiting approval"), "action=proposed"),
    StandardView(mark("Awaiting the customer"), "waiting_on=customer"),
    StandardView(mark("Snoozed, waking today"), "state=snoozed&waking_in=1d"),
    StandardView(mark("Reopened"), "reopened=yes"),
    StandardView(mark("Suppressed by another"), "status=suppressed"),
)


def standard(visit: Visit) -> Sequence[tuple[str, str]]:
    """Their names and URLs."""
    return [(visit.say(view.name), f"{visit.url('exceptions')}?{view.query}") for view in STANDARD]
