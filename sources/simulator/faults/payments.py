"""Faults of payment."""

from __future__ import annotations

from sources.simulator.faults.base import Faults
from sources.simulator.life import capture, issue_invoice, live, refund
from sources.simulator.moments import DAY, HOUR, MINUTE, instant
from sources.simulator.order import SimulatedOrder
from sources.simulator.parts import Data

FAULTS = Faults()


def _fail(order: SimulatedOrder, at: int, *, named_payment: bool = True, **data: object) -> None:
    """Appends a failed payment."""
    payment = {"payment_id": order.payment} if named_payment else {}
    order.add(at, order.payments, "payment.failed", {**payment, **data})


def _scope(order: SimulatedOrder) -> str:
    return f"payment:{order.payment}"


@FAULTS.one("payment.declined_soft")
def declined_and_tried_again(order: SimulatedOrder) -> None:
    """Declined softly once or twice, authorised within the hour."""
    order.terms = order.rng.choice(("prepaid", "on_ship"))
    order.waits["authorized"] = 30 * MINUTE
    live(order)
    for attempt in range(order.rng.randint(1, 2)):
        _fail(order, order.placed + (1 + 4 * attempt) * MINUTE, stage="authorization", decline="soft", code="91", attempt=attempt + 1)
    order.expect("payment.declined_soft", "resolved", _scope(order))


@FAULTS.one("payment.declined_soft")
def declined_without_a_payment_id(order: SimulatedOrder) -> None:
    """A failure that says next to nothing counts as a soft decline of the authorisation, on the order as a whole."""
    order.waits["authorized"] = 30 * MINUTE
    live(order)
    _fail(order, order.placed + MINUTE, named_payment=False)
    order.expect("payment.declined_soft", "resolved")


@FAULTS.one("payment.declined_soft")
def declined_and_paid_late(order: SimulatedOrder) -> None:
    """Declined softly and authorised only after 5 hours, so that the authorisation is missing as well."""
    order.waits |= {"authorized": 5 * HOUR, "captured": HOUR}
    live(order)
    _fail(order, order.placed + MINUTE, decline="soft")
    order.expect("payment.declined_soft", "resolved", _scope(order))
    order.expect("payment.auth_missing", "resolved")


@FAULTS.one("payment.declined_hard")
def declined_for_good(order: SimulatedOrder) -> None:
    """The card is stolen; another one pays within the hour, under its own payment ID or the same."""
    order.waits["authorized"] = 40 * MINUTE
    live(order)
    payment = order.payment if order.rng.random() < 0.5 else order.payment + "_x"
    order.add(order.placed + 2 * MINUTE, order.payments, "payment.failed", {"payment_id": payment, "decline": "hard", "code": "43"})
    order.expect("payment.declined_hard", "resolved", f"payment:{payment}")


@FAULTS.one("payment.auth_missing")
def authorised_after_hours(order: SimulatedOrder) -> None:
    """Authorised after 5 hours (1 is allowed)."""
    order.terms = order.rng.choice(("prepaid", "on_ship"))
    order.waits |= {"authorized": order.rng.randint(5, 9) * HOUR, "captured": HOUR}
    live(order)
    order.expect("payment.auth_missing", "resolved")


def _on_ship(order: SimulatedOrder) -> None:
    """Lets the goods leave days after the authorisation."""
    order.terms = "on_ship"
    order.waits |= {"released": 5 * DAY, "captured": HOUR}
    live(order)


@FAULTS.one("payment.auth_expiring")
def captured_hours_before_the_authorisation_expires(order: SimulatedOrder) -> None:
    """The warning (24 h before) is given; the capture comes 6 hours before the end."""
    _on_ship(order)
    order.find("payment.authorized").data["expires_at"] = instant(order.when["captured"] + 6 * HOUR)
    order.expect("payment.auth_expiring", "resolved", _scope(order))


@FAULTS.one("payment.auth_expiring")
def captured_after_the_authorisation_expired(order: SimulatedOrder) -> None:
    """The authorisation has been expired for 2 days when the capture comes."""
    _on_ship(order)
    order.find("payment.authorized").data["expires_at"] = instant(order.when["captured"] - 2 * DAY)
    order.expect("payment.auth_expiring", "resolved", _scope(order))
    order.expect("conflict.shipped_unpaid", "resolved")


@FAULTS.one("payment.auth_expiring")
def authorised_anew_after_the_warning(order: SimulatedOrder) -> None:
    """Re-authorised 12 hours before the end."""
    _on_ship(order)
    expires = order.when["authorized"] + 3 * DAY
    order.find("payment.authorized").data["expires_at"] = instant(expires)
    data: Data = {
        "payment_id": order.payment,
        "amount": order.money(order.total),
        "expires_at": instant(order.when["captured"] + 20 * DAY),
    }
    order.add(expires - 12 * HOUR, order.payments, "payment.authorized", data)
    order.expect("payment.auth_expiring", "resolved", _scope(order))


@FAULTS.one("payment.capture_failed")
def captured_at_the_second_try(order: SimulatedOrder) -> None:
    """The first capture fails; the second succeeds within 3 hours."""
    order.waits["captured"] = 5 * HOUR
    live(order)
    _fail(order, order.when["captured"] - 3 * HOUR, stage="capture", code="05")
    order.expect("payment.capture_failed", "resolved")


@FAULTS.one("payment.capture_overdue")
def prepaid_but_captured_late(order: SimulatedOrder) -> None:
    """Captured 40 hours after placing (24 are allowed); the goods wait."""
    order.waits["captured"] = 40 * HOUR
    live(order)
    order.expect("payment.capture_overdue", "resolved")


@FAULTS.one("payment.capture_overdue")
def captured_days_after_shipping(order: SimulatedOrder) -> None:
    """On terms `on_ship`, captured 50 hours after shipping."""
    order.terms = "on_ship"
    order.waits["captured"] = 50 * HOUR
    live(order)
    order.expect("payment.capture_overdue", "resolved")


@FAULTS.one("payment.capture_overdue")
def never_captured(order: SimulatedOrder) -> None:
    """Authorised and shipped, but nobody takes the money."""
    order.terms = order.rng.choice(("prepaid", "on_ship"))
    live(order)
    order.drop("payment.captured")
    order.find("payment.authorized").data.pop("expires_at", None)
    order.expect("payment.capture_overdue", "open")


@FAULTS.one("payment.capture_failed")
def the_capture_fails_for_good(order: SimulatedOrder) -> None:
    """The capture fails and is never repeated, so it becomes overdue too."""
    live(order)
    at = order.when["captured"]
    order.drop("payment.captured")
    order.find("payment.authorized").data.pop("expires_at", None)
    _fail(order, at, stage="capture")
    order.expect("payment.capture_failed", "open")
    order.expect("payment.capture_overdue", "open")


def _hold(order: SimulatedOrder, hold: str, days: int) -> Data:
    """Holds the order for so many days from minutes after placing, and writes its life."""
    start = order.placed + 12 * MINUTE
    order.earliest_release = start + days * DAY
    live(order)
    data: Data = {"hold": hold, "hold_id": f"hold_{order.index}"}
    order.add(start, order.storefront, "order.hold_placed", data)
    order.add(order.earliest_release, order.storefront, "order.hold_released", data)
    return data


@FAULTS.one("payment.fraud_review_overdue")
def a_slow_fraud_review(order: SimulatedOrder) -> None:
    """Reviewed for 9 days (2 business days are allowed)."""
    _hold(order, "fraud", 9)
    order.expect("payment.fraud_review_overdue", "resolved")


@FAULTS.one("payment.fraud_review_overdue")
def a_fraud_hold_that_nobody_lifts(order: SimulatedOrder) -> None:
    """The goods leave, but the hold stays on the books for good."""
    _hold(order, "fraud", 0)
    order.drop("order.hold_released")
    order.expect("payment.fraud_review_overdue", "open")


@FAULTS.one("payment.credit_hold_aged")
def a_credit_hold_of_eight_days(order: SimulatedOrder) -> None:
    """Held for credit for 8 days (1 business day is allowed)."""
    order.terms = order.rng.choice(("prepaid", "invoice"))
    _hold(order, "credit", 8)
    order.expect("payment.credit_hold_aged", "resolved")


@FAULTS.one("payment.disputed_in_flight")
def disputed_on_the_way(order: SimulatedOrder) -> None:
    """Disputed before delivery; sometimes the dispute is closed."""
    live(order)
    closed = order.rng.random() < 0.6
    dispute: Data = {"payment_id": order.payment, "dispute_id": f"dp_{order.index:07d}"}
    stage = order.rng.choice(("inquiry", "chargeback"))
    at = order.between("in_transit")
    order.add(at, order.payments, "payment.disputed", {**dispute, "stage": stage, "amount": order.money(order.total)})
    if closed:
        order.add(at + 9 * DAY, order.payments, "payment.dispute_closed", {**dispute, "outcome": "won"})
    order.expect("payment.disputed_in_flight", "resolved" if closed else "open", _scope(order))


@FAULTS.one("payment.amount_mismatch")
def captured_twice(order: SimulatedOrder) -> None:
    """A second capture of part of the amount; sometimes given back."""
    live(order)
    at = order.when["captured"] + HOUR
    capture(order, at, order.total // 2, final=False)
    given_back = order.rng.random() < 0.5
    if given_back:
        refund(order, at + 2 * DAY, order.total // 2, reason="captured twice")
    order.expect("payment.amount_mismatch", "resolved" if given_back else "open")


@FAULTS.one("payment.amount_mismatch")
def shop_and_provider_disagree(order: SimulatedOrder) -> None:
    """Shop and provider tell one payment by one name, and the shop a quarter more of it: the greater counts. Sometimes that goes back."""
    live(order)
    at, more = order.when["captured"] + HOUR, order.total // 4
    order.add(at, order.storefront, "payment.captured", {"payment_id": order.payment, "amount": order.money(order.total + more)})
    given_back = order.rng.random() < 0.5
    if given_back:
        refund(order, at + 2 * DAY, more, reason="captured too much")
    order.expect("payment.amount_mismatch", "resolved" if given_back else "open")


@FAULTS.one("payment.partly_captured")
def captured_short(order: SimulatedOrder) -> None:
    """The final capture is below the total; sometimes the rest is captured nine days later."""
    live(order)
    first = order.find("payment.captured")
    rest = order.total // 4
    first.data["amount"] = order.money(order.total - rest)
    mended = order.rng.random() < 0.5
    if mended:
        capture(order, order.when["captured"] + 9 * DAY, rest)
    order.expect("payment.partly_captured", "resolved" if mended else "open")


@FAULTS.one("payment.invoice_overdue")
def invoiced_after_nine_days(order: SimulatedOrder) -> None:
    """Invoiced 9 days after shipping (2 business days are allowed)."""
    order.terms = "invoice"
    order.waits["invoiced"] = 9 * DAY
    live(order)
    order.expect("payment.invoice_overdue", "resolved")


@FAULTS.one("payment.invoice_overdue")
def never_invoiced(order: SimulatedOrder) -> None:
    """Shipped and never billed."""
    order.terms = "invoice"
    live(order)
    order.drop("invoice.issued")
    order.expect("payment.invoice_overdue", "open")


@FAULTS.one("payment.invoice_overdue")
def invoiced_late_and_disputed(order: SimulatedOrder) -> None:
    """Billed late, disputed, billed anew."""
    order.terms = "invoice"
    order.waits["invoiced"] = 9 * DAY
    live(order)
    at = order.when["invoiced"] + DAY
    order.add(at, order.invoices, "invoice.disputed", {"invoice_id": f"inv_{order.index:07d}_1", "reason": "late"})
    issue_invoice(order, at + DAY, 2)
    order.expect("payment.invoice_overdue", "resolved")
    order.expect("order.price_dispute", "resolved")
