"""When which order of a shard is to be checked: exact for the near future, by the hour for what is further off.

An instant and a key in a heap take about 100 bytes; most orders wait for days, and until then a place in a list is enough.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from schemas.instants import FAR, HOUR

SPAN = HOUR
"""What is in the current span (µs) or before it is exact."""


class TimerQueue:
    """One timer per key, which need not be told when it moves to a later instant.

    `check_of` tells the instant (µs of log time) at which a key is to be checked, None if it is no more. When an entry comes up whose key
    is to be checked later, it is put there. So an event that postpones what its order waits for costs nothing here.
    """

    def __init__(self, check_of: Callable[[str], int | None]) -> None:
        self._check_of = check_of
        self._near: list[tuple[int, str]] = []
        self._far: dict[int, str | list[str]] = {}
        self._spans: list[int] = []
        self._reached = -FAR
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
        span = at // SPAN
        if span <= self._reached:
            heapq.heappush(self._near, (at, key))
            return
        known = self._far.get(span)
        if known is None:
            self._far[span] = key  # Mostly the only one: a shard has one order of many.
            heapq.heappush(self._spans, span)
        elif isinstance(known, str):
            self._far[span] = [known, key]
        else:
            known.append(key)

    def _open(self) -> None:
        """Sorts out spans until something is exact."""
        while self._spans and not self._near:
            span = self._reached = heapq.heappop(self._spans)
            keys = self._far.pop(span)
            for key in (keys,) if isinstance(keys, str) else set(keys):
                check = self._check_of(key)
                if check is not None and check // SPAN >= span:
                    self._put(check, key)
        self.next = self._near[0][0] if self._near else FAR
