"""What every part of an entry of `custom_rules` is read with: its place in the file, its faults, and its single values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import cast

from pydantic_core import PydanticCustomError

from dataflows.core.clocks import Span
from dataflows.core.policy import values
from dataflows.core.predicates import Part, Predicate, compile_predicate
from dataflows.core.rules.user.terms import DATES, DateName
from schemas.plain import Data
from schemas.problems import nearest
from schemas.tree import Fault, Path, Tree


class ValueReader:
    """Reads single values of one entry; `faults` is what is wrong with it."""

    def __init__(self, tree: Tree, path: Path, data: Mapping[str, Data]) -> None:
        self._tree = tree
        self._path = path
        self._data = data
        self._each = Part.ORDER
        self.faults: list[Fault] = []

    def wrong(self, path: Path, message: str, suggestion: str | None = None, *, key: bool = False) -> None:
        """Reports a fault at a place within the entry."""
        self.faults.append(self._tree.fault((*self._path, *path), message, suggestion, key=key))

    def _choice(self, name: str, known: Collection[str], *, required: bool = False) -> str | None:
        value = self._data.get(name)
        if value is None:
            if required:
                self.wrong((name,) if name in self._data else (), f"`{name}` is required here: {', '.join(known)}")
            return None
        if not isinstance(value, str) or value not in known:
            self.wrong((name,), f"unknown {name} {value!r}; known: {', '.join(known)}", nearest(str(value), known))
            return None
        return value

    def _read(self, path: Path, read: Callable[[object], object], value: Data) -> object:
        """What a reader of the policy makes of a value."""
        try:
            return read(value)
        except PydanticCustomError as error:
            context = error.context or {}
            self.wrong(path, str(context.get("message", error)), cast("str | None", context.get("suggestion")))
            return None

    def _span(self, path: Path, value: Data) -> Span | None:
        return cast("Span | None", self._read(path, values.any_span, value))

    def _times(self) -> int:
        value = self._data.get("times")
        if value is None:
            return 1
        if not isinstance(value, str) or not value.isdigit() or not 1 <= int(value) <= 1_000:
            self.wrong(("times",), f"{value!r}: a whole number from 1 to 1000 is expected here")
            return 1
        return int(value)

    def _predicate(self, path: Path, value: Data, part: Part, events: tuple[str, ...] = ()) -> Predicate | None:
        if value is None:
            return None
        if not isinstance(value, str):
            self.wrong(path, "a predicate such as `order.total > 500 EUR` is expected here; one with [ ] # or : in it is best quoted")
            return None
        found = compile_predicate(value, part, events)
        if isinstance(found, Predicate):
            return found
        for mistake in found:
            self.wrong(path, str(mistake), mistake.suggestion)
        return None

    def _date(self, name: str) -> DateName | None:
        value = self._data.get(name)
        if value is None:
            return None
        known = [date for date, (parts, _) in DATES.items() if self._each in parts]
        if value not in known:
            belongs = isinstance(value, str) and value in DATES
            hint = f"it belongs to each: {min(DATES[str(value)][0])}" if belongs else f"known here: {', '.join(known)}"
            self.wrong((name,), f"unknown date {value!r}; {hint}", nearest(str(value), known))
            return None
        return DateName(value)
