"""Shopify's returns. A label for the way back is no parcel on its way: its number is only tied to the return, so that scans find it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sources.adapters.base import EventBuilder, digest
from sources.adapters.doc import PayloadReader
from sources.adapters.shopify.common import moment, need_id_of, owner_of, ref, tell
from sources.adapters.shopify.tables import RETURN
from sources.adapters.told import AdapterOutput, Ignored, RefuseError


def read_return(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """A return by its status, which says the same in every message."""
    number = need_id_of(doc)
    status = doc.need_text("status")
    meaning = say.code(RETURN, status)
    if meaning is None:
        raise RefuseError("unmapped", f"{doc.get('status').path}: a status that is in no table")
    if meaning.ignored:
        yield Ignored(f"return {status}", meaning.why)
        return
    lines = [line for one in doc.each("return_line_items") if (line := _line(one))]
    data = {"return_id": number, "lines": lines or None}
    step = meaning.word.removeprefix("return.")
    yield tell(say, owner_of(say, doc), meaning.word, f"return-{step}-{number}", moment(say, doc), data)


def _line(doc: PayloadReader) -> dict[str, Any]:
    sent = doc.get("fulfillment_line_item")
    line = ref(sent, "line_item") if sent else None
    return {} if line is None else {"line_id": line, "quantity": doc.quantity("quantity")}


def read_reverse_delivery(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """What brings a return back: the number of its label."""
    number = need_id_of(doc)
    return_id = ref(doc, "return")
    if return_id is None:
        raise RefuseError("no_identity", f"{doc.get('return').path}: names no return")
    tracking = doc.get("shipping_deliverable", "tracking").id("tracking_number")
    if tracking is None:
        yield Ignored("reverse_delivery", "has no tracking number")
        return
    data = {"return_id": return_id, "tracking_number": tracking}
    id_ = f"return-tracking-{digest(number, tracking)}"
    yield tell(say, owner_of(say, doc), "return.authorized", id_, moment(say, doc), data)
