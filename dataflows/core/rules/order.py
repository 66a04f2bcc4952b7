"""Order kinds: the order as a whole waits, changes or ends in the wrong way."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import cast

import msgspec

from dataflows.core.history.facts import Facts
from dataflows.core.policy import RuleSetting
from dataflows.core.policy.setting import RuleDefaults
from dataflows.core.rules.conditions import Condition, signal, silences, timeout
from dataflows.core.rules.model import UNHEARD, rule
from schemas.events import WarehouseRejected
from schemas.instants import earliest

Found = Iterable[Condition | None]
GOING_ON = ("warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed", "warehouse.shipped")
CHANGES = ("lines", "method", "service", "ship_to")


@rule(
    "order.pending_too_long",
    "timeout",
    definition="A prepaid or on-ship order is neither paid nor shipped two days after it was placed.",
    clears="an authorization, a capture, a shipment or the cancellation",
    prevented_by="a payment.authorized or payment.captured",
    source="Kibo: unpaid orders are abandoned after 2 days",
    actions=(("remind_customer", "the order waits for its payment"), ("close_order", "nobody paid for it")),
    defaults=RuleDefaults(owner="ECOM", severity="medium", lane="auto", threshold="2 d", feeds=("payments",)),
    arms=("order.placed",),
    needs=("terms:prepaid", "terms:on_ship"),
    met_by=("payment.authorized", "payment.captured"),
    partly=True,
)
def pending_too_long(o: Facts, s: RuleSetting) -> Found:
    needs = {"prepaid": "captured", "on_ship": "authorized"}.get(o.terms)
    if needs and o.emits(needs) and o.placed:
        met = earliest(o.authorized, o.shipped)
        yield timeout(s, o.calendar(s), o.placed_at, "placed", (o.placed,), met=met, lifted=o.cancelled)


def rejections(o: Facts, s: RuleSetting, *reasons: str | None, scope_sku: bool = False) -> Found:
    """A condition per `warehouse.rejected` with one of these reasons, until the warehouse goes on with the order."""
    for record in o.t.of("warehouse.rejected"):
        data = cast("WarehouseRejected", record.event.data)
        if data.reason in reasons:
            scope = f"line:{data.sku}" if scope_sku and data.sku else None
            yield signal(s, record, clears=o.instants(*GOING_ON), lifted=o.ended, scope=scope, detail=data.reason or "")


@rule(
    "order.validation_failed",
    "signal",
    definition="The warehouse rejected the order for a reason of its own validation, or without a known reason.",
    clears="a later warehouse step, or the end of the order",
    prevented_by="complete order data before release",
    source="event",
    actions=(("create_task", "mend the order and release it again"),),
    defaults=RuleDefaults(owner="ECOM", severity="high", lane="review"),
    on=("warehouse.rejected",),
)
def validation_failed(o: Facts, s: RuleSetting) -> Found:
    known = ("routing", "sku_unknown", "sku_inactive", "customs_data")
    others = {cast("WarehouseRejected", r.event.data).reason for r in o.t.of("warehouse.rejected")} - set(known)
    yield from rejections(o, s, *others)


@rule(
    "order.duplicate_suspected",
    "signal",
    definition="The same customer ordered the same basket to the same address at most ten minutes before.",
    clears="the end of the order",
    prevented_by="an idempotent checkout",
    source="P: 10 minutes",
    actions=(("hold_order", "the customer probably ordered twice"),),
    defaults=RuleDefaults(owner="ECOM", severity="high", lane="block"),
    on=("note",),
)
def duplicate_suspected(o: Facts, s: RuleSetting) -> Found:
    if o.placed:
        for note in o.t.notes:
            if note.kind == "order.duplicate_suspected":
                yield signal(s, o.placed, lifted=o.ended, detail="placed twice")
                return


@rule(
    "order.stalled",
    "timeout",
    definition="An unshipped order without a ship-by date, hold or backorder has had no event from any source for 24 business hours.",
    clears="any event",
    prevented_by="any event of the order's next step",
    source="P: 24 business hours (at least 24 h advised by practitioners)",
    actions=(("open_case", "find out which system lost the order"),),
    defaults=RuleDefaults(
        owner="OPS",
        severity="medium",
        lane="review",
        threshold="24 bh",
        clock="site",
        suppressed_by=(
            "order.pending_too_long",
            "payment.auth_missing",
            "payment.auth_expiring",
            "payment.capture_overdue",
            "payment.fraud_review_overdue",
            "payment.credit_hold_aged",
            "payment.invoice_overdue",
            "inventory.allocation_overdue",
            "inventory.backorder_aged",
            "fulfilment.release_overdue",
            "fulfilment.pick_overdue",
            "fulfilment.pack_overdue",
            "fulfilment.ship_overdue",
            "fulfilment.hold_aged",
            "fulfilment.split_incomplete",
        ),
        feeds=("payments", "warehouse"),
    ),
    arms=("*",),
    unless=("ship_by",),
    met_by=("warehouse.shipped", "scanned"),
    silence=True,
)
def stalled(o: Facts, s: RuleSetting) -> Found:
    if s.switch == "off" or o.method != "ship" or o.fields.ship_by or any(line.ship_by for line in o.lines.values()):
        return
    lifted = earliest(o.ended, o.shipped)
    heard = [r for r in o.t.records if not r.event.type.startswith(UNHEARD)]
    waits = [(h.record.at, h.released) for h in o.holds]
    waits.extend((at, o.allocated if o.allocated is not None and o.allocated >= at else None) for at in o.instants("inventory.backordered"))
    for record, (at, until) in zip(heard, silences([r.at for r in heard], None), strict=True):
        condition = timeout(s, o.calendar(s), at, f"last event {record.event.type}", (record,), met=until, lifted=lifted)
        if condition and not any(a <= condition.start and (b is None or condition.start < b) for a, b in waits):
            yield condition


@rule(
    "order.cancel_in_flight",
    "signal",
    definition="Cancellation was asked for after the order had been released to its warehouse and before it was delivered.",
    clears="the cancellation, or the delivery",
    prevented_by="a cancellation request before release",
    source="event",
    actions=(("intercept_shipment", "the warehouse may still stop it"),),
    defaults=RuleDefaults(owner="FULF", severity="high", lane="review"),
    on=("order.cancel_requested",),
)
def cancel_in_flight(o: Facts, s: RuleSetting) -> Found:
    for record in o.t.of("order.cancel_requested"):
        if o.released is not None and o.released <= record.at and (o.delivered is None or o.delivered > record.at):
            yield signal(s, record, clears=(o.delivered,), lifted=o.cancelled)


@rule(
    "order.change_after_release",
    "signal",
    definition="Lines, address, service or method were changed after the release to the warehouse and before the order had left.",
    clears="a new release, the shipment, or the end of the order",
    prevented_by="the change before release",
    source="event",
    actions=(("create_task", "the warehouse works from the old version"),),
    defaults=RuleDefaults(owner="FULF", severity="high", lane="review"),
    on=("order.updated",),
)
def change_after_release(o: Facts, s: RuleSetting) -> Found:
    """By what an update changes, not by what it names: a shop that sends the whole order each time changes nothing by it."""
    for (before, _, _), (after, _, record) in pairwise(o.versions):
        changed = [name for name in CHANGES if _said(getattr(before, name)) != _said(getattr(after, name))]
        if changed and o.released is not None and o.released <= record.at and (o.shipped is None or o.shipped > record.at):
            clears = [*o.instants("warehouse.released"), o.shipped]
            yield signal(s, record, clears=clears, lifted=o.ended, detail=", ".join(changed))


def _said(value: object) -> object:
    """What a field says, to be compared: lines in any order; nothing, however it is put, is None."""
    plain: object = msgspec.to_builtins(value)
    return sorted(map(repr, cast("list[object]", plain))) or None if isinstance(plain, list) else plain or None


@rule(
    "order.price_dispute",
    "signal",
    definition="The customer disputes the price of an invoice.",
    clears="a new invoice, or the cancellation",
    prevented_by="an invoice that agrees with the contract price",
    source="event",
    actions=(("create_task", "compare invoice and contract price"),),
    defaults=RuleDefaults(owner="FIN", severity="medium", lane="review"),
    on=("invoice.disputed",),
)
def price_dispute(o: Facts, s: RuleSetting) -> Found:
    for record in o.t.of("invoice.disputed"):
        yield signal(s, record, clears=o.instants("invoice.issued"), lifted=o.cancelled)


def _lacks(fields: object, path: str) -> bool:
    value: object = fields
    for name in path.split("."):
        value = cast("object", getattr(value, name, None))
        if value is None or value in ("", [], ()):
            return True
    return False


def _complete(placed: object, s: RuleSetting) -> bool:
    return not any(_lacks(placed, path) for path in s.fields)


@rule(
    "order.master_data_incomplete",
    "signal",
    definition="A field that the policy requires of every order (`fields`) is missing.",
    clears="an update that supplies it, or the end of the order",
    prevented_by="a complete order.placed",
    source="event",
    actions=(("create_task", "complete the order's data"),),
    defaults=RuleDefaults(owner="DATA", severity="medium", lane="block", fields=("total", "ship_to.country")),
    on=("order.placed",),
    fits=_complete,
)
def master_data_incomplete(o: Facts, s: RuleSetting) -> Found:
    wanted = [f for f in s.fields if o.method == "ship" or not f.startswith("ship_to.")]
    for missing, since, until, record in o.segments(lambda fields: tuple(f for f in wanted if _lacks(fields, f))):
        if missing:
            yield signal(s, record, at=since, clears=(until,), lifted=o.ended, detail="missing " + ", ".join(missing))
