"""What is said about earlier events, feeds, exceptions and actions."""

from __future__ import annotations

from typing import Annotated

from schemas.events.base import Fact, Model
from schemas.values import Free, Id, Instant, PolicyText, Retention, ShortText, Text


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


class ActionEvent(Model):
    """What became of a proposed action: `approved`, `rejected`, `executed`, `failed`."""

    action_id: Id
    by: ShortText | None = None
    note: Annotated[Text | None, Retention.NOTHING] = None
    result: Annotated[Free | None, Retention.NOTHING] = None
    by_roles: list[ShortText] | None = None
    """What whoever decided was allowed to."""


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
