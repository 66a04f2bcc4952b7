"""Turns a changed state into what is written: its exception event; and into the intent of an action, which is decided on behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from dataflows.core.decisions.cases import NEW
from dataflows.core.engine.against import suggestions_of
from dataflows.core.engine.asking import Asking, Guarded
from dataflows.core.engine.causes import resolved_by
from dataflows.core.engine.context import about, context_of
from dataflows.core.engine.exceptions import ExceptionState, event, exception_data
from dataflows.core.engine.feeds import Feeds
from dataflows.core.engine.followup import FollowUp
from dataflows.core.engine.lifecycle import Key, cite
from dataflows.core.engine.order import Order
from dataflows.core.engine.ruleset import RuleSet
from dataflows.core.engine.scoring import Worth, at_stake, promise_of, scored
from dataflows.core.engine.summary import summary
from dataflows.core.engine.summary_case import ExceptionCase
from dataflows.core.history.facts import Facts
from dataflows.core.policy import Policy, RuleSetting
from dataflows.core.rules.model import Rule
from schemas.instants import iso
from schemas.output import OutputRecord, rejected, withheld
from schemas.record import Record


def type_of(state: ExceptionState, before: ExceptionState | None) -> str:
    """What kind of event says the change from `before` to `state`."""
    if state.status == "retracted":
        return "exception.retracted"
    if state.status == "resolved" and (before is None or before.status != "resolved"):
        return "exception.resolved"
    return "exception.raised" if before is None else "exception.updated"


def worth_of(case: ExceptionCase, rule: Rule) -> Worth:
    """What an exception is about: the difference, where it is about a difference of money, else the order; and for whom."""
    facts = case.facts
    if facts.placed is None:
        return Worth()  # Its placing was withdrawn.
    fields, total = facts.fields, facts.fields.total
    amount = Decimal(0) if total is None else Decimal(total.amount)
    currency = None if total is None else total.currency
    if rule.of_money:
        ledger, at = facts.ledger, case.last
        owed = ledger.owed(at)
        if owed is not None:
            amount, currency = max(ledger.paid(at) - owed, owed - ledger.captured(at)), ledger.currency
    return Worth(amount, currency, fields.customer.tier if fields.customer is not None else None, at_stake(facts))


class Standing(NamedTuple):
    """What open exceptions are counted by."""

    kind: str
    owner: str
    severity: str


class CaseStanding(NamedTuple):
    """What cases of open exceptions are counted by."""

    state: str
    team: str
    level: str


class Publisher:
    """Writes states of one policy. The number of each line within its order and instant keeps their order when shards are merged."""

    def __init__(self, policy: Policy, ruleset: RuleSet, feeds: Feeds) -> None:
        self.policy = policy
        self.ruleset = ruleset
        self.asking = Asking(policy, ruleset, feeds)
        self.follow_up = FollowUp(self.asking, ruleset, policy.version)
        self.instant = -1
        self.number = 0
        self.opened: Counter[Standing] = Counter()
        """Exceptions that stand open in what was published, those in shadow left out."""
        self.cases: Counter[CaseStanding] = Counter()
        """Their cases."""

    def goes_on_as(self, other: Publisher) -> None:
        """Takes on the policy of another one; what it numbers and counts goes on."""
        self.policy, self.ruleset, self.asking, self.follow_up = other.policy, other.ruleset, other.asking, other.follow_up

    def key(self, log: int) -> str:
        """The next place at this instant."""
        if log != self.instant:
            self.instant, self.number = log, 0
        self.number += 1
        return f"{self.number:09d}"

    def publish(
        self, order: Order, changes: Mapping[Key, ExceptionState], before: Mapping[Key, ExceptionState], facts: Facts, record: Record | None
    ) -> list[OutputRecord]:
        """The lines that changes are worth, which the order's exceptions hold already. `before`: what they were; `record`: as in `say`."""
        outs: list[OutputRecord] = []
        context, spoken = context_of(order, facts), self.asking.spoken(facts)
        for key in sorted(changes, key=lambda k: (k[0], k[1] or "", k[2])):
            outs += self.say(order, changes[key], before.get(key), facts, context, spoken, record)
        return outs

    def say(
        self,
        order: Order,
        state: ExceptionState,
        before: ExceptionState | None,
        facts: Facts,
        context: dict[str, object],
        spoken: Guarded,
        record: Record | None,
    ) -> list[OutputRecord]:
        """The lines that a changed state is worth. `context`: what is known of the order; `record`: what changed it, if not time.

        `spoken`: the guardrails of the order.
        """
        rule = self.ruleset.by_kind(state.kind)
        state.sequence = (before.sequence if before else 0) + 1
        self.count(before, -1)
        self.count(state, 1)
        log, id_ = facts.now, order.exceptions.id_of(state)
        index = self.ruleset.index.get(state.kind)
        setting = order.profile.settings[index] if order.profile is not None and index is not None else None
        ended_by = resolved_by(order, state, rule, record)
        case = ExceptionCase(facts, state, rule, setting)
        data = exception_data(
            state,
            rule,
            id_,
            order.id,
            log,
            self.policy.version,
            {**context, **about(case)},
            scored(state, worth_of(case, rule), self.policy.priority, log),
            summary=summary(case, ended_by),
            resolved_by=ended_by,
            changed_by=None if record is None else cite(record),
            guardrails=[*(each for each, _ in spoken), *self.asking.messenger.consent(facts), *suggestions_of(state)],
            messages=self.asking.messenger.data(order, facts),
        )
        type_ = type_of(state, before)
        when = state.due if state.due is not None else state.start
        if type_ != "exception.raised":  # What changed, changed later.
            when = state.end if type_ == "exception.resolved" and state.end is not None else log
        body = event(order.tenant, order.id, type_, f"{id_}:{state.sequence}", when, data)
        out = OutputRecord(log, order.id, "exceptions", type_, self.key(log), body, state.kind, state.severity, state.status, data)
        out.promised = promise_of(facts)
        over = self.asking.over(order, state, rule, facts, spoken, self.key)
        return [out] if over is None else [out, over]

    def count(self, state: ExceptionState | None, by: int) -> None:
        """Counts an exception among those that stand open, if it does."""
        if state is not None and state.status == "open" and state.mode == "on":
            self.opened[Standing(state.kind, state.owner, state.severity)] += by
            case = state.work or NEW
            self.cases[CaseStanding(case.state, case.team or state.owner, str(case.level))] += by

    def uncount(self, states: Iterable[ExceptionState]) -> None:
        """Counts those of an order's exceptions no more that stand open."""
        for state in states:
            self.count(state, -1)

    def count_cases(self, states: Iterable[ExceptionState]) -> None:
        """Counts the cases of open exceptions that were counted themselves when they were said."""
        for state in states:
            if state.status == "open" and state.mode == "on":
                self.cases[CaseStanding((state.work or NEW).state, state.owner, "0")] += 1

    def count_all(self, states: Iterable[ExceptionState]) -> None:
        """Counts those of an order's exceptions that stand open."""
        for state in states:
            self.count(state, 1)

    def reject(self, record: Record, reason: str, detail: str) -> OutputRecord:
        """The line that gives a record back untouched: why, and where it stood."""
        give = withheld if reason == "forgotten" else rejected
        return give(record, self.key(record.log), reason, detail)

    def quarantine(self, order: Order, error: str, now: int, setting: RuleSetting) -> list[OutputRecord]:
        """The one line that says that an order can be evaluated no more. It rests on nothing of the order's history, which is at fault.

        What was open of it stays as it was published.
        """
        if setting.switch == "off":
            return []
        rule = self.ruleset.by_kind(setting.kind)
        known = max((v for v in order.exceptions.states.values() if v.kind == rule.kind), key=lambda v: v.episode, default=None)
        state = ExceptionState(rule.kind, None, 1, severity=setting.severity, mode=setting.switch, owner=setting.owner, lane=setting.lane)
        state.start, state.arithmetic, state.detail = now, f"happened {iso(now)}", f"the order's history: {error}"
        said = f"The order's history cannot be evaluated any more ({error}); what was open of it stays as it was published."
        if known is not None:
            goes_on = known.status != "resolved" or known.resolution == "case"
            state.episode = known.episode if goes_on else known.episode + 1
            state.sequence = known.sequence if goes_on else 0
            self.count(known, -1)
        state.sequence += 1
        self.count(state, 1)
        id_ = order.exceptions.id_of(state)
        data = exception_data(
            state, rule, id_, order.id, now, self.policy.version, {}, scored(state, Worth(), self.policy.priority, now), summary=said
        )
        type_ = "exception.raised" if state.sequence == 1 else "exception.updated"
        body = event(order.tenant, order.id, type_, f"{id_}:{state.sequence}", now, data)
        return [OutputRecord(now, order.id, "exceptions", type_, self.key(now), body, state.kind, state.severity, state.status, data)]
