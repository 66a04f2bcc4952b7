"""The zone of a place as orders and sites are written: a country, perhaps a region, perhaps a postal code.

In a country with several zones the region tells, else the postal code. Where neither does, nothing is guessed: an hour would be wrong
without anybody noticing.
"""

from __future__ import annotations

from typing import Final

from schemas.places import country_zone, has_regions, region_zone
from sources.adapters.postal import country_named, us_spot

CANADA: Final = {
    **dict.fromkeys("A", "NL"),
    **dict.fromkeys("B", "NS"),
    **dict.fromkeys("C", "PE"),
    **dict.fromkeys("E", "NB"),
    **dict.fromkeys("GHJ", "QC"),
    **dict.fromkeys("KLMNP", "ON"),
    **dict.fromkeys("R", "MB"),
    **dict.fromkeys("S", "SK"),
    **dict.fromkeys("T", "AB"),
    **dict.fromkeys("V", "BC"),
    **dict.fromkeys("Y", "YT"),
}
"""Provinces by the first letter of postal codes; X is Nunavut (X0A to X0C) and the Northwest Territories. Source: Canada Post, Addressing
Guidelines, "Forward sortation area"."""
NUNAVUT: Final = ("X0A", "X0B", "X0C")
AUSTRALIA: Final = (
    ("02", "ACT"), ("08", "NT"), ("09", "NT"), ("1", "NSW"), ("2", "NSW"), ("3", "VIC"), ("4", "QLD"), ("5", "SA"), ("6", "WA"),
    ("7", "TAS"), ("8", "VIC"), ("9", "QLD"),
)  # fmt: skip
"""States by the beginning of postcodes (those of the capital territory among 2 have the clocks of New South Wales). Source: Australia Post,
Postcode data."""


def place_zone(country: str | None, region: str | None = None, postal_code: str | None = None) -> str | None:
    """The IANA name of the zone of most people there; None if the place is not known well enough.

    `country`: ISO 3166-1 alpha-2 or the English name. `region`: ISO 3166-2, with or without its country, in any case.
    """
    code = country_named(country)
    if code is None:
        return None
    if not has_regions(code):
        return country_zone(code)
    found = region_zone(code, region.strip().upper()) if region else None
    return found or region_zone(code, _region(code, (postal_code or "").strip().upper()))


def _region(country: str, postal_code: str) -> str | None:
    match country:
        case "US":
            return us_spot(None, postal_code, None).region
        case "CA":
            if postal_code.startswith("X"):
                return "NU" if postal_code.startswith(NUNAVUT) else "NT"
            return CANADA.get(postal_code[:1])
        case "AU" if len(postal_code) == 4 and postal_code.isdecimal():
            return next((state for beginning, state in AUSTRALIA if postal_code.startswith(beginning)), None)
        case _:
            return None
