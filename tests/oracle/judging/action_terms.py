"""Actions, what is said of them, and what a policy says of them: as plain data, for the judge of actions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import cast

from tests.oracle.judging.reading import DAY, HOUR, items

IRREVERSIBLE = frozenset(
    (
        *("notify_customer", "ask_payment_update", "request_address_confirmation", "propose_substitute"),
        *("approve_refund", "approve_replacement", "cancel_order", "intercept_shipment"),
    )
)
PERSONS = frozenset(("approve_refund", "approve_replacement", "cancel_order", "propose_substitute"))
"""Money, replacement, substitution, cancellation: a person always agrees."""
TASKS = frozenset(("create_task", "escalate", "check_alternate_site", "procurement_review", "trace_parcel", "update_ticket", "reconcile"))
GOOD = {"hold_order": "release_order", "release_order": "hold_order"}
"""What makes an action good, where it is not a task for a person."""
NEEDS = {"approve_refund": "amount"}
SHARD = ("automation_paused", "budget", "one_irreversible_action", "parameters")
LANES = ("auto", "review", "block")
Key = tuple[object, ...]
Spoken = tuple[str, str, str]
"""A guardrail that speaks: its name, what it does, and why."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What an order says of an action: `asked`, `guarded` or `gone`. `key`: which time of which step of which exception."""

    log: int
    sort: str
    key: Key
    id: str
    tenant: str
    order: str
    exception: str
    kind: str
    action: str
    target: str
    parameters: Mapping[str, object]
    lane: str
    spoken: tuple[Spoken, ...]
    customer: str | None
    amount: tuple[str, str] | None
    quiet_until: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What somebody said; `told` is `data` of the event."""

    log: int
    topic: str
    tenant: str
    order: str
    id: str
    type: str
    told: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Cap:
    """A budget."""

    most: int
    rule: str | None = None
    action: str | None = None
    tenant: str | None = None
    each: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What the policy says."""

    timeout: int = 3 * DAY
    within: int = DAY
    second_above: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    approvers: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])
    caps: tuple[Cap, ...] = ()
    zone: str = "UTC"


@dataclass(slots=True)
class Known:
    """An action."""

    id: str
    tenant: str
    order: str
    exception: str | None
    kind: str
    action: str
    target: str
    parameters: Mapping[str, object]
    customer: str | None
    amount: tuple[str, str] | None
    asker: str
    state: str = ""
    lane: str = "auto"
    spoken: list[Spoken] = field(default_factory=list[Spoken])
    agreed: list[str] = field(default_factory=list[str])
    wanted_persons: int = 0
    quiet_until: int = 0
    waits_since: int | None = None
    gone_up: bool = False
    attempt: int = 0
    again: bool = False
    counted: str | None = None
    wanted: bool = True
    rival: str = ""
    amends: bool = False
    amended: bool = False
    before: str = ""
    was_requested: bool = False
    stood: bool = True
    heard: list[str] = field(default_factory=list[str])

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.state in ("executed", "rejected", "expired", "withdrawn") or (self.state == "failed" and not self.again)

    @property
    def missing(self) -> int:
        """How many persons have yet to agree."""
        return max(0, self.wanted_persons - len(self.agreed)) if self.state in ("", "proposed", "blocked") else 0

    @property
    def final_way(self) -> bool:
        """Whether what it does cannot be undone."""
        return self.action in IRREVERSIBLE


Saying = tuple[int, str, str, str, tuple[str, ...], tuple[str, ...], int]
"""When, of which action, its state, its lane, who agreed, the guardrails that spoke, how many must still agree."""


def frozen(each: Known) -> str:
    """The hash over what would be carried out: SHA-256 of canonical JSON, here of texts, whole numbers and nothing that would differ."""
    payload = {
        "tenant": each.tenant,
        "order": each.order,
        "exception": each.exception,
        "action": each.action,
        "target": each.target,
        "parameters": dict(each.parameters),
    }
    return sha256(json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def mapping_of(value: object) -> Mapping[str, object]:
    """What is a mapping, else an empty one."""
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def terms_of(policy: Mapping[str, object]) -> Terms:
    """What a policy (as data) says of actions."""
    stated = mapping_of(policy.get("actions"))
    timeout, within = _span(stated.get("approval_timeout")), _span(stated.get("approve_within"))
    timeout = 3 * DAY if timeout is None else timeout
    approvers = mapping_of(stated.get("approvers"))
    return Terms(
        timeout,
        min(DAY, timeout // 2) if within is None else within,
        {name: Decimal(str(value)) for name, value in mapping_of(stated.get("second_approval_above")).items()},
        {name: tuple(str(role) for role in items(approvers, name)) for name in approvers},
        tuple(_cap(mapping_of(cap)) for cap in items(stated, "budgets")),
        str(policy.get("zone") or "UTC"),
    )


def _cap(stated: Mapping[str, object]) -> Cap:
    rule, action, tenant = (None if stated.get(name) is None else str(stated[name]) for name in ("rule", "action", "tenant"))
    return Cap(int(str(stated["most"])), rule, action, tenant, stated.get("each") == "customer")


def _span(text: object) -> int | None:
    if text is None:
        return None
    number, unit = str(text).split()
    return int(number) * {"h": HOUR, "d": DAY}[unit]
