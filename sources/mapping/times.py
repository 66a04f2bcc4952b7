"""Checks time formats before any record is read: what a pattern cannot tell apart would be a wrong hour or a wrong year in every event."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from schemas.problems import nearest
from sources.mapping.values import NAMED_FORMATS, has_hour

_PROBES: Final = (datetime(2026, 11, 22, 13, 44, 55, tzinfo=UTC), datetime(2031, 2, 3, 4, 6, 7, tzinfo=UTC))
_LETTERS: Final = frozenset("aAwdbBmyYHIpMSfzZjUWcxXGuV%")
_SPELT: Final = {
    "YYYY": "%Y",
    "YY": "%y",
    "MM": "%m",
    "DD": "%d",
    "HH": "%H",
    "hh": "%H",
    "mm": "%M",
    "ss": "%S",
    "SS": "%S",
    "dd": "%d",
    "yyyy": "%Y",
}
_LETTER_RUNS: Final = re.compile(r"YYYY|yyyy|YY|MM|DD|dd|HH|hh|mm|ss|SS")


def format_fault(pattern: str, *, date_will_do: bool) -> tuple[str, str | None] | None:
    """What is wrong with a time format, and what may have been meant; None if it can be used. A promise may be a plain date."""
    if pattern in NAMED_FORMATS:
        return None
    known = "iso, unix, unix_ms, or signs such as %d.%m.%Y %H:%M"
    if "%" not in pattern:
        spelt = _LETTER_RUNS.sub(lambda run: _SPELT[run[0]], pattern)
        return f"{pattern!r} is no time format: {known}", spelt if spelt != pattern else nearest(pattern, NAMED_FORMATS)
    unknown = [f"%{letter}" for letter in re.findall(r"%(.?)", pattern) if letter not in _LETTERS or not letter]
    if unknown:
        return f"{pattern!r}: {unknown[0]} is no sign of a time format", None
    hour = has_hour(pattern)
    if not hour and not date_will_do:
        return f"{pattern!r} has no time of day: a date alone does not say when it happened", None
    for probe in _PROBES:
        try:
            back = datetime.strptime(probe.strftime(pattern), pattern)  # noqa: DTZ007 - compared with the probe's own parts
        except ValueError:
            return f"{pattern!r} is no time format: {known}", None
        if back.date() != probe.date():
            return f"{pattern!r} does not say the whole date: year, month and day are needed", None
        if hour and back.hour != probe.hour:
            return f"{pattern!r} has hours of a half day: %I needs %p", pattern.replace("%I", "%H")
    return None
