"""Countries and regions as sources write them: by ISO code or by name, in any case. What is neither is no place."""

from __future__ import annotations

import functools
import unicodedata

import holidays
from holidays.registry import COUNTRIES

FURTHER = {
    "uk": "GB",
    "el": "GR",
    "deutschland": "DE",
    "nederland": "NL",
    "holland": "NL",
    "belgique": "BE",
    "espana": "ES",
    "italia": "IT",
}
SEVERAL_ZONES = ("AU", "BR", "CA", "MX", "US")
"""Countries whose people live in several zones."""


def plain(written: str) -> str:
    """The form in which places are compared: without case, accents, dots and more than single blanks."""
    letters = unicodedata.normalize("NFKD", written.replace(".", ""))
    return " ".join("".join(one for one in letters if not unicodedata.combining(one)).casefold().split())


@functools.cache
def country_code(written: str | None) -> str | None:
    """The ISO 3166-1 alpha-2 code of a country; none if it is no country."""
    if written is None:
        return None
    wanted = plain(written)
    for name, (_, *codes) in COUNTRIES.items():
        if wanted in (name.replace("_", " "), *(code.casefold() for code in codes)):
            return codes[0]
    return FURTHER.get(wanted)


@functools.cache
def region_code(country: str | None, written: str | None) -> str | None:
    """The code of a region within its country, without the country's; none if it is no region of it."""
    if country is None or written is None or country not in holidays.list_supported_countries(include_aliases=False):
        return None
    wanted = plain(written).removeprefix(f"{country.casefold()}-")
    calendar = holidays.country_holidays(country)
    names = {plain(name): code for name, code in calendar.subdivisions_aliases.items()}
    codes = {code.casefold(): code for code in calendar.subdivisions}
    return codes.get(wanted) or names.get(wanted)
