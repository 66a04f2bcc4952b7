"""Where a place is that carriers name as people do: a US state by its ZIP code, a country by its name."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Final

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

CANADA: Final = "A NL, B NS, C PE, E NB, G QC, H QC, J QC, K ON, L ON, M ON, N ON, P ON, R MB, S SK, T AB, V BC, Y YT"
"""The provinces that Canadian postal codes belong to, by their first letter. Source: Canada Post, FSA list."""
NUNAVUT: Final = {"X0A": "NU", "X0B": None, "X0C": None}
"""X is of two territories: these beginnings are Nunavut's, all others of the Northwest Territories. Source: as above. Two of Nunavut's
three regions have other clocks than most of its people, so they name no region."""
AUSTRALIA: Final = "1 NSW, 2 NSW, 3 VIC, 4 QLD, 5 SA, 6 WA, 7 TAS, 8 VIC, 9 QLD, 0 NT"
"""The states that Australian postcodes belong to, by their first digit. Source: Australia Post, postcode ranges. Those of the Australian
Capital Territory are among those of New South Wales, whose clocks it has."""
_BY_FIRST: Final[dict[str, dict[str, str]]] = {
    country: {pair[:1]: pair[2:] for pair in pairs.split(", ")} for country, pairs in (("CA", CANADA), ("AU", AUSTRALIA))
}
_FORMS: Final = {
    "US": re.compile(r"\d{5}(-?\d{4})?"),
    "CA": re.compile(r"[A-Z]\d[A-Z] ?(\d[A-Z]\d)?"),
    "AU": re.compile(r"0[89]\d\d|[1-9]\d{3}"),
}

_OTHER_NAMES: Final = {
    "uk": "GB",
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
    "korea, republic of (south k.)": "KR",
    "china mainland": "CN",
    "czechia": "CZ",
    "turkiye": "TR",
}
"""Names that carriers use beside those of the tz database's `iso3166.tab`."""


def region_of_code(country: str, postal_code: str) -> str | None:
    """The region of a country (`US`, `CA`, `AU`) that a postal code belongs to; None if it is none, or belongs to several.

    Military addresses are nowhere: their region is one of `MILITARY`.
    """
    code = postal_code.strip().upper()
    form = _FORMS.get(country)
    if form is None or form.fullmatch(code) is None:
        return None
    if country == "CA" and code.startswith("X"):
        return NUNAVUT.get(code[:3], "NT")
    if country != "US":
        return _BY_FIRST[country].get(code[0])
    prefix = int(code[:3])
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
