"""What the models of all domains share: the base classes, money and order lines."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from schemas.values import Amount, Currency, Id, PositiveAmount, Quantity, ShortText, When


class Model(BaseModel):
    """Base of all words: immutable, strict about types, tolerant of unknown fields."""

    # Validators are built when one is first used: the hot path decodes by the structs that are derived from these models.
    model_config = ConfigDict(
        frozen=True, strict=True, extra="ignore", regex_engine="python-re", use_attribute_docstrings=True, defer_build=True
    )


class Fact(Model):
    """Base of what is said about an order."""

    order_alias: Id | None = None
    """Another system's ID of the order; ties or finds the order where `subject` is absent."""


class Money(Model):
    """An amount with its currency; amounts of different currencies are never compared."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": "129.90", "currency": "EUR"}]})

    amount: Amount
    """Decimal, as text; never below zero."""
    currency: Currency
    """ISO 4217."""


class PositiveMoney(Money):
    """Money of which nothing is no news: more than zero."""

    amount: PositiveAmount
    """Decimal, as text; more than zero."""


class MoneyPatch(Model):
    """What a merge patch changes of an amount; null removes."""

    amount: Amount | None = None
    currency: Currency | None = None


class Component(Model):
    """What a kit has of one SKU."""

    sku: Id
    quantity: Quantity | None = None
    """Pieces in one kit; absent: one."""


class Line(Model):
    """A line of an order, or the part of it that an event is about. A date here overrides the order's."""

    line_id: Id | None = None
    sku: Id | None = None
    quantity: Quantity | None = None
    """Pieces; absent in an event about the line: all of it."""
    ship_by: When | None = None
    """Latest handover to the carrier; plain dates in the site's zone."""
    promised_by: When | None = None
    """Latest delivery; plain dates in the ship-to's zone."""
    seller: Id | None = None
    method: ShortText | None = None
    """How this line reaches the customer, where that is not as the order's `method` says."""
    components: list[Component] | None = None
    """Of a kit: what one piece of it is made of. Its components cover it."""
    parent_line_id: Id | None = None
    """Of a component that is a line of its own: the line of its kit, which such lines cover."""
    tags: list[ShortText] | None = None
