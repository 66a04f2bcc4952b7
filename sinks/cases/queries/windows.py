"""A window of time over exceptions: those that were first said in it, of some tenants, teams, sites and kinds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Column, or_

from sinks.cases.expressions import Expression, Seconds, at
from sinks.cases.queries.wanted import ExceptionFilter
from sinks.cases.tables import exceptions
from sinks.cases.views.clocks import COUNTS, RETRACTED

_E = exceptions.c
QUARTER: Final = 900
"""Seconds of the finest step of a series: no time zone is off by less."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `since` up to `until`, exclusive. What else is empty does not matter. `kinds`: whole kinds, or domains."""

    since: datetime
    until: datetime
    tenants: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.until - self.since

    def with_previous(self) -> Window:
        """The window with as much time before it."""
        return replace(self, since=self.since - self.length)

    def open_filter(self) -> ExceptionFilter:
        """The filter of what is open of the same tenants, teams, sites and kinds, whenever it was said."""
        return ExceptionFilter(tenants=self.tenants, teams=self.teams, sites=self.sites, kinds=self.kinds)


def chosen(window: Window) -> list[Expression]:
    """Of the window's tenants, teams, sites and kinds, whenever it was said; never of rules in shadow, and never what was not true."""
    found: list[Expression] = [COUNTS, ~RETRACTED]
    for column, values in ((_E.tenant, window.tenants), (_E.team, window.teams), (_E.site, window.sites)):
        if values:
            found.append(column.in_(values))
    if window.kinds:
        domains = [_E.kind.startswith(f"{kind}.", autoescape=True) for kind in window.kinds if "." not in kind]
        found.append(or_(_E.kind.in_([kind for kind in window.kinds if "." in kind]), *domains))
    return found


def said_in(window: Window) -> list[Expression]:
    """What was first said in the window."""
    return [*chosen(window), *in_time(_E.raised_at, window)]


def in_time(column: Column[datetime], window: Window) -> list[Expression]:
    """That an instant is in the window."""
    return [column >= at(window.since), column < at(window.until)]


def is_current(window: Window) -> Expression:
    """Of what was said in the window or before it: whether it was in the window."""
    return _E.raised_at >= at(window.since)


def quarter_of(column: Column[datetime]) -> Expression:
    """The quarter of an hour of an instant, counted from 1970."""
    return Seconds(column) // QUARTER
