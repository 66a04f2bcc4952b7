"""Finds the traits of an event of an order (see `traits`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias, cast

from dataflows.core.clocks import deadline
from dataflows.core.engine.order import Order
from dataflows.core.engine.traits import BITS, PLACED, SCATTERED, SITE, TYPES, mask, names_of
from dataflows.core.history.order_fields import TERMS
from dataflows.core.history.parcels import LABELLED, REPEATED, is_estimate, possession, scan_of
from dataflows.core.history.returns import RETURNS
from dataflows.core.history.standing import tracking_numbers
from schemas.events import (
    DATA_MODELS,
    AddressSignal,
    CarrierScan,
    InventoryAllocated,
    Line,
    OrderPlaced,
    Payment,
    Relabelled,
    ReturnStep,
    WarehouseShipment,
)
from schemas.instants import HOUR, MINUTE
from schemas.record import Record
from schemas.wire import micros

EventTraits: TypeAlias = tuple[int, bool, bool]
"""The bits of an event's traits; whether it may change what earlier events mean; whether it speaks of the whole order."""

SKEW = MINUTE
"""How far an event may be dated after its log time and still be taken as dated rightly: the least `margin` of `data.clock_skew`."""
_AT_SITES = ("warehouse.", "inventory.")
"""Prefixes of the types of events that happen at a site."""
EAST, WEST = 14 * HOUR, 12 * HOUR
"""No clock is further from UTC than 14 hours ahead or 12 hours behind, so no local midnight comes earlier or later than that."""
_TEXTS = 4_096
"""Dates that are remembered: many orders are promised for the same day."""
UNPROMISED = 0
"""What stands for the promise of an order that was placed without one."""


_STRUCTURAL = frozenset(
    (
        *("order.updated", "order.cancelled", "order.reinstated", "order.linked", "order.hold_placed", "order.hold_released"),
        *("inventory.backordered", "payment.refunded", "warehouse.shipment_cancelled"),
    )
)
"""Types of events that may change what earlier events mean; all rules are evaluated again after them."""
_CAPTURED, _SHIPPED, _BALANCE = BITS["payment.captured"], BITS["warehouse.shipped"], BITS["balance"]
_SCANNED, _SEVERAL, _LINES, _WHOLE, _FUTURE = BITS["scanned"], BITS["several"], BITS["lines"], BITS["whole"], BITS["future"]
_UNANNOUNCED, _LATE_ETA, _ESTIMATE, _REASON = BITS["unannounced"], BITS["late eta"], BITS["estimate"], BITS["carrier.scan+reason"]
_BACKORDERED = BITS["inventory.backordered"]
_AGAIN, _VOICES, _ETA = BITS["again"], BITS["several voices"], BITS["eta"]
_MANY = 16
"""Scans of one order within a quarter of an hour that are compared with a new one; where there are more, it may be one of them."""
_VOIDED = mask(("warehouse.shipment_cancelled", "carrier.scan:cancelled"))
_SHIP_BY, _REFUNDED, _ITEMISED = BITS["ship_by"], BITS["payment.refunded"], BITS["itemised"]
_SCAN = {name.partition(":")[2]: BITS["carrier.scan"] | bit for name, bit in BITS.items() if name.startswith("carrier.scan:")}
_TERMS = {terms: BITS[f"terms:{terms}"] for terms in TERMS}
_UPDATED = _LINES | mask(("terms:invoice", "terms:on_ship", "terms:prepaid"))


def exact(text: str) -> bool:
    """Whether a `*_by` field names instants only, so that no zone has a say in it."""
    return text.count("T") > text.count("/")


@lru_cache(_TEXTS)
def soonest(text: str) -> int:
    """A lower bound in µs of the instant at which a `*_by` date ends, in whatever zone."""
    return deadline(text, "UTC") - (0 if exact(text) else EAST)


@lru_cache(_TEXTS)
def latest(text: str) -> int:
    """An upper bound in µs of the instant at which a `*_by` date ends, in whatever zone."""
    return deadline(text, "UTC") + (0 if exact(text) else WEST)


def classify(order: Order, record: Record) -> EventTraits:
    """The traits of a record that has just been taken into the order's timeline; the order notes them."""
    type_ = record.event.type
    special = _SPECIAL.get(type_)
    if special is not None:
        bits, structural, whole = special(order, record)
    else:
        bits, structural, whole = BITS[type_], type_ in _STRUCTURAL, True
    if type_.startswith(_AT_SITES) and _other_site(order, record):
        bits |= SITE
    if record.at > record.log + SKEW:
        bits |= _FUTURE
        structural = True
    order.traits |= bits & ~SITE
    return bits, structural, whole


def _other_site(order: Order, record: Record) -> bool:
    """Whether an event names another site than the last event before it that named one."""
    site: str | None = getattr(record.event.data, "site", None)
    if site is None:
        return False
    for known in reversed(order.timeline.records):
        if known is not record and known.event.type.startswith(_AT_SITES):
            before: str | None = getattr(known.event.data, "site", None)
            if before is not None:
                return before != site
    return True


def forget_withdrawn(order: Order) -> None:
    """Takes away the traits of event types that evidence was withdrawn of: some rules rest on their being there."""
    gone = 0
    for name in names_of(order.traits & TYPES):
        if name not in order.timeline.by_type:
            gone |= BITS[name]
    if gone & PLACED:
        gone |= _SHIP_BY
    order.traits &= ~gone
    if order.traits & _CAPTURED:
        order.traits |= _BALANCE


# one function per type of event that has traits besides its type


def _step(order: Order, record: Record) -> EventTraits:
    """A step of the warehouse. One without lines speaks of all, so that the first of its type was enough after all."""
    bit, before, lines = BITS[record.event.type], order.traits, _lines(record)
    supplied = before & _BACKORDERED != 0  # What was backordered may be waited for again.
    if lines and not _are_all(order, lines):
        order.traits |= _ITEMISED
        return bit, supplied, False
    return bit, supplied or (not lines and before & bit != 0 and before & _ITEMISED != 0), True


def _lines(record: Record) -> Sequence[Line] | None:
    return cast("InventoryAllocated", record.event.data).lines


def _are_all(order: Order, lines: Sequence[Line]) -> bool:
    return [(x.line_id, x.sku, x.quantity) for x in lines] == order.pieces


def _announcement(order: Order, record: Record) -> EventTraits:
    """A label or a hand-over. A hand-over without lines is of those that its label named; one of a voided shipment may be none."""
    bits, before, lines, shipped = BITS[record.event.type], order.traits, _lines(record), record.event.type == "warehouse.shipped"
    whole = (_are_all(order, lines) if lines else not before & _ITEMISED) and not before & _VOIDED
    announced = cast("WarehouseShipment", record.event.data)
    numbers = tracking_numbers(announced)
    if announced.replaces is not None:
        order.promised = None  # What replaces another may owe no promise: any estimate of it may be late.
    units = [*numbers, *((announced.shipment_id,) if announced.shipment_id else ())] or [""]
    structural = _tie(order, units, numbers) or units == [""] or announced.replaces is not None
    if len(numbers) > 1:
        order.traits |= _SEVERAL
    if not whole:
        order.traits |= _LINES
    if lines and not whole:
        order.traits = (order.traits | _ITEMISED) & ~_WHOLE
    if before & (_SCANNED | _SHIPPED | _VOIDED | _BACKORDERED) or not order.sent_back.isdisjoint(numbers):
        structural = True  # Its lines may be those of what has left, and scans of a return those of its parcel.
    if shipped:
        order.handed = order.handed.union(units)
        if whole:
            order.traits |= _WHOLE
        if not whole or order.traits & (_SEVERAL | _SHIPPED):
            bits |= BITS["part shipped"]
    return bits, structural, whole


def _placing(order: Order, record: Record) -> EventTraits:
    structural = order.traits != 0
    if not structural:
        order.exact = set()
    elif order.traits & _CAPTURED:
        order.traits |= _BALANCE  # What was captured may be another amount than what is owed now.
    placed = cast("OrderPlaced", record.event.data)
    lines = placed.lines or ()
    order.traits |= _TERMS[placed.payment_terms if placed.payment_terms in TERMS else "prepaid"]
    order.pieces = None if order.traits & BITS["order.cancelled"] else [(x.line_id, x.sku, x.quantity) for x in lines]
    if len(lines) > 1 or any((x.quantity or 1) > 1 for x in lines):
        order.traits |= _LINES
    order.promised = UNPROMISED if placed.promised_by is None else soonest(placed.promised_by)
    order.total = (placed.total.amount, placed.total.currency) if placed.total else None
    _date(order, "ship_by", [placed.ship_by, *(x.ship_by for x in lines)])
    _date(order, "promised_by", [placed.promised_by, *(x.promised_by for x in lines)])
    return PLACED, structural, True


def _cancel(order: Order, record: Record) -> EventTraits:
    """Of an order of which lines were cancelled, what it was placed with is no longer all of it, but too much."""
    if _lines(record):
        order.pieces = None
    return BITS[record.event.type], True, True


def _date(order: Order, name: str, texts: list[str | None]) -> None:
    known = [soonest(text) for text in texts if text is not None]
    if known:
        order.traits |= BITS[name]
        order.dates[name] = min(known)


def _update(order: Order, record: Record) -> EventTraits:
    order.traits = (order.traits | _UPDATED) & ~_SHIP_BY  # The date may have been taken away.
    order.pieces = order.promised = order.total = None
    return BITS[record.event.type], True, True


def _return_step(order: Order, record: Record) -> EventTraits:
    number, structural = cast("ReturnStep", record.event.data).tracking_number, False
    if number is not None and number not in order.sent_back:
        order.sent_back |= {number}
        structural = number in order.units
    return BITS[record.event.type], structural, True


def _authorization(order: Order, record: Record) -> EventTraits:
    bits, secured = BITS[record.event.type], cast("Payment", record.event.data)
    order.payments |= {secured.payment_id}
    if secured.expires_at is not None:
        order.dates["expires_at"] = micros(secured.expires_at)
        bits |= BITS["expires"]
    return bits, False, True


def _capture(order: Order, record: Record) -> EventTraits:
    bits, taken = _CAPTURED, cast("Payment", record.event.data)
    paid = taken.amount
    if paid is None or (paid.amount, paid.currency) != order.total or order.traits & _CAPTURED:
        bits |= _BALANCE
    if taken.payment_id is None or (len(order.payments) == 1 and taken.payment_id in order.payments):
        bits |= BITS["settled"]
    return bits, order.traits & _REFUNDED != 0, True  # What was refunded in full may no longer be.


def _address(_: Order, record: Record) -> EventTraits:
    bits = BITS[record.event.type]
    if cast("AddressSignal", record.event.data).risk == "high":
        bits |= BITS["high risk"]
    return bits, False, True


def _scan(order: Order, record: Record) -> EventTraits:
    data = scan_of(record)
    seen, status = order.traits, data.status
    bits = _ESTIMATE if is_estimate(record) else _SCAN[status]
    if data.reason is not None:
        bits |= _REASON
    unit = data.tracking_number or data.shipment_id or ""
    if unit in order.sent_back and unit not in order.units:
        return bits, False, False
    if data.eta is not None:
        if _is_late(order, data.eta):
            bits |= _LATE_ETA
        bits |= _ETA
    if _may_be_none(order, record, data):
        bits |= _AGAIN
    # A voided shipment that moves after all counts again. Of several parcels, one may have gone over to another's carrier.
    several = _SEVERAL | _VOICES
    unsettled = seen & _VOIDED != 0 or order.traits & several == several
    structural = status == "cancelled" or (unsettled and not _goes_on(order, record, data))
    if not data.tracking_number:
        structural = True  # It may be the first scan of what nobody tracked, which counted as arrived when it had left.
    if unit not in order.units or data.shipment_id:
        numbers = (data.tracking_number,) if data.tracking_number else ()
        structural = _tie(order, (unit, data.shipment_id) if data.shipment_id else (unit,), numbers) or structural
    announced = unit in order.handed
    if possession(record):
        if not seen & _SCANNED:
            bits |= _SCANNED
        if not announced and unit not in order.seen:
            order.seen |= {unit}
            bits |= _UNANNOUNCED
    if status == "delivered" and not announced:
        bits |= _UNANNOUNCED
    if bits & _UNANNOUNCED and seen & _ITEMISED:
        structural = True  # A parcel of unknown lines counts as all, since the first that left.
    seen = order.traits
    return bits, structural, not seen & SCATTERED and (not seen & _LINES or seen & _WHOLE != 0)


def _may_be_none(order: Order, record: Record, data: CarrierScan) -> bool:
    """Whether a scan may repeat what another source has just said, or be of a label of a parcel that has left; notes new voices."""
    scans = order.timeline.by_type.get("carrier.scan", ())
    source, again = record.event.source, data.status == LABELLED and order.traits & _SCANNED != 0
    if not order.traits & _VOICES:
        others = (known for known in (scans[0], scans[-1]) if known is not record) if scans else ()
        if all(known.event.source == source and scan_of(known).carrier == data.carrier for known in others):
            return again
        order.traits |= _VOICES
    since = record.at - REPEATED
    for place in range(len(scans) - 1, max(len(scans) - 1 - _MANY, -1), -1):
        known = scans[place]
        if known.at < since:
            return again
        if known.event.source != source and scan_of(known).status == data.status:
            return True
    return again or len(scans) > _MANY


def _goes_on(order: Order, record: Record, data: CarrierScan) -> bool:
    """Whether a scan only follows one of the same parcel by the same voice: then no parcel goes over to another by it."""
    scans = order.timeline.by_type.get("carrier.scan", ())
    if len(scans) < 2 or scans[-1] is not record or data.tracking_number is None:
        return False
    known = scans[-2]
    before = scan_of(known)
    alike = (before.tracking_number, before.carrier, known.event.source) == (data.tracking_number, data.carrier, record.event.source)
    return alike and possession(known)


def _relabelled(order: Order, record: Record) -> EventTraits:
    """Two numbers are of one parcel."""
    data = cast("Relabelled", record.event.data)
    numbers = (data.replaces_number, data.tracking_number)
    _tie(order, numbers, numbers)
    order.traits |= _SEVERAL
    return BITS[record.event.type], True, False


def _is_late(order: Order, eta: str) -> bool:
    """Whether an estimate may be one that slipped, by whatever margin."""
    if order.promised == UNPROMISED:
        known, at = order.estimated, soonest(eta)
        order.estimated = at if known is None else min(known, at)
        return latest(eta) > order.estimated
    return order.promised is None or latest(eta) > order.promised


def _tie(order: Order, units: Sequence[str], numbers: Sequence[str]) -> bool:
    """Ties the identifiers that one event names; whether that changes what was known: a new one, or two shipments that are one.

    A new number is a new parcel, of whichever shipment (`numbers`: those of the identifiers that are tracking numbers).
    """
    known = order.units
    homes = {known[unit] for unit in units if unit in known}
    if len(homes) == 1 and all(unit in known for unit in units):
        return False
    changed = bool(known)
    if changed and (not homes or any(number not in known for number in numbers)):
        order.traits |= _SEVERAL
    home = min(homes, default=units[0])
    for unit in [*units, *(u for u, other in known.items() if other in homes)]:
        known[unit] = home
    return changed


_SPECIAL: dict[str, Callable[[Order, Record], EventTraits]] = {
    "carrier.scan": _scan,
    "carrier.relabelled": _relabelled,
    "order.placed": _placing,
    "order.cancelled": _cancel,
    "order.updated": _update,
    "payment.authorized": _authorization,
    "payment.captured": _capture,
    **dict.fromkeys(("warehouse.label_created", "warehouse.shipped"), _announcement),
    **dict.fromkeys(("inventory.allocated", "warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed"), _step),
    **dict.fromkeys(RETURNS, _return_step),
    **dict.fromkeys((name for name in DATA_MODELS if name.startswith("address.")), _address),
}
