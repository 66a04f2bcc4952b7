"""The normal life of an order, from the click to the doorstep, as a script of events.

Every wait is drawn well within the default thresholds of the rules, counted in elapsed time: what holds for elapsed hours and days
holds for business hours and business days, whatever the calendar. `SimulatedOrder.waits` overrides single waits.
"""

from __future__ import annotations

from sources.simulator.moments import DAY, HOUR, MINUTE, instant, next_morning, next_open
from sources.simulator.order import SimulatedOrder
from sources.simulator.parts import Data, SimulatedLine, SimulatedShipment, SimulatedStep
from sources.simulator.topology import CITIES, KEYS


def live(order: SimulatedOrder) -> None:
    """Writes the order's normal life, by its facts and waits, into its script."""
    order.plan_shipments()
    _place(order)
    _pay(order)
    _allocate(order)
    if order.method == "digital":
        _unlock(order)
    else:
        _prepare(order)
        packed = order.when["packed"]
        for shipment in order.shipments:
            packed = _hand_over(order, shipment, packed) + HOUR
            _carry(order, shipment)
        order.when["shipped"] = max(shipment.shipped for shipment in order.shipments)
        order.when["delivered"] = max(shipment.delivered for shipment in order.shipments)
    _settle(order)


def _place(order: SimulatedOrder) -> None:
    order.placing = {
        "total": order.money(order.total),
        "customer": {"id": order.customer, "tier": order.tier},
        "ship_to": order.ship_to,
        "channel": order.channel,
        "service": order.service,
        "method": order.method,
        "payment_terms": order.terms,
    }
    order.when["placed"] = order.placed
    order.add(order.placed, order.storefront, "order.placed", order.placing)
    if order.method == "ship":
        at = order.placed + order.rng.randint(5, 50)
        order.add(at, order.storefront, "address.validated", {"risk": "low"})


def authorize(order: SimulatedOrder, at: int, expires: int | None = None) -> SimulatedStep:
    """Appends the authorization of the whole amount."""
    order.when["authorized"] = at
    data: Data = {"payment_id": order.payment, "amount": order.money(order.total)}
    if expires is not None:
        data["expires_at"] = instant(expires)
    return order.add(at, order.payments, "payment.authorized", data)


def capture(order: SimulatedOrder, at: int, cents: int | None = None, *, final: bool = True) -> SimulatedStep:
    """Appends a capture, by default of the whole amount; some name the payment only."""
    order.when.setdefault("captured", at)
    data: Data = {"payment_id": order.payment, "amount": order.money(order.total if cents is None else cents), "final": final}
    return order.add(at, order.payments, "payment.captured", data, named="authorized" not in order.when or order.rng.random() < 0.7)


def refund(order: SimulatedOrder, at: int, cents: int | None = None, **data: object) -> SimulatedStep:
    """Appends a refund, by default of the whole amount."""
    amount = order.money(order.total if cents is None else cents)
    named = "authorized" not in order.when or order.rng.random() < 0.6
    return order.add(at, order.payments, "payment.refunded", {"payment_id": order.payment, "amount": amount, **data}, named=named)


def _pay(order: SimulatedOrder) -> None:
    if order.terms not in ("prepaid", "on_ship"):
        return
    at = order.placed + order.wait("authorized", MINUTE, 10 * MINUTE)
    prepaid = order.terms == "prepaid"
    authorize(order, at, at + 7 * DAY if prepaid else None)
    if prepaid:
        capture(order, at + order.wait("captured", MINUTE, 5 * HOUR))


def _allocate(order: SimulatedOrder) -> None:
    at = order.placed + order.wait("allocated", 2 * MINUTE, 50 * MINUTE)
    site = KEYS if order.method == "digital" else order.site
    order.when["allocated"] = at
    order.add(at, site.source, "inventory.allocated", {"site": site.name, **order.naming(order.lines)})


def _unlock(order: SimulatedOrder) -> None:
    at = max(order.when.values()) + order.rng.randint(10, 600)
    order.when["shipped"] = order.when["delivered"] = at
    order.add(at, KEYS.source, "warehouse.shipped", {"site": KEYS.name, "shipment_id": order.first.id, **order.naming(order.lines)})


def _prepare(order: SimulatedOrder) -> None:
    rng, when = order.rng, order.when
    ready = max(order.earliest_release, when["allocated"], when.get("authorized", 0), when.get("captured", 0))
    if "released" in order.waits:
        at = ready + order.waits["released"]
    else:
        at = next_open(ready + 5 * MINUTE, order.site.zone) + rng.randint(5 * MINUTE, 3 * HOUR)
    when["released"] = at
    order.warehouse(at, "released", **order.naming(order.lines))
    picked = at + order.wait("picked", 20 * MINUTE, 3 * HOUR)
    when["pick_started"] = picked - order.wait("picking", 5 * MINUTE, 18 * MINUTE)
    order.warehouse(when["pick_started"], "pick_started", **order.naming(order.lines))
    when["picked"] = _in_shares(order, "picked", picked, order.lines)
    when["packed"] = when["picked"] + order.wait("packed", 10 * MINUTE, 90 * MINUTE)
    order.warehouse(when["packed"], "packed", **order.naming(order.lines))


def _in_shares(order: SimulatedOrder, step: str, at: int, lines: list[SimulatedLine]) -> int:
    """Some warehouses tell a step line by line. Returns when the last was done."""
    if not order.names_lines or len(lines) == 1 or order.rng.random() < 0.7:
        order.warehouse(at, step, **order.naming(lines))
        return at
    for n, line in enumerate(lines):
        order.warehouse(at + n * MINUTE, step, **order.naming([line]))
    return at + (len(lines) - 1) * MINUTE


def parcel_data(order: SimulatedOrder, shipment: SimulatedShipment) -> Data:
    """What a label or a shipping confirmation says about a shipment."""
    data: Data = {"carrier": order.carrier.name, "service": order.service, **order.naming(shipment.lines)}
    if shipment.id is not None:
        data["shipment_id"] = shipment.id
    if len(shipment.parcels) == 1:
        data["tracking_number"] = shipment.parcels[0]
    elif shipment.parcels:
        data["tracking_numbers"] = list(shipment.parcels)
    return data


def _hand_over(order: SimulatedOrder, shipment: SimulatedShipment, packed: int) -> int:
    """Label and shipping confirmation. Returns when the shipment left."""
    label = packed + order.wait("labelled", 5 * MINUTE, 30 * MINUTE)
    shipment.shipped = label + order.wait("shipped", 15 * MINUTE, 2 * HOUR)
    data = parcel_data(order, shipment)
    if shipment.parcels:
        order.when.setdefault("labelled", label)
        order.warehouse(label, "label_created", **data)
    order.warehouse(shipment.shipped, "shipped", **data)
    return shipment.shipped


def _carry(order: SimulatedOrder, shipment: SimulatedShipment) -> None:
    """The scans of each parcel, if it is carried at all."""
    rng = order.rng
    shipment.delivered = shipment.shipped + rng.randint(HOUR, 5 * HOUR)
    if order.method == "pickup":
        order.scan(shipment.delivered, shipment, "delivered")
        return
    if not shipment.parcels:
        order.scan(shipment.delivered - HOUR // 2, shipment, "out_for_delivery")
        order.scan(shipment.delivered, shipment, "delivered")
        return
    stations = ["accepted", "in_transit", *["in_transit"] * rng.randint(0, 2)]
    if order.is_international:
        stations += ["customs", "in_transit"]
    homewards = len(stations) // 2
    places = [order.site.country if n < homewards else order.country.code for n in range(len(stations))]
    legs = [(status, rng.randint(4 * HOUR, 24 * HOUR), rng.choice(CITIES[place])) for status, place in zip(stations, places, strict=True)]
    for parcel in range(len(shipment.parcels)):
        at = shipment.shipped + rng.randint(10 * MINUTE, 2 * HOUR)
        for status, leg, city in legs:
            order.scan(at, shipment, status, parcel=parcel, location=city)
            at += leg + rng.randint(0, 20 * MINUTE)
        at = next_morning(at, order.country.zone) + rng.randint(0, 2 * HOUR)
        order.scan(at, shipment, "out_for_delivery", parcel=parcel)
        at += rng.randint(2 * HOUR, 7 * HOUR)
        order.scan(at, shipment, "delivered", parcel=parcel)
        shipment.delivered = max(shipment.delivered, at)


def _settle(order: SimulatedOrder) -> None:
    """What is paid or billed once the goods have left or arrived."""
    shipped, rng = order.when["shipped"], order.rng
    if order.terms == "on_ship":
        capture(order, shipped + order.wait("captured", 5 * MINUTE, 12 * HOUR))
    elif order.terms == "on_delivery":
        capture(order, order.when["delivered"] + rng.randint(MINUTE, HOUR))
    elif order.terms == "invoice":
        issue_invoice(order, shipped + order.wait("invoiced", 10 * MINUTE, 20 * HOUR))


def issue_invoice(order: SimulatedOrder, at: int, number: int = 1) -> SimulatedStep:
    """Appends an invoice over the whole amount."""
    order.when["invoiced"] = at
    data: Data = {"invoice_id": f"inv_{order.index:07d}_{number}", "amount": order.money(order.total)}
    return order.add(at, order.invoices, "invoice.issued", data)


def send_back(order: SimulatedOrder, lines: list[SimulatedLine]) -> str:
    """Appends a return of these lines after delivery, with its parcel's scans and the refund. Returns the return's ID."""
    name, tracking = f"RMA-{order.index:07d}", f"R{order.carrier.prefix}{order.index:08d}"
    when, desk = order.when, f"/returns/{order.shop}"
    data: Data = {"return_id": name, "lines": [line.plain() for line in lines]}
    at = when["delivered"] + order.wait("return_requested", DAY, 6 * DAY)
    order.add(at, desk, "return.requested", data)
    at += order.wait("return_authorized", 5 * MINUTE, DAY)
    order.add(at, desk, "return.authorized", data)
    at += order.wait("return_shipped", 6 * HOUR, 5 * DAY)
    when["return_shipped"] = at
    order.add(at, desk, "return.shipped", {**data, "tracking_number": tracking})
    at += order.rng.randint(HOUR, 8 * HOUR)
    for status in ("accepted", "in_transit", "out_for_delivery", "delivered"):
        scan: Data = {"status": status, "carrier": order.carrier.name, "tracking_number": tracking}
        order.add(at, order.carrier.source, "carrier.scan", scan, named=order.rng.random() < 0.5)
        when[f"return_{status}"] = at
        at += order.rng.randint(4 * HOUR, 30 * HOUR)
    when["received"] = when["return_delivered"] + order.rng.randint(10 * MINUTE, 5 * HOUR)
    order.add(when["received"], desk, "return.received", data)
    when["inspected"] = when["received"] + order.wait("inspected", HOUR, 30 * HOUR)
    order.add(when["inspected"], desk, "return.inspected", data)
    when["refunded"] = when["inspected"] + order.wait("refunded", HOUR, 20 * HOUR)
    cents = sum(line.cents * line.quantity for line in lines)
    if order.terms == "invoice":
        refund_data: Data = {"amount": order.money(cents), "return_id": name, "reason": "returned"}
        order.add(when["refunded"], order.invoices, "payment.refunded", refund_data)
    else:
        refund(order, when["refunded"], cents, return_id=name, reason="returned")
    return name
