"""When orders are judged by a policy that was activated: an order that is touched at once, any other at a second of its own.

That second follows from the activation's log time and the order's key alone, so that a million orders never stop the flow, and every run
and replay judges them at the same instants.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from zlib import crc32

from dataflows.core.engine.activation import Activations
from schemas.instants import FAR, NEVER, SECOND

SPREAD: Final = 600
"""Seconds of log time after an activation within which every order is judged by the new policy."""


class Renewal:
    """The orders of one shard that have yet to be judged by the policy that was activated last."""

    def __init__(self) -> None:
        self.until = NEVER
        """The last instant at which an order may have yet to be judged."""
        self.due = FAR
        """The next instant at which orders are to be judged."""
        self.reached = NEVER
        """Up to when that was done (log time), while it is."""
        self.kinds: frozenset[str] = frozenset()
        """The kinds of which the policy finds something else; of no other kind does anything become another."""
        self._since = NEVER
        self._steps: dict[int, list[str]] = {}
        self._judged: set[str] = set()

    def plan(self, last: Activations, keys: Iterable[str], reached: int) -> None:
        """Plans the last activation over some orders; up to log time `reached` it was done.

        Orders that have yet to be judged by one shortly before it are judged by both at once.
        """
        since = last.since
        self.kinds = frozenset(kind for kind, at in last.of_rules.items() if at >= since - SPREAD * SECOND)
        steps: dict[int, list[str]] = {}
        for key in keys:
            at = since + crc32(key.encode()) % SPREAD * SECOND
            if at > reached:
                steps.setdefault(at, []).append(key)
        self._since, self._steps, self._judged, self.reached = since, steps, set(), reached
        self.due, self.until = min(steps, default=FAR), max(steps, default=NEVER)

    def step(self, at: int) -> list[str]:
        """The orders whose turn it is at an instant."""
        if at != self.due:
            return []
        keys = self._steps.pop(at)
        self.due = min(self._steps, default=FAR)
        return keys

    def pass_to(self, to: int) -> None:
        """Notes that all before log time `to` has been decided."""
        if self.reached < self._since + SPREAD * SECOND:
            self.reached = max(self.reached, to - 1)

    def awaits(self, key: str, now: int) -> bool:
        """Whether an order has yet to be judged by the policy; it is from then on."""
        if now > self.until or key in self._judged or self._since + crc32(key.encode()) % SPREAD * SECOND < now:
            return False
        self._judged.add(key)
        return True
