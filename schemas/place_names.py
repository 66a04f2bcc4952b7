"""Countries and regions by code or by name, in any case: ISO 3166-1 and 3166-2, by the `pycountry` library.

Its tables are loaded when the first text comes that is no plain code; what a text means is remembered.
"""

from __future__ import annotations

import gettext
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, cast

from schemas.places import english_names, has_regions, is_country

ALSO: Final = {
    **dict.fromkeys(("uk", "great britain", "england", "scotland", "wales", "northern ireland"), "GB"),
    "el": "GR",
    "holland": "NL",
    "hong kong sar": "HK",
    "ivory coast": "CI",
    **dict.fromkeys(("kosovo", "republic of kosovo", "xkx", "rks"), "XK"),
    "macau": "MO",
    "macedonia": "MK",
    "republic of ireland": "IE",
    "uae": "AE",
}
"""Names in daily use that are no ISO name. `UK` and `EL` are reserved by ISO 3166-1 for these countries, `XK` is left to its users."""
ALSO_REGIONS: Final[dict[str, dict[str, str]]] = {
    "ES": {
        **dict.fromkeys(("canary islands", "islas canarias"), "CN"),
        **dict.fromkeys(("gran canaria", "fuerteventura", "lanzarote"), "GC"),
        **dict.fromkeys(("tenerife", "la gomera", "la palma", "el hierro"), "TF"),
    },
    "FR": {"reunion": "974", "guyane": "973", "french guiana": "973"},
    "PT": {**dict.fromkeys(("acores", "azores"), "20"), "madeira": "30"},
    "CA": {"newfoundland": "NL", "labrador": "NL"},
    "MX": {"cdmx": "CMX", "mexico city": "CMX"},
    "US": {"washington dc": "DC", "washington, dc": "DC"},
}
"""Regions, by country, by names in daily use that are no ISO name."""
_PLACES = 4_096
"""Pairs of country and region that are remembered at once."""


class StatedPlace(NamedTuple):
    """What a stated country and region mean: their codes, or the text as it was stated where it means none.

    `unmapped` names the fields that mean none, as far as a zone depends on them.
    """

    country: str | None
    region: str | None
    unmapped: tuple[str, ...]


@lru_cache(_PLACES)
def stated_place(country: str | None, region: str | None) -> StatedPlace:
    """What a country and a region, as an order states them, mean. A region such as `US-CA` says its country too."""
    unmapped: list[str] = []
    code = None if country is None else country_code(country)
    if country is not None and code is None:
        unmapped.append("country")
    if country is None and region is not None and "-" in region:
        code = country_code(region.partition("-")[0])
        if code is not None and region_code(code, region) is None:
            code = None
    part = None if region is None or code is None else region_code(code, region)
    if region is not None and part is None and code is not None and has_regions(code):
        unmapped.append("region")
    return StatedPlace(code or country, part or region, tuple(unmapped))


def country_code(text: str) -> str | None:
    """The ISO 3166-1 alpha-2 code of a country by its code (of two or three letters) or name; None if it means none."""
    name = text.strip()
    if is_country(name):
        return name
    plain = _plain(name).removeprefix("the ")
    return _countries().get(plain) or _translated().get(plain)


def region_code(country: str, text: str) -> str | None:
    """The ISO 3166-2 code, without the country, of a region of a country by its code or name; None if it means none."""
    name = _plain(text)
    regions = _regions(country)
    return regions.get(name) or regions.get(name.removeprefix(f"{country.casefold()}-"))


def is_region_part(text: str) -> bool:
    """Whether it is the part after the country of some ISO 3166-2 code, in any case: `ca`."""
    return text.strip().upper() in _parts()


@cache
def _parts() -> frozenset[str]:
    import pycountry  # noqa: PLC0415

    return frozenset(cast("str", entry.code).partition("-")[2] for entry in cast("Iterable[Any]", pycountry.subdivisions))


def _plain(text: str) -> str:
    """A name without case, accents, dots and repeated blanks."""
    letters = unicodedata.normalize("NFKD", text).replace(".", "")
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).casefold().split())


def _names(entry: Any) -> Iterable[str]:
    """The codes and names of a country; what ISO puts behind a comma (`Korea, Republic of`) also before it."""
    for field in ("alpha_2", "alpha_3", "name", "common_name", "official_name"):
        value = cast("str | None", getattr(entry, field, None))
        if value is not None:
            yield value
            head, comma, rest = value.partition(", ")
            if comma and "," not in rest and " and " not in rest:
                yield f"{rest} {head}".removeprefix("The ")


@cache
def _countries() -> dict[str, str]:
    import pycountry  # noqa: PLC0415 (its tables take a moment to load)

    found = {_plain(name): code for name, code in english_names().items()}
    for entry in cast("Iterable[Any]", pycountry.countries):
        for name in _names(entry):
            found.setdefault(_plain(name), entry.alpha_2)
    return {**found, **ALSO}


@cache
def _translated() -> dict[str, str]:
    """Countries by their names in other languages; a name that means two countries means none."""
    import pycountry  # noqa: PLC0415

    found: dict[str, str] = {}
    twice: set[str] = set()
    english = [(entry.alpha_2, entry.name) for entry in cast("Iterable[Any]", pycountry.countries)]
    for catalogue in gettext.find("iso3166-1", pycountry.LOCALES_DIR, sorted(_languages()), all=True):
        with open(catalogue, "rb") as file:  # noqa: PTH123 (gettext names files by text)
            names = gettext.GNUTranslations(file)
        for code, name in english:
            local = _plain(names.gettext(name))
            if found.setdefault(local, code) != code:
                twice.add(local)
    return {name: code for name, code in found.items() if name not in twice}


def _languages() -> Iterable[str]:
    from pathlib import Path  # noqa: PLC0415

    import pycountry  # noqa: PLC0415

    return (folder.name for folder in Path(pycountry.LOCALES_DIR).iterdir() if folder.is_dir())


@cache
def _regions(country: str) -> dict[str, str]:
    import pycountry  # noqa: PLC0415

    found: dict[str, str] = {}
    for entry in cast("Any", pycountry.subdivisions).get(country_code=country) or ():
        code = cast("str", entry.code).partition("-")[2]
        for name in (code, *_spoken(cast("str", entry.name))):
            found.setdefault(_plain(name), code)
    return {**found, **ALSO_REGIONS.get(country, {})}


def _spoken(name: str) -> Iterable[str]:
    """The names that ISO writes as one: `Illes Balears [Islas Baleares]` is two, `Murcia, Región de` is said the other way round."""
    first, bracket, second = name.partition(" [")
    for one in (first, second.removesuffix("]")) if bracket else (first,):
        yield one
        head, comma, rest = one.partition(", ")
        if comma:
            yield f"{rest} {head}"
