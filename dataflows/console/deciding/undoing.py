"""How a decision is undone: by another one that restores what was before. What cannot be restored says so beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from dataflows.console.deciding.outcomes import DecidedItem
from dataflows.console.deciding.reading import ActionTarget, CaseTarget
from dataflows.console.text import mark

NOBODY_BEFORE: Final = mark(
    "It cannot be undone: nobody had it before, and a case cannot be taken from somebody without giving it to another."
)
NO_LABEL_BEFORE: Final = mark("It cannot be undone: it had no label before, and a label can only be replaced by another.")
STAYS_NOTED: Final = mark("A note cannot be undone: it stays.")
STAYS_REJECTED: Final = mark("A rejection cannot be undone: the action can be asked for anew.")
STAYS_SEEN: Final = mark("An observation cannot be undone.")
STATE_BEFORE: Final = mark("It cannot be undone: what it was before cannot be restored.")

PUTS_BACK: Final = mark("It can be undone: the case then stands as if nobody had taken it up, and its acknowledge clock runs on.")
RESTORES: Final = mark("It can be undone: the case then stands as before, but for the acknowledgement, which stays.")
REOPENS: Final = mark("It can be undone: the case is then reopened, which is counted, and somebody must take it up anew.")
RESOLVES: Final = mark("It can be undone: the case is then resolved again.")
RELABELS: Final = mark("It can be undone: the label is then as before.")
REJECTS: Final = mark("It can be undone by a rejection, as long as the action has not begun.")
GOES_ON: Final = mark("It can be undone: automation then goes on.")
PAUSES: Final = mark("It can be undone: automation is then paused again.")


class Undo(NamedTuple):
    """What undoes a decision: its type and its fields; both empty where nothing does. `says`: how, or why not."""

    says: str
    type: str = ""
    data: Mapping[str, Any] = {}

    @property
    def possible(self) -> bool:
        """Whether anything does."""
        return bool(self.type)


def before_of(target: CaseTarget) -> dict[str, Any]:
    """How a case stands, as it is kept for undoing."""
    case = target.standing
    return {
        "state": case.state,
        "assignee": case.assignee,
        "team": case.team,
        "until": None if case.until is None else case.until.isoformat(),
        "until_kind": case.until_kind,
        "waiting_on": case.waiting_on,
        "outcome": case.outcome,
        "label": case.label,
        "over": target.row.status == "resolved",
    }


def before_of_action(target: ActionTarget) -> dict[str, Any]:
    """How an action stands, likewise."""
    return {"state": target.about.row.state, "hash": target.about.row.payload_hash}


def undo(verb: str, item: DecidedItem, data: Mapping[str, Any], now: datetime) -> Undo:
    """What undoes a decision about one thing, as it stood before. `data`: what was decided."""
    before = item.before
    match verb:
        case "acknowledge" | "take" | "assign" | "snooze" | "wait" if before.get("state") in ("new", "open"):
            return Undo(PUTS_BACK, "case.reopened", _stated(put_back=True, assignee=before.get("assignee"), team=before.get("team")))
        case "acknowledge" | "snooze" | "wait":
            return _restored(before, now)
        case "take" | "assign":
            return Undo(NOBODY_BEFORE) if not before.get("assignee") else _restored(before, now, team=bool(data.get("team")))
        case "resolve" if not before.get("over"):
            return Undo(REOPENS, "case.reopened")
        case "reopen":
            return Undo(RESOLVES, "case.resolved", _stated(outcome=before.get("outcome")))
        case "label" if before.get("label"):
            return Undo(RELABELS, "case.labelled", {"label": before["label"]})
        case "approve" | "initiate" if before.get("hash"):
            return Undo(REJECTS, "action.rejected", {"payload_hash": before["hash"]})
        case "pause":
            return Undo(GOES_ON, "automation.resumed", {"scope": data.get("scope")})
        case "resume":
            return Undo(PAUSES, "automation.paused", {"scope": data.get("scope")})
        case _:
            return Undo(_NEVER.get(verb, STATE_BEFORE))


_NEVER: Final = {"note": STAYS_NOTED, "label": NO_LABEL_BEFORE, "reject": STAYS_REJECTED, "observe": STAYS_SEEN}


def _restored(before: Mapping[str, Any], now: datetime, *, team: bool = False) -> Undo:
    """The decision after which a case stands as before. A snooze or a wait that is over by now is not begun again."""
    who, state = before.get("assignee"), before.get("state")
    until = before.get("until")
    ahead = until is not None and datetime.fromisoformat(until) > now
    if team and who:
        return Undo(RESTORES, "case.assigned", _stated(assignee=who, team=before.get("team")))
    if state == "snoozed" and ahead:
        return Undo(RESTORES, "case.snoozed", _stated(assignee=who, until=until, until_kind=before.get("until_kind")))
    if state == "waiting" and ahead:
        return Undo(RESTORES, "case.waiting", _stated(assignee=who, until=until, on=before.get("waiting_on")))
    if state in ("assigned", "snoozed", "waiting") and who:
        return Undo(RESTORES, "case.assigned", _stated(assignee=who))
    return Undo(RESTORES, "case.acknowledged", _stated(assignee=who))


def _stated(**given: object) -> dict[str, object]:
    return {name: value for name, value in given.items() if value is not None}
