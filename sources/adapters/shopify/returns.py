"""Shopify's returns. A label for the way back is no parcel on its way: its number is only tied to the return, so that scans find it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sources.adapters.base import EventBuilder, digest
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.shopify.common import moment, need_id_of, order_event, owner_of, ref
from sources.adapters.shopify.tables import RETURN


def read_return(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A return by its status, which says the same in every message."""
    number = need_id_of(payload)
    status = payload.need_text("status")
    meaning = builder.code(RETURN, status)
    if meaning is None:
        raise RefuseError("unmapped", f"{payload.get('status').path}: a status that is in no table")
    if meaning.ignored:
        yield Ignored(f"return {status}", meaning.why)
        return
    lines = [line for one in payload.each("return_line_items") if (line := _line(one))]
    data = {"return_id": number, "lines": lines or None, "resolution": "exchange" if _exchanged(payload) else None}
    step, time = meaning.term.removeprefix("return."), moment(builder, payload)
    # What is opened again is another event than what was allowed at first.
    again = builder.headers.get("x-shopify-topic", "").strip().casefold() == "returns/reopen"
    id_ = f"return-{step}-{digest(number, time) if again else number}"
    yield order_event(builder, owner_of(builder, payload), meaning.term, id_, time, data)


def _exchanged(payload: PayloadReader) -> bool:
    """Whether all that comes back is exchanged, so that no money is owed for it. Of what is exchanged in part the rest is refunded."""
    given, back = list(payload.each("exchange_line_items")), list(payload.each("return_line_items"))
    exchanged = payload.quantity("total_exchange_line_items") or len(given)
    return exchanged > 0 and exchanged >= (payload.quantity("total_return_line_items") or len(back))


def _line(payload: PayloadReader) -> dict[str, Any]:
    sent = payload.get("fulfillment_line_item")
    line = ref(sent, "line_item") if sent else None
    return {} if line is None else {"line_id": line, "quantity": payload.quantity("quantity")}


def read_reverse_delivery(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """What brings a return back: the number of its label."""
    number = need_id_of(payload)
    return_id = ref(payload, "return")
    if return_id is None:
        raise RefuseError("no_identity", f"{payload.get('return').path}: names no return")
    tracking = payload.get("shipping_deliverable", "tracking").id("tracking_number")
    if tracking is None:
        yield Ignored("reverse_delivery", "has no tracking number")
        return
    data = {"return_id": return_id, "tracking_number": tracking}
    id_ = f"return-tracking-{digest(number, tracking)}"
    yield order_event(builder, owner_of(builder, payload), "return.authorized", id_, moment(builder, payload), data)
