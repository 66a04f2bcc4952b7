"""Deadlines as bars: of each exception that has one, and the clocks of the case that a page is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, cast

from dataflows.console.pages.arithmetic import DeadlineParts, deadline_of
from dataflows.console.pages.calendars import CountedPlaces, calendar_of, clock_idle, idle_of
from dataflows.console.pages.words import RESOLUTIONS, words_of
from dataflows.console.pictures.order_story import DeadlineBar, Outcome
from dataflows.console.text import Language, mark
from dataflows.core.policy import Policy
from schemas.instants import EPOCH, MICROSECOND
from sinks.cases.queries.past import OrderPast
from sinks.cases.queries.rows import Data

SOON: Final = timedelta(minutes=5)
"""Said within so much of the deadline: nothing held it back."""
STANDS: Final = ("open", "suppressed")
LATER: Final = mark("said %(length)s later")
LATER_FOR_SILENCE: Final = mark("said %(length)s later, %(feed)s was silent")
LATER_BY_POLICY: Final = mark("said %(length)s later, as the policy wants it")
Policies = Mapping[str, Policy | None]
"""By version the policies that decided, as far as they can be had."""


def bars(past: OrderPast, policies: Policies, spoken: Language, now: datetime, main: str | None = None) -> list[DeadlineBar]:
    """The deadlines of an order's exceptions; of the one that the page is about its case's clocks too."""
    found: list[DeadlineBar] = []
    for row in past.exceptions:
        policy = policies.get(str(row["policy"]))
        if row["due_at"] is not None:
            found.append(_deadline(row, past, policy, spoken, now, aside=main is not None and row["exception_id"] != main))
        if row["exception_id"] == main:
            found += _clocks(row, policy, spoken, now)
    return found


def where_of(row: Data) -> CountedPlaces:
    """Where an exception's time can have been counted."""
    return CountedPlaces(
        str(row["tenant"]),
        cast("str | None", row["site"]),
        cast("str | None", row["carrier"]),
        cast("str | None", row["country"]),
        str(row["kind"]),
    )


def outcome_of(row: Data, now: datetime) -> Outcome:
    """How the deadline of an exception went."""
    due, end = cast("datetime", row["due_at"]), cast("datetime | None", row["resolved_at"])
    if row["status"] in STANDS:
        return "missed" if due <= now else "running"
    if row["status"] == "retracted":
        return "kept"
    if row["resolution"] == "milestone":
        return "late" if end is None or end > due else "met"
    return "moved" if row["resolution"] == "promise_moved" else "over"


def started(row: Data) -> datetime:
    """From where a deadline counts: what it was added to, else since when it is waited for, else the placing."""
    due = cast("datetime", row["due_at"])
    parts = deadline_of(row)
    anchor = None if parts is None or parts.anchor is None or parts.back else EPOCH + parts.anchor * MICROSECOND
    found = (anchor, row["clock_since"], row["placed_at"])
    return min(due, next((cast("datetime", one) for one in found if one is not None), due))


def silence_of(row: Data, silences: Sequence[Data], parts: DeadlineParts | None) -> str | None:
    """The feed whose silence held back what was said of a deadline; None if none did."""
    said = cast("datetime", row["raised_at"])
    raised_from = None if parts is None or parts.raised_from is None else EPOCH + parts.raised_from * MICROSECOND
    expected = raised_from or cast("datetime", row["due_at"])
    for one in silences if said > expected else ():
        since, until = cast("datetime", one["since"] or one["opened_at"]), cast("datetime | None", one["closed_at"])
        if since <= said and (until is None or until >= expected):
            return str(one["value"])
    return None


def _deadline(row: Data, past: OrderPast, policy: Policy | None, spoken: Language, now: datetime, *, aside: bool) -> DeadlineBar:
    due, said = cast("datetime", row["due_at"]), cast("datetime", row["raised_at"])
    parts = deadline_of(row)
    calendar = None if policy is None or parts is None else calendar_of(policy, where_of(row), parts)
    outcome, start = outcome_of(row, now), started(row)
    ended = cast("datetime | None", row["resolved_at"] or row["closed_at"])
    words = f"{_called(row, past, spoken)}: {_went(outcome, row, due, ended, spoken, now)}"
    deferred = said if said - due > SOON else None
    if deferred is not None:
        feed = silence_of(row, past.silences, parts)
        because = LATER
        if feed:
            because = LATER_FOR_SILENCE
        elif parts is not None and parts.raised_from is not None:
            because = LATER_BY_POLICY
        words += f"; {spoken.text(because) % {'length': spoken.span(said - due), 'feed': feed}}"
    return DeadlineBar(
        key=f"{row['exception_id']} due",
        start=start,
        due=due,
        outcome=outcome,
        says=words,
        end=None if row["status"] in STANDS else ended,
        idle=idle_of(calendar, start, due, parts),
        deferred_until=deferred,
        aside=aside,
    )


def _called(row: Data, past: OrderPast, spoken: Language) -> str:
    """The kind; where the order has several of one, with what each is about."""
    kinds = [one["kind"] for one in past.exceptions]
    words = spoken.kind(str(row["kind"]))
    scope = str(row["scope"] or "").partition(":")[2]
    return f"{words} ({scope})" if scope and kinds.count(row["kind"]) > 1 else words


def _went(outcome: Outcome, row: Data, due: datetime, ended: datetime | None, spoken: Language, now: datetime) -> str:
    """How a deadline went, in words."""
    if outcome == "running":
        return spoken.text(mark("due %(when)s")) % {"when": spoken.distance(due - now)}
    if outcome == "missed":
        return spoken.text(mark("missed, %(length)s late so far")) % {"length": spoken.span(now - due)}
    if outcome == "late" and ended is not None:
        return spoken.text(mark("missed, came %(length)s late")) % {"length": spoken.span(ended - due)}
    if outcome == "kept":
        return spoken.text(mark("kept, as came out later"))
    if outcome == "met":
        return spoken.text(mark("met"))
    return spoken.text(words_of(RESOLUTIONS, cast("str | None", row["resolution"])))


CLOCKS: Final = (
    ("acknowledge", "ack_by", "acknowledged_at", mark("to be taken up")),
    ("resolve", "resolve_by", "closed_at", mark("to be resolved")),
)


def _clocks(row: Data, policy: Policy | None, spoken: Language, now: datetime) -> Iterator[DeadlineBar]:
    """By when a case is to be taken up and resolved."""
    start = cast("datetime", row["raised_at"])
    for which, by, done, words in CLOCKS:
        due, end = cast("datetime | None", row[by]), cast("datetime | None", row[done] or row["closed_at"])
        if due is None or due <= start:
            continue
        outcome: Outcome = ("met" if end <= due else "late") if end is not None else ("running" if due > now else "missed")
        says = f"{spoken.text(words)}: {_went(outcome, row, due, end, spoken, now)}"
        if which == "resolve" and row["paused_since"] is not None:
            says += f"; {spoken.text(mark('stands still while the case waits'))}"
        idle = clock_idle(policy, str(row["team"] or row["owner"]), where_of(row), (start, due), str(row["severity"]), which)
        yield DeadlineBar(f"{row['exception_id']} {which}", start, due, outcome, says, end, idle, below=1)
