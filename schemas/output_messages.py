"""What is said of messages to customers, with exceptions and with actions."""

from __future__ import annotations

from schemas.events import Model
from schemas.values import Id, Instant, ShortText


class MessageToCustomer(Model):
    """The last thing that the customer was told about a topic."""

    topic: ShortText | None = None
    """One of ours, or the word of whoever sent it."""
    channel: ShortText | None = None
    promised_by: ShortText | None = None
    """The date that it named, as it was stated."""
    sent_at: Instant
    by: ShortText
    """`/orderwatch`, or the source of whoever else sent it."""
    exception_id: ShortText | None = None
    action_id: Id | None = None
    """The action that carried it out, where it was one of ours."""


class MessageSaid(Model):
    """What a message to a customer says."""

    topic: ShortText
    channel: ShortText | None = None
    """None where the customer agreed to none that there is."""
    language: ShortText
    promised_by: ShortText | None = None
    """The date that it names."""
