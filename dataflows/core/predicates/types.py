"""The types of a predicate's values, and the parts of an order that it can speak of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from dataflows.core.history.facts import Facts


class Type(StrEnum):
    """What kind of value it is; the value of each is how people call it."""

    TEXT = "a text"
    NUMBER = "a number"
    MONEY = "an amount of money"
    FLAG = "true or false"
    INSTANT = "an instant"
    SPAN = "a span of time"
    TEXTS = "a list of texts"


ORDERED = frozenset((Type.NUMBER, Type.MONEY, Type.INSTANT, Type.SPAN))
"""Types whose values can be less or more than others."""


class Part(StrEnum):
    """What a predicate is asked of: the whole order, one of its parts, or one of its events."""

    ORDER = "order"
    LINE = "line"
    SHIPMENT = "shipment"
    PARCEL = "parcel"
    PAYMENT = "payment"
    RETURN = "return"
    HOLD = "hold"
    TICKET = "ticket"
    EVENT = "event"

    @property
    def plural(self) -> str:
        """Several of them."""
        return f"{self.value}s"


class Amount(NamedTuple):
    """Money: amounts of different currencies are neither equal, nor less or more."""

    amount: Decimal
    currency: str


Value: TypeAlias = "str | int | Decimal | bool | Amount | tuple[str, ...] | None"
"""A value of any type; instants and spans are integers of µs. None: it is not known."""
Getter: TypeAlias = Callable[[Facts, object], Value]
"""Reads a value from an order's facts and the part in question (None for the order itself)."""


@dataclass(frozen=True, slots=True)
class Field:
    """Something that can be asked.

    `words` are all values that it can have, empty where they are not limited. `inputs` are the types of the events that can change it.
    """

    name: str
    type: Type
    about: str
    get: Getter
    inputs: tuple[str, ...]
    words: tuple[str, ...] = ()
