"""What the policy says of identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dataflows.core.engine.backfill import Backfill
from dataflows.core.history.unclaimed import ORPHAN
from dataflows.core.policy import Dims, PacePolicy, Policy
from dataflows.core.rules.soonest import least
from schemas.instants import DAY

TWIN = "order.duplicate_suspected"


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """What the identity step needs of the policy: spans in µs of log time.

    `keep`: how long a tie or a waiting event is kept after its last use; `orphan_after`: how long an event may wait (None: nobody minds),
    `orphan_by_tenant`: where that differs, by tenants in lower case;
    `compare_customers`: whether orders of one customer are compared; `twins_within`: how far apart (event time) they may be placed;
    `backfill`: which events are told long after they happened; `unplaced`: how long an order that was never placed is kept; `pace`: when a
    source that nobody declared is silent (None: never).
    """

    keep: int
    orphan_after: int | None
    compare_customers: bool
    twins_within: int
    backfill: Backfill
    orphan_by_tenant: Mapping[str, int | None] = field(default_factory=dict[str, "int | None"])
    unplaced: int = 30 * DAY
    pace: PacePolicy | None = None

    def may_wait(self, tenant: str) -> int | None:
        """How long an event of a tenant may wait for its order; None: nobody minds."""
        return self.orphan_by_tenant.get(tenant.casefold(), self.orphan_after) if self.orphan_by_tenant else self.orphan_after


def identity_rules(policy: Policy) -> IdentityRules:
    """Reads the policy: an event whose order is unknown has a tenant, and no site, carrier, country or calendar."""
    nobody = Dims()
    twins = policy.setting(TWIN, nobody)
    tenants = {name.casefold() for override in policy.overrides for name in override.when[Dims._fields.index("tenant")] or ()}
    return IdentityRules(
        keep=policy.retention.dedupe,
        orphan_after=_may_wait(policy, nobody),
        compare_customers=twins.switch != "off",
        twins_within=twins.margin.n,
        backfill=Backfill(policy),
        orphan_by_tenant={name: _may_wait(policy, Dims(tenant=name)) for name in sorted(tenants)},
        unplaced=policy.retention.expire_unknown,
        pace=policy.pace,
    )


def _may_wait(policy: Policy, dims: Dims) -> int | None:
    setting = policy.setting(ORPHAN, dims)
    return None if setting.switch == "off" else least(setting.threshold) + setting.grace.n
