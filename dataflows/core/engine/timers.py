"""When which order of a shard is to be checked: exact for the present hour, by the hour for its day, by the day for what is further off.

An instant and a key in a heap take about 100 bytes, and so does a span with one key of its own. Most orders wait for days, and until then a
place in a list is enough.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from schemas.instants import DAY, FAR, HOUR


class Spans:
    """Keys by the span of time, so many µs long, in which they are to be checked."""

    __slots__ = ("_first", "_keys", "length", "reached")

    def __init__(self, length: int) -> None:
        self.length = length
        self.reached = -FAR
        """The span that was opened last: what is in it, or before it, is kept no more."""
        self._keys: dict[int, list[str]] = {}
        self._first: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._first)

    def covers(self, at: int) -> bool:
        """Whether an instant is in a span that has not been opened."""
        return at // self.length > self.reached

    def put(self, at: int, key: str) -> None:
        """Keeps a key for an instant."""
        span = at // self.length
        known = self._keys.get(span)
        if known is None:
            self._keys[span] = [key]
            heapq.heappush(self._first, span)
        else:
            known.append(key)

    def open(self) -> tuple[int, set[str]]:
        """Takes out the first span that has keys: where it begins, and the keys."""
        self.reached = heapq.heappop(self._first)
        return self.reached * self.length, set(self._keys.pop(self.reached))


class TimerQueue:
    """One timer per key, which need not be told when it moves to a later instant.

    `check_of` tells the instant (µs of log time) at which a key is to be checked, None if it is no more. When an entry comes up whose key
    is to be checked later, it is put there. So an event that postpones what its order waits for costs nothing here.
    """

    def __init__(self, check_of: Callable[[str], int | None]) -> None:
        self._check_of = check_of
        self._near: list[tuple[int, str]] = []
        self._hours, self._days = Spans(HOUR), Spans(DAY)
        self.next = FAR
        """The first instant at which something comes up; `FAR` if there is nothing."""

    def push(self, at: int, key: str) -> None:
        """Sees to it that a key comes up at an instant: one that is new, that came up, or that is to be checked earlier than before.

        `check_of` must tell this instant already.
        """
        self._put(at, key)
        if at < self.next:
            self._open()

    def due(self, at: int) -> set[str]:
        """Takes out the keys that are to be checked at an instant, which is not after `next`."""
        due: set[str] = set()
        near = self._near
        while near and near[0][0] <= at:
            _, key = heapq.heappop(near)
            check = self._check_of(key)
            if check == at:
                due.add(key)
            elif check is not None and check > at:
                self._put(check, key)
        if near:
            self.next = near[0][0]
        else:
            self._open()
        return due

    def _put(self, at: int, key: str) -> None:
        if not self._hours.covers(at):
            heapq.heappush(self._near, (at, key))
        elif not self._days.covers(at):
            self._hours.put(at, key)
        else:
            self._days.put(at, key)

    def _open(self) -> None:
        """Sorts out spans until something is exact. All hours that have keys come before all days that have."""
        hours, days = self._hours, self._days
        while not self._near and (hours or days):
            begin, keys = (hours or days).open()
            for key in keys:
                check = self._check_of(key)
                if check is not None and check >= begin:
                    self._put(check, key)
        self.next = self._near[0][0] if self._near else FAR
