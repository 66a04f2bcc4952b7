"""The value types that fields are made of: identifiers, amounts, quantities, instants and promise dates.

Each type states its bounds once, as pydantic metadata; `schemas.structs` reads the same metadata to derive the fast decoder.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import Enum, auto
from functools import lru_cache
from hashlib import sha256
from typing import Annotated

import msgspec
from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, StringConstraints, WithJsonSchema

from schemas.instants import DATES_KEPT, EPOCH

NO_CONTROL = r"^[^\x00-\x1f\x7f]*$(?!\n)"
"""Pattern of text without control characters. (`$` alone would let a final newline pass.)"""

MOST_ID_BYTES = 512
"""Of an identifier, in UTF-8. Stores keep several of them in a row of an index, whose bytes are bounded (2,704 on PostgreSQL)."""

SHORTENED = "~"
"""Stands before the digest in an identifier that was made of a longer text."""

FIRST_YEAR, LAST_YEAR = 2000, 2100


class Retention(Enum):
    """Field metadata: what an open order's packed form (`schemas.storage`) keeps of the field; all of it where nothing is said."""

    NOTHING = auto()
    PRESENCE = auto()
    """Whether there is a value."""


class StoredPlace(Enum):
    """Field metadata: where the packed form of an event keeps the field."""

    LAST = auto()
    """After all others: states were kept before there was such a field."""


class StoredBefore(Enum):
    """Field metadata: what the packed form of an event was in states of before."""

    INSTANT = auto()
    """An instant, where it is a text now."""


class BadTimeError(ValueError):
    """An instant or a date that does not exist, has no offset, or lies outside the years 2000 to 2100."""


class TooLongError(ValueError):
    """An identifier that has more bytes than it may have."""


def micros(instant: datetime) -> int:
    """Microseconds since 1970-01-01T00:00:00Z of an aware `instant`, exactly."""
    since = instant - EPOCH
    return since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds


def from_micros(at: int) -> datetime:
    """The instant (UTC) that is `at` microseconds after 1970-01-01T00:00:00Z."""
    return EPOCH + timedelta(microseconds=at)


def parse_instant(text: object) -> datetime:
    """Read an RFC 3339 instant with an offset, as the fast decoder does.

    Raises:
        BadTimeError: if it is a text that is no such instant.
        ValueError: if it is no text at all.
    """
    if isinstance(text, datetime):
        return text
    if not isinstance(text, str):
        raise ValueError("an instant is a text")  # noqa: TRY004 (pydantic reports ValueError, and lets TypeError through)
    try:
        return msgspec.convert(text, AwareDatetime)
    except msgspec.ValidationError:
        raise BadTimeError("no RFC 3339 instant with an offset") from None


def check_instant(instant: datetime) -> datetime:
    """Refuse an instant without offset or outside the years 2000 to 2100: it would be an error of the source, and could overflow.

    Raises:
        BadTimeError: if it is one.
    """
    if instant.tzinfo is None:
        raise BadTimeError("an instant needs an offset")
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise BadTimeError("year out of range")
    return instant


@lru_cache(DATES_KEPT)
def check_when(text: str) -> str:
    """Check a promise: a plain date, an RFC 3339 instant, or two of these as `a/b`. Memoised, since dates repeat.

    Raises:
        BadTimeError: if it is none of these, or lies outside the years 2000 to 2100.
    """
    ends = text.split("/")
    if len(ends) > 2:
        raise BadTimeError("an interval has two ends")
    for end in ends:
        if len(end) == 10:
            try:
                day = date.fromisoformat(end)
            except ValueError:
                raise BadTimeError("no such date") from None
            # `fromisoformat` also reads week dates such as 2026-W17-1, which no producer means.
            if day.isoformat() != end or not FIRST_YEAR <= day.year <= LAST_YEAR:
                raise BadTimeError("no plain date of the years 2000 to 2100")
        else:
            check_instant(parse_instant(end))
    return text


def check_size(name: str) -> str:
    """Refuse an identifier that is longer in bytes than in characters, and too long so.

    Raises:
        TooLongError: if it is one.
    """
    if len(name) * 4 > MOST_ID_BYTES and len(name.encode()) > MOST_ID_BYTES:
        raise TooLongError(f"more than {MOST_ID_BYTES} bytes")
    return name


def as_id(text: str) -> str:
    """A text as an identifier: itself, or its beginning and its SHA-256 if it is longer than one may be."""
    whole = text.encode()
    if len(whole) <= MOST_ID_BYTES:
        return text
    ending = f"{SHORTENED}{sha256(whole).hexdigest()}"
    return whole[: MOST_ID_BYTES - len(ending)].decode(errors="ignore") + ending


AwareDatetime = Annotated[datetime, msgspec.Meta(tz=True)]

Id = Annotated[str, StringConstraints(min_length=1, max_length=MOST_ID_BYTES, pattern=NO_CONTROL), AfterValidator(check_size)]
"""An opaque identifier: 1 to 512 characters that take no more than 512 bytes in UTF-8, no control characters."""

ShortText = Annotated[str, StringConstraints(max_length=512)]
"""A code or name of an open set: readers treat an unknown value as the default."""

Text = Annotated[str, StringConstraints(max_length=65_536)]
"""Free text, possibly about a person: never sent out."""

PolicyText = Annotated[str, StringConstraints(min_length=1, max_length=262_144)]
"""A whole policy, self-contained: never sent out."""

Free = dict[str, JsonValue] | str
"""Free structure, possibly about a person: never sent out."""

Amount = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}(\.[0-9]{1,4})?$(?!\n)")]
"""An amount of money as decimal text, such as `129.90`; never below zero: what happened says which way the money went."""

PositiveAmount = Annotated[str, StringConstraints(pattern=r"^(?=.*[1-9])[0-9]{1,15}(\.[0-9]{1,4})?$(?!\n)")]
"""As `Amount`, and more than zero."""

Sum = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,4})?$(?!\n)")]
"""A decimal number as text that was reckoned from amounts, and may be below zero."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$(?!\n)")]
"""An ISO 4217 code, such as `EUR`."""

Confidence = Annotated[float, Field(ge=0, le=1)]
"""How sure somebody is: 0 to 1."""

Quantity = Annotated[int, Field(ge=0, le=1_000_000_000)]
"""A number of pieces."""

Balance = Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)]
"""A number of pieces that can be below zero, such as what a stock system says is available."""

_INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]{8,}([Zz]|[+-][0-9]{2}:?[0-9]{2})"
_WHEN = rf"({_INSTANT}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})"

Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant),
    AfterValidator(check_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": f"^{_INSTANT}$"}),
]
"""RFC 3339 with an offset, in the years 2000 to 2100."""

When = Annotated[
    str,
    StringConstraints(max_length=80),
    AfterValidator(check_when),
    WithJsonSchema({"type": "string", "maxLength": 80, "pattern": f"^{_WHEN}(/{_WHEN})?$"}),
]
"""A promise: a plain date (until the next local midnight, exclusive), an RFC 3339 instant, or a range `a/b` (its later end)."""
