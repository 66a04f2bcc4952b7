"""What the queries answer with. Instants are aware, in UTC; None where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from sqlalchemy import Row

Listed = TypeVar("Listed")
Data = Mapping[str, object]


def values(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    """The columns of a row by name."""
    return dict(row._mapping)  # pyright: ignore[reportPrivateUsage] - public of rows; columns may be called like methods


@dataclass(frozen=True, slots=True)
class Page(Generic[Listed]):
    """Some rows of a list, and where the next ones begin: `after` of the next call, None if there are none."""

    rows: Sequence[Listed]
    after: str | None


@dataclass(frozen=True, slots=True)
class ActionBrief:
    """How an action of an exception stands."""

    action_id: str
    action: str
    state: str


@dataclass(frozen=True, slots=True)
class ExceptionRow:
    """An exception as a list shows it, as of the instant of looking.

    `score` is what it has grown to by then (0 to 1000). `since`: its deadline, else when it came about. `team`: who has it, else the owner.
    `clock`: the clock of the case that runs out next, `acknowledge` or `resolve`, and `clock_at` when it does; both None where none
    runs. `paused_since`: the resolve clock stands still. `action`: the latest action that is not over, else the latest. `total`: of the
    order, in `currency`. `informed_at`: when the customer was last told anything. `next_step`: the first of those recommended.
    """

    exception_id: str
    sequence: int
    tenant: str
    order_id: str
    kind: str
    scope: str | None
    status: str
    resolution: str | None
    severity: str
    score: int
    blocking: bool
    lane: str
    owner: str
    team: str
    assignee: str | None
    case_state: str
    until: datetime | None
    waiting_on: str | None
    ack_by: datetime | None
    resolve_by: datetime | None
    acknowledged_at: datetime | None
    paused_since: datetime | None
    reopenings: int
    escalation_level: int
    escalated_to: str | None
    due_at: datetime | None
    since: datetime
    raised_at: datetime
    changed_at: datetime
    resolved_at: datetime | None
    carrier: str | None
    site: str | None
    country: str | None
    summary: str
    action: ActionBrief | None = None
    total: Decimal | None = None
    currency: str | None = None
    tier: str | None = None
    sku: str | None = None
    next_step: str | None = None
    informed_at: datetime | None = None
    policy: str = ""
    label: str | None = None

    @property
    def clock(self) -> str | None:
        """The clock that runs out next."""
        return None if (found := self._clock()) is None else found[0]

    @property
    def clock_at(self) -> datetime | None:
        """When that is."""
        return None if (found := self._clock()) is None else found[1]

    def _clock(self) -> tuple[str, datetime] | None:
        if self.status != "open":
            return None
        if self.acknowledged_at is None and self.ack_by is not None:
            return "acknowledge", self.ack_by
        if self.paused_since is None and self.resolve_by is not None:
            return "resolve", self.resolve_by
        return None


@dataclass(frozen=True, slots=True)
class ListedAction:
    """An action as a list shows it. `approvers`: the roles of which one is needed to agree.

    `approvals_needed`: how many persons must still agree.
    """

    action_id: str
    sequence: int
    exception_id: str | None
    tenant: str
    order_id: str
    action: str
    step: str | None
    target: str | None
    state: str
    lane: str
    reason: str
    owner: str | None
    initiated_by: str | None
    approved_by: tuple[str, ...]
    approvers: tuple[str, ...]
    approvals_needed: int
    needs_approval_by: datetime | None
    expires_at: datetime | None
    held_until: datetime | None
    retry_at: datetime | None
    attempt: int
    irreversible: bool
    value: Decimal | None
    currency: str | None
    payload_hash: str | None
    proposed_at: datetime
    changed_at: datetime

    def may_approve(self, by: str, roles: Sequence[str]) -> bool:
        """Whether somebody may agree: an approval is outstanding, one of their roles is asked for, they neither asked for it nor agreed."""
        if not self.approvals_needed or by == self.initiated_by or by in self.approved_by:
            return False
        return any(role in self.approvers for role in roles)


@dataclass(frozen=True, slots=True)
class SaidEvent:
    """An event of an exception or an action: its number, its type, the log time, and what of its `data` the store keeps."""

    sequence: int
    type: str
    at: datetime
    data: Data


@dataclass(frozen=True, slots=True)
class NoteRow:
    """A note. `at`, `text`: None where only its reference is known."""

    note_ref: str
    by: str | None
    at: datetime | None
    text: str | None


@dataclass(frozen=True, slots=True)
class ActionDetail:
    """An action with all its events, the first one first. `data`: the last, as it was published."""

    row: ListedAction
    data: Data
    events: Sequence[SaidEvent]


@dataclass(frozen=True, slots=True)
class ExceptionDetail:
    """An exception with all that belongs to it. `data`: its last event, as it was published."""

    row: ExceptionRow
    data: Data
    events: Sequence[SaidEvent]
    actions: Sequence[ActionDetail]
    notes: Sequence[NoteRow]


@dataclass(frozen=True, slots=True)
class OrderMoment:
    """Something that happened to an order.

    `lane`: `evidence` (an event that exceptions rest on, at its own time), `exception`, `action`, `decision`, `message` or `note` (at log
    time). `what`: its type; `by`: whose word it is; `about`: the ID of the exception or action; `text`: a sentence or a state.
    """

    at: datetime
    lane: str
    what: str
    by: str | None
    about: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class OrderDetail:
    """An order with its exceptions, its actions, and all of it in the order of time. `data`: what is known of the order itself."""

    tenant: str
    order_id: str
    data: Data
    exceptions: Sequence[ExceptionRow]
    actions: Sequence[ListedAction]
    timeline: Sequence[OrderMoment]


@dataclass(frozen=True, slots=True)
class FoundOrder:
    """An order that a search found, by which of its names, and how many open exceptions it has."""

    tenant: str
    order_id: str
    by: str
    value: str
    open: int


@dataclass(frozen=True, slots=True)
class OpenCounts:
    """What headers show: how much is open, and of it how much is of each severity, nobody's, late, or waits for approval.

    `late`: of which any clock has run out. It, `snoozed` and `waiting` are also of what is left out where only what is in hand is counted.
    """

    open: int
    critical: int
    high: int
    medium: int
    low: int
    unassigned: int
    acknowledge_breached: int
    resolve_breached: int
    late: int
    snoozed: int
    waiting: int
    approvals: int


@dataclass(frozen=True, slots=True)
class StoreStanding:
    """How far the store is. `seen_at`: when its writer last looked for records; None if it never did, or does not say.

    `last_at`: the log time of the last record that it holds. `behind`: how many records are there that it does not hold; None if unknown.
    """

    seen_at: datetime | None
    last_at: datetime | None
    behind: int | None


@dataclass(frozen=True, slots=True)
class StaleFeed:
    """A feed that is silent for longer than the policy allows."""

    tenant: str
    feed: str
    since: datetime | None
    owner: str | None
