"""Turns a changed state into what is written: its exception event; and into the intent of an action, which is decided on behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from dataflows.core.decisions.cases import NEW
from dataflows.core.engine.against import standing_against
from dataflows.core.engine.causes import resolved_by
from dataflows.core.engine.exceptions import ExceptionState, event, exception_data
from dataflows.core.engine.intents import Intent, asked, held_words, intent_record, lane_of, spec_of, target_of
from dataflows.core.engine.lifecycle import Key, cite
from dataflows.core.engine.order import Order
from dataflows.core.engine.ruleset import RuleSet
from dataflows.core.engine.scoring import Worth, at_stake, promise_of, scored
from dataflows.core.engine.summary import summary
from dataflows.core.engine.summary_case import ExceptionCase
from dataflows.core.engine.summary_fields import related
from dataflows.core.history.facts import Facts
from dataflows.core.history.parcels import scan_of
from dataflows.core.policy import Policy, RuleSetting
from dataflows.core.rules.guarding import Objection, guards_of, speak
from dataflows.core.rules.model import Rule
from schemas.instants import iso
from schemas.output import OutputRecord
from schemas.record import Record


def type_of(state: ExceptionState, before: ExceptionState | None) -> str:
    """What kind of event says the change from `before` to `state`."""
    if state.status == "retracted":
        return "exception.retracted"
    if state.status == "resolved" and (before is None or before.status != "resolved"):
        return "exception.resolved"
    return "exception.raised" if before is None else "exception.updated"


def context_of(order: Order, facts: Facts) -> dict[str, object]:
    """What a person or an agent needs to know of the order; no names, addresses or texts."""
    opened = [v.kind for v in order.exceptions.states.values() if v.status == "open"]
    if facts.placed is None:
        return {"open_exceptions": sorted(opened)}
    first, latest = facts.versions[0][0], facts.fields
    payments = facts.payments
    shipments: list[dict[str, object]] = []
    for shipment in facts.shipments:
        last = shipment.scans[-1] if shipment.scans else None
        scanned = None if last is None else {"status": scan_of(last).status, "reason": scan_of(last).reason, "time": iso(last.at)}
        shipments.append(
            {
                "shipment": shipment.key,
                "carrier": shipment.said("carrier"),
                "tracking_numbers": sorted(shipment.trackings),
                "last_scan": scanned,
                "delivered": shipment.delivered is not None,
            }
        )
    return {
        "placed_at": iso(facts.placed_at),
        "promise": {"first": first.promised_by, "current": latest.promised_by},
        "ship_by": {"first": first.ship_by, "current": latest.ship_by},
        "total": None if latest.total is None else {"amount": latest.total.amount, "currency": latest.total.currency},
        "customer": None if latest.customer is None else {"id": latest.customer.id, "tier": latest.customer.tier},
        "country": latest.ship_to.country if latest.ship_to else None,
        "shipments": shipments,
        "payment": {"authorized": facts.authorized is not None, "captured": str(payments.captured), "refunded": str(payments.refunded)},
        "holds": sorted(h.hold for h in facts.holds if h.released is None),
        "open_exceptions": sorted(opened),
    }


Guarded = Sequence[tuple[Objection, frozenset[str]]]
"""The guardrails that hold for an order, and what each is about."""


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


def suggestions_of(state: ExceptionState) -> list[Objection]:
    """What was suggested of an exception, as a guardrail: a person must look before anything is done by itself."""
    if not state.suggestions:
        return []
    said: list[str] = []
    for each in state.suggestions.kept:
        sure = "" if each.confidence is None else f", confidence {each.confidence:g}"
        said.append(f"{each.model} suggests {each.kind} {each.value}{sure}")
    return [Objection("suggested", "review", "; ".join(said))]


class Standing(NamedTuple):
    """What open exceptions are counted by."""

    kind: str
    owner: str
    severity: str


class Publisher:
    """Writes states of one policy. The number of each line within its order and instant keeps their order when shards are merged."""

    def __init__(self, policy: Policy, ruleset: RuleSet) -> None:
        self.policy = policy
        self.ruleset = ruleset
        self.guards = guards_of(policy.guardrails)
        self.instant = -1
        self.number = 0
        self.opened: Counter[Standing] = Counter()
        """Exceptions that stand open in what was published, those in shadow left out."""

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
        context, spoken = context_of(order, facts), speak(self.guards, facts)
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
        spoken = [*spoken, *((each, frozenset[str]()) for each in suggestions_of(state))]
        data = exception_data(
            state,
            rule,
            id_,
            order.id,
            log,
            self.policy.version,
            {**context, "related": related(case)},
            scored(state, worth_of(case, rule), self.policy.priority, log),
            summary=summary(case, ended_by),
            resolved_by=ended_by,
            changed_by=None if record is None else cite(record),
            guardrails=[each for each, _ in spoken],
        )
        type_ = type_of(state, before)
        about = state.due if state.due is not None else state.start
        if type_ != "exception.raised":  # What changed, changed later.
            about = state.end if type_ == "exception.resolved" and state.end is not None else log
        body = event(order.tenant, order.id, type_, f"{id_}:{state.sequence}", about, data)
        out = OutputRecord(log, order.id, "exceptions", type_, self.key(log), body, state.kind, state.severity, state.status, data)
        out.promised = promise_of(facts)
        intent = self._intent(order, state, rule, id_, facts, spoken)
        return [out] if intent is None else [out, intent]

    def count(self, state: ExceptionState | None, by: int) -> None:
        """Counts an exception among those that stand open, if it does."""
        if state is not None and state.status == "open" and state.mode == "on":
            self.opened[Standing(state.kind, state.owner, state.severity)] += by

    def count_all(self, states: Iterable[ExceptionState]) -> None:
        """Counts those of an order's exceptions that stand open."""
        for state in states:
            self.count(state, 1)

    def reject(self, record: Record, reason: str, detail: str) -> OutputRecord:
        """The line that gives a record back untouched: why, and where it stood."""
        data: dict[str, object] = {
            "reason": reason,
            "detail": detail,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
        }
        key = self.key(record.log)
        return OutputRecord(
            record.log, record.order, "rejects", "reject", key, record.raw, reason, data=data, record_key=record.key, headers=record.headers
        )

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

    def _intent(self, order: Order, state: ExceptionState, rule: Rule, id_: str, facts: Facts, spoken: Guarded) -> OutputRecord | None:
        """That the exception asks for its best action, or no longer does."""
        wanted = state.status == "open" and state.mode == "on" and (state.work or NEW).state != "resolved"
        name, reason = rule.actions[0] if rule.actions else ("", "the rule asks for no action any more")
        if not wanted:
            name = state.asked or name
        if wanted == (state.action > 0) or not name:
            return None
        if wanted:
            state.action, state.asked = 1 - state.action, name if rule.stated is not None else ""
        number = state.action
        if not wanted:
            state.action = -state.action
        spec = spec_of(name)
        known = asked(spec, name, state, facts, self.policy.actions)
        said: list[Objection] = []
        if wanted:
            said = [each for each, about in spoken if not about or spec.name in about]
            said += standing_against(order, state)
            if known.hold_until:
                said.append(held_words(known.hold_until))
        customer = facts.fields.customer if facts.placed is not None else None
        intent = Intent(
            log=facts.now,
            key=self.key(facts.now),
            sort="asked" if wanted else "gone",
            tenant=order.tenant,
            order=order.id,
            exception=id_,
            said=state.sequence,
            kind=state.kind,
            step=name,
            action=spec.name,
            number=number,
            target=target_of(spec, state.scope),
            parameters=known.parameters,
            lane=lane_of(state.lane, said),
            guardrails=said,
            reason=reason,
            evidence=list(state.evidence),
            severity=state.severity,
            policy=self.policy.version,
            customer=customer.id if customer is not None else None,
            amount=known.amount,
            hold_until=known.hold_until if wanted else 0,
        )
        return intent_record(intent, state.status)
