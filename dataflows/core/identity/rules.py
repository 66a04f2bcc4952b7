"""What the policy says of identity, and how an orphan is worded."""

from __future__ import annotations

from dataclasses import dataclass

from dataflows.core.clocks.explain import moment
from dataflows.core.engine.backfill import Backfill
from dataflows.core.engine.exceptions import ExceptionState, event, exception_data, exception_id, score
from dataflows.core.engine.lifecycle import EXPIRED
from dataflows.core.identity.items import Orphan, evidence
from dataflows.core.policy import Dims, Policy
from dataflows.core.rules import RULES_BY_KIND
from dataflows.core.rules.conditions import least
from schemas.instants import iso
from schemas.output import OutputRecord

ORPHAN = "data.orphan_signal"
TWIN = "order.duplicate_suspected"


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """What the identity step needs of the policy: spans in µs of log time.

    `keep`: how long a tie or a waiting event is kept after its last use; `orphan_after`: how long an event may wait (None: nobody minds);
    `compare_customers`: whether orders of one customer are compared; `twins_within`: how far apart (event time) they may be placed;
    `backfill`: which events are told long after they happened; `orphans_expire`: how long an orphan stands open without news (None: for
    ever).
    """

    keep: int
    orphan_after: int | None
    compare_customers: bool
    twins_within: int
    backfill: Backfill
    orphans_expire: int | None = None


def identity_rules(policy: Policy) -> IdentityRules:
    """Reads the policy. It is the general one: an event whose order is unknown has no site, carrier, country or calendar."""
    nobody = Dims()
    orphans, twins = policy.setting(ORPHAN, nobody), policy.setting(TWIN, nobody)
    return IdentityRules(
        keep=policy.retention.dedupe,
        orphan_after=None if orphans.switch == "off" else least(orphans.threshold) + orphans.grace.n,
        compare_customers=twins.switch != "off",
        twins_within=twins.margin.n,
        backfill=Backfill(policy),
        orphans_expire=None if orphans.expire_after is None else orphans.expire_after.n,
    )


def orphan_record(orphan: Orphan, policy: Policy) -> OutputRecord:
    """The exception about an alias that nobody has claimed; the alias stands where otherwise the order does."""
    setting = policy.setting(ORPHAN, Dims(tenant=orphan.tenant))
    told = Backfill(policy).telling(orphan.records)
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
        due=orphan.due,
        arithmetic=f"first logged {iso(orphan.since)} + {(orphan.due - orphan.since) // 60_000_000} minutes",
        detail=f"tied to {orphan.order}" if orphan.order else "",
        resolution=EXPIRED if orphan.resolved and orphan.order is None else None,
        backfilled=told is not None and orphan.due < told.until,
        evidence=tuple(evidence(state) for state in orphan.records),
    )
    id_ = exception_id(orphan.tenant, orphan.alias, ORPHAN, None, 1)
    context: dict[str, object] = {}
    zone = policy.tenant_calendar(orphan.tenant).zone
    first = orphan.records[0].event if orphan.records else None
    said = f"An event of {first.source} ({first.type})" if first else "An event"
    said += f" was logged on {moment(orphan.since, zone)}"
    said += f" for {orphan.alias.replace(':', ' ', 1).replace('_', ' ', 1)}, and no order had claimed it by {moment(orphan.due, zone)}."
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
        score(state, 0.0, None, orphan.log),
        summary=f"{said} (Times: {zone}.)",
    )
    type_ = "exception.resolved" if orphan.resolved else "exception.raised"
    body = event(orphan.tenant, orphan.alias, type_, f"{id_}:{orphan.sequence}", orphan.log, data)
    key = f"{ORPHAN}:{orphan.sequence}"
    return OutputRecord(orphan.log, orphan.alias, "exceptions", type_, key, body, ORPHAN, state.severity, state.status, data)
