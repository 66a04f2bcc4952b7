"""Which calendar counted a deadline, by the policy that decided it, and in which stretches it stood still.

The engine names the calendar. What it said before it did so names the zone only: then those that the policy could have meant are tried, and
the one by which the deadline comes out is the one. Where none does (another policy, or a clock that is moved), nothing is hatched, and the
page says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, select

from dataflows.console.pages.arithmetic import DeadlineParts
from dataflows.core.clocks import Calendar
from dataflows.core.clocks.days import holiday_regions
from dataflows.core.policy import Policy
from dataflows.core.rules.load import policy_of_text
from schemas.instants import EPOCH, MICROSECOND, micros
from sinks.cases.tables import policies


@dataclass(frozen=True, slots=True)
class CountedPlaces:
    """Where an exception's time can have been counted: the tenant, the site, the carrier, and where the order goes."""

    tenant: str
    site: str | None
    carrier: str | None
    country: str | None
    kind: str


def policy_text(connection: Connection, version: str) -> str | None:
    """The text of a policy that was activated; None if the store has none of that version."""
    found = select(policies.c.text).where(policies.c.version == version, policies.c.text.is_not(None)).limit(1)
    return connection.scalar(found)


def policy_of(text: str | None, version: str, usual: Policy | None) -> Policy | None:
    """The policy of a version: by its text, else the one of the settings if that is it; None if neither is."""
    if text is not None:
        policy = policy_of_text(text)
        if isinstance(policy, Policy) and policy.version == version:
            return policy
    return usual if usual is not None and usual.version == version else None


def calendar_of(policy: Policy, where: CountedPlaces, parts: DeadlineParts) -> Calendar | None:
    """The calendar that gives this deadline; None if none that the policy could have meant does, or where no calendar has a say."""
    if parts.anchor is None or parts.length is None or parts.length.unit == "us":
        return None
    for calendar in _candidates(policy, where):
        if parts.calendar is not None:
            if (calendar.name, calendar.zone) == (parts.calendar, parts.calendar_zone):
                return calendar
        elif calendar.zone == parts.calendar_zone and calendar.add(parts.anchor, parts.length) == parts.due:
            return calendar
    return None


def idle_of(
    calendar: Calendar | None, start: datetime, end: datetime, parts: DeadlineParts | None
) -> tuple[tuple[datetime, datetime], ...]:
    """The stretches between two instants in which the calendar of a deadline stood still."""
    if calendar is None or parts is None or parts.length is None or end <= start:
        return ()
    return tuple((_aware(since), _aware(until)) for since, until in calendar.idle(micros(start), micros(end), parts.length.unit))


def clock_idle(policy: Policy | None, team: str, where: CountedPlaces, clock: tuple[datetime, datetime], severity: str, which: str) -> Any:
    """The stretches in which a case's clock (`acknowledge`, `resolve`) stands still: outside the hours of the team that has it."""
    if policy is None or where.kind not in {setting.kind for setting in policy.base}:
        return ()
    setting = next(one for one in policy.base if one.kind == where.kind)
    allowed = cast("Mapping[str, Any]", getattr(setting, which)).get(severity)
    if allowed is None:
        return ()
    start, end = clock
    calendar = policy.team_calendar(team, where.tenant)
    return tuple((_aware(since), _aware(until)) for since, until in calendar.idle(micros(start), micros(end), allowed.unit))


def _candidates(policy: Policy, where: CountedPlaces) -> Iterator[Calendar]:
    clock = next((setting.clock for setting in policy.base if setting.kind == where.kind), "")
    if clock in policy.calendars:
        yield policy.calendar(clock)
    yield policy.site_calendar(where.site, where.tenant)
    yield policy.carrier_calendar(where.carrier, where.country)
    yield policy.destination_calendar(where.country)
    yield policy.tenant_calendar(where.tenant)
    for region in holiday_regions().get(where.country or "", ()):  # the store has the country only
        yield policy.destination_calendar(where.country, region)
    yield from (policy.site_calendar(site, where.tenant) for site in policy.sites)
    yield from (policy.calendar(name) for name in policy.calendars)


def _aware(at: int) -> datetime:
    return EPOCH + at * MICROSECOND
