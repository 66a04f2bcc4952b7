"""`fact`: an attribute that is computed when first read, and then is an ordinary attribute.

`functools.cached_property` does the same under a lock up to Python 3.11, which cost a quarter of the time of the heart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class fact(Generic[Value]):  # noqa: N801 (used as a decorator)
    """Computes an attribute once per object."""

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, owner: None, kind: type[object]) -> fact[Value]: ...

    @overload
    def __get__(self, owner: object, kind: type[object] | None = None) -> Value: ...

    def __get__(self, owner: object | None, kind: type[object] | None = None) -> fact[Value] | Value:
        """The value; from now on it stands in the object itself, which hides this descriptor."""
        if owner is None:
            return self
        value = owner.__dict__[self._name] = self._compute(owner)
        return value
