"""Times: how they are read in their format and zone, and how a format is checked before any record is read.

What a pattern cannot tell apart would be a wrong hour or a wrong year in every event.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final, NamedTuple, TypeAlias

from schemas.places import is_zone, zone
from schemas.problems import nearest
from schemas.values import FIRST_YEAR, LAST_YEAR
from sources.adapters.moments import checked, day, iso, patterned, stamp, unix, when
from sources.adapters.output import Reason, RefuseError
from sources.adapters.payload import PayloadReader
from sources.mapping.expressions import Expression
from sources.mapping.postal import place_zone
from sources.mapping.values import Coded, Here, Reader, short_text

_NOWHERE: Final = timezone(timedelta(0), "nowhere")
"""Stands for the zone of a text until it is known that the text has no offset."""
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


class PlaceReaders(NamedTuple):
    """Where something is: readers of a country (code or English name), of a region in it, and of a postal code."""

    country: Reader
    region: Reader
    postal_code: Reader

    def name(self, here: Here) -> str | None:
        """The name of its zone; None if it cannot be told."""
        return place_zone(self.country(here), self.region(here), self.postal_code(here))


def zone_of(stated: str | None) -> Zone:
    """The zone of local times: the one stated, else the connection's."""
    if stated is None:
        return lambda here: here.builder.zone
    fixed = zone(stated)
    return lambda _: fixed


def zone_at(stated: Coded | PlaceReaders, otherwise: Zone | None, *, of_record: bool = False) -> Zone:
    """The zone that a table has for a site, or that of a place; `otherwise` where there is none. Raises RefuseError when read.

    `of_record`: site and place are looked for in the whole record, also for times of its items.
    """

    def look_up(here: Here) -> tzinfo:
        place = here.record or here if of_record else here
        if isinstance(stated, PlaceReaders):
            name, missing = stated.name(place), RefuseError("unmapped", "zone: the place is in no known zone, or in one of several")
        else:
            code, meaning = stated.look_up(place)
            name = meaning.term if meaning is not None and meaning.terms and is_zone(meaning.term) else None
            reason: Reason = "missing_field" if code is None else "unmapped"
            missing = RefuseError(reason, f"{stated.expression}: no zone in table {stated.table.name}")
        if name is not None:
            return zone(name)
        if otherwise is None:
            raise missing
        return otherwise(here)

    return look_up


def has_hour(pattern: str) -> bool:
    """Whether a time of day stands in a format; else it is one of dates."""
    return pattern in NAMED_FORMATS or any(f"%{letter}" in pattern for letter in "HIcX")


def instant(expression: Expression, formats: tuple[str, ...], at: Zone) -> Callable[[Here], datetime | None]:
    """An instant in the first of the formats that fits."""

    def read(here: Here) -> datetime | None:
        payload = here.get(expression)
        return None if payload.value in (None, "") else _instant(payload, formats, at, here)

    return read


def _instant(payload: PayloadReader, formats: tuple[str, ...], at: Zone, here: Here) -> datetime | None:
    """As `instant`. The zone is asked for only where the text has no offset: a place that is not known matters to no other."""
    text = short_text(payload)
    if text is None:
        return None
    for name in formats:
        try:
            found = _parsed(payload, text, name, _NOWHERE)
        except RefuseError:
            continue
        return found if found is None or found.tzinfo is not _NOWHERE else _parsed(payload, text, name, at(here))
    raise RefuseError(
        "bad_time", f"{payload.path}: no time in the format {' or '.join(formats)}, or none of the years {FIRST_YEAR} to {LAST_YEAR}"
    )


def _parsed(payload: PayloadReader, text: str, name: str, local: tzinfo) -> datetime | None:
    match name:
        case "iso":
            return iso(text, payload.path, local)
        case "unix":
            return unix(payload)
        case "unix_ms":
            return _unix_ms(payload)
        case _:
            return patterned(text, (name,), payload.path, local)


def _unix_ms(payload: PayloadReader) -> datetime | None:
    value = payload.number()
    if value is None or not 0 <= value < 4_200_000_000_000:
        raise RefuseError("bad_time", f"{payload.path}: no milliseconds since 1970")
    return checked(datetime.fromtimestamp(value // 1000, UTC).replace(microsecond=value % 1000 * 1000), payload.path)


def promise(expression: Expression, formats: tuple[str, ...], at: Zone) -> Reader:
    """A promise or an estimate: a plain date where the source gives one, also as midnight, else an instant."""

    def read(here: Here) -> str | None:
        payload = here.get(expression)
        text = short_text(payload)
        if text is None:
            return None
        for name in formats:
            try:
                plain = when(text, payload.path, _NOWHERE) if name == ISO else None if has_hour(name) else _date(text, name, payload.path)
                found = _parsed(payload, text, name, _NOWHERE) if has_hour(name) and name != ISO else None
            except RefuseError:
                continue
            if plain is not None:
                return plain if len(plain) == len("2026-04-24") else when(text, payload.path, at(here))
            if found is not None and found.tzinfo is _NOWHERE:
                found = _parsed(payload, text, name, at(here))
            if found is not None:
                midnight = name not in NAMED_FORMATS and "%z" not in name and not (found.hour or found.minute or found.second)
                return found.date().isoformat() if midnight else stamp(found)
        raise RefuseError("bad_time", f"{payload.path}: no date or time in the format {' or '.join(formats)}")

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
