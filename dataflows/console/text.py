"""Languages: English stands in the code, German in `locale/de/*.po`; numbers, dates and money as a language writes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from math import inf
from pathlib import Path
from typing import Final, Literal, cast
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import TIMEDELTA_UNITS, format_date, format_datetime, format_time, format_timedelta
from babel.messages.pofile import read_po
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent

LOCALES: Final = Path(__file__).parent / "locale"
ENGLISH: Final = "en"
LANGUAGES: Final = ("en", "de")
FORMATS: Final = {"en": "en_GB", "de": "de_DE"}
"""Which country's way of writing dates and numbers a language comes with."""
NAMES: Final = {"en": "English", "de": "Deutsch"}


def mark(text: str) -> str:
    """A text that is translated where it is shown, not where it stands: the extraction finds it by this call."""
    return text


class Language:
    """Texts and forms of a language."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.locale: Final = Locale.parse(FORMATS[code])
        self._texts = _texts(code)

    def text(self, message: str) -> str:
        """The text in this language."""
        return self._texts.get(message, message)

    def plural(self, one: str, many: str, count: int) -> str:
        """The text for so many; both languages have one form for one and another for all else."""
        return self.text(one) if count == 1 else self._texts.get(f"{one}\0{many}", many)

    def kind(self, kind: str) -> str:
        """A kind of exceptions in words: `shipment.delivery_overdue` is `delivery overdue`; of a rule of the user's own as it is called."""
        return self._texts.get(kind) or kind.partition(".")[2].replace("_", " ") or kind

    def kind_title(self, kind: str) -> str:
        """The same, as a line begins with it."""
        words = self.kind(kind)
        return words[:1].upper() + words[1:]

    def date_time(self, at: datetime, zone: ZoneInfo, *, seconds: bool = False) -> str:
        """An instant in a zone, with the zone's short name."""
        return _date_time(self.code, at, zone, seconds)

    def short(self, at: datetime, zone: ZoneInfo) -> str:
        """Day and time in a zone, without the year."""
        return format_datetime(at.astimezone(zone), "d MMM HH:mm", locale=self.locale, tzinfo=zone)

    def day(self, day: date) -> str:
        """A day in few characters, without the year."""
        return format_date(day, "d MMM", locale=self.locale)

    def span(self, length: timedelta) -> str:
        """A length of time, in its largest unit."""
        return _length(self.code, length, directed=False)

    def distance(self, length: timedelta) -> str:
        """How far an instant is away: `in 3 hours`, `2 days ago`."""
        return _length(self.code, length, directed=True)

    def number(self, value: Decimal | float, digits: int | None = None) -> str:
        """A number; `digits`: behind the point."""
        return _number(self.code, value, digits)

    def compact(self, value: float) -> str:
        """A large number in few characters."""
        return format_compact_decimal(value, locale=self.locale, fraction_digits=1)

    def percent(self, share: float, digits: int = 0) -> str:
        """A share of one."""
        return format_percent(share, "#,##0" + ("." + "0" * digits if digits else "") + "%", locale=self.locale)

    def money(self, value: Decimal | float, currency: str | None) -> str:
        """An amount."""
        return self.number(value, 2) if not currency else _money(self.code, value, currency)


FROM: Final = 1.2
"""Of how many of a unit on a length is said in it."""
Unit = Literal["year", "month", "week", "day", "hour", "minute", "second"]
KEPT: Final = 8_192
"""How many written instants and numbers are kept: the same rows are looked at again and again, and to write one takes a tenth of a ms."""


@lru_cache(KEPT)
def _date_time(code: str, at: datetime, zone: ZoneInfo, seconds: bool) -> str:
    local, locale = at.astimezone(zone), language(code).locale
    day = format_date(local.date(), "medium", locale=locale)
    hour = format_time(local.time(), "HH:mm:ss" if seconds else "HH:mm", locale=locale)
    return f"{day}, {hour} {local.tzname()}"


def _length(code: str, length: timedelta, *, directed: bool) -> str:
    """As `format_timedelta` writes a length: in the largest unit of which there are as many as `FROM`."""
    seconds = length.total_seconds()
    unit, each = next((one for one in TIMEDELTA_UNITS if abs(seconds) / one[1] >= FROM), TIMEDELTA_UNITS[-1])
    many = round(max(abs(seconds) / each, 1)) if seconds else 0
    return _counted(code, unit, -many * each if seconds < 0 else many * each, directed)


@lru_cache(KEPT)
def _counted(code: str, unit: str, seconds: int, directed: bool) -> str:
    length, locale = timedelta(seconds=seconds), language(code).locale
    return format_timedelta(length, granularity=cast("Unit", unit), threshold=inf, add_direction=directed, locale=locale)


@lru_cache(KEPT, typed=True)
def _number(code: str, value: Decimal | float, digits: int | None) -> str:
    form = None if digits is None else ("#,##0" + ("." + "0" * digits if digits else ""))
    return str(format_decimal(value, form, locale=language(code).locale))


@lru_cache(KEPT, typed=True)
def _money(code: str, value: Decimal | float, currency: str) -> str:
    return format_currency(value, currency, locale=language(code).locale)


@lru_cache(None)
def language(code: str) -> Language:
    """A language by its code; English for one that is not known."""
    return Language(code if code in LANGUAGES else ENGLISH)


@lru_cache(1)
def _translated() -> frozenset[str]:
    return frozenset(message for code in LANGUAGES for message in _texts(code))


def is_text(message: str) -> bool:
    """Whether it is a text of the program, of which each is translated, and not a word of somebody's data."""
    return message in _translated()


def preferred(header: str) -> str:
    """The first language of an Accept-Language header that the console has."""
    weighed: list[tuple[float, str]] = []
    for part in header.split(",")[:20]:
        name, _, weight = part.partition(";q=")
        try:
            weighed.append((-float(weight or 1), name.strip().lower().partition("-")[0]))
        except ValueError:
            continue
    return next((name for _, name in sorted(weighed, key=lambda one: one[0]) if name in LANGUAGES), ENGLISH)


def _texts(code: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for path in sorted((LOCALES / code).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file):
                if not message.id or message.fuzzy:
                    continue
                if isinstance(message.id, tuple | list):
                    one, many = message.id[0], message.id[1]
                    said = message.string if isinstance(message.string, tuple | list) else ()
                    if len(said) == 2 and all(said):
                        found[one], found[f"{one}\0{many}"] = said[0], said[1]
                elif message.string:
                    found[str(message.id)] = str(message.string)
    return found
