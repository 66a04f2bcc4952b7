"""Which days are public holidays, by the `holidays` library (sources: the laws and decrees that it cites per country)."""

from __future__ import annotations

import types
from datetime import date
from functools import cache, lru_cache
from typing import Final

_FRIDAY: Final = 4


@cache
def holiday_regions() -> dict[str, tuple[str, ...]]:
    """The countries (ISO 3166-1 alpha-2) whose public holidays are known, each with its subdivisions (ISO 3166-2, without the country)."""
    return {country: tuple(regions) for country, regions in _library().list_supported_countries(include_aliases=False).items()}


def holiday_region(country: str | None, region: str | None = None) -> str | None:
    """The most local text that `holidays_in` understands (`US-CA`, `NL`) for a country and region; None if the country is unknown."""
    if country is None or country not in holiday_regions():
        return None
    return f"{country}-{region}" if region in holiday_regions()[country] else country


def is_holiday_region(text: str) -> bool:
    """Whether `text` is a country (`NL`) or a country and subdivision (`US-CA`) whose public holidays are known."""
    country, dash, region = text.partition("-")
    known = holiday_regions().get(country)
    return known is not None and (not dash or region in known)


@lru_cache(maxsize=1024)
def holidays_in(text: str, year: int) -> dict[int, str]:
    """The public holidays of one year in `NL` or `US-CA`: day (proleptic ordinal) -> name, in English where the library has it.

    Raises ValueError for an unknown country or subdivision. Years that the library does not cover have no holidays.
    """
    if not is_holiday_region(text):
        raise ValueError(f"{text!r} is not a country or subdivision whose public holidays are known")
    country, _, region = text.partition("-")
    # The library picks its language by the machine's locale unless told.
    language = "en_US" if country in _translated() else None
    found = _library().country_holidays(country, subdiv=region or None, years=year, expand=False, observed=True, language=language)
    return {day.toordinal(): name for day, name in sorted(found.items())}


@cache
def _library() -> types.ModuleType:
    """The library, which takes long to load, once a calendar names a country."""
    import holidays  # noqa: PLC0415

    return holidays


@cache
def _translated() -> frozenset[str]:
    return frozenset(c for c, languages in _library().list_localized_countries(include_aliases=False).items() if "en_US" in languages)


@lru_cache(maxsize=1024)
def weekend_in(country: str, year: int) -> frozenset[int]:
    """The days of a year (proleptic ordinals) that are weekend in a country: Friday and Saturday in Riyadh. Unknown countries: Sat, Sun."""
    first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
    days = range(first, last + 1)
    if country not in holiday_regions():
        return frozenset(day for day in days if (day - 1) % 7 > _FRIDAY)
    known = _library().country_holidays(country, years=year)
    return frozenset(day for day in days if known.is_weekend(date.fromordinal(day)))
