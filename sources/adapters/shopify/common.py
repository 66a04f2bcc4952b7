"""What Shopify's objects have in common: identifiers, the order that they belong to, money, lines, and when something was said.

Identifiers are the numbers in `admin_graphql_api_id` (`gid://shopify/Order/820982911946154508`): a number above 2^53 in the plain `id` may
have been rounded on its way, by whatever read it as JavaScript does. Such a number, without its gid, is no identifier.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sources.adapters.base import EventBuilder
from sources.adapters.moments import at, iso
from sources.adapters.money import Money, amount_of, currency
from sources.adapters.output import Draft, RefuseError
from sources.adapters.payload import PayloadReader

GID: Final = re.compile(r"gid://shopify/([A-Za-z]+)/([A-Za-z0-9-]+)(\?.*)?")
LONGEST: Final = 64
"""Longest identifier; Shopify's have 20 digits at most."""
EXACT: Final = 1 << 53
"""Up to here every whole number is a double."""


@dataclass(frozen=True, slots=True)
class ShopifyOrderRef:
    """The order that something belongs to: its ID as the connection wants it, and another name of it that ties.

    `stated_at`: when the order's snapshot, in which the thing stands, was made.
    """

    order: str | None
    alias: str | None = None
    stated_at: datetime | None = None


def rounded(number: int) -> bool:
    """Whether a number may have been rounded to a double and written by its shortest digits, as JavaScript does."""
    return number > EXACT and int(Decimal(repr(float(number)))) == number


def id_in(payload: PayloadReader, name: str) -> str | None:
    """The identifier in a field: a gid's number, else the plain one; None where it is absent, or a number that was rounded."""
    text = payload.id(name)
    if text is None:
        return None
    gid = GID.fullmatch(text)
    if gid:
        text = gid[2]
    if len(text) > LONGEST:
        raise RefuseError("bad_value", f"{payload.get(name).path}: no identifier")
    value = payload.get(name).value
    return None if isinstance(value, int) and rounded(value) else text


def id_of(payload: PayloadReader) -> str | None:
    """An object's own identifier."""
    return id_in(payload, "admin_graphql_api_id") or id_in(payload, "id")


def need_id_of(payload: PayloadReader) -> str:
    """As `id_of`, but it must be there."""
    found = id_of(payload)
    if found is not None:
        return found
    where = payload.get("id").path
    if payload.get("id"):
        raise RefuseError("bad_value", f"{where}: a rounded number, without an admin_graphql_api_id")
    raise RefuseError("missing_field", where)


def ref(payload: PayloadReader, name: str) -> str | None:
    """The identifier of the `name` (order, return, ...) that an object refers to."""
    below = payload.get(name)
    found = id_of(below) if isinstance(below.value, dict) else None
    return found or id_in(payload, f"admin_graphql_api_{name}_id") or id_in(payload, f"{name}_id")


def owner_of(builder: EventBuilder, payload: PayloadReader) -> ShopifyOrderRef:
    """The order of an object that is none itself. It names Shopify's own ID, which is only an alias where the connection wants another."""
    number = ref(payload, "order")
    return ShopifyOrderRef(None, number) if builder.connection.order_field else ShopifyOrderRef(number)


def triggered(builder: EventBuilder) -> datetime | None:
    """When a webhook was triggered; the same in every attempt to deliver it."""
    name = "x-shopify-triggered-at"
    text = builder.headers.get(name)
    return iso(text, name, UTC) if text else None


def stated_at(builder: EventBuilder) -> datetime | None:
    """When Shopify said what a webhook says: when it was triggered, else received."""
    return triggered(builder) or builder.received


def moment(builder: EventBuilder, payload: PayloadReader, *names: str) -> datetime:
    """The first of these fields that has an instant, else when it was said. Raises RefuseError if neither is known."""
    for name in names:
        found = at(payload, name)
        if found is not None:
            return found
    found = stated_at(builder)
    if found is None:
        raise RefuseError("missing_field", " or ".join((*names, "x-shopify-triggered-at")) + ": nothing says when it was")
    return found


def order_event(
    builder: EventBuilder,
    owner: ShopifyOrderRef,
    type_: str,
    id_: str,
    time: datetime,
    data: dict[str, Any],
    recorded: datetime | None = None,
) -> Draft:
    """An event about an order's part. Shopify said so when the webhook was triggered, else in the order's snapshot, else at `recorded`."""
    if owner.alias is not None:
        data = {**data, "order_alias": owner.alias}
    stated_at = owner.stated_at and max(owner.stated_at, time)
    return builder.event(type_, id_, time, data, order=owner.order, recorded=triggered(builder) or stated_at or recorded)


def lines_of(payloads: Iterable[PayloadReader], quantity: str = "quantity", *, sorts: bool = False) -> list[dict[str, Any]]:
    """Line items as lines: what is none (no longer ordered, or nothing that is ever fulfilled, such as a tip) is left out.

    `sorts`: those of which nothing physical ever leaves (a gift card, a download) say so.
    """
    found: list[dict[str, Any]] = []
    for payload in payloads:
        pieces = payload.quantity(quantity if payload.has(quantity) else "quantity")
        if pieces == 0 or payload.text("fulfillment_status") == "not_eligible":
            continue
        line = {"line_id": id_of(payload), "sku": payload.id("sku"), "quantity": pieces}
        if sorts and (payload.flag("requires_shipping") is False or payload.flag("gift_card")):
            line["method"] = "digital"
        found.append({name: value for name, value in line.items() if value is not None})
    return found


def money_in(payload: PayloadReader, name: str, code: str | None = None) -> Money | None:
    """The amount in a field, in the currency that the customer paid in; None if either is absent.

    Orders have it as `NAME_set.presentment_money`. Transactions, refunds' too, are in that currency as they stand.
    """
    presented = payload.get(f"{name}_set")
    if isinstance(presented.value, dict) and presented.get("presentment_money"):
        shown = presented.get("presentment_money")
        code = shown.text("currency_code") or shown.text("currency")
        return amount_of(shown, "amount", currency(code, shown.path))
    code = payload.text("currency") or code
    return None if code is None else amount_of(payload, name, currency(code, payload.get("currency").path))
