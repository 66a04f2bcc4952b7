"""How a row joins the one that is there. So a record that is read again, or later than it should be, changes nothing.

- Most tables hold the state that was said last: `Latest`, by sequence or by place in the log.
- Events, members and identifiers are put once: `Once`.
- Some rows are put together from what several records say: a decision and its refusal, a note's text and its event, evidence that
  several events cite.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from sqlalchemy import Table

from sinks.cases.changes import Row
from sinks.cases.of_decisions import REFUSED
from sinks.cases.of_exceptions import OPEN, OVER
from sinks.cases.tables import (
    action_events,
    actions,
    audit,
    automation,
    cases,
    evidence,
    exception_events,
    exception_skus,
    exceptions,
    feeds,
    identifiers,
    incident_members,
    incidents,
    messages,
    notes,
    orders,
    policies,
    rejects,
    suggestions,
    unprojected,
)

Merge: TypeAlias = Callable[[Row, Row], Row]
"""From the row that is there and the row that comes to the row that stands then."""
PLACE: Final = ("logged_at", "log_partition", "log_offset")


def latest(*version: str, first: tuple[str, ...] = ()) -> Merge:
    """The row of the greatest version stands; what `first` names stays as the row that was there had it."""

    def merge(old: Row, new: Row) -> Row:
        if [new[name] for name in version] <= [old[name] for name in version]:
            return old
        return {**new, **{name: old[name] for name in first}}

    return merge


def once(old: Row, new: Row) -> Row:
    """The row that is there stands."""
    del new
    return old


def _exception(old: Row, new: Row) -> Row:
    row = _newer_exception(old, new)
    if row is old:
        return old
    if old["closed_at"] is not None and new["status"] in OVER:
        row["closed_at"] = old["closed_at"]  # It was over before: what is said since is no other end.
    if new["status"] != OPEN:
        row["stopped_at"] = new["changed_at"] if old["status"] == OPEN else old["stopped_at"]
    return row


_newer_exception = latest("sequence", first=("raised_at",))


def _message(old: Row, new: Row) -> Row:
    row = _newer_message(old, new)
    if row is not old and old["sent_at"] is not None:
        row["sent_at"] = old["sent_at"]
    return row


_newer_message = latest("sequence", first=("asked_at",))


def _evidence(old: Row, new: Row) -> Row:
    return {
        **old,
        "recorded_at": old["recorded_at"] or new["recorded_at"],
        "first_sequence": min(old["first_sequence"], new["first_sequence"]),
        "last_sequence": max(old["last_sequence"], new["last_sequence"]),
    }


_REFUSAL: Final = ("outcome", "reason", "detail", "refused_at")


def _audit(old: Row, new: Row) -> Row:
    """The decision as it was first read, and why it was refused, whichever comes first."""
    decided = [row for row in (old, new) if row["logged_at"] is not None]
    decision = min(decided, key=_at) if decided else old
    refused = next((row for row in (old, new) if row["outcome"] == REFUSED), decision)
    return {**decision, **{name: refused[name] for name in _REFUSAL}}


def _at(row: Row) -> list[Any]:
    return [row[name] for name in PLACE]


def _note(old: Row, new: Row) -> Row:
    """What the note's writer wrote stands; its event adds what is missing and when it was said."""
    said = old["said_at"] or new["said_at"]
    return {**{name: value if value is not None else new[name] for name, value in old.items()}, "said_at": said}


MERGES: Final[dict[Table, Merge]] = {
    exceptions: _exception,
    cases: latest("sequence"),
    exception_events: once,
    exception_skus: once,
    evidence: _evidence,
    orders: latest(*PLACE),
    identifiers: once,
    actions: latest("sequence", first=("proposed_at",)),
    action_events: once,
    messages: _message,
    automation: latest(*PLACE),
    incidents: latest("sequence", first=("opened_at",)),
    incident_members: once,
    feeds: latest(*PLACE),
    audit: _audit,
    notes: _note,
    suggestions: once,
    policies: once,
    rejects: once,
    unprojected: once,
}
"""How rows of each table join. Tables of the store's own (`offsets`, `erasures`) are not made of records this way."""
ONCE: Final = frozenset(table for table, merge in MERGES.items() if merge is once)
