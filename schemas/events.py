"""What may come in: the contract's source of truth, one pydantic model per shape of `data`, and the CloudEvents envelope around it.

Unknown fields are ignored; an optional field that is absent or null is None. Unknown values of open sets (`ShortText`) stay as they are.
Closed sets are only the type itself, the carrier status and the hold. Money is always the increment of its own event, never a total so far.
Amounts are never below zero, a refund's is above it: the type of an event says which way the money went.
Instants are RFC 3339 with an offset; `When` also takes plain dates, whose zone is the ship-to's (`promised_by`) or the site's (`ship_by`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict

from schemas.values import Amount, Balance, Currency, Free, Id, Instant, PositiveAmount, Quantity, Retention, ShortText, Text, When

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

Hold = Literal["fraud", "credit", "payment", "address", "inventory", "customs", "manual", "other"]


class Model(BaseModel):
    """Base of all words: immutable, strict about types, tolerant of unknown fields."""

    # Validators are built when one is first used: the hot path decodes by the structs that are derived from these models.
    model_config = ConfigDict(
        frozen=True, strict=True, extra="ignore", regex_engine="python-re", use_attribute_docstrings=True, defer_build=True
    )


class Fact(Model):
    """Base of what is said about an order."""

    order_alias: Id | None = None
    """Another system's ID of the order; ties or finds the order where `subject` is absent."""


class Money(Model):
    """An amount with its currency; amounts of different currencies are never compared."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": "129.90", "currency": "EUR"}]})

    amount: Amount
    """Decimal, as text; never below zero."""
    currency: Currency
    """ISO 4217."""


class PositiveMoney(Money):
    """Money of which nothing is no news: more than zero."""

    amount: PositiveAmount
    """Decimal, as text; more than zero."""


class MoneyPatch(Model):
    """What a merge patch changes of an amount; null removes."""

    amount: Amount | None = None
    currency: Currency | None = None


class Line(Model):
    """A line of an order, or the part of it that an event is about. A date here overrides the order's."""

    line_id: Id | None = None
    sku: Id | None = None
    quantity: Quantity | None = None
    """Pieces; absent in an event about the line: all of it."""
    ship_by: When | None = None
    """Latest handover to the carrier; plain dates in the site's zone."""
    promised_by: When | None = None
    """Latest delivery; plain dates in the ship-to's zone."""
    seller: Id | None = None


class Customer(Model):
    """Who ordered; the ID is opaque."""

    id: Id | None = None
    tier: ShortText | None = None
    consents: list[ShortText] | None = None
    """What the customer agreed to be told, and by which channel."""


class ShipTo(Model):
    """Where to, without names and streets."""

    country: ShortText | None = None
    """ISO 3166-1 alpha-2."""
    region: ShortText | None = None
    """ISO 3166-2 subdivision, or the local name."""
    postal_code: ShortText | None = None
    timezone: ShortText | None = None
    """IANA name, such as `Europe/Amsterdam`."""
    address_hash: Id | None = None
    """Stable hash of the full address: equal addresses have equal hashes."""


class OrderFields(Fact):
    """What `order.placed` says and `order.updated` changes."""

    customer: Customer | None = None
    promised_by: When | None = None
    """Latest delivery; plain dates in the ship-to's zone."""
    ship_by: When | None = None
    """Latest handover to the carrier; plain dates in the site's zone."""
    ship_to: ShipTo | None = None
    lines: list[Line] | None = None
    channel: ShortText | None = None
    service: ShortText | None = None
    """The delivery service that was sold."""
    method: ShortText | None = None
    """`ship` (default), `pickup`, `local`, `digital`."""
    payment_terms: ShortText | None = None
    """`prepaid` (default), `on_ship`, `on_delivery`, `invoice`, `external`."""


class OrderPlaced(OrderFields):
    """The order exists from now on. The first one counts."""

    total: Money | None = None
    """What the customer pays in all."""


class OrderUpdated(OrderFields):
    """JSON Merge Patch (RFC 7396) over the fields of `order.placed`: arrays are replaced whole, null removes.

    An event holds it as a plain dictionary of the fields that the patch names (`OrderUpdated(...).model_dump(exclude_unset=True)`), since
    absent and null mean different things here.
    """

    total: MoneyPatch | None = None


class OrderCancel(Fact):
    """A wish to cancel (`order.cancel_requested`), or that it was done (`order.cancelled`)."""

    reason: ShortText | None = None
    lines: list[Line] | None = None
    """Absent: the whole order. A line without quantity: all of the line."""


class HoldPlaced(Fact):
    """Somebody stopped the order, or one shipment of it."""

    hold: Hold
    hold_id: Id | None = None
    shipment_id: Id | None = None
    fulfillment_order_id: Id | None = None
    payment_id: Annotated[Id | None, Retention.NOTHING] = None
    """Of the payment that is under review; finds the order where `subject` is absent."""
    reason: ShortText | None = None


class HoldReleased(Fact):
    """A hold ended; naming neither hold nor hold_id releases all of that source in that scope."""

    hold: Hold | None = None
    hold_id: Id | None = None
    shipment_id: Id | None = None
    fulfillment_order_id: Id | None = None
    payment_id: Annotated[Id | None, Retention.NOTHING] = None


class Payment(Fact):
    """Money was reserved (`authorized`), taken (`captured`), or the reservation was given back (`voided`)."""

    payment_id: Id | None = None
    amount: Money | None = None
    expires_at: Instant | None = None
    """When an authorization lapses."""
    final: bool | None = None
    """Of a capture: no more will follow."""
    account: Annotated[Id | None, Retention.NOTHING] = None
    """Which of the merchant's accounts it is, where one provider's feed tells of several."""


class PaymentFailed(Fact):
    """A payment step was refused."""

    payment_id: Id | None = None
    stage: ShortText | None = None
    """`authorization` (default), `capture`, `refund`."""
    decline: ShortText | None = None
    """`soft` (another try may work) or `hard`."""
    code: ShortText | None = None
    attempt: Quantity | None = None
    account: Annotated[Id | None, Retention.NOTHING] = None
    """Which of the merchant's accounts it is, where one provider's feed tells of several."""


class PaymentRefunded(Fact):
    """Money went back."""

    payment_id: Id | None = None
    amount: PositiveMoney | None = None
    """What went back by this event alone; it is positive."""
    reason: ShortText | None = None
    return_id: Id | None = None
    lines: list[Line] | None = None
    account: Annotated[Id | None, Retention.NOTHING] = None
    """Which of the merchant's accounts it is, where one provider's feed tells of several."""


class PaymentDispute(Fact):
    """The payer contests a payment (`disputed`), or the dispute ended (`dispute_closed`)."""

    payment_id: Id | None = None
    dispute_id: Id | None = None
    amount: Money | None = None
    reason: ShortText | None = None
    stage: ShortText | None = None
    """`inquiry` or `chargeback`."""
    outcome: ShortText | None = None
    """Of a closed one: `won` or `lost`."""
    account: Annotated[Id | None, Retention.NOTHING] = None
    """Which of the merchant's accounts it is, where one provider's feed tells of several."""


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
    expected_at: Instant | None = None


class AddressSignal(Fact):
    """The address was checked (`validated`, `invalid`), or the customer wants another (`change_requested`)."""

    reason: ShortText | None = None
    suggestion: Annotated[Free | None, Retention.PRESENCE] = None
    """A better address. Whether there is one is kept; the address itself is never stored nor sent out."""
    risk: ShortText | None = None
    """`low`, `medium`, `high`."""


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


class ReturnStep(Fact):
    """A step of a return: `requested`, `authorized`, `shipped`, `received`, `inspected`. Scans of its parcel never deliver the order."""

    return_id: Id | None = None
    lines: list[Line] | None = None
    tracking_number: Id | None = None


class Invoice(Fact):
    """The customer was billed (`issued`), or contests the bill (`disputed`)."""

    invoice_id: Id | None = None
    amount: Money | None = None
    reason: ShortText | None = None


class SupportContacted(Fact):
    """The customer wrote or called."""

    ticket_id: Id | None = None
    channel: ShortText | None = None
    intent: ShortText | None = None
    """`not_received` or `other`."""
    text: Annotated[Text | None, Retention.NOTHING] = None
    """Never stored nor sent out."""


class EvidenceWithdrawn(Fact):
    """An earlier event did not occur; exceptions that rest on it are retracted."""

    event_id: Id
    event_source: Id | None = None
    tracking_number: Annotated[Id | None, Retention.NOTHING] = None
    """Of the parcel that the event was about; finds the order where `subject` is absent."""
    payment_id: Annotated[Id | None, Retention.NOTHING] = None
    """Of the payment that the event was about; likewise."""
    shipment_id: Annotated[Id | None, Retention.NOTHING] = None
    """Of the shipment that it was about; likewise."""
    return_id: Annotated[Id | None, Retention.NOTHING] = None
    """Of the return that it was about; likewise."""


class Heartbeat(Model):
    """The source is alive up to the envelope's `time`. It has no subject."""


class CaseEvent(Model):
    """What somebody did with an exception: `acknowledged`, `assigned`, `snoozed`, `resolved`, `reopened`, `labelled`."""

    exception_id: Id
    by: ShortText | None = None
    note: Annotated[Text | None, Retention.NOTHING] = None
    assignee: ShortText | None = None
    until: Instant | None = None
    """Of a snooze."""
    outcome: ShortText | None = None
    """Of a resolution."""
    label: ShortText | None = None
    """`real`, `noise`, `known`, `wrong_owner`."""


class ActionEvent(Model):
    """What became of a proposed action: `approved`, `rejected`, `executed`, `failed`."""

    action_id: Id
    by: ShortText | None = None
    note: Annotated[Text | None, Retention.NOTHING] = None
    result: Annotated[Free | None, Retention.NOTHING] = None


DATA_MODELS: dict[str, type[Model]] = {
    "order.placed": OrderPlaced,
    "order.updated": OrderUpdated,
    "order.cancel_requested": OrderCancel,
    "order.cancelled": OrderCancel,
    "order.hold_placed": HoldPlaced,
    "order.hold_released": HoldReleased,
    "payment.authorized": Payment,
    "payment.captured": Payment,
    "payment.voided": Payment,
    "payment.failed": PaymentFailed,
    "payment.refunded": PaymentRefunded,
    "payment.disputed": PaymentDispute,
    "payment.dispute_closed": PaymentDispute,
    "inventory.allocated": InventoryAllocated,
    "inventory.short": InventoryShort,
    "inventory.backordered": InventoryBackordered,
    "address.validated": AddressSignal,
    "address.invalid": AddressSignal,
    "address.change_requested": AddressSignal,
    "warehouse.released": WarehouseStep,
    "warehouse.pick_started": WarehouseStep,
    "warehouse.picked": WarehouseStep,
    "warehouse.packed": WarehouseStep,
    "warehouse.pick_short": PickShort,
    "warehouse.rejected": WarehouseRejected,
    "warehouse.label_created": WarehouseShipment,
    "warehouse.shipped": WarehouseShipment,
    "warehouse.shipment_cancelled": ShipmentCancelled,
    "carrier.scan": CarrierScan,
    "return.requested": ReturnStep,
    "return.authorized": ReturnStep,
    "return.shipped": ReturnStep,
    "return.received": ReturnStep,
    "return.inspected": ReturnStep,
    "invoice.issued": Invoice,
    "invoice.disputed": Invoice,
    "support.contacted": SupportContacted,
    "evidence.withdrawn": EvidenceWithdrawn,
    "feed.heartbeat": Heartbeat,
    "case.acknowledged": CaseEvent,
    "case.assigned": CaseEvent,
    "case.snoozed": CaseEvent,
    "case.resolved": CaseEvent,
    "case.reopened": CaseEvent,
    "case.labelled": CaseEvent,
    "action.approved": ActionEvent,
    "action.rejected": ActionEvent,
    "action.executed": ActionEvent,
    "action.failed": ActionEvent,
}
"""The model of `data` by event type: every type that may come in."""
