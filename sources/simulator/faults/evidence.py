"""Faults of the data itself: evidence that cannot be placed, or that comes from the future."""

from __future__ import annotations

from sources.simulator.faults.base import Faults
from sources.simulator.life import live
from sources.simulator.moments import DAY, HOUR, MINUTE
from sources.simulator.order import SimulatedOrder
from sources.simulator.parts import Data, Label

FAULTS = Faults()


@FAULTS.one("data.orphan_signal")
def scanned_before_anyone_knew_the_parcel(order: SimulatedOrder) -> None:
    """The warehouse tells of label and shipping 4 hours late; a scan without order waits for them for more than 15 minutes."""
    live(order)
    first = order.find("carrier.scan")
    late = first.at + 3 * HOUR
    for kind in ("warehouse.label_created", "warehouse.shipped"):
        order.find(kind).recorded = late
    for step in order.script:
        if step.type == "carrier.scan" and step.at <= late + 5 * MINUTE:
            step.named, step.recorded = False, step.at
    order.labels.append(Label(f"tracking_number:{order.first.parcels[0]}", "data.orphan_signal", None, "resolved"))


@FAULTS.one("data.orphan_signal")
def a_parcel_of_somebody_else(order: SimulatedOrder) -> None:
    """A scan of a parcel that no order ever has."""
    live(order)
    stray = f"{order.carrier.prefix}9{order.index:08d}"
    scan = order.scan(order.between("in_transit"), order.first, "in_transit")
    scan.data["tracking_number"], scan.named = stray, False
    order.labels.append(Label(f"tracking_number:{stray}", "data.orphan_signal", None, "open"))


@FAULTS.one("data.orphan_signal")
def placed_comes_last(order: SimulatedOrder) -> None:
    """The storefront tells of the order 3 hours late; all else is known before."""
    live(order)
    order.find("order.placed").recorded = order.placed + 3 * HOUR
    order.find("inventory.allocated").recorded = order.when["allocated"]
    order.expect("data.orphan_signal", "resolved")


@FAULTS.one("data.clock_skew")
def a_scanner_ahead_of_its_time(order: SimulatedOrder) -> None:
    """A scan says that it happens 3 hours after it is recorded."""
    live(order)
    scan = order.scan(order.between("in_transit"), order.first, "in_transit")
    scan.recorded, scan.named = scan.at - 3 * HOUR, True
    order.expect("data.clock_skew", "resolved")


@FAULTS.one("data.clock_skew")
def a_till_ahead_of_its_time(order: SimulatedOrder) -> None:
    """A customer's question is dated a day after it is recorded."""
    live(order)
    data: Data = {"ticket_id": f"T{order.index}", "channel": "chat", "intent": "other"}
    step = order.add(order.first.delivered + 2 * DAY, "/support/desk", "support.contacted", data)
    step.recorded = step.at - DAY
    order.expect("data.clock_skew", "resolved")


@FAULTS.pair("data.identity_unresolved")
def one_payment_for_two_orders(order: SimulatedOrder, other: SimulatedOrder) -> None:
    """Two orders are authorised under one payment ID; what names only the payment belongs to neither."""
    live(order)
    live(other)
    for step in [*order.script, *other.script]:
        if step.type.startswith("payment."):
            # Both ties are known before the event that they make ambiguous.
            step.source, step.named, step.recorded = order.payments, True, step.at
            step.data["payment_id"] = order.payment
    at = max(order.when["captured"], other.when["captured"]) + HOUR
    data: Data = {"payment_id": order.payment, "amount": order.money(order.total)}
    order.add(at, order.payments, "payment.authorized", data, named=False).recorded = at
    order.expect("data.identity_unresolved", "open")
    other.expect("data.identity_unresolved", "open")
