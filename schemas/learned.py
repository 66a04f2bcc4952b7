"""Which events show that a feed emits a milestone, and for whom it then counts.

What a policy does not say about `emits` is learned from the log: a milestone is armed for a place once enough orders showed a record of
it. This says what shows what; `dataflows.core.engine.learned` counts.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple, cast

from schemas.aliases import aliases
from schemas.events import CarrierScan, OrderPlaced, WarehouseShipment
from schemas.record import Position, Record

SCAN: Final = "carrier.scan"
SCANS: Final = frozenset({"first_scan", "progress", "delivered"})
"""What `scans` in a listed `emits` stands for."""
ENOUGH: Final = 20
"""Orders that must have shown a milestone before anybody is missed who does not."""
BY_CARRIER: Final = frozenset({"first_scan", "progress"})
BY_SITE: Final = frozenset({"allocated", "released", "picked", "packed"})
SHOWN_BY: Final = {
    "payment.authorized": "authorized",
    "payment.captured": "captured",
    "warehouse.shipped": "shipped",
    "payment.refunded": "refunded",
    "inventory.allocated": "allocated",
    "warehouse.released": "released",
    "warehouse.picked": "picked",
    "warehouse.packed": "packed",
    "invoice.issued": "invoiced",
    "return.inspected": "inspected",
    "return.shipped": "return_shipped",
}
"""The milestone that an event of a type shows; scans show several (`SCANNED`). Steps that are implied by later ones show nothing."""
SCANNED: Final = {
    "accepted": ("first_scan",),
    "in_transit": ("first_scan", "progress"),
    "customs": ("first_scan", "progress"),
}
"""What a scan shows by its status. A feed that tells of the delivery alone, or of the last mile, tells of no progress."""


PACE_OF: Final = {"captured": "captured", "authorized": "captured", "refunded": "captured"}
"""By milestone, the one by whose pace its sources are silent: who tells payments tells all three, and captures come in by themselves."""
PACED: Final = frozenset(PACE_OF.values())
"""The milestones of whose sources the pace is learned: payments come in whether or not anybody at the shop works."""
PACING: Final = frozenset({"order.placed", "payment.captured"})
"""The events that show that they are owed, or tell them."""

OWES: Final = "owes "
"""What the milestone of a showing begins with that says that an order owes it, and of whom."""
OWING: Final = frozenset({"order.placed", "warehouse.label_created", "warehouse.shipped"})


class Showing(NamedTuple):
    """A record that shows that a source emits a milestone for a place, and of which order: one entry of every shard's log."""

    position: Position
    tenant: str
    milestone: str
    source: str
    place: str
    order: str


def milestones_of(record: Record) -> tuple[str, ...]:
    """The milestones that a record shows."""
    event = record.event
    if event.type == SCAN:
        return SCANNED.get(cast("CarrierScan", event.data).status, ())
    shown = SHOWN_BY.get(event.type)
    return () if shown is None else (shown,)


def owed_by(record: Record) -> tuple[str, str] | None:
    """The milestone that an order owes with a record, and the carrier or site that would tell of it (none: anybody of the tenant).

    A prepaid order owes a capture, a label the hand-over by its site, a hand-over to a carrier that is named the first scan of its parcel.
    """
    event = record.event
    if event.type == "order.placed":
        placed = cast("OrderPlaced", event.data)
        free = placed.total is not None and Decimal(placed.total.amount) <= 0
        return None if free or placed.payment_terms not in (None, "prepaid") else ("captured", "")
    if event.type == "warehouse.label_created":
        return ("shipped", place_of(record, "shipped"))
    if event.type == "warehouse.shipped":
        shipped = cast("WarehouseShipment", event.data)
        tracked = shipped.tracking_number or shipped.tracking_numbers
        return ("first_scan", shipped.carrier.casefold()) if tracked and shipped.carrier else None
    return None


def place_of(record: Record, milestone: str) -> str:
    """Whose milestone it is: the carrier or the site that the record names, else the last part of its source.

    Labels and hand-overs come from different systems of one site: where they name none, it is anybody's.
    """
    data = record.event.data
    name = getattr(data, "carrier" if milestone in BY_CARRIER else "site", None)
    if milestone == "shipped" and not name:
        return ""
    return (name if isinstance(name, str) and name else record.event.source.rstrip("/").rpartition("/")[2]).casefold()


def order_shown(record: Record) -> str:
    """The order that a record speaks of: its own, else what stands for it."""
    return record.order or next((f"{kind}:{value}" for kind, value in aliases(record.event)), "")
