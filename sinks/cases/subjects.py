"""Whom a record is about that no rows could be made of, as far as it can be read: an erased order must not stand in it either."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import orjson


class SubjectIds(NamedTuple):
    """The tenant, and the IDs of the orders and customers that are named where events name them."""

    tenant: str
    orders: frozenset[str]
    customers: frozenset[str]


def about(value: bytes) -> SubjectIds:
    """Whom an event is about, or the original in the line of a reject; nobody where it cannot be read."""
    event = _object(_parsed(value))
    original = event.get("text")
    if isinstance(original, str) and "specversion" not in event:
        event = _object(_parsed(original.encode()))
    data = _object(event.get("data"))
    customers = (_object(place.get("customer")).get("id") for place in (data, _object(data.get("context"))))
    tenant = event.get("tenant")
    return SubjectIds(
        tenant if isinstance(tenant, str) else "default",
        _texts(event.get("subject"), data.get("order_id")),
        _texts(data.get("customer_id"), *customers),
    )


def _parsed(value: bytes) -> object:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _texts(*values: object) -> frozenset[str]:
    return frozenset(value for value in values if isinstance(value, str) and value)
