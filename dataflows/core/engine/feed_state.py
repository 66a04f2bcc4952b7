"""One monitored feed as a shard knows it: how far it has spoken, what of that counts yet, and which orders wait for it."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from dataclasses import dataclass, field

from dataflows.core.engine.watermarks import Pending
from dataflows.core.policy import FeedPolicy
from schemas.instants import FAR, NEVER
from schemas.record import Position


@dataclass(slots=True)
class FeedState:
    """What is known of a feed.

    `watermark` is the greatest, `heard` when it rose last, `counted` the greatest that was known `delay` ago; `logs` and `ats` hold
    the log times and watermarks of those that rose since. `pending`: what has not been taken in. `waiting` maps the key of an order to
    the instant that it waits for, `queue` sorts them. `own`: this shard raises the feed's incident.
    """

    terms: FeedPolicy
    own: bool
    watermark: int = NEVER
    counted: int = NEVER
    heard: int = NEVER
    logs: list[int] = field(default_factory=list[int])
    ats: list[int] = field(default_factory=list[int])
    stale_since: int | None = None
    pending: list[Pending] = field(default_factory=list[Pending])
    waiting: dict[str, int] = field(default_factory=dict[str, int])
    queue: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    def take(self, log: int, place: Position | None) -> None:
        """Takes in what stands before a position, with `place` None: what has at most this log time."""
        pending = self.pending
        if len(pending) == 1:
            logs, ats = pending[0].take(log, place)
        else:
            # Of several partitions: in the order of the log, and of each only what rises above all before it.
            found = sorted(entry for each in pending for entry in each.placed(log, place))
            logs, ats = list[int](), list[int]()
            for position, at in found:
                if not ats or at > ats[-1]:
                    logs.append(position[0])
                    ats.append(at)
        self.pending = [each for each in pending if each.left]
        self.rise(logs, ats)

    def rise(self, logs: list[int], ats: list[int]) -> bool:
        """Notes watermarks that rise strictly, in log order. Whether any of them is higher than what was known."""
        known = bisect_right(ats, self.watermark)
        if known == len(ats):
            return False
        self.watermark, self.heard = ats[-1], logs[-1]
        self.logs += logs[known:] if known else logs
        self.ats += ats[known:] if known else ats
        if not self.own:
            self.stale_since = None
        return True

    def count(self, now: int) -> None:
        """Lets those count that were known `delay` before `now`."""
        if self.logs and self.logs[0] + self.terms.delay <= now:
            passed = bisect_right(self.logs, now - self.terms.delay)
            self.counted = self.ats[passed - 1]
            del self.logs[:passed], self.ats[:passed]

    def passes(self, at: int) -> int:
        """When a watermark that is later than `at` counts, as far as the log is known; FAR if it holds none."""
        if self.watermark > at:
            return self.logs[bisect_right(self.ats, at)] + self.terms.delay if self.counted <= at else NEVER
        ahead = [log for each in self.pending if (log := each.passes(at)) is not None]
        return min(ahead) + self.terms.delay if ahead else FAR

    def frees(self) -> int:
        """When the first order need wait no longer."""
        queue, waiting = self.queue, self.waiting
        while queue and waiting.get(queue[0][1]) != queue[0][0]:
            heapq.heappop(queue)
        return self.passes(queue[0][0]) if queue else FAR
