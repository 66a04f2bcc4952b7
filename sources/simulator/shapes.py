"""Shapes of real trade that healthy orders have: kits, gift cards, reprints, exchanges, orders put back. None may cause anything.

They are quirks, registered in `quirks.QUIRKS`.
"""

from __future__ import annotations

from dataclasses import replace

from sources.simulator.life import live, parcel_data, refund, send_back
from sources.simulator.moments import DAY, HOUR, MINUTE, instant
from sources.simulator.order import SimulatedOrder
from sources.simulator.parts import Data, SimulatedLine
from sources.simulator.quirks import QUIRKS, quirk

__all__ = ["QUIRKS"]

LEAVING = ("warehouse.label_created", "warehouse.shipped")


def _priced(order: SimulatedOrder) -> None:
    """Makes total and payments those of the order's lines as they are now."""
    order.placing["total"] = order.money(order.total)
    for step in order.script:
        if step.type in ("payment.authorized", "payment.captured"):
            step.data["amount"] = order.money(order.total)


def _leaves(order: SimulatedOrder, lines: list[Data]) -> None:
    """Makes labels and confirmations name these lines."""
    for step in order.script:
        if step.type in LEAVING:
            step.data["lines"] = lines


@quirk
def a_kit_leaves_as_its_parts(order: SimulatedOrder) -> None:
    """The order says what the kit is made of, the warehouse confirms the parts."""
    order.names_lines = True
    live(order)
    kit = order.lines[0]
    kit.more = {"components": [{"sku": "SKU-8001", "quantity": 1}, {"sku": "SKU-8002", "quantity": 2}]}
    parts: list[Data] = [{"sku": "SKU-8001", "quantity": kit.quantity}, {"sku": "SKU-8002", "quantity": 2 * kit.quantity}]
    _leaves(order, [*parts, *(line.plain() for line in order.lines[1:])])


@quirk
def a_gift_card_beside_the_goods(order: SimulatedOrder) -> None:
    """A line that is sent by mail; no warehouse ever speaks of it."""
    order.names_lines = True
    live(order)
    order.lines.append(SimulatedLine("90", "GIFT-50", 1, 5_000, more={"method": "digital"}))
    _priced(order)


@quirk
def two_lines_of_one_product(order: SimulatedOrder) -> None:
    """Two lines have one SKU, and the warehouse confirms the sum."""
    order.basket(1)
    order.names_lines = True
    live(order)
    first = order.lines[0]
    order.lines.append(replace(first, line_id="2"))
    _priced(order)
    for step in order.script:
        if step.type.startswith(("warehouse.", "inventory.")):
            step.data["lines"] = [{"sku": first.sku, "quantity": 2 * first.quantity}]


@quirk
def one_piece_is_refunded_before_it_leaves(order: SimulatedOrder) -> None:
    """Two were ordered, one is given back at once and never sent."""
    order.basket(1)
    order.names_lines = True
    order.lines[0].quantity = 1
    order.waits |= {"captured": 5 * MINUTE, "allocated": 40 * MINUTE}
    live(order)
    line = order.lines[0]
    line.quantity = 2
    _priced(order)
    one = [{**line.plain(), "quantity": 1}]
    refund(order, order.placed + 30 * MINUTE, line.cents, lines=one, reason="out of stock")


@quirk
def reprinted_under_the_same_shipment(order: SimulatedOrder) -> None:
    """The first label is voided by its number, the second has the same shipment ID."""
    order.waits["shipped"] = 2 * HOUR
    live(order)
    at, shipment = order.when["labelled"] - 3 * MINUTE, order.first
    spoilt = f"X{shipment.parcels[0]}"
    order.warehouse(at, "label_created", **{**parcel_data(order, shipment), "tracking_number": spoilt, "shipment_id": shipment.id})
    order.add(at + MINUTE, order.site.source, "warehouse.shipment_cancelled", {"tracking_number": spoilt})


@quirk
def relabelled_on_the_way(order: SimulatedOrder) -> None:
    """The last mile is another carrier's number: it is the same parcel."""
    live(order)
    old, at = order.first.parcels[0], order.between("in_transit")
    new = f"L{old}"
    order.add(at, order.carrier.source, "carrier.relabelled", {"tracking_number": new, "replaces_number": old})
    for step in order.script:
        if step.type == "carrier.scan" and step.at > at:
            step.data["tracking_number"] = new


@quirk
def a_cancellation_is_declined(order: SimulatedOrder) -> None:
    """The customer asks before the release and is refused."""
    order.waits["allocated"] = 45 * MINUTE
    live(order)
    order.add(order.placed + 10 * MINUTE, order.storefront, "order.cancel_requested", {"reason": "customer"})
    order.add(order.placed + 20 * MINUTE, order.storefront, "order.cancel_declined", {"reason": "custom made"})


@quirk
def cancelled_and_put_back(order: SimulatedOrder) -> None:
    """A mistake: the order is wanted again half an hour later, and all its clocks run anew."""
    order.waits |= {"captured": 5 * MINUTE, "allocated": 50 * MINUTE}
    live(order)
    order.add(order.placed + 15 * MINUTE, order.storefront, "order.cancelled", {"reason": "mistake"})
    order.add(order.placed + 45 * MINUTE, order.storefront, "order.reinstated", {"reason": "mistake"})


@quirk
def a_return_is_called_off(order: SimulatedOrder) -> None:
    """Authorised, and the customer keeps the goods after all."""
    live(order)
    desk, data = f"/returns/{order.shop}", {"return_id": f"RMA-{order.index:07d}"}
    at = order.when["delivered"] + DAY
    order.add(at, desk, "return.requested", dict(data))
    order.add(at + HOUR, desk, "return.authorized", dict(data))
    order.add(at + 3 * DAY, desk, "return.cancelled", dict(data))


@quirk
def sent_back_for_an_exchange(order: SimulatedOrder) -> None:
    """The goods come back, and no money does."""
    live(order)
    send_back(order, order.lines[:1])
    order.drop("payment.refunded")
    for step in order.script:
        if step.type.startswith("return."):
            step.data["resolution"] = "exchange"


@quirk
def authorised_anew_under_another_number(order: SimulatedOrder) -> None:
    """The shop authorises once more and captures that; the first authorisation runs out without a word."""
    order.waits["captured"] = 4 * HOUR
    live(order)
    again = order.find("payment.authorized")
    order.add(again.at + HOUR, order.payments, "payment.authorized", {**again.data, "payment_id": order.payment + "_b"})
    order.find("payment.captured").data["payment_id"] = order.payment + "_b"


@quirk
def ordered_before_it_is_made(order: SimulatedOrder) -> None:
    """A pre-order without any date: the stock is expected, and comes in time."""
    order.ship_by = order.promised_by = "none"
    order.etas = False
    order.waits |= {"allocated": 12 * DAY, "released": 2 * HOUR}
    live(order)
    data: Data = {"expected_at": instant(order.when["allocated"] + DAY), **order.naming(order.lines)}
    order.add(order.placed + 20 * MINUTE, order.site.source, "inventory.backordered", data)


@quirk
def split_by_the_market(order: SimulatedOrder) -> None:
    """The marketplace gives each seller an order of its own, which nobody speaks of."""
    live(order)
    children = [f"{order.id}-{number}" for number in (1, 2)]
    order.add(order.placed + MINUTE, order.storefront, "order.linked", {"parent": order.id, "children": children})
