"""What stock, warehouse, carrier and returns desk say."""

from __future__ import annotations

from typing import Annotated, Literal

from schemas.events.base import Fact, Line, Model
from schemas.values import Balance, Free, Id, Quantity, Retention, ShortText, StoredBefore, StoredPlace, Text, When

Status = Literal[
    "unknown",
    "label_created",
    "accepted",
    "in_transit",
    "customs",
    "out_for_delivery",
    "attempt_failed",
    "ready_for_pickup",
    "delayed",
    "held",
    "exception",
    "damaged",
    "lost",
    "returning",
    "returned",
    "delivered",
    "failed_final",
    "cancelled",
    "expired",
]
"""Carrier statuses. `customs` is routine progress; a customs hold is `held` with reason `customs`."""


class InventoryAllocated(Fact):
    """Stock was set aside for the order."""

    site: Id | None = None
    lines: list[Line] | None = None


class InventoryShort(Fact):
    """Stock does not cover the order."""

    site: Id | None = None
    sku: Id | None = None
    ordered: Quantity | None = None
    available: Balance | None = None
    substitutes: list[Id] | None = None
    """SKUs that could go instead."""


class InventoryBackordered(Fact):
    """Stock is awaited."""

    lines: list[Line] | None = None
    expected_at: Annotated[When, StoredBefore.INSTANT] | None = None


class WarehouseStep(Fact):
    """A step in the warehouse: `released`, `pick_started`, `picked`, `packed`. Without lines it covers the order."""

    site: Id | None = None
    shipment_id: Id | None = None
    fulfillment_order_id: Id | None = None
    lines: list[Line] | None = None


class PickShort(Fact):
    """The picker found less than ordered."""

    site: Id | None = None
    sku: Id | None = None
    ordered: Quantity | None = None
    picked: Quantity | None = None
    fulfillment_order_id: Id | None = None


class WarehouseRejected(Fact):
    """The warehouse does not take the order."""

    site: Id | None = None
    sku: Id | None = None
    reason: ShortText | None = None
    """`routing`, `sku_unknown`, `sku_inactive`, `customs_data`, `validation`, `other`."""
    fulfillment_order_id: Id | None = None


class WarehouseShipment(Fact):
    """A parcel label exists (`label_created`, never possession), or the parcel left (`shipped`)."""

    site: Id | None = None
    shipment_id: Id | None = None
    fulfillment_order_id: Id | None = None
    carrier: ShortText | None = None
    service: ShortText | None = None
    tracking_number: Id | None = None
    tracking_numbers: list[Id] | None = None
    lines: list[Line] | None = None
    replaces: Id | None = None
    """Shipment ID or tracking number of the shipment that this one replaces."""


class ShipmentCancelled(Fact):
    """A label was voided."""

    shipment_id: Id | None = None
    tracking_number: Id | None = None


class RawStatus(Model):
    """The carrier's own words."""

    code: ShortText | None = None
    text: Text | None = None


class CarrierScan(Fact):
    """What the carrier says about a parcel. Needs a tracking number, a shipment ID, or the envelope's `subject`.

    With status `unknown`, an `eta` and no reason it is a delivery estimate made at `time`, and no scan: it breaks no silence.
    """

    status: Status
    tracking_number: Id | None = None
    shipment_id: Id | None = None
    reason: ShortText | None = None
    """`missorted`, `refused`, `disposed`, `prohibited`, `rejected`, `pickup_failed`, `not_found`, `documents`, `duty`, `customs`,
    `address`, `weather`, `capacity`, `recipient_absent`, `unclaimed`, `final_attempt`, `unmapped`, `other`."""
    carrier: ShortText | None = None
    location: Annotated[Free | None, Retention.NOTHING] = None
    eta: When | None = None
    """When the carrier expects to deliver; a plain date ends with that day in the ship-to's zone."""
    raw: Annotated[RawStatus | None, Retention.NOTHING] = None


class Relabelled(Fact):
    """A parcel got another tracking number: both are of one parcel from now on."""

    tracking_number: Id
    replaces_number: Id
    carrier: ShortText | None = None


class ReturnStep(Fact):
    """A step of a return: `requested`, `authorized`, `shipped`, `received`, `inspected`, `cancelled`.

    Scans of its parcel never deliver the order.
    """

    return_id: Id | None = None
    lines: list[Line] | None = None
    tracking_number: Id | None = None
    resolution: Annotated[ShortText | None, StoredPlace.LAST] = None
    """What the customer gets: `refund` (default), `exchange`, `replacement`, `none`."""
