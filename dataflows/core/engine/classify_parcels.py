"""Finds the traits of the events of parcels: labels, hand-overs, scans, and returns (see `traits`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias, cast

from dataflows.core.clocks import deadline
from dataflows.core.engine.order import Order
from dataflows.core.engine.traits import BITS, SCATTERED, UNPROMISED, mask
from dataflows.core.history.manifest import tracking_numbers
from dataflows.core.history.parcels import LABELLED, REPEATED, is_estimate, possession, scan_of
from dataflows.core.history.returns import RETURNS
from schemas.events import CarrierScan, InventoryAllocated, Line, Relabelled, ReturnStep, WarehouseShipment
from schemas.instants import DATES_KEPT, HOUR
from schemas.record import Record

EventTraits: TypeAlias = tuple[int, bool, bool]
"""The bits of an event's traits; whether it may change what earlier events mean; whether it speaks of the whole order."""

EAST, WEST = 14 * HOUR, 12 * HOUR
"""No clock is further from UTC than 14 hours ahead or 12 hours behind, so no local midnight comes earlier or later than that."""
_SHIPPED, _SCANNED, _SEVERAL, _LINES, _WHOLE = (BITS[name] for name in ("warehouse.shipped", "scanned", "several", "lines", "whole"))
_UNANNOUNCED, _LATE_ETA, _ESTIMATE, _REASON = BITS["unannounced"], BITS["late eta"], BITS["estimate"], BITS["carrier.scan+reason"]
_BACKORDERED, _HELD, _ITEMISED = BITS["inventory.backordered"], BITS["order.hold_placed"], BITS["itemised"]
_AGAIN, _VOICES, _ETA, _PARCEL_SCANNED = (BITS[name] for name in ("again", "several voices", "eta", "parcel scanned"))
_MANY = 16
"""Scans of one order within a quarter of an hour that are compared with a new one; where there are more, it may be one of them."""
_VOIDED = mask(("warehouse.shipment_cancelled", "carrier.scan:cancelled"))
_UNDER_WAY = _SCANNED | _SHIPPED | _VOIDED | _BACKORDERED
"""Traits of orders of which something has left, or was to: a further parcel changes what that was."""
_PARTED, _PART_SHIPPED = _SEVERAL | _SHIPPED, BITS["part shipped"]
_MIXED = _SEVERAL | _VOICES
_SCAN = {name.partition(":")[2]: BITS["carrier.scan"] | bit for name, bit in BITS.items() if name.startswith("carrier.scan:")}


def exact(text: str) -> bool:
    """Whether a `*_by` field names instants only, so that no zone has a say in it."""
    return text.count("T") > text.count("/")


@lru_cache(DATES_KEPT)
def soonest(text: str) -> int:
    """A lower bound in µs of the instant at which a `*_by` date ends, in whatever zone."""
    return deadline(text, "UTC") - (0 if exact(text) else EAST)


@lru_cache(DATES_KEPT)
def latest(text: str) -> int:
    """An upper bound in µs of the instant at which a `*_by` date ends, in whatever zone."""
    return deadline(text, "UTC") + (0 if exact(text) else WEST)


def lines_of(record: Record) -> Sequence[Line] | None:
    """The lines that a step of the warehouse names."""
    return cast("InventoryAllocated", record.event.data).lines


def are_all(order: Order, lines: Sequence[Line]) -> bool:
    """Whether lines are plainly those of the order, as it was placed."""
    return [(x.line_id, x.sku, x.quantity) for x in lines] == order.pieces


def announcement(order: Order, record: Record) -> EventTraits:
    """A label or a hand-over. A hand-over without lines is of those that its label named; one of a voided shipment may be none."""
    bits, before, lines, shipped = BITS[record.event.type], order.traits, lines_of(record), record.event.type == "warehouse.shipped"
    whole = (are_all(order, lines) if lines else not before & _ITEMISED) and not before & _VOIDED
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
    if before & (_UNDER_WAY | _ETA) or (shipped and before & _HELD) or not order.sent_back.isdisjoint(numbers):
        structural = True
        # Its lines may be those of what has left, or say which promise an estimate is compared with, and scans of a return those of its
        # parcel; what left is due in spite of a hold.
    if shipped:
        order.handed = order.handed.union(units)
        if whole:
            order.traits |= _WHOLE
        if not whole or order.traits & _PARTED:
            bits |= _PART_SHIPPED
    return bits, structural, whole


def return_step(order: Order, record: Record) -> EventTraits:
    """A step of a return. It gives its return the scans of a parcel if it is the first of it that names its number."""
    step = cast("ReturnStep", record.event.data)
    number, structural = step.tracking_number, False
    if number is not None and (number in order.units or number in order.sent_back):
        steps = (cast("ReturnStep", known.event.data) for known in order.timeline.of(*RETURNS) if known is not record)
        structural = not any(known.return_id == step.return_id and known.tracking_number == number for known in steps)
    if number is not None and number not in order.sent_back:
        order.sent_back |= {number}
    return BITS[record.event.type], structural, True


def scan(order: Order, record: Record) -> EventTraits:
    """What the carrier says of a parcel."""
    data = scan_of(record)
    seen, status = order.traits, data.status
    bits = _ESTIMATE if is_estimate(record) else _SCAN[status]
    if data.reason is not None:
        bits |= _REASON
    unit = data.tracking_number or data.shipment_id or ""
    if unit in order.sent_back and unit not in order.units:
        return bits, False, False
    lent = unit in order.sent_back
    if data.eta is not None:
        if _is_late(order, data.eta):
            bits |= _LATE_ETA
        if not order.promised:
            bits |= _ETA  # Otherwise the promise counts, and no estimate of the carrier's.
    if _may_be_none(order, record, data):
        bits |= _AGAIN
    # A voided shipment that moves after all counts again. Of several parcels, one may have gone over to another's carrier.
    unsettled = seen & _VOIDED != 0 or order.traits & _MIXED == _MIXED
    structural = status == "cancelled" or (unsettled and not _goes_on(order, record, data))
    if unit not in order.units or data.shipment_id:
        numbers = (data.tracking_number,) if data.tracking_number else ()
        structural = _tie(order, (unit, data.shipment_id) if data.shipment_id else (unit,), numbers) or structural
    if data.tracking_number is None and not _goes_on(order, record, data):
        structural = True  # A shipment without a number was as good as delivered, but it is scanned after all.
    announced = unit in order.handed
    if possession(record):
        if not seen & _SCANNED:
            bits |= _SCANNED
        if unit not in order.seen and (not announced or order.traits & _SEVERAL):
            order.seen |= {unit}
            bits |= _PARCEL_SCANNED if announced else _UNANNOUNCED | _PARCEL_SCANNED
    if status == "delivered" and not announced:
        bits |= _UNANNOUNCED
    if bits & _UNANNOUNCED and seen & _ITEMISED:
        structural = True  # A parcel of unknown lines counts as all, since the first that left.
    if bits & (_SCANNED | _UNANNOUNCED) and seen & _HELD:
        structural = True  # What left is due in spite of a hold.
    seen = order.traits
    structural = structural or lent  # It may be one of a return, or of a shipment that had the number before.
    return bits, structural, not seen & SCATTERED and (not seen & _LINES or seen & _WHOLE != 0)


def _may_be_none(order: Order, record: Record, data: CarrierScan) -> bool:
    """Whether a scan may repeat what another source has just said, or be of a label of a parcel that has left; notes new voices."""
    scans = order.timeline.by_type.get("carrier.scan", ())
    source, again = record.event.source, data.status == LABELLED and order.traits & _SCANNED != 0
    if not order.traits & _VOICES:
        for known in (scans[0], scans[-1]) if scans else ():
            if known is not record and (known.event.source != source or scan_of(known).carrier != data.carrier):
                break
        else:
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
    if len(scans) < 2 or scans[-1] is not record:
        return False
    known = scans[-2]
    before = scan_of(known)
    alike = before.carrier == data.carrier and known.event.source == record.event.source
    return alike and (before.tracking_number, before.shipment_id) == (data.tracking_number, data.shipment_id) and possession(known)


def relabelled(order: Order, record: Record) -> EventTraits:
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
