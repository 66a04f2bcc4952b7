"""A case: what people made of one exception. Decisions are folded into it in log order, one at a time, and never taken back."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from schemas.events import CaseEvent

TYPES: Final = (
    *("case.acknowledged", "case.assigned", "case.snoozed", "case.waiting"),
    *("case.resolved", "case.reopened", "case.noted", "case.labelled"),
)
"""The types of events that change a case."""
BESIDE: Final = frozenset(("case.noted", "case.labelled"))
"""Those that change nothing of who has it and how it stands."""
HELD: Final = frozenset(("acknowledged", "assigned", "snoozed", "waiting"))
"""States of a case that somebody has and that is not over."""
PAUSED: Final = frozenset(("snoozed", "waiting"))
"""States that end by themselves."""
WAITED_FOR: Final = ("customer", "carrier", "warehouse", "supplier", "bank")
OTHER: Final = "other"
TIME, PROMISE_MOVES, SEVERITY_RISES = "time", "promise_moves", "severity_rises"
UNTIL_KINDS: Final = (TIME, PROMISE_MOVES, SEVERITY_RISES)


class Ended(Struct, array_like=True, frozen=True):
    """A snooze or a wait that ended by itself: which of the two, by what, at which log time (µs)."""

    state: str
    by: str
    at: int


class CaseState(Struct, array_like=True, omit_defaults=True, frozen=True):
    """The case of an exception as it stands; instants are µs of log time. It is stored as it is: a new field comes last.

    `until`, `until_kind`: when a snooze or a wait ends, and what else ends a snooze; `promise`, `grade_then`: the dates and the severity of
    which it waits for others. `team`: who was given it, empty: the owner. `by`, `decided`: who decided last, and when. `opened`: since when
    its clocks run, None while the exception is not open; `grade`: the severity that they were set for. `paused`: since when the resolve
    clock stands still. `flaps`: how often the condition came back by itself. `ended`: how the last snooze or wait ended, until the next
    decision. The last fields are the escalation: see `escalation`.
    """

    state: str = "new"
    assignee: str | None = None
    until: int | None = None
    until_kind: str = TIME
    waiting_on: str | None = None
    team: str = ""
    by: str | None = None
    decided: int | None = None
    outcome: str | None = None
    label: str | None = None
    note_ref: str | None = None
    acknowledged: int | None = None
    reopenings: int = 0
    reassignments: int = 0
    flaps: int = 0
    promise: str = ""
    grade_then: str = ""
    ended: Ended | None = None
    opened: int | None = None
    grade: str = ""
    ack_by: int | None = None
    resolve_by: int | None = None
    paused: int | None = None
    level: int = 0
    to: tuple[str, str] | None = None
    since: int | None = None
    reason: str = ""
    chain: str = ""
    step: int = 0
    base: int = 0
    step_at: int | None = None

    @property
    def due(self) -> int | None:
        """When something of it happens by itself; None if nothing does."""
        until = self.until if self.opened is not None and self.state in PAUSED else None
        if until is None or self.step_at is None:
            return self.step_at if until is None else until
        return min(until, self.step_at)


NEW: Final = CaseState()


def refused(type_: str, data: CaseEvent, now: int, until: int | None, *, closed: bool) -> tuple[str, str] | None:
    """Why a decision cannot be taken as the case stands, as reason and detail; None if it can.

    `until`: of a snooze or a wait, µs; `closed`: nothing but the case keeps the exception from being open. Whoever decides about what is
    over cannot know yet that it is.
    """
    if closed and type_ not in BESIDE and type_ not in ("case.reopened", "case.resolved"):
        return "case_resolved", "the case is resolved: only a reopening, a note or a label can follow"
    if type_ in ("case.snoozed", "case.waiting") and until is not None and until <= now:
        return "until_passed", f"`until` is not later than {type_} itself"
    if type_ == "case.snoozed" and data.until_kind is not None and data.until_kind not in UNTIL_KINDS:
        return "bad_until_kind", f"`until_kind` is one of {', '.join(UNTIL_KINDS)}"
    return None


def decided(  # noqa: PLR0913 - what a decision is about, each by its name
    case: CaseState, type_: str, data: CaseEvent, now: int, *, until: int | None, longest: int, over: bool, severity: str, promise: str
) -> CaseState:
    """The case after a decision that is not refused.

    `longest`: how long a snooze or a wait lasts at most (µs); `over`: its exception was closed for age; `severity`, `promise`: as they are.
    """
    if type_ == "case.reopened" and case.state != "resolved" and not over:
        # Two people reopen it: the second finds it open.
        return _put_back(case, data, now) if data.put_back and case.state in HELD else case
    case = replace(case, by=data.by, decided=now, ended=None)
    if type_ == "case.noted":
        return replace(case, note_ref=data.note_ref)
    if type_ == "case.labelled":
        return replace(case, label=data.label)
    if type_ == "case.resolved":
        return replace(_awake(case, "resolved"), outcome=data.outcome)
    if type_ == "case.reopened":
        # Somebody must take it up anew; who had it is still named.
        return replace(_awake(case, "open"), reopenings=case.reopenings + 1, acknowledged=None, outcome=None)
    case = replace(_awake(case, type_.partition(".")[2]), acknowledged=now if case.acknowledged is None else case.acknowledged)
    if type_ == "case.assigned":
        handed_on = case.assignee is not None and data.assignee not in (None, case.assignee)
        case = replace(case, team=data.team or case.team, reassignments=case.reassignments + handed_on)
    case = replace(case, assignee=data.assignee or case.assignee)
    if case.state not in PAUSED:
        return case
    case = replace(case, until=now + longest if until is None else min(until, now + longest))
    if case.state == "waiting":
        return replace(case, waiting_on=data.on if data.on in WAITED_FOR else OTHER)
    kind = data.until_kind or TIME
    return replace(case, until_kind=kind, promise=promise if kind == PROMISE_MOVES else "", grade_then=severity)


def woken(case: CaseState, by: str, now: int) -> CaseState:
    """A case whose snooze or wait has ended by itself: whoever had it has it again."""
    ended = Ended(case.state, by, now)
    return replace(_awake(case, "acknowledged" if case.assignee is None else "assigned"), ended=ended)


def _put_back(case: CaseState, data: CaseEvent, now: int) -> CaseState:
    """A case that somebody has taken up by mistake: it stands as before, and its acknowledge clock runs."""
    state = "open" if case.reopenings else "new"
    free = replace(_awake(case, state), by=data.by, decided=now, ended=None, acknowledged=None)
    return replace(free, assignee=data.assignee, team=data.team or case.team)


def _awake(case: CaseState, state: str) -> CaseState:
    """The case in another state, without what belongs to a snooze or a wait."""
    return replace(case, state=state, until=None, until_kind=TIME, waiting_on=None, promise="", grade_then="")
