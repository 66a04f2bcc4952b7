"""What a decision about cases would do: what changes, which clock stops, who is told, what speaks against it, how it is undone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from dataflows.console.deciding.outcomes import DecidedItem
from dataflows.console.deciding.reading import CaseTarget
from dataflows.console.deciding.undoing import before_of, undo
from dataflows.console.deciding.verbs import OVER, Verb
from dataflows.console.text import mark
from dataflows.console.visit import Visit

Sentence = tuple[str, Mapping[str, object]]
FORGOING: Final = ("acknowledge", "take", "assign", "snooze", "wait", "resolve")
"""What ends a snooze or a wait."""
TAKEN_UP: Final = mark("Its acknowledge clock stops.")
TAKEN_UP_MANY: Final = mark("The acknowledge clocks of %(count)s of them stop.")
ESCALATES_ON: Final = mark("Its resolve clock runs on, and it escalates when that runs out.")
STANDS_STILL: Final = mark("The resolve clock stands still until somebody decides something else about it; notes and labels do not count.")
GOES_ON: Final = mark("The resolve clock goes on, later by what it has stood still.")
BOTH_STOP: Final = mark("Both clocks stop, and it escalates no more.")
BEGINS_ANEW: Final = mark("Both clocks run again; somebody must take it up anew. The reopening is counted.")
NO_CLOCK: Final = mark("No clock changes.")
NOBODY_INFORMED: Final = mark("Nobody is sent anything. It shows in lists and in the history, with your name.")
SHOWS_AT: Final = mark("Nobody is sent anything. It shows in the list of %(who)s at once.")
WITHDRAWS: Final = mark("Actions of it that have not begun are withdrawn.")
REFUSED_OVER: Final = mark("Somebody has resolved it: the engine will refuse this. Reopen it first.")
REFUSED_OVER_MANY: Final = mark("%(count)s of them are resolved already: the engine will refuse those.")
BACK_ON: Final = mark("It comes back on %(at)s.")
STILL_OPEN: Final = mark("The case is open: nothing would change.")


@dataclass(slots=True)
class Effect:
    """What a decision would do, in sentences of the reader's language. `refused`: the engine would refuse it, as far as can be known."""

    changes: list[str] = field(default_factory=list[str])
    clocks: list[str] = field(default_factory=list[str])
    informed: list[str] = field(default_factory=list[str])
    against: list[str] = field(default_factory=list[str])
    undo: str = ""
    irreversible: bool = False
    refused: bool = False
    text: str = ""
    """The text of a message, as it would go out today."""


def of_cases(visit: Visit, verb: Verb, targets: Sequence[CaseTarget], data: Mapping[str, Any]) -> Effect:
    """The effect of a decision about cases."""
    effect = Effect()
    held = [one for one in targets if one.row.status == "resolved" and one.row.resolution == "case" and verb.name not in OVER]
    if held:
        effect.against.append(visit.say(REFUSED_OVER) if len(targets) == 1 else visit.say(REFUSED_OVER_MANY, count=len(held)))
        effect.refused = len(held) == len(targets)
    effect.changes += _CHANGES[verb.name](visit, targets, data)
    effect.clocks += _clocks(visit, verb, targets)
    effect.informed.append(_informed(visit, verb, data))
    if verb.name == "resolve" and any(one.row.action is not None for one in targets):
        effect.against.append(visit.say(WITHDRAWS))
    ways = Counter(_undo(verb, one, data, visit.now) for one in targets)
    effect.undo = " ".join(visit.say(text) if len(ways) == 1 else f"{visit.say(text)} ({number})" for text, number in ways.most_common())
    return effect


def _undo(verb: Verb, target: CaseTarget, data: Mapping[str, Any], now: datetime) -> str:
    row = target.row
    item = DecidedItem("exception_id", row.exception_id, row.tenant, row.order_id, target.seen, "", before=before_of(target))
    return undo(verb.name, item, data, now).says


def _informed(visit: Visit, verb: Verb, data: Mapping[str, Any]) -> str:
    who = data.get("assignee") or data.get("team")
    if verb.name == "assign" and who:
        return visit.say(SHOWS_AT, who=str(who).removeprefix("user:"))
    return visit.say(NOBODY_INFORMED)


def _clocks(visit: Visit, verb: Verb, targets: Sequence[CaseTarget]) -> list[str]:
    if verb.name in ("note", "label"):
        return [visit.say(NO_CLOCK)]
    if verb.name == "resolve":
        return [visit.say(BOTH_STOP)]
    if verb.name == "reopen":
        return [visit.say(BEGINS_ANEW)]
    found: list[str] = []
    running = [one for one in targets if one.row.acknowledged_at is None and one.row.ack_by is not None]
    if running:
        found.append(visit.say(TAKEN_UP) if len(targets) == 1 else visit.say(TAKEN_UP_MANY, count=len(running)))
    waited = any(one.row.case_state == "waiting" for one in targets)
    if verb.name == "wait":
        found.append(visit.say(STANDS_STILL))
    elif waited:
        found.append(visit.say(GOES_ON))
    elif any(one.row.resolve_by is not None for one in targets):
        found.append(visit.say(ESCALATES_ON))
    return found or [visit.say(NO_CLOCK)]


def _becomes(state: str) -> Callable[[Visit, Sequence[CaseTarget], Mapping[str, Any]], list[str]]:
    def says(visit: Visit, targets: Sequence[CaseTarget], data: Mapping[str, Any]) -> list[str]:
        found = [_from_to(visit, targets, state)]
        until = data.get("until")
        if state in ("snoozed", "waiting"):
            found.append(_ends(visit, data.get("until_kind"), None if until is None else datetime.fromisoformat(str(until)), state))
        if state == "resolved" and data.get("outcome"):
            found.append(visit.say(mark("Outcome: %(outcome)s."), outcome=data["outcome"]))
        if state == "waiting" and data.get("on"):
            found.append(visit.say(mark("It waits on: %(on)s."), on=visit.say(str(data["on"]))))
        if data.get("assignee") or data.get("team"):
            found.append(_handed(visit, targets, data))
        return found

    return says


def _from_to(visit: Visit, targets: Sequence[CaseTarget], state: str) -> str:
    before = Counter(one.row.case_state for one in targets)
    to = visit.say(state)
    if len(targets) == 1:
        return visit.say(mark("The case goes from %(before)s to %(after)s."), before=visit.say(targets[0].row.case_state), after=to)
    parts = ", ".join(f"{visit.language.number(count)} {visit.say(name)}" for name, count in before.most_common())
    return visit.say(mark("%(count)s cases (%(before)s) become %(after)s."), count=len(targets), before=parts, after=to)


def _ends(visit: Visit, kind: str | None, until: datetime | None, state: str) -> str:
    at = None if until is None else visit.language.date_time(until, visit.zone)
    if state == "waiting" or (at is None and kind is None):
        return (
            visit.say(mark("It comes back on %(at)s at the latest."), at=at)
            if at
            else visit.say(mark("It comes back after the longest time that the policy allows."))
        )
    words = {
        "promise_moves": mark("It comes back when the promise moves, and %(at)s at the latest."),
        "severity_rises": mark("It comes back when it becomes graver, and %(at)s at the latest."),
    }
    latest = at or visit.say(mark("after the longest time that the policy allows"))
    return visit.say(words.get(kind or "", BACK_ON), at=latest)


def _handed(visit: Visit, targets: Sequence[CaseTarget], data: Mapping[str, Any]) -> str:
    who = " / ".join(str(one).removeprefix("user:") for one in (data.get("assignee"), data.get("team")) if one)
    before = Counter(one.row.assignee or one.row.team for one in targets)
    if len(targets) == 1:
        return visit.say(mark("%(before)s had it; %(after)s has it then."), before=next(iter(before)).removeprefix("user:"), after=who)
    return visit.say(mark("%(after)s has them then."), after=who)


def _noted(visit: Visit, targets: Sequence[CaseTarget], data: Mapping[str, Any]) -> list[str]:
    del targets, data
    return [visit.say(mark("The note is added. Its text stays in the store; only a reference goes into the log."))]


def _labelled(visit: Visit, targets: Sequence[CaseTarget], data: Mapping[str, Any]) -> list[str]:
    before = Counter(one.standing.label for one in targets)
    if len(targets) > 1 or not targets[0].standing.label:
        return [
            visit.say(mark("The label becomes %(after)s. Back-tests and reports count it."), after=visit.say(str(data.get("label", ""))))
        ]
    was = visit.say(str(next(iter(before))))
    return [visit.say(mark("The label goes from %(before)s to %(after)s."), before=was, after=visit.say(str(data.get("label", ""))))]


def _reopened(visit: Visit, targets: Sequence[CaseTarget], data: Mapping[str, Any]) -> list[str]:
    del data
    if all(one.row.status == "open" and one.row.case_state != "resolved" for one in targets):
        return [visit.say(STILL_OPEN)]
    return [_from_to(visit, targets, "open")]


_CHANGES: Final[Mapping[str, Callable[[Visit, Sequence[CaseTarget], Mapping[str, Any]], list[str]]]] = {
    "acknowledge": _becomes("acknowledged"),
    "take": _becomes("assigned"),
    "assign": _becomes("assigned"),
    "snooze": _becomes("snoozed"),
    "wait": _becomes("waiting"),
    "resolve": _becomes("resolved"),
    "reopen": _reopened,
    "note": _noted,
    "label": _labelled,
}
