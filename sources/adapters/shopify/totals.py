"""What an order of Shopify's comes to after edits.

`total_price` counts all that was ever on the order; `current_total_price` leaves out what was taken off it, by an edit, a return or a
refund. Money that went back is told by its own events and goods that came back by theirs, so both still belong to the total: it is the
current one with what was refunded, or is being refunded, and what was returned without money yet. What an edit took off is left out.
"""

from __future__ import annotations

from decimal import Decimal

from sources.adapters.money import Money, amount_of
from sources.adapters.output import RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.shopify.common import money_in

MONEY_BACK = frozenset(("success", "pending", "awaiting_response"))
"""Statuses of a refund's transaction by which the money has gone back or is on its way."""


def total_of(payload: PayloadReader) -> Money | None:
    """An order's total, of a snapshot that has `total_price`. Without the refunds nobody knows what an edit took off: all of it counts."""
    ordered, current = money_in(payload, "total_price"), money_in(payload, "current_total_price")
    if ordered is None or current is None or ordered["currency"] != current["currency"]:
        return ordered
    largest = max(ordered, current, key=_number)
    if not payload.has("refunds"):
        return largest
    code = current["currency"]
    back = sum((_back(one, code) for one in payload.each("refunds")), Decimal())
    left = _number(current) + back
    return largest if left >= _number(largest) else {"amount": format(left, "f"), "currency": code}


def _back(refund: PayloadReader, code: str) -> Decimal:
    """What a refund took off the current total though it still belongs to the order's: money, or goods that came back before any money."""
    money = Decimal()
    for one in refund.each("transactions"):
        if _term(one, "kind") == "refund" and _term(one, "status") in MONEY_BACK:
            amount = _amount(one, "amount", code)
            if amount is not None and (_term(one, "currency") or code).upper() == code:
                money += amount
    if money:
        return money
    items = [one for one in refund.each("refund_line_items") if refund.get("return") or _term(one, "restock_type") == "return"]
    return sum((_amount(one, name, code) or Decimal() for one in items for name in ("subtotal", "total_tax")), Decimal())


def _term(payload: PayloadReader, name: str) -> str | None:
    value = payload.get(name).value if isinstance(payload.value, dict) else None
    return value.strip() if isinstance(value, str) else None


def _amount(payload: PayloadReader, name: str, code: str) -> Decimal | None:
    """An amount in the order's currency; one that cannot be read is refused where it is told."""
    try:
        presented = payload.get(f"{name}_set", "presentment_money")
        money = amount_of(presented, "amount", code) if presented else amount_of(payload, name, code)
    except RefuseError:
        return None
    return None if money is None else _number(money)


def _number(money: Money) -> Decimal:
    return Decimal(money["amount"])
