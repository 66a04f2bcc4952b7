"""What happens to healthy orders too: exceptions of daily life that every rule must bear without a word.

Each quirk shapes an order and writes its life; none may cause anything. Registered in `QUIRKS`.
"""

from __future__ import annotations

from collections.abc import Callable

from sources.simulator.life import authorize, capture, live, parcel_data, refund, send_back
from sources.simulator.moments import DAY, HOUR, MINUTE, instant
from sources.simulator.order import SimulatedOrder, local_courier
from sources.simulator.parts import Data

Quirk = Callable[[SimulatedOrder], None]
QUIRKS: list[Quirk] = []


def quirk(write: Quirk) -> Quirk:
    """Registers the decorated function."""
    QUIRKS.append(write)
    return write


@quirk
def holds_are_released_in_time(order: SimulatedOrder) -> None:
    """A hold of some hours, before anything is picked; a business day is never shorter than this."""
    rng = order.rng
    start = order.placed + rng.randint(2 * MINUTE, 10 * MINUTE)
    end = start + rng.randint(HOUR, 20 * HOUR)
    hold = rng.choice(("fraud", "credit", "payment", "address", "inventory", "manual", "other"))
    data: Data = {"hold": hold, "hold_id": f"hold_{order.index}"}
    order.add(start, order.storefront, "order.hold_placed", data)
    order.add(end, order.storefront, "order.hold_released", {} if rng.random() < 0.3 else data)
    order.earliest_release = end
    live(order)


@quirk
def the_promise_moves_before_it_is_broken(order: SimulatedOrder) -> None:
    """The shop promises a later day while the first promise still stands, and keeps it."""
    live(order)
    dates: Data = {"promised_by": instant(order.when["delivered"] + 7 * DAY, order.site.zone)}
    if order.rng.random() < 0.5:
        dates["ship_by"] = instant(order.when["shipped"] + 5 * DAY, order.site.zone)
    order.add(order.placed + order.rng.randint(20 * MINUTE, 20 * HOUR), order.storefront, "order.updated", dates)


@quirk
def the_address_is_corrected_before_the_release(order: SimulatedOrder) -> None:
    """The customer mends the address within minutes; nothing has been released yet."""
    order.waits["allocated"] = 30 * MINUTE
    live(order)
    order.add(order.placed + 5 * MINUTE, order.storefront, "address.change_requested", {"reason": "typo"})
    change: Data = {"ship_to": {"address_hash": order.address + "-b"}}
    order.add(order.placed + 6 * MINUTE, order.storefront, "order.updated", change)
    order.add(order.placed + 7 * MINUTE, order.storefront, "address.validated", {"risk": "low"})


@quirk
def a_label_is_reprinted(order: SimulatedOrder) -> None:
    """The first label is spoilt: the second replaces it, or the first is voided."""
    order.waits["shipped"] = 2 * HOUR
    live(order)
    spoilt = order.shipment(7, order.first.lines, 1)
    at = order.when["labelled"] - 3 * MINUTE
    order.warehouse(at, "label_created", **parcel_data(order, spoilt))
    if order.rng.random() < 0.5:
        label = order.find("warehouse.label_created")
        label = next(step for step in order.script if step.type == label.type and step.at > at)
        label.data["replaces"] = spoilt.key
    else:
        name = "shipment_id" if spoilt.id else "tracking_number"
        order.add(at + MINUTE, order.site.source, "warehouse.shipment_cancelled", {name: spoilt.key})


@quirk
def cancelled_before_the_release(order: SimulatedOrder) -> None:
    """The customer changes their mind within the hour: cancelled, the payment given back or never taken."""
    order.terms = order.rng.choice(("prepaid", "on_ship"))
    order.waits |= {"allocated": 40 * MINUTE, "captured": 5 * MINUTE}
    live(order)
    at = order.placed + order.rng.randint(16 * MINUTE, 38 * MINUTE)
    order.cut(at)
    order.add(at, order.storefront, "order.cancel_requested", {"reason": "customer"})
    order.add(at + MINUTE, order.storefront, "order.cancelled", {"reason": "customer"})
    if order.terms == "prepaid":
        refund(order, at + HOUR, reason="cancelled")
    else:
        order.add(at + HOUR, order.payments, "payment.voided", {"payment_id": order.payment, "amount": order.money(order.total)})


@quirk
def one_line_is_cancelled_before_the_release(order: SimulatedOrder) -> None:
    """A line is taken off before anything is picked; the rest is sent, the line's price given back."""
    order.basket(order.rng.randint(2, 4))
    order.names_lines = True
    gone = order.lines.pop()
    order.waits |= {"allocated": 40 * MINUTE, "captured": 5 * MINUTE}
    live(order)
    order.lines.append(gone)
    order.placing["total"] = order.money(order.total)
    for step in order.script:
        if step.type in ("payment.authorized", "payment.captured"):
            step.data["amount"] = order.money(order.total)
    at = order.placed + order.rng.randint(20 * MINUTE, 38 * MINUTE)
    order.add(at, order.storefront, "order.cancelled", {"reason": "customer", "lines": [gone.plain()]})
    refund(order, at + 2 * HOUR, gone.cents * gone.quantity, lines=[gone.plain()], reason="line cancelled")


@quirk
def a_short_backorder(order: SimulatedOrder) -> None:
    """The goods come in within days, and the promised dates know it."""
    order.waits["allocated"] = order.rng.randint(2 * DAY, 9 * DAY)
    live(order)
    data: Data = {"expected_at": instant(order.when["allocated"]), **order.naming(order.lines)}
    order.add(order.placed + order.rng.randint(5 * MINUTE, 50 * MINUTE), order.site.source, "inventory.backordered", data)


@quirk
def sent_back_and_refunded(order: SimulatedOrder) -> None:
    """Everything, or one line of several, comes back and is paid back in time."""
    order.terms = order.rng.choice(("prepaid", "prepaid", "on_ship", "invoice"))
    live(order)
    send_back(order, order.lines if order.rng.random() < 0.5 else order.lines[:1])


@quirk
def an_alarming_message_is_withdrawn(order: SimulatedOrder) -> None:
    """A source says something alarming and takes it back: it never happened."""
    live(order)
    if order.rng.random() < 0.7:
        return  # rare: every time it happens, somebody is alarmed until it is taken back
    if order.rng.random() < 0.5:
        wrong = order.scan(order.between("in_transit"), order.first, order.rng.choice(("lost", "damaged", "delivered")))
    else:
        wrong = order.add(order.when["authorized"] + HOUR, order.payments, "payment.disputed", {"payment_id": order.payment})
    order.add(wrong.at + 40 * MINUTE, wrong.source, "evidence.withdrawn", {"event_id": wrong.id, "event_source": wrong.source})


@quirk
def a_night_at_the_depot(order: SimulatedOrder) -> None:
    """Held for some hours for a harmless reason."""
    live(order)
    order.scan(order.between("in_transit"), order.first, "held", order.rng.choice(("weather", "capacity")))


@quirk
def collected_from_the_parcel_shop(order: SimulatedOrder) -> None:
    """Waits for the customer for less than the three days after which they are reminded."""
    live(order)
    last = order.find("carrier.scan", "out_for_delivery")
    last.data["status"] = "ready_for_pickup"
    order.postpone(last.at, order.rng.randint(HOUR, 48 * HOUR))


@quirk
def the_customer_asks(order: SimulatedOrder) -> None:
    """A question, no complaint."""
    live(order)
    data: Data = {"ticket_id": f"T{order.index}", "channel": "mail", "intent": "other"}
    order.add(order.when["shipped"] + HOUR, "/support/desk", "support.contacted", data)


@quirk
def in_a_hurry_without_dates(order: SimulatedOrder) -> None:
    """No date is promised, so the order must not rest: night shift and weekend work, on its way within two days."""
    order.ship_by = order.promised_by = "none"
    order.waits |= {"released": order.rng.randint(HOUR, 10 * HOUR)}
    live(order)


@quirk
def picked_up_in_the_shop(order: SimulatedOrder) -> None:
    """Click and collect: no carrier."""
    order.method = "pickup"
    order.lane(international=False)
    order.parcels = (0,)
    live(order)


@quirk
def brought_by_the_local_courier(order: SimulatedOrder) -> None:
    """Brought within hours, scanned by shipment ID."""
    local_courier(order)
    live(order)


@quirk
def downloaded(order: SimulatedOrder) -> None:
    """Digital goods: nothing is sent."""
    order.method = "digital"
    order.parcels = (0,)
    live(order)


@quirk
def paid_in_two_parts(order: SimulatedOrder) -> None:
    """A voucher and a card; only the last capture is final."""
    live(order)
    order.drop("payment.captured")
    order.drop("payment.authorized")
    part = order.total // 3
    authorize(order, order.when["authorized"])
    capture(order, order.when["authorized"] + MINUTE, order.total - part, final=False)
    voucher: Data = {"payment_id": order.payment + "_v", "amount": order.money(part), "final": True}
    order.add(order.when["authorized"] + 2 * MINUTE, order.payments, "payment.captured", voucher)


@quirk
def the_shop_tells_the_payment_too(order: SimulatedOrder) -> None:
    """By the provider's name for it, minutes later: it is the same money."""
    live(order)
    captured = order.find("payment.captured")
    order.add(captured.at + order.rng.randint(MINUTE, HOUR), order.storefront, "payment.captured", dict(captured.data))


@quirk
def the_service_is_upgraded_before_the_release(order: SimulatedOrder) -> None:
    """Express after all, minutes after placing."""
    order.waits["allocated"] = 45 * MINUTE
    live(order)
    order.add(order.placed + 12 * MINUTE, order.storefront, "order.updated", {"service": "express"})


def together_on_one_pallet(order: SimulatedOrder, other: SimulatedOrder) -> None:
    """Freight: two orders leave under one tracking number, and its scans are news of both."""
    other.placed = order.placed + order.rng.randint(MINUTE, HOUR)
    other.site, other.country, other.carrier = order.site, order.country, order.carrier
    live(order)
    live(other)
    number, own = order.first.parcels[0], other.first.parcels[0]
    other.drop("carrier.scan")
    for step in other.script:
        if step.data.get("tracking_number") == own:
            step.data["tracking_number"] = number
    order.postpone(order.first.shipped, max(0, other.first.shipped - order.first.shipped))
    for step in order.script:
        if step.type == "carrier.scan":
            step.named = False
    other.first.parcels, other.first.delivered = [number], order.first.delivered
