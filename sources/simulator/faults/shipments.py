"""Faults on the way: first scans, silences, promises and what carriers tell in between."""

from __future__ import annotations

from sources.simulator.faults.base import Faults
from sources.simulator.life import live
from sources.simulator.moments import DAY, HOUR, MINUTE, day, instant, is_quiet
from sources.simulator.order import SimulatedOrder, local_courier

FAULTS = Faults()


@FAULTS.one("shipment.first_scan_missing")
def confirmed_but_not_scanned(order: SimulatedOrder) -> None:
    """Said to be shipped, scanned only 9 days later (the warning comes after 2 business days)."""
    live(order)
    order.postpone(order.first.shipped, 9 * DAY)
    order.expect("shipment.first_scan_missing", "resolved", order.first.scope)


@FAULTS.one("shipment.first_scan_missing")
def labelled_but_not_sent(order: SimulatedOrder) -> None:
    """The label waits 9 days for its parcel; `ship_by` leaves the time for it."""
    order.waits["shipped"] = 9 * DAY
    live(order)
    order.expect("shipment.first_scan_missing", "resolved", order.first.scope)


@FAULTS.one("shipment.tracking_invalid")
def the_number_is_unknown_to_the_carrier(order: SimulatedOrder) -> None:
    """The carrier does not find the number for 36 hours (24 are allowed)."""
    live(order)
    shipment = order.first
    order.stretch(shipment.shipped, 38 * HOUR)
    order.scan(shipment.shipped + HOUR, shipment, "unknown", "not_found")
    order.expect("shipment.tracking_invalid", "resolved", shipment.scope)


@FAULTS.one("shipment.pickup_failed")
def the_van_did_not_come(order: SimulatedOrder) -> None:
    """The carrier does not fetch the parcel, then does."""
    live(order)
    shipment = order.first
    order.stretch(shipment.shipped, 20 * HOUR)
    order.scan(shipment.shipped + 2 * HOUR, shipment, "exception", "pickup_failed")
    order.expect("shipment.pickup_failed", "resolved", shipment.scope)


@FAULTS.one("shipment.scan_gap")
def no_news_for_days(order: SimulatedOrder) -> None:
    """Silence beyond 3 (abroad 5) business days, but below 6 (10).

    Where a public holiday could blur the difference, the longer lane gives the room: 5 business days are 11 days at most, 10 are 14 at
    least.
    """
    order.lane(international=order.rng.random() < 0.5)
    live(order)
    at = order.scanned("in_transit")
    if not order.is_international and not is_quiet(at, 14):
        order.script.clear()
        order.when.clear()
        order.lane(international=True)
        live(order)
        at = order.scanned("in_transit")
    order.stretch(at, int(12.5 * DAY) if order.is_international else int(6.6 * DAY))
    order.expect("shipment.scan_gap", "resolved", order.first.scope)


@FAULTS.one("shipment.stuck")
def no_news_for_twenty_days(order: SimulatedOrder) -> None:
    """Silence beyond 6 (abroad 10) business days, and so beyond the smaller limit as well."""
    live(order)
    order.stretch(order.scanned("in_transit"), 20 * DAY)
    order.expect("shipment.scan_gap", "resolved", order.first.scope)
    order.expect("shipment.stuck", "resolved", order.first.scope)


@FAULTS.one("shipment.lost_suspected")
def found_after_a_month(order: SimulatedOrder) -> None:
    """Silence of 33 days (30 are the limit)."""
    live(order)
    order.stretch(order.scanned("in_transit"), 33 * DAY)
    for kind in ("scan_gap", "stuck", "lost_suspected"):
        order.expect(f"shipment.{kind}", "resolved", order.first.scope)


@FAULTS.one("shipment.lost_suspected")
def never_heard_of_again(order: SimulatedOrder) -> None:
    """Silence for good: the gravest suspicion suppresses the smaller ones; the promise is broken too."""
    live(order)
    order.cut(order.scanned("in_transit"))
    order.expect("shipment.lost_suspected", "open", order.first.scope)
    order.expect("shipment.stuck", "suppressed", order.first.scope)
    order.expect("shipment.scan_gap", "suppressed", order.first.scope)
    order.expect("shipment.delivery_overdue", "open")


@FAULTS.one("shipment.lost_suspected")
def the_carrier_gives_up_tracking(order: SimulatedOrder) -> None:
    """The tracking expires, and goes on after all."""
    live(order)
    order.scan(order.between("in_transit"), order.first, "expired")
    order.expect("shipment.lost_suspected", "resolved", order.first.scope)


@FAULTS.one("shipment.lost_confirmed")
def lost_for_good(order: SimulatedOrder) -> None:
    """The carrier says that it is lost: that explains the broken promise."""
    live(order)
    at = order.between("in_transit")
    order.cut(at)
    order.scan(at, order.first, "lost")
    order.expect("shipment.lost_confirmed", "open", order.first.scope)
    order.expect("shipment.delivery_overdue", "suppressed")


@FAULTS.one("shipment.lost_confirmed")
def lost_and_found(order: SimulatedOrder) -> None:
    """Said to be lost, delivered days later, within the promise."""
    live(order)
    order.scan(order.between("in_transit"), order.first, "lost")
    order.expect("shipment.lost_confirmed", "resolved", order.first.scope)


@FAULTS.one("shipment.eta_slip")
def estimated_too_late(order: SimulatedOrder) -> None:
    """For a day the carrier expects to be later than promised; it is not."""
    live(order)
    late = order.first.delivered + 12 * DAY
    order.find("carrier.scan", "in_transit").data["eta"] = day(late) if order.rng.random() < 0.5 else instant(late)
    order.scan(order.between("in_transit"), order.first, "in_transit", eta=instant(order.first.delivered + HOUR))
    order.expect("shipment.eta_slip", "resolved", order.first.scope)


@FAULTS.one("shipment.eta_slip")
def estimated_later_than_at_first(order: SimulatedOrder) -> None:
    """Nothing is promised, so the first estimate counts: the second is 2 days later, until the delivery."""
    order.promised_by = "none"
    live(order)
    order.etas = False
    order.find("carrier.scan", "accepted").data["eta"] = instant(order.first.delivered - 2 * DAY)
    order.find("carrier.scan", "in_transit").data["eta"] = instant(order.first.delivered + 2 * HOUR)
    order.expect("shipment.eta_slip", "resolved", order.first.scope)
    if order.first.delivered - 2 * DAY + 2 * HOUR < order.scanned("in_transit"):
        order.expect("shipment.eta_passed", "resolved", order.first.scope)


@FAULTS.one("shipment.delivery_overdue")
def delivered_days_late(order: SimulatedOrder) -> None:
    """Delivered days after the promise; nobody estimated anything."""
    order.etas = False
    live(order)
    order.stretch(order.scanned("in_transit"), 60 * HOUR)
    order.promised_by = order.rng.choice(("date", "instant", "range"))
    order.promise_deadline = order.first.delivered - 62 * HOUR
    order.expect("shipment.delivery_overdue", "resolved")


@FAULTS.one("shipment.delivery_overdue")
def brought_days_late(order: SimulatedOrder) -> None:
    """The local courier comes days after the promise."""
    local_courier(order)
    live(order)
    order.stretch(order.scanned("out_for_delivery"), 90 * HOUR)
    order.promised_by = order.rng.choice(("date", "instant"))
    order.promise_deadline = order.first.delivered - 62 * HOUR
    order.expect("shipment.delivery_overdue", "resolved")


@FAULTS.one("shipment.delivery_overdue")
def announced_late_and_delivered_late(order: SimulatedOrder) -> None:
    """The carrier's estimates are later than the promise, and right."""
    live(order)
    order.stretch(order.scanned("in_transit"), 60 * HOUR)
    order.promise_deadline = order.first.delivered - 62 * HOUR
    order.expect("shipment.eta_slip", "resolved", order.first.scope)
    order.expect("shipment.delivery_overdue", "resolved")


@FAULTS.one("shipment.delivery_overdue")
def one_line_promised_earlier(order: SimulatedOrder) -> None:
    """One of several lines had been promised for an earlier day of its own."""
    order.names_lines = True
    order.etas = False
    order.basket(order.rng.randint(2, 3))
    live(order)
    order.stretch(order.scanned("in_transit"), 60 * HOUR)
    line = order.lines[0]
    line.promised_by = instant(order.first.delivered - 62 * HOUR)
    order.expect("shipment.delivery_overdue", "resolved", f"line:{line.line_id}")


@FAULTS.one("shipment.delay_reported")
def delayed_by_weather(order: SimulatedOrder) -> None:
    """The carrier tells of a delay, in one of its words, and goes on."""
    live(order)
    status, reason = order.rng.choice((("delayed", "weather"), ("delayed", None), ("exception", "capacity"), ("exception", "other")))
    order.scan(order.between("in_transit"), order.first, status, reason)
    order.expect("shipment.delay_reported", "resolved", order.first.scope)


@FAULTS.one("shipment.misrouted")
def sent_to_the_wrong_depot(order: SimulatedOrder) -> None:
    """Sorted to the wrong place, and back on its way."""
    live(order)
    order.scan(order.between("in_transit"), order.first, order.rng.choice(("in_transit", "exception")), "missorted")
    order.expect("shipment.misrouted", "resolved", order.first.scope)


@FAULTS.one("shipment.held")
def a_week_at_the_depot(order: SimulatedOrder) -> None:
    """Held for 8 days (1 business day is allowed)."""
    live(order)
    at = order.between("in_transit")
    order.stretch(at, 8 * DAY)
    order.scan(at, order.first, "held", order.rng.choice(("weather", "address", "other", None)))
    order.expect("shipment.held", "resolved", order.first.scope)


def _at_the_border(order: SimulatedOrder, reason: str, kind: str) -> None:
    order.lane(international=True)
    live(order)
    at = order.scanned("customs") + MINUTE
    order.stretch(at, order.rng.randint(1, 8) * DAY)
    order.scan(at, order.first, "held", reason)
    order.expect(kind, "resolved", order.first.scope)


@FAULTS.one("shipment.customs_hold")
def held_by_customs(order: SimulatedOrder) -> None:
    """Customs keep the parcel for days."""
    _at_the_border(order, "customs", "shipment.customs_hold")


@FAULTS.one("shipment.documents_missing")
def papers_are_missing(order: SimulatedOrder) -> None:
    """Customs want papers."""
    _at_the_border(order, "documents", "shipment.documents_missing")


@FAULTS.one("shipment.duty_unpaid")
def duty_is_owed(order: SimulatedOrder) -> None:
    """Customs want money."""
    _at_the_border(order, "duty", "shipment.duty_unpaid")


@FAULTS.one("shipment.damaged")
def damaged_but_delivered(order: SimulatedOrder) -> None:
    """Damaged on the way, delivered all the same."""
    live(order)
    order.scan(order.between("in_transit"), order.first, "damaged")
    order.expect("shipment.damaged", "resolved", order.first.scope)


@FAULTS.one("data.unmapped_status")
def a_code_in_no_table(order: SimulatedOrder) -> None:
    """The carrier uses a code that nobody knows."""
    live(order)
    order.scan(order.between("in_transit"), order.first, "unknown", "unmapped", raw={"code": "ZZ9", "text": "?"})
    order.expect("data.unmapped_status", "resolved", order.first.scope)
