"""What became of a case, whom it went to, and what programs suggested of it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dataflows.detect.explain_actions import Data

ENDS = {"time": "its time is over", "promise_moves": "a date was moved", "severity_rises": "it became graver"}


def case_text(case: Data) -> str:
    """How a case stands, with who has it, on whom it waits and until when."""
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
        yield f"{ended['state']} no longer ({ENDS.get(str(ended['by']), ended['by'])}): case {case_text(case)}"
    elif any(case.get(name) != before.get(name) for name in ("state", "assignee", "until", "waiting_on", "outcome", "reopenings")):
        yield f"case {case_text(case)}{by}"
    if case.get("team") != before.get("team") and before.get("team"):
        yield f"team {before['team']} → {case['team']}{by}"
    if case.get("label") and case.get("label") != before.get("label"):
        yield f"labelled {case['label']}{by}"
    if case.get("note_ref") and case.get("note_ref") != before.get("note_ref"):
        yield f"noted {case['note_ref']}{by}"
    if case.get("resolve_by") != before.get("resolve_by") and case.get("resolve_by") and case["state"] != "resolved":
        yield f"to be resolved by {case['resolve_by']}"


def suggestions(data: Data) -> list[Data]:
    """What programs suggest of it; files of before there were suggestions have none."""
    return cast("list[Data]", cast("Data", data["context"]).get("suggestions") or [])


def suggested(suggestion: Data) -> str:
    """What a program suggests, and how sure it is."""
    sure = "" if suggestion["confidence"] is None else f", confidence {suggestion['confidence']}"
    return f"{suggestion['model']} suggests {suggestion['kind']} {suggestion['value']}{sure}: a person decides"


def decision_place(data: Data) -> str:
    """Where the decision stands that changed a case; empty if none did. What it was and when the line says already."""
    changed = cast("Data | None", data.get("changed_by"))
    if changed is None or not str(changed["type"]).startswith("case."):
        return ""
    return f" ({' '.join((str(changed['source']), str(changed['id']), place(changed))).rstrip()})"


def escalated(escalation: Data | None) -> str:
    """To whom a case went, and why."""
    if escalation is None:
        return "escalated no longer"
    why = "nobody took it up" if escalation["reason"] == "acknowledge_overdue" else "it is not resolved"
    return f"escalated to {escalation['to']} (level {escalation['level']}): {why} in time"


def place(event: Mapping[str, object]) -> str:
    """Where an event stands in its topic; empty if it is not known."""
    return f"{event['topic']}:{event['offset']}" if event.get("topic") else ""


def withdrawn(data: Data, cause: str) -> str:
    """Why it was never true."""
    changed = cast("Data | None", data.get("changed_by"))
    if changed is None:
        return "never true: what is known now does not make it so"
    if changed["type"] == "evidence.withdrawn":
        return f"never true: what it rested on was withdrawn, by {cause}"
    return f"never true: {cause} came to be known late"


def event_text(cited: object) -> str:
    """An event as a person finds it again: its type, source and ID, when it happened and where it stands; empty if there is none."""
    if not isinstance(cited, dict):
        return ""
    event = cast("Data", cited)
    return f"{event['type']} {event['source']} {event['id']} of {event['time']} {place(event)}".rstrip()
