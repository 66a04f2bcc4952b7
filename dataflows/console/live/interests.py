"""What an open page shows, so that it is told of that and of nothing else. Cut down to what its reader may see before it comes here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sinks.cases.queries.wanted import ActionFilter, ExceptionFilter

Shows = Literal["exceptions", "actions", "feeds"]


@dataclass(frozen=True, slots=True)
class Interest:
    """`only`: rows of these IDs, of a page that shows one thing; none: all that the filter wants."""

    shows: Shows = "exceptions"
    exceptions: ExceptionFilter = field(default_factory=ExceptionFilter)
    actions: ActionFilter = field(default_factory=ActionFilter)
    only: tuple[str, ...] = ()
