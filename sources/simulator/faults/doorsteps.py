"""Faults at the end of the way: attempts, refusals, parcels that come back, and returns."""

from __future__ import annotations

from sources.simulator.faults.base import Faults
from sources.simulator.life import live, parcel_data, refund, send_back
from sources.simulator.moments import DAY, HOUR, MINUTE
from sources.simulator.order import SimulatedOrder
from sources.simulator.parts import Data, SimulatedShipment

FAULTS = Faults()


@FAULTS.one("shipment.attempt_failed")
def nobody_at_home(order: SimulatedOrder) -> None:
    """One attempt fails, the next succeeds a day later."""
    live(order)
    shipment = order.first
    at = order.between("out_for_delivery")
    order.stretch(at, 24 * HOUR)
    order.scan(at, shipment, "attempt_failed", "recipient_absent")
    order.scan(at + 20 * HOUR, shipment, "out_for_delivery")
    order.expect("shipment.attempt_failed", "resolved", shipment.scope)


@FAULTS.one("shipment.attempts_exhausted")
def the_third_attempt_fails(order: SimulatedOrder) -> None:
    """Three attempts in a row fail; a fourth succeeds."""
    live(order)
    at = order.between("out_for_delivery")
    order.stretch(at, 4 * DAY)
    for n in range(3):
        order.scan(at + n * DAY, order.first, "attempt_failed", "recipient_absent")
    order.expect("shipment.attempt_failed", "resolved", order.first.scope)
    order.expect("shipment.attempts_exhausted", "resolved", order.first.scope)


@FAULTS.one("shipment.attempts_exhausted")
def the_final_attempt_fails(order: SimulatedOrder) -> None:
    """The carrier says that this attempt was the last, and delivers after all."""
    live(order)
    at = order.between("out_for_delivery")
    order.scan(at, order.first, "attempt_failed", "final_attempt")
    order.expect("shipment.attempt_failed", "resolved", order.first.scope)
    order.expect("shipment.attempts_exhausted", "resolved", order.first.scope)


@FAULTS.one("shipment.pickup_unclaimed")
def a_week_in_the_parcel_shop(order: SimulatedOrder) -> None:
    """Fetched from the parcel shop after 7 days (reminded after 3)."""
    live(order)
    order.find("carrier.scan", "out_for_delivery").data["status"] = "ready_for_pickup"
    order.stretch(order.scanned("ready_for_pickup"), 7 * DAY)
    order.expect("shipment.pickup_unclaimed", "resolved", order.first.scope)


def _comes_back(order: SimulatedOrder, at: int, home: int) -> None:
    """From an instant on the parcel is on its way back; it arrives so many seconds later."""
    order.scan(at, order.first, "returning")
    order.scan(at + home, order.first, "returned")


def _paid_back(order: SimulatedOrder, at: int) -> bool:
    """Perhaps pays everything back."""
    if order.rng.random() < 0.5:
        return False
    refund(order, at, reason="came back")
    return True


@FAULTS.one("shipment.refused")
def refused_at_the_door(order: SimulatedOrder) -> None:
    """Refused and sent back; where nothing is paid back, the promise stays broken and the parcel an open case."""
    live(order)
    at = order.between("out_for_delivery")
    order.cut(at)
    order.scan(at, order.first, order.rng.choice(("failed_final", "exception")), "refused")
    _comes_back(order, at + 3 * HOUR, 40 * HOUR)
    order.promise_slack = 6 * DAY
    settled = _paid_back(order, at + 50 * HOUR)
    order.expect("shipment.refused", "resolved", order.first.scope)
    order.expect("shipment.return_to_sender", "resolved" if settled else "open", order.first.scope)
    if not settled:
        order.expect("shipment.delivery_overdue", "open")


@FAULTS.one("shipment.attempts_exhausted")
def undeliverable(order: SimulatedOrder) -> None:
    """The carrier gives up and brings the parcel back; all is paid back before the promise is broken."""
    live(order)
    at = order.between("out_for_delivery")
    order.cut(at)
    _comes_back(order, at + 5 * HOUR, 40 * HOUR)
    order.scan(at, order.first, "failed_final", order.rng.choice(("unclaimed", "address", "final_attempt")))
    order.promise_slack = 6 * DAY
    refund(order, at + 52 * HOUR, reason="undeliverable")
    order.expect("shipment.attempts_exhausted", "resolved", order.first.scope)
    order.expect("shipment.return_to_sender", "resolved", order.first.scope)


@FAULTS.one("shipment.return_to_sender")
def turned_round_without_a_word(order: SimulatedOrder) -> None:
    """The parcel comes back, nobody says why; then it is delivered all the same."""
    live(order)
    order.scan(order.between("in_transit"), order.first, "returning")
    order.expect("shipment.return_to_sender", "resolved", order.first.scope)


@FAULTS.one("shipment.rts_stalled")
def three_weeks_on_the_way_back(order: SimulatedOrder) -> None:
    """On its way back for 21 days (10 business days are allowed); no day was promised."""
    order.promised_by = "none"
    order.etas = False
    live(order)
    at = order.between("in_transit")
    order.cut(at)
    _comes_back(order, at, 21 * DAY)
    settled = _paid_back(order, at + 22 * DAY)
    order.expect("shipment.rts_stalled", "resolved", order.first.scope)
    order.expect("shipment.return_to_sender", "resolved" if settled else "open", order.first.scope)


def _ends_badly(order: SimulatedOrder, reason: str, kind: str) -> None:
    """The carrier ends the shipment for a reason; where nothing is paid back, the promise is broken too."""
    live(order)
    at = order.between("in_transit")
    order.cut(at)
    order.scan(at, order.first, "failed_final", reason)
    settled = _paid_back(order, at + 6 * HOUR)
    order.expect(kind, "resolved" if settled else "open", order.first.scope)
    if not settled:
        order.expect("shipment.delivery_overdue", "open")


@FAULTS.one("shipment.disposed")
def disposed_of(order: SimulatedOrder) -> None:
    """The carrier disposes of the parcel."""
    _ends_badly(order, "disposed", "shipment.disposed")


@FAULTS.one("shipment.prohibited")
def prohibited_goods(order: SimulatedOrder) -> None:
    """The carrier may not carry what is inside."""
    _ends_badly(order, "prohibited", "shipment.prohibited")


@FAULTS.one("shipment.rejected_by_carrier")
def not_taken_by_the_carrier(order: SimulatedOrder) -> None:
    """The carrier refuses the parcel at first, and takes it after all."""
    live(order)
    order.stretch(order.first.shipped, 30 * HOUR)
    order.scan(order.first.shipped + HOUR, order.first, "exception", "rejected")
    order.expect("shipment.rejected_by_carrier", "resolved", order.first.scope)


@FAULTS.one("shipment.delivered_disputed")
def it_never_came(order: SimulatedOrder) -> None:
    """Delivered, says the carrier; the customer says no. It stays so, is paid back, or a new parcel is sent."""
    order.promised_by = "none"
    live(order)
    at = order.first.delivered + order.rng.randint(5 * HOUR, 3 * DAY)
    data: Data = {"ticket_id": f"T{order.index}", "channel": "phone", "intent": "not_received"}
    order.add(at, "/support/desk", "support.contacted", data)
    outcome = order.rng.choice(("nothing", "refund", "replacement"))
    if outcome == "refund":
        refund(order, at + DAY, reason="not received")
    elif outcome == "replacement":
        _replace(order, at + DAY)
    order.expect("shipment.delivered_disputed", "open" if outcome == "nothing" else "resolved")


def _replace(order: SimulatedOrder, at: int) -> SimulatedShipment:
    """Sends the first shipment's goods once more."""
    shipment = order.shipment(5, order.first.lines, 1)
    shipment.shipped, shipment.delivered = at + HOUR, at + 20 * HOUR
    order.shipments.append(shipment)
    data = {**parcel_data(order, shipment), "replaces": order.first.key}
    order.warehouse(at, "label_created", **data)
    order.warehouse(shipment.shipped, "shipped", **data)
    order.scan(at + 2 * HOUR, shipment, "accepted")
    order.scan(at + 14 * HOUR, shipment, "out_for_delivery")
    order.scan(shipment.delivered, shipment, "delivered")
    return shipment


# --- returns ------------------------------------------------------------------------------------------------------------


def _return(order: SimulatedOrder) -> str:
    """A life with a return of one line or all. Returns the return's scope."""
    live(order)
    return f"return:{send_back(order, order.lines if order.rng.random() < 0.6 else order.lines[:1])}"


@FAULTS.one("return.label_unused")
def sent_back_after_seventeen_days(order: SimulatedOrder) -> None:
    """The return label is used after 17 days (14 are allowed), or never."""
    order.waits["return_shipped"] = 17 * DAY
    scope = _return(order)
    used = order.rng.random() < 0.6
    if not used:
        order.cut(order.when["return_shipped"] - HOUR)
    order.expect("return.label_unused", "resolved" if used else "open", scope)


@FAULTS.one("return.transit_stalled")
def the_return_is_stuck(order: SimulatedOrder) -> None:
    """Nothing is heard of the return for 14 days (5 business days are allowed), or never again."""
    scope = _return(order)
    last = order.when["return_in_transit"]
    arrives = order.rng.random() < 0.6
    if arrives:
        order.stretch(last, 14 * DAY)
    else:
        order.cut(last)
    order.expect("return.transit_stalled", "resolved" if arrives else "open", scope)


@FAULTS.one("return.inspection_overdue")
def inspected_after_nine_days(order: SimulatedOrder) -> None:
    """Inspected 9 days after arrival (2 business days are allowed), so paid back late too (3)."""
    order.waits["inspected"] = 9 * DAY
    scope = _return(order)
    order.expect("return.inspection_overdue", "resolved", scope)
    order.expect("return.received_not_refunded", "resolved", scope)


@FAULTS.one("return.received_not_refunded")
def paid_back_after_ten_days(order: SimulatedOrder) -> None:
    """Inspected in time, paid back 10 days later, or never."""
    order.waits["refunded"] = 10 * DAY
    scope = _return(order)
    paid = order.rng.random() < 0.6
    if not paid:
        order.cut(order.when["refunded"] - MINUTE)
    order.expect("return.received_not_refunded", "resolved" if paid else "open", scope)
