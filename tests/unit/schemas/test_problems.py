"""What was probably meant: a near name, or nothing."""

from __future__ import annotations

import pytest

from schemas.place_names import country_code, region_code
from schemas.problems import Problem, nearest


@pytest.mark.parametrize(
    ("text", "allowed", "meant"),
    [
        ("brokrs", ["brokers", "protocol"], "brokers"),
        ("easypots", ["easypost", "shippo"], "easypost"),
        ("ON", ["on", "off"], "on"),
        ("ship_overdue", ["fulfilment.ship_overdue", "fulfilment.pick_overdue"], "fulfilment.ship_overdue"),
        ("overdue", ["a.overdue", "b.overdue"], None),
        ("Germany", ["BE-GERMAN", "DE", "BE-German"], None),
        ("maybe", ["on", "shadow", "off"], None),
        ("Mars", ["Paris", "Bahrain"], None),
        ("XX", ["AX", "DX"], None),
        ("", ["on"], None),
        ("x", [], None),
    ],
)
def test_a_guess_is_near_or_not_made(text: str, allowed: list[str], meant: str | None) -> None:
    """A wrong guess costs more than none."""
    assert nearest(text, allowed) == meant


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Germany", "DE"),
        ("netherlands", "NL"),
        ("The Netherlands", "NL"),
        ("de", "DE"),
        ("Republic of Korea", "KR"),
        ("Korea, Republic of", "KR"),
        ("Democratic Republic of the Congo", "CD"),
        ("U.A.E.", "AE"),
        ("Hong Kong SAR", "HK"),
        ("Mars", None),
        ("The", None),
        ("", None),
    ],
)
def test_a_country_is_known_by_its_name(text: str, code: str | None) -> None:
    """Whoever writes the name is told the code."""
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("country", "text", "code"),
    [
        ("US", "Washington DC", "DC"),
        ("US", "Washington, D.C.", "DC"),
        ("US", "Washington", "WA"),
        ("MX", "CDMX", "CMX"),
        ("CA", "Newfoundland", "NL"),
    ],
)
def test_a_region_is_known_by_the_name_in_daily_use(country: str, text: str, code: str) -> None:
    """A shop's form has a free text field for it."""
    assert region_code(country, text) == code


def test_a_file_that_cannot_be_read_has_no_line() -> None:
    """Nothing stands at 1:1 of what is not there."""
    assert (
        str(Problem("p.yaml", 0, 0, "", "cannot be read: no such file or directory")) == "p.yaml: cannot be read: no such file or directory"
    )
    assert str(Problem("p.yaml", 2, 3, "zone", "unknown")) == "p.yaml:2:3: zone: unknown"
