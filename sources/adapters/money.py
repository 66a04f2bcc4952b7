"""Money as real systems write it, as the contract's decimal text: minor units by the exponents of ISO 4217, or decimal texts.

No amount of the contract is below zero: the type of an event says which way the money went. A source that marks what goes back by a minus
is read by `amount_of(…, signed=True)`; any other amount with a minus is refused, since nobody knows what it means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from sources.adapters.output import RefuseError
from sources.adapters.payload import PayloadReader

Money: TypeAlias = dict[str, str]
"""`{"amount": "129.90", "currency": "EUR"}`"""

EXPONENTS: Final[dict[str, int]] = {
    code: places
    for places, codes in {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }.items()
    for code in codes.split()
}
"""Currencies whose minor unit is not a hundredth: ISO 4217, list one (SIX Interbank Clearing), 2024."""

BELOW_ZERO: Final = "an amount below zero; the type of an event says which way the money went"
NOISE: Final = 1e-12
"""How far a double lies from the decimal that it stands for, of what it is worth."""
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,12})?")
_CURRENCY = re.compile(r"[A-Za-z]{3}")


def currency(text: str | None, where: str) -> str:
    """An ISO 4217 code, upper case. Raises RefuseError if it is none by its form."""
    if text is None:
        raise RefuseError("missing_field", where)
    if not _CURRENCY.fullmatch(text):
        raise RefuseError("bad_value", f"{where}: no currency")
    return text.upper()


def minor(units: int, code: str, where: str, exceptions: Mapping[str, int] | None = None) -> Money:
    """`units` of a currency's smallest unit as money; `exceptions` are exponents by which the source departs from ISO 4217.

    Raises RefuseError below zero and beyond 15 digits.
    """
    if units < 0:
        raise RefuseError("bad_value", f"{where}: {BELOW_ZERO}")
    places = (exceptions or {}).get(code, EXPONENTS.get(code, 2))
    digits = str(units).rjust(places + 1, "0")
    if len(digits) > 15:
        raise RefuseError("bad_value", f"{where}: no amount")
    return {"amount": f"{digits[:-places]}.{digits[-places:]}" if places else digits, "currency": code}


def decimal(text: str, code: str, where: str) -> Money:
    """A decimal text as money. Fractions beyond the fourth place must be zeros. Raises RefuseError if it is no amount, or below zero."""
    if not _DECIMAL.fullmatch(text):
        raise RefuseError("bad_value", f"{where}: no amount")
    if text.startswith("-") and text.strip("-0."):
        raise RefuseError("bad_value", f"{where}: {BELOW_ZERO}")
    whole, _, fraction = text.removeprefix("-").partition(".")
    if fraction[4:].strip("0"):
        raise RefuseError("bad_value", f"{where}: more than four decimal places")
    return {"amount": f"{whole}.{fraction[:4]}" if fraction else whole, "currency": code}


def of_double(value: float) -> str:
    """The decimal text of a number in JSON, without what a double adds to it (129.94999999999999): four places count."""
    rounded = round(value, 4)
    return repr(rounded if abs(rounded - value) < NOISE * max(1.0, abs(value)) else value)


def is_zero(money: Money) -> bool:
    """Whether it is no money at all."""
    return not money["amount"].strip("0.")


def amount_of(payload: PayloadReader, name: str, code: str, *, signed: bool = False) -> Money | None:
    """The decimal amount in a field, written as text or as a number; None where it is absent.

    `signed`: the source marks money that goes back by a minus, which the event's type says already.
    """
    here = payload.get(name)
    value = here.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = payload.text(name)
    else:
        payload.read.add(here.path)
        text = of_double(value) if isinstance(value, float) else repr(value)
    if text is None:
        return None
    return decimal(text.removeprefix("-") if signed else text, code, here.path)
