"""What is said about money."""

from __future__ import annotations

from typing import Annotated

from schemas.events.base import Fact, Line, Money, PositiveMoney
from schemas.values import Id, Instant, Quantity, Retention, ShortText


class Payment(Fact):
    """Money was reserved (`authorized`), taken (`captured`), or the reservation was given back (`voided`)."""

    payment_id: Id | None = None
    amount: Money | None = None
    expires_at: Instant | None = None
    """When an authorization lapses."""
    final: bool | None = None
    """Of a capture: no more will follow."""
    account: Annotated[Id | None, Retention.NOTHING] = None
    """Which of the merchant's accounts it is, where one provider's feed tells of several."""


class PaymentFailed(Fact):
    """A payment step was refused."""

    payment_id: Id | None = None
    stage: ShortText | None = None
    """`authorization` (default), `capture`, `refund`."""
    decline: ShortText | None = None
    """`soft` (another try may work) or `hard`."""
    code: ShortText | None = None
    attempt: Quantity | None = None
    account: Annotated[Id | None, Retention.NOTHING] = None
    """Which of the merchant's accounts it is, where one provider's feed tells of several."""


class PaymentRefunded(Fact):
    """Money went back."""

    payment_id: Id | None = None
    amount: PositiveMoney | None = None
    """What went back by this event alone; it is positive."""
    reason: ShortText | None = None
    return_id: Id | None = None
    lines: list[Line] | None = None
    account: Annotated[Id | None, Retention.NOTHING] = None
    """Which of the merchant's accounts it is, where one provider's feed tells of several."""


class PaymentDispute(Fact):
    """The payer contests a payment (`disputed`), or the dispute ended (`dispute_closed`)."""

    payment_id: Id | None = None
    dispute_id: Id | None = None
    amount: Money | None = None
    reason: ShortText | None = None
    stage: ShortText | None = None
    """`inquiry` or `chargeback`."""
    outcome: ShortText | None = None
    """Of a closed one: `won` or `lost`."""
    account: Annotated[Id | None, Retention.NOTHING] = None
    """Which of the merchant's accounts it is, where one provider's feed tells of several."""


class Invoice(Fact):
    """The customer was billed (`issued`), or contests the bill (`disputed`)."""

    invoice_id: Id | None = None
    amount: Money | None = None
    reason: ShortText | None = None
