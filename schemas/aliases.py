"""The identifiers by which an event can be tied to its order where `subject` is absent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Protocol, cast

from schemas.events import DATA_MODELS


class Typed(Protocol):
    """An event, as far as its aliases go."""

    type: ClassVar[str]
    """The event type."""

    @property
    def data(self) -> object:
        """The fields of its type."""
        ...


KINDS = (
    "payment_id",
    "shipment_id",
    "fulfillment_order_id",
    "return_id",
    "invoice_id",
    "dispute_id",
    "tracking_number",
    "order_alias",
)
"""The alias kinds. A value is unique within tenant and kind; only tracking numbers may be used again, or shared (freight)."""

_SECOND = {"tracking_number": "replaces_number"}
"""Another field of the same kind."""

ALIAS_FIELDS: dict[str, tuple[str, ...]] = {
    type_: tuple(field for kind in KINDS for field in (kind, f"{kind}s", _SECOND.get(kind, "")) if field in model.model_fields)
    for type_, model in DATA_MODELS.items()
}
"""By event type: the fields of `data` that carry aliases. A field in the plural holds a list of them."""


def kind_of(field: str) -> str:
    """The kind of alias that a field holds."""
    return "tracking_number" if field in {"tracking_numbers", "replaces_number"} else field


def aliases(event: Typed) -> tuple[tuple[str, str], ...]:
    """The (kind, value) pairs that `event` carries, in the order of `KINDS`, each once; tracking numbers in the order stated."""
    return aliases_of(event.type, event.data)


def aliases_of(type_: str, data: object) -> tuple[tuple[str, str], ...]:
    """The same for `data` of an event of type `type_`: an object with the fields of its model, or the dictionary of an `order.updated`."""
    found: list[tuple[str, str]] = []
    read: Callable[[str], str | list[str] | None] = cast("dict[str, Any]", data).get if isinstance(data, dict) else partial(getattr, data)
    for field in ALIAS_FIELDS[type_]:
        value = read(field)
        if isinstance(value, str):
            found.append((kind_of(field), value))
        elif value is not None:
            found += [(field[:-1], number) for number in value]
    return tuple(found) if len(found) < 2 else tuple(dict.fromkeys(found))
