"""What leaves a shop on WooCommerce: tracking numbers of the shipment tracking plugins, fulfilments, and the goods of refunds.

A tracking number is somebody's entry: it names a parcel, and does not say that it left. What left is said by the status of the order, by
a fulfilment that is fulfilled, and by the carrier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sources.adapters.base import EventBuilder, digest
from sources.adapters.carrier_replies import answered_at
from sources.adapters.carriers import carrier_name
from sources.adapters.moments import at, day, iso, unix
from sources.adapters.output import AdapterOutput, Draft, Ignored, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.shops import ShopOrderRef, no_later, order_event, own_id, part_of, snapshot
from sources.adapters.woocommerce.fields import meta, moment, order_above

TRACKING: Final = "_wc_shipment_tracking_items"
"""Where WooCommerce Shipment Tracking keeps its numbers, and so do Advanced Shipment Tracking and those that follow them."""
LABEL: Final = "warehouse.label_created"
DAY: Final = timedelta(days=1)


def labels(
    builder: EventBuilder,
    owner: ShopOrderRef,
    number: str,
    items: Iterable[PayloadReader],
    created: datetime,
    changed: datetime,
    done: datetime | None,
) -> Iterator[Draft]:
    """The numbers of an order's parcels. They were there when it was completed, and by the end of their day of shipping."""
    for item in items:
        tracking = item.id("tracking_number")
        if not tracking:
            continue
        time = max(created, no_later(changed, done, _shipped_by(item)))
        yield _label(builder, owner, own_id(builder, number), item, tracking, time, changed)


def _label(
    builder: EventBuilder, owner: ShopOrderRef, shipment: str, item: PayloadReader, tracking: str, time: datetime, recorded: datetime
) -> Draft:
    carrier = carrier_name(item.text("tracking_provider") or item.text("custom_tracking_provider"))
    data = {"shipment_id": shipment, "carrier": carrier, "tracking_number": tracking}
    return order_event(builder, owner, LABEL, f"tracking-{digest(shipment, carrier, tracking)}", time, data, recorded)


def _shipped_by(item: PayloadReader) -> datetime | None:
    """The end of the day of shipping: seconds since 1970 in the meta data, a date in the plugin's own answers; UTC in both."""
    value = item.get("date_shipped").value
    if isinstance(value, str) and "-" in value:
        where = item.get("date_shipped").path
        return iso(f"{day(item.need_text('date_shipped'), where)}T00:00:00", where, UTC) + DAY
    start = unix(item, "date_shipped")
    return None if start is None else start + DAY


def read_tracking(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A tracking number as the shipment tracking plugin's API lists it. Raises RefuseError where nothing says when it was there."""
    number = order_above(payload, "order_id")
    if number is None:
        raise RefuseError("no_identity", f"{payload.path}: names no order, and has no link to one")
    asked = answered_at(builder)
    if asked is None:
        raise RefuseError("missing_field", "when the answer was given: no Date header, no time of receipt")
    time = no_later(asked, _shipped_by(payload))
    yield _label(builder, part_of(builder, number), own_id(builder, number), payload, payload.need_id("tracking_number"), time, asked)


def read_fulfillment(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A fulfilment of WooCommerce 10: some of an order's lines, perhaps with a parcel; prepared, fulfilled or deleted."""
    number, order = payload.need_id("id"), payload.need_id("entity_id")
    if payload.text("entity_type") not in (None, "WC_Order"):
        raise RefuseError("unknown_form", f"{payload.get('entity_type').path}: a fulfilment of something else than an order")
    owner, shipment = part_of(builder, order), own_id(builder, f"fulfillment-{number}")
    changed, deleted = at(payload, "date_updated"), at(payload, "date_deleted")
    if deleted is not None:
        data: dict[str, Any] = {"shipment_id": shipment}
        yield order_event(builder, owner, "warehouse.shipment_cancelled", f"unshipped-fulfillment-{number}", deleted, data, deleted)
        return
    if changed is None:
        raise RefuseError("missing_field", payload.get("date_updated").path)
    tracking = meta(payload, "_tracking_number").id()
    carrier = carrier_name(meta(payload, "_shipment_provider").text())
    shown, labelled = list[str](), changed
    if payload.flag("is_fulfilled"):
        lines = [{"line_id": one.need_id("item_id"), "quantity": one.quantity("qty")} for one in meta(payload, "_items").each()]
        data = {"shipment_id": shipment, "carrier": None if tracking else carrier, "lines": lines or None}
        time = at(meta(payload, "_date_fulfilled"), zone=UTC) or changed
        # What left had its number.
        labelled = no_later(changed, time)
        shown.append(f"shipped-fulfillment-{number}")
        yield order_event(builder, owner, "warehouse.shipped", f"shipped-fulfillment-{number}", time, data, changed)
    elif not tracking:
        yield Ignored("fulfillment", "is being prepared, and has no tracking number")
    if tracking:
        data = {"shipment_id": shipment, "carrier": carrier, "tracking_number": tracking}
        id_ = f"tracking-{digest(shipment, carrier, tracking)}"
        yield order_event(builder, owner, LABEL, id_, labelled, data, changed)
        yield snapshot(builder, f"fulfillment/{number}", LABEL, changed, [*shown, id_], owner, tracking)


def read_refund(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """The goods of a refund. It names no currency, so that its order tells the money."""
    number, order = payload.need_id("id"), order_above(payload, "parent_id")
    if order is None:
        raise RefuseError("no_identity", f"{payload.path}: names no order, and has no link to one")
    created = moment(builder, payload, "date_created")
    if created is None:
        raise RefuseError("missing_field", payload.get("date_created_gmt").path)
    lines = [line for one in payload.each("line_items") if (line := _given_back(one))]
    if not lines:
        yield Ignored("refund", "names no goods; its order tells the money, since it names no currency either")
        return
    yield order_event(builder, part_of(builder, order), "payment.refunded", f"refund-goods-{number}", created, {"lines": lines}, created)


def _given_back(line: PayloadReader) -> dict[str, Any]:
    """A line of a refund counts down: -1 is one piece that was given back; 0, money for goods that stay."""
    pieces = line.number("quantity")
    if not pieces:
        return {}
    if abs(pieces) > 1_000_000_000:
        raise RefuseError("bad_value", f"{line.get('quantity').path}: no number of pieces")
    one = {"line_id": meta(line, "_refunded_item_id").id(), "sku": line.id("sku") or None, "quantity": abs(pieces)}
    known = {name: value for name, value in one.items() if value is not None}
    return known if len(known) > 1 else {}
