"""order.*, payment.* and address.*, each by its sentence in section 3 of the catalogue."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

from tests.oracle.judging.conditions import Condition, signal, state, timeout
from tests.oracle.judging.covering import ZERO
from tests.oracle.judging.facts import Order
from tests.oracle.judging.parcels import first
from tests.oracle.judging.reading import NEVER, Event, Json, Money, instant, mapping, money, text

if TYPE_CHECKING:
    from decimal import Decimal

RESUMED = ("warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed", "warehouse.shipped")
"""What shows that the warehouse took the order after all."""


def times(events: list[Event]) -> list[int]:
    """When they happened."""
    return [event.at for event in events]


def unpaid_milestone(order: Order) -> bool:
    """Whether the feeds tell the payment that the terms await: captured for prepaid, authorized for on_ship."""
    wanted = {"prepaid": "captured", "on_ship": "authorized"}.get(order.terms)
    return wanted in order.policy.emits


def rejected(order: Order, kind: str, *reasons: str | None, scoped: bool = False) -> list[Condition]:
    """`warehouse.rejected` with one of the reasons, until the warehouse goes on."""
    return [
        condition
        for event in order.of("warehouse.rejected")
        if rejection(event) in reasons
        for condition in signal(order, kind, event, times(order.of(*RESUMED)), x=order.x, scope=sku_scope(event) if scoped else None)
    ]


def rejection(event: Event) -> str:
    """The reason of a rejection; absent or unknown ones are `other`."""
    reason = event.text("reason") or ""
    return reason if reason in ("routing", "sku_unknown", "sku_inactive", "customs_data", "validation") else "other"


def sku_scope(event: Event) -> str | None:
    """The scope of an event about one SKU."""
    sku = event.text("sku")
    return f"line:{sku}" if sku else None


def payment_scope(event: Event) -> str | None:
    """The scope of an event about one payment."""
    payment = event.text("payment_id")
    return f"payment:{payment}" if payment else None


def order_kinds(order: Order) -> list[Condition]:
    """All of order.*."""
    found: list[Condition] = []
    if unpaid_milestone(order):
        for start, end in order.lives:
            lifted = min(order.cx, end)
            found += timeout(order, "order.pending_too_long", start, reached=min(order.auth, order.ship), lifted=lifted)
    found += rejected(order, "order.validation_failed", "validation", "other")
    for start, end in order.twins:
        found += state(order, "order.duplicate_suspected", start, min(end, order.x))
    found += stalled(order)
    for event in order.of("order.cancel_requested"):
        if order.released <= event.at and order.cx > event.at and order.dlv > event.at:
            found += signal(order, "order.cancel_in_flight", event, [order.cx, order.dlv, *times(order.of("order.cancel_declined"))])
    for (_, before), (event, after) in pairwise(order.told_fields):
        changes = any(_worth(before.get(name)) != _worth(after.get(name)) for name in ("lines", "ship_to", "service", "method"))
        if changes and order.released <= event.at and order.ship > event.at:
            clears = [*times(order.of("warehouse.released")), order.ship]
            found += signal(order, "order.change_after_release", event, clears, x=order.x)
    for event in order.of("invoice.disputed"):
        found += signal(order, "order.price_dispute", event, times(order.of("invoice.issued")), x=order.cx)

    def complete(fields: Json) -> bool:
        names = order.setting("order.master_data_incomplete").fields
        return all(_present(fields, name) for name in names if name != "ship_to.country" or order.method == "ship")

    for segment in order.segments(complete):
        if not segment.value:
            found += state(order, "order.master_data_incomplete", segment.start, min(segment.end, order.x))
    return found


def _worth(value: object) -> object:
    """What a field says, whichever way it is put: no nulls, lines without their order."""
    if isinstance(value, dict):
        known = cast("dict[str, object]", value)
        return {name: one for name, one in sorted(known.items()) if one is not None} or None
    if isinstance(value, list):
        return sorted(str(_worth(one)) for one in cast("list[object]", value)) or None
    return value or None


def _present(fields: Json, path: str) -> bool:
    *parents, name = path.split(".")
    for parent in parents:
        fields = mapping(fields, parent)
    return bool(fields.get(name))


def stalled(order: Order) -> list[Condition]:
    """Silence on an order that has no date to be judged by."""
    dated = text(order.latest, "ship_by") or any(line.ship_by for line in order.lines)
    if dated or order.method != "ship":
        return []
    spoken = sorted({event.at for event in order.history if not event.type.startswith(("case.", "action.", "feed."))})
    waiting = [(hold.start, hold.release) for hold in order.holds]
    allocated = order.allocated
    waiting += [(event.at, allocated if allocated >= event.at else NEVER) for event in order.of("inventory.backordered")]
    found: list[Condition] = []
    for at, following in pairwise([*spoken, NEVER]):
        left = min((step.at for step in order.handed_over), default=NEVER) if order.ship == order.placed else order.ship
        silence = timeout(order, "order.stalled", at, reached=following, lifted=min(order.x, left))
        found += [one for one in silence if not any(start <= one.start < end for start, end in waiting)]
    return found


def payment_kinds(order: Order) -> list[Condition]:
    """All of payment.*."""
    found: list[Condition] = []
    emits, terms = order.policy.emits, order.terms
    authorized, captured = order.of("payment.authorized"), order.of("payment.captured")
    for event in order.of("payment.failed"):
        if event.text("stage") == "capture":
            found += signal(order, "payment.capture_failed", event, times(captured), x=order.cx)
        elif event.text("stage") != "refund":
            kind = "payment.declined_hard" if event.text("decline") == "hard" else "payment.declined_soft"
            found += signal(order, kind, event, times(authorized + captured), x=order.cx, scope=payment_scope(event))
    if terms in ("prepaid", "on_ship") and "authorized" in emits:
        found += timeout(order, "payment.auth_missing", order.placed, reached=order.auth, lifted=order.cx)
    found += auth_expiring(order)
    if terms in ("prepaid", "on_ship") and "captured" in emits:
        anchor = order.setting("payment.capture_overdue").anchor
        from_placed = anchor == "placed" or (anchor != "shipped" and terms == "prepaid")
        found += timeout(order, "payment.capture_overdue", order.placed if from_placed else order.ship, reached=order.cap, lifted=order.cx)
    for hold in order.holds:
        if hold.hold == "fraud":
            found += timeout(order, "payment.fraud_review_overdue", hold.start, reached=hold.release, lifted=order.x, scope=hold.scope)
        if hold.hold == "credit":
            setting = order.setting("payment.credit_hold_aged")
            due = order.calendar(setting.clock).add(hold.start, setting.threshold)
            ship_by = order.in_force("ship_by", hold.start)
            if ship_by:
                due = min(due, max(hold.start, order.ship_deadline(ship_by) - 24 * 3_600_000_000))
            found += timeout(order, "payment.credit_hold_aged", hold.start, due=due, reached=hold.release, lifted=order.x, scope=hold.scope)
    for event in order.of("payment.disputed"):
        if order.dlv > event.at:
            clears = times([closing for closing in order.of("payment.dispute_closed") if _same_dispute(event, closing)])
            severity = "medium" if event.text("stage") == "inquiry" else "critical"
            scope = payment_scope(event)
            found += signal(order, "payment.disputed_in_flight", event, clears, x=order.cx, scope=scope, severity=severity)
    found += amount_mismatch(order)
    if terms == "invoice" and "invoiced" in emits:
        found += timeout(order, "payment.invoice_overdue", order.ship, reached=first(order.of("invoice.issued")), lifted=order.x)
    return found


def _same_dispute(event: Event, closing: Event) -> bool:
    opened, closed = event.text("dispute_id"), closing.text("dispute_id")
    if opened and closed:
        return opened == closed
    return event.text("payment_id") == closing.text("payment_id")


def auth_expiring(order: Order) -> list[Condition]:
    """Per payment: an authorization that runs out before it was captured or voided."""
    found: list[Condition] = []
    expiring = [event for event in order.of("payment.authorized") if event.text("expires_at")]
    for n, event in enumerate(expiring):
        payment = event.text("payment_id")
        following = first([other for other in expiring[n + 1 :] if other.text("payment_id") == payment])
        used = [
            other
            for other in order.of("payment.captured", "payment.voided")
            if other.at >= event.at
            and (other.text("payment_id") == payment or (other.type == "payment.captured" and not other.text("payment_id")))
        ]
        found += timeout(
            order,
            "payment.auth_expiring",
            instant(event.text("expires_at") or ""),
            since=event.at,
            reached=first(used),
            lifted=min(order.cx, following),
            scope=payment_scope(event),
        )
    return found


def amount_mismatch(order: Order) -> list[Condition]:
    """More captured, net of refunds, than the total; or less, once a capture is the final one."""
    latest = order.total
    if latest is None:
        return []
    captured, refunded = order.of("payment.captured"), order.of("payment.refunded")
    currencies = {amount.currency for event in captured if (amount := money(event.data, "amount"))}
    partly_cancelled = any(event.lines for event in order.of("order.cancelled"))
    judge_short = not partly_cancelled and order.cx == NEVER and currencies <= {latest.currency}

    def total_of(events: list[Event], until: int) -> Decimal:
        amounts = [money(event.data, "amount") for event in events if event.at <= until]
        return sum((one.amount for one in amounts if one and one.currency == latest.currency), ZERO)

    def wrong(at: int, total: Money | None) -> bool:
        if total is None or total.currency != latest.currency:
            return False
        over = total_of(captured, at) - total_of(refunded, at) > total.amount
        final = any(event.data.get("final") is True for event in captured if event.at <= at)
        return over or (judge_short and final and total_of(captured, at) < total.amount)

    segments = order.segments(lambda fields: money(fields, "total"))
    instants = sorted({order.placed, *(one.start for one in segments), *(one.at for one in captured + refunded if one.at > order.placed)})
    found: list[Condition] = []
    for at, following in pairwise([*instants, NEVER]):
        total = next(one.value for one in segments if one.start <= at < one.end)
        if wrong(at, total):
            found += state(order, "payment.amount_mismatch", at, min(following, order.cx))
    return found


def address_kinds(order: Order) -> list[Condition]:
    """All of address.*."""
    found: list[Condition] = []
    readdressed = [event for event in order.of("order.updated") if "ship_to" in event.data]
    signals = order.of("address.validated", "address.invalid", "address.change_requested")
    labels = order.of("warehouse.label_created")
    for event in order.of("address.invalid"):
        found += signal(order, "address.invalid", event, times(order.of("address.validated") + readdressed), x=order.x)
    for event in order.of("address.change_requested"):
        if min(first(labels), order.ship) <= event.at and order.dlv > event.at:
            found += signal(order, "address.change_late", event, [*times(labels), order.dlv], x=order.x)
    for event in signals:
        if event.text("risk") == "high":
            calm = [other for other in signals if other.text("risk") in ("low", "medium")]
            found += signal(order, "address.risk", event, times(calm + readdressed), x=order.x)
    return found
