"""What is said about earlier events, feeds, exceptions and actions."""

from __future__ import annotations

from typing import Annotated

from pydantic import JsonValue

from schemas.events.base import Fact, Model
from schemas.values import Confidence, Free, Id, Instant, PolicyText, Retention, ShortText, Text


class EvidenceWithdrawn(Fact):
    """An earlier event did not occur; exceptions that rest on it are retracted."""

    event_id: Id
    event_source: Id | None = None
    tracking_number: Annotated[Id | None, Retention.NOTHING] = None
    """Of the parcel that the event was about; finds the order where `subject` is absent."""
    payment_id: Annotated[Id | None, Retention.NOTHING] = None
    """Of the payment that the event was about; likewise."""
    shipment_id: Annotated[Id | None, Retention.NOTHING] = None
    """Of the shipment that it was about; likewise."""
    return_id: Annotated[Id | None, Retention.NOTHING] = None
    """Of the return that it was about; likewise."""


class Heartbeat(Model):
    """The source is alive up to the envelope's `time`. It has no subject."""


class CaseEvent(Model):
    """What somebody did with an exception.

    `acknowledged`, `assigned`, `snoozed`, `waiting` (on somebody else), `noted`, `resolved`, `reopened`, `labelled`.
    """

    exception_id: Id
    by: ShortText | None = None
    """Who decided: `user:anna`, `service:dispatch`."""
    note: Annotated[Text | None, Retention.NOTHING] = None
    assignee: ShortText | None = None
    until: Instant | None = None
    """Of a snooze or a wait: when it ends at the latest."""
    outcome: ShortText | None = None
    """Of a resolution."""
    label: ShortText | None = None
    """`real`, `noise`, `known`, `wrong_owner`."""
    by_roles: list[ShortText] | None = None
    """What whoever decided was allowed to, as the writer of the topic knows it."""
    team: ShortText | None = None
    """Of an assignment: the team that has the case from now on."""
    until_kind: ShortText | None = None
    """What else ends a snooze: nothing but the `time` (so it is where nothing is said), `promise_moves`, `severity_rises`."""
    on: ShortText | None = None
    """Whom a case waits on: `customer`, `carrier`, `warehouse`, `supplier`, `bank`, `other`."""
    note_ref: Id | None = None
    """Where the text of a note is kept."""
    put_back: bool | None = None
    """Of a reopening: a case that somebody holds and has not resolved is given back, as if nobody had taken it up; `assignee` and `team`
    say who has it then. It is not counted as a reopening."""


class ActionEvent(Model):
    """What was decided about an action, or became of it.

    `approved`, `rejected`: by a person. `begun`, `executed`, `failed`, `in_doubt`: by what carries it out. `observed`: what ends a doubt.
    """

    action_id: Id
    by: ShortText | None = None
    """Who says so: `user:anna`, `service:dispatch`."""
    note: Annotated[Text | None, Retention.NOTHING] = None
    result: Annotated[Free | None, Retention.NOTHING] = None
    by_roles: list[ShortText] | None = None
    """What whoever decided was allowed to, as the writer of the topic knows it."""
    payload_hash: ShortText | None = None
    """Of an approval or rejection: what was read by whoever decided. It must be that of the action."""
    attempt: int | None = None
    """The number of the attempt, from 1."""
    endpoint: ShortText | None = None
    """Who is called."""
    reference: ShortText | None = None
    """What the endpoint calls it."""
    code: ShortText | None = None
    """Why it failed."""
    retry_at: Instant | None = None
    """When a failed action is tried again, or one that was observed not to be executed, or a call that is in doubt is made again in the
    same attempt; absent: not at all."""
    outcome: ShortText | None = None
    """Of an observation: `executed`, `not_executed`."""
    evidence: ShortText | None = None
    """Of an observation: what shows it."""
    replay: Annotated[bool | None, Retention.NOTHING] = None
    """Of a begun attempt: whether a person has asked for it after the action had failed for good."""


class ActionInitiated(Model):
    """A person asks for an action that no rule has proposed. Another person must agree to it."""

    action: ShortText
    exception_id: Id | None = None
    parameters: dict[str, JsonValue] | None = None
    by: ShortText | None = None
    by_roles: list[ShortText] | None = None
    note: Annotated[Text | None, Retention.NOTHING] = None


class AutomationEvent(Model):
    """Nothing is requested without a person any more in a scope (`paused`), or it is again (`resumed`)."""

    scope: ShortText
    """`all`, `action:NAME`, `rule:KIND`, `tenant:NAME`."""
    by: ShortText | None = None
    by_roles: list[ShortText] | None = None
    reason: ShortText | None = None


class PolicyActivated(Model):
    """From its place in the log on another policy holds, in every shard. It has no subject."""

    version: Id
    """The version that the text must have."""
    text: Annotated[PolicyText, Retention.NOTHING]
    """The policy, as its file states it; at most 256 KiB."""
    note: Annotated[Text | None, Retention.NOTHING] = None
    by: ShortText | None = None
    """Who activated it: `user:anna`."""
    by_roles: list[ShortText] | None = None
    """What whoever activated it was allowed to, as the writer of the topic knows it."""
    against: Id | None = None
    """The version that a back-test compared it with."""
    covered: list[Id] | None = None
    """The rules of which that back-test saw something under this policy."""
    text_hash: Id | None = None
    """SHA-256 of the text, in hexadecimal digits. Where it is given, `version` may be what another version of the engine makes of it."""
    engine: Id | None = None
    """The version of the engine that a start wrote this for: an upgrade is logged so, with the policy that holds."""


class OrderForgotten(Model):
    """Erases an order (the subject), or a customer with all orders that are known; what comes later of them is dropped."""

    customer_id: Annotated[Id | None, Retention.NOTHING] = None
    """Whom to forget, as orders name them; absent: the subject alone."""
    by: ShortText | None = None
    """Who had it erased: `user:anna`."""
    by_roles: list[ShortText] | None = None
    """What whoever did was allowed to, as the writer of the topic knows it."""
    note: Annotated[Text | None, Retention.NOTHING] = None


class SuggestionMade(Model):
    """A program outside suggests something about an exception: people see it, and nothing is done by itself for it or in spite of it."""

    exception_id: Id
    kind: Annotated[ShortText | None, Retention.NOTHING] = None
    """What is suggested: `class`, `owner`, `draft`, or another word. Required."""
    value: Annotated[ShortText | None, Retention.NOTHING] = None
    """A word: the class, the team, the reference of the draft (texts stay in the store). Required."""
    confidence: Annotated[Confidence | None, Retention.NOTHING] = None
    """How sure the model is."""
    model: Annotated[ShortText | None, Retention.NOTHING] = None
    """Which model, in which version. Required."""
    by: ShortText | None = None
    """Who says so: `service:classifier`."""
    by_roles: list[ShortText] | None = None
    """What whoever wrote it was allowed to, as the writer of the topic knows it."""
