"""The decision: given an order as it stands and some of its rules, what is to be said of it now, and when to evaluate it again.

`RuleEvaluator.evaluate` is pure: it changes neither the order nor anything else, and nothing else decides. The engine, the inspection of a
state and a back-test call the same function. A rule that fails costs what it has to say of that order, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from types import MappingProxyType
from typing import cast

from msgspec import Struct

from dataflows.core.decisions.cases import TYPES
from dataflows.core.decisions.suggestions import SUGGESTED
from dataflows.core.engine.backfill import HIDDEN, Backfill, BackfillSpan, HistoryBounds
from dataflows.core.engine.casework import Casework, next_due
from dataflows.core.engine.decide import Decision
from dataflows.core.engine.exceptions import EXPIRED, ExceptionState, Status
from dataflows.core.engine.failures import failed, failing, mended
from dataflows.core.engine.feeds import Deferred, Feeds
from dataflows.core.engine.lifecycle import Key, changed, expired, reconcile, suppress
from dataflows.core.engine.order import CASES, Order
from dataflows.core.engine.settled import still_since
from dataflows.core.engine.traits import mask
from dataflows.core.engine.triggers import Profile, profiles_of
from dataflows.core.history.facts import Facts
from dataflows.core.history.learned import Learned
from dataflows.core.history.timeline import Failure
from dataflows.core.policy import Policy, RuleSetting
from dataflows.core.rules.conditions import Condition, merged, while_wanted
from dataflows.core.rules.dates import zone_of
from dataflows.core.rules.grading import graded
from schemas.instants import FAR, NEVER
from schemas.record import Record

UNRESOLVED = frozenset(("open", "suppressed"))
DECIDED = mask(TYPES)
"""The traits of events that change the case of an exception."""
TAKEN = DECIDED | mask((SUGGESTED,))
"""Those of all events that change an exception by themselves."""
CASE_EVENTS = frozenset(TYPES)
NO_STATES: Mapping[Key, ExceptionState] = MappingProxyType({})
MUCH = 16
"""As many conditions are kept rather than found again."""
BY_THE_CLOCK = frozenset(("data.clock_skew", "data.rule_failed"))
"""Rules, beside those of users, that ask for more than the history."""
Found = dict["str | None", list[Condition]]
"""What a rule found: by scope its conditions, in order of their start, none touching another."""


class Evaluation(Struct):
    """What an order is found to need. Applying it makes the order what it says.

    `changes`: the exceptions that are to be said anew, as they should be; `next_check`: of each rule evaluated, when to evaluate it again
    (None: not before something happens); `waits`: what of it waits for feeds (None: nothing); `found`: what it found, whether or not that
    can be said yet; `failures`: the rules that failed, where that has changed; `rejected`: why the record that was evaluated is also given
    back, empty if it is not.
    """

    changes: dict[Key, ExceptionState] = {}
    next_check: dict[int, int | None] = {}
    waits: dict[int, Deferred | None] = {}
    found: dict[int, Found] = {}
    failures: list[Failure] | None = None
    rejected: str = ""

    def apply_to(self, order: Order, index_of: Mapping[str, int], feeds: Feeds) -> None:
        """Makes an order what was found that it needs. `index_of`: the places of the rules by their kinds."""
        recheck_at, deferred = order.recheck_at, order.deferred
        for index, at in self.next_check.items():
            if at is None:
                recheck_at.pop(index, None)
            else:
                recheck_at[index] = at
        if order.judged is not None:
            order.judged.update(self.next_check)
        if self.waits:
            for index, waits in self.waits.items():
                if waits is None:
                    deferred.pop(index, None)
                else:
                    deferred[index] = waits
            feeds.expect(order.key, deferred.values())
        if self.failures is not None:
            order.timeline.failures = self.failures
        if self.changes:
            states = order.exceptions.states = {**order.exceptions.states, **self.changes}
            live = (v.kind for v in states.values() if v.status in UNRESOLVED or v.resolution == "case")
            order.live = {index_of[kind] for kind in live if kind in index_of}
            at = next_due(states)
            if at is None:
                recheck_at.pop(CASES, None)
            else:
                recheck_at[CASES] = at


class RuleEvaluator:
    """All rules of one policy. `feeds`, `learned`: the monitored ones and what is emitted, as the shard that it decides for knows them."""

    def __init__(self, policy: Policy, feeds: Feeds, learned: Learned | None = None) -> None:
        self.policy = policy
        self.feeds = feeds
        self.backfill = Backfill(policy)
        self.learned = Learned() if learned is None else learned
        self._monitors = bool(feeds)
        self.profiles = profiles_of(policy)
        self.ruleset = self.profiles.ruleset
        self.casework = Casework(policy, self.ruleset.index)
        self.since: list[int] = []
        """By rule, the log time of the last activation that changed what it finds (`NEVER`: none); empty if no policy was activated."""

    def facts(self, order: Order, now: int) -> Facts:
        """The facts of an order at log time `now`; computed facts are kept until its history changes."""
        known = order.facts
        if known is None:
            known = order.facts = Facts(order.timeline, self.policy, order.tenant, now)
            known.learned = self.learned
        known.now = now
        return known

    def profile(self, order: Order, now: int) -> Profile:
        """The settings that hold for an order, compiled."""
        if not self.policy.overrides:
            return self.profiles.base
        return self.profiles.of(self.policy.settings(self.facts(order, now).dims))

    def evaluate(
        self, order: Order, rules: Iterable[int], now: int, record: Record | None = None, *, inclusive: bool, renewed: bool = False
    ) -> Evaluation:
        """What some rules make of an order at log time `now`, its new history included. `record`: what made it necessary, if anything.

        `inclusive`: all records of that instant are in, so that deadlines are decided. `renewed`: under a policy that was activated, which
        may say otherwise what suppresses what.

        A rule that throws leaves what it has said as it is, and is evaluated again when anything happens to the order; the first time, that
        is said and the record is rejected as well. What is thrown outside of rules is raised.
        """
        evaluation = Evaluation()
        facts, states, index_of = self.facts(order, now), order.exceptions.states, self.ruleset.index
        deciding = record is not None and record.event.type in CASE_EVENTS
        timed = inclusive and order.recheck_at.get(CASES, FAR) <= now
        suggesting = record is not None and record.event.type == SUGGESTED
        if deciding or timed or suggesting:
            if record is None or not (deciding or suggesting):
                evaluation.changes = self.casework.due(order, now)
            else:
                evaluation.changes = self.casework.suggested(order, record) if suggesting else self.casework.decided(order, facts, record)
            if evaluation.changes:
                states = {**states, **evaluation.changes}
                rules = {*rules, *order.live, *(index_of[kind] for kind, _, _ in evaluation.changes if kind in index_of)}
        of_kind: dict[str, dict[Key, ExceptionState]] = {}
        for key, state in states.items():
            of_kind.setdefault(state.kind, {})[key] = state
        failed_rule = self.ruleset.failed
        failures = order.timeline.failures
        tell = False
        for index in sorted(rules):
            if index == failed_rule:
                tell = True
                continue
            try:
                self._evaluate(order, of_kind, facts, index, evaluation, inclusive=inclusive)
            except Exception as error:  # noqa: BLE001 - whatever a rule throws must cost no other rule and no other order
                kind, name = self.ruleset.rules[index].kind, type(error).__name__
                evaluation.next_check[index] = evaluation.waits[index] = None
                if not failing(failures, kind):
                    failures = failed(failures, kind, name, now, record)
                    evaluation.rejected = evaluation.rejected or f"{kind}: {name}"
            else:
                if failures and failing(failures, kind := self.ruleset.rules[index].kind):
                    failures = mended(failures, kind, now)
        if failures is not order.timeline.failures:
            evaluation.failures = failures
            facts, tell = _with_failures(facts, failures), True
        if tell and failed_rule is not None:
            self._evaluate(order, of_kind, facts, failed_rule, evaluation, inclusive=inclusive)
        if evaluation.changes or renewed:
            self._suppress(order, evaluation.changes, now)
        if evaluation.changes or order.traits & DECIDED:
            dated = order.traits & DECIDED != 0 and not deciding and not suggesting
            self.casework.followed(order, facts, states, evaluation.changes, dated=dated)
        return evaluation

    def _evaluate(
        self,
        order: Order,
        of_kind: Mapping[str, Mapping[Key, ExceptionState]],
        facts: Facts,
        index: int,
        evaluation: Evaluation,
        *,
        inclusive: bool,
    ) -> None:
        """Evaluates one rule. `of_kind`: the exceptions of the order by their kind."""
        rule = self.ruleset.rules[index]
        profile = order.profile
        assert profile is not None
        states = of_kind.get(rule.kind, NO_STATES)
        found = self._found(facts, index, profile.settings[index])
        activated = self.since[index] if self.since else NEVER
        if activated != NEVER:
            found = still_since(found, states, activated)
        evaluation.next_check[index] = None
        if order.deferred:
            evaluation.waits[index] = None
        if not found and not states:
            return  # Nothing is wrong, and nothing was: so it is with most orders.
        history = None if order.backfilling is None else self._history(order.backfilling, facts.now, inclusive=inclusive)
        decision = Decision(facts.now, inclusive, history, rule.awaits)
        if found:
            evaluation.found[index] = found
            monitored = self._monitors or self.feeds.silences
            said = [v for v in states.values() if v.status != "retracted"] if monitored else ()
            decision.take(found, self.feeds, facts, said, order.deferred.get(index))
        evaluation.next_check[index] = decision.next_check
        if decision.deferred is not None:
            evaluation.waits[index] = decision.deferred
        if decision.seen or states:
            if index in self.ruleset.orphan and facts.placed is not None:
                history = HIDDEN  # It is no orphan any more that anybody must hear of.
            after, left_out = reconcile(
                states, rule.kind, decision.seen, facts.now, deadlines=inclusive, history=history, activated=activated
            )
            if left_out:
                evaluation.next_check[index] = facts.now
            expiry = profile.settings[index].expire_after
            for key, judged in after.items():
                state = judged
                if expiry is not None and judged.status in UNRESOLVED:
                    expires = max(order.last_log, judged.news or judged.start) + expiry.n
                    if inclusive and expires <= facts.now:
                        state = expired(judged, facts.now)
                    else:
                        evaluation.next_check[index] = min(max(expires, facts.now), evaluation.next_check[index] or FAR)
                if state is not states.get(key):
                    evaluation.changes[key] = state

    def _suppress(self, order: Order, changes: dict[Key, ExceptionState], now: int) -> None:
        """Adds to the changes of an order what follows of them: who is suppressed now, and who no longer is.

        What was suppressed by what is closed for age, and by nothing else, is closed with it, unless it is to stand for longer: nobody has
        asked for either.
        """
        id_of, profile = order.exceptions.id_of, cast("Profile", order.profile)
        closed = [state for state in changes.values() if state.resolution == EXPIRED and state.end == now]
        aged = {id_of(state): self._expiry(profile, state) for state in closed}
        again = True
        while again:
            again = False
            states = {**order.exceptions.states, **changes}
            for key, suppressor in suppress(states.values(), profile.suppressors).items():
                known = states[key]
                by = None if suppressor is None else id_of(suppressor)
                stands = self._expiry(profile, known) if aged else FAR
                if by is None and known.status == "suppressed" and stands <= aged.get(known.suppressed_by or "", NEVER):
                    changes[key] = expired(known, now)
                    aged[id_of(known)] = stands
                    again = True
                elif known.suppressed_by != by or (known.status == "suppressed") != (by is not None):
                    status: Status = "open" if by is None else "suppressed"
                    changes[key] = changed(known, status=status, suppressed_by=by)

    def _expiry(self, profile: Profile, state: ExceptionState) -> int:
        """How long an exception stands open without news."""
        index = self.ruleset.index.get(state.kind)
        expiry = None if index is None else profile.settings[index].expire_after
        return FAR if expiry is None else expiry.n

    def _history(self, backfilling: BackfillSpan, now: int, *, inclusive: bool) -> HistoryBounds:
        """What of an order's history is not said at log time `now`."""
        return HistoryBounds(
            backfilling.until,
            backfilling.until - self.backfill.max_age,
            backfilling.until < now or (backfilling.until == now and inclusive),
        )

    def _found(self, facts: Facts, index: int, setting: RuleSetting) -> Found:
        """What a rule finds. Where that is much, it is kept until the history changes: time alone does not change what is found."""
        if facts.found and (kept := facts.found.get(index)) is not None and kept[0] is setting:
            return cast("Found", kept[1])
        rule, number, placed = self.ruleset.rules[index], 0, facts.placed
        found: Found = {}
        watches = placed is not None and placed.at >= self.backfill.watch_from
        if not watches and index not in self.ruleset.unplaced:
            return found
        for condition in rule.judge(facts, setting):
            if condition is None:
                continue
            if condition.pending and placed is not None:
                graded(facts, condition)
            gaps = facts.gaps if placed is not None else ()
            wanted = while_wanted(condition, gaps) if gaps else condition
            if wanted is not None:
                found.setdefault(wanted.scope, []).append(wanted)
                number += 1
        if not found:
            return found  # So it is with most rules.
        if number > len(found):
            for scope, conditions in found.items():
                found[scope] = merged(conditions)
        if placed is not None and (date := self.ruleset.dates[index]) is not None:
            zone = zone_of(facts, date)
            for conditions in found.values():
                for condition in conditions:
                    condition.zone = zone
        if number >= MUCH:
            by_the_clock = rule.kind in BY_THE_CLOCK or rule.stated is not None or any(step.owner for step in setting.steps)
            if not by_the_clock:
                facts.found[index] = (setting, found)
        return found


def watched(order: Order, index_of: Mapping[str, int]) -> set[int]:
    """The rules that are evaluated again whatever happens to an order: those with something open or deferred, and those that fail."""
    rules = set(order.live)
    if order.deferred:
        rules.update(order.deferred)
    if order.timeline.failures:
        rules.update(index_of[failure.kind] for failure in order.timeline.failures if failure.until is None)
    return rules


def _with_failures(facts: Facts, failures: list[Failure]) -> Facts:
    """The facts of an order of which it has just been found that rules fail, or fail no more."""
    timeline = copy(facts.t)
    timeline.failures = failures
    changed_ = Facts(timeline, facts.policy, facts.tenant, facts.now)
    changed_.learned = facts.learned
    return changed_
