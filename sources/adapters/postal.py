"""Where a place is that carriers name as people do: a US state by its ZIP code, a country by its name."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

from schemas.places import is_country

STATES: Final = (
    "005 NY, 006 PR, 008 VI, 009 PR, 010 MA, 028 RI, 030 NH, 039 ME, 050 VT, 055 MA, 056 VT, 060 CT, 070 NJ, 090 AE, 100 NY, 150 PA,"
    " 197 DE, 200 DC, 201 VA, 202 DC, 206 MD, 220 VA, 247 WV, 270 NC, 290 SC, 300 GA, 320 FL, 340 AA, 341 FL, 350 AL, 370 TN, 386 MS,"
    " 398 GA, 400 KY, 430 OH, 460 IN, 480 MI, 500 IA, 530 WI, 550 MN, 569 DC, 570 SD, 580 ND, 590 MT, 600 IL, 630 MO, 660 KS, 680 NE,"
    " 700 LA, 716 AR, 730 OK, 733 TX, 734 OK, 750 TX, 800 CO, 820 WY, 832 ID, 840 UT, 850 AZ, 870 NM, 885 TX, 889 NV, 900 CA, 962 AP,"
    " 967 HI, 969 GU, 970 OR, 980 WA, 995 AK"
)
"""The states that ZIP codes belong to: each from these first three digits on. Source: USPS, three-digit ZIP Code prefix matrix (L002)."""
MILITARY: Final = frozenset(("AA", "AE", "AP"))
"""The armed forces' states: no place on earth, so no zone."""
ASSOCIATED: Final = frozenset(("FM", "MH", "PW"))
"""States that are served like US ones and are countries."""
_FIRST: Final = tuple((int(row[:3]), row[4:]) for row in STATES.split(", "))
_STATES: Final = frozenset(state for _, state in _FIRST) | {"MP", "AS"}
_FACILITY: Final = re.compile(r"\b([A-Z]{2}) (?:(?:NETWORK |INTERNATIONAL |REGIONAL )?DISTRIBUTION CENTER|\(USPS\))")

_OTHER_NAMES: Final = {
    "great britain": "GB",
    "great britain and northern ireland": "GB",
    "united kingdom": "GB",
    "united kingdom of great britain and northern ireland": "GB",
    "usa": "US",
    "united states of america": "US",
    "korea, republic of": "KR",
    "korea, republic of (south korea)": "KR",
    "south korea": "KR",
    "russian federation": "RU",
    "viet nam": "VN",
    "czechia": "CZ",
    "turkiye": "TR",
}
"""Names that carriers use beside those of the tz database's `iso3166.tab`."""


class Spot(NamedTuple):
    """A country and a region of it as `Say.zone_at` takes them; both None where the place is not known well enough."""

    country: str | None = None
    region: str | None = None


def us_spot(state: str | None, zip_code: str | None, city: str | None) -> Spot:
    """Where in the United States a place is: by its state, else by the facility's name, else by its ZIP code.

    Facilities are named as in `DES MOINES IA DISTRIBUTION CENTER`. Military addresses are nowhere.
    """
    facility = _FACILITY.search(city) if city is not None else None
    region = state.upper() if state else facility[1] if facility else _state_of(zip_code)
    if region is None or region in MILITARY:
        return Spot()
    if region in ASSOCIATED:
        return Spot(region)
    return Spot("US", region) if region in _STATES else Spot()


def _state_of(zip_code: str | None) -> str | None:
    if zip_code is None or not re.match(r"[0-9]{5}", zip_code):
        return None
    prefix = int(zip_code[:3])
    return next((state for first, state in reversed(_FIRST) if prefix >= first), None)


def country_named(name: str | None) -> str | None:
    """The ISO 3166-1 code of a country, by its English name or the code itself; None if it is not known."""
    if name is None:
        return None
    if is_country(name.upper()):
        return name.upper()
    return _by_name().get(" ".join(name.split()).casefold())


@cache
def _by_name() -> dict[str, str]:
    lines = resources.files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {name.casefold(): code for code, name in rows} | _OTHER_NAMES
