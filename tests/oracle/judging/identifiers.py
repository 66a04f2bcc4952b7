"""Identifiers as their sources send them, brought into one form: orders, tracking numbers, SKUs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.oracle.judging.reading import Json

DEFAULT = {"order": "plain", "tracking": "compact", "sku": "trim"}
ORDERS, NUMBERS = ("order_alias", "parent", "children"), ("tracking_number", "tracking_numbers", "replaces_number")
SKUS = ("sku", "substitutes")
LISTED = ("lines", "components")
"""Where SKUs stand one level deeper."""


def order_id(written: str, way: str) -> str:
    """An order ID: without blanks around it; `plain`: without a `#` before it either."""
    form = written if way == "none" else written.strip()
    return (form.removeprefix("#") if way == "plain" else form) or written


def tracking_number(written: str, way: str) -> str:
    """A tracking number: without blanks around it; `compact`: in capitals, without any blanks and hyphens."""
    form = written if way == "none" else written.strip()
    return ("".join(form.upper().split()).replace("-", "") if way == "compact" else form) or written


def sku(written: str, way: str) -> str:
    """A SKU: without blanks around it; `upper`: in capitals as well."""
    form = written if way == "none" else written.strip()
    return (form.upper() if way == "upper" else form) or written


def normalised(data: Json, ways: Mapping[str, str]) -> dict[str, object]:
    """The data of an event with its identifiers in the form that the policy wants."""

    def apply(value: object, form: Callable[[str, str], str], way: str) -> object:
        if isinstance(value, str):
            return form(value, way)
        return [apply(one, form, way) for one in cast("list[object]", value)] if isinstance(value, list) else value

    found: dict[str, object] = {}
    for name, value in data.items():
        if name in ORDERS:
            found[name] = apply(value, order_id, ways["order"])
        elif name in NUMBERS:
            found[name] = apply(value, tracking_number, ways["tracking"])
        elif name in SKUS:
            found[name] = apply(value, sku, ways["sku"])
        elif name in LISTED and isinstance(value, list):
            lines = cast("list[object]", value)
            found[name] = [normalised(cast("Json", one), ways) if isinstance(one, Mapping) else one for one in lines]
        else:
            found[name] = value
    return found
