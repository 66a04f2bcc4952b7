"""Builders of events in, from the shipped examples."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from schemas.export import example
from schemas.wire import decode

if TYPE_CHECKING:
    from schemas.wire import Event


SHIPPED = object()
"""Stands for the `data` of the shipped example."""


def payload(type_: str, data: object = SHIPPED, **attributes: object) -> dict[str, object]:
    """The example of `type_` as plain data, with other `data` and other attributes where given; the value `...` leaves one out."""
    event = example(type_) | attributes
    if data is not SHIPPED:
        event["data"] = data
    return {name: value for name, value in event.items() if value is not ...}


def raw(type_: str, data: object = SHIPPED, **attributes: object) -> bytes:
    """The same as bytes."""
    return json.dumps(payload(type_, data, **attributes)).encode()


def event(type_: str, data: object = SHIPPED, **attributes: object) -> Event:
    """The same, decoded."""
    return decode(raw(type_, data, **attributes))
