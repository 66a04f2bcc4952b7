"""What of the conditions that a rule has found can be seen at a log time, and when to look again.

A deadline is decided once log time has reached it and every monitored feed that it depends on has spoken past it. Whatever depends on no
monitored feed is decided by log time alone. Instants are µs, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dataflows.core.engine.exceptions import ExceptionState
from dataflows.core.engine.feeds import Deferred, Feeds
from dataflows.core.history.facts import Facts
from dataflows.core.rules.conditions import Condition, merged


@dataclass(slots=True)
class Decision:
    """What one rule finds at log time `now`; `inclusive`: deadlines are decided, all records of that instant are in.

    `found`: the conditions that can be seen, by scope, in order of their start; `look`: when the rule must be judged again; `parked`: what
    of it waits for feeds.
    """

    now: int
    inclusive: bool
    found: dict[str | None, list[Condition]] = field(default_factory=dict[str | None, list["Condition"]])
    look: int | None = None
    parked: Deferred | None = None

    def take(
        self, conditions: Iterable[Condition], feeds: Feeds, facts: Facts, said: Iterable[ExceptionState], before: Deferred | None
    ) -> None:
        """Takes in what the rule's judge found. `said`: the verdicts on its kind; `before`: what of it was parked until now."""
        by_scope: dict[str | None, list[Condition]] = {}
        for condition in conditions:
            by_scope.setdefault(condition.scope, []).append(condition)
        for scope, scoped in by_scope.items():
            for condition in merged(scoped):
                waits = feeds.of(condition.setting.feeds, facts) if feeds and condition.setting.feeds else ()
                if waits:
                    seen = self._by_feeds(condition, feeds, waits, said, before)
                else:
                    seen = not condition.timed or condition.start <= self.now
                    self._look_ahead(condition)
                if seen:
                    self.found.setdefault(scope, []).append(condition)

    def _look_ahead(self, condition: Condition) -> None:
        """Looks again at what is decided by log time alone."""
        now, inclusive = self.now, self.inclusive
        ahead = [at for at, _ in condition.steps if at > now or (at == now and not inclusive)]
        if condition.timed and condition.start > now:
            ahead.append(condition.start)
        elif condition.look_again is not None:
            ahead.append(condition.look_again)
        for at in ahead:
            if condition.end is None or at < condition.end:
                self._again(at)

    def _again(self, at: int) -> None:
        if self.look is None or at < self.look:
            self.look = at

    def _by_feeds(
        self, condition: Condition, feeds: Feeds, waits: tuple[str, ...], said: Iterable[ExceptionState], before: Deferred | None
    ) -> bool:
        """Whether a condition that depends on feeds can be seen; what cannot be decided yet is parked.

        A condition of which a part has been said is seen as it stands now: it is not taken back because its beginning was found to lie
        earlier. One whose deadline has become later waits anew.
        """
        start, end = condition.start, condition.end
        verdict = next((v for v in said if v.scope == condition.scope and start <= v.start and (end is None or v.start < end)), None)
        if condition.timed and verdict is None:
            if start > self.now:
                self._again(start)
                return False
            place = (condition.scope, start)
            armed = self.now if before is None else before.armed.get(place, self.now)
            if not self._decided(feeds, waits, start, armed):
                self._park().armed[place] = armed
                return False
        if condition.look_again is not None and (end is None or condition.look_again < end):
            self._again(condition.look_again)
        condition.horizon = feeds.horizon(waits)
        for at, severity in condition.steps:
            if end is not None and at >= end:
                break
            if at > self.now:
                self._again(at)
            elif at > condition.horizon and at != condition.steps[0][0]:
                if verdict is not None and verdict.start == start and verdict.severity == severity:
                    condition.horizon = at  # Said already: another feed that has come to matter does not take it back.
                else:
                    self._decided(feeds, waits, at, at)
        return True

    def _decided(self, feeds: Feeds, waits: tuple[str, ...], at: int, armed: int) -> bool:
        """Whether a deadline can be decided; if not, it is looked at again when it can, or when the feed that it waits for has spoken."""
        instant = feeds.decides(waits, at, armed)
        if isinstance(instant, str):
            parked = self._park().feeds
            parked[instant] = min(at, parked.get(instant, at))
            return False
        if self.inclusive and instant <= self.now:
            return True
        self._again(max(instant, self.now))
        return False

    def _park(self) -> Deferred:
        if self.parked is None:
            self.parked = Deferred({}, {})
        return self.parked
