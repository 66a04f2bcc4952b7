"""Financial events of Finances API v0: what buyers were charged and given back.

Amazon's fees and what it withholds are between Amazon and the seller: an amount is the sum of what the buyer was charged or given, less
promotions. No event has an ID: it is told from others by its order, its instant and its items.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any, Final

from sources.adapters.base import EventBuilder, digest
from sources.adapters.moments import need_at
from sources.adapters.money import Money, currency
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.shops import given_back, order_event, part_of

LISTS: Final = {
    "ShipmentEventList": "payment.captured",
    "RefundEventList": "payment.refunded",
    "GuaranteeClaimEventList": "payment.refunded",
    "ChargebackEventList": "payment.disputed",
}
"""By list: what its events tell. Amazon charges when it was shipped; an A-to-z claim that it grants gives money back."""
LARGEST: Final = Decimal(10) ** 15


def read_finances(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """The events of a page, list by list."""
    output = False
    for name, type_ in LISTS.items():
        events = list(payload.each(name))
        output = output or bool(events)
        yield from builder.each(events, partial(_event, builder, name, type_))
    others = sorted(name for name in payload.value if name not in LISTS and payload.get(name)) if isinstance(payload.value, dict) else []
    if others or not output:
        yield Ignored("financial events", "fees and payouts: between Amazon and the seller" if others else "an empty page")


def _event(builder: EventBuilder, name: str, type_: str, payload: PayloadReader) -> Iterator[AdapterOutput]:
    number, posted = payload.need_id("AmazonOrderId"), need_at(payload, "PostedDate")
    items = [*payload.each("ShipmentItemList"), *payload.each("ShipmentItemAdjustmentList")]
    amount = _amount([charge for item in items for charge in _charges(item)])
    if amount is None:
        yield Ignored(name.removesuffix("List"), "moved no money of the buyer's")
        return
    ids = sorted(one.id("OrderAdjustmentItemId") or one.id("OrderItemId") or "" for one in items)
    key = digest(name, number, posted, amount["amount"], *ids)
    data: dict[str, Any] = {"amount": amount}
    if type_ == "payment.refunded":
        data["lines"] = [line for item in items if (line := _line(item))] or None
    elif type_ == "payment.disputed":
        data |= {"dispute_id": f"amazon-{key}", "stage": "chargeback"}
    yield order_event(builder, part_of(builder, number), type_, f"{type_.removeprefix('payment.')}-{key}", posted, data, posted)


def _charges(item: PayloadReader) -> Iterator[tuple[str, Decimal]]:
    for names, field in (
        (("ItemChargeList", "ItemChargeAdjustmentList"), "ChargeAmount"),
        (("PromotionList", "PromotionAdjustmentList"), "PromotionAmount"),
    ):
        for charge in (one for name in names for one in item.each(name)):
            money = charge.get(field)
            if money:
                code = currency(money.text("CurrencyCode"), money.get("CurrencyCode").path)
                amount = given_back(money, "CurrencyAmount", code)
                if amount is not None:
                    yield code, Decimal(amount["amount"]) * (-1 if str(money.get("CurrencyAmount").value).strip().startswith("-") else 1)


def _amount(charges: list[tuple[str, Decimal]]) -> Money | None:
    """The sum, without its sign; None if nothing is left. Raises RefuseError for several currencies."""
    codes, total = {code for code, _ in charges}, abs(sum((amount for _, amount in charges), Decimal(0)))
    if len(codes) > 1:
        raise RefuseError("bad_value", "ChargeAmount: several currencies in one event")
    if not total:
        return None
    if total >= LARGEST:
        raise RefuseError("bad_value", "ChargeAmount: no amount")
    return {"amount": f"{total:f}", "currency": codes.pop()}


def _line(item: PayloadReader) -> dict[str, Any]:
    sku, pieces = item.id("SellerSKU"), item.quantity("QuantityShipped")
    return {} if sku is None or not pieces else {"sku": sku, "quantity": pieces}
