"""The judgement: given an order, an event or a passing of time, what is to be said now.

`Engine` is a pure function of its arguments and of its policy; state lives in `Order`. A rule is judged when an event triggers it, when
its expectation may have run out, or while it has something open; every rule is judged again when history changed further back. A rule that
fails costs what it has to say of that order, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from dataflows.core.engine.decide import Decision
from dataflows.core.engine.exceptions import CASE_NEW, ExceptionState, Status
from dataflows.core.engine.feeds import Feeds
from dataflows.core.engine.lifecycle import Key, suppress
from dataflows.core.engine.order import Order, key_of
from dataflows.core.engine.publish import Publisher
from dataflows.core.engine.triggers import EVERY_EVENT, Profile
from dataflows.core.history.facts import RETURNS, Facts
from dataflows.core.history.shipments import is_estimate
from dataflows.core.history.timeline import Added
from dataflows.core.policy import Policy, RuleSetting
from dataflows.core.rules import RULES, RULES_BY_KIND
from dataflows.core.rules.conditions import Condition, least
from dataflows.core.rules.vocabulary import UNHEARD
from schemas.events import CaseEvent
from schemas.output import OutputRecord
from schemas.record import IdentityFinding, Record

INDEX = {rule.kind: index for index, rule in enumerate(RULES)}
ORPHAN = INDEX["data.orphan_signal"]
FAILED = INDEX["data.rule_failed"]
UNPLACED = frozenset((ORPHAN, FAILED))
"""The rules that speak of orders which are not known to be placed."""
CLOSE = -1
"""The pending entry that is no rule: when to see whether the order can be closed."""
CASE_STATES = {
    "case.acknowledged": "acknowledged",
    "case.assigned": "assigned",
    "case.snoozed": "snoozed",
    "case.resolved": "resolved",
    "case.reopened": "open",
}
CASES = frozenset(CASE_STATES)
SCATTERED = frozenset(("several", *RETURNS))
"""Marks of an order that has more than one parcel, or one that comes back."""


class Engine:
    """All rules under one policy. `feeds`: the monitored ones, as the shard that the engine judges for knows them."""

    def __init__(self, policy: Policy, feeds: Feeds | None = None) -> None:
        self.policy = policy
        self.feeds = feeds if feeds is not None else Feeds(policy)
        self.overridden = frozenset(kind for o in policy.overrides for kind in (o.rules if not o.everything else INDEX))
        self.publisher = Publisher(policy)
        self._profiles: dict[int, tuple[tuple[RuleSetting, ...], Profile]] = {}

    def profile(self, settings: tuple[RuleSetting, ...]) -> Profile:
        """The compiled form of settings."""
        known = self._profiles.get(id(settings))
        if known is None:
            known = self._profiles[id(settings)] = (settings, Profile(settings, self.overridden))
        return known[1]

    def restored(self, _: Order) -> Profile | None:
        """The profile of an order that was unpacked; None if it takes the order's facts to know."""
        return None if self.policy.overrides else self.profile(self.policy.base)

    def _profile_of(self, order: Order, now: int) -> Profile:
        if not self.policy.overrides:
            return self.profile(self.policy.base)
        return self.profile(self.policy.settings(self.facts(order, now).dims))

    def take(self, order: Order, record: Record) -> list[OutputRecord] | None:
        """What `record` makes to be said; None if it is a duplicate. Earlier deadlines must have been fired."""
        now = record.log
        added = order.timeline.add(record)
        if added is Added.DUPLICATE:
            return None
        order.last_log = now
        order.facts = None
        marks, structural, whole = order.mark(record)
        if order.timeline.anything_hidden:
            order.unmark()
            structural = True  # What the order has seen may be what was withdrawn.
        profile = order.profile
        if not order.placed:
            return self._unplaced(order, record, changed=added is Added.INSERTED)
        inserted = added is Added.INSERTED
        if profile is None or structural or inserted or self.policy.overrides:
            before, profile = profile, self._profile_of(order, now)
            order.profile = profile
            if structural or inserted or before not in (None, profile):
                said = {INDEX[key[0]] for key in order.ledger.verdicts}
                return self.judge(order, said.union(profile.possible(order.marks), _watched(order)), now, record, inclusive=False)
        seen, pending = order.marks, order.pending
        plan = profile.plan(marks)
        rules = _watched(order) or None
        for index, needs, unless in plan.judge:
            if (needs is None or not needs.isdisjoint(seen)) and (unless is None or unless.isdisjoint(seen)):
                fits = RULES[index].fits
                if fits is None or not fits(record.event.data, profile.settings[index]):
                    rules = rules or set()
                    rules.add(index)
        for index in plan.met if whole else plan.met_partly:
            pending.pop(index, None)
        for index, least_wait, needs, unless, dated in plan.arm:
            if (index in pending and dated is None) or (needs is not None and needs.isdisjoint(seen)) or (whole and index in plan.met):
                continue
            if unless is None or unless.isdisjoint(seen):
                at = record.at if dated is None else order.dates.get(dated)
                if at is not None:
                    at = max(at + least_wait, now)
                    pending[index] = min(at, pending.get(index, at))
                elif (fallback := profile.settings[index].fallback) is not None:
                    pending[index] = max(record.at + least(fallback.threshold), now)
        return self.judge(order, rules or (), now, record, inclusive=False) if rules or record.event.type in CASES else []

    def facts(self, order: Order, now: int) -> Facts:
        """The facts of an order at log time `now`; computed facts are kept until its history changes."""
        known = order.facts
        if known is None:
            known = order.facts = Facts(order.timeline, self.policy, order.tenant, now)
        known.now = now
        return known

    def note(self, order: Order, note: IdentityFinding) -> list[OutputRecord]:
        """What a note of the identity step makes to be said."""
        order.timeline.notes.append(note)
        order.marks.add("note")
        if not order.placed:
            return []
        if order.profile is None:
            order.profile = self._profile_of(order, note.log)
        rules = {index for index, _, _ in order.profile.plan(("note",)).judge} | _watched(order)
        return self.judge(order, rules, note.log, inclusive=False)

    def wake(self, order: Order, now: int) -> list[OutputRecord]:
        """What is to be said because log time has reached `now`: all records of that instant have been taken."""
        due = {index for index, at in order.pending.items() if at <= now and index != CLOSE}
        due.update(index for index, parked in order.parked.items() if self.feeds.has_passed(parked.feeds))
        if not due:
            return []
        if order.profile is None:
            order.profile = self._profile_of(order, now)
        if order.last_log < now:
            due = {index for index in due if not self._heard(order, order.profile, index, now)}
        return self.judge(order, due, now, inclusive=True) if due else []

    @staticmethod
    def _heard(order: Order, profile: Profile, index: int, now: int) -> bool:
        """Whether a rule waits for a silence that was broken so lately that it need not be judged before it is due again.

        Every earlier silence ended before the instant that the rule was to be looked at, which is never later than when it could have
        become true. Where there are several parcels, or parcels that come back, one may be silent while another is not.
        """
        rule = RULES[index]
        if not rule.silence or index in order.live or index in order.parked or not SCATTERED.isdisjoint(order.marks):
            return False
        for record in reversed(order.timeline.records):
            type_ = record.event.type
            if type_ == "carrier.scan" and is_estimate(record) and EVERY_EVENT not in rule.arms:
                continue
            if type_ in rule.arms or (EVERY_EVENT in rule.arms and not type_.startswith(UNHEARD)):
                again = record.at + profile.wait(index)
                if again > now:
                    order.pending[index] = again
                    return True
                break
        return False

    def _unplaced(self, order: Order, record: Record, *, changed: bool) -> list[OutputRecord]:
        """An order that is not known to be placed can only be an orphan; if its placing was withdrawn, so is what was said of it."""
        rules = _watched(order)
        if order.profile is None or changed:
            order.profile = self._profile_of(order, record.log)
            rules.update(order.profile.active & {ORPHAN}, (INDEX[key[0]] for key in order.ledger.verdicts))
        return self.judge(order, rules, record.log, record, inclusive=False) if rules or record.event.type in CASES else []

    def rejudge(self, order: Order, now: int) -> list[OutputRecord]:
        """Judges everything that an order could have to do with, since it was last judged under another policy."""
        profile = order.profile = self._profile_of(order, now)
        rules = {INDEX[key[0]] for key in order.ledger.verdicts} | _watched(order)
        rules.update(profile.possible(order.marks) if order.placed else profile.active & {ORPHAN})
        order.pending = {index: at for index, at in order.pending.items() if index in rules or index == CLOSE}
        return self.judge(order, rules, now, inclusive=True)

    def judge(self, order: Order, rules: Iterable[int], now: int, record: Record | None = None, *, inclusive: bool) -> list[OutputRecord]:
        """Judges some rules of an order at log time `now` and publishes the difference. `record`: what made it necessary, if anything.

        A rule that throws leaves what it has said as it is, and is judged again when anything happens to the order; the first time, that
        is said and the record is rejected as well. What is thrown outside of rules is raised.
        """
        facts, ledger = self.facts(order, now), order.ledger
        changed: dict[Key, ExceptionState] = self._cases(order, facts)
        if changed:
            ledger.verdicts = {**ledger.verdicts, **changed}
            rules = set(rules) | order.live | {INDEX[key[0]] for key in changed}
        rules = set(rules)
        tell, parked, rejected = FAILED in rules, bool(order.parked), ""
        for index in sorted(rules - {FAILED}):
            kind = RULES[index].kind
            try:
                if news := self._look(order, facts, index, now, inclusive=inclusive):
                    changed.update(news)
            except Exception as error:  # noqa: BLE001 - whatever a rule throws must cost no other rule and no other order
                name = type(error).__name__
                order.pending.pop(index, None)
                order.parked.pop(index, None)
                if order.timeline.fail(kind, name, now, record):
                    tell, rejected = True, rejected or f"{kind}: {name}"
            else:
                if order.timeline.failures and order.timeline.mend(kind, now):
                    tell = True
        if tell:
            changed.update(self._look(order, facts, FAILED, now, inclusive=inclusive))
        if parked or order.parked:
            self.feeds.expect(key_of(order.tenant, order.id), order.parked.values())
        outs = self._publish(order, changed, facts, record) if changed else []
        if rejected and record is not None:
            outs.append(self.publisher.reject(record, "rule_failed", rejected))
        return outs

    def _look(self, order: Order, facts: Facts, index: int, now: int, *, inclusive: bool) -> dict[Key, ExceptionState]:
        """Judges one rule at `now`: notes when to look again, and returns the verdicts on it that have changed."""
        rule, ledger = RULES[index], order.ledger
        conditions: list[Condition] = []
        if facts.placed is not None or index in UNPLACED:
            setting = cast("Profile", order.profile).settings[index]
            conditions = [condition for condition in rule.judge(facts, setting) if condition is not None]
        if not conditions and not ledger.verdicts:
            # Nothing is wrong, and nothing was: so it is with most orders.
            order.pending.pop(index, None)
            if order.parked:
                order.parked.pop(index, None)
            return {}
        findings = Decision(now, inclusive)
        if conditions:
            said = [v for v in ledger.verdicts.values() if v.kind == rule.kind and v.status != "retracted"] if self.feeds else ()
            findings.take(conditions, self.feeds, facts, said, order.parked.get(index))
        found, look = findings.found, findings.look
        after: dict[Key, ExceptionState] = {}
        if found or ledger.verdicts:
            after, deferred = ledger.reconcile(rule.kind, found, now, deadlines=inclusive)
            if deferred:
                look = now
        if look is None:
            order.pending.pop(index, None)
        else:
            order.pending[index] = look
        if findings.parked is not None:
            order.parked[index] = findings.parked
        elif order.parked:
            order.parked.pop(index, None)
        return {key: verdict for key, verdict in after.items() if verdict is not ledger.verdicts.get(key)}

    def quarantine(self, order: Order, error: str, now: int) -> list[OutputRecord]:
        """What is said of an order that can be judged no more."""
        return self.publisher.quarantine(order, error, now, self.policy.base[FAILED], RULES[FAILED])

    def _cases(self, order: Order, facts: Facts) -> dict[Key, ExceptionState]:
        """Verdicts whose case (who works on them) changed."""
        if CASES.isdisjoint(order.marks):
            return {}
        cases: dict[str, tuple[str, str | None, str | None]] = {}
        for record in facts.t.of(*CASE_STATES):
            data = cast("CaseEvent", record.event.data)
            _, assignee, _ = cases.get(data.exception_id, CASE_NEW)
            state = CASE_STATES[record.event.type]
            until = data.until.isoformat() if data.until is not None and state == "snoozed" else None
            cases[data.exception_id] = (state, data.assignee or assignee, until)
        ledger = order.ledger
        changed: dict[Key, ExceptionState] = {}
        for key, verdict in ledger.verdicts.items():
            case = cases.get(ledger.id_of(verdict), CASE_NEW)
            if case != verdict.case:
                changed[key] = ledger.copy(verdict, case=case)
        return changed

    def _publish(self, order: Order, changed: dict[Key, ExceptionState], facts: Facts, record: Record | None) -> list[OutputRecord]:
        ledger = order.ledger
        before = {key: ledger.verdicts.get(key) for key in changed}
        verdicts = {**ledger.verdicts, **changed}
        live = [v for v in verdicts.values() if v.status in ("open", "suppressed")]
        if live:
            ids = {id(v): ledger.id_of(v) for v in live}
            keys = {id(v): key for key, v in verdicts.items()}
            suppressors = cast("Profile", order.profile).suppressors
            for identity, suppressor in suppress(live, suppressors, ids).items():
                key = keys[identity]
                verdict = verdicts[key]
                if verdict.suppressed_by != suppressor or (verdict.status == "suppressed") != (suppressor is not None):
                    before.setdefault(key, ledger.verdicts.get(key))
                    status: Status = "open" if suppressor is None else "suppressed"
                    verdicts[key] = changed[key] = ledger.copy(verdict, status=status, suppressed_by=suppressor)
        ledger.verdicts = verdicts
        order.live = {INDEX[v.kind] for v in verdicts.values() if v.status in ("open", "suppressed") or v.resolution == "case"}
        outs: list[OutputRecord] = []
        for key in sorted(changed, key=lambda k: (k[0], k[1] or "", k[2])):
            outs.extend(self.publisher.say(order, verdicts[key], before[key], facts, RULES_BY_KIND[key[0]], record))
        return outs


def _watched(order: Order) -> set[int]:
    """The rules that are judged again whatever happens to an order: those with something open or parked, and those that fail."""
    watched = set(order.live)
    if order.parked:
        watched.update(order.parked)
    if order.timeline.failures:
        watched.update(INDEX[failure.kind] for failure in order.timeline.failures if failure.until is None)
    return watched
