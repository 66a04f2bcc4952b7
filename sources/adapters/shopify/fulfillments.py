"""Shopify's fulfilments and their events: what left, in which parcels, and what the carrier said.

A fulfilment is one shipment. What left is told once, without tracking numbers; each number is told by itself, under an ID made from it, so
that a number that is added later or corrected is a new event, and a number that is no longer there is withdrawn (`History`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sources.adapters.base import EventBuilder, digest
from sources.adapters.carriers import carrier_name
from sources.adapters.doc import PayloadReader
from sources.adapters.moments import at, need_at, when
from sources.adapters.scans import SCAN
from sources.adapters.shopify.common import ShopifyOrderRef, id_in, lines_of, moment, need_id_of, owner_of, ref, tell, triggered
from sources.adapters.shopify.tables import EVENT, FULFILLMENT
from sources.adapters.told import AdapterOutput, History, Ignored, RefuseError

LABEL: Final = "warehouse.label_created"
SHOPS_OWN: Final = ("label_created", "unknown")
"""Statuses of events that the shop or its app writes before a carrier has the parcel: the date in them is no carrier's estimate."""


def read_fulfillment(doc: PayloadReader, say: EventBuilder, owner: ShopifyOrderRef | None = None) -> Iterator[AdapterOutput]:
    """A fulfilment as it stands: shipped, only labelled, cancelled or failed."""
    number = need_id_of(doc)
    owner = owner or owner_of(say, doc)
    meaning = say.code(FULFILLMENT, doc.need_text("status"))
    if meaning is None:
        raise RefuseError("unmapped", f"{doc.get('status').path}: a status that is in no table")
    created = need_at(doc, "created_at")
    updated = at(doc, "updated_at") or created
    numbers = _tracking_numbers(doc)
    # What is anchored at the making of the fulfilment covers whatever number was ever told of it.
    known = {f"shipped-{number}": created}
    whole = History(f"fulfillment/{number}", say.source(LABEL), updated, known, numbers[0], owner.order) if numbers else None
    if "warehouse.shipment_cancelled" in meaning.words:
        if meaning.word == "warehouse.rejected":
            rejected = {"site": id_in(doc, "location_id"), "reason": "other", "fulfillment_order_id": ref(doc, "fulfillment_order")}
            yield tell(say, owner, "warehouse.rejected", f"rejected-{number}", updated, rejected, updated)
        yield tell(say, owner, "warehouse.shipment_cancelled", f"unshipped-{number}", updated, {"shipment_id": number}, updated)
        # Its numbers are free: often the same parcel is fulfilled anew, and must not be taken for the cancelled one.
        if whole is not None:
            yield whole
        return
    last = say.code(EVENT, doc.text("shipment_status"))
    type_ = LABEL if last is not None and last.word == "label_created" else meaning.word
    if type_ == LABEL and not numbers and last is None:
        yield Ignored("fulfillment", "is being prepared, and has no label")
        return
    carrier = carrier_name(doc.text("tracking_company"))
    base = {
        "site": id_in(doc, "location_id"),
        "shipment_id": number,
        "fulfillment_order_id": ref(doc, "fulfillment_order"),
        "carrier": None if numbers else carrier,
        "lines": lines_of(doc.each("line_items")) or None,
    }
    step = type_.removeprefix("warehouse.")
    yield tell(say, owner, type_, f"{step}-{number}", created, base, updated)
    for tracking in numbers:
        data = {"shipment_id": number, "carrier": carrier, "tracking_number": tracking}
        id_ = f"tracking-{digest(number, carrier, tracking)}"
        known[id_] = created
        yield tell(say, owner, LABEL, id_, updated, data, updated)
    if whole is not None:
        yield whole


def _tracking_numbers(doc: PayloadReader) -> list[str]:
    found = [doc.id("tracking_number"), *(one.id() for one in doc.each("tracking_numbers"))]
    return list(dict.fromkeys(one for one in found if one is not None))


def read_event(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """What a carrier (or the app that speaks for it) said of a fulfilment's parcels; and its estimate of the delivery."""
    number, shipment = need_id_of(doc), _shipment(doc)
    owner = owner_of(say, doc)
    status = doc.need_text("status")
    meaning = say.code(EVENT, status)
    happened = need_at(doc, "happened_at")
    recorded = at(doc, "created_at")
    place = {"city": doc.text("city"), "region": doc.text("province"), "country": doc.text("country")}
    data: dict[str, Any] = {
        "status": "unknown" if meaning is None else meaning.word,
        "reason": "unmapped" if meaning is None else meaning.reason,
        "shipment_id": shipment,
        "location": {name: value for name, value in place.items() if value} or None,
        "raw": {"code": status, "text": doc.text("message", longest=4_096)},
    }
    yield tell(say, owner, SCAN, f"event-{number}", happened, data, recorded)
    eta = _eta(doc)
    if eta is not None and data["status"] in SHOPS_OWN:
        yield Ignored("estimated_delivery_at", "the shop's own date: no carrier has the parcel yet")
    elif eta is not None and data["status"] != "delivered":
        estimate = {"status": "unknown", "eta": eta, "shipment_id": shipment}
        yield tell(say, owner, SCAN, f"eta-{number}", recorded or happened, estimate, recorded)


def read_deleted_event(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """An event that was taken back: what it said did not occur, nor does its estimate stand."""
    number = need_id_of(doc)
    owner, shipment = owner_of(say, doc), _shipment(doc)
    time = moment(say, doc)
    data = {"shipment_id": shipment, "order_alias": owner.alias}
    # As `read_event` tells it: of what was delivered there is no estimate.
    estimated = _eta(doc) is not None and doc.text("status") != "delivered"
    for id_ in (f"event-{number}", f"eta-{number}") if estimated else (f"event-{number}",):
        yield say.withdrawn(SCAN, id_, time, data, order=owner.order, recorded=triggered(say))


def _eta(doc: PayloadReader) -> str | None:
    return when(doc.text("estimated_delivery_at"), doc.get("estimated_delivery_at").path)


def _shipment(doc: PayloadReader) -> str:
    found = ref(doc, "fulfillment")
    if found is None:
        raise RefuseError("missing_field", f"{doc.get('fulfillment_id').path}: no fulfilment, or a rounded number")
    return found
