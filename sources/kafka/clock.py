"""This host's clock, and how far it may be trusted: it can be wrong, and it can step."""

from __future__ import annotations

import time
from collections.abc import Callable

STEP = 500_000
"""By how much (µs) a clock must move against another one to have stepped. What steers a clock gently does not do so within seconds."""
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Counts while the host is suspended as well, where there is such a clock."""


def _wall() -> int:
    return time.time_ns() // 1_000


def _steady() -> int:
    return time.clock_gettime_ns(_STEADY) // 1_000


class HostClock:
    """The clock of this host. All numbers are µs; instants since the epoch, UTC. `on_step` is told by how much the clock has stepped.

    `wall` and `steady` are what it is made of: the time of day, and a clock that nobody sets.
    """

    def __init__(
        self,
        wall: Callable[[], int] = _wall,
        steady: Callable[[], int] = _steady,
        on_step: Callable[[int], None] | None = None,
    ) -> None:
        self.wall = wall
        self.steady = steady
        self.on_step = on_step
        self._begun = self._confirmed = self._between = wall() - steady()

    def look(self) -> None:
        """Notices a step since it was last called."""
        between = self.wall() - self.steady()
        moved = between - self._between
        self._between = between
        if abs(moved) >= STEP and self.on_step is not None:
            self.on_step(moved)

    def latest(self) -> int:
        """The present, at the latest: by the time of day, or by what it was when this began, if it was set back since."""
        return max(self.wall(), self.steady() + self._begun)

    def earliest(self) -> int:
        """The present, at the earliest: the time of day, less steps forward that no stamp of a broker has confirmed."""
        return min(self.wall(), self.steady() + self._confirmed)

    def confirm(self, stamp: int) -> None:
        """A broker has stamped a record so: it is at least that late."""
        self._confirmed = max(self._confirmed, stamp - self.steady())
