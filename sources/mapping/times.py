"""Times: how they are read in their format and zone, and how a format is checked before any record is read.

What a pattern cannot tell apart would be a wrong hour or a wrong year in every event.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final, TypeAlias

from schemas.places import is_zone, zone
from schemas.problems import nearest
from schemas.values import FIRST_YEAR, LAST_YEAR
from sources.adapters.moments import checked, day, iso, patterned, stamp, unix, when
from sources.adapters.told import RefuseError
from sources.mapping.values import Coded, Here, Reader, word

if TYPE_CHECKING:
    from sources.adapters.doc import Doc
    from sources.mapping.expressions import Expression

ISO: Final = "iso"
UNIX: Final = "unix"
UNIX_MS: Final = "unix_ms"
NAMED_FORMATS: Final = (ISO, UNIX, UNIX_MS)
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

Zone: TypeAlias = Callable[[Here], tzinfo]


def zone_of(stated: str | Coded | None, *, of_record: bool = False) -> Zone:
    """The zone of local times: the one stated, the one that a table has for a site, else the connection's.

    `of_record`: the site is looked for in the whole record, also for times of its items.
    """
    if isinstance(stated, str):
        fixed = zone(stated)
        return lambda _: fixed
    if stated is None:
        return lambda here: here.say.zone

    def look_up(here: Here) -> tzinfo:
        code, meaning = stated.look_up(here.record or here if of_record else here)
        if meaning is None or not meaning.words or not is_zone(meaning.word):
            raise RefuseError("missing_field" if code is None else "unmapped", f"{stated.expression}: no zone in table {stated.table.name}")
        return zone(meaning.word)

    return look_up


def has_hour(pattern: str) -> bool:
    """Whether a time of day stands in a format; else it is one of dates."""
    return pattern in NAMED_FORMATS or any(f"%{letter}" in pattern for letter in "HIcX")


def instant(expression: Expression, formats: tuple[str, ...], at: Zone) -> Callable[[Here], datetime | None]:
    """An instant in the first of the formats that fits."""

    def read(here: Here) -> datetime | None:
        doc = here.get(expression)
        return None if doc.value in (None, "") else _instant(doc, formats, at(here))

    return read


def _instant(doc: Doc, formats: tuple[str, ...], local: tzinfo) -> datetime | None:
    text = word(doc)
    if text is None:
        return None
    for name in formats:
        try:
            match name:
                case "iso":
                    return iso(text, doc.path, local)
                case "unix":
                    return unix(doc)
                case "unix_ms":
                    return _unix_ms(doc)
                case _:
                    return patterned(text, (name,), doc.path, local)
        except RefuseError:
            continue
    raise RefuseError(
        "bad_time", f"{doc.path}: no time in the format {' or '.join(formats)}, or none of the years {FIRST_YEAR} to {LAST_YEAR}"
    )


def _unix_ms(doc: Doc) -> datetime | None:
    value = doc.number()
    if value is None or not 0 <= value < 4_200_000_000_000:
        raise RefuseError("bad_time", f"{doc.path}: no milliseconds since 1970")
    return checked(datetime.fromtimestamp(value // 1000, UTC).replace(microsecond=value % 1000 * 1000), doc.path)


def promise(expression: Expression, formats: tuple[str, ...], at: Zone) -> Reader:
    """A promise or an estimate: a plain date where the source gives one, also as midnight, else an instant."""

    def read(here: Here) -> str | None:
        doc = here.get(expression)
        text = word(doc)
        if text is None:
            return None
        for name in formats:
            try:
                if name == ISO:
                    return when(text, doc.path, at(here))
                if not has_hour(name):
                    return _date(text, name, doc.path)
                found = _instant(doc, (name,), at(here))
            except RefuseError:
                continue
            if found is not None:
                midnight = name not in NAMED_FORMATS and "%z" not in name and not (found.hour or found.minute or found.second)
                return found.date().isoformat() if midnight else stamp(found)
        raise RefuseError("bad_time", f"{doc.path}: no date or time in the format {' or '.join(formats)}")

    return read


def _date(text: str, pattern: str, where: str) -> str:
    try:
        found = datetime.strptime(" ".join(text.split()), pattern)  # noqa: DTZ007 - a date has no zone
    except (ValueError, OverflowError):
        raise RefuseError("bad_time", f"{where}: no date in the format {pattern}") from None
    return day(found.date().isoformat(), where)


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
