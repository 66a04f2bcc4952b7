"""What a team reads of an action: a subject, and lines of plain text. Nothing of the customer stands in either, as in no event."""

from __future__ import annotations

from typing import Final, NamedTuple

from sinks.actions.executor import ActionCall

LONGEST: Final = 2_000
ABOUT: Final = {
    "create_task": "To do",
    "escalate": "Escalated",
    "procurement_review": "For purchasing",
    "check_alternate_site": "Find stock elsewhere",
    "reconcile": "Find out which is right",
    "update_ticket": "For the ticket",
}


class TeamNote(NamedTuple):
    """A note to a team."""

    subject: str
    text: str


def note_of(call: ActionCall) -> TeamNote:
    """The note for an action; the same for each attempt."""
    action, exception = call.action, call.exception or {}
    step = str(action.get("step") or "").replace("_", " ")
    what = ABOUT.get(call.name, call.name.replace("_", " ").capitalize())
    summary = one_line(exception.get("summary") or action.get("reason") or "")
    facts = {
        "Order": call.order,
        "Step": step,
        "To do": one_line(call.parameters.get("task") or ""),
        "Reason": one_line(action.get("reason") or ""),
        "Kind": exception.get("kind") or call.parameters.get("kind"),
        "Severity": exception.get("severity"),
        "Team": action.get("owner"),
        "Due": exception.get("due_at"),
        "Exception": action.get("exception_id"),
        "Action": call.key,
    }
    lines = [summary, "", *(f"{name}: {value}" for name, value in facts.items() if value)]
    return TeamNote(one_line(f"{what}: order {call.order}" + (f", {step}" if step else ""))[:200], "\n".join(lines).strip()[:LONGEST])


def one_line(value: object) -> str:
    """A text without line breaks and other control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in str(value)).split())
