"""Faults of what an order owes: goods that nobody ordered or fetched, stock and estimates that are late, money that is short or kept."""

from __future__ import annotations

from sources.simulator.faults.base import Faults
from sources.simulator.life import capture, live, refund
from sources.simulator.moments import DAY, HOUR, MINUTE, instant
from sources.simulator.order import SimulatedOrder
from sources.simulator.parts import Data

FAULTS = Faults()


@FAULTS.one("fulfilment.pickup_uncollected")
def nobody_fetches_it(order: SimulatedOrder) -> None:
    """Ready on time and fetched after 16 days (reminded after 10, raised after 14)."""
    order.method, order.parcels = "pickup", (0,)
    order.lane(international=False)
    live(order)
    order.postpone(order.first.shipped, 16 * DAY)
    order.expect("fulfilment.pickup_uncollected", "resolved")


@FAULTS.one("inventory.backorder_overdue")
def the_supplier_is_late(order: SimulatedOrder) -> None:
    """Stock that was expected in 8 days comes in 12."""
    order.waits["allocated"] = 12 * DAY
    live(order)
    data: Data = {"expected_at": instant(order.placed + 8 * DAY), **order.naming(order.lines)}
    order.add(order.placed + 25 * MINUTE, order.site.source, "inventory.backordered", data)
    order.expect("inventory.backorder_overdue", "resolved")


@FAULTS.one("shipment.eta_passed")
def later_than_the_carrier_said(order: SimulatedOrder) -> None:
    """Nothing was promised, and the carrier's own estimate passes five hours before the delivery (two are allowed)."""
    order.promised_by, order.etas = "none", False
    live(order)
    shipment = order.first
    order.find("carrier.scan", "in_transit").data["eta"] = instant(shipment.delivered - 5 * HOUR)
    order.expect("shipment.eta_passed", "resolved", shipment.scope)


@FAULTS.one("payment.partly_captured")
def the_rest_is_taken_late(order: SimulatedOrder) -> None:
    """Half is captured at once, the other half nine days later (three business days are allowed)."""
    live(order)
    taken = order.find("payment.captured")
    half = order.total // 2
    taken.data |= {"amount": order.money(half), "final": False}
    capture(order, taken.at + 9 * DAY, order.total - half)
    order.expect("payment.partly_captured", "resolved")


@FAULTS.one("payment.refund_failed")
def the_refund_bounces(order: SimulatedOrder) -> None:
    """A refund of a part after the delivery fails, and goes through the next day."""
    live(order)
    at = order.when["delivered"] + DAY
    order.add(at, order.payments, "payment.failed", {"payment_id": order.payment, "stage": "refund", "code": "account_closed"})
    refund(order, at + DAY, order.total // 4, reason="goodwill")
    order.expect("payment.refund_failed", "resolved", f"payment:{order.payment}")


@FAULTS.one("payment.refund_exceeds_capture")
def more_goes_back_than_was_taken(order: SimulatedOrder) -> None:
    """A refund of everything and ten more, after the delivery."""
    live(order)
    refund(order, order.when["delivered"] + DAY, order.total + 1_000, reason="mistyped")
    order.expect("payment.refund_exceeds_capture", "open")


def _cancelled(order: SimulatedOrder, at: int) -> None:
    order.cut(at)
    order.add(at, order.storefront, "order.cancelled", {"reason": "customer"})


@FAULTS.one("payment.captured_after_cancel")
def taken_after_the_cancellation(order: SimulatedOrder) -> None:
    """Cancelled within the hour, captured an hour later, paid back the next day."""
    order.waits["captured"] = 3 * HOUR
    live(order)
    _cancelled(order, order.placed + HOUR)
    capture(order, order.placed + 2 * HOUR)
    refund(order, order.placed + 26 * HOUR, reason="cancelled")
    order.expect("payment.captured_after_cancel", "resolved", f"payment:{order.payment}")


@FAULTS.one("payment.cancelled_not_refunded")
def paid_cancelled_and_kept(order: SimulatedOrder) -> None:
    """Captured and cancelled before the release; nothing goes back."""
    order.waits |= {"captured": 5 * MINUTE, "allocated": 50 * MINUTE}
    live(order)
    _cancelled(order, order.placed + 45 * MINUTE)
    order.expect("payment.cancelled_not_refunded", "open")


@FAULTS.one("payment.chargeback_lost")
def the_bank_sides_with_the_customer(order: SimulatedOrder) -> None:
    """Disputed after the delivery, and lost two weeks later."""
    live(order)
    at, data = order.when["delivered"] + 5 * DAY, {"payment_id": order.payment, "dispute_id": f"dp_{order.index:07d}"}
    amount = order.money(order.total)
    order.add(at, order.payments, "payment.disputed", {**data, "amount": amount, "stage": "chargeback", "reason": "not_received"})
    order.add(at + 14 * DAY, order.payments, "payment.dispute_closed", {**data, "amount": amount, "outcome": "lost"})
    order.expect("payment.chargeback_lost", "open", f"payment:{order.payment}")
