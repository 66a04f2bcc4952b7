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
from sources.adapters.doc import PayloadReader
from sources.adapters.moments import at, when
from sources.adapters.shopify.common import ShopifyOrderRef, id_in, id_of, moment, need_id_of, owner_of, ref, tell
from sources.adapters.shopify.tables import HOLD, WORK
from sources.adapters.tables import Meaning
from sources.adapters.told import AdapterOutput, Ignored, RefuseError


def read_work(doc: PayloadReader, say: EventBuilder, meaning: Meaning) -> Iterator[AdapterOutput]:
    """A webhook about a fulfilment order, by what its topic means."""
    bare = doc.has("request_status") and not doc.has("fulfillment_order")
    work = doc if bare else doc.need("fulfillment_order")
    number, owner, time = need_id_of(work), owner_of(say, work), moment(say, work, "updated_at")
    data: dict[str, Any] = {"fulfillment_order_id": number}
    match meaning.word:
        case "order.hold_placed":
            yield from _placed(doc, work, say, owner, time)
        case "order.hold_released":
            yield from _released(doc, work, say, owner, time)
        case "warehouse.rejected":
            data["reason"] = "other"
            yield tell(say, owner, meaning.word, f"rejected-work-{digest(number, time)}", time, data)
        case "order.cancel_requested":
            if owner == ShopifyOrderRef(None):
                raise RefuseError("no_identity", f"{work.path}: names no order, and a request to cancel goes by nothing else")
            yield tell(say, owner, meaning.word, f"cancel-requested-{number}", time, {})
        case other:
            yield tell(say, owner, other, f"{other.removeprefix('warehouse.')}-{number}", time, data)


def _placed(doc: PayloadReader, work: PayloadReader, say: EventBuilder, owner: ShopifyOrderRef, time: datetime) -> Iterator[AdapterOutput]:
    one = doc.get("fulfillment_hold") or doc.get("created_fulfillment_hold")
    holds = list(work.each("fulfillment_holds")) or ([one] if one else [])
    if not holds:
        raise RefuseError("missing_field", work.get("fulfillment_holds").path)
    number = need_id_of(work)
    for hold in holds:
        reason = hold.text("reason")
        meaning = say.code(HOLD, reason)
        own = id_of(hold) or digest(number, reason, time)
        data = {
            "hold": "other" if meaning is None else meaning.word,
            "hold_id": number,
            "fulfillment_order_id": number,
            "reason": reason,
        }
        yield tell(say, owner, "order.hold_placed", f"hold-{own}", time, data)


def _released(
    doc: PayloadReader, work: PayloadReader, say: EventBuilder, owner: ShopifyOrderRef, time: datetime
) -> Iterator[AdapterOutput]:
    number = need_id_of(work)
    data: dict[str, Any] = {"hold_id": number, "fulfillment_order_id": number}
    hold = doc.get("fulfillment_hold")
    if not hold:
        yield tell(say, owner, "order.hold_released", f"unheld-{digest(number, time)}", time, data)
        return
    meaning = say.code(HOLD, hold.text("reason"))
    word = "other" if meaning is None else meaning.word
    gone = id_of(hold)
    left = [HOLD.get(one.text("reason")) for one in work.each("fulfillment_holds") if gone is None or id_of(one) != gone]
    if word in {"other" if one is None else one.word for one in left}:
        yield Ignored("fulfillment_holds/released", "another hold for the same reason remains")
        return
    yield tell(say, owner, "order.hold_released", f"unheld-{gone or digest(number, word, time)}", time, {**data, "hold": word})


class _Dates(NamedTuple):
    """What a fulfilment order says of its dates."""

    doc: PayloadReader
    ship_by: str | None
    promised_by: str | None


def read_works(docs: list[PayloadReader], say: EventBuilder) -> Iterator[AdapterOutput]:
    """Fulfilment orders as the API lists them: how each stands, and their dates.

    A date that all of an order's agree on is the order's. Where they have different dates to ship by, each line has its own: such a patch
    replaces the lines, so all that are still to be fulfilled are in it; the order's own date is then the last of them, if all have one.
    """
    yield from say.each(docs, lambda one: _standing(one, say))
    orders: dict[str, list[_Dates]] = {}
    for doc in docs:
        order = ref(doc, "order") if doc.text("status") not in ("closed", "cancelled") else None
        if order is not None:
            orders.setdefault(order, []).append(_dates(doc))
    for order, known in orders.items():
        doc = known[-1].doc
        patch: dict[str, Any] = {}
        for name, found in (("ship_by", {one.ship_by for one in known}), ("promised_by", {one.promised_by for one in known})):
            dates = sorted(one for one in found if one is not None)
            if dates and (len(found) == 1 or (name == "ship_by" and None not in found)):
                patch[name] = dates[-1]
        if len({one.ship_by for one in known}) > 1:
            patch["lines"] = [
                line if one.ship_by is None else {**line, "ship_by": one.ship_by}
                for one in known
                for part in one.doc.each("line_items")
                if (line := _line(part))
            ]
        if patch:
            content = orjson.dumps(patch, option=orjson.OPT_SORT_KEYS).decode()
            yield tell(say, owner_of(say, doc), "order.updated", f"dates-{digest(order, content)}", moment(say, doc, "updated_at"), patch)


def _dates(doc: PayloadReader) -> _Dates:
    """When it is to be shipped and delivered. What is scheduled is not due before its day: the date to ship by, if there is no other."""
    method = doc.get("delivery_method")
    promised = method.get("max_delivery_date_time") if method else method
    ship_by = when(doc.text("fulfill_by"), doc.get("fulfill_by").path)
    scheduled = at(doc, "fulfill_at") if ship_by is None and doc.text("status") == "scheduled" else None
    if scheduled is not None:
        ship_by = scheduled.date().isoformat()
    return _Dates(doc, ship_by, when(promised.text(), promised.path) if promised else None)


def _standing(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    number, owner, time = need_id_of(doc), owner_of(say, doc), moment(say, doc, "updated_at")
    meaning = say.code(WORK, doc.need_text("status"))
    if meaning is None:
        raise RefuseError("unmapped", f"{doc.get('status').path}: a status that is in no table")
    if meaning.ignored:
        yield Ignored("fulfillment_order", meaning.why)
        return
    if meaning.word == "order.hold_placed":
        yield from _placed(doc, doc, say, owner, time)
        return
    if meaning.word == "warehouse.released":
        lines = [_line(line) for line in doc.each("line_items")]
        data = {"site": id_in(doc, "assigned_location_id"), "fulfillment_order_id": number, "lines": [one for one in lines if one] or None}
        yield tell(say, owner, "warehouse.released", f"released-{number}", time, data, time)
    yield from _released(doc, doc, say, owner, time)
    if doc.text("request_status") == "cancellation_requested" and owner != ShopifyOrderRef(None):
        yield tell(say, owner, "order.cancel_requested", f"cancel-requested-{number}", time, {}, time)


def _line(doc: PayloadReader) -> dict[str, Any]:
    line = ref(doc, "line_item")
    return {} if line is None else {"line_id": line, "quantity": doc.quantity("quantity")}
