"""Erasure in a shard of actions: what has not begun is withdrawn first, then all actions of the order go, and only its name stays."""

from __future__ import annotations

from dataflows.core.actions.caps import recipient
from dataflows.core.actions.machine import Machine
from dataflows.core.engine.forgotten import forgotten_record
from dataflows.core.engine.intents import Intent
from dataflows.core.rules.guarding import Objection

NAME = "forgotten"
WAITS = frozenset(("proposed", "requested", "blocked"))


def forget(machine: Machine, intent: Intent) -> None:
    """Erases an order. What it says of its actions holds nothing of the order any more but its name."""
    actions, log = machine.of_order(intent.tenant, intent.order), intent.log
    objection = Objection(NAME, "withdraw", intent.reason)
    for action in actions:
        machine.budgets.give_back(action)
        action.parameters, action.evidence, action.message, action.amount = {}, (), None, None
        action.guardrails, action.reason, action.rival, action.replaces = (objection,), intent.reason, "", None
    for action in actions:
        if action.state in WAITS:
            machine.withdraw(action, log, intent.reason)
    for action in actions:
        if not action.final:
            action.state = "withdrawn"  # It began, and nobody follows it any more: nothing is said of that.
            machine.standing.count(action)
        machine.drop(action.id)
    names = [None] if intent.customer is None else [None, intent.customer]
    for customer in names:
        machine.budgets.erase(recipient(intent.tenant, intent.order, customer))
    machine.forget_order(intent.tenant, intent.order, log)
    writer = machine.writer
    writer.out.append(forgotten_record(intent.tenant, intent.order, intent.owner, "actions", log, writer.key(log)))
