"""One order, one input: takes the input into the order's history, evaluates what it concerns, applies that, and publishes the difference.

Most events concern no rule that could be true at once: they cost a few look-ups, and nothing is evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter

from dataflows.core.decisions.suggestions import SUGGESTED
from dataflows.core.engine.asking import turn
from dataflows.core.engine.casework import next_due
from dataflows.core.engine.classify import carried, classify, forget_withdrawn
from dataflows.core.engine.consequences import Consequences
from dataflows.core.engine.effort import effort
from dataflows.core.engine.evaluate import TAKEN, UNRESOLVED, Evaluation, RuleEvaluator, watched
from dataflows.core.engine.expecting import expect
from dataflows.core.engine.failures import failing
from dataflows.core.engine.feeds import Feeds
from dataflows.core.engine.followup import NEWS, hear
from dataflows.core.engine.lifecycle import expired, retracted
from dataflows.core.engine.order import ASKS, BACKFILLING, CASES, CLOSE, MESSAGES, SILENCE, Order
from dataflows.core.engine.publish import Publisher
from dataflows.core.engine.ruleset import FAILED
from dataflows.core.engine.settled import policy_changed
from dataflows.core.engine.traits import CARRIER, NOTE, PLACED, SITE
from dataflows.core.engine.triggers import Profile
from dataflows.core.history import folding
from dataflows.core.history.learned import Learned
from dataflows.core.history.parts import as_part
from dataflows.core.history.timeline import Added
from dataflows.core.policy import Policy
from schemas.instants import FAR, NEVER
from schemas.output import OutputRecord
from schemas.record import IdentityFinding, Record

CLOCKS = SITE | CARRIER
ALWAYS = CLOCKS | TAKEN
"""The traits of events that concern an order whatever rules they trigger."""
NONE: frozenset[int] = frozenset()


class Engine:
    """All rules under one policy. `feeds`: the monitored ones, as the shard that the engine works for knows them.

    `publisher`: the one of the policy before, if there was one; what it numbers and counts goes on.
    """

    def __init__(self, policy: Policy, feeds: Feeds, learned: Learned | None = None, publisher: Publisher | None = None) -> None:
        self.policy = policy
        self.evaluator = RuleEvaluator(policy, feeds, learned)
        self.ruleset = self.evaluator.ruleset
        self._by_carrier = bool(policy.carriers or self.ruleset.by_shipment)
        own = Publisher(policy, self.ruleset, feeds)
        self.publisher = own if publisher is None else publisher
        self.publisher.goes_on_as(own)
        self._consequences = Consequences(self.evaluator, self.publisher)

    def under(self, policy: Policy, since: Mapping[str, int]) -> Engine:
        """The engine that goes on under a policy that was activated.

        `since`: by kind, the log time of the last activation that changed what a rule finds.
        """
        engine = Engine(policy, self.evaluator.feeds, self.evaluator.learned, self.publisher)
        engine.evaluator.since = [since.get(rule.kind, NEVER) for rule in engine.ruleset.rules]
        return engine

    def restored(self, _: Order) -> Profile | None:
        """The profile of an order that was unpacked; None if it takes the order's facts to know."""
        return None if self.policy.overrides else self.evaluator.profiles.base

    # inputs

    def take(self, order: Order, record: Record) -> list[OutputRecord] | None:
        """What `record` makes to be said; None if it is a duplicate. Earlier deadlines must have been fired."""
        said = self._take(order, record)
        if said is None:
            return None
        if not order.exceptions.states and order.messages is None and record.event.type not in NEWS:
            return said  # Of most orders nothing has ever been said, so that nothing follows.
        return self._consequences.of(order, said, record.log, record)

    def hear(self, order: Order, record: Record) -> list[OutputRecord]:
        """What a decision about an action makes to be said of what the customer is told."""
        return self._consequences.of(order, [], record.log, record) if hear(order, record) else []

    def _take(self, order: Order, record: Record) -> list[OutputRecord] | None:
        now = record.log
        if order.profile is None and order.traits & PLACED:
            order.profile = self.evaluator.profile(order, now)  # As it was before this record, which may change it.
        if record.event.subject != record.order:
            as_part(record)
        added = order.timeline.add(record)
        if added is Added.DUPLICATE:
            return None
        if record.event.type != SUGGESTED:  # It is no news: what would be closed for age without it is.
            order.last_log = now
        if order.facts is not None:
            if added is Added.APPENDED:
                folding.take(order.facts, record)
            else:
                folding.reread(order.facts, (record, *order.timeline.moved))
        placed = order.traits & PLACED
        event, structural, whole = classify(order, record)
        if self._by_carrier:
            event |= carried(order, record)
        inserted = added is Added.INSERTED
        if inserted:
            order.repack()
        if order.timeline.size > len(order.timeline.records):  # Something is hidden.
            forget_withdrawn(order)
            structural = True  # What the order has seen may be what was withdrawn.
        is_placed = order.traits & PLACED
        if not placed or not is_placed or BACKFILLING in order.recheck_at:
            self._tell(order, record, placed=placed != 0)
        profile = order.profile
        if not is_placed:
            return self._unplaced(order, record, event, changed=inserted)
        if profile is None or structural or inserted or self.policy.overrides:
            before, profile = profile, self.evaluator.profile(order, now)
            order.profile = profile
            if structural or inserted or before not in (None, profile):
                order.work += effort(order, whole=True)
                return self._evaluate(order, self._concerned(order, profile), now, record)
        plan = profile.plan(event, order.traits, whole=whole)
        expect(order, plan, record)
        rules = plan.evaluate
        if plan.fits:
            data = record.event.data
            wanted = [index for index, fits, setting in plan.fits if not fits(data, setting)]
            if wanted:
                rules = rules.union(wanted)
        if order.live or order.deferred or order.timeline.failures:
            rules = rules | watched(order, self.ruleset.index)
        if not (rules or event & ALWAYS):
            return []
        order.work += effort(order, whole=False)  # What has been judged before is not kept: it has no say in this.
        if event & CLOCKS:
            clocked = (profile.at_site if event & SITE else NONE) | (profile.of_carrier if event & CARRIER else NONE)
            judged = profile.possible(order.traits) if order.judged is None else order.judged
            rules = rules | (clocked & (self._said(order) | judged))
        return self._evaluate(order, rules, now, record) if rules or event & TAKEN else []

    def note(self, order: Order, note: IdentityFinding) -> list[OutputRecord]:
        """What a finding of the identity step makes to be said."""
        order.timeline.notes.append(note)
        if order.facts is not None:
            order.facts.found.clear()
        order.traits |= NOTE
        if not order.placed:
            return []
        if order.profile is None:
            order.profile = self.evaluator.profile(order, note.log)
        plan = order.profile.plan(NOTE, order.traits, whole=True)
        order.work += effort(order, whole=False)
        return self._consequences.of(order, self._evaluate(order, plan.evaluate | watched(order, self.ruleset.index), note.log), note.log)

    def free(self, order: Order, now: int) -> list[OutputRecord]:
        """Has what waits for silent sources checked at the end of the present instant; nothing is said yet."""
        order.recheck_at.update(dict.fromkeys(order.deferred, now))
        return []

    def doubt(self, order: Order, now: int) -> list[OutputRecord]:
        """Has seen in its turn whether what an order asks for rests on a source that has fallen silent; nothing is said yet."""
        if order.exceptions.asks():
            order.recheck_at[SILENCE] = min(turn(order, now), order.recheck_at.get(SILENCE, FAR))
        return []

    def check(self, order: Order, now: int) -> list[OutputRecord]:
        """What is to be said because log time has reached `now`: all records of that instant have been taken."""
        due = {index for index, at in order.recheck_at.items() if at <= now and index >= 0}
        if order.recheck_at.get(CLOSE, FAR) <= now:
            # What an event has made void since may still have its timer, which is no deadline ahead: it keeps no order open. And states of
            # before exceptions were closed for age do not have theirs.
            due.update(order.live, (index for index in order.recheck_at if index >= 0))
        if order.recheck_at.get(BACKFILLING, FAR) <= now:
            del order.recheck_at[BACKFILLING]
            due |= self._everything(order, now)
        if order.deferred:
            due.update(index for index, deferred in order.deferred.items() if self.evaluator.feeds.has_passed(deferred.feeds))
        if not due and min(order.recheck_at.get(each, FAR) for each in (CASES, MESSAGES, SILENCE, ASKS)) > now:
            return []
        if order.profile is None:
            order.profile = self.evaluator.profile(order, now)
        said = self._evaluate(order, due, now, inclusive=True)
        if order.recheck_at.get(CASES, FAR) <= now and next_due(order.exceptions.states) is None:
            del order.recheck_at[CASES]
        return self._consequences.of(order, said, now, settled=True)

    def reevaluate(self, order: Order, now: int) -> list[OutputRecord]:
        """Evaluates everything that an order could have to do with, since it was last evaluated under another policy."""
        rules = self._everything(order, now)
        order.recheck_at = {index: at for index, at in order.recheck_at.items() if index in rules or index < 0}
        return self._consequences.of(order, self._evaluate(order, rules, now, inclusive=True, gone=True), now, settled=True)

    def renew(self, order: Order, now: int, kinds: frozenset[str], *, inclusive: bool) -> list[OutputRecord]:
        """Evaluates, under a policy that was activated, the rules of some kinds; what no longer holds is resolved.

        `kinds`: those of which the policy finds something else. `inclusive`: all records of this instant have been taken.
        """
        rules = self._everything(order, now)
        order.recheck_at = {index: at for index, at in order.recheck_at.items() if index in rules or index < 0}
        index_of = self.ruleset.index
        rules.intersection_update([index_of[kind] for kind in kinds if kind in index_of])
        said = self._evaluate(order, rules, now, inclusive=inclusive, gone=True, activated=True)
        return self._consequences.of(order, said, now, settled=inclusive)

    def expire(self, order: Order, now: int) -> list[OutputRecord]:
        """What is said of an order that is forgotten although something of it is open: that it is closed for age."""
        before = order.exceptions.states
        changes = {key: expired(state, now) for key, state in before.items() if state.status in UNRESOLVED}
        Evaluation(changes).apply_to(order, self.ruleset.index, self.evaluator.feeds)
        return self.publisher.publish(order, changes, before, self.evaluator.facts(order, now), None)

    def inspect(self, order: Order) -> Evaluation:
        """What the rules that an order is to be checked for, and do not fail, find in its history as it stands. Nothing changes."""
        now, failures = order.last_log, order.timeline.failures
        if order.profile is None:
            order.profile = self.evaluator.profile(order, now)
        kinds = self.ruleset.rules
        rules = [index for index in order.recheck_at if index >= 0 and not failing(failures, kinds[index].kind)]
        return self.evaluator.evaluate(order, rules, now, inclusive=True)

    def quarantine(self, order: Order, error: str, now: int) -> list[OutputRecord]:
        """What is said of an order that can be evaluated no more, and that nothing is to be done for it without a person."""
        said = self.publisher.quarantine(order, error, now, self.policy.base[self.ruleset.index[FAILED]])
        return said + self.publisher.asking.given_up(order, now, self.publisher.key)

    def _tell(self, order: Order, record: Record, *, placed: bool) -> None:
        """Notes whether an order's history is being told: that begins with its placing, or with its first record while that is unknown.

        `placed`: it was known before `record`.
        """
        backfill, backfilling = self.evaluator.backfill, order.backfilling
        if order.placed != placed or order.timeline.size == 1:
            timeline = order.timeline
            records = [record] if order.placed else sorted((*timeline.records, *timeline.hidden), key=attrgetter("position"))
            order.backfilling = backfilling = backfill.span_of(records)
        elif backfilling is not None and BACKFILLING in order.recheck_at and backfill.late(record):
            order.backfilling = backfilling = backfill.goes_on(backfilling, record)
        if backfilling is not None and backfilling.until >= record.log:
            order.recheck_at[BACKFILLING] = backfilling.until
        else:
            order.recheck_at.pop(BACKFILLING, None)

    def _unplaced(self, order: Order, record: Record, event: int, *, changed: bool) -> list[OutputRecord]:
        """An order that is not known to be placed can only be an orphan; if its placing was withdrawn, so is what was said of it."""
        if order.profile is None or changed:
            order.profile = self.evaluator.profile(order, record.log)
            rules = self._orphaned(order, order.profile)
        else:
            rules = watched(order, self.ruleset.index)
        if changed or order.live or event & TAKEN:
            order.work += effort(order, whole=changed)
        return self._evaluate(order, rules, record.log, record) if rules or event & TAKEN else []

    # rules

    def _said(self, order: Order) -> set[int]:
        """The rules that have said anything of an order, and those that are watched."""
        index_of = self.ruleset.index
        return watched(order, index_of).union(index_of[kind] for kind, _, _ in order.exceptions.states if kind in index_of)

    def _everything(self, order: Order, now: int) -> set[int]:
        """All rules that an order could have to do with, under the settings that hold for it now."""
        profile = order.profile = self.evaluator.profile(order, now)
        return self._concerned(order, profile) if order.placed else self._orphaned(order, profile)

    def _concerned(self, order: Order, profile: Profile) -> set[int]:
        """All rules that an order could have to do with."""
        return self._said(order).union(profile.possible(order.traits))

    def _orphaned(self, order: Order, profile: Profile) -> set[int]:
        """All rules that an order which is not known to be placed could have to do with."""
        return self._said(order) | (profile.active & self.ruleset.orphan)

    def _evaluate(
        self,
        order: Order,
        rules: Iterable[int],
        now: int,
        record: Record | None = None,
        *,
        inclusive: bool = False,
        gone: bool = False,
        activated: bool = False,
    ) -> list[OutputRecord]:
        """Evaluates rules and publishes what follows; `gone`: what was said by rules that the policy no longer has is taken back.

        `activated`: since another policy holds. What is open and no longer holds is then resolved, and what is over stays as it is.
        """
        evaluation = self.evaluator.evaluate(order, rules, now, record, inclusive=inclusive, renewed=activated)
        if gone:
            evaluation.changes.update(retracted(order.exceptions.states, self.ruleset.index))
        before = order.exceptions.states
        if activated:
            evaluation.changes = policy_changed(before, evaluation.changes, now)
        evaluation.apply_to(order, self.ruleset.index, self.evaluator.feeds)
        outs: list[OutputRecord] = []
        if evaluation.changes:
            order.work += effort(order, whole=False)
            outs = self.publisher.publish(order, evaluation.changes, before, self.evaluator.facts(order, now), record)
        if evaluation.rejected and record is not None:
            outs.append(self.publisher.reject(record, "rule_failed", evaluation.rejected))
        return outs
