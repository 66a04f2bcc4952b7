"""What the events that go out are made of: cited evidence, the case of an exception, and what its order has come to."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from schemas.events import Model, Money
from schemas.values import Id, Instant, ShortText, Sum


class Cited(Model):
    """An event that an exception or action rests on, and its position in the log."""

    source: Id
    id: Id
    type: ShortText
    time: Instant
    """When it happened."""
    recorded_at: Instant | None = None
    """When it was appended to the log; of an event that waited for its order, when that was known. None: not known any more."""
    topic: ShortText | None = None
    partition: int | None = None
    offset: int | None = None


class CaseEnd(Model):
    """A snooze or a wait that ended by itself."""

    state: ShortText
    """`snoozed` or `waiting`."""
    by: ShortText
    """`time`, `promise_moves`, `severity_rises`."""
    at: Instant


class Case(Model):
    """What people made of the exception, and by when it is to be seen to."""

    state: ShortText
    """`new`, `acknowledged`, `assigned`, `snoozed`, `waiting`, `resolved`, `open` (reopened)."""
    team: ShortText | None = None
    """Who has it: the team that it was assigned to, else the owner."""
    assignee: ShortText | None = None
    until: Instant | None = None
    """When a snooze or a wait ends at the latest."""
    until_kind: ShortText | None = None
    """What else ends a snooze: `time` (nothing), `promise_moves`, `severity_rises`."""
    waiting_on: ShortText | None = None
    """`customer`, `carrier`, `warehouse`, `supplier`, `bank`, `other`."""
    ack_by: Instant | None = None
    """By when somebody is to take it up; none while it was never open, or the policy allows any time."""
    resolve_by: Instant | None = None
    """By when it is to be resolved. It moves by what the case has waited."""
    acknowledged_at: Instant | None = None
    paused_since: Instant | None = None
    """Since when the resolve clock stands still, since the case waits on somebody."""
    reopenings: int = 0
    """How often somebody opened it again."""
    reassignments: int = 0
    """How often it was handed on."""
    flaps: int = 0
    """How often it was over or taken back, and came back by itself under the same ID."""
    outcome: ShortText | None = None
    """Of the resolution."""
    label: ShortText | None = None
    """`real`, `noise`, `known`, `wrong_owner`."""
    note_ref: Id | None = None
    """The note that was added last."""
    by: ShortText | None = None
    """Who decided last."""
    decided_at: Instant | None = None
    """When: the log time of the decision."""
    ended: CaseEnd | None = None
    """How the last snooze or wait ended, where it ended by itself; until the next decision."""


class Escalation(Model):
    """Whom a case or an approval that is overdue has gone to."""

    level: int = Field(ge=1)
    """How many rungs of the ladder it has gone."""
    to: ShortText
    """The team, and behind a slash the role."""
    team: ShortText
    role: ShortText | None = None
    since: Instant
    reason: ShortText
    """`acknowledge_overdue`, `resolve_overdue` or `approval_overdue`."""


class Moved(Model):
    """A promise as first made and as it stands now."""

    first: ShortText | None = None
    current: ShortText | None = None


class LastScan(Model):
    """The last that the carrier said."""

    status: ShortText
    reason: ShortText | None = None
    time: Instant


class ShipmentState(Model):
    """One shipment of the order."""

    shipment: ShortText
    """Its ID, else its smallest tracking number, else `-`."""
    carrier: ShortText | None = None
    site: ShortText | None = None
    """The warehouse that it leaves from."""
    tracking_numbers: list[ShortText] = Field(default_factory=list[ShortText])
    last_scan: LastScan | None = None
    delivered: bool = False


class PaymentState(Model):
    """Money so far, in the currency of the order's total."""

    authorized: bool
    captured: Sum
    refunded: Sum
    payment_ids: list[ShortText] = Field(default_factory=list[ShortText])
    """The payments that events about its money name."""


class Buyer(Model):
    """Who ordered; the ID is opaque."""

    id: ShortText | None = None
    tier: ShortText | None = None


class Suggested(Model):
    """What a program suggests of the exception. It binds nobody; a person looks before anything is done by itself."""

    kind: ShortText
    """`class`, `owner`, `draft`, or another word."""
    value: ShortText
    """A word: the class, the team, the reference of the draft."""
    confidence: float | None = Field(default=None, ge=0, le=1)
    model: ShortText
    by: ShortText | None = None
    at: Instant
    """The log time at which it was made."""


class Context(Model):
    """What a person or an agent needs to know of the order to act."""

    placed_at: Instant | None = None
    promise: Moved | None = None
    ship_by: Moved | None = None
    total: Money | None = None
    customer: Buyer | None = None
    country: ShortText | None = None
    shipments: list[ShipmentState] = Field(default_factory=list[ShipmentState])
    payment: PaymentState | None = None
    holds: list[ShortText] = Field(default_factory=list[ShortText])
    open_exceptions: list[ShortText] = Field(default_factory=list[ShortText])
    """Their kinds."""
    site: ShortText | None = None
    """The warehouse that the exception concerns: of its shipment, of its events, else the last that the order's events name."""
    skus: list[ShortText] = Field(default_factory=list[ShortText])
    """What the exception concerns, 50 at most: its line, the lines of its shipment or its events; else, of goods, what the order owes."""
    related: list[ShortText] = Field(default_factory=list[ShortText])
    """Other orders that the exception is about."""
    suggestions: list[Suggested] = Field(default_factory=list[Suggested])
    """What programs suggest of it, the newest last."""


class Recommended(Model):
    """An action that may help."""

    action: ShortText
    reason: str


class CountedFrom(Model):
    """How a deadline came about: `span` after `anchored_at`, counted by `calendar`; or a stated date itself."""

    anchor: str
    """What it counts from, in words."""
    anchored_at: Instant | None = None
    """When that was; none where it lies outside of all calendars."""
    span: ShortText | None = None
    """As a policy writes it, such as `2 bd`; less than nothing where it is before the anchor; none: the anchor is the deadline."""
    calendar: ShortText | None = None
    """The calendar of the policy by which business time counts; none: all time counts."""
    business_zone: ShortText | None = None
    """Whose business time that is."""
    zone: ShortText
    """Whose time `summary` and `arithmetic` give."""
    counted_from: Instant | None = None
    """When business time began to count, if not at once."""
    skipped: list[str] = Field(default_factory=list[str])
    """The holidays and closed days in between, by name."""
    grace_s: int = 0
    """Seconds that are allowed after it."""
    raise_after: ShortText | None = None
    """How long after `anchored_at` it is raised at the earliest, as a policy writes it; none: once it has passed."""
    raised_from: Instant | None = None
    """When that is; only where something would have been said of it before."""


class Ground(Model):
    """The rule that decided, and the policy that it was set by."""

    version: ShortText
    """Content hash of the policy."""
    rule: ShortText
    mode: Literal["on", "shadow"]


Cut: TypeAlias = Annotated[
    dict[str, int] | None,
    Field(description="Only where the whole would not fit a record: which lists and texts lack their ends, and how long they were."),
]
