"""Spans, zones, `*_by` dates, holidays and the zones of countries."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from dataflows.core.clocks import Span, deadline, end_of_day, span
from dataflows.core.clocks.days import holiday_region, holidays_in
from schemas.instants import DAY, HOUR, MINUTE, SECOND
from schemas.places import (
    _FURTHER,  # pyright: ignore[reportPrivateUsage]
    _REGIONS,  # pyright: ignore[reportPrivateUsage]
    countries,
    country_zone,
    is_country,
    is_region,
    is_zone,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90 s", Span(90 * SECOND, "us")),
        ("15 m", Span(15 * MINUTE, "us")),
        ("24h", Span(DAY, "us")),
        ("-24 h", Span(-DAY, "us")),
        ("2 w", Span(14 * DAY, "us")),
        ("0 h", Span(0, "us")),
        ("2 bd", Span(2, "bd")),
        (" 4 bh ", Span(4, "bh")),
    ],
)
def test_spans_are_read(text: str, expected: Span) -> None:
    """Every unit, with and without a space, and negative where time is elapsed."""
    assert span(text) == expected


@pytest.mark.parametrize(
    "text", ["", "5", "h", "1.5 h", "2 days", "-1 bd", "-4 bh", "2001 bd", "20001 bh", "3661 d", "1  h", "\uff11 h", "24 H"]
)
def test_what_is_no_span_is_refused(text: str) -> None:
    """Unknown units, fractions, negative business time and absurd lengths."""
    with pytest.raises(ValueError, match=r"."):
        span(text)


@pytest.mark.parametrize("text", ["1 d", "25 h", "90 m", "61 s", "-1 d", "0 s", "3 bd", "4 bh"])
def test_a_written_span_reads_back(text: str) -> None:
    """In the greatest unit that divides it."""
    assert str(span(text)) == text


def test_a_plain_date_lasts_until_the_next_local_midnight() -> None:
    """By 24 April in Amsterdam ends when 25 April begins there, 22:00 UTC."""
    assert deadline("2026-04-24", "Europe/Amsterdam") == deadline("2026-04-24T22:00:00Z", "UTC")
    assert end_of_day(date(2026, 4, 24), "Europe/Amsterdam") == deadline("2026-04-24", "Europe/Amsterdam")


def test_a_midnight_that_the_clocks_skip_moves_forward() -> None:
    """30 March 2024 in Beirut ends with the skipped midnight: 01:00 summer time, 22:00 UTC."""
    assert deadline("2024-03-30", "Asia/Beirut") == deadline("2024-03-30T22:00:00Z", "UTC")


def test_of_a_midnight_that_occurs_twice_the_first_counts() -> None:
    """In Havana 00:00 to 01:00 of 1 November 2026 comes twice; 31 October ends at the first, 04:00 UTC."""
    assert deadline("2026-10-31", "America/Havana") == deadline("2026-11-01T04:00:00Z", "UTC")


def test_an_interval_means_its_later_end() -> None:
    """Dates, instants, and the wrong way round."""
    assert deadline("2026-04-24/2026-04-26", "UTC") == deadline("2026-04-26", "UTC")
    assert deadline("2026-04-26/2026-04-24", "UTC") == deadline("2026-04-26", "UTC")
    assert deadline("2026-04-24T10:00:00Z/2026-04-24T12:00:00+02:00", "UTC") == deadline("2026-04-24T10:00:00Z", "UTC")


def test_an_instant_is_itself_in_every_zone() -> None:
    """The zone matters for plain dates only."""
    assert deadline("2026-04-24T10:00:00.123456+02:00", "Asia/Tokyo") == deadline("2026-04-24t08:00:00.123456z", "UTC")
    assert deadline("1970-01-01T00:00:01Z", "UTC") == SECOND


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-02-30", "2026-04-24T10:00:00", "2026-04-24/", "a/b", "2026-01-01/2026-01-02/2026-01-03"]
)
def test_what_is_no_deadline_is_refused(text: str) -> None:
    """An instant without an offset too: nobody knows when that is."""
    with pytest.raises(ValueError, match=r"."):
        deadline(text, "UTC")


def test_the_last_day_of_the_calendar_ends_too() -> None:
    """9999-12-31 is a date, so it has an end in every zone."""
    assert deadline("9999-12-31", "UTC") - deadline("9999-12-30", "UTC") == DAY
    assert deadline("9999-12-31", "Etc/GMT+12") - deadline("9999-12-31", "UTC") == 12 * HOUR


def test_zone_names_are_those_of_the_database_letter_by_letter() -> None:
    """No paths, no other case."""
    assert is_zone("Europe/Amsterdam")
    assert is_zone("UTC")
    assert not any(map(is_zone, ("europe/amsterdam", "Mars/Olympus", "", "../etc/passwd", "Europe")))
    with pytest.raises(ValueError, match="Mars"):
        deadline("2026-04-24", "Mars/Olympus")


@pytest.mark.parametrize(
    ("country", "region", "zone"),
    [
        ("NL", None, "Europe/Amsterdam"),
        ("US", None, "America/New_York"),
        ("US", "CA", "America/Los_Angeles"),
        ("US", "US-CA", "America/Los_Angeles"),
        ("US", "nowhere", "America/New_York"),
        ("BR", None, "America/Sao_Paulo"),
        ("BR", "AM", "America/Manaus"),
        ("CA", None, "America/Toronto"),
        ("AU", "WA", "Australia/Perth"),
        ("MX", "BCN", "America/Tijuana"),
        ("ES", None, "Europe/Madrid"),
        ("ES", "GC", "Atlantic/Canary"),
        ("ES", "ES-TF", "Atlantic/Canary"),
        ("PT", "20", "Atlantic/Azores"),
        ("CL", "MA", "America/Punta_Arenas"),
        ("RU", "PRI", "Asia/Vladivostok"),
        ("ID", "BA", "Asia/Makassar"),
        ("FR", "974", "Indian/Reunion"),
        ("XK", None, "Europe/Belgrade"),
        ("XX", None, None),
        (None, None, None),
    ],
)
def test_countries_and_regions_have_the_zone_of_most_people_there(country: str | None, region: str | None, zone: str | None) -> None:
    """Regions of big countries first, then the country, else nothing."""
    assert country_zone(country, region) == zone


def test_every_zone_of_the_tables_exists() -> None:
    """A zone that the database drops must show here, not at an order."""
    assert all(is_zone(country_zone(country) or "") for country in countries())
    for country, zones in (*_REGIONS.items(), *_FURTHER.items()):
        assert is_country(country)
        assert all(ZoneInfo(zone).key and is_zone(zone) for zone in zones)
        regions = [region for names in zones.values() for region in names.split()]
        assert len(regions) == len(set(regions))


def test_the_region_tables_are_complete() -> None:
    """50 states, the capital and 5 territories; 13, 27, 8 and 32 elsewhere."""
    counts = {country: sum(len(names.split()) for names in zones.values()) for country, zones in _REGIONS.items()}
    assert counts == {"US": 56, "CA": 13, "BR": 27, "AU": 8, "MX": 32}


def test_a_region_is_a_known_country_and_a_code() -> None:
    """As ISO 3166-2 writes them."""
    assert is_region("US-CA")
    assert not any(map(is_region, ("US", "us-ca", "XX-CA", "US-", "US-CALI", "US_CA")))


def test_holidays_have_names_and_regions() -> None:
    """King's Day is Dutch, Cesar Chavez Day Californian, and an observed day may lie in the year before."""
    assert holidays_in("NL", 2026)[date(2026, 4, 27).toordinal()] == "King's Day"
    assert date(2026, 3, 31).toordinal() in holidays_in("US-CA", 2026)
    assert date(2026, 3, 31).toordinal() not in holidays_in("US", 2026)
    assert date(2021, 12, 31).toordinal() in holidays_in("US", 2021)
    with pytest.raises(ValueError, match="XX"):
        holidays_in("XX", 2026)


def test_the_most_local_holidays_are_chosen() -> None:
    """A subdivision where the library knows it, else the country, else none."""
    assert holiday_region("DE", "BY") == "DE-BY"
    assert holiday_region("NL", "NH") == "NL"
    assert holiday_region("XX") is None
    assert holiday_region(None) is None
