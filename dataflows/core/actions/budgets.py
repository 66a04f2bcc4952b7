"""How many actions may be requested a day: reserved when one is requested, returned when it is withdrawn, never once it has begun."""

from __future__ import annotations

from collections.abc import Mapping

from dataflows.core.actions.messages import MessageDesk
from dataflows.core.actions.model import ActionState
from dataflows.core.clocks.zones import local
from dataflows.core.policy import Policy
from dataflows.core.policy.handling import Budget
from schemas.places import zone

KEPT = 3
"""For how many days counts are kept: what was reserved on a day is returned to that day."""


class Budgets:
    """The counts of one shard. A count's key names the day, the tenant, and what the budget is about."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.counts: dict[str, int] = {}
        self.messages = MessageDesk()

    def day(self, tenant: str, now: int) -> str:
        """The tenant's calendar day."""
        return local(now, zone(self.policy.tenant_zone(tenant))).date().isoformat()

    def spent(self, action: ActionState, now: int) -> Budget | None:
        """The first budget that has no room for an action."""
        for key, budget in self._about(action, now).items():
            if self.counts.get(key, 0) >= budget.most:
                return budget
        return None

    def reserve(self, action: ActionState, now: int) -> None:
        """Counts an action."""
        keys = tuple(self._about(action, now))
        for key in keys:
            self.counts[key] = self.counts.get(key, 0) + 1
        action.reserved = keys
        self.messages.requested(action, self.policy, now)

    def give_back(self, action: ActionState) -> None:
        """Counts an action no more, on the day on which it was reserved."""
        for key in action.reserved:
            left = self.counts.get(key, 0) - 1
            if left > 0:
                self.counts[key] = left
            else:
                self.counts.pop(key, None)
        action.reserved = ()
        self.messages.given_back(action)

    def erase(self, whose: str) -> None:
        """Forgets what a customer got, and what was counted of them. `whose`: as `caps.recipient` names them."""
        self.messages.counts.erase(whose)
        tenant, _, name = whose.partition("\x1f")
        for key in [key for key in self.counts if key.split("\x1f")[1] == tenant and key.rpartition("\x1f")[2] == name]:
            del self.counts[key]

    def forget(self, now: int) -> None:
        """Drops the counts of days that are over in every zone."""
        if self.counts:
            oldest = local(now - KEPT * 86_400_000_000, zone("UTC")).date().isoformat()
            for key in [key for key in self.counts if key[:10] < oldest]:
                del self.counts[key]

    def _about(self, action: ActionState, now: int) -> Mapping[str, Budget]:
        """The budgets that an action counts in, by the key of their counts."""
        budgets = self.policy.actions.budgets
        if not budgets:
            return {}
        day = self.day(action.tenant, now)
        found: dict[str, Budget] = {}
        for budget in budgets:
            if (
                (budget.rule is None or budget.rule == action.kind)
                and (budget.action is None or budget.action == action.action)
                and (budget.tenant is None or budget.tenant == action.tenant)
            ):
                whose = (action.customer or f"order {action.order}") if budget.each_customer else ""
                key = "\x1f".join((day, action.tenant, budget.rule or "", budget.action or "", budget.tenant or "", whose))
                known = found.get(key)
                if known is None or budget.most < known.most:
                    found[key] = budget  # Of two that count the same the smaller one holds.
        return found
