"""Why an exception changed: the event that resolved it."""

from __future__ import annotations

from operator import attrgetter
from typing import cast

from dataflows.core.engine.exceptions import EXPIRED, POLICY_CHANGED, ExceptionState
from dataflows.core.engine.lifecycle import cite
from dataflows.core.engine.order import Order
from dataflows.core.history.timeline import happened
from dataflows.core.rules.model import Rule
from schemas.events import CaseEvent
from schemas.record import Evidence, Record


def resolved_by(order: Order, state: ExceptionState, rule: Rule, record: Record | None) -> Evidence | None:
    """The event that resolved an exception; None if it is not resolved, or time alone resolved it. `record`: what was taken last.

    It is one of those at the instant of the end: the one in hand, else one of a kind that the rule waits for, else the first.
    """
    if state.status != "resolved" or state.resolution in (EXPIRED, POLICY_CHANGED):
        return None
    if state.resolution == "case":
        id_ = order.exceptions.id_of(state)
        cases = [r for r in order.timeline.of("case.resolved") if cast("CaseEvent", r.event.data).exception_id == id_]
        return cite(max(cases, key=attrgetter("position"))) if cases else None
    began = {(proof.source, proof.id) for proof in state.evidence}
    known = [r for r in order.timeline.at(state.end or 0) if (r.event.source, r.event.id) not in began]
    if not known:
        known = [r for r in order.timeline.records if state.end == r.log and (r.event.source, r.event.id) not in began]
    waited = {trait.partition(":")[0] for trait in rule.triggers.met_by}
    expected = {trait.partition(":")[0] for trait in (*rule.triggers.on, *rule.triggers.arms)}
    known.sort(key=lambda r: (r is not record, r.event.type not in waited, r.event.type not in expected, happened(r)))
    return cite(known[0]) if known else None
