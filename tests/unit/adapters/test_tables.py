"""Mapping lint: a code that means two things, or nothing, fails here."""

from __future__ import annotations

from pathlib import Path

import pytest

from sources.adapters import ADAPTERS
from sources.adapters.tables import faults, table

PUBLISHED = Path(__file__).parent / "published"


@pytest.mark.parametrize("system", ADAPTERS)
def test_the_tables_of_an_adapter_are_without_fault(system: str) -> None:
    """One meaning per code, in the contract's words, with the publisher named."""
    assert faults(ADAPTERS[system].tables) == []


LISTS = sorted(PUBLISHED.glob("*.txt"))


@pytest.mark.parametrize("path", LISTS, ids=[path.stem for path in LISTS])
def test_every_code_that_a_vendor_publishes_has_a_meaning(path: Path) -> None:
    """`published/SYSTEM.TABLE.txt` holds the codes that the vendor lists, one a line; `#` begins a comment, such as where the list is."""
    system, name = path.stem.split(".")
    found = next(one for one in ADAPTERS[system].tables if one.name == name)
    codes = [code for line in path.read_text(encoding="utf-8").splitlines() if (code := line.partition("#")[0].strip())]
    assert codes
    assert [code for code in codes if found.get(code) is None] == []


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ("a = delivered\nA  = lost", "t: 'a' has 2 meanings"),
        ("a =", "t: 'a': has no meaning"),
        ("a = gone", "t: 'a': 'gone' is no scan"),
        ("a = held nonsense", "t: 'a': 'nonsense' is no reason"),
        ("a = held customs documents", "t: 'a': has more than a status and a reason"),
        ("a = ignored", "t: 'a': is ignored without saying why"),
    ],
)
def test_a_faulty_table_is_found(rows: str, fault: str) -> None:
    """The lint that the adapters pass can fail."""
    assert faults((table("t", "f", "scan", rows, source="here"),)) == [fault]


def test_a_code_in_two_tables_of_one_field_is_found() -> None:
    """Which of the two counts would depend on who looks first."""
    first = table("one", "f", "scan", "a = lost", source="here")
    second = table("two", "f", "scan", "A = held", source="here")
    assert faults((first, second)) == ["two: 'a' of 'f' has a meaning in one too"]


def test_a_line_that_is_no_row_is_no_table() -> None:
    """A forgotten `=` is found when the module is loaded."""
    with pytest.raises(ValueError, match="no row of a code table: 'a delivered'"):
        table("t", "f", "scan", "a delivered", source="here")
