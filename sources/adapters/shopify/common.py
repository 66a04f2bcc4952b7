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
from sources.adapters.doc import PayloadReader
from sources.adapters.moments import at, iso
from sources.adapters.money import Money, amount_of, currency
from sources.adapters.told import Draft, RefuseError

GID: Final = re.compile(r"gid://shopify/([A-Za-z]+)/([A-Za-z0-9-]+)(\?.*)?")
LONGEST: Final = 64
"""Longest identifier; Shopify's have 20 digits at most."""
EXACT: Final = 1 << 53
"""Up to here every whole number is a double."""


@dataclass(frozen=True, slots=True)
class ShopifyOrderRef:
    """The order that something belongs to: its ID as the connection wants it, and another name of it that ties.

    `said`: when the order's snapshot, in which the thing stands, was made.
    """

    order: str | None
    alias: str | None = None
    said: datetime | None = None


def rounded(number: int) -> bool:
    """Whether a number may have been rounded to a double and written by its shortest digits, as JavaScript does."""
    return number > EXACT and int(Decimal(repr(float(number)))) == number


def id_in(doc: PayloadReader, name: str) -> str | None:
    """The identifier in a field: a gid's number, else the plain one; None where it is absent, or a number that was rounded."""
    text = doc.id(name)
    if text is None:
        return None
    gid = GID.fullmatch(text)
    if gid:
        text = gid[2]
    if len(text) > LONGEST:
        raise RefuseError("bad_value", f"{doc.get(name).path}: no identifier")
    value = doc.get(name).value
    return None if isinstance(value, int) and rounded(value) else text


def id_of(doc: PayloadReader) -> str | None:
    """An object's own identifier."""
    return id_in(doc, "admin_graphql_api_id") or id_in(doc, "id")


def need_id_of(doc: PayloadReader) -> str:
    """As `id_of`, but it must be there."""
    found = id_of(doc)
    if found is not None:
        return found
    where = doc.get("id").path
    if doc.get("id"):
        raise RefuseError("bad_value", f"{where}: a rounded number, without an admin_graphql_api_id")
    raise RefuseError("missing_field", where)


def ref(doc: PayloadReader, name: str) -> str | None:
    """The identifier of the `name` (order, return, ...) that an object refers to."""
    below = doc.get(name)
    found = id_of(below) if isinstance(below.value, dict) else None
    return found or id_in(doc, f"admin_graphql_api_{name}_id") or id_in(doc, f"{name}_id")


def owner_of(say: EventBuilder, doc: PayloadReader) -> ShopifyOrderRef:
    """The order of an object that is none itself. It names Shopify's own ID, which is only an alias where the connection wants another."""
    number = ref(doc, "order")
    return ShopifyOrderRef(None, number) if say.connection.order_field else ShopifyOrderRef(number)


def triggered(say: EventBuilder) -> datetime | None:
    """When a webhook was triggered; the same in every attempt to deliver it."""
    name = "x-shopify-triggered-at"
    text = say.headers.get(name)
    return iso(text, name, UTC) if text else None


def said(say: EventBuilder) -> datetime | None:
    """When Shopify said what a webhook says: when it was triggered, else received."""
    return triggered(say) or say.received


def moment(say: EventBuilder, doc: PayloadReader, *names: str) -> datetime:
    """The first of these fields that has an instant, else when it was said. Raises RefuseError if neither is known."""
    for name in names:
        found = at(doc, name)
        if found is not None:
            return found
    found = said(say)
    if found is None:
        raise RefuseError("missing_field", " or ".join((*names, "x-shopify-triggered-at")) + ": nothing says when it was")
    return found


def tell(
    say: EventBuilder, owner: ShopifyOrderRef, type_: str, id_: str, time: datetime, data: dict[str, Any], recorded: datetime | None = None
) -> Draft:
    """An event about an order's part. Shopify said so when the webhook was triggered, else in the order's snapshot, else at `recorded`."""
    if owner.alias is not None:
        data = {**data, "order_alias": owner.alias}
    said = owner.said and max(owner.said, time)
    return say.event(type_, id_, time, data, order=owner.order, recorded=triggered(say) or said or recorded)


def lines_of(docs: Iterable[PayloadReader], quantity: str = "quantity") -> list[dict[str, Any]]:
    """Line items as lines: what is none (no longer ordered, or nothing that is ever fulfilled, such as a tip) is left out."""
    found: list[dict[str, Any]] = []
    for doc in docs:
        pieces = doc.quantity(quantity if doc.has(quantity) else "quantity")
        if pieces == 0 or doc.text("fulfillment_status") == "not_eligible":
            continue
        line = {"line_id": id_of(doc), "sku": doc.id("sku"), "quantity": pieces}
        found.append({name: value for name, value in line.items() if value is not None})
    return found


def money_in(doc: PayloadReader, name: str, code: str | None = None) -> Money | None:
    """The amount in a field, in the currency that the customer paid in; None if either is absent.

    Orders have it as `NAME_set.presentment_money`. Transactions, refunds' too, are in that currency as they stand.
    """
    presented = doc.get(f"{name}_set")
    if isinstance(presented.value, dict) and presented.get("presentment_money"):
        shown = presented.get("presentment_money")
        code = shown.text("currency_code") or shown.text("currency")
        return amount_of(shown, "amount", currency(code, shown.path))
    code = doc.text("currency") or code
    return None if code is None else amount_of(doc, name, currency(code, doc.get("currency").path))
