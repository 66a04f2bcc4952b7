"""Finds the traits of an event of an order (see `traits`); those of the events of parcels in `classify_parcels`."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from dataflows.core.engine.classify_parcels import EventTraits, announcement, are_all, lines_of, relabelled, return_step, scan, soonest
from dataflows.core.engine.order import Order
from dataflows.core.engine.traits import BITS, CARRIER, PLACED, SITE, TYPES, UNDATED, UNFETCHED, UNPROMISED, mask, names_of
from dataflows.core.history.manifest import tracking_numbers
from dataflows.core.history.order_fields import ANNOUNCED, STEPS, TERMS
from dataflows.core.history.parcels import scan_of
from dataflows.core.history.returns import RETURNS
from schemas.events import DATA_MODELS, AddressSignal, CarrierScan, OrderCancel, OrderPlaced, Payment, WarehouseShipment
from schemas.instants import MINUTE
from schemas.record import Record
from schemas.wire import micros

SKEW = MINUTE
"""How far an event may be dated after its log time and still be taken as dated rightly: the least `margin` of `data.clock_skew`."""
_AT_SITES = frozenset(name for name in DATA_MODELS if name.startswith(("warehouse.", "inventory.")))
"""Types of events that happen at a site."""
_CARRIED = frozenset((*ANNOUNCED, "carrier.scan"))
"""Types of events that may name a carrier."""
_STRUCTURAL = frozenset(
    (
        *("order.updated", "order.cancelled", "order.reinstated", "order.linked", "order.hold_placed", "order.hold_released"),
        *("inventory.backordered", "payment.refunded", "warehouse.shipment_cancelled"),
    )
)
"""Types of events that may change what earlier events mean; all rules are evaluated again after them."""
_CAPTURED, _BALANCE, _LINES, _FUTURE = BITS["payment.captured"], BITS["balance"], BITS["lines"], BITS["future"]
_BACKORDERED, _HELD, _PACKED = BITS["inventory.backordered"], BITS["order.hold_placed"], BITS["warehouse.packed"]
_SHIP_BY, _PROMISED_BY, _REFUNDED, _ITEMISED = (BITS[name] for name in ("ship_by", "promised_by", "payment.refunded", "itemised"))
_KEPT, _SEVERAL_SOURCES, _GONE_BACK = BITS["kept"], BITS["several sources"], mask(("payment.refunded", "payment.dispute_closed"))
_TERMS = {terms: BITS[f"terms:{terms}"] for terms in TERMS}
_PARCELS = mask(ANNOUNCED)
_LASTING = ~(SITE | UNDATED)
"""Traits of events that their order has as well."""
_CANCELLED = BITS["order.cancelled"]
_RESTATED = mask(("order.placed", "order.updated"))
_UPDATED = _LINES | mask(("terms:invoice", "terms:on_ship", "terms:prepaid"))


def classify(order: Order, record: Record) -> EventTraits:
    """The traits of a record that has just been taken into the order's timeline; the order notes them."""
    type_ = record.event.type
    special = _SPECIAL.get(type_)
    if special is not None:
        bits, structural, whole = special(order, record)
    else:
        bits, structural, whole = BITS[type_], type_ in _STRUCTURAL, True
    if type_ in _AT_SITES and _other_site(order, record):
        bits |= SITE
        structural = structural or _by_turns(order)
    if record.at > record.log + SKEW:
        bits |= _FUTURE
        structural = True
    order.traits |= bits & _LASTING
    return bits, structural, whole


def carried(order: Order, record: Record) -> int:
    """`CARRIER` if a record that has just been classified may name another carrier or service: asked only where a rule counts by these."""
    return CARRIER if record.event.type in _CARRIED and _other_carrier(order, record) else 0


def _other_site(order: Order, record: Record) -> bool:
    """Whether an event names another site than the last event before it that named one, or than another shipment did."""
    site: str | None = getattr(record.event.data, "site", None)
    if site is None:
        return False
    type_, timeline = record.event.type, order.timeline
    if type_ in ANNOUNCED and any(getattr(known.event.data, "site", None) not in (None, site) for known in timeline.of(*ANNOUNCED)):
        return True  # A shipment is of the site that it was first said of.
    for known in reversed(timeline.records):
        if known.event.type in _AT_SITES and known is not record:
            before: str | None = getattr(known.event.data, "site", None)
            if before is not None:
                return before != site
    return True


def _by_turns(order: Order) -> bool:
    """Whether several lines may have the same SKU: which of them a step covers first follows from dates, which end in the site's zone.

    Where no line has a ship-by date of its own, all have that of the order.
    """
    by_type = order.timeline.by_type
    placings = by_type.get("order.placed", ())
    lines = [line for record in placings for line in cast("OrderPlaced", record.event.data).lines or ()]
    updates = [cast("dict[str, list[dict[str, object]] | None]", record.event.data) for record in by_type.get("order.updated", ())]
    if not any(line.ship_by for line in lines) and not any(line.get("ship_by") for data in updates for line in data.get("lines") or ()):
        return False
    if len(placings) != 1 or order.pieces is None:
        return True
    skus = [sku for line in lines for sku in {line.sku, *(part.sku for part in line.components or ())} if sku]
    return len(set(skus)) < len(skus)


def _other_carrier(order: Order, record: Record) -> bool:
    """Whether an event names a carrier or a service that its parcel need not have been known to have."""
    if record.event.type in ANNOUNCED:
        return _announces_other(order, record)
    data = scan_of(record)
    if data.carrier is None:
        return False
    for known in reversed(order.timeline.of("carrier.scan")):
        before = scan_of(known)
        if known is not record and before.carrier is not None:
            if (before.carrier, before.tracking_number, before.shipment_id) == (data.carrier, data.tracking_number, data.shipment_id):
                return False
            break
    return not _announced(order, data)


def _announced(order: Order, data: CarrierScan) -> bool:
    """Whether a label or a hand-over named the carrier of the parcel of a scan: it stands above what scans say."""
    number = data.tracking_number
    if number is None or data.shipment_id is not None or number in order.sent_back:
        return False
    known = (cast("WarehouseShipment", record.event.data) for record in order.timeline.of(*ANNOUNCED))
    return any(said.carrier is not None and number in tracking_numbers(said) for said in known)


def _announces_other(order: Order, record: Record) -> bool:
    """Whether a label or a hand-over names a carrier or a service, unless nothing was known of parcels or others said the same of them."""
    data = cast("WarehouseShipment", record.event.data)
    if data.carrier is None and data.service is None:
        return False
    known = [cast("WarehouseShipment", r.event.data) for r in order.timeline.of(*ANNOUNCED) if r is not record]
    if any((said.carrier, said.service) != (data.carrier, data.service) for said in known):
        return True
    if "carrier.scan" not in order.timeline.by_type:
        return False
    numbers = tracking_numbers(data)
    return not numbers or not {number for said in known for number in tracking_numbers(said)}.issuperset(numbers)


def forget_withdrawn(order: Order) -> None:
    """Takes away the traits of event types that evidence was withdrawn of: some rules rest on their being there."""
    gone = 0
    for name in names_of(order.traits & TYPES):
        if name not in order.timeline.by_type:
            gone |= BITS[name]
    if gone & PLACED:
        gone |= _SHIP_BY | UNFETCHED
    if gone & _CAPTURED:
        gone |= _KEPT
    order.traits &= ~gone
    if order.traits & _CAPTURED:
        order.traits |= _BALANCE


# one function per type of event that has traits besides its type


def _step(order: Order, record: Record) -> EventTraits:
    """A step of the warehouse. One without lines speaks of all, so that the first of its type was enough after all."""
    bit, before, lines = BITS[record.event.type], order.traits, lines_of(record)
    # What was backordered may be waited for again; what is to be fetched leaves by being packed, which a hold has a say in.
    structural = before & _BACKORDERED != 0 or (before & _HELD != 0 and bit == _PACKED)
    if lines and not are_all(order, lines):
        order.traits |= _ITEMISED
        return bit, structural, False
    return bit, structural or (not lines and before & bit != 0 and before & _ITEMISED != 0), True


def _placing(order: Order, record: Record) -> EventTraits:
    before = traits = order.traits
    if not before & PLACED:
        order.judged = set()
    placed = cast("OrderPlaced", record.event.data)
    lines = placed.lines or ()
    traits |= _TERMS[placed.payment_terms if placed.payment_terms in TERMS else "prepaid"]
    ship_by, promised_by = placed.ship_by, placed.promised_by
    ship_dates, promises = [] if ship_by is None else [ship_by], [] if promised_by is None else [promised_by]
    several, undated, fetched = len(lines) > 1, False, placed.method == "pickup"
    for line in lines:
        several = several or (line.quantity or 1) > 1
        fetched = fetched or line.method == "pickup"
        if line.ship_by is not None:
            ship_dates.append(line.ship_by)
        elif ship_by is None:
            undated = True
        if line.promised_by is not None:
            promises.append(line.promised_by)
    if several:
        traits |= _LINES
    if not fetched:
        traits |= UNFETCHED
    if ship_dates:
        traits |= _SHIP_BY
        order.dates["ship_by"] = min(map(soonest, ship_dates))
    if promises:
        traits |= _PROMISED_BY
        order.dates["promised_by"] = min(map(soonest, promises))
    order.pieces = None if before & _CANCELLED else [(x.line_id, x.sku, x.quantity) for x in lines]
    order.promised = UNPROMISED if promised_by is None else soonest(promised_by)
    if len(promises) > (promised_by is not None):
        order.promised = None  # Which lines are in a parcel says which promise is its own.
    order.total = (placed.total.amount, placed.total.currency) if placed.total else None
    if before & _CAPTURED:
        traits |= _BALANCE  # What was captured may be another amount than what is owed now.
    if before & _PARCELS and any(cast("WarehouseShipment", r.event.data).replaces for r in order.timeline.of(*ANNOUNCED)):
        order.promised = None  # As for a label that comes after the placing: what replaces another may owe no promise.
    order.traits = traits
    if before & _RESTATED:
        _restate(order)  # Another placing, or an update that was told before it, has a say in all of it.
    return PLACED | (UNDATED if undated else 0), before != 0, True


def _cancel(order: Order, record: Record) -> EventTraits:
    """Of an order of which lines were cancelled, what it was placed with is no longer all of it, but too much."""
    if cast("OrderCancel", record.event.data).lines:
        order.pieces = None
    return BITS[record.event.type], True, True


def _update(order: Order, record: Record) -> EventTraits:
    _restate(order)
    return BITS[record.event.type], True, True


def _restate(order: Order) -> None:
    """Notes that what the order says may be other than what it was placed with. The date may have been taken away."""
    order.traits = (order.traits | _UPDATED) & ~(_SHIP_BY | UNFETCHED)
    order.pieces = order.promised = order.total = None


def _authorization(order: Order, record: Record) -> EventTraits:
    bits, secured = BITS[record.event.type], cast("Payment", record.event.data)
    order.payments |= {secured.payment_id}
    if secured.expires_at is not None:
        order.dates["expires_at"] = micros(secured.expires_at)
        bits |= BITS["expires"]
    return bits, order.traits & _CAPTURED != 0, True  # What was taken may be all that was owed now: the goods are due from then on.


def _void(order: Order, record: Record) -> EventTraits:
    return BITS[record.event.type], order.traits & _CAPTURED != 0, True  # Likewise, no longer.


def _capture(order: Order, record: Record) -> EventTraits:
    bits, taken = _CAPTURED, cast("Payment", record.event.data)
    paid = taken.amount
    if paid is None or (paid.amount, paid.currency) != order.total or order.traits & _CAPTURED:
        bits |= _BALANCE
    if taken.payment_id is None or (len(order.payments) == 1 and taken.payment_id in order.payments):
        bits |= BITS["settled"]
    if not order.traits & _GONE_BACK:
        bits |= _KEPT
    if order.traits & _CAPTURED and not order.traits & _SEVERAL_SOURCES:
        known = order.timeline.of("payment.captured")
        if any(one.event.source != record.event.source for one in (known[0], known[-1])):
            order.traits |= _SEVERAL_SOURCES
    # What was refunded in full may no longer be; and one source says how much another one took.
    return bits, order.traits & (_REFUNDED | _SEVERAL_SOURCES) != 0, True


def _gone_back(order: Order, record: Record) -> EventTraits:
    order.traits &= ~_KEPT
    return BITS[record.event.type], record.event.type in _STRUCTURAL, True


def _address(_: Order, record: Record) -> EventTraits:
    bits = BITS[record.event.type]
    if cast("AddressSignal", record.event.data).risk == "high":
        bits |= BITS["high risk"]
    return bits, False, True


_SPECIAL: dict[str, Callable[[Order, Record], EventTraits]] = {
    "carrier.scan": scan,
    "carrier.relabelled": relabelled,
    "order.placed": _placing,
    "order.cancelled": _cancel,
    "order.updated": _update,
    "payment.authorized": _authorization,
    "payment.captured": _capture,
    "payment.voided": _void,
    "payment.refunded": _gone_back,
    "payment.dispute_closed": _gone_back,
    **dict.fromkeys(ANNOUNCED, announcement),
    **dict.fromkeys((*STEPS, "warehouse.pick_started"), _step),
    **dict.fromkeys(RETURNS, return_step),
    **dict.fromkeys((name for name in DATA_MODELS if name.startswith("address.")), _address),
}
