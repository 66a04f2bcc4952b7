"""From the fields of a form to what is decided: each field checked, and what is wrong said beside it, with nothing lost that was typed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from dataflows.console.deciding.parameters import KnownOrder, read_parameters
from dataflows.console.deciding.verbs import Verb
from dataflows.console.text import mark
from dataflows.core.actions.pauses import wrong_scope
from dataflows.core.decisions.cases import OTHER, WAITED_FOR
from dataflows.core.rules.legality import legal
from dataflows.ingest.decisions.checks import LABELS, LONGEST_NOTE, OBSERVED, unknown_rule

SNOOZES: Final[dict[str, str]] = {
    "1h": mark("for an hour"),
    "4h": mark("for four hours"),
    "morning": mark("until the next business morning"),
    "until": mark("until an instant"),
    "promise_moves": mark("until the promise moves"),
    "severity_rises": mark("until it becomes graver"),
}
"""How a snooze ends."""
SPANS: Final = {"1h": timedelta(hours=1), "4h": timedelta(hours=4)}
WAITS: Final = (*WAITED_FOR, OTHER)
OUTCOMES: Final = ("delivered", "refunded", "replaced", "cancelled", "rerouted", "false alarm", "no action needed")
"""Outcomes that are offered; any other word is taken, too."""
LONGEST: Final = 200
Problem = tuple[str, Mapping[str, object]]

EMPTY_NOTE: Final = mark("Write something.")
LONG_NOTE: Final = mark("At most %(most)s characters.")
NOBODY: Final = mark("Choose a person or a team.")
UNKNOWN_TEAM: Final = mark("There is no team of this name: choose one of those that there are.")
UNKNOWN_PERSON: Final = mark("There is nobody of this name who may have cases.")
NO_SNOOZE: Final = mark("Choose how long.")
NO_INSTANT: Final = mark("Write day and time.")
PASSED: Final = mark("That has passed.")
NO_WAIT: Final = mark("Choose on whom.")
NO_LABEL: Final = mark("Choose a label.")
NO_OUTCOME: Final = mark("Choose what was seen.")
NO_EVIDENCE: Final = mark("Say where it was seen, such as a reference: others will rely on it.")
NO_ACTION: Final = mark("Choose an action that is possible for this exception.")
NO_SCOPE: Final = mark("Choose what to pause.")
TOO_LONG: Final = mark("At most %(most)s characters.")
NO_REASON: Final = mark("Say why: whoever finds it paused will ask.")


@dataclass(frozen=True, slots=True)
class FormContext:
    """Who fills a form in, where and when. `person`: finds somebody of the directory who may have cases, by name.

    `teams`: which there are. `morning`: when the next business day begins.
    """

    by: str
    now: datetime
    zone: ZoneInfo
    person: Callable[[str], str | None]
    teams: Collection[str] = ()
    order: KnownOrder | None = None
    morning: datetime | None = None


@dataclass(slots=True)
class Wording:
    """What a form says: the fields of the decision, the note, and what is wrong by field."""

    data: dict[str, Any] = field(default_factory=dict[str, Any])
    note: str | None = None
    problems: dict[str, Problem] = field(default_factory=dict[str, Problem])

    def wrong(self, name: str, text: str, **values: object) -> None:
        """A field is wrong; the first word on it counts."""
        self.problems.setdefault(name, (text, values))


def read_fields(verb: Verb, fields: Mapping[str, str], given: FormContext) -> Wording:
    """What the fields of a form come to."""
    found = Wording()
    note = fields.get("note", "").strip()
    if len(note) > LONGEST_NOTE:
        found.wrong("note", LONG_NOTE, most=LONGEST_NOTE)
    elif note:
        found.note = note
    elif verb.name == "note":
        found.wrong("note", EMPTY_NOTE)
    reader = _READERS.get(verb.name)
    if reader is not None:
        reader(found, fields, given)
    return found


def _take(found: Wording, fields: Mapping[str, str], given: FormContext) -> None:
    del fields
    found.data["assignee"] = given.by


def _assign(found: Wording, fields: Mapping[str, str], given: FormContext) -> None:
    name, team = fields.get("assignee", "").strip().removeprefix("user:"), fields.get("team", "").strip()
    if not name and not team:
        found.wrong("assignee", NOBODY)
    if name:
        by = given.person(name)
        if by is None:
            found.wrong("assignee", UNKNOWN_PERSON)
        else:
            found.data["assignee"] = by
    if team and team not in given.teams:
        found.wrong("team", UNKNOWN_TEAM)
    elif team:
        found.data["team"] = team


def _snooze(found: Wording, fields: Mapping[str, str], given: FormContext) -> None:
    how = fields.get("snooze", "")
    if how not in SNOOZES:
        found.wrong("snooze", NO_SNOOZE)
        return
    if how in SPANS:
        found.data["until"] = _stated(given.now + SPANS[how])
    elif how == "morning" and given.morning is not None:
        found.data["until"] = _stated(given.morning)
    else:
        if how != "until":
            found.data["until_kind"] = how
        _until(found, fields, given, needed=how == "until")


def _wait(found: Wording, fields: Mapping[str, str], given: FormContext) -> None:
    if fields.get("on", "") not in WAITS:
        found.wrong("on", NO_WAIT)
    else:
        found.data["on"] = fields["on"]
    _until(found, fields, given, needed=False)


def _until(found: Wording, fields: Mapping[str, str], given: FormContext, *, needed: bool) -> None:
    text = fields.get("until", "").strip()
    if not text:
        if needed:
            found.wrong("until", NO_INSTANT)
        return
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        found.wrong("until", NO_INSTANT)
        return
    at = at.replace(tzinfo=given.zone) if at.tzinfo is None else at
    if at <= given.now:
        found.wrong("until", PASSED)
    else:
        found.data["until"] = _stated(at)


def _label(found: Wording, fields: Mapping[str, str], given: FormContext) -> None:
    del given
    if fields.get("label", "") not in LABELS:
        found.wrong("label", NO_LABEL)
    else:
        found.data["label"] = fields["label"]


def _resolve(found: Wording, fields: Mapping[str, str], given: FormContext) -> None:
    del given
    outcome = fields.get("outcome", "").strip()
    if len(outcome) > LONGEST:
        found.wrong("outcome", TOO_LONG, most=LONGEST)
    elif outcome:
        found.data["outcome"] = outcome


def _observe(found: Wording, fields: Mapping[str, str], given: FormContext) -> None:
    del given
    evidence = fields.get("evidence", "").strip()
    if fields.get("observed", "") not in OBSERVED:
        found.wrong("observed", NO_OUTCOME)
    else:
        found.data["outcome"] = fields["observed"]
    if not evidence:
        found.wrong("evidence", NO_EVIDENCE)
    elif len(evidence) > LONGEST:
        found.wrong("evidence", TOO_LONG, most=LONGEST)
    else:
        found.data["evidence"] = evidence


def _initiate(found: Wording, fields: Mapping[str, str], given: FormContext) -> None:
    action, order = fields.get("action", ""), given.order
    if order is None or action not in legal(order.kind):
        found.wrong("action", NO_ACTION)
        return
    parameters, problems = read_parameters(action, fields, order)
    found.data |= {"action": action, "parameters": parameters}
    for name, (text, values) in problems.items():
        found.wrong(f"p-{name}", text, **values)


def _pause(found: Wording, fields: Mapping[str, str], given: FormContext) -> None:
    if found.note is None:
        found.wrong("note", NO_REASON)
    _scope(found, fields, given)
    if unknown_rule(str(found.data.get("scope", ""))) is not None:
        found.wrong("scope", NO_SCOPE)


def _scope(found: Wording, fields: Mapping[str, str], given: FormContext) -> None:
    del given
    word, name = fields.get("scope", ""), fields.get("scope_name", "").strip()
    scope = f"{word}:{name}" if word in ("action", "rule", "tenant") else word
    if len(scope) > LONGEST or wrong_scope(scope) is not None:
        found.wrong("scope", NO_SCOPE)
    else:
        found.data["scope"] = scope
    # The reason of a pause is not a note: everybody who is held up by it reads it, so it stands in the log.
    if found.note is not None and len(found.note) > LONGEST:
        found.wrong("note", TOO_LONG, most=LONGEST)
    elif found.note is not None:
        found.data["reason"], found.note = found.note, None


_READERS: Final[dict[str, Callable[[Wording, Mapping[str, str], FormContext], None]]] = {
    "take": _take,
    "assign": _assign,
    "snooze": _snooze,
    "wait": _wait,
    "label": _label,
    "resolve": _resolve,
    "observe": _observe,
    "initiate": _initiate,
    "pause": _pause,
    "resume": _scope,
}


def _stated(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
