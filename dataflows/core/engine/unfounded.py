"""What people and their tools decide about exceptions and actions: it counts only where that exception or action has been said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from dataflows.core.decisions.cases import TYPES
from dataflows.core.decisions.suggestions import SUGGESTED
from dataflows.core.engine.casework import refusal
from dataflows.core.engine.exceptions import action_id
from dataflows.core.engine.followup import HEARD
from dataflows.core.engine.order import Order
from dataflows.core.engine.ruleset import RuleSet
from schemas.deciding import FORGOTTEN, is_decision, refused_decision
from schemas.events import DATA_MODELS, ActionEvent, CaseEvent
from schemas.record import Record

OF_EXCEPTIONS = ("case.", "suggestion.")
"""How the types of decisions begin that are about an exception."""
GIVEN = frozenset((*TYPES, *HEARD, SUGGESTED, FORGOTTEN))
"""The types of decisions that a shard of orders is given, of which few come."""
DECIDING = frozenset(name for name in DATA_MODELS if is_decision(name))
"""The types of all decisions."""
__all__ = ["DECIDING", "GIVEN", "refused", "unfounded"]


def refused(order: Order, record: Record, ruleset: RuleSet) -> tuple[str, str] | None:
    """Why an order that is there does not take a record, as reason and detail: it was given up, or the record decides about nothing."""
    if order.quarantined:
        return "order_quarantined", order.quarantined
    if record.event.type in DECIDING:  # Few are: the call is saved.
        wrong = unfounded(order, record, ruleset)
        if wrong is not None and not order.timeline.knows(record):
            return wrong
    return None


def unfounded(order: Order | None, record: Record, ruleset: RuleSet) -> tuple[str, str] | None:
    """Why a decision cannot count, as reason and detail; None if it can, or is no decision.

    It must be about something that was said of its own order before it in the log, be that over or taken back by now. `order`: None if
    nothing is known of it.
    """
    type_ = record.event.type
    if type_ not in DECIDING:
        return None
    if refused := refused_decision(record):
        return refused
    if type_.startswith(OF_EXCEPTIONS):
        wanted = cast("CaseEvent", record.event.data).exception_id
        states = () if order is None else order.exceptions.states.values()
        state = None if order is None else next((state for state in states if order.exceptions.id_of(state) == wanted), None)
        if state is not None:
            return refusal(state, record)
        known, what = False, "exception"
    else:
        wanted = cast("ActionEvent", record.event.data).action_id
        known = order is not None and wanted in _actions(order, ruleset)
        what = "action"
    return None if known else (f"unknown_{what}", f"no {what} {wanted} has been said of this order before")


def _actions(order: Order, ruleset: RuleSet) -> Iterator[str]:
    """The IDs of all actions that an order's exceptions ever asked for."""
    for state in order.exceptions.states.values():
        names = {state.asked} if state.asked else {name for name, _ in ruleset.by_kind(state.kind).actions[:1]}
        for name in names:
            for number in range(1, abs(state.action) + 1):
                yield action_id(order.exceptions.id_of(state), name, number)
