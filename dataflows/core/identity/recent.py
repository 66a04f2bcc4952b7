"""A table that forgets what has not been used for a while, by log time."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A mapping whose entries stay for at least `keep` µs of log time after their last use, and at most for twice that.

    Two generations: what is used moves to the young one, and when `keep` has passed the old one is dropped whole. So an entry costs no
    timestamp, and forgetting no search. Generations change at multiples of `keep`, the same in every run.
    """

    __slots__ = ("_generation", "_keep", "_old", "_young")

    def __init__(self, keep: int) -> None:
        self._keep = max(keep, 1)
        self._generation: int | None = None
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def advance(self, log: int) -> None:
        """Lets log time pass."""
        generation = log // self._keep
        if self._generation is not None:
            if generation <= self._generation:
                return
            self._old = self._young if generation == self._generation + 1 else {}
            self._young = {}
        self._generation = generation

    def get(self, key: K) -> V | None:
        """The value of a key, which counts as a use."""
        value = self._young.get(key)
        if value is None and self._old:
            value = self._old.pop(key, None)
            if value is not None:
                self._young[key] = value
        return value

    def set(self, key: K, value: V) -> None:
        """Sets the value of a key."""
        self._young[key] = value
        if self._old:
            self._old.pop(key, None)

    def pop(self, key: K) -> V | None:
        """Takes a key out."""
        value = self._young.pop(key, None)
        return self._old.pop(key, None) if value is None else value
