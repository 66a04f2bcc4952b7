"""History that is told: an order whose placing comes long after it happened is judged once its history has been told.

A record is told afterwards if its log time lies further behind its own than the policy's `backfill.after` and the delay of its feed. All
of it follows from the log. Orders whose placing comes in time know nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dataflows.core.policy import Policy
from schemas.deciding import is_decision
from schemas.feeds import FeedOf
from schemas.instants import HOUR
from schemas.record import Record

LONGEST = 6 * HOUR
"""How long an order is waited for at most (µs of log time)."""


class BackfillSpan(NamedTuple):
    """When an order's history was told: it began at log time `since` and counts as told from `until` on (µs)."""

    since: int
    until: int


class Backfill:
    """What a policy takes for history."""

    def __init__(self, policy: Policy) -> None:
        terms = policy.backfill
        self._after, self._settle, self.max_age = terms.after, terms.settle, terms.max_age
        self.watch_from = policy.watch_from
        """Orders placed earlier (µs) are history only."""
        self._feeds = policy.feeds
        self._feed_of = FeedOf(policy.feeds)

    def late(self, record: Record) -> bool:
        """Whether a record was told afterwards. Decisions are taken in log order, whatever their time."""
        behind = record.log - record.at - self._after
        if behind <= 0:
            return False
        if is_decision(record.event.type):
            return False
        feed = self._feed_of(record.event.source)
        return feed is None or behind > self._feeds[feed].delay

    def span_of(self, records: Iterable[Record]) -> BackfillSpan | None:
        """The telling that the first of these records begins and the others, which come later in the log, go on with; None: it does not."""
        backfilling: BackfillSpan | None = None
        for record in records:
            if backfilling is not None and record.log > backfilling.until:
                break
            if self.late(record):
                backfilling = self.goes_on(backfilling or BackfillSpan(record.log, record.log), record)
            elif backfilling is None:
                break
        return backfilling

    def goes_on(self, backfilling: BackfillSpan, record: Record) -> BackfillSpan:
        """The telling with a further record that was told afterwards, and came before it was over."""
        return BackfillSpan(backfilling.since, min(record.log + self._settle, backfilling.since + LONGEST))


class HistoryBounds(NamedTuple):
    """What of an order whose history was told is not said any more, as of log time `now`.

    `judged`: when it was judged first; `oldest`: up to when what lasted then must have begun to be history; `over`: it is judged by now.
    """

    judged: int
    oldest: int
    over: bool

    def hides(self, start: int, end: int | None) -> bool:
        """Whether a condition that has not been said is not to be said: not yet, or since it is nobody's business any more."""
        return not self.over or self.past(start, end)

    def past(self, start: int, end: int | None) -> bool:
        """Whether a condition is history: it was over when its order was judged first, or had begun long before."""
        return start <= self.oldest or (end is not None and end <= self.judged)


HIDDEN = HistoryBounds(0, 0, over=False)
"""Hides all that has not been said."""
