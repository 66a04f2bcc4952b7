"""Counts what came out, for the closing summary: the lines that were written, and what became of each exception."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.output import OutputRecord
from schemas.topics import EXCEPTIONS, REJECTS, TOPICS

SEVERITIES = ("critical", "high", "medium", "low")
"""From worst to least."""
STATES = ("resolved", "retracted", "suppressed", "open")
RAISED = "exception.raised"


@dataclass(frozen=True, slots=True)
class Row:
    """The exceptions of one kind and (latest) severity, by what became of them. `found` is all of them."""

    kind: str
    severity: str
    found: int
    resolved: int
    retracted: int
    suppressed: int
    open: int


@dataclass(slots=True)
class Tally:
    """The latest state of every exception, how many lines of each type were written, and why records were rejected."""

    types: dict[str, Counter[str]] = field(default_factory=lambda: {topic: Counter[str]() for topic in TOPICS})
    """Lines by topic and type."""
    rejects: Counter[str] = field(default_factory=Counter[str])
    exceptions: dict[str, tuple[str, str, str]] = field(default_factory=dict[str, tuple[str, str, str]])
    """Exception ID to (kind, severity, status)."""
    over: int = 0
    """Exceptions that began resolved: they were over before they could be raised."""

    def take(self, topic: str, outputs: Sequence[OutputRecord]) -> None:
        """Counts some output records of a topic."""
        types = self.types[topic]
        for output in outputs:
            types[output.type] += 1
            if topic == EXCEPTIONS:
                id_ = str(output.data["exception_id"])
                self.over += id_ not in self.exceptions and output.type != RAISED
                self.exceptions[id_] = (output.kind, output.severity, output.status)
            elif topic == REJECTS:
                self.rejects[str(output.data["reason"])] += 1

    def example(self) -> str:
        """The beginning of the ID of an exception to look at, one of the gravest that are open if any is; it means no other."""
        open_first = ((status != "open", SEVERITIES.index(severity), id_) for id_, (_, severity, status) in self.exceptions.items())
        id_ = min(open_first)[2]
        lengths = (length for length in (8, 13, 18, 23) if sum(one.startswith(id_[:length]) for one in self.exceptions) == 1)
        return id_[: next(lengths, None)]

    def rows(self) -> list[Row]:
        """The exceptions by severity and kind, worst first."""
        states = Counter(self.exceptions.values())
        groups = {(severity, kind) for kind, severity, _ in states}
        rows: list[Row] = []
        for severity, kind in sorted(groups, key=lambda group: (SEVERITIES.index(group[0]), group[1])):
            now = {status: states[kind, severity, status] for status in STATES}
            rows.append(Row(kind, severity, sum(now.values()), **now))
        return rows
