"""What goes out: exceptions, actions, incidents and rejects, as CloudEvents (rejects excepted).

Consumers may validate with these models, or with the JSON Schemas exported from them. Like the words in, they ignore unknown fields:
fields may be added within version 1. Instants are RFC 3339, UTC. No event out carries names, street addresses, contacts or free texts of
people; `customer.id` is opaque.
"""

from __future__ import annotations

from typing import Any, Literal, cast

from pydantic import Field, JsonValue, create_model

from schemas.actions import ActionStateName
from schemas.events import Model, Money
from schemas.output_messages import MessageSaid, MessageToCustomer
from schemas.output_parts import Case, Cited, Context, CountedFrom, Cut, Escalation, Ground, Recommended
from schemas.values import Id, Instant, ShortText

SOURCE = "/orderwatch"

Severity = Literal["low", "medium", "high", "critical"]
Lane = Literal["auto", "review", "block"]
State = Literal["open", "resolved", "retracted", "suppressed"]
Resolution = Literal["milestone", "promise_moved", "cleared", "lifted", "case", "expired", "policy_changed"]


class GuardrailSpoken(Model):
    """A guardrail that spoke."""

    name: ShortText
    effect: ShortText
    """`review`, `block`; of messages also `hold`: it waits, and `withdraw`: it is taken back."""
    reason: str


class ScoreTime(Model):
    """By what a score grows with time, for whoever shows or sorts exceptions later (`schemas.lateness.as_of`)."""

    since: Instant | None = None
    until: Instant | None = None
    """From `since` until then a breach becomes ever more probable, from then on it is certain; none: it has happened."""
    due: Instant | None = None
    """What time is counted to: the deadline, else the promise; none: to nothing."""
    breach: int = Field(ge=0)
    """The most points for the probability of a breach."""
    time_left: int = Field(ge=0)
    """For having no time left."""
    lateness: int = Field(ge=0)
    """For being late."""


class OrderException(Model):
    """The full state of an exception: the highest `sequence` is the state, consumers upsert by `exception_id`."""

    exception_id: Id
    """UUIDv5 of tenant, order, kind, scope and episode: the same in every run and replay."""
    sequence: int = Field(ge=1)
    """Numbers the events of one exception."""
    order_id: Id
    """The order; of `data.orphan_signal` the alias as `kind:value`."""
    kind: str = Field(pattern=r"^[a-z_]+\.[a-z_]+$")
    scope: ShortText | None
    """None (the order), `line:...`, `shipment:...`, `payment:...` or `return:...`."""
    episode: int = Field(ge=1)
    """Rises when the condition comes back after it was resolved."""
    status: State
    suppressed_by: ShortText | None = None
    """The exception that makes this one not worth a page."""
    resolution: Resolution | None = None
    """How it was resolved: what was awaited came late (`milestone`), it cleared, it no longer matters (`lifted`), and so on."""
    case: Case
    escalation: Escalation | None = None
    """None while it has gone to nobody."""
    severity: Severity
    blocking: bool
    """Whether automation on the order must pause."""
    score: int = Field(ge=0, le=1000)
    score_terms: dict[str, int]
    """What the score is the sum of, at most 1000: `severity`, `breach` (probability that the promise or the deadline is broken),
    `time_left`, `lateness`, `value`, `tier`, `blocking`, `reopenings`."""
    score_clock: ScoreTime | None = None
    """By what the score grows until the next event; absent in events from before it was published."""
    owner: ShortText
    """The accountable team."""
    lane: Lane
    due_at: Instant | None = None
    """The deadline, of a timeout."""
    occurred_at: Instant | None = None
    """The instant of the event that made it true, of a signal."""
    resolved_at: Instant | None = None
    resolved_by: Cited | None = None
    """The event that resolved it; None while it is not resolved, and where time alone did."""
    changed_by: Cited | None = None
    """The event that made this be said; None where time passed, the policy changed, or orders were compared."""
    detected_at: Instant
    """The log time at which it was decided: never a clock reading."""
    summary: str
    """One sentence for a person."""
    arithmetic: str | None = None
    """How the deadline came about, in words."""
    deadline: CountedFrom | None = None
    """The same in its parts, without the steps of the severity; None of a signal, and in events from before it was published."""
    evidence: list[Cited]
    context: Context
    backfilled: bool = False
    guardrails: list[GuardrailSpoken] = Field(default_factory=list[GuardrailSpoken])
    """What about the order holds automation back."""
    messages: list[MessageToCustomer] = Field(default_factory=list[MessageToCustomer])
    """What the customer was last told, by us or by others: the last message of each topic, the latest first."""
    recommended: list[Recommended]
    """Best first."""
    policy: Ground
    cut: Cut = None


class Action(Model):
    """The full state of an action: the highest `sequence` is the state, consumers upsert by `action_id`.

    Only what comes as `action.requested` is carried out; `action.proposed` waits for a person.
    """

    action_id: Id
    exception_id: Id | None = None
    """None where a person asked for it and named none."""
    order_id: Id
    action: ShortText
    parameters: dict[str, JsonValue]
    idempotency_key: Id
    """The same for every delivery of the same action: executors must not act on one twice."""
    reason: str
    evidence: list[Cited]
    sequence: int = Field(default=1, ge=1)
    """Numbers the events of one action."""
    step: ShortText | None = None
    """The rule's own word for it, which may be finer than the action."""
    target: ShortText | None = None
    """What it changes: `order`, `customer`, `task`, `shipment:...`, `payment:...` or `return:...`."""
    payload_hash: ShortText | None = None
    """SHA-256 over the canonical JSON (RFC 8785) of tenant, order, exception, action, target, parameters: an approval names it."""
    state: ActionStateName = "proposed"
    lane: Lane = "review"
    guardrails: list[GuardrailSpoken] = Field(default_factory=list[GuardrailSpoken])
    """What held or holds it back, and why."""
    needs_approval_by: Instant | None = None
    """From when on it escalates if nobody has agreed."""
    approvers: list[ShortText] = Field(default_factory=list[ShortText])
    """The roles of which one is needed to approve it; none where no approval is outstanding."""
    approvals_needed: int = 0
    """How many persons must still agree."""
    initiated_by: ShortText | None = None
    """Who asked for it: `user:...`, or `rule:KIND`."""
    approved_by: list[ShortText] = Field(default_factory=list[ShortText])
    expires_at: Instant | None = None
    """When it expires if nobody has agreed."""
    held_until: Instant | None = None
    """Before when it is not requested."""
    value: Money | None = None
    """What it is about in money, by which approvals are counted: of a refund what is not paid back yet, else the order's total."""
    irreversible: bool = False
    attempt: int = 0
    """The number of the last attempt."""
    retry_at: Instant | None = None
    compensates: Id | None = None
    """The action that it makes good."""
    message: MessageSaid | None = None
    """Of an action that tells the customer something: what. Its text is made where it goes out, and stands in no event."""
    replaces: Id | None = None
    """The action that was withdrawn for it, since what it rested on had changed."""
    owner: ShortText | None = None
    """The team that has its exception."""
    escalation: Escalation | None = None
    """Whom it has gone to since nobody approved it in time."""
    policy: ShortText | None = None
    """Content hash of the policy that it was decided by."""
    cut: Cut = None


class PausedScope(Model):
    """A scope in which nothing is requested without a person."""

    scope: ShortText
    since: Instant
    by: ShortText
    reason: str = ""


class Automation(Model):
    """Where automation is paused. Nothing in these scopes is begun by whoever has read this."""

    paused: list[PausedScope]


class Incident(Model):
    """Many exceptions with one cause."""

    incident_id: Id
    dimension: ShortText
    """What the members have in common, such as `carrier`."""
    value: ShortText
    member_count: int = Field(ge=0)
    members: list[Id]
    """A sample of exception IDs."""
    status: ShortText


class Feed(Model):
    """A feed that fell silent, or speaks again."""

    feed: Id
    """The prefix of `source` that the policy declares, or a source that has fallen silent against its own pace."""
    mark: Instant | None = None
    """The greatest `time` that it has spoken; none if it never spoke."""
    stale_since: Instant | None = None
    """When log time had run ahead of the mark by more than the allowed silence."""
    silence: ShortText | None = None
    """The allowed silence in the policy's words, such as `2 h`."""
    cadence: ShortText | None = None
    """How often it usually speaks, in the policy's words."""
    owner: ShortText | None = None
    """The team that mends it."""
    parked: int | None = Field(default=None, ge=0)
    """Deadlines that wait for it."""
    milestone: ShortText | None = None
    """Of a source that no policy declares: what it tells no more, such as `captured`. Its pace was learned."""


class NeverSeen(Model):
    """A milestone that orders owe and nobody has ever told."""

    incident_id: Id
    status: ShortText
    """`open`, or `resolved` by the first record that shows it."""
    milestone: ShortText
    carrier: ShortText | None = None
    """The carrier that would tell of it, if it is carriers who do."""
    site: ShortText | None = None
    """The site that would tell of it; neither: anybody of the tenant."""
    owed_since: Instant
    """Since when (log time) enough orders have owed it."""
    orders: list[Id]
    """The first orders that owed it."""
    summary: str = ""
    """What it says, as a sentence for a person; files of before have none."""


class Forgotten(Model):
    """An order was erased, or a customer: whoever keeps anything of it erases it, and takes nothing of it in any more.

    It follows what was said of the order. For an order it stands in the topics of exceptions and of actions, for a customer (without a
    subject, for whoever knows more orders of them than the engine does) in that of exceptions.
    """

    order_id: Id | None
    """The order; none where a customer is meant."""
    customer_digest: Id | None
    """SHA-256, as hexadecimal digits, of the tenant, the character U+001F and the customer's ID in UTF-8; none where an order is meant."""
    detected_at: Instant
    """The log time of the erasure."""
    by: ShortText
    """Who had it erased."""


OUTPUT_MODELS: dict[str, type[Model]] = {
    "exception.raised": OrderException,
    "exception.updated": OrderException,
    "exception.resolved": OrderException,
    "exception.retracted": OrderException,
    "action.proposed": Action,
    "action.requested": Action,
    "action.withdrawn": Action,
    "action.updated": Action,
    "automation.state": Automation,
    "incident.opened": Incident,
    "incident.updated": Incident,
    "incident.closed": Incident,
    "feed.stale": Feed,
    "feed.recovered": Feed,
    "feed.never_seen": NeverSeen,
    "exception.forgotten": Forgotten,
    "action.forgotten": Forgotten,
}
"""The model of `data` by type, of everything that goes out."""

TOPICS: dict[str, str] = {
    "exception": "order-exceptions",
    "action": "order-actions",
    "automation": "order-actions",
    "incident": "order-incidents",
    "feed": "order-incidents",
}
"""The topic of a type out, by the word before its dot."""


class OutputEnvelope(Model):
    """CloudEvents 1.0 around an output record."""

    specversion: Literal["1.0"]
    id: Id
    """`<exception_id>:<sequence>`, or the like of an action or incident: unique."""
    source: Literal["/orderwatch"]
    type: str
    subject: Id | None = None
    """The order ID; of `data.orphan_signal` the alias, of a feed the feed; none for incidents."""
    time: Instant
    """The instant that the record is about."""
    tenant: Id
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: ShortText
    """Ends in `/v1/<type>`."""
    data: Model


def _out_model(type_: str, data: type[Model]) -> type[OutputEnvelope]:
    name = "".join(word.capitalize() for word in type_.split("."))
    return create_model(
        name,
        __base__=OutputEnvelope,
        __module__=__name__,
        __doc__=data.__doc__,
        type=(cast("Any", Literal)[type_], ...),
        data=(data, ...),
    )


OUT_MODELS: dict[str, type[OutputEnvelope]] = {type_: _out_model(type_, data) for type_, data in OUTPUT_MODELS.items()}
"""The model of a whole event out by type."""
