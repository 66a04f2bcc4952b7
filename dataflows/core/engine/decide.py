"""What of the conditions that a rule has found can be seen at a log time, and when to evaluate it again.

A deadline is decided once log time has reached it and every monitored feed that it depends on has spoken past it. Whatever depends on no
monitored feed is decided by log time alone. Instants are µs, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from dataflows.core.engine.backfill import HistoryBounds
from dataflows.core.engine.exceptions import ExceptionState
from dataflows.core.engine.feeds import Deferred, Feeds
from dataflows.core.history.facts import Facts
from dataflows.core.rules.conditions import Condition


class Decision(Struct):
    """What can be said of one rule at log time `now`; `inclusive`: deadlines are decided, all records of that instant are in.

    `history`: that of an order whose history was told; `awaits`: the milestones that the rule waits for; `seen`: the conditions that can be
    seen, by scope, in order of their start; `next_check`: when the rule must be evaluated again; `deferred`: what of it waits for feeds.
    """

    now: int
    inclusive: bool
    history: HistoryBounds | None = None
    awaits: tuple[str, ...] = ()
    seen: dict[str | None, list[Condition]] = {}
    next_check: int | None = None
    deferred: Deferred | None = None

    def take(
        self,
        found: Mapping[str | None, list[Condition]],
        feeds: Feeds,
        facts: Facts,
        said: Iterable[ExceptionState],
        before: Deferred | None,
    ) -> None:
        """Takes in what the rule found, by scope. `said`: the exceptions of its kind; `before`: what of it was deferred until now."""
        for scope, conditions in found.items():
            for condition in conditions:
                domains = condition.setting.feeds
                waits = feeds.of(domains, facts) if feeds and domains else ()
                if not waits and domains and feeds.silences:
                    waits = feeds.silences.of(facts, self.awaits, domains, self.now)
                if waits:
                    seen = self._by_feeds(condition, feeds, waits, said, before)
                else:
                    seen = not condition.timed or condition.said_from <= self.now
                    self._plan(condition)
                if seen:
                    self.seen.setdefault(scope, []).append(condition)

    def _plan(self, condition: Condition) -> None:
        """Plans the next check of what is decided by log time alone."""
        now, inclusive, end = self.now, self.inclusive, condition.end
        for at, _ in condition.steps:
            if (at > now or (at == now and not inclusive)) and (end is None or at < end):
                self._again(at)
        if condition.timed and condition.said_from > now:
            if end is None or condition.start < end:
                self._until_said(condition)
        elif condition.look_again is not None and (end is None or condition.look_again < end):
            self._again(condition.look_again)

    def _until_said(self, condition: Condition) -> None:
        """Plans to say what has begun, or will; what has is said though what it waited for may have come by then."""
        self._again(condition.said_from)
        if condition.start <= self.now:
            self._defer()

    def _again(self, at: int) -> None:
        if self.next_check is None or at < self.next_check:
            self.next_check = at

    def _by_feeds(
        self, condition: Condition, feeds: Feeds, waits: tuple[str, ...], said: Iterable[ExceptionState], before: Deferred | None
    ) -> bool:
        """Whether a condition that depends on feeds can be seen; what cannot be decided yet is deferred.

        A condition of which a part has been said is seen as it stands now: it is not taken back because its beginning was found to lie
        earlier. One whose deadline has become later waits anew.
        """
        start, end, said_from = condition.start, condition.end, condition.said_from
        known = next((v for v in said if v.scope == condition.scope and start <= v.start and (end is None or v.start < end)), None)
        history = self.history
        # What is history waits for nobody: it is not said, and only counts as an episode.
        hidden = known is None and history is not None and history.over and history.past(start, end)
        if condition.timed and known is None and not hidden:
            if said_from > self.now:
                self._until_said(condition)
                return False
            place = (condition.scope, said_from)
            armed = self.now if before is None else before.armed.get(place, self.now)
            if not self._decided(feeds, waits, said_from, armed):
                self._defer().armed[place] = armed
                return False
        if condition.look_again is not None and (end is None or condition.look_again < end):
            self._again(condition.look_again)
        condition.horizon = feeds.horizon(waits, self.now)
        for at, severity in condition.steps:
            if end is not None and at >= end:
                break
            if at > self.now:
                self._again(at)
            elif at > condition.horizon and at != condition.steps[0][0]:
                if known is not None and known.start == start and known.severity == severity:
                    condition.horizon = at  # Said already: another feed that has come to matter does not take it back.
                else:
                    self._decided(feeds, waits, at, at)
        return True

    def _decided(self, feeds: Feeds, waits: tuple[str, ...], at: int, armed: int) -> bool:
        """Whether a deadline can be decided; if not, it is looked at again when it can, or when its feed has spoken."""
        instant = feeds.decides(waits, at, armed, self.now)
        if isinstance(instant, str):
            feeds_waited = self._defer().feeds
            feeds_waited[instant] = min(at, feeds_waited.get(instant, at))
            if (last := feeds.until(instant, at)) is not None:
                self._again(last)
            return False
        if self.inclusive and instant <= self.now:
            return True
        self._again(max(instant, self.now))
        return False

    def _defer(self) -> Deferred:
        if self.deferred is None:
            self.deferred = Deferred({}, {})
        return self.deferred
