"""Cursors: where the next page of a list begins, as a text to hand back. It holds places in the list, and nothing of customers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import cast

import orjson

from sinks.cases.queries.wanted import FilterError


def packed(list_: str, place: Sequence[object]) -> str:
    """A cursor of a list; `place`: the values that the last row is sorted by."""
    return base64.urlsafe_b64encode(orjson.dumps([list_, *place])).decode().rstrip("=")


def unpacked(cursor: str, list_: str, types: Sequence[type]) -> list[object]:
    """The values of a cursor of a list, each of the type that is expected there. Raises FilterError if it is none of it."""
    try:
        place = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        place = None
    if not isinstance(place, list):
        raise FilterError("the cursor is none of this list: begin at the first page")
    found = cast("list[object]", place)
    if len(found) != len(types) + 1 or found[0] != list_:
        raise FilterError("the cursor is none of this list: begin at the first page")
    values = found[1:]
    if not all(isinstance(value, type_) and not isinstance(value, bool) for value, type_ in zip(values, types, strict=True)):
        raise FilterError("the cursor is none of this list: begin at the first page")
    return values
