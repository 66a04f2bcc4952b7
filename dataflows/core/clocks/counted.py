"""How a deadline came about, in its parts: for whoever draws it, or counts it again. `explain` says the same in words."""

from __future__ import annotations

from msgspec import Struct

from dataflows.core.clocks.calendar import Calendar
from dataflows.core.clocks.explain import began_at, skipped
from dataflows.core.clocks.spans import Span
from dataflows.core.clocks.zones import EARLIEST, LATEST
from schemas.instants import SECOND, iso


class CountedDeadline(Struct, array_like=True, omit_defaults=True, frozen=True):
    """A deadline in its parts; instants are µs, UTC. It is stored as it is: a new field comes last.

    `anchor` names what it counts from, `at` is when that was; `span`: what was added, as a policy writes it, empty where the deadline is a
    stated date itself. `zone`: whose time its words give; `business_zone`: whose business time counts, by which `calendar`: empty where all
    time counts. `since`: when business time began to count, if not at once; `skipped`: the holidays in between; `grace`: µs after it.
    `raised_from`: before when nothing is said of it, `raise_after` later than `at`; None where it is said once it has passed.
    """

    anchor: str
    at: int
    span: str
    zone: str
    calendar: str = ""
    business_zone: str = ""
    since: int | None = None
    skipped: tuple[str, ...] = ()
    grace: int = 0
    raise_after: str = ""
    raised_from: int | None = None


def counted(label: str, at: int, span: Span, calendar: Calendar, zone: str | None, grace: int) -> CountedDeadline:
    """A deadline that a calendar counts. `zone`: of its words, if that is not the calendar's."""
    due, shown = calendar.add(at, span), zone or calendar.zone
    length = "" if not span.n and due == at else str(Span(span.n, span.unit))
    if span.unit == "us" or not length:
        return CountedDeadline(label, at, length, shown, grace=grace)
    names = tuple(skipped(calendar, at, due))
    return CountedDeadline(label, at, length, shown, calendar.name, calendar.zone, began_at(calendar, at, span), names, grace)


def deadline_data(counted: CountedDeadline) -> dict[str, object]:
    """A deadline's parts in the contract's words."""
    raised = {"raise_after": counted.raise_after, "raised_from": _instant(counted.raised_from)} if counted.raise_after else {}
    return {
        "anchor": counted.anchor,
        "anchored_at": _instant(counted.at),
        "span": counted.span or None,
        "calendar": counted.calendar or None,
        "business_zone": counted.business_zone or None,
        "zone": counted.zone,
        "counted_from": _instant(counted.since),
        "skipped": list(counted.skipped),
        "grace_s": counted.grace // SECOND,
        **raised,
    }


def _instant(at: int | None) -> str | None:
    """An instant as it is said; what is stated may lie where there are no dates."""
    return None if at is None or not EARLIEST <= at <= LATEST else iso(at)
