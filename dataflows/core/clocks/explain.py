"""The arithmetic of a deadline in words, in the calendar's own local time or that of the date that it is counted from."""

from __future__ import annotations

from typing import Final

from dataflows.core.clocks.calendar import Calendar
from dataflows.core.clocks.spans import Span
from dataflows.core.clocks.zones import EARLIEST, LATEST, local
from schemas.places import zone

_UNITS: Final = {"bd": "business day", "bh": "business hour", "d": "day", "h": "hour", "m": "minute", "s": "second", "us": "microsecond"}
_PAUSES_NAMED: Final = 3


def moment(at: int, zone_name: str) -> str:
    """An instant as local time, `Fri 2026-04-24 14:02`; seconds only where there are some. Raises ValueError for an unknown zone."""
    if not EARLIEST <= at <= LATEST:
        return f"{at} µs since 1970"
    shown = local(at, zone(zone_name))
    return shown.strftime("%a %Y-%m-%d %H:%M:%S" if shown.second else "%a %Y-%m-%d %H:%M")


def length(span: Span) -> str:
    """A span in words, without its sign: `2 business days`, `24 hours`."""
    digits, _, unit = str(Span(abs(span.n), span.unit)).partition(" ")
    return f"{digits} {_UNITS[unit]}{'' if digits == '1' else 's'}"


def arithmetic(calendar: Calendar, at: int, span: Span, shown: str | None = None) -> str:
    """How a deadline comes about.

    `Fri 2026-04-24 14:02 + 2 business days (Europe/Amsterdam), 1 holiday skipped: King's Day = Wed 2026-04-29 14:02`.
    `shown`: the zone of its times, if that is not the calendar's.
    """
    name = shown or calendar.zone
    due = calendar.add(at, span)
    if not span.n and due == at:
        return f"{moment(at, name)} ({name})"
    zones = name if span.unit == "us" or name == calendar.zone else f"{name}; business time by {calendar.zone}"
    said = f"{moment(at, name)} {'-' if span.n < 0 else '+'} {length(span)} ({zones})"
    if span.unit != "us":
        said += _moved(calendar, at, span, name) + _skipped(calendar, at, due)
    return f"{said} = {moment(due, name)}"


def began_at(calendar: Calendar, at: int, span: Span) -> int | None:
    """When business time began to count, if not at once."""
    start = calendar.add(at, Span(0, span.unit))
    return None if start == at else start


def skipped(calendar: Calendar, at: int, due: int) -> list[str]:
    """The holidays and closed days between two instants, by name."""
    if not EARLIEST <= at <= due <= LATEST:
        return []
    tz = zone(calendar.zone)
    days = range(local(at, tz).toordinal(), local(due, tz).toordinal() + 1)
    return [name for day in days if (name := calendar.pause(day)) is not None]


def _moved(calendar: Calendar, at: int, span: Span, shown: str) -> str:
    start = began_at(calendar, at, span)
    return "" if start is None else f", counted from {moment(start, shown)}"


def _skipped(calendar: Calendar, at: int, due: int) -> str:
    names = skipped(calendar, at, due)
    if not names:
        return ""
    named = ", ".join(names[:_PAUSES_NAMED]) + (", ..." if len(names) > _PAUSES_NAMED else "")
    return f", {len(names)} holiday{'' if len(names) == 1 else 's'} skipped: {named}"
