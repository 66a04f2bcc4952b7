"""Working time, stepped day by day and interval by interval."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import holidays

from tests.oracle.judging.reading import DAY, HOUR, MINUTE, SECOND, micros

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


def total(one: Span, other: Span) -> Span | None:
    """Both lengths together; none where their units differ, unless one of them is nothing."""
    if one.n and other.n and one.unit != other.unit:
        return None
    return Span(one.n + other.n, one.unit if one.n else other.unit)


def distance(at: Span, threshold: Span) -> Span | None:
    """How far a step is from a threshold."""
    return total(at, Span(-threshold.n, threshold.unit))


@functools.cache
def public_holidays(country: str, region: str | None, year: int) -> holidays.HolidayBase | None:
    """The public holidays of a country, and of the region where its own are known; none for a country that `holidays` does not know."""
    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        return None
    return holidays.country_holidays(country, subdiv=region if region in known[country] else None, years=year)


def wall(moment: datetime, zone: ZoneInfo) -> int:
    """The instant of a local wall time: one in a gap moves forward, of two equal ones the first."""
    return micros(moment.replace(tzinfo=zone, fold=0).astimezone(UTC))


@dataclass(frozen=True)
class Calendar:
    """Working days and hours of one place: a weekday has its hours, if any are told; else work is done all day but on weekends.

    Without hours business hours are 08:00 to 18:00. A weekend is that of the country.
    """

    zone: str = "UTC"
    country: str | None = None
    region: str | None = None
    hours: Mapping[int, tuple[time, time]] = field(default_factory=dict[int, tuple[time, time]])
    cut_offs: Mapping[int, time] = field(default_factory=dict[int, time])
    extra_holidays: tuple[date, ...] = ()
    extra_workdays: tuple[date, ...] = ()

    def working(self, day: date) -> bool:
        """Whether any work is done on the local day."""
        if day in self.extra_workdays:
            return True
        known = public_holidays(self.country, self.region, day.year) if self.country else None
        weekend = known.is_weekend(day) if known is not None else day.weekday() > 4
        if day in self.extra_holidays or (day.weekday() not in self.hours if self.hours else weekend):
            return False
        return known is None or day not in known

    def hours_on(self, day: date) -> tuple[time, time] | None:
        """From when until when work is done on a working day; one that is none as a rule has the hours of the first that is."""
        return self.hours.get(day.weekday(), self.hours[min(self.hours)]) if self.hours else None

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

    def passing(self, start: int, end: int, percent: int, unit: str) -> int:
        """When so much of the time from one instant to a later one has passed: in working hours, unless it is elapsed time."""
        if unit == "us":
            return start + (end - start) * percent // 100
        first = (_EPOCH + timedelta(microseconds=start)).astimezone(ZoneInfo(self.zone)).date()
        worked: list[tuple[int, int]] = []
        for day in self._days(first):
            opens, closes = self._worked(day, unit)
            if opens >= end:
                break
            worked.append((max(opens, start), max(opens, start, min(closes, end))))
        left = sum(until - since for since, until in worked) * percent // 100
        for since, until in worked if left else ():
            if until - since >= left:
                return since + left
            left -= until - since
        return start

    def _worked(self, day: date, unit: str) -> tuple[int, int]:
        """From when until when working time of a unit counts on a working day."""
        zone, hours = ZoneInfo(self.zone), self.hours_on(day)
        if hours is None and unit == "bd":
            return wall(datetime.combine(day, time(0)), zone), wall(datetime.combine(day + timedelta(days=1), time(0)), zone)
        opening, closing = hours or (time(8), time(18))
        return wall(datetime.combine(day, opening), zone), wall(datetime.combine(day, closing), zone)

    def _business_days(self, at: int, local: datetime, n: int) -> int:
        zone, today = ZoneInfo(self.zone), local.date()
        hours = self.hours_on(today)
        opening = hours[0] if hours else time(0)
        cut_off = self.cut_offs.get(today.weekday())
        in_time = (hours is None or local.time() < hours[1]) and (cut_off is None or local.time() <= cut_off)
        if self.working(today) and opening <= local.time() and in_time:
            if n == 0:
                return at
            start = local.replace(tzinfo=None)
        else:
            too_late = not self.working(today) or local.time() >= opening
            day = next(self._days(today + timedelta(days=1 if too_late else 0)))
            there = self.hours_on(day)
            start = datetime.combine(day, there[0] if there else time(0))
        following = self._days(start.date() + timedelta(days=1))
        day = start.date()
        for _ in range(n):
            day = next(following)
        return wall(datetime.combine(day, start.time()), zone)

    def _business_hours(self, at: int, local: datetime, n: int) -> int:
        zone = ZoneInfo(self.zone)
        left = n
        for day in self._days(local.date()):
            opening, closing = self.hours_on(day) or (time(8), time(18))
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
