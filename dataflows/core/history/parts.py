"""Steps of an order that was split off another, as that other reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from schemas.events import Line
from schemas.identifiers import normaliser
from schemas.record import Record

ITEMISED: Final = frozenset(
    (
        *("inventory.allocated", "inventory.backordered", "warehouse.released", "warehouse.pick_started", "warehouse.picked"),
        *("warehouse.packed", "warehouse.label_created", "warehouse.shipped"),
    )
)
"""The steps of goods that may name lines."""


def as_part(record: Record) -> None:
    """Makes a step of a child one of the order that was given it too, and leaves any other as it is.

    Each order numbers its lines for itself, so that those of the child are the parent's by SKU, where they say one.
    """
    subject = record.event.subject
    if subject is None or record.event.type not in ITEMISED:
        return
    lines: Sequence[Line] | None = getattr(record.event.data, "lines", None)
    if not lines or not any(line.line_id and line.sku for line in lines) or normaliser(record.identifiers).order(subject) == record.order:
        return
    plain = [_replaced(line, line_id=None) if line.sku else line for line in lines]
    record.event = _replaced(record.event, data=_replaced(record.event.data, lines=plain))


def _replaced(struct: object, **changes: object) -> Any:
    return msgspec.structs.replace(cast("msgspec.Struct", struct), **changes)
