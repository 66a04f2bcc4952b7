"""The history of an exception, event by event: who or what made it be said, why, and what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from dataflows.console.pages.words import CASES, EVENTS, RESOLUTIONS, STATUSES, words_of
from dataflows.console.text import Language, mark
from schemas.values import parse_instant
from sinks.cases.queries.rows import SaidEvent

FIELDS: Final[tuple[tuple[str, str, dict[str, str]], ...]] = (
    ("status", mark("status"), STATUSES),
    ("severity", mark("severity"), {}),
    ("due_at", mark("deadline"), {}),
    ("owner", mark("owner"), {}),
    ("lane", mark("handling"), {}),
    ("suppressed_by", mark("suppressed by"), {}),
)
OF_CASE: Final[tuple[tuple[str, str, dict[str, str]], ...]] = (
    ("state", mark("case"), CASES),
    ("team", mark("team"), {}),
    ("assignee", mark("assignee"), {}),
    ("until", mark("until"), {}),
    ("waiting_on", mark("waits on"), {}),
    ("outcome", mark("outcome"), {}),
    ("label", mark("label"), {}),
)
IMPLIED: Final[Mapping[str, Mapping[str, str]]] = {
    "exception.resolved": {"status": "resolved"},
    "exception.retracted": {"status": "retracted"},
    "case.acknowledged": {"state": "acknowledged"},
    "case.assigned": {"state": "assigned"},
    "case.snoozed": {"state": "snoozed"},
    "case.waiting": {"state": "waiting"},
    "case.resolved": {"status": "resolved", "state": "resolved"},
    "case.reopened": {"status": "open", "state": "open"},
}
"""By type of an event, or of the decision behind it, what its words say already: it is no change to be listed beside them."""
UPDATED: Final = "exception.updated"
INSTANTS: Final = frozenset(("due_at", "until"))
SEVERITIES: Final = frozenset(("critical", "high", "medium", "low"))


@dataclass(frozen=True, slots=True)
class LifeChange:
    """A field that changed. Instants are aware, all else is words."""

    name: str
    before: str | datetime | None
    after: str | datetime | None


@dataclass(frozen=True, slots=True)
class LifeEvent:
    """An event of an exception. `by`: who decided, or the source of the event; `cause_at`: when that was.

    `why`: what made it be said; None where the words say it.
    """

    sequence: int
    type: str
    at: datetime
    words: str
    why: str | None
    by: str | None
    cause_id: str | None
    cause_at: datetime | None
    changes: Sequence[LifeChange]
    summary: str | None
    """The sentence, where it is another than before."""


def life(events: Sequence[SaidEvent], spoken: Language) -> list[LifeEvent]:
    """The history, the first event first."""
    found: list[LifeEvent] = []
    before: Mapping[str, Any] | None = None
    for event in events:
        data = cast("Mapping[str, Any]", event.data)
        cause = cast("Mapping[str, str | None] | None", data.get("changed_by"))
        decided = cause is not None and str(cause["type"]).startswith(("case.", "action."))
        by = cast("str | None", data["case"].get("by")) if decided else None if cause is None else cause["source"]
        words, why = spoken.text(words_of(EVENTS, event.type)), _why(data, before, cause, spoken)
        found.append(
            LifeEvent(
                sequence=event.sequence,
                type=event.type,
                at=event.at,
                # That something changed says nothing beside why it did; that it was resolved says a decision to resolve it, too.
                words=why if event.type == UPDATED else words,
                why=None if event.type == UPDATED or _status(event.type) == _status(None if cause is None else cause["type"]) else why,
                by=by,
                cause_id=None if cause is None else cause["id"],
                cause_at=None if cause is None or cause["time"] is None else parse_instant(cause["time"]),
                changes=list(_changes(before, data, _implied(event.type, before, data, cause), spoken)) if before is not None else [],
                summary=None if before is not None and before["summary"] == data["summary"] else str(data["summary"] or ""),
            )
        )
        before = data
    return found


def _why(data: Mapping[str, Any], before: Mapping[str, Any] | None, cause: Mapping[str, Any] | None, spoken: Language) -> str:
    if cause is not None:
        words = spoken.text(words_of(EVENTS, str(cause["type"])))
        if data["status"] == "retracted" and (before is None or before["status"] != "retracted"):
            return spoken.text(mark("never true, as came out by: %(event)s")) % {"event": words}
        return words
    if before is None:
        return spoken.text(mark("the deadline passed")) if data["due_at"] else spoken.text(mark("it happened"))
    if data["status"] == "resolved" and before["status"] != "resolved":
        return spoken.text(words_of(RESOLUTIONS, str(data["resolution"])))
    if _escalated(before, data):
        to = {"to": data["escalation"]["to"]}
        if data["escalation"]["reason"] == "acknowledge_overdue":
            return spoken.text(mark("nobody took it up in time: it went to %(to)s")) % to
        return spoken.text(mark("it is not resolved in time: it went to %(to)s")) % to
    if data["policy"] != before["policy"]:
        return spoken.text(mark("another policy is in force"))
    return spoken.text(mark("time passed"))


def _implied(
    type_: str, before: Mapping[str, Any] | None, data: Mapping[str, Any], cause: Mapping[str, Any] | None
) -> Mapping[str, str | None]:
    """The fields whose new values the words of an event say."""
    found: dict[str, str | None] = {**IMPLIED.get(type_, {}), **IMPLIED.get("" if cause is None else str(cause["type"]), {})}
    if before is not None and cause is None and _escalated(before, data):
        found["team"] = data["escalation"]["to"]
    return found


def _status(type_: str | None) -> str | None:
    """The status that a type of event says; of one that says none, its own name."""
    return IMPLIED.get(type_ or "", {}).get("status", type_)


def _escalated(before: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    return bool(data.get("escalation") and data.get("escalation") != before.get("escalation"))


def _changes(
    before: Mapping[str, Any], data: Mapping[str, Any], implied: Mapping[str, str | None], spoken: Language
) -> Iterator[LifeChange]:
    for name, words, table in FIELDS:
        if before[name] != data[name] and data[name] != implied.get(name):
            yield _change(name, words, table, before[name], data[name], spoken)
    for name, words, table in OF_CASE:
        old, new = before["case"].get(name), data["case"].get(name)
        if old != new and (new is None or new != implied.get(name)):
            yield _change(name, words, table, old, new, spoken)
    old, new = before["policy"]["version"], data["policy"]["version"]
    if old != new:
        yield LifeChange(spoken.text(mark("policy")), old, new)


def _change(name: str, words: str, table: dict[str, str], old: Any, new: Any, spoken: Language) -> LifeChange:
    return LifeChange(spoken.text(words), _value(name, table, old, spoken), _value(name, table, new, spoken))


def _value(name: str, table: dict[str, str], value: Any, spoken: Language) -> str | datetime | None:
    if value is None:
        return None
    if name in INSTANTS:
        return parse_instant(str(value))
    text = str(value)
    return spoken.text(words_of(table, text) if table else text) if table or text in SEVERITIES else text
