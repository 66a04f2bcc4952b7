"""Counts what came out, for the closing summary."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sinks.base import Verdict

SEVERITIES = ("critical", "high", "medium", "low")
"""From worst to least."""


@dataclass(frozen=True, slots=True)
class Row:
    """The exceptions of one kind and (latest) severity, by what became of them. `raised` is all of them."""

    kind: str
    severity: str
    raised: int
    resolved: int
    retracted: int
    suppressed: int
    open: int


@dataclass(slots=True)
class Tally:
    """The latest state of every exception, and how many lines were rejected why."""

    actions: int = 0
    rejects: Counter[str] = field(default_factory=Counter[str])
    exceptions: dict[str, tuple[str, str, str]] = field(default_factory=dict[str, tuple[str, str, str]])
    """Exception ID to (kind, severity, status)."""

    def take(self, topic: str, verdicts: Sequence[Verdict]) -> None:
        """Counts some verdicts of a topic."""
        if topic == "exceptions":
            for verdict in verdicts:
                self.exceptions[str(verdict.data["exception_id"])] = (verdict.kind, verdict.severity, verdict.status)
        elif topic == "actions":
            self.actions += len(verdicts)
        elif topic == "rejects":
            self.rejects.update(str(verdict.data["reason"]) for verdict in verdicts)

    def rows(self) -> list[Row]:
        """The exceptions by severity and kind, worst first."""
        states = Counter(self.exceptions.values())
        groups = {(severity, kind) for kind, severity, _ in states}
        rows: list[Row] = []
        for severity, kind in sorted(groups, key=lambda group: (SEVERITIES.index(group[0]), group[1])):
            now = {status: states[kind, severity, status] for status in ("resolved", "retracted", "suppressed", "open")}
            rows.append(Row(kind, severity, sum(now.values()), **now))
        return rows
