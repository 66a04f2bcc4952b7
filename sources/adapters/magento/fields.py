"""How Magento writes instants, money and quantities, and what its objects have in common."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sources.adapters.moments import at
from sources.adapters.money import Money, currency, decimal
from sources.adapters.output import RefuseError
from sources.adapters.payload import PayloadReader

_PLACE = Decimal("0.0001")
_LARGEST = Decimal(10) ** 15


def moment(payload: PayloadReader, name: str) -> datetime | None:
    """An instant, which Magento writes in UTC, without an offset."""
    return at(payload, name)


def need_moment(payload: PayloadReader, name: str) -> datetime:
    """As `moment`, but it must be there."""
    found = moment(payload, name)
    if found is None:
        raise RefuseError("missing_field", payload.get(name).path)
    return found


def money(payload: PayloadReader, name: str, code: str | None) -> Money | None:
    """The amount in a field, in the currency that the customer paid in (`base_…` fields are in the shop's).

    Magento keeps four decimals, and older versions write a double with all of its digits (129.94999999999999): it is rounded to four.
    None where the amount or the currency is absent.
    """
    here = payload.get(name)
    value = here.value
    text = repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else payload.text(name)
    here.read.add(here.path)
    if text is None or code is None:
        return None
    if isinstance(value, float) and abs(value) < _LARGEST:
        text = f"{Decimal(text).quantize(_PLACE):f}"
        text = f"{text.rstrip('0').rstrip('.')}"
    return decimal(text, currency(code, payload.get("order_currency_code").path), here.path)


def pieces(payload: PayloadReader, name: str) -> int | None:
    """A number of pieces, in texts with four decimals; None where something is sold by weight or length (a fraction)."""
    value = payload.get(name).value
    text = value.strip() if isinstance(value, str) else None
    if text is not None and text.count(".") == 1 and text.isascii() and text.replace(".", "").isdecimal() and len(text) < 20:
        value = float(text)
        payload.read.add(payload.get(name).path)
        return int(value) if value.is_integer() and value <= 1_000_000_000 else None
    if isinstance(value, float) and not value.is_integer():
        payload.read.add(payload.get(name).path)
        return None
    return payload.quantity(name)


def flag(payload: PayloadReader, name: str) -> bool:
    """A yes or no, which Magento writes as 1 and 0."""
    value = payload.get(name).value
    payload.read.add(payload.get(name).path)
    return value is True or value in (1, "1")
