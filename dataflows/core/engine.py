"""The judgement: given an order, an event or a passing of time, what is to be said now.

`Engine` is a pure function of its arguments and of its policy; state lives in `Order`. A rule is judged when an event triggers it, when
its expectation may have run out, or while it has something open; every rule is judged again when history changed further back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dataflows.core.conditions import Condition, least, merged
from dataflows.core.facts import RETURNS, Facts
from dataflows.core.ledger import Key, suppress
from dataflows.core.profile import EVERY_EVENT, Profile
from dataflows.core.publisher import Publisher
from dataflows.core.rules import RULES, RULES_BY_KIND
from dataflows.core.rules.base import UNHEARD
from dataflows.core.timeline import Added
from dataflows.core.verdicts import CASE_NEW

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dataflows.core.order import Order
    from dataflows.core.policy import Policy, RuleSetting
    from dataflows.core.verdicts import Out, Status, Verdict
    from schemas.events import CaseEvent
    from schemas.record import Note, Record

INDEX = {rule.kind: index for index, rule in enumerate(RULES)}
ORPHAN = INDEX["data.orphan_signal"]
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
    """All rules under one policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.overridden = frozenset(kind for o in policy.overrides for kind in (o.rules if not o.everything else INDEX))
        self.publisher = Publisher(policy)
        self._profiles: dict[int, tuple[tuple[RuleSetting, ...], Profile]] = {}

    def profile(self, settings: tuple[RuleSetting, ...]) -> Profile:
        """The compiled form of settings."""
        known = self._profiles.get(id(settings))
        if known is None:
            known = self._profiles[id(settings)] = (settings, Profile(settings, self.overridden))
        return known[1]

    def restored(self, order: Order) -> Profile:
        """The profile of an order that was unpacked."""
        return self._profile_of(order, order.last_log)

    def _profile_of(self, order: Order, now: int) -> Profile:
        if not self.policy.overrides:
            return self.profile(self.policy.base)
        return self.profile(self.policy.settings(self.facts(order, now).dims))

    def take(self, order: Order, record: Record) -> list[Out] | None:
        """What `record` makes to be said; None if it is a duplicate. Earlier deadlines must have been fired."""
        now = record.log
        added = order.timeline.add(record)
        if added is Added.DUPLICATE:
            return None
        order.last_log = now
        order.facts = None
        marks, structural, whole = order.mark(record)
        if order.timeline.hidden:
            order.unmark()
            structural = True  # What the order has seen may be what was withdrawn.
        profile = order.profile
        if not order.placed:
            return self._unplaced(order, now, changed=added is Added.INSERTED)
        inserted = added is Added.INSERTED
        if profile is None or structural or inserted or self.policy.overrides:
            before, profile = profile, self._profile_of(order, now)
            order.profile = profile
            if structural or inserted or before not in (None, profile):
                said = {INDEX[key[0]] for key in order.ledger.verdicts}
                return self.judge(order, said.union(profile.possible(order.marks)), now, inclusive=False)
        seen, pending = order.marks, order.pending
        plan = profile.plan(marks)
        rules = set(order.live) if order.live else None
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
        return self.judge(order, rules, now, inclusive=False) if rules else []

    def facts(self, order: Order, now: int) -> Facts:
        """The facts of an order at log time `now`; computed facts are kept until its history changes."""
        known = order.facts
        if known is None:
            known = order.facts = Facts(order.timeline, self.policy, order.tenant, now)
        known.now = now
        return known

    def note(self, order: Order, note: Note) -> list[Out]:
        """What a note of the identity step makes to be said."""
        order.timeline.notes.append(note)
        order.marks.add("note")
        if not order.placed or order.profile is None:
            return []
        rules = {index for index, _, _ in order.profile.plan(("note",)).judge} | order.live
        return self.judge(order, rules, note.log, inclusive=False)

    def wake(self, order: Order, now: int) -> list[Out]:
        """What is to be said because log time has reached `now`: all records of that instant have been taken."""
        due = {index for index, at in order.pending.items() if at <= now and index != CLOSE}
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
        if not rule.silence or index in order.live or not SCATTERED.isdisjoint(order.marks):
            return False
        for record in reversed(order.timeline.records):
            type_ = record.event.type
            if type_ in rule.arms or (EVERY_EVENT in rule.arms and not type_.startswith(UNHEARD)):
                again = record.at + profile.wait(index)
                if again > now:
                    order.pending[index] = again
                    return True
                break
        return False

    def _unplaced(self, order: Order, now: int, *, changed: bool) -> list[Out]:
        """An order that is not known to be placed can only be an orphan; if its placing was withdrawn, so is what was said of it."""
        rules = set(order.live)
        if order.profile is None or changed:
            order.profile = self._profile_of(order, now)
            rules.update(order.profile.active & {ORPHAN}, (INDEX[key[0]] for key in order.ledger.verdicts))
        return self.judge(order, rules, now, inclusive=False) if rules else []

    def judge(self, order: Order, rules: Iterable[int], now: int, *, inclusive: bool) -> list[Out]:
        """Judges some rules of an order at log time `now` and publishes the difference."""
        facts, ledger = self.facts(order, now), order.ledger
        profile = cast("Profile", order.profile)
        changed: dict[Key, Verdict] = self._cases(order, facts)
        if changed:
            ledger.verdicts = {**ledger.verdicts, **changed}
            rules = set(rules) | order.live | {INDEX[key[0]] for key in changed}
        for index in sorted(rules):
            found, look = self._find(facts, profile.settings[index], index, now, inclusive=inclusive)
            if look is None:
                order.pending.pop(index, None)
            else:
                order.pending[index] = look
            if not found and index not in order.live and not ledger.verdicts:
                continue
            after, deferred = ledger.reconcile(RULES[index].kind, found, now, deadlines=inclusive)
            if deferred:
                order.pending[index] = now
            changed.update((key, verdict) for key, verdict in after.items() if verdict is not ledger.verdicts.get(key))
        return self._publish(order, changed, facts) if changed else []

    @staticmethod
    def _find(
        facts: Facts, setting: RuleSetting, index: int, now: int, *, inclusive: bool
    ) -> tuple[dict[str | None, list[Condition]], int | None]:
        """The conditions of one rule that can be seen at `now`, by scope, and when next to look."""
        if facts.placed is None and index != ORPHAN:
            return {}, None
        conditions = [condition for condition in RULES[index].judge(facts, setting) if condition is not None]
        if not conditions:
            return {}, None
        by_scope: dict[str | None, list[Condition]] = {}
        for condition in conditions:
            by_scope.setdefault(condition.scope, []).append(condition)
        found: dict[str | None, list[Condition]] = {}
        look: int | None = None
        for scope, scoped in by_scope.items():
            for condition in merged(scoped):
                ahead = [at for at, _ in condition.steps if at > now or (at == now and not inclusive)]
                if condition.timed and condition.start > now:
                    ahead.append(condition.start)
                else:
                    found.setdefault(scope, []).append(condition)
                if condition.look_again is not None:
                    ahead.append(condition.look_again)
                for at in ahead:
                    if (condition.end is None or at < condition.end) and (look is None or at < look):
                        look = at
        return found, look

    def _cases(self, order: Order, facts: Facts) -> dict[Key, Verdict]:
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
        changed: dict[Key, Verdict] = {}
        for key, verdict in ledger.verdicts.items():
            case = cases.get(ledger.id_of(verdict), CASE_NEW)
            if case != verdict.case:
                changed[key] = ledger.copy(verdict, case=case)
        return changed

    def _publish(self, order: Order, changed: dict[Key, Verdict], facts: Facts) -> list[Out]:
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
        outs: list[Out] = []
        for key in sorted(changed, key=lambda k: (k[0], k[1] or "", k[2])):
            outs.extend(self.publisher.say(order, verdicts[key], before[key], facts, RULES_BY_KIND[key[0]]))
        return outs
