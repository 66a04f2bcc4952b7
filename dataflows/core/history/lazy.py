"""Facts: attributes that are computed when first read, and then are ordinary attributes until an event makes them others.

`functools.cached_property` computes once under a lock up to Python 3.11, which cost a quarter of the time of the core.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class Readers:
    """Which facts rest on which event types: `computed` are computed again after any such event, `folded` can take it in."""

    def __init__(self) -> None:
        self.computed: dict[str, list[str]] = {}
        self.folded: dict[str, list[str]] = {}

    def fact(self, *types: str, folds: tuple[str, ...] = ()) -> Callable[[Callable[[Any], Value]], Attribute[Value]]:
        """Makes the decorated function a fact that rests on events of `types`, and of `folds`, which can be taken in."""

        def build(compute: Callable[[Any], Value]) -> Attribute[Value]:
            for table, those in ((self.computed, types), (self.folded, folds)):
                for type_ in those:
                    table.setdefault(type_, []).append(compute.__name__)
            return Attribute(compute)

        return build


class Attribute(Generic[Value]):
    """An attribute that is computed when it is first read."""

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, owner: None, kind: type[object]) -> Attribute[Value]: ...

    @overload
    def __get__(self, owner: object, kind: type[object] | None = None) -> Value: ...

    def __get__(self, owner: object | None, kind: type[object] | None = None) -> Attribute[Value] | Value:
        """The value; from now on it stands in the object itself, which hides this descriptor."""
        if owner is None:
            return self
        value = owner.__dict__[self._name] = self._compute(owner)
        return value
