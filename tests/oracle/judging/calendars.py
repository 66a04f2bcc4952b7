"""Working time, stepped day by day and interval by interval."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import holidays

from tests.oracle.judging.reading import DAY, HOUR, MINUTE, SECOND, micros

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """A length: `n` microseconds (`us`), business days (`bd`) or microseconds of working hours (`bh`)."""

    n: int
    unit: str


def span(written: str) -> Span:
    """Read `90 s`, `15 m`, `24 h`, `3 d`, `2 w`, `2 bd` or `4 bh`; elapsed ones may be negative."""
    match = re.fullmatch(r"\s*([+-]?\d+)\s*(s|m|h|d|w|bd|bh)\s*", written)
    if match is None:
        raise ValueError(f"no span: {written!r}")
    n, unit = int(match[1]), match[2]
    if unit == "bd":
        return Span(n, "bd")
    return Span(n * HOUR, "bh") if unit == "bh" else Span(n * _UNITS[unit], "us")


@functools.cache
def public_holidays(country: str, region: str | None, year: int) -> frozenset[date]:
    """The public holidays of a country, and of the region where its own are known; none for a country that `holidays` does not know."""
    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        return frozenset()
    return frozenset(holidays.country_holidays(country, subdiv=region if region in known[country] else None, years=year))


def wall(moment: datetime, zone: ZoneInfo) -> int:
    """The instant of a local wall time: one in a gap moves forward, of two equal ones the first."""
    return micros(moment.replace(tzinfo=zone, fold=0).astimezone(UTC))


@dataclass(frozen=True)
class Calendar:
    """Working days and hours of one place. Without hours days are open all day, and business hours are 08:00 to 18:00."""

    zone: str = "UTC"
    country: str | None = None
    region: str | None = None
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    hours: tuple[time, time] | None = None
    cut_off: time | None = None
    extra_holidays: tuple[date, ...] = ()
    extra_workdays: tuple[date, ...] = ()

    def working(self, day: date) -> bool:
        """Whether any work is done on the local day."""
        if day in self.extra_workdays:
            return True
        if day.weekday() not in self.weekdays or day in self.extra_holidays:
            return False
        return self.country is None or day not in public_holidays(self.country, self.region, day.year)

    def _days(self, first: date) -> Iterator[date]:
        for n in range(4000):
            if self.working(first + timedelta(days=n)):
                yield first + timedelta(days=n)
        raise ValueError(f"{self} never works")

    def add(self, at: int, length: Span) -> int:
        """The instant `length` after `at`."""
        if length.unit == "us":
            return at + length.n
        local = (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(self.zone))
        return self._business_days(at, local, length.n) if length.unit == "bd" else self._business_hours(at, local, length.n)

    def _business_days(self, at: int, local: datetime, n: int) -> int:
        zone = ZoneInfo(self.zone)
        opening = self.hours[0] if self.hours else time(0)
        open_still = self.hours is None or local.time() < self.hours[1]
        in_time = self.cut_off is None or local.time() <= self.cut_off
        if self.working(local.date()) and opening <= local.time() and open_still and in_time:
            if n == 0:
                return at
            start = local.replace(tzinfo=None)
        else:
            too_late = local.time() >= opening
            start = datetime.combine(next(self._days(local.date() + timedelta(days=1 if too_late else 0))), opening)
        following = self._days(start.date() + timedelta(days=1))
        day = start.date()
        for _ in range(n):
            day = next(following)
        return wall(datetime.combine(day, start.time()), zone)

    def _business_hours(self, at: int, local: datetime, n: int) -> int:
        zone = ZoneInfo(self.zone)
        opening, closing = self.hours or (time(8), time(18))
        left = n
        for day in self._days(local.date()):
            start = max(at, wall(datetime.combine(day, opening), zone))
            room = wall(datetime.combine(day, closing), zone) - start
            if room > 0 and left <= room:
                return start + left
            left -= max(room, 0)
        raise ValueError(f"{self} never works")


def deadline(written: str, zone: str) -> int:
    """The instant of a `*_by` or `eta` value: a plain date ends at the next local midnight, an interval at its later end."""
    if "/" in written:
        return max(deadline(part, zone) for part in written.split("/"))
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", written):
        return wall(datetime.combine(date.fromisoformat(written) + timedelta(days=1), time(0)), ZoneInfo(zone))
    return micros(datetime.fromisoformat(written))
