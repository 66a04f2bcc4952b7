"""Instants and dates as real systems write them, made RFC 3339.

A local time without an offset is read in the zone that the source, the place or the connection states: a time that a clock change skips
moves forward by the length of the gap, and of a time that occurs twice the first is taken. A plain date stays one: it is never midnight.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from schemas.values import FIRST_YEAR, LAST_YEAR
from sources.adapters.output import RefuseError
from sources.adapters.payload import PayloadReader

_MIDNIGHT = re.compile(r"(\d{4}-\d{2}-\d{2})([T ]00:00(:00(\.0+)?)?)?(Z|[+-]00:?00)?$")


_OFFSET = re.compile(r"([+-])(\d{1,2})[:.]?(\d{2})")
MOST_HOURS = 14
"""The offset of the easternmost clocks on earth."""


def checked(moment: datetime, where: str) -> datetime:
    """An aware instant within the years 2000 to 2100. Raises RefuseError otherwise."""
    try:
        year = moment.astimezone(UTC).year
    except OverflowError:
        year = 0
    if moment.tzinfo is None or not FIRST_YEAR <= year <= LAST_YEAR or not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise RefuseError("bad_time", f"{where}: outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment


def zoned(moment: datetime, zone: tzinfo) -> datetime:
    """A datetime with an offset; one that has none is local in `zone`. What a clock change skips or repeats: see the module."""
    if moment.tzinfo is not None:
        return moment
    local = moment.replace(tzinfo=zone, fold=0)
    # Written with its offset, a skipped time would still read as the time that never was.
    return local.astimezone(UTC).astimezone(zone)


def iso(text: str, where: str, zone: tzinfo | None) -> datetime:
    """An ISO 8601 date with time, in `zone` if it has no offset (without a zone, such a time stays local).

    Raises RefuseError if it is none (a plain date is none).
    """
    if len(text) <= 10 or "W" in text:
        raise RefuseError("bad_time", f"{where}: no date with a time")
    try:
        moment = datetime.fromisoformat(_short_fraction(text))
    except ValueError:
        raise RefuseError("bad_time", f"{where}: no date with a time") from None
    return _in_zone(moment, where, zone)


def offset_of(text: str | None) -> timezone | None:
    """An offset as `-05:00`, `-7:00`, `-0500` or `-04.00`; None where it is none."""
    found = _OFFSET.fullmatch(text or "")
    if found is None or int(found[2]) > MOST_HOURS or int(found[3]) > 59:
        return None
    distance = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-distance if found[1] == "-" else distance)


def undated(where: str, text: str) -> RefuseError:
    """Why a date without a time of day is no instant; `text` begins with the date, in ISO 8601, if it is one."""
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        day = None
    return RefuseError("bad_time", f"{where}: a date without a time of day", day)


def patterned(text: str, patterns: tuple[str, ...], where: str, zone: tzinfo | None) -> datetime:
    """An instant in the first of these `strptime` patterns that fits, in `zone` as `iso` has it. Raises RefuseError if none fits."""
    for pattern in patterns:
        try:
            moment = datetime.strptime(" ".join(text.split()), pattern)  # noqa: DTZ007 - given its zone below
        except (ValueError, OverflowError):
            continue
        return _in_zone(moment, where, zone)
    raise RefuseError("bad_time", f"{where}: none of the known forms of a date with time")


def at(payload: PayloadReader, *names: str, zone: tzinfo = UTC) -> datetime | None:
    """The instant in a field, ISO 8601; None where the field is absent or blank."""
    text = payload.text(*names)
    return None if text is None else iso(text, payload.get(*names).path, zone)


def need_at(payload: PayloadReader, *names: str, zone: tzinfo = UTC) -> datetime:
    """As `at`, but it must be there."""
    return iso(payload.need_text(*names), payload.get(*names).path, zone)


def unix(payload: PayloadReader, *names: str) -> datetime | None:
    """The instant in a field of seconds since 1970; None where it is absent."""
    seconds = payload.number(*names)
    if seconds is None:
        return None
    where = payload.get(*names).path
    if not 0 <= seconds < 4_200_000_000:
        raise RefuseError("bad_time", f"{where}: outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return checked(datetime.fromtimestamp(seconds, UTC), where)


def when(text: str | None, where: str, zone: tzinfo | None = None) -> str | None:
    """A promise or an estimate for `*_by` and `eta`: a plain date stays one, and so does a date that a source writes as midnight UTC.

    An instant with an offset stays as it is; one without is local in `zone`, or, without a zone, only its date counts.
    Raises RefuseError if it is neither.
    """
    if text is None:
        return None
    plain = _MIDNIGHT.match(text)
    if plain:
        return day(plain[1], where)
    if zone is None and len(text) > 10:
        try:
            moment = datetime.fromisoformat(_short_fraction(text))
        except ValueError:
            raise RefuseError("bad_time", f"{where}: neither a date nor an instant") from None
        if moment.tzinfo is None:
            return day(moment.date().isoformat(), where)
        return stamp(checked(moment, where))
    return stamp(iso(text, where, zone or UTC))


def day(text: str, where: str) -> str:
    """A plain date, `2026-04-24`. Raises RefuseError if it is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise RefuseError("bad_time", f"{where}: no date") from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise RefuseError("bad_time", f"{where}: outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return found.isoformat()


def stamp(moment: datetime) -> str:
    """RFC 3339. Offsets with seconds (zones before 1900, or made up) have no place there: such an instant is written in UTC."""
    offset = moment.utcoffset()
    if offset is None or offset.seconds % 60 or offset.microseconds:
        moment = moment.astimezone(UTC)
    return moment.isoformat().replace("+00:00", "Z")


def _in_zone(moment: datetime, where: str, zone: tzinfo | None) -> datetime:
    checked_year(moment, where)
    if zone is None and moment.tzinfo is None:
        return moment
    try:
        return checked(moment if zone is None else zoned(moment, zone), where)
    except OverflowError:
        raise RefuseError("bad_time", f"{where}: outside the years {FIRST_YEAR} to {LAST_YEAR}") from None


def checked_year(moment: datetime, where: str) -> datetime:
    """The same, unless its year is so far off that a zone could push it out of the calendar."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR or abs(moment.utcoffset() or timedelta()) > timedelta(hours=18):
        raise RefuseError("bad_time", f"{where}: outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment


def _short_fraction(text: str) -> str:
    """Nanoseconds cut to microseconds: Python reads no more than six digits of a fraction."""
    return re.sub(r"(\.\d{6})\d+", r"\1", text)
