"""Where scans were, by whatever a carrier says of the place, and which clock their local times were read from.

A place tells its zone by country and region; where the region is left out, by the postal code, by the name of a facility (`DES MOINES IA
DISTRIBUTION CENTER`, `Sparks, NV`), or by a city that the tz database names a zone after. If all that is known is a country with several
clocks, the other scans of the parcel decide (`clocks`): it moves by hours, not across a continent and back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Final, NamedTuple

from schemas.places import is_country, region_zone, zone, zones_of
from sources.adapters.base import EventBuilder
from sources.adapters.countries import region_code
from sources.adapters.moments import zoned
from sources.adapters.output import RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.postal import ASSOCIATED, MILITARY, region_of_code

_FACILITY: Final = re.compile(
    r"\w[\w.'-]*,? ([A-Z]{2})\b,? ?(?:\((?:USPS|UPS|FEDEX)\)|(?:[A-Z&]+ ){0,4}"
    r"(?:DISTRIBUTION|PROCESSING|LOGISTICS|SORTING|SORT|DELIVERY|MAIL|FULFILLMENT|PARCEL|POST OFFICE|NETWORK|GATEWAY|HUB|FACILITY|TERMINAL)"
    r"\b)"
)
"""A facility of a North American carrier: city, state, and what it is."""
_LAST: Final = re.compile(r".*\w ([A-Z]{2,3})(?: [\dA-Z]{3,5}(?:[ -]?[\dA-Z]{3,4})?)?")
_NAMED: Final = frozenset(("US", "CA", "AU"))
"""Countries whose places are commonly written with their state behind them."""
_CITIES: Final = {
    "CA": "AB Calgary, BC Burnaby, BC Surrey, BC Victoria, MB Winnipeg, NS Dartmouth, ON Brampton, ON Hamilton, ON London, ON Markham, "
    "ON Mississauga, ON Ottawa, ON Scarborough, ON Vaughan, QC Laval, QC Montreal, QC Quebec, SK Saskatoon",
    "AU": "ACT Canberra, NSW Newcastle, NSW Parramatta, NSW Wollongong, QLD Cairns, QLD Gold Coast, QLD Townsville, TAS Launceston, "
    "VIC Geelong, VIC Sunshine West",
}
"""Cities of carriers' depots after which no zone is named."""
_CALLED: Final = {"US": ("UNITED STATES", "USA", "US"), "CA": ("CANADA", "CAN"), "AU": ("AUSTRALIA", "AUS", "AU")}
"""How a country is written behind the name of a place in it. `CA` may be California."""
_PARTS: Final = (
    "US FL America/Chicago: 324 325: Pensacola, Panama City",
    "US ID America/Los_Angeles: 835 838: Coeur d'Alene, Lewiston, Post Falls",
    "US IN America/Chicago: 463 464 476 477: Evansville, Gary, Hammond",
    "US KY America/Chicago: 420 421 422 423 424: Bowling Green, Owensboro, Paducah",
    "US ND America/Denver: 586: Dickinson",
    "US NE America/Denver: 693: Scottsbluff",
    "US OR America/Boise: 979: ",
    "US SD America/Denver: 577: Rapid City",
    "US TN America/New_York: 374 376 377 378 379: Knoxville, Chattanooga, Johnson City, Kingsport",
    "US TX America/Denver: 799 885: El Paso",
    "CA BC America/Edmonton: V1C: Cranbrook",
    "CA ON America/Winnipeg: P9N: Kenora",
    "CA SK America/Edmonton: S9V: Lloydminster",
    "AU NSW Australia/Broken_Hill: 288: Broken Hill",
)
"""Parts of regions whose clocks are not those of most of their people, each by country, region and zone: the first three signs of postal
codes that lie wholly in it, and its cities. Source: the area comments of the tz database's `zone.tab`; USPS, three-digit ZIP Code prefix
matrix (L002)."""


class Spot(NamedTuple):
    """A country (ISO 3166-1 alpha-2) and a region of it (ISO 3166-2 without the country); both None where the place is not known.

    `city` is the zone of the city, where that is not its region's, or where nothing else tells which.
    """

    country: str | None = None
    region: str | None = None
    city: str | None = None

    @property
    def zone(self) -> str | None:
        """The zone of the place; None if it is not known which of a country's zones that is."""
        if self.country is None or self.city is not None:
            return self.city
        if self.region is not None and (found := region_zone(self.country, self.region)) is not None:
            return found
        zones = zones_of(self.country)
        return zones[0] if len(zones) == 1 else None


def spot(country: str | None, region: str | None = None, postal_code: str | None = None, *names: str | None) -> Spot:
    """Where a place is: by its country and region (codes, or names of regions), else its postal code, else what it is called.

    `names` are the city and whatever else may hold the name of the place. Military addresses are nowhere.
    """
    country = country.upper() if country is not None else None
    texts = [plain(name) for name in names if name]
    code = None if region is None else region_code(country, plain(region).removeprefix(f"{country}-")) or None
    if country is None:
        found = next((match[1] for text in texts if (match := _FACILITY.search(text)) and region_zone("US", match[1])), None)
        return Spot() if found is None else Spot("US", found)
    if country == "US":
        military = code if code is not None else postal_code and region_of_code(country, postal_code)
        if military in MILITARY:
            return Spot()
        if code in ASSOCIATED:
            return Spot(code)
    if not is_country(country) or len(zones_of(country)) == 1:
        return Spot(country, code)
    by_code = region_of_code(country, postal_code) if postal_code else None
    found = next((one for one in (code, by_code) if one is not None and region_zone(country, one)), None)
    found = found or next((written for text in texts if (written := _written(country, text)) is not None), None)
    if found is not None:
        return Spot(country, found, _elsewhere(country, found, postal_code, texts))
    return Spot(country, code, next((zone_ for text in texts if (zone_ := _cities(country).get(text.partition(",")[0].strip()))), None))


def _elsewhere(country: str, region: str, postal_code: str | None, texts: Sequence[str]) -> str | None:
    """The zone of a place that has other clocks than most of its region, by its postal code or its city."""
    part = _parts().get((country, region))
    if part is None:
        return None
    named = (re.match(rf"{re.escape(city)}\b", text) for city in part.cities for text in texts)
    return part.zone if (postal_code or "").strip().upper()[:3] in part.codes or any(named) else None


class _Part(NamedTuple):
    zone: str
    codes: frozenset[str]
    cities: tuple[str, ...]


@cache
def _parts() -> dict[tuple[str, str], _Part]:
    found: dict[tuple[str, str], _Part] = {}
    for row in _PARTS:
        where, codes, cities = row.split(":")
        country, region, zone_ = where.split()
        found[country, region] = _Part(zone_, frozenset(codes.split()), tuple(plain(city) for city in cities.split(",") if city.strip()))
    return found


def plain(text: str) -> str:
    """A name in capitals, without accents and doubled blanks."""
    bare = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return " ".join(bare.upper().split())


def _written(country: str, text: str) -> str | None:
    """The region that stands in the name of a place: behind a comma, in front of what a facility is, at the end; or of a known city."""
    if country not in _NAMED:
        return None
    called = next((one for one in _CALLED[country] if re.search(rf"\w[ ,]+{one}$", text)), "")
    text = text.removesuffix(called).rstrip(" ,")
    parts = [part.strip() for part in text.split(",")]
    for part in parts[1:]:
        for candidate in (part, part.partition(" ")[0]):
            code = region_code(country, candidate)
            if code is not None and region_zone(country, code):
                return code
    match = _FACILITY.search(text) or _LAST.fullmatch(text)
    if match is not None and region_zone(country, match[1]):
        return match[1]
    return _known().get((country, parts[0]))


@cache
def _known() -> dict[tuple[str, str], str]:
    pairs = ((country, row.strip().partition(" ")) for country, rows in _CITIES.items() for row in rows.split(","))
    return {(country, plain(city)): code for country, (code, _, city) in pairs}


@cache
def _cities(country: str) -> dict[str, str]:
    """The zones of a country by the cities that they are named after."""
    return {plain(name.rpartition("/")[2].replace("_", " ")): name for name in zones_of(country) if name.count("/") == 1}


def clock(builder: EventBuilder, place: Spot) -> tzinfo:
    """The clock of a place by itself: its own, else the connection's if that is one of the country's, else a guess, as in `clocks`."""
    if place.zone is not None:
        return zone(place.zone)
    every = zones_of(place.country) if place.country is not None and is_country(place.country) else ()
    if not every or builder.connection.zone in every:
        return builder.zone
    _guessed(builder, place)
    return zone(every[0])


def _guessed(builder: EventBuilder, place: Spot) -> None:
    builder.coverage.code("zone", "of a place", f"{place.country}, and not where in it", known=False)


def clocks(
    builder: EventBuilder, scans: Sequence[PayloadReader], look: Callable[[PayloadReader], tuple[datetime, Spot]]
) -> Iterator[tzinfo]:
    """The zone of each scan of one parcel, in the same order; `look` says the time of a scan as it is written, and where it was.

    Where the place leaves several zones open, that of the scans around it counts, so that the scans keep their order; else the
    connection's, else that of most people of the country. Which of a country's clocks that is was guessed then: coverage says so.
    `look` may refuse a scan (RefuseError), which then decides nothing.
    """
    seen = [_observe(one, look) for one in scans]
    sure = [None if at is None else _instant(at, place) for at, place in seen]
    backwards = _newest_first(sure, [at for at, _ in seen])
    found: dict[int, tzinfo] = {}
    before: _Seen | None = None
    steps = list(range(len(seen)))[:: -1 if backwards else 1]
    afters = _afters(seen, sure, steps)
    for number, after in zip(steps, afters, strict=True):
        at, place = seen[number]
        if at is None:
            found[number] = builder.zone
            continue
        found[number] = chosen = _choose(builder, at, place, before, after)
        before = _Seen(zoned(at, chosen), place.country, chosen)
    yield from (found[number] for number in range(len(seen)))


class _Seen(NamedTuple):
    """A scan whose instant is known."""

    at: datetime
    country: str | None
    clock: tzinfo


def _afters(seen: list[tuple[datetime | None, Spot]], sure: list[datetime | None], steps: list[int]) -> list[_Seen | None]:
    """For each scan the next one whose instant is known."""
    found: list[_Seen | None] = []
    last: _Seen | None = None
    for number in reversed(steps):
        found.append(last)
        instant, (at, place) = sure[number], seen[number]
        if instant is not None and at is not None:
            last = _Seen(instant, place.country, at.tzinfo or zone(place.zone or "UTC"))
    return found[::-1]


def _choose(builder: EventBuilder, at: datetime, place: Spot, before: _Seen | None, after: _Seen | None) -> tzinfo:
    if at.tzinfo is not None:
        return at.tzinfo
    if place.zone is not None:
        return zone(place.zone)
    around = [one.clock for one in (before, after) if one is not None and place.country in (None, one.country)]
    every = zones_of(place.country) if place.country is not None and is_country(place.country) else ()
    own = [builder.zone] if not every or builder.connection.zone in every else []
    known = [*around, *own] if every else [*own, *around]
    rest = [zone(name) for name in every]
    chosen = next((one for one in [*known, *rest] if _fits(zoned(at, one), before, after)), (known or rest)[0])
    if every and chosen not in known and len({at.replace(tzinfo=one).utcoffset() for one in rest}) > 1:
        _guessed(builder, place)
    return chosen


def _fits(at: datetime, before: _Seen | None, after: _Seen | None) -> bool:
    return (before is None or before.at <= at) and (after is None or at <= after.at)


def _observe(payload: PayloadReader, look: Callable[[PayloadReader], tuple[datetime, Spot]]) -> tuple[datetime | None, Spot]:
    try:
        return look(payload)
    except RefuseError:
        return None, Spot()


def _instant(at: datetime, place: Spot) -> datetime | None:
    if at.tzinfo is not None:
        return at
    return None if place.zone is None else zoned(at, zone(place.zone))


def _newest_first(sure: Iterable[datetime | None], local: Iterable[datetime | None]) -> bool:
    known = [one for one in sure if one is not None]
    if len(known) < 2:
        known = [one.replace(tzinfo=UTC) for one in local if one is not None]
    return len(known) > 1 and known[0] > known[-1]
