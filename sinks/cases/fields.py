"""Reads the fields of an event as rows take them: what is absent is None, what is of another type is an error that names the field."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import orjson

from schemas.depth import MAX_DEPTH, too_deep
from schemas.values import BadTimeError, check_instant, parse_instant
from sinks.cases.changes import UnprojectableError

NUL, ESCAPED, INSTEAD = "\x00", b"\\u0000", "\ufffd"
"""PostgreSQL takes no NUL in texts; the character that stands for what cannot be shown takes its place."""
LARGEST = 2**31 - 1
FURTHEST = 2**63 - 1
BOUND = Decimal(10) ** 15


def parse(value: bytes) -> EventFields:
    """The fields of an event. Raises UnprojectableError."""
    if too_deep(value):
        raise UnprojectableError("too_deep", f"more than {MAX_DEPTH} levels")
    try:
        found: object = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise UnprojectableError("not_json", "the record is not JSON") from None
    if not isinstance(found, dict):
        raise UnprojectableError("not_json", "the record is not a JSON object")
    return EventFields(cast("dict[str, Any]", clean(found) if ESCAPED in value else found))


class EventFields:
    """An object of an event. `where` is its path. Every method raises UnprojectableError of a value of another type."""

    __slots__ = ("_data", "_where")

    def __init__(self, data: dict[str, Any], where: str = "") -> None:
        self._data, self._where = data, where

    def text(self, name: str) -> str | None:
        """A text."""
        value = self._data.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._wrong(name, "no text")
        return value

    def need(self, name: str) -> str:
        """A text without which there is no row."""
        value = self.text(name)
        if not value:
            raise self._wrong(name, "missing")
        return value

    def number(self, name: str, default: int | None = None) -> int | None:
        """A whole number, as far as a column takes it."""
        value = self._data.get(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST:
            raise self._wrong(name, "no whole number")
        return value

    def place(self, name: str) -> int | None:
        """A place in a log: a whole number of 64 bits."""
        value = self._data.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > FURTHEST:
            raise self._wrong(name, "no place in a log")
        return value

    def count(self, name: str, default: int = 0) -> int:
        """A whole number; `default` where there is none."""
        return self.number(name, default) or 0

    def sequence(self) -> int:
        """The number of the event. Without it there is no row."""
        value = self.number("sequence")
        if value is None or value < 1:
            raise self._wrong("sequence", "missing")
        return value

    def real(self, name: str) -> float | None:
        """A number."""
        value = self._data.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._wrong(name, "no number")
        return float(value)

    def flag(self, name: str) -> bool:
        """Yes, or no where nothing is said."""
        value = self._data.get(name)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(name, "neither true nor false")
        return bool(value)

    def instant(self, name: str) -> datetime | None:
        """An instant, in UTC."""
        value = self._data.get(name)
        if value is None:
            return None
        try:
            return check_instant(parse_instant(value)).astimezone(UTC)
        except (BadTimeError, ValueError):
            raise self._wrong(name, "no instant") from None

    def need_instant(self, name: str) -> datetime:
        """An instant without which there is no row."""
        value = self.instant(name)
        if value is None:
            raise self._wrong(name, "missing")
        return value

    def amount(self, name: str) -> Decimal | None:
        """A decimal amount."""
        value = self._data.get(name)
        if value is None:
            return None
        try:
            found = Decimal(value) if isinstance(value, str) else None
        except InvalidOperation:
            found = None
        if found is None or not found.is_finite() or abs(found) >= BOUND:
            raise self._wrong(name, "no amount")
        return found

    def json(self, name: str) -> Any:
        """Whatever there is, for a column of JSON."""
        return self._data.get(name)

    def inner(self, name: str) -> EventFields:
        """An object; one without fields where there is none."""
        value = self._data.get(name)
        if value is not None and not isinstance(value, dict):
            raise self._wrong(name, "no object")
        return EventFields(cast("dict[str, Any]", value or {}), f"{self._where}{name}.")

    def each(self, name: str) -> list[EventFields]:
        """A list of objects; empty where there is none."""
        value = self._data.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(name, "no list")
        found = cast("list[object]", value)
        if not all(isinstance(one, dict) for one in found):
            raise self._wrong(name, "no list of objects")
        return [EventFields(cast("dict[str, Any]", one), f"{self._where}{name}[{i}].") for i, one in enumerate(found)]

    def texts(self, name: str) -> list[str]:
        """A list of texts; empty where there is none."""
        value = self._data.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in cast("list[object]", value)):
            raise self._wrong(name, "no list of texts")
        return list(cast("list[str]", value))

    def names(self) -> list[str]:
        """The names of its fields."""
        return list(self._data)

    def besides(self, known: Iterable[str]) -> dict[str, Any] | None:
        """The fields that are not among `known`; None if there are no others."""
        names = set(known)
        return {name: value for name, value in self._data.items() if name not in names} or None

    def __bool__(self) -> bool:
        return bool(self._data)

    def _wrong(self, name: str, what: str) -> UnprojectableError:
        return UnprojectableError("bad_field", f"{self._where}{name}: {what}")


def clean(value: Any) -> Any:
    """JSON as both databases take it: without NUL."""
    match value:
        case str():
            return value.replace(NUL, INSTEAD) if NUL in value else value
        case list():
            some = cast("list[Any]", cast("object", value))
            return [clean(one) for one in some]
        case dict():
            return {clean(name): clean(one) for name, one in cast("dict[str, Any]", value).items()}
        case _:
            return value
