"""Tells what people made of an exception: who has its case, by when, and whom it has gone to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

Data = dict[str, object]
ENDS = {"time": "its time is over", "promise_moves": "a date was moved", "severity_rises": "it became graver"}


def case_words(case: Data) -> str:
    """How a case stands."""
    text = str(case["state"])
    if case.get("waiting_on"):
        text += f" on {case['waiting_on']}"
    if case["assignee"]:
        text += f" to {case['assignee']}" if text == "assigned" else f", {case['assignee']} has it"
    if case.get("outcome"):
        text += f" ({case['outcome']})"
    return f"{text} until {case['until']}" if case["until"] else text


def case_changes(before: Data, case: Data, by: str) -> Iterator[str]:
    """What became of a case, and whose word it was; files of before cases had clocks lack most of it."""
    if case.get("by") and case.get("decided_at") != before.get("decided_at"):
        by = f", {case['by']}{by}"
    ended = cast("Data | None", case.get("ended"))
    if ended is not None and ended != before.get("ended"):
        yield f"{ended['state']} no longer ({ENDS.get(str(ended['by']), ended['by'])}): case {case_words(case)}"
    elif any(case.get(name) != before.get(name) for name in ("state", "assignee", "until", "waiting_on", "outcome", "reopenings")):
        yield f"case {case_words(case)}{by}"
    if case.get("team") != before.get("team") and before.get("team"):
        yield f"team {before['team']} → {case['team']}{by}"
    if case.get("label") and case.get("label") != before.get("label"):
        yield f"labelled {case['label']}{by}"
    if case.get("note_ref") and case.get("note_ref") != before.get("note_ref"):
        yield f"noted {case['note_ref']}{by}"
    if case.get("resolve_by") != before.get("resolve_by") and case.get("resolve_by") and case["state"] != "resolved":
        yield f"to be resolved by {case['resolve_by']}"


def decision_words(data: Data) -> str:
    """Where the decision stands that changed a case; empty if none did. What it was and when the line says already."""
    changed = cast("Data | None", data.get("changed_by"))
    if changed is None or not str(changed["type"]).startswith("case."):
        return ""
    return f" ({' '.join((str(changed['source']), str(changed['id']), place_words(changed))).rstrip()})"


def escalation_words(escalation: Data | None) -> str:
    """Whom a case has gone to, and why."""
    if escalation is None:
        return "escalated no longer"
    why = "nobody took it up" if escalation["reason"] == "acknowledge_overdue" else "it is not resolved"
    return f"escalated to {escalation['to']} (level {escalation['level']}): {why} in time"


def place_words(event: Mapping[str, object]) -> str:
    """Where a cited event stands in the log; empty where that is not known."""
    return f"{event['topic']}:{event['offset']}" if event.get("topic") else ""
