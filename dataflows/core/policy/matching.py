"""Which orders an override is for: the `when` of a policy file, compared in any letter case."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, cast

from dataflows.core.policy.model import Dims, Override
from schemas.place_names import country_code, is_region_part, region_code

Test = Callable[[object], bool]
_VALUE: Final = re.compile(r"(above|below) +(\d{1,12}(?:\.\d{1,6})?)(?: +([A-Za-z]{3}))?", re.IGNORECASE)


def value_test(text: str) -> tuple[str, Decimal, str | None] | None:
    """`above 200`, `below 19.90 EUR` as its parts; None if it is neither."""
    found = _VALUE.fullmatch(" ".join(text.split()))
    return None if found is None else (found[1].lower(), Decimal(found[2]), found[3] and found[3].upper())


def regions_meant(text: str, countries: Sequence[str] | None) -> tuple[str, ...]:
    """The regions that an override means by a code or, beside their countries, by a name; none if it means none.

    Without a country a code may be `US-CA`, or `CA` for that part of any country.
    """
    if countries:
        return tuple(f"{country}-{code}" for country in countries if (code := region_code(country, text)) is not None)
    country = country_code(text.partition("-")[0]) if "-" in text else None
    code = None if country is None else region_code(country, text)
    if country is not None and code is not None:
        return (f"{country}-{code}",)
    return (text.strip().upper(),) if is_region_part(text) else ()


def matcher(override: Override) -> Callable[[Dims], bool]:
    """Whether every dimension that the override names has one of its values."""
    tests = tuple(
        (position, _test(name, allowed))
        for position, (name, allowed) in enumerate(zip(Dims._fields, override.when, strict=True))
        if allowed is not None
    )
    return lambda dims: all(test(dims[position]) for position, test in tests)


def _test(name: str, allowed: frozenset[str]) -> Test:
    if name == "value":
        return _of_value(allowed)
    if name == "postal_code":
        starts = tuple(_joined(text.removesuffix("*")) for text in allowed)
        return lambda value: value is not None and _joined(str(value)).startswith(starts)
    folded = frozenset(text.casefold() for text in allowed)
    if name == "region":
        return lambda value: value is not None and not folded.isdisjoint(_regions(str(value)))
    return lambda value: _any(value, folded)


def _any(value: object, folded: frozenset[str]) -> bool:
    if value is None:
        return False
    if isinstance(value, frozenset):
        return any(one.casefold() in folded for one in cast("frozenset[str]", value))
    return str(value).casefold() in folded


def _joined(text: str) -> str:
    return "".join(text.split()).casefold()


def _regions(value: str) -> tuple[str, str]:
    """A region with its country, and without: `us-ca`, `ca`."""
    folded = value.casefold()
    return folded, folded.partition("-")[2]


def _of_value(allowed: frozenset[str]) -> Test:
    limits = [limit for text in allowed if (limit := value_test(text)) is not None]

    def test(value: object) -> bool:
        if value is None:
            return False
        text, _, currency = str(value).partition(" ")
        amount = Decimal(text)
        return any(
            (limit is None or limit == currency) and (amount > bound if sense == "above" else amount < bound)
            for sense, bound, limit in limits
        )

    return test
