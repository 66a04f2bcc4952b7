"""Shopify's fulfilment orders: the work that an order makes for a location, its holds, and what the warehouse answers.

Webhooks name a fulfilment order and neither its order nor when it was, so what they say finds its order by `fulfillment_order_id`, and
happened when they were triggered. The API's list names the order: it ties the two, and makes good what was lost. A fulfilment order may
have several holds; only all of them together are told to be released. So a hold goes by its fulfilment order and its reason: two for one
reason are one hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sources.adapters.base import digest
from sources.adapters.moments import when
from sources.adapters.shopify.common import Owner, id_in, id_of, moment, need_id_of, owner_of, ref, tell
from sources.adapters.shopify.tables import HOLD, WORK
from sources.adapters.told import Ignored, RefuseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sources.adapters.base import Say
    from sources.adapters.doc import Doc
    from sources.adapters.tables import Meaning
    from sources.adapters.told import Told


def read_work(doc: Doc, say: Say, meaning: Meaning) -> Iterator[Told]:
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
            if owner == Owner(None):
                raise RefuseError("no_identity", f"{work.path}: names no order, and a request to cancel goes by nothing else")
            yield tell(say, owner, meaning.word, f"cancel-requested-{number}", time, {})
        case other:
            yield tell(say, owner, other, f"{other.removeprefix('warehouse.')}-{number}", time, data)


def _placed(doc: Doc, work: Doc, say: Say, owner: Owner, time: datetime) -> Iterator[Told]:
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


def _released(doc: Doc, work: Doc, say: Say, owner: Owner, time: datetime) -> Iterator[Told]:
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


def read_works(docs: list[Doc], say: Say) -> Iterator[Told]:
    """Fulfilment orders as the API lists them: how each stands, and the dates that all of an order's agree on."""
    yield from say.each(docs, lambda one: _standing(one, say))
    dates: dict[str, list[tuple[Doc, str | None, str | None]]] = {}
    for doc in docs:
        order = ref(doc, "order") if doc.text("status") not in ("closed", "cancelled") else None
        if order is not None:
            method = doc.get("delivery_method")
            latest = method.get("max_delivery_date_time") if method else method
            ship_by = when(doc.text("fulfill_by"), doc.get("fulfill_by").path)
            dates.setdefault(order, []).append((doc, ship_by, when(latest.text(), latest.path) if latest else None))
    for order, known in dates.items():
        doc = known[-1][0]
        agreed = {
            name: found.pop()
            for name, found in (("ship_by", {one[1] for one in known}), ("promised_by", {one[2] for one in known}))
            if len(found) == 1 and None not in found
        }
        if agreed:
            id_ = f"dates-{digest(order, *sorted(agreed.items()))}"
            yield tell(say, owner_of(say, doc), "order.updated", id_, moment(say, doc, "updated_at"), agreed)


def _standing(doc: Doc, say: Say) -> Iterator[Told]:
    number, owner, time = need_id_of(doc), owner_of(say, doc), moment(say, doc, "updated_at")
    meaning = say.code(WORK, doc.need_text("status"))
    if meaning is None:
        raise RefuseError("unmapped", f"{doc.get('status').path}: a status that is in no table")
    if meaning.word == "order.hold_placed":
        yield from _placed(doc, doc, say, owner, time)
        return
    if meaning.word == "warehouse.released":
        lines = [_line(line) for line in doc.each("line_items")]
        data = {"site": id_in(doc, "assigned_location_id"), "fulfillment_order_id": number, "lines": [one for one in lines if one] or None}
        yield tell(say, owner, "warehouse.released", f"released-{number}", time, data, time)
    yield from _released(doc, doc, say, owner, time)
    if doc.text("request_status") == "cancellation_requested" and owner != Owner(None):
        yield tell(say, owner, "order.cancel_requested", f"cancel-requested-{number}", time, {}, time)


def _line(doc: Doc) -> dict[str, Any]:
    line = ref(doc, "line_item")
    return {} if line is None else {"line_id": line, "quantity": doc.quantity("quantity")}
