"""One monitored feed as a shard knows it: how far it has spoken, what of that counts yet, and which orders wait for it."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from dataclasses import dataclass, field

from dataflows.core.engine.watermarks import Pending
from dataflows.core.policy import FeedPolicy
from schemas.instants import FAR, HOUR, MINUTE, NEVER
from schemas.record import Position

QUIET = 15 * MINUTE
"""How long nothing late must have been told by a feed that has recovered (µs of log time); how much above its delay is late."""
CATCH_UP = 2 * HOUR
"""How long a feed that has recovered is waited for at most."""


@dataclass(slots=True)
class FeedState:
    """What is known of a feed.

    `watermark` is the greatest, `heard` when it rose last, `counted` the greatest that was known `delay` ago; `logs` and `ats` hold
    the log times and watermarks of those that rose since. `pending`: what has not been taken in. `waiting` maps the key of an order to
    the instant that it waits for, `queue` sorts them. `own`: this shard raises the feed's incident. `recovered`, `held`: since when the
    feed, which had fallen silent, speaks again, and until when nothing that it has said since counts, at most until `limit`.
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
    recovered: int = NEVER
    held: int = NEVER
    limit: int = NEVER

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
        self.rise(logs, ats)
        for late in sorted(late for each in pending for late in each.late(log if place is None else log - 1, self.terms.delay + QUIET)):
            self.hold(late)
        self.pending = [each for each in pending if each.left]

    def rise(self, logs: list[int], ats: list[int]) -> bool:
        """Notes watermarks that rise strictly, in log order. Whether any of them is higher than what was known."""
        known = bisect_right(ats, self.watermark)
        if known == len(ats):
            return False
        if logs[-1] > max(self.watermark + self.terms.silence, self.heard) and self.watermark != NEVER:
            self._recover(logs[known:], ats[known:])
        self.watermark, self.heard = ats[-1], logs[-1]
        self.logs += logs[known:] if known else logs
        self.ats += ats[known:] if known else ats
        if not self.own:
            self.stale_since = None
        return True

    def late(self, log: int, at: int) -> bool:
        """Whether a watermark was told later than the feed may."""
        return log - at > self.terms.delay + QUIET

    def hold(self, log: int) -> None:
        """Notes that something late was told at a log time: what the feed has missed is still coming in."""
        if self.recovered <= log <= self.held:
            self.held = max(self.held, min(log + QUIET, self.limit))

    def _recover(self, logs: list[int], ats: list[int]) -> None:
        """Notes since when the feed speaks again, if it had been silent before one of these watermarks."""
        before, heard = self.watermark, self.heard
        for log, at in zip(logs, ats, strict=True):
            if max(before + self.terms.silence, heard) < log < at + self.terms.silence:
                if log > self.held:
                    self.recovered = log
                self.held, self.limit = max(self.held, log + QUIET), log + CATCH_UP
            before, heard = at, log

    def count(self, now: int) -> None:
        """Lets those count that were known `delay` before `now`."""
        until = now if now >= self.held else min(now, self.recovered - 1)
        if self.logs and self.logs[0] + self.terms.delay <= until:
            passed = bisect_right(self.logs, until - self.terms.delay)
            self.counted = self.ats[passed - 1]
            del self.logs[:passed], self.ats[:passed]

    def passes(self, at: int) -> int:
        """When a watermark that is later than `at` counts, as far as the log is known; FAR if it holds none."""
        if self.watermark > at:
            if self.counted > at:
                return NEVER
            counts = self.logs[bisect_right(self.ats, at)] + self.terms.delay
            return counts if counts < self.recovered else max(counts, self.held)
        ahead = [log for each in self.pending if (log := each.passes(at)) is not None]
        return min(ahead) + self.terms.delay if ahead else FAR

    def frees(self) -> int:
        """When the first order need wait no longer."""
        queue, waiting = self.queue, self.waiting
        while queue and waiting.get(queue[0][1]) != queue[0][0]:
            heapq.heappop(queue)
        return self.passes(queue[0][0]) if queue else FAR
