"""Merges several channels into one order: items wait until no channel can bring anything earlier."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")
FEW: Final = 10
"""To put an item where it belongs costs a look at a position for each binary digit of the length of its list, to sort that one per item."""


class Merge(Generic[T]):
    """Items of named channels in the order of `position`; `log` is the part of a position that watermarks are compared with (µs).

    A channel must keep its watermark: after `p` it brings nothing with a log time before `p`. Then the result is the same for every way of
    cutting the channels into batches.
    """

    __slots__ = ("_held", "_log", "_loose", "_position", "_watermark", "watermark")

    def __init__(self, channels: Iterable[str], position: Callable[[T], Any], log: Callable[[T], int], beginning: int) -> None:
        self.watermark = beginning
        """The low watermark: everything before it has been released."""
        self._watermark = dict.fromkeys(channels, beginning)
        self._position = position
        self._log = log
        self._held: list[T] = []
        """Sorted by position."""
        self._loose: list[T] = []
        """Those that have not been sorted in among them yet."""

    def __len__(self) -> int:
        return len(self._held) + len(self._loose)

    @property
    def held(self) -> Sequence[T]:
        """The items held back."""
        return [*self._held, *self._loose] if self._loose else self._held

    @property
    def channels(self) -> Mapping[str, int]:
        """The watermark of each channel."""
        return self._watermark

    def restore(self, watermark: int, channels: Mapping[str, int], held: list[T]) -> None:
        """Resumes from an earlier merge of the same channels; a channel that it did not have begins at `watermark`.

        Such a channel is a partition that was added while nobody read: its records were appended later than everything read before.
        """
        self.watermark = watermark
        for channel in self._watermark:
            self._watermark[channel] = channels.get(channel, watermark)
        self._held, self._loose = [], held

    def add(self, watermark: Mapping[str, int], items: Sequence[T], *, in_order: bool) -> None:
        """Adds what some channels bring, with their watermarks; `in_order`: the items are sorted by position already."""
        self._watermark.update(watermark)
        if not items:
            return
        held = self._held
        if in_order and (not held or self._position(held[-1]) < self._position(items[0])):
            # What a source brings follows upon what it brought before: nothing is to be sorted.
            held += items
        else:
            self._loose += items

    def release(self) -> list[T]:
        """The items that no channel can precede any more, in order."""
        least = min(self._watermark.values())
        if least <= self.watermark:
            return []
        self.watermark = least
        if self._loose:
            self._sort()
        held = self._held
        if not held:
            return held
        if self._log(held[-1]) < least:
            self._held = []
            return held
        cut = bisect_left(held, least, key=self._log)
        self._held = held[cut:]
        del held[cut:]
        return held

    def _sort(self) -> None:
        """Sorts loose items in: few are put where they belong, many are sorted with all others."""
        held, loose = self._held, self._loose
        self._loose = []
        if len(loose) * FEW > len(held):
            held += loose
            held.sort(key=self._position)
            return
        for item in loose:
            insort(held, item, key=self._position)
