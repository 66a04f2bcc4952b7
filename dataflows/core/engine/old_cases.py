"""States that were kept by programs of before: what they do not say of cases and evidence is taken from the order's history."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import cast

from msgspec.structs import replace

from dataflows.core.decisions.cases import NEW, TYPES, decided
from dataflows.core.engine.exceptions import CASE_NEW, ExceptionState
from dataflows.core.engine.order import Order
from dataflows.core.policy.setting import LONGEST_PAUSE
from schemas.events import CaseEvent
from schemas.instants import micros
from schemas.record import Evidence, Record


def take_over(order: Order, states: Iterable[ExceptionState]) -> None:
    """Gives each exception whose case stands in the old form the case that its decisions make, and which stood there."""
    records: list[Record] | None = None
    for state in states:
        if state.case == CASE_NEW:
            continue
        if records is None:
            records = sorted(order.timeline.of(*TYPES), key=attrgetter("position"))
        name, assignee, until = state.case
        case, id_ = NEW, order.exceptions.id_of(state)
        for record in records:
            data = cast("CaseEvent", record.event.data)
            if data.exception_id == id_:
                case = decided(
                    case, record.event.type, data, record.log, until=None, longest=LONGEST_PAUSE.n, over=False, severity="", promise=""
                )
        end = case.until if until is None else micros(datetime.fromisoformat(until))
        state.work = replace(case, state=name, assignee=assignee, until=end if name == "snoozed" else None)
        state.case = CASE_NEW


def date_evidence(order: Order, states: Iterable[ExceptionState]) -> None:
    """Gives evidence that was kept without its log time that of its event, as far as the order's history holds it."""
    for state in states:
        if any(one.log_us is None for one in state.evidence):
            state.evidence = tuple(_dated(order, one) for one in state.evidence)


def _dated(order: Order, evidence: Evidence) -> Evidence:
    record = order.timeline.find(evidence.source, evidence.id) if evidence.log_us is None else None
    return evidence if record is None else evidence._replace(log_us=record.log)
