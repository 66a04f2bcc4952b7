"""What an event is to its order, as bits: its type, and how it stands to what came before.

Rules name traits; the engine tests masks. Of an event, its type is a trait; of a scan also `carrier.scan:<status>` and
`carrier.scan+reason` (it has one); of a mere estimate `estimate` instead. `late eta`: not plainly within the promise, or without one
within a day of all others. `scanned`: the order's first possession. `unannounced`: a parcel's first possession, or a delivery, without a
hand-over. `part shipped`: a hand-over of some lines, or one of several shipments. `high risk`: of an address. `balance`: a capture that is
not simply the total. `expires`: an authorization that does. `settled`: a capture of all that was authorized. `kept`: money was
captured, and none went back. `future`: dated after its log
time. An order has the traits of its events, and besides: `several` (parcels), `whole` (handed over at once), `lines` (more than one
piece, or others than ordered), `ship_by`, `promised_by`, `terms:<terms>`, `note` (a finding of the identity step), `itemised` (some step
named some of its pieces). `again`: a scan that may be none, and breaks no silence: of a label after the carrier had a parcel, or of what
another source has just said. `several voices`: scans of more than one carrier or source. `eta`: a scan that states one, unless its order
was plainly promised. `unfetched`: an order that was placed to be sent, none of it to be fetched, and not changed since. `site`: the event
names a site that need not be the one that was named last, so that the site's clock and zone may change; `carrier`: one that names a carrier
or a service that its parcel need not have been known to have. `undated`: an order is placed with lines that have no ship-by date.
`parcel scanned`: the first possession of a parcel, of an order that has several. `several sources`: captures of more than one.
"""

from __future__ import annotations

from collections.abc import Iterable

from dataflows.core.history.returns import RETURNS
from schemas.events import DATA_MODELS

# fmt: off
TRAITS: tuple[str, ...] = (
    "order.placed", "order.updated", "order.cancel_requested", "order.cancelled", "order.hold_placed", "order.hold_released",
    "payment.authorized", "payment.captured", "payment.voided", "payment.failed", "payment.refunded", "payment.disputed",
    "payment.dispute_closed", "inventory.allocated", "inventory.short", "inventory.backordered", "address.validated", "address.invalid",
    "address.change_requested", "warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed",
    "warehouse.pick_short", "warehouse.rejected", "warehouse.label_created", "warehouse.shipped", "warehouse.shipment_cancelled",
    "carrier.scan", "return.requested", "return.authorized", "return.shipped", "return.received", "return.inspected", "invoice.issued",
    "invoice.disputed", "support.contacted", "evidence.withdrawn", "feed.heartbeat", "case.acknowledged", "case.assigned",
    "case.snoozed", "case.resolved", "case.reopened", "case.labelled", "action.approved", "action.rejected", "action.executed",
    "action.failed", "carrier.scan:unknown", "carrier.scan:label_created", "carrier.scan:accepted", "carrier.scan:in_transit",
    "carrier.scan:customs", "carrier.scan:out_for_delivery", "carrier.scan:attempt_failed", "carrier.scan:ready_for_pickup",
    "carrier.scan:delayed", "carrier.scan:held", "carrier.scan:exception", "carrier.scan:damaged", "carrier.scan:lost",
    "carrier.scan:returning", "carrier.scan:returned", "carrier.scan:delivered", "carrier.scan:failed_final", "carrier.scan:cancelled",
    "carrier.scan:expired", "carrier.scan+reason", "late eta", "scanned", "unannounced", "part shipped", "high risk", "balance",
    "expires", "settled", "future", "note", "several", "whole", "lines", "ship_by", "promised_by", "terms:external", "terms:invoice",
    "terms:on_delivery", "terms:on_ship", "terms:prepaid", "estimate", "itemised", "site", "order.reinstated",
    "order.cancel_declined", "order.linked", "carrier.relabelled", "return.cancelled",
    "again", "several voices", "eta", "carrier", "undated", "parcel scanned", "unfetched", "case.waiting", "case.noted",
    "action.initiated", "action.begun", "action.in_doubt", "action.observed", "automation.paused", "automation.resumed",
    "policy.activated", "suggestion.made", "message.sent", "order.forgotten", "kept", "several sources",
)
# fmt: on
"""Traits of events and orders by the place of their bit. A new event type, status or finer trait is added at the end."""

BITS: dict[str, int] = {trait: 1 << place for place, trait in enumerate(TRAITS)}
"""The bit of every trait."""


def mask(names: Iterable[str]) -> int:
    """The bits of some traits. Raises KeyError if one is unknown."""
    bits = 0
    for name in names:
        bits |= BITS[name]
    return bits


def names_of(bits: int) -> list[str]:
    """The traits that the bits stand for."""
    return [name for place, name in enumerate(TRAITS) if bits >> place & 1]


TYPES = mask(DATA_MODELS)
PLACED = BITS["order.placed"]
RETURNED = mask(RETURNS)
NOTE = BITS["note"]
"""A finding of the identity step came."""
SITE = BITS["site"]
"""Perhaps another site is named."""
CARRIER = BITS["carrier"]
"""Perhaps another carrier is named."""
UNDATED = BITS["undated"]
"""Some lines have no ship-by date, whether or not others do."""
UNFETCHED = BITS["unfetched"]
SCATTERED = BITS["several"] | RETURNED
"""An order with more than one parcel, or with one that comes back."""
UNPROMISED = 0
"""What stands for the promise of an order that was placed without one."""
