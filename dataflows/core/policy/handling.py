"""What a policy says of actions: who must agree, how many there may be, when nobody is told anything, and what holds automation back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from schemas.actions import ACTIONS
from schemas.instants import DAY

ANY: Final = "*"
"""Stands for every action, every currency."""
APPROVERS: Final[Mapping[str, tuple[str, ...]]] = {ANY: ("admin", "approver")}
"""The roles that may approve an action unless the policy names others (P)."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How many actions may be requested a day, by the tenant's calendar day.

    It counts those of one rule, action or tenant, as far as these are named; `each_customer`: of every customer on its own.
    """

    most: int
    rule: str | None = None
    action: str | None = None
    tenant: str | None = None
    each_customer: bool = False

    @property
    def name(self) -> str:
        """What people read: `notify_customer of each customer, 2 a day`."""
        about = " of ".join(part for part in (self.action, self.rule, self.tenant) if part) or "all actions"
        return f"{about}{' for each customer' if self.each_customer else ''}, {self.most} a day"


@dataclass(frozen=True, slots=True)
class ActionPolicy:
    """Approvals, budgets and quiet hours. Spans are elapsed microseconds, `quiet` is minutes after local midnight.

    `approval_timeout`: how long an action waits for a person before it expires; `approve_within`: before it escalates, along `ladder`, else
    once; `remember`: how long one that has ended is still known;
    `second_approval_above`: by currency, the amount above which two persons must agree to what always needs approval.
    """

    approval_timeout: int = 3 * DAY
    remember: int = 30 * DAY
    approvers: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: APPROVERS)
    second_approval_above: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    budgets: tuple[Budget, ...] = ()
    quiet: tuple[int, int] | None = (21 * 60, 8 * 60)
    approve_within: int = DAY
    ladder: str = "default"

    def roles_for(self, action: str) -> tuple[str, ...]:
        """The roles of which one is needed to approve an action."""
        return self.approvers.get(action) or self.approvers.get(ANY) or APPROVERS[ANY]

    def approvals_for(self, amount: Decimal | None, currency: str | None) -> int:
        """How many persons must agree to an action that always needs approval. What is not known is taken to be much."""
        limits = self.second_approval_above
        if not limits:
            return 1
        limit = limits.get(currency or "", limits.get(ANY))
        return 1 if amount is not None and limit is not None and amount <= limit else 2


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A condition on an order under which automation stops. `actions`: those that it is about, empty for all. `says`: why, for people."""

    name: str
    when: str
    lane: str
    actions: tuple[str, ...] = ()
    says: str = ""


WORLD: Final = tuple(sorted(name for name, spec in ACTIONS.items() if spec.target != "task"))
"""What changes an order, its money or what its customer knows; a task for a team changes none of them."""
GUARDRAILS: Final = (
    Guardrail("address_risk", "order.address_risk == high or order.address_risk == medium", "review", WORLD, "the address carries a risk"),
    Guardrail(
        "customer_tier", "order.tier == vip or order.tier == platinum", "review", WORLD, "a customer of this tier is served by a person"
    ),
    Guardrail(
        "failed_capture",
        "any payment (payment.failed_stage == capture and payment.captured_at is unknown)",
        "block",
        says="taking the money failed",
    ),
    Guardrail("fraud_hold", "any hold (hold.kind == fraud and hold.released_at is unknown)", "block", says="the order is held for fraud"),
    Guardrail(
        "high_value",
        "order.total > 1000 EUR or order.total > 1000 USD or order.total > 1000 GBP",
        "review",
        WORLD,
        "the order is worth more than 1000",
    ),
    Guardrail(
        "low_confidence",
        "any parcel (parcel.status == unknown or parcel.reason == unmapped)",
        "review",
        WORLD,
        "what its carrier said last could not be read",
    ),
    Guardrail("no_stock", "order.short_since is known", "review", WORLD, "stock of the order is missing"),
)
"""Unless the policy says otherwise (P)."""
ACTION_POLICY: Final = ActionPolicy()
