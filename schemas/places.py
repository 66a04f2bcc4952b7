"""Time zones by name, and where a country's or region's clocks stand, by the IANA tz database.

Zones are read from the locked `tzdata` package, never from the machine, so that a replay gives the same instants everywhere.

Countries: `zone.tab` of the locked `tzdata` package. It lists a country's zones so that the most populous comes first where geography
allows; the few countries for which it does not are named here. Regions (ISO 3166-2) of countries with several zones are in no table
of the tz database; they are set here by the area comments of `zone.tab` and of the tz database's files of the continents. A region that
is split has the zone of most of its people.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

_MOST_POPULOUS: Final = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}
_USER_ASSIGNED: Final = {"XK": "Europe/Belgrade"}
"""Codes that ISO 3166-1 leaves to its users and that trade uses like any other (Kosovo), with the zone that the tz database has there."""

_REGIONS: Final[dict[str, dict[str, str]]] = {
    "US": {
        "America/New_York": "CT DC DE FL GA ME MD MA MI NH NJ NY NC OH PA RI SC VT VA WV",
        "America/Indiana/Indianapolis": "IN",
        "America/Kentucky/Louisville": "KY",
        "America/Chicago": "AL AR IL IA KS LA MN MS MO NE ND OK SD TN TX WI",
        "America/Denver": "CO MT NM UT WY",
        "America/Boise": "ID",
        "America/Phoenix": "AZ",
        "America/Los_Angeles": "CA NV OR WA",
        "America/Anchorage": "AK",
        "Pacific/Honolulu": "HI",
        "America/Puerto_Rico": "PR",
        "America/St_Thomas": "VI",
        "Pacific/Guam": "GU",
        "Pacific/Saipan": "MP",
        "Pacific/Pago_Pago": "AS",
    },
    "CA": {
        "America/St_Johns": "NL",
        "America/Halifax": "NS PE",
        "America/Moncton": "NB",
        "America/Toronto": "ON QC",
        "America/Iqaluit": "NU",
        "America/Winnipeg": "MB",
        "America/Regina": "SK",
        "America/Edmonton": "AB NT",
        "America/Vancouver": "BC",
        "America/Whitehorse": "YT",
    },
    "BR": {
        "America/Belem": "AP PA",
        "America/Fortaleza": "CE MA PB PI RN",
        "America/Recife": "PE",
        "America/Araguaina": "TO",
        "America/Maceio": "AL SE",
        "America/Bahia": "BA",
        "America/Sao_Paulo": "DF ES GO MG PR RJ RS SC SP",
        "America/Campo_Grande": "MS",
        "America/Cuiaba": "MT",
        "America/Porto_Velho": "RO",
        "America/Boa_Vista": "RR",
        "America/Manaus": "AM",
        "America/Rio_Branco": "AC",
    },
    "AU": {
        "Australia/Sydney": "ACT NSW",
        "Australia/Melbourne": "VIC",
        "Australia/Brisbane": "QLD",
        "Australia/Adelaide": "SA",
        "Australia/Darwin": "NT",
        "Australia/Perth": "WA",
        "Australia/Hobart": "TAS",
    },
    "MX": {
        "America/Mexico_City": "AGU CHP CMX COL GRO GUA HID JAL MEX MIC MOR OAX PUE QUE SLP TAB TLA VER ZAC",
        "America/Monterrey": "COA DUR NLE TAM",
        "America/Merida": "CAM YUC",
        "America/Cancun": "ROO",
        "America/Chihuahua": "CHH",
        "America/Hermosillo": "SON",
        "America/Mazatlan": "BCS NAY SIN",
        "America/Tijuana": "BCN",
    },
}
_FURTHER: Final[dict[str, dict[str, str]]] = {
    "ES": {"Atlantic/Canary": "CN GC TF", "Africa/Ceuta": "CE ML"},
    "PT": {"Atlantic/Azores": "20", "Atlantic/Madeira": "30"},
    "CL": {"America/Punta_Arenas": "MA", "America/Coyhaique": "AI"},
    "EC": {"Pacific/Galapagos": "W"},
    "NZ": {"Pacific/Chatham": "CIT"},
    "RU": {
        "Europe/Kaliningrad": "KGD",
        "Europe/Moscow": (
            "AD ARK BEL BRY CE CU DA IN IVA KB KC KDA KL KLU KO KOS KR KRS LEN LIP ME MO MOS MOW MUR NEN NGR NIZ ORL"
            " PNZ PSK ROS RYA SE SMO SPE STA TA TAM TUL TVE VLA VLG VOR YAR"
        ),
        "Europe/Kirov": "KIR",
        "Europe/Volgograd": "VGG",
        "Europe/Astrakhan": "AST",
        "Europe/Saratov": "SAR",
        "Europe/Ulyanovsk": "ULY",
        "Europe/Samara": "SAM UD",
        "Asia/Yekaterinburg": "BA CHE KGN KHM ORE PER SVE TYU YAN",
        "Asia/Omsk": "OMS",
        "Asia/Novosibirsk": "NVS",
        "Asia/Barnaul": "AL ALT",
        "Asia/Tomsk": "TOM",
        "Asia/Novokuznetsk": "KEM",
        "Asia/Krasnoyarsk": "KK KYA TY",
        "Asia/Irkutsk": "BU IRK",
        "Asia/Chita": "ZAB",
        "Asia/Yakutsk": "AMU SA",
        "Asia/Vladivostok": "KHA PRI YEV",
        "Asia/Sakhalin": "SAK",
        "Asia/Magadan": "MAG",
        "Asia/Kamchatka": "KAM",
        "Asia/Anadyr": "CHU",
    },
    "ID": {
        "Asia/Jakarta": "AC BB BE BT JA JB JI JK JT JW KR LA RI SB SM SS SU YO",
        "Asia/Pontianak": "KB KT",
        "Asia/Makassar": "BA GO KI KS KU NB NT NU SA SG SL SN SR ST",
        "Asia/Jayapura": "MA ML MU PA PB PD PE PP PS PT",
    },
    "CD": {
        "Africa/Kinshasa": "BC EQ KG KL KN MN MO NU SU TU",
        "Africa/Lubumbashi": "BU HK HL HU IT KC KE KS LO LU MA NK SA SK TA TO",
    },
    "FR": {
        "America/Guadeloupe": "971 GP",
        "America/Martinique": "972 MQ",
        "America/Cayenne": "973 GF",
        "Indian/Reunion": "974 RE",
        "Indian/Mayotte": "976 YT",
        "America/Miquelon": "PM",
        "America/St_Barthelemy": "BL",
        "America/Marigot": "MF",
        "Pacific/Noumea": "NC",
        "Pacific/Tahiti": "PF",
        "Pacific/Wallis": "WF",
    },
    "NL": {
        "America/Aruba": "AW",
        "America/Curacao": "CW",
        "America/Lower_Princes": "SX",
        "America/Kralendijk": "BQ1 BQ2 BQ3",
    },
}
"""Regions of countries in which nearly everybody lives in one zone, or of which regions are seldom written as ISO has them: a region that
is not known raises no doubt there."""
_BY_REGION: Final = {
    (country, region): zone_name
    for table in (_REGIONS, _FURTHER)
    for country, zones in table.items()
    for zone_name, regions in zones.items()
    for region in regions.split()
}


@cache
def zone_names() -> frozenset[str]:
    """The names of all zones of the IANA tz database."""
    names = resources.files("tzdata").joinpath("zones").read_text(encoding="ascii")
    return frozenset(names.split())


def is_zone(name: str) -> bool:
    """Whether `name` is a zone of the IANA tz database (`Europe/Amsterdam`, `UTC`), letter by letter."""
    return name in zone_names()


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of that name. Raises ValueError if there is none."""
    if not is_zone(name):
        raise ValueError(f"{name!r} is not a time zone of the IANA database")
    with resources.files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def _by_country() -> dict[str, str]:
    found: dict[str, str] = {}
    for country, zone_name in _rows():
        found.setdefault(country, zone_name)
    return found | _MOST_POPULOUS | _USER_ASSIGNED


@cache
def zones_of(country: str) -> tuple[str, ...]:
    """All zones of a country (`US`) in the tz database, the one of most people first; none if the country is unknown."""
    first = _by_country().get(country)
    if first is None:
        return ()
    rows = _rows()
    return tuple(dict.fromkeys((first, *(zone_name for listed, zone_name in rows if listed == country))))


@cache
def _rows() -> tuple[tuple[str, str], ...]:
    lines = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="ascii").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return tuple((country, zone_name) for country, _, zone_name, *_ in rows)


@cache
def english_names() -> dict[str, str]:
    """Countries by their English names, by `iso3166.tab` of the locked `tzdata` package."""
    text = resources.files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: code for code, name in rows}


def countries() -> frozenset[str]:
    """The countries (ISO 3166-1 alpha-2, and Kosovo) that have a zone of their own in the tz database."""
    return frozenset(_by_country())


def is_country(country: str) -> bool:
    """Whether `country` is an ISO 3166-1 alpha-2 code (`NL`) with a zone of its own."""
    return country in _by_country()


def is_region(text: str) -> bool:
    """Whether `text` is shaped as a region of a known country, `US-CA` (ISO 3166-2); which regions exist is not checked."""
    country, dash, region = text.partition("-")
    return dash == "-" and is_country(country) and region.isascii() and region.isalnum() and region.upper() == region and len(region) <= 3


def has_regions(country: str) -> bool:
    """Whether a country's people live in several zones, so that a region which is not known leaves a doubt."""
    return country in _REGIONS


def region_zone(country: str, region: str | None) -> str | None:
    """The zone of most people in a region (`CA` or `US-CA`) of a country; None if the region is unknown."""
    return None if region is None else _BY_REGION.get((country, region.removeprefix(f"{country}-")))


def country_zone(country: str | None, region: str | None = None) -> str | None:
    """The zone of most people in a country (`US`), or in a region of it (`CA` or `US-CA`); None if the country is unknown."""
    if country is None:
        return None
    return region_zone(country, region) or _by_country().get(country)
