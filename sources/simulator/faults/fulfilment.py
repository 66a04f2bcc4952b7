"""Faults of the warehouse and of addresses."""

from __future__ import annotations

from sources.simulator.faults.base import Faults
from sources.simulator.life import live
from sources.simulator.moments import DAY, HOUR, MINUTE, instant
from sources.simulator.order import SimulatedOrder
from sources.simulator.parts import Data

FAULTS = Faults()


@FAULTS.one("fulfilment.release_overdue")
def released_ten_hours_before_shipping_is_due(order: SimulatedOrder) -> None:
    """Released 10 hours before `ship_by` (24 are due), and shipped in time all the same."""
    order.waits["released"] = 3 * DAY
    live(order)
    order.ship_by, order.ship_deadline = "instant", order.when["released"] + 10 * HOUR
    order.expect("fulfilment.release_overdue", "resolved")


@FAULTS.one("fulfilment.pick_overdue")
def picked_after_seven_days(order: SimulatedOrder) -> None:
    """Picked 7 days after the release (8 business hours are allowed)."""
    order.waits["picked"] = 7 * DAY
    live(order)
    order.expect("fulfilment.pick_overdue", "resolved")


@FAULTS.one("fulfilment.pack_overdue")
def packed_after_seven_days(order: SimulatedOrder) -> None:
    """Packed 7 days after picking (4 business hours are allowed)."""
    order.waits["packed"] = 7 * DAY
    live(order)
    order.expect("fulfilment.pack_overdue", "resolved")


@FAULTS.one("fulfilment.ship_overdue")
def packed_but_not_sent(order: SimulatedOrder) -> None:
    """Packed in time, then left standing beyond `ship_by`; label and carrier follow late."""
    order.waits["labelled"] = 6 * DAY
    live(order)
    order.ship_by = order.rng.choice(("date", "instant", "range"))
    order.ship_deadline = order.when["packed"] + 2 * DAY
    order.expect("fulfilment.ship_overdue", "resolved")


@FAULTS.one("fulfilment.ship_overdue")
def sent_late_without_a_date(order: SimulatedOrder) -> None:
    """No `ship_by`: three business days after the capture are allowed, more are taken, not without news."""
    order.ship_by = "none"
    order.waits |= {"released": HOUR, "labelled": 9 * DAY}
    live(order)
    for n in range(1, 17):
        data: Data = {"ticket_id": f"T{order.index}-{n}", "channel": "chat", "intent": "other"}
        order.add(order.when["packed"] + n * 13 * HOUR, "/support/desk", "support.contacted", data)
    order.expect("fulfilment.ship_overdue", "resolved")


@FAULTS.one("fulfilment.ship_overdue")
def one_line_with_an_earlier_date(order: SimulatedOrder) -> None:
    """The order has time, but one of its lines has an earlier date of its own, and is late."""
    order.names_lines = True
    order.basket(order.rng.randint(2, 3))
    order.waits["labelled"] = 6 * DAY
    live(order)
    line = order.lines[1]
    line.ship_by = instant(order.when["packed"] + 2 * DAY, order.site.zone)
    order.expect("fulfilment.ship_overdue", "resolved", f"line:{line.line_id}")


@FAULTS.one("fulfilment.ship_overdue")
def lost_in_the_warehouse(order: SimulatedOrder) -> None:
    """Packed and never seen again: neither shipped nor delivered."""
    live(order)
    order.cut(order.when["packed"])
    order.expect("fulfilment.ship_overdue", "suppressed")
    order.expect("shipment.delivery_overdue", "open")


@FAULTS.one("fulfilment.hold_aged")
def held_for_nine_days(order: SimulatedOrder) -> None:
    """Held for 9 days for one of the reasons without a rule of their own (2 business days are allowed)."""
    start = order.placed + 15 * MINUTE
    order.earliest_release = start + 9 * DAY
    live(order)
    hold = order.rng.choice(("payment", "address", "customs", "manual", "other"))
    data: Data = {"hold": hold, "hold_id": f"hold_{order.index}", "reason": "check"}
    order.add(start, order.storefront, "order.hold_placed", data)
    releases: list[Data] = [data, {"hold": hold}, {}]
    order.add(order.earliest_release, order.storefront, "order.hold_released", order.rng.choice(releases))
    order.expect("fulfilment.hold_aged", "resolved")


@FAULTS.one("fulfilment.hold_aged")
def one_shipment_held_for_nine_days(order: SimulatedOrder) -> None:
    """A hold on one shipment, at the warehouse."""
    order.waits["labelled"] = 9 * DAY
    live(order)
    shipment = order.first
    shipment_id = shipment.key
    data: Data = {"hold": "customs", "shipment_id": shipment_id, "hold_id": f"hold_{order.index}"}
    order.add(order.when["packed"] + 10 * MINUTE, order.site.source, "order.hold_placed", data)
    order.add(order.when["packed"] + 9 * DAY - HOUR, order.site.source, "order.hold_released", {"shipment_id": shipment_id})
    order.expect("fulfilment.hold_aged", "resolved", shipment.scope)


@FAULTS.one("fulfilment.routing_rejected")
def no_carrier_wants_it(order: SimulatedOrder) -> None:
    """Refused for want of a route, released after a correction."""
    _refused(order, "routing", "fulfilment.routing_rejected")


@FAULTS.one("fulfilment.customs_data_missing")
def no_customs_data(order: SimulatedOrder) -> None:
    """Refused for want of customs data, released after a correction."""
    order.lane(international=True)
    _refused(order, "customs_data", "fulfilment.customs_data_missing")


def _refused(order: SimulatedOrder, reason: str, kind: str) -> None:
    order.waits["released"] = 6 * HOUR
    live(order)
    order.warehouse(order.when["released"] - 3 * HOUR, "rejected", reason=reason)
    order.expect(kind, "resolved")


def _split(order: SimulatedOrder) -> None:
    """Two shipments, the second 12 days after the first."""
    order.names_lines = True
    order.basket(order.rng.randint(2, 4))
    order.parcels = (1, 1)
    live(order)
    second = order.shipments[1]
    for step in order.script:
        if step.data.get("tracking_number") == second.parcels[0]:
            step.at += 12 * DAY
    second.shipped += 12 * DAY
    second.delivered += 12 * DAY
    order.when["delivered"] = max(order.when["delivered"], second.delivered)


@FAULTS.one("fulfilment.split_incomplete")
def the_rest_comes_twelve_days_later(order: SimulatedOrder) -> None:
    """One part leaves in time, the rest 12 days later (3 business days are allowed), so that `ship_by` is missed too."""
    _split(order)
    order.ship_deadline = order.first.shipped + 2 * DAY
    order.expect("fulfilment.split_incomplete", "resolved")
    order.expect("fulfilment.ship_overdue", "resolved")


# --- addresses ----------------------------------------------------------------------------------------------------------


@FAULTS.one("address.invalid")
def the_address_does_not_exist(order: SimulatedOrder) -> None:
    """Found invalid, then corrected or validated; or never."""
    order.waits["allocated"] = 45 * MINUTE
    live(order)
    order.drop("address.validated")
    hint: Data = {"suggestion": {"postal_code": "1013"}, "risk": "low"} if order.rng.random() < 0.5 else {}
    order.add(order.placed + MINUTE, order.storefront, "address.invalid", {"reason": "unknown_street", **hint})
    outcome = order.rng.choice(("validated", "updated", "never"))
    if outcome == "validated":
        order.add(order.placed + 20 * MINUTE, order.storefront, "address.validated", {"risk": "low"})
    elif outcome == "updated":
        change: Data = {"ship_to": {"address_hash": order.address + "-v"}}
        order.add(order.placed + 20 * MINUTE, order.storefront, "order.updated", change)
    order.expect("address.invalid", "open" if outcome == "never" else "resolved")


@FAULTS.one("address.change_late")
def moving_home_after_the_label(order: SimulatedOrder) -> None:
    """The customer wants another address when the label is printed or the parcel is under way."""
    live(order)
    at = order.rng.choice((order.when["labelled"] + MINUTE, order.between("in_transit")))
    order.add(at, order.storefront, "address.change_requested", {"reason": "moved"})
    order.expect("address.change_late", "resolved")


@FAULTS.one("address.risk")
def a_risky_address(order: SimulatedOrder) -> None:
    """An address of high risk, sometimes cleared."""
    live(order)
    order.find("address.validated").data["risk"] = "high"
    cleared = order.rng.random() < 0.5
    if cleared:
        order.add(order.placed + 18 * MINUTE, order.storefront, "address.validated", {"risk": order.rng.choice(("low", "medium"))})
    order.expect("address.risk", "resolved" if cleared else "open")


@FAULTS.one("address.risk")
def invalid_and_risky(order: SimulatedOrder) -> None:
    """An invalid address of high risk is both; the validation with low risk clears both."""
    live(order)
    order.drop("address.validated")
    order.add(order.placed + MINUTE, order.storefront, "address.invalid", {"reason": "no_such_number", "risk": "high"})
    order.add(order.placed + 25 * MINUTE, order.storefront, "address.validated", {"risk": "low"})
    order.expect("address.invalid", "resolved")
    order.expect("address.risk", "resolved")
