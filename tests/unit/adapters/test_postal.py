"""Places that carriers name as people do."""

from __future__ import annotations

import pytest

from sources.adapters.postal import Spot, country_named, us_spot


@pytest.mark.parametrize(
    ("state", "zip_code", "city", "spot"),
    [
        ("ca", None, None, Spot("US", "CA")),
        (None, "00501", None, Spot("US", "NY")),
        (None, "99950-0001", None, Spot("US", "AK")),
        (None, "00100", None, Spot()),
        (None, "123", None, Spot()),
        (None, None, "ISC CHICAGO IL (USPS)", Spot("US", "IL")),
        (None, None, "LA MIRADA", Spot()),
        ("AE", "09128", "APO", Spot()),
        ("FM", "96941", None, Spot("FM")),
        ("ZZ", None, None, Spot()),
    ],
)
def test_a_place_of_usps_is_known_by_what_it_states(state: str | None, zip_code: str | None, city: str | None, spot: Spot) -> None:
    """State, else facility, else ZIP code; armed forces are nowhere."""
    assert us_spot(state, zip_code, city) == spot


def test_countries_are_known_by_name() -> None:
    """English names, in any case, and codes."""
    names = ["CANADA", "Great Britain and  Northern Ireland", "de", "Atlantis", None]
    assert [country_named(name) for name in names] == ["CA", "GB", "DE", None, None]
