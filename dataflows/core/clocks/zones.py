"""Time zones and local time, in integer microseconds since the epoch, UTC.

Local time becomes an instant by one rule: a time that a clock change skips moves forward by the length of
the gap (02:30 becomes 03:30, as in RFC 5545), and of a time that occurs twice the first is taken.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from schemas.instants import DATES_KEPT, DAY, EPOCH, MICROSECOND, MINUTE, micros
from schemas.places import zone

_EPOCH_DAY: Final = EPOCH.toordinal()
_LAST_DAY: Final = date.max.toordinal()
_MIDNIGHT: Final = time()
_KEPT: Final = 16_384
"""Days of zones that are remembered: within one that has a single offset local time is a sum."""
EARLIEST: Final = (date.min.toordinal() - _EPOCH_DAY) * DAY + 2 * DAY
LATEST: Final = (date.max.toordinal() - _EPOCH_DAY) * DAY - 2 * DAY
"""Instants outside EARLIEST..LATEST have no date in some zone."""


def local(at: int, tz: ZoneInfo) -> datetime:
    """The local date and time of an instant. Raises OverflowError outside EARLIEST..LATEST."""
    return (EPOCH + at * MICROSECOND).astimezone(tz)


def wall_of(at: int, tz: ZoneInfo) -> tuple[int, int]:
    """The local day of an instant (as `date.toordinal`) and the microseconds that clocks show after its midnight."""
    offset = steady(at // DAY, tz)
    if offset is None:
        moment = local(at, tz)
        return moment.toordinal(), (moment.hour * 60 + moment.minute) * MINUTE + moment.second * 1_000_000 + moment.microsecond
    days, wall = divmod(at + offset, DAY)
    return days + _EPOCH_DAY, wall


@lru_cache(_KEPT)
def steady(day: int, tz: ZoneInfo) -> int | None:
    """How far a zone is ahead of UTC on a day of UTC (counted from the epoch), µs; None where that changes within it."""
    first, last = (local(day * DAY + at, tz).utcoffset() or timedelta() for at in (0, DAY - 1))
    return first // MICROSECOND if first == last else None


@lru_cache(_KEPT)
def _offset_on(day: int, tz: ZoneInfo) -> int | None:
    """How far a zone is ahead of UTC on a local day; None where that changes within it, or at its ends."""
    if not 1 < day < _LAST_DAY:
        return None
    first, last = (datetime.combine(date.fromordinal(d), _MIDNIGHT, tz).utcoffset() or timedelta() for d in (day, day + 1))
    return first // MICROSECOND if first == last else None


def instant(day: int, wall: int, tz: ZoneInfo) -> int:
    """The instant at which a clock in `tz` shows `wall` microseconds after midnight on `day` (a proleptic ordinal, as `date.toordinal`).

    `wall` may be 24 hours or more: it then counts into the following days. Never raises: beyond the calendar's ends the last known
    offset of the zone holds.
    """
    if not 0 <= wall < DAY:
        days, wall = divmod(wall, DAY)
        day += days
    single = _offset_on(day, tz)
    if single is not None:
        return (day - _EPOCH_DAY) * DAY + wall - single
    known = date.fromordinal(min(max(day, 1), date.max.toordinal()))
    offset = (datetime.combine(known, _MIDNIGHT) + wall * MICROSECOND).replace(tzinfo=tz).utcoffset()
    return (day - _EPOCH_DAY) * DAY + wall - (offset or timedelta()) // MICROSECOND


def end_of_day(day: date, zone_name: str) -> int:
    """The next local midnight after `day`: what `by that day` means, exclusive. Raises ValueError for an unknown zone."""
    return instant(day.toordinal() + 1, 0, zone(zone_name))


@lru_cache(DATES_KEPT)
def deadline(text: str, zone_name: str) -> int:
    """The instant that a `*_by` field means.

    A plain date means until the next local midnight in `zone_name`, an interval `a/b` its later end, an RFC 3339 instant itself.
    Raises ValueError if `text` is none of these or the zone is unknown.
    """
    if "/" in text:
        ends = text.split("/")
        if len(ends) != 2:
            raise ValueError(f"{text!r} is not an interval of two ends")
        return max(_end(end, zone_name) for end in ends)
    return _end(text, zone_name)


def _end(text: str, zone_name: str) -> int:
    if len(text) == len("2026-04-24"):
        return end_of_day(date.fromisoformat(text), zone_name)
    moment = datetime.fromisoformat(text.upper())
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return micros(moment)
