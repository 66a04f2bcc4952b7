"""Whether a process is alive, and whether it is ready, each in words."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

STUCK_S = 60.0
"""A flow that has not been polled for so long does not run any more; loading or compacting a large state takes less."""
STILL_S = 30.0
"""The watermark follows the clock on idle partitions too: if it stands for so long, brokers do not answer or a partition cannot be read."""


class Health:
    """Told by the flow what it does, asked by probes how it is. `clock` gives seconds that never go back."""

    def __init__(self, peers: Sequence[str] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._peers = peers
        self.is_joining = False
        """Whether all that this process needs of its own is there, and only its peers may be missing."""
        self._connected_at: float | None = None
        self._resume_seconds: float | None = None
        self._beaten_at: float | None = None
        self._checks: list[Callable[[], str | None]] = []
        self._watermark: Callable[[], int | None] | None = None
        self._seen: tuple[int | None, float] = (None, clock())

    @property
    def is_connected(self) -> bool:
        """Whether all processes of the cluster are there."""
        return self._connected_at is not None

    @property
    def resume_seconds(self) -> float | None:
        """How long the state took to load; None while it is not."""
        return self._resume_seconds

    def joining(self) -> None:
        """This process is about to meet its peers."""
        self.is_joining = True

    def connected(self) -> None:
        """All processes of the cluster are there."""
        if self._connected_at is None:
            self._connected_at = self._clock()

    def resumed(self) -> bool:
        """The state is loaded and the flow runs; returns whether that is news."""
        if self._resume_seconds is not None:
            return False
        self.connected()
        assert self._connected_at is not None
        self._resume_seconds = self._clock() - self._connected_at
        return True

    def beat(self) -> None:
        """The flow is being polled."""
        self._beaten_at = self._clock()

    def require(self, check: Callable[[], str | None]) -> None:
        """Makes readiness depend on `check`, which says what is missing, or None."""
        self._checks.append(check)

    def follow(self, watermark: Callable[[], int | None]) -> None:
        """Makes readiness depend on a watermark that moves (µs, log time; None while there is none)."""
        self._watermark = watermark

    def ailment(self) -> str | None:
        """Why the process is to be restarted; None if it lives."""
        if self._beaten_at is None:
            return None
        since = self._clock() - self._beaten_at
        return f"the flow has not moved for {since:.0f} s" if since > STUCK_S else None

    def missing(self) -> list[str]:
        """What the process still needs to be ready, in words; nothing if it is."""
        if self._connected_at is None:
            return [f"waiting for {', '.join(self._peers)}" if self._peers and self.is_joining else "starting"]
        if self._resume_seconds is None:
            return ["loading the state"]
        found = [problem for check in self._checks if (problem := check()) is not None]
        still = self._still()
        return [*found, still] if still else found

    def _still(self) -> str | None:
        """Compares with what an earlier question found: nothing has to run between questions."""
        if self._watermark is None:
            return None
        watermark, now = self._watermark(), self._clock()
        before, since = self._seen
        if watermark is None or watermark != before:
            self._seen = (watermark, now)
            return "nothing has been read yet" if watermark is None else None
        return f"the low watermark has not moved for {now - since:.0f} s" if now - since > STILL_S else None
