"""Faults that two systems tell in contradiction to each other."""

from __future__ import annotations

from sources.simulator.faults.base import Faults
from sources.simulator.life import authorize, capture, live, parcel_data, refund
from sources.simulator.moments import DAY, HOUR, MINUTE
from sources.simulator.order import SimulatedOrder
from sources.simulator.parts import Data, SimulatedLine, SimulatedShipment

FAULTS = Faults()


@FAULTS.one("conflict.delivered_without_ship")
def delivered_but_never_sent(order: SimulatedOrder) -> None:
    """A label, then a delivery, and nothing in between; sometimes the warehouse confirms the shipping afterwards."""
    order.lane(international=False)
    live(order)
    delivered = order.when["labelled"] + 36 * HOUR
    confirmed = order.rng.random() < 0.4
    order.drop("warehouse.shipped")
    order.drop("carrier.scan")
    order.scan(delivered, order.first, "delivered")
    order.first.shipped = order.first.delivered = delivered
    if confirmed:
        data = parcel_data(order, order.first)
        order.warehouse(delivered + 5 * HOUR, "shipped", **data)
    order.expect("conflict.delivered_without_ship", "resolved" if confirmed else "open", order.first.scope)


def _ship_at_once(order: SimulatedOrder) -> None:
    """Leaves within the day, whatever the hour."""
    order.waits |= {"authorized": 5 * MINUTE, "captured": 5 * MINUTE, "released": 2 * HOUR}
    live(order)
    order.drop("payment.authorized")
    order.drop("payment.captured")
    del order.when["authorized"], order.when["captured"]


@FAULTS.one("conflict.shipped_unpaid")
def shipped_before_it_was_paid(order: SimulatedOrder) -> None:
    """Shipped within the day, authorised and captured 20 hours after placing (an hour is allowed)."""
    order.terms = order.rng.choice(("prepaid", "on_ship"))
    _ship_at_once(order)
    authorize(order, order.placed + 20 * HOUR)
    capture(order, order.placed + 21 * HOUR)
    order.expect("conflict.shipped_unpaid", "resolved")
    order.expect("payment.auth_missing", "resolved")


@FAULTS.one("conflict.shipped_unpaid")
def shipped_and_never_paid(order: SimulatedOrder) -> None:
    """Shipped within the day and never paid: that explains the missing authorisation and the overdue capture."""
    order.terms = order.rng.choice(("prepaid", "on_ship"))
    _ship_at_once(order)
    order.expect("conflict.shipped_unpaid", "open")
    order.expect("payment.capture_overdue", "suppressed")
    order.expect("payment.auth_missing", "suppressed")


def _turned_back(order: SimulatedOrder) -> bool:
    """Perhaps the parcel is caught on its way and comes home."""
    if order.rng.random() < 0.5:
        return False
    at = order.between("in_transit")
    order.cut(at)
    order.scan(at, order.first, "returning")
    order.scan(at + DAY, order.first, "returned")
    return True


@FAULTS.one("conflict.cancelled_but_moving")
def cancelled_and_shipped(order: SimulatedOrder) -> None:
    """Cancelled and paid back when packed, yet it leaves; delivered, or caught on the way."""
    order.waits["labelled"] = 3 * HOUR
    live(order)
    caught = _turned_back(order)
    order.add(order.when["packed"] + HOUR, order.storefront, "order.cancelled", {"reason": "customer"})
    refund(order, order.when["packed"] + 2 * HOUR, reason="cancelled")
    order.expect("conflict.cancelled_but_moving", "resolved" if caught else "open", order.first.scope)


@FAULTS.one("conflict.refunded_but_moving")
def paid_back_and_shipped(order: SimulatedOrder) -> None:
    """All is paid back when packed, yet it leaves; delivered, or caught on the way."""
    order.waits["labelled"] = 3 * HOUR
    live(order)
    caught = _turned_back(order)
    refund(order, order.when["packed"] + HOUR, reason="goodwill")
    order.expect("conflict.refunded_but_moving", "resolved" if caught else "open", order.first.scope)


@FAULTS.one("conflict.refunded_but_moving")
def one_line_paid_back_and_shipped(order: SimulatedOrder) -> None:
    """One line is paid back when packed, and leaves with the others."""
    order.names_lines = True
    order.basket(order.rng.randint(2, 4))
    order.waits["labelled"] = 3 * HOUR
    live(order)
    line = order.lines[-1]
    refund(order, order.when["packed"] + HOUR, line.cents * line.quantity, lines=[line.plain()], reason="out of stock")
    order.expect("conflict.refunded_but_moving", "open", order.first.scope)


@FAULTS.one("conflict.released_on_credit_hold")
def picked_in_spite_of_the_hold(order: SimulatedOrder) -> None:
    """Released while a credit hold stands, which is lifted hours later."""
    order.waits["picked"] = 3 * HOUR
    live(order)
    hold: Data = {"hold": "credit", "hold_id": f"hold_{order.index}"}
    order.add(order.when["released"] - 2 * MINUTE, "/erp/finance", "order.hold_placed", hold)
    order.add(order.when["released"] + 6 * HOUR, "/erp/finance", "order.hold_released", hold)
    order.expect("conflict.released_on_credit_hold", "resolved")


@FAULTS.one("conflict.short_after_ship_confirm")
def missing_after_the_confirmation(order: SimulatedOrder) -> None:
    """The picker reports a shortage after the shipment was confirmed; sometimes all is paid back after the delivery."""
    live(order)
    line = order.lines[0]
    order.warehouse(order.first.shipped + 7 * MINUTE, "pick_short", sku=line.sku, ordered=line.quantity, picked=0)
    settled = order.rng.random() < 0.4
    if settled:
        refund(order, order.first.delivered + 2 * DAY, reason="incomplete")
    order.expect("conflict.short_after_ship_confirm", "resolved" if settled else "open", f"line:{line.sku}")


@FAULTS.one("conflict.quantity_mismatch")
def one_piece_too_many(order: SimulatedOrder) -> None:
    """One line leaves with a piece more than ordered; sometimes the order is adapted."""
    order.basket(order.rng.randint(2, 4))
    order.names_lines = False
    live(order)
    line = order.lines[0]
    sent = [SimulatedLine(line.line_id, line.sku, line.quantity + 1, line.cents), *order.lines[1:]]
    for kind in ("warehouse.label_created", "warehouse.shipped"):
        order.find(kind).data["lines"] = [line.plain() for line in sent]
    adapted = order.rng.random() < 0.5
    if adapted:
        order.add(order.first.shipped + DAY, order.storefront, "order.updated", {"lines": [line.plain() for line in sent]})
    order.expect("conflict.quantity_mismatch", "resolved" if adapted else "open", f"line:{line.line_id}")


@FAULTS.one("conflict.unordered_item")
def something_that_nobody_ordered(order: SimulatedOrder) -> None:
    """A line is in the parcel that is not in the order."""
    order.names_lines = True
    live(order)
    for kind in ("warehouse.label_created", "warehouse.shipped"):
        order.find(kind).data["lines"] = [line.plain() for line in [*order.lines, SimulatedLine("99", "SKU-9999", 1, 100)]]
    order.expect("conflict.unordered_item", "open", "line:SKU-9999")


@FAULTS.one("conflict.duplicate_shipment")
def sent_twice(order: SimulatedOrder) -> None:
    """The whole order leaves a second time a day later; sometimes all is paid back when both have arrived."""
    order.names_lines = True
    live(order)
    second = order.shipment(6, order.lines, 1)
    second.shipped = order.first.shipped + DAY
    second.delivered = max(order.first.delivered, second.shipped) + DAY
    data = parcel_data(order, second)
    order.warehouse(second.shipped - HOUR, "label_created", **data)
    order.warehouse(second.shipped, "shipped", **data)
    for at in range(second.shipped + HOUR, second.delivered - HOUR, 30 * HOUR):
        order.scan(at, second, "in_transit")
    order.scan(second.delivered, second, "delivered")
    order.shipments.append(second)
    settled = order.rng.random() < 0.4
    if settled:
        refund(order, second.delivered + DAY, reason="goodwill")
    order.expect("conflict.duplicate_shipment", "resolved" if settled else "open", second.scope)


@FAULTS.one("conflict.status_regression")
def on_the_road_after_delivery(order: SimulatedOrder) -> None:
    """Scanned in transit after the delivery; sometimes delivered once more."""
    live(order)
    at = order.first.delivered
    order.scan(at + 4 * HOUR, order.first, order.rng.choice(("in_transit", "out_for_delivery")))
    again = order.rng.random() < 0.5
    if again:
        order.scan(at + 9 * HOUR, order.first, "delivered")
    # Estimates are made before the delivery only.
    order.etas = False
    order.expect("conflict.status_regression", "resolved" if again else "open", order.first.scope)


@FAULTS.pair("conflict.tracking_reused")
def a_tracking_number_comes_again(order: SimulatedOrder, other: SimulatedOrder) -> None:
    """The carrier gives a number to a second order days after it delivered the first; sometimes a new label mends it."""
    live(order)
    other.placed = order.first.delivered + order.rng.randint(4, 8) * DAY
    other.site, other.country, other.carrier = order.site, order.country, order.carrier
    if other.rng.random() < 0.5:
        _reuse(other, order.first.parcels[0])
        other.expect("conflict.tracking_reused", "open", other.first.scope)
        return
    other.waits["shipped"] = 2 * HOUR
    live(other)
    spoilt = SimulatedShipment(f"SHP-{other.index:07d}-8", other.lines, [order.first.parcels[0]])
    at = other.when["labelled"] - 3 * MINUTE
    other.warehouse(at, "label_created", **parcel_data(other, spoilt))
    next(step for step in other.script if step.type == "warehouse.label_created" and step.at > at).data["replaces"] = spoilt.key
    other.expect("conflict.tracking_reused", "resolved", spoilt.scope)


def _reuse(order: SimulatedOrder, parcel: str) -> None:
    """A life whose only parcel has this tracking number."""
    live(order)
    own = order.first.parcels[0]
    order.first.parcels = [parcel]
    for step in order.script:
        if step.data.get("tracking_number") == own:
            step.data["tracking_number"] = parcel
