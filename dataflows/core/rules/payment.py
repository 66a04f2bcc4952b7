"""Payment kinds: money that is missing, refused, disputed or of the wrong amount."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import cast

from dataflows.core.history.facts import Facts, amount
from dataflows.core.policy import RuleSetting
from dataflows.core.policy.setting import RuleDefaults, Severity
from dataflows.core.rules.conditions import Condition, signal, timeout
from dataflows.core.rules.model import rule
from schemas.events import OrderPlaced, Payment, PaymentDispute, PaymentFailed, PaymentRefunded
from schemas.instants import DAY
from schemas.record import Record
from schemas.wire import micros

Found = Iterable[Condition | None]
SECURED = ("payment.authorized", "payment.captured")


def scope_of(payment_id: str | None) -> str | None:
    """The scope of a payment; null where the event names none."""
    return f"payment:{payment_id}" if payment_id else None


def _failures(o: Facts, s: RuleSetting, stage: str, *, hard: bool | None, clears: tuple[str, ...], scoped: bool = True) -> Found:
    for record in o.t.of("payment.failed"):
        data = cast("PaymentFailed", record.event.data)
        known = data.stage if data.stage in ("authorization", "capture", "refund") else "authorization"
        if known == stage and (hard is None or (data.decline == "hard") == hard):
            scope = scope_of(data.payment_id) if scoped else None
            yield signal(s, record, clears=o.instants(*clears), lifted=o.cancelled, scope=scope, detail=data.code or "")


@rule(
    "payment.declined_soft",
    "signal",
    definition="An authorization was declined for a reason that may pass.",
    clears="an authorization or capture, or the cancellation",
    prevented_by="a payment.authorized at the first attempt",
    source="event",
    actions=(("retry_payment", "soft declines often pass later; at most 3 times"), ("ask_payment_update", "if retries fail")),
    defaults=RuleDefaults(owner="FIN", severity="low", lane="auto", suppressed_by=("payment.declined_hard",)),
    on=("payment.failed",),
)
def declined_soft(o: Facts, s: RuleSetting) -> Found:
    yield from _failures(o, s, "authorization", hard=False, clears=SECURED)


@rule(
    "payment.declined_hard",
    "signal",
    definition="An authorization was declined for good.",
    clears="an authorization or capture, or the cancellation",
    prevented_by="a valid means of payment",
    source="event",
    actions=(("hold_order", "nothing may ship unpaid"), ("ask_new_method", "this one will not work")),
    defaults=RuleDefaults(owner="ECOM", severity="high", lane="block"),
    on=("payment.failed",),
)
def declined_hard(o: Facts, s: RuleSetting) -> Found:
    yield from _failures(o, s, "authorization", hard=True, clears=SECURED)


@rule(
    "payment.auth_missing",
    "timeout",
    definition="No authorization (or capture) within an hour of placing the order.",
    clears="an authorization or capture, or the cancellation",
    prevented_by="a payment.authorized or payment.captured",
    source="P: 1 hour",
    actions=(("hold_release", "it may never be paid"),),
    defaults=RuleDefaults(
        owner="FIN",
        severity="medium",
        lane="block",
        threshold="1 h",
        suppressed_by=("payment.capture_overdue", "order.pending_too_long", "payment.declined_soft", "payment.declined_hard"),
        feeds=("payments",),
    ),
    arms=("order.placed",),
    needs=("terms:prepaid", "terms:on_ship"),
    met_by=("payment.authorized", "payment.captured"),
    partly=True,
)
def auth_missing(o: Facts, s: RuleSetting) -> Found:
    if o.terms in ("prepaid", "on_ship") and o.emits("authorized") and o.placed:
        yield timeout(s, o.calendar(s), o.placed_at, "placed", (o.placed,), met=o.authorized, lifted=o.cancelled)


@rule(
    "payment.auth_expiring",
    "timeout",
    definition="An authorization runs out within 24 hours and has not been captured.",
    clears="its capture, void or renewal, or the cancellation",
    prevented_by="a payment.captured before the authorization expires",
    source="P: 24 hours before expiry",
    actions=(("reauthorise", "the money is reserved only until then"),),
    defaults=RuleDefaults(owner="FIN", severity="high", lane="auto", steps=(("-24 h", "medium"),), feeds=("payments",)),
    arms=("expires",),
    dated="expires_at",
    met_by=("settled",),
    partly=True,
)
def auth_expiring(o: Facts, s: RuleSetting) -> Found:
    by_payment: dict[str | None, list[tuple[Record, int]]] = {}
    for record in o.t.of("payment.authorized"):
        data = cast("Payment", record.event.data)
        if data.expires_at is not None:
            by_payment.setdefault(data.payment_id, []).append((record, micros(data.expires_at)))
    for payment_id, known in by_payment.items():
        ends = [
            r.at
            for r in o.t.of("payment.captured", "payment.voided")
            if (paid := cast("Payment", r.event.data).payment_id) == payment_id or (paid is None and r.event.type == "payment.captured")
        ]
        for position, (record, expires) in enumerate(known):
            renewed = known[position + 1][0].at if position + 1 < len(known) else None
            yield timeout(
                s,
                o.calendar(s),
                expires,
                "authorization expires",
                (record,),
                scope=scope_of(payment_id),
                since=record.at,
                met=min((e for e in ends if e >= record.at), default=None),
                lifted=o.cancelled,
                moved=renewed,
            )


@rule(
    "payment.capture_failed",
    "signal",
    definition="The capture of an authorized payment failed.",
    clears="a capture, or the cancellation",
    prevented_by="a payment.captured at the first attempt",
    source="event",
    actions=(("hold_shipment", "the goods are not paid"), ("retry_capture", "before the authorization expires")),
    defaults=RuleDefaults(owner="FIN", severity="high", lane="block"),
    on=("payment.failed",),
)
def capture_failed(o: Facts, s: RuleSetting) -> Found:
    yield from _failures(o, s, "capture", hard=None, clears=("payment.captured",), scoped=False)


@rule(
    "payment.capture_overdue",
    "timeout",
    definition="The money was not taken within 24 hours of placing (prepaid) or shipping (on_ship) the order.",
    clears="a capture, or the cancellation",
    prevented_by="a payment.captured",
    source="P: 24 hours",
    actions=(("create_task", "find out why the payment was not captured"),),
    defaults=RuleDefaults(
        owner="FIN",
        severity="medium",
        lane="review",
        threshold="24 h",
        anchor="terms",
        suppressed_by=("order.pending_too_long",),
        feeds=("payments",),
    ),
    arms=("order.placed", "warehouse.shipped", "unannounced"),
    anchors=("terms", "placed", "shipped"),
    needs=("terms:prepaid", "terms:on_ship"),
    unless=("payment.captured",),
    met_by=("payment.captured",),
    partly=True,
)
def capture_overdue(o: Facts, s: RuleSetting) -> Found:
    if o.terms not in ("prepaid", "on_ship") or not o.emits("captured") or not o.placed:
        return
    if s.anchor == "shipped" or (s.anchor != "placed" and o.terms == "on_ship"):
        if o.shipped is not None:
            evidence = tuple(r for r, _ in o.handovers) or (o.placed,)
            yield timeout(s, o.calendar(s), o.shipped, "shipped", evidence, met=o.captured, lifted=o.cancelled)
    else:
        yield timeout(s, o.calendar(s), o.placed_at, "placed", (o.placed,), met=o.captured, lifted=o.cancelled)


def hold_scope(o: Facts, shipment_id: str | None) -> str | None:
    """The scope of a hold: its shipment, or the order."""
    if shipment_id is None:
        return None
    shipment = o.shipment(shipment_id)
    return shipment.scope if shipment else f"shipment:{shipment_id}"


@rule(
    "payment.fraud_review_overdue",
    "timeout",
    definition="A fraud hold has lasted two business days.",
    clears="the release of the hold, or the end of the order",
    prevented_by="an order.hold_released",
    source="ShipHero practice: holds aged 2 business days",
    actions=(("escalate", "the customer waits for a decision"),),
    defaults=RuleDefaults(owner="FIN", severity="high", lane="block", threshold="2 bd"),
    arms=("order.hold_placed",),
)
def fraud_review_overdue(o: Facts, s: RuleSetting) -> Found:
    for h in o.holds:
        if h.hold == "fraud":
            scope = hold_scope(o, h.shipment_id)
            yield timeout(s, o.calendar(s), h.record.at, "held", (h.record,), scope=scope, met=h.released, lifted=o.ended)


@rule(
    "payment.credit_hold_aged",
    "timeout",
    definition="A credit hold has lasted one business day, or reaches into the last 24 hours before the ship-by date.",
    clears="the release of the hold, or the end of the order",
    prevented_by="an order.hold_released",
    source="P: 1 business day, or 24 hours before ship-by",
    actions=(("request_approval", "a credit limit must be decided"),),
    defaults=RuleDefaults(owner="FIN", severity="high", lane="review", threshold="1 bd"),
    arms=("order.hold_placed",),
    on=("order.hold_placed",),
)
def credit_hold_aged(o: Facts, s: RuleSetting) -> Found:
    for h in o.holds:
        if h.hold != "credit":
            continue
        at, scope = h.record.at, hold_scope(o, h.shipment_id)
        aged = timeout(s, o.calendar(s), at, "held", (h.record,), scope=scope, met=h.released, lifted=o.ended)
        yield aged
        ship_by = next((fields.ship_by for fields, since, _ in reversed(o.versions) if since <= at), None)
        if ship_by is not None:
            elapsed = type(s.threshold)(0, "us")
            last_call = max(at, o.ship_deadline(ship_by) - DAY)
            yield timeout(
                s, o.calendar(s), last_call, "24 h before ship-by", (h.record,), scope=scope, span=elapsed, met=h.released, lifted=o.ended
            )


@rule(
    "payment.disputed_in_flight",
    "signal",
    definition="A payment was disputed before the order had been delivered.",
    clears="the end of the dispute, or the cancellation",
    prevented_by="an answer to the bank's inquiry",
    source="event",
    actions=(("intercept_shipment", "the money may be taken back"), ("stop_messages", "the bank speaks to the customer now")),
    defaults=RuleDefaults(owner="FIN", severity="critical", lane="block"),
    on=("payment.disputed",),
)
def disputed_in_flight(o: Facts, s: RuleSetting) -> Found:
    for record in o.t.of("payment.disputed"):
        data = cast("PaymentDispute", record.event.data)
        if o.delivered is not None and o.delivered <= record.at:
            continue
        clears: list[int] = []
        for closing in o.t.of("payment.dispute_closed"):
            closed = cast("PaymentDispute", closing.event.data)
            same = closed.dispute_id == data.dispute_id if closed.dispute_id and data.dispute_id else closed.payment_id == data.payment_id
            if same:
                clears.append(closing.at)
        severity: Severity | None = "medium" if data.stage == "inquiry" else None
        yield signal(s, record, clears=clears, lifted=o.cancelled, scope=scope_of(data.payment_id), severity=severity)


def _differs(o: Facts) -> Iterable[tuple[int, bool, Record]]:
    """After every event that moves the balance: whether captured (net of refunds) is above, or a final capture below the total."""
    fields_at: list[tuple[int, int, OrderPlaced | None, Record]] = [(at, 0, fields, record) for fields, at, record in o.versions]
    moves = [(r.at, 1, None, r) for r in o.t.of("payment.captured", "payment.refunded") if r.at >= o.placed_at]
    currency = o.fields.total.currency if o.fields.total else None
    before = [r for r in o.t.of("payment.captured", "payment.refunded") if r.at < o.placed_at]
    captures = [cast("Payment", r.event.data) for r in o.t.of("payment.captured")]
    foreign = any(c.amount and c.amount.currency != currency for c in captures)
    judged_short = not foreign and not o.t.of("order.cancelled")
    captured = refunded = Decimal(0)
    final = False
    total: Decimal | None = None
    steps = sorted([*fields_at, *moves], key=lambda step: (step[0], step[1], step[3].event.source, step[3].event.id))
    for record in before:
        steps.insert(0, (o.placed_at, 1, None, record))
    for position, (at, _, fields, record) in enumerate(steps):
        if fields is not None:
            total = Decimal(fields.total.amount) if fields.total and fields.total.currency == currency else None
        elif record.event.type == "payment.captured":
            payment = cast("Payment", record.event.data)
            captured += amount(payment.amount) if payment.amount and payment.amount.currency == currency else 0
            final = final or payment.final is True
        else:
            refund = cast("PaymentRefunded", record.event.data)
            refunded += amount(refund.amount) if refund.amount and refund.amount.currency == currency else 0
        if position + 1 == len(steps) or steps[position + 1][0] > at:
            wrong = total is not None and (captured - refunded > total or (final and judged_short and captured < total))
            yield at, wrong, record


@rule(
    "payment.amount_mismatch",
    "signal",
    definition="More was captured (net of refunds) than the order's total, or less once a capture was final. One currency only.",
    clears="a capture, refund or update that makes it fit, or the cancellation",
    prevented_by="a capture of the order's total",
    source="event",
    actions=(("create_task", "compare order and payment"),),
    defaults=RuleDefaults(owner="FIN", severity="high", lane="block"),
    on=("balance", "payment.refunded", "order.updated"),
    needs=("payment.captured", "payment.refunded"),
)
def amount_mismatch(o: Facts, s: RuleSetting) -> Found:
    began: Record | None = None
    since = 0
    for at, wrong, record in _differs(o):
        if wrong and began is None:
            began, since = record, at
        elif not wrong and began is not None:
            yield signal(s, began, at=since, clears=(at,), lifted=o.cancelled)
            began = None
    if began is not None:
        yield signal(s, began, at=since, lifted=o.cancelled)


@rule(
    "payment.invoice_overdue",
    "timeout",
    definition="An order on invoice was not invoiced within two business days of leaving.",
    clears="an invoice, or the end of the order",
    prevented_by="an invoice.issued",
    source="P: 2 business days",
    actions=(("create_task", "issue the invoice"),),
    defaults=RuleDefaults(owner="FIN", severity="medium", lane="review", threshold="2 bd", clock="tenant"),
    arms=("warehouse.shipped", "unannounced"),
    needs=("terms:invoice",),
    unless=("invoice.issued",),
    met_by=("invoice.issued",),
    partly=True,
)
def invoice_overdue(o: Facts, s: RuleSetting) -> Found:
    if o.terms == "invoice" and o.emits("invoiced") and o.shipped is not None:
        evidence = tuple(r for r, _ in o.handovers)
        yield timeout(s, o.calendar(s), o.shipped, "shipped", evidence, met=o.first("invoice.issued"), lifted=o.ended)
