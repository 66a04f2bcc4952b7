"""Shopify's fulfilments and their events: what left, in which parcels, and what the carrier said.

A fulfilment is one shipment. What left is told once, without tracking numbers; each number is told by itself, under an ID made from it, so
that a number that is added later or corrected is a new event, and a number that is no longer there is withdrawn (`History`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sources.adapters.base import EventBuilder, digest
from sources.adapters.bounds import bounded
from sources.adapters.carriers import carrier_name
from sources.adapters.moments import at, need_at, when
from sources.adapters.output import AdapterOutput, History, Ignored, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.scans import SCAN
from sources.adapters.shopify.common import ShopifyOrderRef, id_in, lines_of, moment, need_id_of, order_event, owner_of, ref, triggered
from sources.adapters.shopify.tables import EVENT, FULFILLMENT

LABEL: Final = "warehouse.label_created"
SHOPS_OWN: Final = ("label_created", "unknown")
"""Statuses of events that the shop or its app writes before a carrier has the parcel: the date in them is no carrier's estimate."""


def read_fulfillment(payload: PayloadReader, builder: EventBuilder, owner: ShopifyOrderRef | None = None) -> Iterator[AdapterOutput]:
    """A fulfilment as it stands: shipped, only labelled, cancelled or failed."""
    number = need_id_of(payload)
    owner = owner or owner_of(builder, payload)
    meaning = builder.code(FULFILLMENT, payload.need_text("status"))
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('status').path}: a status that is in no table")
    created = need_at(payload, "created_at")
    updated = at(payload, "updated_at") or created
    numbers = _tracking_numbers(payload)
    # What is anchored at the making of the fulfilment covers whatever number was ever told of it.
    known = {f"shipped-{number}": created}
    whole = History(f"fulfillment/{number}", builder.source(LABEL), updated, known, numbers[0], owner.order) if numbers else None
    if "warehouse.shipment_cancelled" in meaning.terms:
        if meaning.term == "warehouse.rejected":
            rejected = {"site": id_in(payload, "location_id"), "reason": "other", "fulfillment_order_id": ref(payload, "fulfillment_order")}
            yield order_event(builder, owner, "warehouse.rejected", f"rejected-{number}", updated, rejected, updated)
        yield order_event(builder, owner, "warehouse.shipment_cancelled", f"unshipped-{number}", updated, {"shipment_id": number}, updated)
        # Its numbers are free: often the same parcel is fulfilled anew, and must not be taken for the cancelled one.
        if whole is not None:
            yield whole
        return
    last = builder.code(EVENT, payload.text("shipment_status"))
    type_ = LABEL if last is not None and last.term == "label_created" else meaning.term
    if type_ == LABEL and not numbers and last is None:
        yield Ignored("fulfillment", "is being prepared, and has no label")
        return
    carrier = carrier_name(payload.text("tracking_company"))
    base = {
        "site": id_in(payload, "location_id"),
        "shipment_id": number,
        "fulfillment_order_id": ref(payload, "fulfillment_order"),
        "carrier": None if numbers else carrier,
        "lines": lines_of(payload.each("line_items")) or None,
    }
    step = type_.removeprefix("warehouse.")
    yield order_event(builder, owner, type_, f"{step}-{number}", created, base, updated)
    for tracking in numbers:
        data = {"shipment_id": number, "carrier": carrier, "tracking_number": tracking}
        id_ = f"tracking-{digest(number, carrier, tracking)}"
        known[id_] = created
        yield order_event(builder, owner, LABEL, id_, updated, data, updated)
    if whole is not None:
        yield whole
    if type_ != LABEL and last is not None and last.term == "delivered" and len(numbers) < 2:
        # Somebody may have marked it so, without an event. Of several parcels it does not say which arrived.
        fresh = "x-shopify-topic" in builder.headers
        said: dict[str, Any] = {"status": "delivered", "shipment_id": number, "raw": {"code": payload.text("shipment_status")}}
        yield order_event(builder, owner, SCAN, f"delivered-{number}", bounded(created, updated, fresh=fresh), said, updated)


def _tracking_numbers(payload: PayloadReader) -> list[str]:
    found = [payload.id("tracking_number"), *(one.id() for one in payload.each("tracking_numbers"))]
    return list(dict.fromkeys(one for one in found if one is not None))


def read_event(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """What a carrier (or the app that speaks for it) said of a fulfilment's parcels; and its estimate of the delivery."""
    number, shipment = need_id_of(payload), _shipment(payload)
    owner = owner_of(builder, payload)
    status = payload.need_text("status")
    meaning = builder.code(EVENT, status)
    happened = need_at(payload, "happened_at")
    recorded = at(payload, "created_at")
    place = {"city": payload.text("city"), "region": payload.text("province"), "country": payload.text("country")}
    data: dict[str, Any] = {
        "status": "unknown" if meaning is None else meaning.term,
        "reason": "unmapped" if meaning is None else meaning.reason,
        "shipment_id": shipment,
        "location": {name: value for name, value in place.items() if value} or None,
        "raw": {"code": status, "text": payload.text("message", longest=4_096)},
    }
    yield order_event(builder, owner, SCAN, f"event-{number}", happened, data, recorded)
    eta = _eta(payload)
    if eta is not None and data["status"] in SHOPS_OWN:
        yield Ignored("estimated_delivery_at", "the shop's own date: no carrier has the parcel yet")
    elif eta is not None and data["status"] != "delivered":
        estimate = {"status": "unknown", "eta": eta, "shipment_id": shipment}
        yield order_event(builder, owner, SCAN, f"eta-{number}", recorded or happened, estimate, recorded)


def read_deleted_event(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """An event that was taken back: what it said did not occur, nor does its estimate stand."""
    number = need_id_of(payload)
    owner, shipment = owner_of(builder, payload), _shipment(payload)
    time = moment(builder, payload)
    data = {"shipment_id": shipment, "order_alias": owner.alias}
    # As `read_event` tells it: of what was delivered there is no estimate.
    estimated = _eta(payload) is not None and payload.text("status") != "delivered"
    for id_ in (f"event-{number}", f"eta-{number}") if estimated else (f"event-{number}",):
        yield builder.withdrawn(SCAN, id_, time, data, order=owner.order, recorded=triggered(builder))


def _eta(payload: PayloadReader) -> str | None:
    return when(payload.text("estimated_delivery_at"), payload.get("estimated_delivery_at").path)


def _shipment(payload: PayloadReader) -> str:
    found = ref(payload, "fulfillment")
    if found is None:
        raise RefuseError("missing_field", f"{payload.get('fulfillment_id').path}: no fulfilment, or a rounded number")
    return found
