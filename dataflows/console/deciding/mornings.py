"""The next business morning: by the calendar of the policy for whom a case is about, not by the clock of whoever looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from dataflows.console.deciding.reading import CaseTarget
from dataflows.core.clocks import Calendar, Span
from dataflows.core.policy import Policy
from schemas.instants import EPOCH, MICROSECOND, micros

NINE: Final = time(9)
"""When a business day begins where no policy is known."""
EARLY: Final = time(6)
"""Before then it is no morning, wherever somebody works around the clock."""
SATURDAY: Final = 5
OPENS: Final = Span(0, "bh")


class Morning(NamedTuple):
    """When it begins; `calendar`: by which calendar of the policy, None where no policy is known."""

    at: datetime
    calendar: str | None = None


def next_morning(now: datetime, zone: ZoneInfo, policy: Policy | None, targets: Sequence[CaseTarget]) -> Morning:
    """Of several cases the one that comes last: nothing comes back before somebody is there for it."""
    if policy is None or not targets:
        return Morning(_plain(now, zone))
    calendars = {(found := policy.site_calendar(one.row.site, one.row.tenant)).name: found for one in targets}
    return max((Morning(opening(calendar, now), name) for name, calendar in calendars.items()), key=lambda one: one.at)


def opening(calendar: Calendar, now: datetime) -> datetime:
    """When a calendar's next business day opens, in its zone: today's, if that is still to come."""
    zone = ZoneInfo(calendar.zone)
    day = now.astimezone(zone).date()
    while True:
        at = calendar.add(micros(datetime.combine(day, EARLY, zone)), OPENS)
        if (found := (EPOCH + at * MICROSECOND).astimezone(zone)) > now:
            return found
        day += timedelta(days=1)


def _plain(now: datetime, zone: ZoneInfo) -> datetime:
    """Nine o'clock of the next day from Monday to Friday, in a zone."""
    local = now.astimezone(zone)
    day = local.date() + timedelta(days=1 if local.time() >= NINE else 0)
    while day.weekday() >= SATURDAY:
        day += timedelta(days=1)
    return datetime.combine(day, NINE, zone)
