"""What the policy says of identity, and how an orphan is worded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dataflows.core.clocks.explain import moment
from dataflows.core.engine.backfill import Backfill
from dataflows.core.engine.exceptions import EXPIRED, ExceptionState, event, exception_data, exception_id
from dataflows.core.engine.scoring import Worth, scored
from dataflows.core.identity.items import Orphan, evidence
from dataflows.core.policy import Dims, Policy
from dataflows.core.rules import RULES_BY_KIND
from dataflows.core.rules.conditions import least
from schemas.instants import DAY, iso
from schemas.output import OutputRecord

ORPHAN = "data.orphan_signal"
TWIN = "order.duplicate_suspected"


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """What the identity step needs of the policy: spans in µs of log time.

    `keep`: how long a tie or a waiting event is kept after its last use; `orphan_after`: how long an event may wait (None: nobody minds),
    `orphan_by_tenant`: where that differs, by tenants in lower case;
    `compare_customers`: whether orders of one customer are compared; `twins_within`: how far apart (event time) they may be placed;
    `backfill`: which events are told long after they happened; `orphans_expire`: how long an orphan stands open without news (None: for
    ever), `expiry_by_tenant`: where that differs; `unplaced`: how long an order that was never placed is kept.
    """

    keep: int
    orphan_after: int | None
    compare_customers: bool
    twins_within: int
    backfill: Backfill
    orphan_by_tenant: Mapping[str, int | None] = field(default_factory=dict[str, "int | None"])
    orphans_expire: int | None = None
    expiry_by_tenant: Mapping[str, int | None] = field(default_factory=dict[str, "int | None"])
    unplaced: int = 30 * DAY

    def may_wait(self, tenant: str) -> int | None:
        """How long an event of a tenant may wait for its order; None: nobody minds."""
        return self.orphan_by_tenant.get(tenant.casefold(), self.orphan_after) if self.orphan_by_tenant else self.orphan_after

    def may_stand(self, tenant: str) -> int | None:
        """How long an orphan of a tenant stands open without news; None: for ever."""
        return self.expiry_by_tenant.get(tenant.casefold(), self.orphans_expire) if self.expiry_by_tenant else self.orphans_expire


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
        orphans_expire=_may_stand(policy, nobody),
        expiry_by_tenant={name: _may_stand(policy, Dims(tenant=name)) for name in sorted(tenants)},
        unplaced=policy.retention.expire_unknown,
    )


def _may_wait(policy: Policy, dims: Dims) -> int | None:
    setting = policy.setting(ORPHAN, dims)
    return None if setting.switch == "off" else least(setting.threshold) + setting.grace.n


def _may_stand(policy: Policy, dims: Dims) -> int | None:
    expiry = policy.setting(ORPHAN, dims).expire_after
    return None if expiry is None else expiry.n


def orphan_record(orphan: Orphan, policy: Policy) -> OutputRecord:
    """The exception about an alias that nobody has claimed; the alias stands where otherwise the order does."""
    setting = policy.setting(ORPHAN, Dims(tenant=orphan.tenant))
    backfilling = Backfill(policy).span_of(orphan.records)
    grace = setting.grace.n
    deadline = orphan.due - grace
    arithmetic = f"first logged {iso(orphan.since)} + {(deadline - orphan.since) // 60_000_000} minutes"
    state = ExceptionState(
        ORPHAN,
        None,
        1,
        sequence=orphan.sequence,
        status="resolved" if orphan.resolved else "open",
        severity=setting.severity,
        mode=setting.switch,
        owner=setting.owner,
        lane=setting.lane,
        start=orphan.due,
        end=orphan.log if orphan.resolved else None,
        due=deadline,
        begun=orphan.since,
        arithmetic=f"{arithmetic}, and {grace // 1_000_000} s of grace" if grace else arithmetic,
        detail=f"tied to {orphan.order}" if orphan.order else "",
        resolution=EXPIRED if orphan.resolved and orphan.order is None else None,
        backfilled=backfilling is not None and orphan.due < backfilling.until,
        evidence=tuple(evidence(state) for state in orphan.records),
    )
    id_ = exception_id(orphan.tenant, orphan.alias, ORPHAN, None, 1)
    context: dict[str, object] = {}
    zone = policy.tenant_calendar(orphan.tenant).zone
    first = orphan.records[0].event if orphan.records else None
    said = f"An event of {first.source} ({first.type})" if first else "An event"
    said += f" was logged on {moment(orphan.since, zone)}"
    said += f" for {orphan.alias.replace(':', ' ', 1).replace('_', ' ', 1)}, and no order had claimed it by {moment(deadline, zone)}."
    if state.resolution == EXPIRED:
        said += f" It was closed for age {moment(orphan.log, zone)}."
    elif orphan.resolved:
        said += f" It was tied to order {orphan.order} {moment(orphan.log, zone)}."
    data = exception_data(
        state,
        RULES_BY_KIND[ORPHAN],
        id_,
        orphan.alias,
        orphan.log,
        policy.version,
        context,
        scored(state, Worth(), policy.priority, orphan.log),
        summary=f"{said} (Times: {zone}.)",
    )
    type_ = "exception.resolved" if orphan.resolved else "exception.raised"
    body = event(orphan.tenant, orphan.alias, type_, f"{id_}:{orphan.sequence}", orphan.log, data)
    key = f"{ORPHAN}:{orphan.sequence}"
    return OutputRecord(orphan.log, orphan.alias, "exceptions", type_, key, body, ORPHAN, state.severity, state.status, data)
