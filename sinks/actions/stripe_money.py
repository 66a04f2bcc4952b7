"""Amounts as Stripe has them: whole numbers of a currency's smallest unit (docs.stripe.com/currencies)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

WHOLE: Final = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
"""Currencies without a smaller unit."""
WHOLE_IN_HUNDREDTHS: Final = frozenset(("ISK", "UGX"))
"""The same, but written in hundredths."""
THOUSANDTHS: Final = frozenset("BHD JOD KWD OMR TND".split())
"""Currencies of a thousand units, of which Stripe takes tens alone."""
MOST: Final = 999_999_999_999
"""Twelve digits, the most that Stripe takes of any currency."""
CURRENCY: Final = re.compile(r"[A-Z]{3}")


def minor_units(amount: object) -> int | None:
    """An amount `{amount, currency}` in smallest units; None if it is not positive, or not so many units exactly."""
    given: Mapping[str, Any] = cast("Mapping[str, Any]", amount) if isinstance(amount, Mapping) else {}
    currency = str(given.get("currency") or "")
    try:
        value = Decimal(str(given.get("amount")))
    except InvalidOperation:
        return None
    if not value.is_finite() or value <= 0 or not CURRENCY.fullmatch(currency):
        return None
    if currency in WHOLE_IN_HUNDREDTHS and value != value.to_integral_value():
        return None
    units = value * (1 if currency in WHOLE else 1_000 if currency in THOUSANDTHS else 100)
    if units > MOST or units != units.to_integral_value() or (currency in THOUSANDTHS and units % 10):
        return None
    return int(units)
