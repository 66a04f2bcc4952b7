"""When which order of a shard is to be looked at: exact for the near future, by the hour for what is further off.

An instant and a key in a heap take about 100 bytes; most orders wait for days, and until then a place in a list is enough.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

SPAN = 3_600_000_000
"""What is an hour (µs) or less away is exact."""
FAR = 1 << 62
"""Later than every instant."""


class TimerQueue:
    """Instants (µs of log time) by key. A key counts only at its last instant, which `wake_of` tells; an earlier one may still come up."""

    def __init__(self, wake_of: Callable[[str], int | None]) -> None:
        self._wake_of = wake_of
        self._near: list[tuple[int, str]] = []
        self._far: dict[int, list[str]] = {}
        self._spans: list[int] = []
        self._reached = -FAR

    @property
    def next(self) -> int:
        """The first instant; `FAR` if there is none."""
        if not self._near:
            self._open()
        return self._near[0][0] if self._near else FAR

    def push(self, at: int, key: str) -> None:
        """Notes that a key is to be looked at at an instant. Its `wake_of` must be that instant until it is popped, or it is let go."""
        span = at // SPAN
        if span <= self._reached:
            heapq.heappush(self._near, (at, key))
            return
        keys = self._far.get(span)
        if keys is None:
            self._far[span] = [key]
            heapq.heappush(self._spans, span)
        else:
            keys.append(key)

    def pop(self) -> str:
        """Takes out the first key of the `next` instant."""
        return heapq.heappop(self._near)[1]

    def _open(self) -> None:
        """Sorts out the first span that holds anything."""
        while self._spans and not self._near:
            span = self._reached = heapq.heappop(self._spans)
            for key in set(self._far.pop(span)):
                at = self._wake_of(key)
                if at is not None and at // SPAN == span:
                    self._near.append((at, key))
            heapq.heapify(self._near)
