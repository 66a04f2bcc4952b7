"""One monitored feed as a shard knows it: how far it has spoken, what of that counts yet, and which orders wait for it."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from dataclasses import dataclass, field

from dataflows.core.engine.watermarks import POSITION, Pending
from dataflows.core.policy import QUIET, FeedPolicy
from schemas.instants import FAR, HOUR, NEVER
from schemas.record import FeedWatermark, Position

CATCH_UP = 2 * HOUR
"""How long a feed that has recovered is waited for at most."""


@dataclass(slots=True)
class FeedState:
    """What is known of a feed.

    `watermark` is the greatest, `heard` when it rose last, `counted` the greatest that was known `delay` ago; `logs` and `ats` hold
    the log times and watermarks of those that rose since. `pending`: what has not been taken in. `waiting` maps the key of an order to
    the instant that it waits for, `queue` sorts them. `own`: this shard raises the feed's incident. `began`: when the log did; a feed that
    has not spoken is missed from then on. `recovered`, `held`: since when the feed, which was stale, speaks again, and until when nothing
    that it has said since counts, at most until `limit`.
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
    began: int = FAR
    recovered: int = NEVER
    held: int = NEVER
    limit: int = NEVER

    @property
    def stale_at(self) -> int:
        """When the feed is stale if it says nothing more."""
        since = self.began if self.watermark == NEVER else self.watermark
        return max(since + self.terms.silence, self.heard)

    def take(self, log: int, place: Position | None) -> None:
        """Takes in what stands before a position, with `place` None: what has at most this log time."""
        pending = self.pending
        parts = [(each.track, each.take(log, place)) for each in pending]
        late = [mark for each in pending for mark in each.late(log, place)]
        self.pending = [each for each in pending if each.left]
        if len(parts) == 1 and not (late and late[0].log <= self.held):
            track, part = parts[0]
            logs = track.logs[part]
            if not logs:
                return
            # Its very first may lie so far back that it is stale at once.
            if self.stale_since is None and self.watermark != NEVER and logs[-1] <= self.stale_at:
                self._rise(logs, track.ats[part])
                return
        for mark in sorted([*late, *(mark for track, part in parts for mark in track.marks[part])], key=POSITION):
            self.hear(mark)

    def hear(self, mark: FeedWatermark) -> int | None:
        """Takes one watermark in; one that was taken in already changes nothing. If the feed recovers with it: since when it was stale."""
        log, at = mark.log, mark.at
        since: int | None = None
        if at > self.watermark:
            if self.stale_since is None and self.stale_at < log:
                self.stale_since = self.stale_at
            self.watermark, self.heard = at, log
            self.logs.append(log)
            self.ats.append(at)
            if self.stale_since is not None and at + self.terms.silence > log:
                since, self.stale_since = self.stale_since, None
                if log > self.held:
                    self.recovered, self.limit = log, log + CATCH_UP
                self._hold(log)
        if mark.late and self.recovered <= log <= self.held:
            self._hold(log)
        return since

    def _rise(self, logs: list[int], ats: list[int]) -> None:
        """Takes in watermarks that rise strictly, in log order, none of which is late or ends a silence."""
        known = bisect_right(ats, self.watermark)
        if known < len(ats):
            self.watermark, self.heard = ats[-1], logs[-1]
            self.logs += logs[known:] if known else logs
            self.ats += ats[known:] if known else ats

    def _hold(self, log: int) -> None:
        """Notes that what the feed has missed is still coming in at a log time."""
        self.held = max(self.held, min(log + QUIET, self.limit))

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
