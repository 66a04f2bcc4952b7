"""Where scans were, and by which clock their local times were read."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

import pytest

from sources.adapters import ADAPTERS, AdapterConnection
from sources.adapters.base import EventBuilder, Payload
from sources.adapters.coverage import Coverage
from sources.adapters.payload import PayloadReader
from sources.adapters.places import Spot, clocks, spot
from sources.adapters.postal import country_named

if TYPE_CHECKING:
    from sources.adapters.payload import Json


@pytest.mark.parametrize(
    ("place", "found"),
    [
        (("US", "ca"), Spot("US", "CA")),
        (("US", "US-CA"), Spot("US", "CA")),
        (("US", "California"), Spot("US", "CA")),
        (("US", None, "00501"), Spot("US", "NY")),
        (("US", None, "99950-0001"), Spot("US", "AK")),
        (("US", None, "00100"), Spot("US")),
        (("US", None, "123"), Spot("US")),
        (("US", "AE", "09128", "APO"), Spot()),
        (("US", None, "09128"), Spot()),
        (("US", "FM", "96941"), Spot("FM")),
        (("US", None, None, "LA MIRADA"), Spot("US")),
        (("CA", None, "V6B 1A1"), Spot("CA", "BC")),
        (("CA", None, "T2P"), Spot("CA", "AB")),
        (("CA", None, "X0A 0H0"), Spot("CA", "NU")),
        (("CA", None, "X0B 0C0"), Spot("CA")),
        (("CA", None, "X1A 2B3"), Spot("CA", "NT")),
        (("CA", "Québec"), Spot("CA", "QC")),
        (("AU", None, "6000"), Spot("AU", "WA")),
        (("AU", "New South Wales"), Spot("AU", "NSW")),
        (("DE", "Sachsen", "01067"), Spot("DE", "SACHSEN")),
        ((None, None, None, "Somewhere"), Spot()),
        (("US", "ZZ", "89502"), Spot("US", "NV")),
        (("US", None, None, "PHOENIX AZ USA"), Spot("US", "AZ")),
        (("US", None, None, "Oakland, CA, US"), Spot("US", "CA")),
        (("AU", None, None, "SYDNEY NSW AUSTRALIA"), Spot("AU", "NSW")),
        (("US", "TN", None, "KNOXVILLE TN DISTRIBUTION CENTER"), Spot("US", "TN", "America/New_York")),
        (("US", "TN", "37901"), Spot("US", "TN", "America/New_York")),
        (("US", None, "37901"), Spot("US", "TN", "America/New_York")),
        (("US", "TN", "37201", "NASHVILLE"), Spot("US", "TN")),
        (("US", "TX", None, "El Paso"), Spot("US", "TX", "America/Denver")),
        (("US", "TX", None, "EL PASOLITO"), Spot("US", "TX")),
        (("CA", "ON", "P9N 1A1"), Spot("CA", "ON", "America/Winnipeg")),
        (("AU", "NSW", "2880"), Spot("AU", "NSW", "Australia/Broken_Hill")),
    ],
)
def test_a_place_is_known_by_its_region_else_by_its_postal_code(place: tuple[str | None, ...], found: Spot) -> None:
    """Codes or names; the armed forces are nowhere."""
    assert spot(*place) == found


@pytest.mark.parametrize(
    ("country", "name", "region"),
    [
        ("US", "SAN DIEGO CA DISTRIBUTION CENTER", "CA"),
        ("US", "San Diego CA Distribution Center Annex", "CA"),
        ("US", "LOS ANGELES CA NETWORK DISTRIBUTION CENTER", "CA"),
        ("US", "SANTA CLARITA CA PROCESSING AND DISTRIBUTION CENTER", "CA"),
        ("US", "ISC CHICAGO IL (USPS)", "IL"),
        ("US", "ISC CHICAGO IL(USPS)", "IL"),
        (None, "DES MOINES IA DISTRIBUTION CENTER", "IA"),
        ("US", "Sparks, NV", "NV"),
        ("US", "Sparks, NV, US", "NV"),
        ("US", "SPARKS, NV 89434, UNITED STATES", "NV"),
        ("US", "Sparks, Nevada", "NV"),
        ("US", "RENO NV", "NV"),
        ("US", "RENO NV 89502", "NV"),
        ("CA", "VANCOUVER, BC", "BC"),
        ("CA", "RICHMOND BC V6X 1A1", "BC"),
        ("CA", "Calgary", "AB"),
        ("CA", "Montréal", "QC"),
        ("AU", "PERTH AIRPORT, WA", "WA"),
        ("AU", "SUNSHINE WEST VIC", "VIC"),
    ],
)
def test_a_facility_is_known_by_its_name(country: str | None, name: str, region: str) -> None:
    """Many trackers leave the state of a facility out: its name has it."""
    assert spot(country, None, None, name)[:2] == (country or "US", region)


@pytest.mark.parametrize("name", ["LA MIRADA", "EAST SIDE", "INTERNATIONAL DISTRIBUTION CENTER", "IN TRANSIT TO NEXT FACILITY", "US", ""])
def test_what_names_no_state_is_not_taken_for_one(name: str) -> None:
    """Nothing is guessed from two letters that stand somewhere."""
    assert spot("US", None, None, name) == Spot("US")


def test_cities_after_which_a_zone_is_named_have_it() -> None:
    """`PERTH` is not read by Sydney's clock."""
    cities = [
        ("AU", "PERTH"),
        ("CA", "Vancouver"),
        ("BR", "Manaus"),
        ("RU", "Novosibirsk"),
        ("US", "PHOENIX"),
        ("US", "Sparks"),
        ("NL", "Breda"),
    ]
    assert [spot(country, None, None, city).zone for country, city in cities] == [
        "Australia/Perth",
        "America/Vancouver",
        "America/Manaus",
        "Asia/Novosibirsk",
        "America/Phoenix",
        None,
        "Europe/Amsterdam",
    ]


def test_countries_are_known_by_name() -> None:
    """English names, in any case, and codes."""
    names = ["CANADA", "Great Britain and  Northern Ireland", "de", "Atlantis", None]
    assert [country_named(name) for name in names] == ["CA", "GB", "DE", None, None]


# --- the clock of a place that leaves several open ------------------------------------------------------------------

SF, NY, ANYWHERE, NOWHERE = Spot("US", "CA"), Spot("US", "NY"), Spot("US"), Spot()


def offsets(*scans: tuple[str, Spot], zone: str = "UTC") -> tuple[list[float], int]:
    """The offsets in hours by which scans of May 2026 (`day hour`) are read, in the order given; and how many places were guessed."""
    coverage = Coverage()
    builder = EventBuilder(ADAPTERS["aftership"], Payload(b""), AdapterConnection(zone=zone), coverage)
    places = {str(number): scan for number, scan in enumerate(scans)}

    def look(payload: PayloadReader) -> tuple[datetime, Spot]:
        text, place = places[cast("str", payload.value)]
        return datetime.fromisoformat(f"2026-05-{text}"), place

    payloads = [PayloadReader(cast("Json", number)) for number in places]
    found: list[float] = []
    for payload, clock in zip(payloads, clocks(builder, payloads, look), strict=True):
        at = look(payload)[0]
        offset = (at if at.tzinfo else at.replace(tzinfo=clock)).utcoffset()
        assert offset is not None
        found.append(offset.total_seconds() / 3600)
    return found, sum(coverage.unmapped().values())


def test_the_scans_around_a_place_say_which_clock_it_has() -> None:
    """A parcel does not cross a continent between two scans of one evening."""
    assert offsets(("04T18:00", SF), ("04T19:00", ANYWHERE), ("07T09:00", NY)) == ([-7, -7, -4], 0)
    assert offsets(("04T23:00", SF), ("06T05:00", ANYWHERE), ("06T06:00", NY)) == ([-7, -4, -4], 0)
    assert offsets(("05T09:00", NY), ("04T19:00", ANYWHERE), ("04T18:00", SF)) == ([-4, -7, -7], 0)
    assert offsets(("04T18:00", ANYWHERE), ("04T19:00", SF)) == ([-7, -7], 0)
    assert offsets(("04T18:00-07:00", ANYWHERE), ("04T19:00", ANYWHERE)) == ([-7, -7], 0)


def test_without_others_the_connection_says_it_and_else_most_people_of_the_country() -> None:
    """The latter is a guess, and coverage counts it as such."""
    assert offsets(("04T18:00", ANYWHERE), zone="America/Denver") == ([-6], 0)
    assert offsets(("04T18:00", ANYWHERE)) == ([-4], 1)
    assert offsets(("04T18:00", ANYWHERE), zone="Europe/Amsterdam") == ([-4], 1)
    assert offsets(("04T18:00", Spot("NL")), ("04T20:00", NOWHERE)) == ([2, 0], 0)


def test_a_place_of_which_nothing_is_known_keeps_the_order() -> None:
    """The connection's clock, unless that puts the scan before the one that it follows."""
    assert offsets(("04T18:00", SF), ("04T19:00", NOWHERE), zone="America/New_York") == ([-7, -7], 0)
    assert offsets(("04T18:00", SF), ("05T19:00", NOWHERE), zone="America/New_York") == ([-7, -4], 0)
    assert offsets(("04T18:00", NOWHERE), zone="America/New_York") == ([-4], 0)
