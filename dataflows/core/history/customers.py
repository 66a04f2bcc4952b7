"""Whose an order is, as its events say: any customer that its placings and updates ever named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from schemas.events import OrderPlaced
from schemas.record import Record


def customers_of(records: Iterable[Record]) -> set[str]:
    """The IDs of the customers that some events name."""
    found: set[str] = set()
    for record in records:
        type_ = record.event.type
        if type_ in ("order.placed", "order.reinstated"):
            customer = getattr(cast("OrderPlaced", record.event.data), "customer", None)
            if customer is not None and customer.id:
                found.add(customer.id)
        elif type_ == "order.updated":
            stated = cast("Mapping[str, object]", record.event.data).get("customer")
            if isinstance(stated, Mapping) and isinstance(named := cast("Mapping[str, object]", stated).get("id"), str):
                found.add(named)
    return found
