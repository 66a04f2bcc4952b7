"""Payment kinds: money that is missing, refused, disputed or of the wrong amount."""

from __future__ import annotations

from decimal import Decimal

from dataflows.core.clocks.spans import ZERO, span
from dataflows.core.policy.setting import Step
from dataflows.core.rules.custom import payment as find
from dataflows.core.rules.forms import custom, lasting, overdue, reported
from dataflows.core.rules.vocabulary import ByTerms, Date, EventTerm, Held, Milestone, Op, Scope, StatedInstant, Where, event, excluding

MUCH_MONEY = (("*", Decimal(50)), ("JPY", Decimal(5000)), ("KRW", Decimal(50000)))
"""A difference that is grave whatever the order is worth (P)."""
DEAR_TO_PAY = (("*", Decimal(200)), ("JPY", Decimal(20000)), ("KRW", Decimal(200000)))
"""A total that is worth a call to who has not paid it (P: a reader of fifty real exceptions)."""
SECURED = event("payment.authorized", "payment.captured", text="an authorization or capture")
CAPTURED = event("payment.captured", text="a capture")


def declined(hard: Op) -> EventTerm:
    """A failed authorization (which is what a failure without a known stage is)."""
    return event("payment.failed", where=(*excluding("stage", "capture", "refund"), Where("decline", hard, ("hard",))))


# fmt: off
RULES = (
    reported(
        "payment.declined_soft", "An authorization was declined for a reason that may pass.",
        when=declined(Op.IS_NOT), until=SECURED, unless=Milestone.CANCELLED, each=Scope.PAYMENT, detail=("code",),
        owner="FIN", severity="low", lane="auto", suppressed_by=("payment.declined_hard",),
        actions={"retry_payment": "soft declines often pass later; at most 3 times", "ask_payment_update": "if retries fail"},
        advice="a payment.authorized at the first attempt",
    ),
    reported(
        "payment.declined_hard", "An authorization was declined for good.",
        when=declined(Op.IS), until=SECURED, unless=Milestone.CANCELLED, each=Scope.PAYMENT, detail=("code",),
        owner="ECOM", severity="high", lane="block",
        actions={"hold_order": "nothing may ship unpaid", "ask_new_method": "this one will not work"},
        advice="a valid means of payment",
    ),
    overdue(
        "payment.auth_missing", "No authorization (or capture) within an hour of placing the order.",
        since=Milestone.PLACED, within="1 h", until=Milestone.SECURED, unless=Milestone.CANCELLED, owing=True,
        terms=("prepaid", "on_ship"), emits="authorized",
        owner="FIN", severity="medium", lane="block",
        suppressed_by=(
            *("payment.capture_overdue", "order.pending_too_long", "conflict.shipped_unpaid"),
            *("payment.declined_soft", "payment.declined_hard"),
        ),
        feeds=("payments",),
        actions={"hold_release": "it may never be paid"},
        source="P: 1 hour",
    ),
    overdue(
        "payment.auth_expiring", "An authorization runs out within 24 hours and has not been captured.",
        since=StatedInstant(event("payment.authorized"), "expires_at", "authorization expires"), within="0 h",
        until=event("payment.captured", "payment.voided", text="its capture, void or renewal, the capture of all that is owed"),
        unless=Milestone.CANCELLED, each=Scope.PAYMENT,
        owner="FIN", severity="high", lane="auto", steps=(("-24 h", "medium"),), feeds=("payments",),
        actions={"reauthorise": "the money is reserved only until then"},
        source="P: 24 hours before expiry", advice="a payment.captured before the authorization expires",
    ),
    reported(
        "payment.capture_failed", "The capture of an authorized payment failed.",
        when=event("payment.failed", stage="capture"), until=CAPTURED, unless=Milestone.CANCELLED, detail=("code",),
        owner="FIN", severity="high", lane="block",
        actions={"hold_shipment": "the goods are not paid", "retry_capture": "before the authorization expires"},
        advice="a payment.captured at the first attempt",
    ),
    overdue(
        "payment.capture_overdue", "No money was taken within 24 hours of placing (prepaid) or shipping (on_ship) the order.",
        since=ByTerms(Milestone.PLACED, Milestone.SHIPPED), within="24 h", until=Milestone.CAPTURED, unless=Milestone.CANCELLED, owing=True,
        terms=("prepaid", "on_ship"), emits="captured",
        anchor="terms", owner="FIN", severity="low", lane="review", clock="tenant",
        # On a Sunday nobody can act on it.
        raise_after="1 bd",
        # Not before the deadline, whatever that is set to. Most of what is small comes in by itself within the next days.
        steps=(
            Step(at=span("1 bd"), severity="medium", unless="captured", above=DEAR_TO_PAY),
            Step(at=span("3 bd"), severity="medium", unless="captured"),
        ),
        # Goods that left unpaid are the same cause, and graver: its owner must reconcile shop, warehouse and payments.
        suppressed_by=("order.pending_too_long", "conflict.shipped_unpaid"), feeds=("payments",),
        actions={"create_task": "find out why the payment was not captured"},
        source="P: 24 hours; nobody can act on it before a bank has worked, so it is not raised before a business day has passed",
    ),
    lasting(
        "payment.fraud_review_overdue", "A fraud hold has lasted two business days.",
        state=Held(("fraud",)), within="2 bd", unless=Milestone.ENDED,
        owner="FIN", severity="high", lane="block",
        actions={"escalate": "the customer waits for a decision"},
        source="ShipHero practice: holds aged 2 business days",
    ),
    lasting(
        "payment.credit_hold_aged", "A credit hold has lasted one business day, or reaches into the last 24 hours before the ship-by date.",
        state=Held(("credit",)), within="1 bd", into=Date.SHIP_BY, unless=Milestone.ENDED,
        margin="24 h", owner="FIN", severity="high", lane="review",
        actions={"request_approval": "a credit limit must be decided"},
        source="P: 1 business day, or 24 hours before ship-by",
    ),
    custom(
        "payment.disputed_in_flight", "A payment was disputed before the order had been delivered.",
        find=find.disputed_in_flight, inputs=("payment.disputed",), clears="the end of the dispute, or the cancellation",
        minor_severity="medium", owner="FIN", severity="critical", lane="block",
        actions={"intercept_shipment": "the money may be taken back", "stop_messages": "the bank speaks to the customer now"},
        advice="an answer to the bank's inquiry",
    ),
    custom(
        "payment.partly_captured",
        "Less was captured than is owed, three business days after the capture (prepaid) or after all has left (on_ship).",
        find=find.partly_captured, of_money=True,
        inputs=("balance", "warehouse.shipped", "unannounced"), requires=("balance", "order.updated"),
        within="3 bd", terms=("prepaid", "on_ship"), emits="captured",
        clears="the capture of the rest, a lower total, lines that are cancelled or refunded, or the end of the order",
        owner="FIN", severity="medium", lane="review", clock="tenant", feeds=("payments",),
        actions={"retry_capture": "the rest is still owed", "create_task": "find out why it was not captured"},
        source="P: 3 business days, so that all payments of a split tender can come in", advice="captures of the order's total",
    ),
    custom(
        "payment.chargeback_lost", "A dispute was lost: the money went back to the payer.",
        find=find.chargeback_lost, inputs=("payment.dispute_closed",),
        clears="another capture that pays what is owed, the dispute being won after all, or the cancellation",
        owner="FIN", severity="high", lane="block",
        actions={"hold_order": "nothing may ship that is not paid", "intercept_shipment": "what is under way is not paid any more"},
        advice="an answer to the bank's inquiry",
    ),
    custom(
        "payment.refund_failed", "A refund could not be paid out.",
        find=find.refund_failed, inputs=("payment.failed",), fits=find.failed_refund,
        clears="a refund of that payment",
        owner="FIN", severity="high", lane="review",
        actions={"create_task": "pay it out in another way", "ask_payment_details": "the account may be closed"},
        advice="a payment.refunded at the first attempt",
    ),
    custom(
        "payment.refund_exceeds_capture", "More went back (refunds and lost disputes) than had been captured. One currency only.",
        find=find.refund_exceeds_capture, inputs=("payment.refunded", "payment.dispute_closed", "payment.captured"),
        requires=("payment.refunded", "payment.dispute_closed"), absence=True,
        clears="a capture that makes it fit, or a dispute that is won after all",
        owner="FIN", severity="high", lane="block", grace="0 s", feeds=("payments",),
        actions={"create_task": "the customer was paid twice: a refund and a chargeback, or two refunds"},
        advice="refunds of at most what was captured",
    ),
    custom(
        "payment.captured_after_cancel", "Money was taken after the order had been cancelled.",
        find=find.captured_after_cancel, inputs=("payment.captured",), requires=("order.cancelled",),
        clears="refunds of all that is kept",
        owner="FIN", severity="high", lane="review",
        actions={"approve_refund": "the order is cancelled", "void_authorization": "nothing more may be taken"},
        advice="a payment.voided with the cancellation",
    ),
    custom(
        "payment.cancelled_not_refunded", "The order was cancelled, and what was captured has not gone back within three business days.",
        find=find.cancelled_not_refunded, inputs=("payment.captured", "payment.refunded", "payment.dispute_closed"),
        requires=("order.cancelled",), within="3 bd", emits="refunded",
        clears="refunds of all that is kept",
        owner="FIN", severity="medium", lane="review", clock="tenant", feeds=("payments",),
        suppressed_by=("payment.captured_after_cancel", "payment.refund_failed"),
        actions={"approve_refund": "the customer waits for the money"},
        source="P: 3 business days, as for returns", advice="a payment.refunded with the cancellation",
    ),
    custom(
        "payment.amount_mismatch", "More was captured, less what went back, than the order's total. One currency only.",
        find=find.amount_mismatch, of_money=True, inputs=("balance", "payment.refunded", "payment.dispute_closed", "order.updated"),
        requires=("payment.captured",),
        clears="a refund or update that makes it fit, or the cancellation",
        owner="FIN", severity="medium", lane="block", minor_lane="review", grace="0 s",
        steps=(Step(at=ZERO, severity="high", above=MUCH_MONEY),),
        actions={"create_task": "compare order and payment"},
        advice="a capture of the order's total",
    ),
    overdue(
        "payment.invoice_overdue", "An order on invoice was not invoiced within two business days of leaving.",
        since=Milestone.SHIPPED, within="2 bd", until=event("invoice.issued", text="an invoice"), unless=Milestone.ENDED,
        terms=("invoice",), emits="invoiced",
        owner="FIN", severity="medium", lane="review", clock="tenant",
        actions={"create_task": "issue the invoice"},
        source="P: 2 business days",
    ),
)
