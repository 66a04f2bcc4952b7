"""The zone of a place as orders and sites are written: a country, perhaps a region, perhaps a postal code.

In a country with several zones the region tells, else the postal code. Where neither does, nothing is guessed: an hour would be wrong
without anybody noticing.
"""

from __future__ import annotations

from schemas.places import country_zone, has_regions, region_zone
from sources.adapters.postal import country_named, region_of_code


def place_zone(country: str | None, region: str | None = None, postal_code: str | None = None) -> str | None:
    """The IANA name of the zone of most people there; None if the place is not known well enough.

    `country`: ISO 3166-1 alpha-2 or the English name. `region`: ISO 3166-2, with or without its country, in any case.
    """
    code = country_named(country)
    if code is None:
        return None
    found = region_zone(code, region.strip().upper()) if region else None
    if not has_regions(code):
        return found or country_zone(code)
    return found or region_zone(code, region_of_code(code, postal_code or ""))
