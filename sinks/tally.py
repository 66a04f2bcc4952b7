"""Counts what came out, for the closing summary: the lines that were written, and what became of each exception."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from schemas.lateness import as_of
from schemas.output import EXCEPTION_FORGOTTEN, OutputRecord
from schemas.topics import ACTIONS, EXCEPTIONS, REJECTS, TOPICS

SEVERITIES = ("critical", "high", "medium", "low")
"""From worst to least."""
EXPIRED = "expired"
"""What is said of exceptions that were closed for age: resolved, but by nobody."""
STATES = ("resolved", EXPIRED, "retracted", "suppressed", "open")
SCORED = ("score_terms", "score_clock", "due_at", "status")
RAISED = "exception.raised"
NEVER_SEEN = "feed.never_seen"


@dataclass(frozen=True, slots=True)
class Row:
    """The exceptions of one kind and (latest) severity, by what became of them. `found` is all of them."""

    kind: str
    severity: str
    found: int
    resolved: int
    expired: int
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
    standing: dict[str, Mapping[str, object]] = field(default_factory=dict[str, "Mapping[str, object]"])
    """Of the open exceptions what their score is counted from."""
    now: int = 0
    """The log time that the last exception was said at."""
    unseen: dict[str, str] = field(default_factory=dict[str, str])
    """What is waited for and was never told: a sentence by incident."""
    over: int = 0
    """Exceptions that began resolved: they were over before they could be raised."""

    actions: dict[str, str] = field(default_factory=dict[str, str])
    """Action ID to state."""
    cases: dict[str, tuple[str, bool]] = field(default_factory=dict[str, tuple[str, bool]])
    """Exception ID to the state of its case and whether it has escalated, of those that somebody has or had, or that escalated."""

    def take(self, topic: str, outputs: Sequence[OutputRecord]) -> None:
        """Counts some output records of a topic."""
        types = self.types[topic]
        for output in outputs:
            types[output.type] += 1
            if output.type == NEVER_SEEN:
                id_ = str(output.data["incident_id"])
                self.unseen.pop(id_, None)
                if output.status == "open":
                    self.unseen[id_] = str(output.data["summary"])
            if topic == EXCEPTIONS and output.type != EXCEPTION_FORGOTTEN:
                id_ = str(output.data["exception_id"])
                self.over += id_ not in self.exceptions and output.type != RAISED
                expired = output.status == "resolved" and output.data.get("resolution") == EXPIRED
                self.exceptions[id_] = (output.kind, output.severity, EXPIRED if expired else output.status)
                self.now = max(self.now, output.log)
                self._case(id_, output.data)
                self.standing.pop(id_, None)
                if output.status == "open":
                    self.standing[id_] = {name: output.data.get(name) for name in SCORED}
            elif topic == ACTIONS and output.status:
                self.actions[str(output.data["action_id"])] = output.status
            elif topic == REJECTS:
                self.rejects[str(output.data["reason"])] += 1

    def _case(self, id_: str, data: Mapping[str, object]) -> None:
        case = data.get("case")
        state = str(cast("Mapping[str, object]", case)["state"]) if isinstance(case, dict) else "new"
        escalated = data.get("escalation") is not None
        if state != "new" or escalated:
            self.cases[id_] = (state, escalated)
        else:
            self.cases.pop(id_, None)

    def example(self) -> str:
        """The beginning of the ID of an exception to look at, the gravest that is open if any is; it means no other."""
        id_ = min(self.exceptions, key=self._gravity)
        lengths = (length for length in (8, 13, 18, 23) if sum(one.startswith(id_[:length]) for one in self.exceptions) == 1)
        return id_[: next(lengths, None)]

    def _gravity(self, id_: str) -> tuple[bool, int, int, str]:
        """What an exception is sorted by: the open first, of these the gravest, of these those of the highest score by now."""
        _, severity, status = self.exceptions[id_]
        score = as_of(self.standing[id_], self.now).points if id_ in self.standing else 0
        return (status != "open", SEVERITIES.index(severity), -score, id_)

    def rows(self) -> list[Row]:
        """The exceptions by severity and kind, worst first."""
        states = Counter(self.exceptions.values())
        groups = {(severity, kind) for kind, severity, _ in states}
        rows: list[Row] = []
        for severity, kind in sorted(groups, key=lambda group: (SEVERITIES.index(group[0]), group[1])):
            now = {status: states[kind, severity, status] for status in STATES}
            rows.append(Row(kind, severity, sum(now.values()), **now))
        return rows
