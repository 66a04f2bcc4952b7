"""The parts of an order that a predicate can range over: its lines, shipments, parcels, payments, returns, holds and tickets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, cast

from dataflows.core.history.facts import Facts
from dataflows.core.history.parcels import Parcel
from dataflows.core.history.returns import RETURNS
from dataflows.core.history.shipments import Shipment
from dataflows.core.predicates.types import Part
from schemas.events import Payment, PaymentRefunded, ReturnStep
from schemas.record import Record

FIELDS: Final = ("order.placed", "order.updated")
STEPS: Final = ("warehouse.label_created", "warehouse.shipped", "warehouse.shipment_cancelled", "carrier.scan", *RETURNS)
CANCELS: Final = ("order.cancelled",)
PAYMENTS: Final = ("payment.authorized", "payment.captured", "payment.failed", "payment.refunded", "payment.voided")
HOLDS: Final = ("order.hold_placed", "order.hold_released")
TICKETS: Final = ("support.contacted",)


class ParcelPart(NamedTuple):
    """One parcel, and the shipment that it belongs to."""

    shipment: Shipment
    parcel: Parcel


class PaymentPart(NamedTuple):
    """The events of one payment ID, as they happened."""

    payment_id: str | None
    records: tuple[Record, ...]

    def first(self, *types: str) -> int | None:
        """When the first event of these types happened."""
        return next((r.at for r in self.records if r.event.type in types), None)


class ReturnPart(NamedTuple):
    """The events of one return, as they happened; `refunds` are those that name it."""

    return_id: str | None
    records: tuple[Record, ...]
    refunds: tuple[Record, ...]

    def first(self, *types: str) -> int | None:
        """When the first event of these types happened."""
        return next((r.at for r in self.records if r.event.type in types), None)


def payments_of(facts: Facts) -> list[PaymentPart]:
    """The payments of an order, by their ID."""
    found: dict[str | None, list[Record]] = {}
    for record in facts.t.of(*PAYMENTS):
        found.setdefault(cast("Payment", record.event.data).payment_id, []).append(record)
    return [PaymentPart(name, tuple(records)) for name, records in found.items()]


def returns_of(facts: Facts) -> list[ReturnPart]:
    """The returns of an order, by their ID."""
    found: dict[str | None, list[Record]] = {}
    for record in facts.t.of(*RETURNS):
        found.setdefault(cast("ReturnStep", record.event.data).return_id, []).append(record)
    refunds = facts.t.of("payment.refunded") if found else []
    return [
        ReturnPart(name, tuple(records), tuple(r for r in refunds if cast("PaymentRefunded", r.event.data).return_id == name))
        for name, records in found.items()
    ]


def parcels_of(facts: Facts) -> list[ParcelPart]:
    """The parcels of an order, each with its shipment."""
    return [ParcelPart(shipment, parcel) for shipment in facts.shipments for parcel in shipment.parcels]


PARTS: Final[dict[Part, Callable[[Facts], Iterable[object]]]] = {
    Part.LINE: lambda facts: [line for key, line in facts.lines.items() if key in facts.wanted],
    Part.SHIPMENT: lambda facts: [shipment for shipment in facts.shipments if shipment.live],
    Part.PARCEL: lambda facts: [part for part in parcels_of(facts) if part.shipment.live and part.shipment.over_of(part.parcel) is None],
    Part.PAYMENT: payments_of,
    Part.RETURN: returns_of,
    Part.HOLD: lambda facts: facts.holds,
    Part.TICKET: lambda facts: facts.t.of(*TICKETS),
}
"""The parts of an order that `any`, `all` and `no` range over: without cancelled lines, and without voided or replaced shipments."""
PART_INPUTS: Final[dict[Part, tuple[str, ...]]] = {
    Part.LINE: (*FIELDS, *CANCELS),
    Part.SHIPMENT: STEPS,
    Part.PARCEL: STEPS,
    Part.PAYMENT: PAYMENTS,
    Part.RETURN: RETURNS,
    Part.HOLD: HOLDS,
    Part.TICKET: TICKETS,
}
"""The types of the events that can change which parts there are."""
