"""What an adapter tells: contract events, parts that it refuses, messages that say nothing of an order, and whole histories."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

Draft: TypeAlias = dict[str, Any]
"""A contract event as a plain JSON object; `sources.adapters.translate` checks it before it goes anywhere."""

Reason: TypeAlias = Literal[
    "not_readable",  # not the JSON, XML or EDI that the system sends
    "too_large",
    "too_deep",
    "unknown_form",  # readable, but nothing that the system is known to send
    "topic_mismatch",  # the header that says what it is, which is not signed, says something else than the body
    "not_a_report",  # a request, an error answer or a page of something else
    "test_mode",
    "missing_field",
    "wrong_type",
    "bad_value",
    "bad_time",
    "unmapped",  # a code that is in no table, where nothing can be told without its meaning
    "refused_by_mapping",  # a mapping states a condition under which it takes no record
    "no_identity",  # neither an order nor an alias of one
    "invalid_event",  # a fault of the adapter: what it made is no contract event
    "adapter_failed",  # a fault of the adapter: it raised
]
REASONS: tuple[Reason, ...] = get_args(Reason)
FAULTS: frozenset[Reason] = frozenset(("invalid_event", "adapter_failed"))
"""Reasons that are our own fault: tests show that no input leads to them."""


class RefuseError(Exception):
    """A payload, or the part of it that is being read, cannot be taken; `detail` names fields and never quotes their values.

    `day` is when it happened, where that is known.
    """

    def __init__(self, reason: Reason, detail: str, day: date | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail
        self.day = day


class Refused(NamedTuple):
    """A part of a payload that was not taken, and why."""

    reason: Reason
    detail: str


class Undated(Refused):
    """A part of which the local date is known, and not the time of day."""

    day: date

    @classmethod
    def of(cls, reason: Reason, detail: str, day: date) -> Undated:
        """The refusal of a part that happened on a day."""
        made = cls(reason, detail)
        made.day = day
        return made


class Ignored(NamedTuple):
    """A message that was understood and says nothing about an order."""

    what: str
    """The source's own name of it, such as `balance.available`."""
    why: str


class History(NamedTuple):
    """All that a source now says of one thing (a parcel), so that what it no longer says can be withdrawn.

    `key` names the thing within the source; `stated_at`: when the source stated it; `events`: the IDs of the events made from it, with the
    `time` of each. A withdrawal finds its order by `tracking`, or by `order` where the source knows it: one of them is there. A source that
    sends only what is new has no history.
    """

    key: str
    source: str
    stated_at: datetime
    events: dict[str, datetime]
    tracking: str | None
    order: str | None = None
    since: datetime | None = None
    """From when on it speaks, where that is not the time of its first event."""
    alias: str | None = None
    """Another name of the order, where the source does not know its ID."""
    cancels: tuple[str, ...] = ()
    """How the IDs of cancellations begin. One that is no longer said did occur: the order is wanted again (`order.reinstated`)."""


class PaymentStep(NamedTuple):
    """A step of a payment (a capture, a refund) that is known by an ID of its own, so that all steps of one payment get one ID.

    `step` is what later steps may name as the one that they follow; None if none can. `follows` is the step that this one names as its
    own. `payment` is the `payment_id` in the event `event` as this step alone would have it; `at`: when the step was.
    """

    step: str | None
    follows: str | None
    payment: str
    event: str
    source: str
    at: datetime


AdapterOutput: TypeAlias = Draft | Refused | Ignored | History | PaymentStep
