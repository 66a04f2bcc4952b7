"""Shopify's fulfilment orders: the work that an order makes for a location, its holds, and what the warehouse answers.

Webhooks name a fulfilment order and neither its order nor when it was, so what they say finds its order by `fulfillment_order_id`, and
happened when they were triggered. The API's list names the order: it ties the two, and makes good what was lost. A fulfilment order may
have several holds; only all of them together are told to be released. So a hold goes by its fulfilment order and its reason: two for one
reason are one hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from sources.adapters.base import EventBuilder, digest
from sources.adapters.moments import at, when
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.shopify.common import ShopifyOrderRef, id_in, id_of, moment, need_id_of, order_event, owner_of, ref
from sources.adapters.shopify.tables import HOLD, WORK
from sources.adapters.tables import Meaning


def read_work(payload: PayloadReader, builder: EventBuilder, meaning: Meaning) -> Iterator[AdapterOutput]:
    """A webhook about a fulfilment order, by what its topic means."""
    bare = payload.has("request_status") and not payload.has("fulfillment_order")
    work = payload if bare else payload.need("fulfillment_order")
    number, owner, time = need_id_of(work), owner_of(builder, work), moment(builder, work, "updated_at")
    data: dict[str, Any] = {"fulfillment_order_id": number}
    match meaning.term:
        case "order.hold_placed":
            yield from _placed(payload, work, builder, owner, time)
        case "order.hold_released":
            yield from _released(payload, work, builder, owner, time)
        case "warehouse.rejected":
            data["reason"] = "other"
            yield order_event(builder, owner, meaning.term, f"rejected-work-{digest(number, time)}", time, data)
        case "order.cancel_requested":
            if owner == ShopifyOrderRef(None):
                raise RefuseError("no_identity", f"{work.path}: names no order, and a request to cancel goes by nothing else")
            yield order_event(builder, owner, meaning.term, f"cancel-requested-{number}", time, {})
        case "order.cancel_declined":
            yield _declined(builder, owner, number, time)
        case other:
            yield order_event(builder, owner, other, f"{other.removeprefix('warehouse.')}-{number}", time, data)


def _declined(builder: EventBuilder, owner: ShopifyOrderRef, number: str, time: datetime) -> AdapterOutput:
    if owner == ShopifyOrderRef(None):
        return Ignored("fulfillment_orders/cancellation_request_rejected", "names no order; the API's list of fulfilment orders has it")
    return order_event(builder, owner, "order.cancel_declined", f"cancel-declined-{number}", time, {}, time)


def _placed(
    payload: PayloadReader, work: PayloadReader, builder: EventBuilder, owner: ShopifyOrderRef, time: datetime
) -> Iterator[AdapterOutput]:
    one = payload.get("fulfillment_hold") or payload.get("created_fulfillment_hold")
    holds = list(work.each("fulfillment_holds")) or ([one] if one else [])
    if not holds:
        raise RefuseError("missing_field", work.get("fulfillment_holds").path)
    number = need_id_of(work)
    for hold in holds:
        reason = hold.text("reason")
        meaning = builder.code(HOLD, reason)
        own = id_of(hold) or digest(number, reason, time)
        data = {
            "hold": "other" if meaning is None else meaning.term,
            "hold_id": number,
            "fulfillment_order_id": number,
            "reason": reason,
        }
        yield order_event(builder, owner, "order.hold_placed", f"hold-{own}", time, data)


def _released(
    payload: PayloadReader, work: PayloadReader, builder: EventBuilder, owner: ShopifyOrderRef, time: datetime
) -> Iterator[AdapterOutput]:
    number = need_id_of(work)
    data: dict[str, Any] = {"hold_id": number, "fulfillment_order_id": number}
    hold = payload.get("fulfillment_hold")
    if not hold:
        yield order_event(builder, owner, "order.hold_released", f"unheld-{digest(number, time)}", time, data)
        return
    meaning = builder.code(HOLD, hold.text("reason"))
    term = "other" if meaning is None else meaning.term
    gone = id_of(hold)
    left = [HOLD.get(one.text("reason")) for one in work.each("fulfillment_holds") if gone is None or id_of(one) != gone]
    if term in {"other" if one is None else one.term for one in left}:
        yield Ignored("fulfillment_holds/released", "another hold for the same reason remains")
        return
    yield order_event(builder, owner, "order.hold_released", f"unheld-{gone or digest(number, term, time)}", time, {**data, "hold": term})


class _Dates(NamedTuple):
    """What a fulfilment order says of its dates."""

    payload: PayloadReader
    ship_by: str | None
    promised_by: str | None


def read_works(payloads: list[PayloadReader], builder: EventBuilder) -> Iterator[AdapterOutput]:
    """Fulfilment orders as the API lists them: how each stands, and their dates.

    A date that all of an order's agree on is the order's. Where they have different dates to ship by, each line has its own: such a patch
    replaces the lines, so all that are still to be fulfilled are in it; the order's own date is then the last of them, if all have one.
    """
    yield from builder.each(payloads, lambda one: _standing(one, builder))
    orders: dict[str, list[_Dates]] = {}
    for payload in payloads:
        order = ref(payload, "order") if payload.text("status") not in ("closed", "cancelled") else None
        if order is not None:
            orders.setdefault(order, []).append(_dates(payload))
    for order, known in orders.items():
        payload = known[-1].payload
        patch: dict[str, Any] = {}
        for name, found in (("ship_by", {one.ship_by for one in known}), ("promised_by", {one.promised_by for one in known})):
            dates = sorted(one for one in found if one is not None)
            if dates and (len(found) == 1 or (name == "ship_by" and None not in found)):
                patch[name] = dates[-1]
        if len({one.ship_by for one in known}) > 1:
            patch["lines"] = [
                line if one.ship_by is None else {**line, "ship_by": one.ship_by}
                for one in known
                for part in one.payload.each("line_items")
                if (line := _line(part))
            ]
        if patch:
            content = orjson.dumps(patch, option=orjson.OPT_SORT_KEYS).decode()
            yield order_event(
                builder,
                owner_of(builder, payload),
                "order.updated",
                f"dates-{digest(order, content)}",
                moment(builder, payload, "updated_at"),
                patch,
            )


def _dates(payload: PayloadReader) -> _Dates:
    """When it is to be shipped and delivered. What is scheduled is not due before its day: the date to ship by, if there is no other."""
    method = payload.get("delivery_method")
    promised = method.get("max_delivery_date_time") if method else method
    ship_by = when(payload.text("fulfill_by"), payload.get("fulfill_by").path)
    scheduled = at(payload, "fulfill_at") if ship_by is None and payload.text("status") == "scheduled" else None
    if scheduled is not None:
        ship_by = scheduled.date().isoformat()
    return _Dates(payload, ship_by, when(promised.text(), promised.path) if promised else None)


def _standing(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    number, owner, time = need_id_of(payload), owner_of(builder, payload), moment(builder, payload, "updated_at")
    meaning = builder.code(WORK, payload.need_text("status"))
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('status').path}: a status that is in no table")
    if meaning.ignored:
        yield Ignored("fulfillment_order", meaning.why)
        return
    if meaning.term == "order.hold_placed":
        yield from _placed(payload, payload, builder, owner, time)
        return
    if meaning.term == "warehouse.released":
        lines = [_line(line) for line in payload.each("line_items")]
        data = {
            "site": id_in(payload, "assigned_location_id"),
            "fulfillment_order_id": number,
            "lines": [one for one in lines if one] or None,
        }
        yield order_event(builder, owner, "warehouse.released", f"released-{number}", time, data, time)
    yield from _released(payload, payload, builder, owner, time)
    if payload.text("request_status") == "cancellation_requested" and owner != ShopifyOrderRef(None):
        yield order_event(builder, owner, "order.cancel_requested", f"cancel-requested-{number}", time, {}, time)
    if payload.text("request_status") == "cancellation_rejected" and owner != ShopifyOrderRef(None):
        yield _declined(builder, owner, number, time)


def _line(payload: PayloadReader) -> dict[str, Any]:
    line = ref(payload, "line_item")
    return {} if line is None else {"line_id": line, "quantity": payload.quantity("quantity")}
