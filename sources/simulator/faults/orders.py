"""Faults of the order itself."""

from __future__ import annotations

from sources.simulator.faults.base import Faults
from sources.simulator.life import authorize, issue_invoice, live, refund
from sources.simulator.moments import DAY, HOUR, MINUTE
from sources.simulator.order import SimulatedOrder
from sources.simulator.parts import Data

FAULTS = Faults()


@FAULTS.one("data.unmapped_place")
def the_country_is_misspelt(order: SimulatedOrder) -> None:
    """The customer writes a country that there is not; sometimes the shop mends it before the release."""
    order.waits["allocated"] = 45 * MINUTE
    live(order)
    order.placing["ship_to"] = {**order.ship_to, "country": "Nederlnd"}
    mended = order.rng.random() < 0.5
    if mended:
        order.add(order.placed + 20 * MINUTE, order.storefront, "order.updated", {"ship_to": {"country": order.country.code}})
    order.expect("data.unmapped_place", "resolved" if mended else "open")


@FAULTS.one("order.pending_too_long")
def paid_after_eight_days(order: SimulatedOrder) -> None:
    """Authorised after 8 days (2 business days are allowed): authorisation (1 h) is missing as well, and for prepaid the capture (24 h)."""
    order.terms = order.rng.choice(("prepaid", "on_ship"))
    order.waits |= {"authorized": 8 * DAY, "captured": HOUR}
    live(order)
    order.expect("order.pending_too_long", "resolved")
    order.expect("payment.auth_missing", "resolved")
    if order.terms == "prepaid":
        order.expect("payment.capture_overdue", "resolved")


@FAULTS.one("order.pending_too_long")
def closed_unpaid(order: SimulatedOrder) -> None:
    """Never paid, cancelled by the shop after 9 days, before any other deadline."""
    order.ship_slack, order.promise_slack = 20 * DAY, 25 * DAY
    live(order)
    order.cut(order.when["allocated"])
    order.drop("payment.authorized")
    order.drop("payment.captured")
    order.add(order.placed + 9 * DAY, order.storefront, "order.cancelled", {"reason": "unpaid"})
    order.expect("order.pending_too_long", "resolved")
    order.expect("payment.auth_missing", "resolved")
    order.expect("payment.capture_overdue", "resolved")


@FAULTS.one("order.pending_too_long")
def forgotten_unpaid(order: SimulatedOrder) -> None:
    """Never paid and never closed: every later deadline passes too, and the root cause suppresses what follows from it."""
    order.ship_slack = 4 * DAY
    live(order)
    order.cut(order.when["allocated"])
    order.drop("payment.authorized")
    order.drop("payment.captured")
    order.expect("order.pending_too_long", "open")
    order.expect("payment.auth_missing", "suppressed")
    order.expect("payment.capture_overdue", "suppressed")
    order.expect("fulfilment.release_overdue", "suppressed")
    order.expect("fulfilment.ship_overdue", "suppressed")
    order.expect("shipment.delivery_overdue", "suppressed")


@FAULTS.one("order.stalled")
def forgotten_without_dates(order: SimulatedOrder) -> None:
    """Never paid, never closed and without any date: only silence is left, and it is suppressed by what explains it."""
    order.ship_by = order.promised_by = "none"
    live(order)
    order.cut(order.when["allocated"])
    order.drop("payment.authorized")
    order.drop("payment.captured")
    order.expect("order.pending_too_long", "open")
    order.expect("payment.auth_missing", "suppressed")
    order.expect("payment.capture_overdue", "suppressed")
    order.expect("order.stalled", "suppressed")


@FAULTS.one("order.stalled")
def ten_silent_days(order: SimulatedOrder) -> None:
    """Nothing is heard between capture and release for 10 days (24 business hours are allowed); without dates 3 bd are for shipping."""
    order.ship_by = order.promised_by = "none"
    order.waits |= {"captured": 20 * MINUTE, "released": 10 * DAY}
    live(order)
    order.expect("order.stalled", "resolved")
    order.expect("fulfilment.ship_overdue", "resolved")


@FAULTS.one("order.validation_failed")
def the_warehouse_refuses_the_order(order: SimulatedOrder) -> None:
    """The warehouse refuses the order as invalid, and releases it after a correction."""
    order.waits["released"] = 6 * HOUR
    live(order)
    reason = order.rng.choice(("validation", "other", None))
    data: Data = {} if reason is None else {"reason": reason}
    order.warehouse(order.when["released"] - 2 * HOUR, "rejected", **data)
    order.expect("order.validation_failed", "resolved")


@FAULTS.pair("order.duplicate_suspected")
def the_same_basket_twice(order: SimulatedOrder, other: SimulatedOrder) -> None:
    """The customer clicks twice within minutes; both orders live on."""
    _twin(order, other)
    live(order)
    live(other)
    other.expect("order.duplicate_suspected", "open")


@FAULTS.pair("order.duplicate_suspected")
def the_second_of_two_is_cancelled(order: SimulatedOrder, other: SimulatedOrder) -> None:
    """The customer clicks twice, and the second order is cancelled within the hour."""
    _twin(order, other)
    other.waits |= {"allocated": 45 * MINUTE, "captured": 5 * MINUTE}
    live(order)
    live(other)
    other.cut(other.placed + 40 * MINUTE)
    other.add(other.placed + 41 * MINUTE, other.storefront, "order.cancelled", {"reason": "duplicate"})
    refund(other, other.placed + HOUR, reason="cancelled")
    other.expect("order.duplicate_suspected", "resolved")


def _twin(order: SimulatedOrder, other: SimulatedOrder) -> None:
    """Makes the other order the same customer's same basket, placed a few minutes later."""
    other.placed = order.placed + order.rng.randint(MINUTE, 8 * MINUTE)
    other.customer, other.address = order.customer, order.address
    other.country, other.site, other.carrier = order.country, order.site, order.carrier
    other.lines = list(order.lines)


@FAULTS.one("order.cancel_in_flight")
def cancelling_asked_too_late(order: SimulatedOrder) -> None:
    """The customer wants to cancel after the release; the parcel arrives all the same."""
    live(order)
    at = order.rng.choice((order.when["packed"] + MINUTE, order.between("in_transit")))
    order.add(at, order.storefront, "order.cancel_requested", {"reason": "customer"})
    order.expect("order.cancel_in_flight", "resolved")


@FAULTS.one("order.cancel_in_flight")
def cancelled_on_the_shelf(order: SimulatedOrder) -> None:
    """The customer wants to cancel after the release, and the warehouse still catches it."""
    live(order)
    at = order.when["packed"]
    order.cut(at)
    order.add(at + MINUTE, order.storefront, "order.cancel_requested", {"reason": "customer"})
    order.add(at + 2 * HOUR, order.storefront, "order.cancelled", {"reason": "customer"})
    refund(order, at + 3 * HOUR, reason="cancelled")
    order.expect("order.cancel_in_flight", "resolved")


@FAULTS.one("order.change_after_release")
def changed_while_picking(order: SimulatedOrder) -> None:
    """Service or address are changed between pick and ship; the warehouse does not start again."""
    live(order)
    changes: list[Data] = [{"service": "next_day"}, {"ship_to": {"address_hash": order.address + "-b"}}]
    order.add(order.when["packed"] - 3 * MINUTE, order.storefront, "order.updated", order.rng.choice(changes))
    order.expect("order.change_after_release", "resolved")


@FAULTS.one("order.change_after_release")
def changed_and_released_again(order: SimulatedOrder) -> None:
    """The address is changed while picking, and the warehouse gets the order once more."""
    order.waits["picked"] = 4 * HOUR
    order.waits["picking"] = 15 * MINUTE
    live(order)
    at = order.when["released"]
    order.add(at + HOUR, order.storefront, "order.updated", {"ship_to": {"address_hash": order.address + "-c"}})
    order.warehouse(at + 2 * HOUR, "released")
    order.expect("order.change_after_release", "resolved")


@FAULTS.one("order.price_dispute")
def the_invoice_is_disputed(order: SimulatedOrder) -> None:
    """The customer disputes the invoice; sometimes a new one settles it."""
    order.terms = "invoice"
    live(order)
    at = order.when["invoiced"] + order.rng.randint(DAY, 5 * DAY)
    settled = order.rng.random() < 0.6
    order.add(at, order.invoices, "invoice.disputed", {"invoice_id": f"inv_{order.index:07d}_1", "reason": "price"})
    if settled:
        issue_invoice(order, at + 2 * DAY, 2)
    order.expect("order.price_dispute", "resolved" if settled else "open")


@FAULTS.one("order.master_data_incomplete")
def the_total_comes_later(order: SimulatedOrder) -> None:
    """The shop forgets the total and sends it within the hour."""
    order.waits |= {"allocated": 45 * MINUTE, "authorized": 2 * MINUTE, "captured": 90 * MINUTE}
    live(order)
    total = order.placing.pop("total")
    order.add(order.placed + 30 * MINUTE, order.storefront, "order.updated", {"total": total})
    order.expect("order.master_data_incomplete", "resolved")


@FAULTS.one("order.master_data_incomplete")
def the_country_is_missing(order: SimulatedOrder) -> None:
    """The shop forgets the country; sometimes it is sent before the release."""
    order.waits["allocated"] = 45 * MINUTE
    live(order)
    place = {name: value for name, value in order.ship_to.items() if name != "country"}
    order.placing["ship_to"] = place
    mended = order.rng.random() < 0.5
    if mended:
        order.add(order.placed + 20 * MINUTE, order.storefront, "order.updated", {"ship_to": {"country": order.country.code}})
    order.expect("order.master_data_incomplete", "resolved" if mended else "open")


@FAULTS.one("order.pending_too_long")
def paid_after_eight_days_by_another_card(order: SimulatedOrder) -> None:
    """As the first, on terms `on_ship`, with the authorisation under a new payment ID."""
    order.terms = "on_ship"
    order.waits["authorized"] = 8 * DAY + HOUR
    live(order)
    order.drop("payment.authorized")
    order.drop("payment.captured")
    again = authorize(order, order.when["authorized"])
    again.data["payment_id"] = order.payment + "_b"
    amount = order.money(order.total)
    data: Data = {"payment_id": order.payment + "_b", "amount": amount, "final": True}
    order.add(order.when["shipped"] + HOUR, order.payments, "payment.captured", data)
    order.expect("order.pending_too_long", "resolved")
    order.expect("payment.auth_missing", "resolved")
