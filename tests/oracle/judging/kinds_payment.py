"""payment.*, each by its sentence in section 3 of the catalogue and the contract's obligations of money."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.oracle.judging.calendars import Span
from tests.oracle.judging.conditions import Condition, graced, signal, state, timeout
from tests.oracle.judging.kinds_order import payment_scope, times
from tests.oracle.judging.money import ALL, Account, same_dispute, same_payment, stretches
from tests.oracle.judging.parcels import first
from tests.oracle.judging.reading import NEVER, Event

if TYPE_CHECKING:
    from tests.oracle.judging.facts import Order

ZERO = Decimal(0)
DAY_BEFORE = 24 * 3_600_000_000


def payment_kinds(order: Order) -> list[Condition]:
    """All of payment.*."""
    account = Account(order)
    found = [*failures(order, account), *unpaid(order, account), *auth_expiring(order, account), *holds(order), *disputes(order, account)]
    found += [*amount_mismatch(order, account), *partly_captured(order, account), *refunds(order, account), *after_cancel(order, account)]
    if order.terms == "invoice" and order.awaits("invoiced", order.of("warehouse.shipped")):
        for start, end in order.lives:
            since, issued = max(order.ship, start), first(order.of("invoice.issued"))
            found += timeout(order, "payment.invoice_overdue", since, reached=issued, lifted=min(order.x, end))
    return found


def failures(order: Order, account: Account) -> list[Condition]:
    """What a provider could not do: authorize, capture, give back. A refund that failed is owed whatever becomes of the order."""
    found: list[Condition] = []
    authorized, captured = order.of("payment.authorized"), order.of("payment.captured")
    for event in order.of("payment.failed"):
        if event.text("stage") == "capture":
            found += signal(order, "payment.capture_failed", event, times(captured), x=order.cx)
        elif event.text("stage") == "refund":
            paying = {other.text("payment_id") for other in [*authorized, *captured]}
            told = order.of("payment.refunded")
            elsewhere = [one for one in told if one.text("payment_id") not in paying and one.text("reason") != "goodwill"]
            refunded = [one for one in told if same_payment(event, one)]
            refunded += elsewhere if event.text("payment_id") in paying else []
            held = stretches(account.changes, account.kept)
            all_back = [end for start, end in held if start <= event.at < end]
            found += signal(order, "payment.refund_failed", event, [*times(refunded), *all_back], scope=payment_scope(event))
        else:
            kind = "payment.declined_hard" if event.text("decline") == "hard" else "payment.declined_soft"
            found += signal(order, kind, event, times(authorized + captured), x=order.cx, scope=payment_scope(event))
    return found


def unpaid(order: Order, account: Account) -> list[Condition]:
    """Nothing authorized, nothing captured, while something is owed: the clock starts when it is first owed."""
    found: list[Condition] = []
    terms = order.terms
    if terms not in ("prepaid", "on_ship"):
        return []
    anchor = order.setting("payment.capture_overdue").anchor
    from_placed = anchor == "placed" or (anchor != "shipped" and terms == "prepaid")
    for start, end in account.spans:
        lifted = min(order.cx, end)
        if order.awaits("authorized"):
            found += timeout(order, "payment.auth_missing", start, reached=order.auth, lifted=lifted)
        if order.awaits("captured"):
            since = start if from_placed else max(start, order.ship)
            found += timeout(order, "payment.capture_overdue", since, reached=order.cap, lifted=lifted)
    return found


def auth_expiring(order: Order, account: Account) -> list[Condition]:
    """Per authorization: it runs out before it was captured, voided or replaced, and not all that is owed was captured."""
    found: list[Condition] = []
    for one in account.authorizations:
        if one.expires < NEVER:
            since = one.event.at
            told = max(since, order.placed)
            nothing = min((end for start, end in account.owing if start <= told < end), default=since)
            lifted = min(one.ended, order.cx, account.satisfied(since), nothing)
            scope = payment_scope(one.event)
            found += timeout(order, "payment.auth_expiring", one.expires, since=since, begun=since, lifted=lifted, scope=scope)
    return found


def holds(order: Order) -> list[Condition]:
    """Reviews that last too long."""
    found: list[Condition] = []
    for hold in order.holds:
        if hold.hold == "fraud":
            found += timeout(order, "payment.fraud_review_overdue", hold.start, reached=hold.release, lifted=order.x, scope=hold.scope)
        if hold.hold == "credit":
            setting = order.setting("payment.credit_hold_aged")
            ship_by, due = order.in_force("ship_by", hold.start), None
            if ship_by:
                last_call = max(hold.start, order.ship_deadline(ship_by) - DAY_BEFORE)
                due = last_call if last_call < order.calendar(setting.clock).add(hold.start, setting.threshold) else None
            kind, scope, counted = "payment.credit_hold_aged", hold.scope, None if due is None else Span(0, "us")
            found += timeout(order, kind, hold.start, due=due, counted=counted, reached=hold.release, lifted=order.x, scope=scope)
    return found


def disputes(order: Order, account: Account) -> list[Condition]:
    """A dispute while the order is under way; one that was lost, until it is paid again or nothing is to be paid any more."""
    found: list[Condition] = []
    for event in order.of("payment.disputed"):
        if order.dlv > event.at:
            clears = times([closing for closing in order.of("payment.dispute_closed") if same_dispute(event, closing)])
            severity = "medium" if event.text("stage") == "inquiry" else None
            scope = payment_scope(event)
            found += signal(order, "payment.disputed_in_flight", event, clears, x=order.cx, scope=scope, severity=severity)

    def paid_again(event: Event) -> bool:
        owed = account.owed(event.at)
        return owed is None or account.captured(event.at) == ALL or account.paid(event.at) >= owed - account.tolerance

    for closing, opening, won in account.lost_disputes:
        captures = [event for event in order.of("payment.captured") if event.at > closing.at and account.counts(event)]
        again = [event.at for event in captures if paid_again(event)]
        scope = payment_scope(closing) or (payment_scope(opening) if opening else None)
        found += signal(order, "payment.chargeback_lost", closing, [*again, won], x=order.cx, scope=scope)
    return found


def amount_mismatch(order: Order, account: Account) -> list[Condition]:
    """More captured, net of refunds and lost disputes, than the total."""

    def over(at: int) -> bool:
        owed = account.owed(at)
        return owed is not None and at >= order.placed and account.paid(at) > owed + account.tolerance

    kind = "payment.amount_mismatch"
    found: list[Condition] = []
    for start, end in stretches(account.changes, over):
        instants = [start, *(at for at in account.changes if start < at < end)]
        amounts = [(at, account.paid(at) - (account.owed(at) or ZERO)) for at in instants]
        found += graced(order, kind, start, min(end, order.cx), amounts=amounts)
    return found


def partly_captured(order: Order, account: Account) -> list[Condition]:
    """Less was captured than is owed, and no more comes; where a part was cancelled or refunded, a new total must say what is owed."""
    if order.terms not in ("prepaid", "on_ship") or not order.awaits("captured"):
        return []
    lessened = [event.at for event in order.of("order.cancelled") if event.lines]
    lessened += [event.at for event in order.of("payment.refunded") if event.lines and event.text("reason") != "goodwill"]
    totals = [event.at for event, _ in order.told_fields[1:] if "total" in event.data]

    def short(at: int) -> bool:
        owed = account.owed(at)
        if owed is None or at < account.began:
            return False
        unsure = any(less <= at and not any(less <= new <= at for new in totals) for less in lessened)
        return not unsure and account.captured(at) < owed - account.tolerance

    found: list[Condition] = []
    for start, end in stretches([*account.changes, *lessened], short):
        for number, (placed, until) in enumerate(order.lives):
            since = max(start, placed) if number else start
            anchor = since if order.terms == "prepaid" else max(since, order.ship)
            instants = [start, *(at for at in account.changes if start < at < end)]
            amounts = [(at, (account.owed(at) or ZERO) - account.captured(at)) for at in instants]
            found += timeout(order, "payment.partly_captured", anchor, reached=end, lifted=min(order.x, until), amounts=amounts)
    return found


def refunds(order: Order, account: Account) -> list[Condition]:
    """More was given back, or lost in disputes, than had been captured."""

    def exceeds(at: int) -> bool:
        return account.captured(NEVER) < ALL and account.began <= at and account.paid(at) < -account.tolerance

    kind = "payment.refund_exceeds_capture"
    return [one for start, end in stretches(account.changes, exceeds) for one in graced(order, kind, start, end)]


def after_cancel(order: Order, account: Account) -> list[Condition]:
    """Money that is taken, or kept, although the order was cancelled."""
    found: list[Condition] = []
    for cancelled, again in [*order.gaps, (order.cx, NEVER)]:
        if cancelled == NEVER:
            continue
        for event in order.of("payment.captured"):
            if cancelled < event.at < again and account.counts(event):
                held = stretches([at for at in account.changes if at >= event.at], account.kept)
                if held and held[0][0] == event.at:
                    end = min(held[0][1], again)
                    found += state(order, "payment.captured_after_cancel", event.at, end, scope=payment_scope(event))
        for start, end in stretches([cancelled, *(at for at in account.changes if at > cancelled)], account.kept):
            told = order.of("order.cancelled") if start == cancelled else [one for one in order.history if one.type.startswith("payment.")]
            last = [event for event in told if event.at <= start][-1:]
            if start < again and order.awaits("refunded", last if start == cancelled else [one for one in told if one.at == start]):
                found += timeout(order, "payment.cancelled_not_refunded", start, reached=end, lifted=again)
    return found
