"""What is said about an order itself: its fields, its end, its holds, its address, its customer."""

from __future__ import annotations

from typing import Annotated, Literal

from schemas.events.base import Fact, Line, Model, Money, MoneyPatch
from schemas.values import Free, Id, Retention, ShortText, StoredPlace, Text, When

Hold = Literal["fraud", "credit", "payment", "address", "inventory", "customs", "manual", "other"]


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
    tags: Annotated[list[ShortText] | None, StoredPlace.LAST] = None


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
    """A wish to cancel (`order.cancel_requested`), its refusal (`order.cancel_declined`), or that it was done (`order.cancelled`)."""

    reason: ShortText | None = None
    lines: list[Line] | None = None
    """Absent: the whole order. A line without quantity: all of the line."""


class OrderReinstated(Fact):
    """A cancelled order is wanted again: what it owes counts from now on."""

    reason: ShortText | None = None


class OrderLinked(Fact):
    """Orders that one order was split into: the steps of a child cover the lines of its parent."""

    parent: Id | None = None
    """Absent: the order that the event is about."""
    children: list[Id]


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


class AddressSignal(Fact):
    """The address was checked (`validated`, `invalid`), or the customer wants another (`change_requested`)."""

    reason: ShortText | None = None
    suggestion: Annotated[Free | None, Retention.PRESENCE] = None
    """A better address. Whether there is one is kept; the address itself is never stored nor sent out."""
    risk: ShortText | None = None
    """`low`, `medium`, `high`."""


class MessageSent(Fact):
    """Another system told the customer something about the order. What it wrote is not part of the event."""

    channel: ShortText | None = None
    """`email`, `sms`, `phone` and so on."""
    topic: ShortText | None = None
    """What it was about: a topic, a kind of exception, or a word that the policy maps to a topic."""
    promised_by: When | None = None
    """By when it said that the goods come; plain dates in the ship-to's zone."""
    exception_id: Id | None = None
    """The exception that it was about."""


class SupportContacted(Fact):
    """The customer wrote or called."""

    ticket_id: Id | None = None
    channel: ShortText | None = None
    intent: ShortText | None = None
    """`not_received` or `other`."""
    text: Annotated[Text | None, Retention.NOTHING] = None
    """Never stored nor sent out."""
