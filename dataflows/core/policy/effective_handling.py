"""What holds for actions and guardrails, as a policy file would state it."""

from __future__ import annotations

from typing import TypeAlias

from dataflows.core.clocks import Span
from dataflows.core.policy.handling import GUARDRAILS, ActionPolicy, Budget, Guardrail
from dataflows.core.policy.messaging import MessagePolicy
from dataflows.core.policy.priority import Priority
from dataflows.core.policy.setting import SEVERITIES

Plain: TypeAlias = "str | list[Plain] | dict[str, Plain]"
"""What a policy file is made of."""


def actions_of(actions: ActionPolicy) -> dict[str, Plain]:
    """The section of actions."""
    found: dict[str, Plain] = {
        "approval_timeout": str(Span(actions.approval_timeout, "us")),
        "approve_within": str(Span(actions.approve_within, "us")),
        "ladder": actions.ladder,
        "remember": str(Span(actions.remember, "us")),
        "approvers": {action: list(roles) for action, roles in sorted(actions.approvers.items())},
        "second_approval_above": {currency: str(amount) for currency, amount in sorted(actions.second_approval_above.items())},
        "budgets": [_budget(budget) for budget in actions.budgets],
        "quiet_hours": "off" if actions.quiet is None else "-".join(_time(minutes) for minutes in actions.quiet),
    }
    return {name: value for name, value in found.items() if value}


def messages_of(messages: MessagePolicy) -> dict[str, Plain]:
    """The section of messages."""
    cap = messages.cap
    found: dict[str, Plain] = {
        "channels": list(messages.channels),
        "consent": messages.consent,
        "cap": "off" if cap is None else {"most": str(cap.most), "within": str(Span(cap.within, "us"))},
        "languages": dict(sorted(messages.languages.items())),
        "topics": dict(sorted(messages.topics.items())),
    }
    return {name: value for name, value in found.items() if value}


def _budget(budget: Budget) -> Plain:
    stated: dict[str, str | None] = {
        "most": str(budget.most),
        "rule": budget.rule,
        "action": budget.action,
        "tenant": budget.tenant,
        "each": "customer" if budget.each_customer else None,
    }
    return {name: value for name, value in stated.items() if value is not None}


def _time(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def guardrails_of(guardrails: tuple[Guardrail, ...]) -> dict[str, Plain]:
    """The section of guardrails; a built-in one that does not hold is off."""
    found: dict[str, Plain] = {guardrail.name: "off" for guardrail in GUARDRAILS}
    for each in guardrails:
        stated: dict[str, Plain] = {"when": each.when, "lane": each.lane}
        if each.actions:
            stated["actions"] = list(each.actions)
        found[each.name] = {**stated, "says": each.says}
    return dict(sorted(found.items()))


def priority_of(priority: Priority) -> dict[str, Plain]:
    """The section of the weights of the score."""
    return {
        "severity": {severity: str(priority.severity[severity]) for severity in SEVERITIES},
        "breach": str(priority.breach),
        "time_left": str(priority.time_left),
        "lateness": str(priority.lateness),
        "value": str(priority.value),
        "half_at": {currency: str(amount) for currency, amount in sorted(priority.half_at.items())},
        "tiers": {tier: str(points) for tier, points in sorted(priority.tiers.items())},
        "blocking": str(priority.blocking),
        "reopenings": str(priority.reopenings),
    }
