"""The window of time that a page counts in, as it stands in the URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.datastructures import QueryParams

from dataflows.console.access import Person
from schemas.instants import EPOCH
from sinks.cases.queries.wanted import ExceptionFilter
from sinks.cases.queries.windows import Window

DAYS: Final = (7, 30, 90)
"""The windows that pages offer."""
USUAL: Final = 30
LONGEST_KEPT_S: Final = 300.0
"""How old counts may be that are shown while they are made anew: the page says up to when it has counted."""
LONG_KEPT_S: Final = 1_800.0
"""The same of what happened in a longer window, of which half an hour is a small part, and which costs seconds to count."""
LONGEST: Final = timedelta(days=366)
MOST_VALUES: Final = 20
FINE: Final = timedelta(minutes=1)
COARSE: Final = timedelta(minutes=5)
"""To what a window's end is rounded down, by its length: so that many readers share one answer."""


@dataclass(frozen=True, slots=True)
class AskedWindow:
    """A window. `days`: of those that end now; None of one between two days, `first` and `last`, both within it."""

    window: Window
    days: int | None
    first: date
    last: date

    @property
    def step(self) -> timedelta:
        """To what its end is rounded down."""
        return _step(self.window.length)

    def key(self) -> tuple[str | None, Window]:
        """What those ask for alike who ask for the same days up to now, whenever they do; of two days the window itself."""
        return (f"{self.days} d", replace(self.window, since=EPOCH, until=EPOCH)) if self.days else (None, self.window)

    def query(self, **other: object) -> dict[str, object]:
        """The parameters of a URL that ask for the same, but for `other`; None leaves one out."""
        found: dict[str, object] = {"days": self.days} if self.days else {"since": self.first.isoformat(), "until": self.last.isoformat()}
        for name, values in (("kind", self.window.kinds), ("team", self.window.teams)):
            if values:
                found[name] = list(values)
        found |= other
        return {name: value for name, value in found.items() if value is not None}


def read_window(params: QueryParams, person: Person, now: datetime, zone: ZoneInfo) -> AskedWindow:
    """The window of a URL, cut down to what the person may see; what makes no sense is left out."""
    kinds, teams = (tuple(dict.fromkeys(value[:200] for value in params.getlist(name)[:MOST_VALUES] if value)) for name in ("kind", "team"))
    narrowed = person.narrow(ExceptionFilter(teams=teams, kinds=kinds))
    first, last = _day(params.get("since")), _day(params.get("until"))
    places: Mapping[str, tuple[str, ...]] = {"tenants": narrowed.tenants, "teams": narrowed.teams, "sites": narrowed.sites, "kinds": kinds}
    if first is not None:
        last = max(last or now.astimezone(zone).date(), first)
        begin, end = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
        if end - begin <= LONGEST:
            return AskedWindow(Window(begin, end, **places), None, first, last)
    asked = params.get("days", "")
    days = int(asked) if asked.isdecimal() and len(asked) < 5 and int(asked) in DAYS else USUAL
    step = _step(timedelta(days=days))
    until = datetime.fromtimestamp(int(now.timestamp()) // int(step.total_seconds()) * step.total_seconds(), UTC)
    since = until - timedelta(days=days)
    return AskedWindow(Window(since, until, **places), days, since.astimezone(zone).date(), until.astimezone(zone).date())


def listed(window: Window, now: datetime, **more: Any) -> ExceptionFilter:
    """The list that a number of the window leads to: what was first said in it, whatever has become of it since; `more`: of its fields."""
    found = ExceptionFilter(statuses=("open", "suppressed", "resolved"), kinds=window.kinds, teams=window.teams)
    older = now - window.until
    return replace(found, newer_than=now - window.since, older_than=older if older >= timedelta(minutes=1) else None, **more)


def _step(length: timedelta) -> timedelta:
    return FINE if length <= timedelta(days=DAYS[0]) else COARSE


def _day(text: str | None) -> date | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if 1971 <= found.year <= 9000 else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
