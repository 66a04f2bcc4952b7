"""What stands against an action that no predicate can ask for: the order's other exceptions, and how its history came in."""

from __future__ import annotations

from dataflows.core.engine.exceptions import ExceptionState
from dataflows.core.engine.order import Order
from dataflows.core.rules.guarding import Objection


def standing_against(order: Order, state: ExceptionState) -> list[Objection]:
    """The guardrails of the order's exceptions, for the action of one of them. They stand in every policy."""
    found: list[Objection] = []
    blocking = sorted({each.kind for each in order.exceptions.states.values() if each.lane == "block" and each.status == "open"})
    conflicts = [kind for kind in blocking if kind.startswith("conflict.")]
    others = [kind for kind in blocking if not kind.startswith("conflict.")]
    if conflicts:
        found.append(Objection("conflicting_sources", "block", f"sources contradict each other: {', '.join(conflicts)}"))
    if others:
        found.append(Objection("blocking_exception", "block", f"open and blocking: {', '.join(others)}"))
    if state.backfilled:
        found.append(Objection("backfilled", "review", "it began in history that was told afterwards"))
    return found
