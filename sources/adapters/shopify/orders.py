"""Shopify's orders: every message about one carries the whole order as it then stood.

So each of them tells what any other would have told, under the same IDs: that it was placed, its parts, its cancellation; and, but for
`orders/create`, how it stands now. A webhook that was lost is made good by the next. What was placed is told with the quantities and the
total of the ordering; edits show in the `order.updated` beside it. That an order is paid is told without its time, which no snapshot has
(`sources.adapters.bounds`), and only where no transaction in it says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson

from sources.adapters.base import EventBuilder, digest
from sources.adapters.bounds import bounded
from sources.adapters.doc import PayloadReader
from sources.adapters.moments import at, need_at
from sources.adapters.shopify.common import ShopifyOrderRef, id_of, lines_of, money_in, need_id_of, tell
from sources.adapters.shopify.fulfillments import read_fulfillment
from sources.adapters.shopify.payments import read_refund, read_transaction
from sources.adapters.shopify.tables import CANCEL, CONSENT, FINANCIAL, GATEWAY, METHOD, TERMS
from sources.adapters.shopify.totals import total_of
from sources.adapters.told import AdapterOutput, RefuseError


def read_order(doc: PayloadReader, say: EventBuilder, *, new: bool = False) -> Iterator[AdapterOutput]:
    """What an order's snapshot says; `new`: it is the first one, and changes nothing."""
    say.test_mode(is_test=doc.flag("test"))
    number = need_id_of(doc)
    created = need_at(doc, "created_at")
    updated = at(doc, "updated_at") or created
    owner, parts = ShopifyOrderRef(number, doc.id("name"), updated), ShopifyOrderRef(number, None, updated)
    if say.connection.order_field:
        owner = parts = ShopifyOrderRef(say.order_of(doc), number, updated)
    fields = _fields(doc, say)
    placed = {**fields, "total": money_in(doc, "total_price"), "lines": lines_of(doc.each("line_items")) or None}
    yield tell(say, owner, "order.placed", f"placed-{number}", created, placed, updated)
    if not new:
        patch = {name: value for name, value in fields.items() if any(doc.has(source) for source in _SOURCES[name])}
        if doc.has("total_price"):
            patch["total"] = total_of(doc)
        if doc.has("line_items"):
            patch["lines"] = lines_of(doc.each("line_items"), "current_quantity")
        # Two changes within a second have the same `updated_at`: what is said tells them apart.
        content = orjson.dumps(patch, option=orjson.OPT_SORT_KEYS).decode()
        yield tell(say, owner, "order.updated", f"updated-{number}-{digest(updated, content)}", updated, patch, updated)
    cancelled = at(doc, "cancelled_at")
    if cancelled is not None:
        code = doc.text("cancel_reason")
        reason = say.code(CANCEL, code)
        data = {"reason": reason.word if reason is not None else "other" if code else None}
        yield tell(say, parts, "order.cancelled", f"cancelled-{number}", cancelled, data, updated)
    code = doc.text("presentment_currency") or doc.text("currency")
    # What was paid is told before what left: both may have been said at the same instant.
    paid = list(say.each(doc.each("transactions"), lambda one: read_transaction(one, say, parts, code)))
    yield from paid
    status = say.code(FINANCIAL, doc.text("financial_status"))
    if status is not None and not status.ignored and not any(isinstance(one, dict) and one["type"] == status.word for one in paid):
        when = bounded(created, updated, _later(doc, cancelled), fresh="x-shopify-topic" in say.headers)
        yield tell(say, parts, status.word, f"order-{status.word.removeprefix('payment.')}-{number}", when, {}, updated)
    yield from say.each(doc.each("fulfillments"), lambda one: read_fulfillment(one, say, parts))
    yield from say.each(doc.each("refunds"), lambda one: read_refund(one, say, parts, code))


def _later(doc: PayloadReader, cancelled: datetime | None) -> list[datetime | None]:
    """The times of what an order's snapshot shows that comes after it was paid: it left, money went back, it was cancelled or closed."""
    refunds = (one for one in doc.each("refunds") if isinstance(one.value, dict) and one.get("transactions"))
    return [cancelled, _moment(doc, "closed_at"), *(_moment(one, "created_at") for one in (*doc.each("fulfillments"), *refunds))]


def _moment(doc: PayloadReader, name: str) -> datetime | None:
    """An instant that only bounds another; one that cannot be read is refused where it is told."""
    try:
        return at(doc, name)
    except RefuseError:
        return None


_SOURCES = {
    "customer": ("customer",),
    "ship_to": ("shipping_address",),
    "channel": ("source_name",),
    "service": ("shipping_lines",),
    "method": ("shipping_lines",),
    "payment_terms": ("payment_terms", "payment_gateway_names"),
}
"""By field: those of Shopify's that it is read from. A webhook that is filtered may have none of them, and changes nothing there."""


def _fields(doc: PayloadReader, say: EventBuilder) -> dict[str, Any]:
    return {
        "customer": _customer(doc, say),
        "ship_to": _ship_to(doc.get("shipping_address")),
        "channel": doc.text("source_name"),
        "service": _service(doc),
        "method": _method(doc, say),
        "payment_terms": _terms(doc, say),
    }


def _customer(doc: PayloadReader, say: EventBuilder) -> dict[str, Any] | None:
    customer = doc.get("customer")
    if not customer:
        return None
    consents: list[str] = []
    for channel in ("email", "sms"):
        consent = customer.get(f"{channel}_marketing_consent")
        state = say.code(CONSENT, consent.text("state")) if consent else None
        if state is not None and not state.ignored:
            consents.append(channel)
    if not customer.has("email_marketing_consent") and doc.flag("buyer_accepts_marketing"):
        consents.insert(0, "email")
    return {"id": id_of(customer), "consents": consents}


def _ship_to(doc: PayloadReader) -> dict[str, Any] | None:
    if not doc:
        return None
    country = doc.text("country_code")
    region = doc.text("province_code") or doc.text("province")
    postal_code = doc.text("zip")
    # Without the region, which some write and others leave to the town.
    whole = [doc.text("address1"), doc.text("address2"), doc.text("city"), postal_code, country]
    return {
        "country": country,
        "region": region,
        "postal_code": postal_code,
        "address_hash": digest(*map(_plain, whole)) if whole[0] else None,
    }


def _plain(text: str | None) -> str:
    """Letters and digits only: `12, High St.` and `12 high st` are one address."""
    return "".join(character for character in (text or "").casefold() if character.isalnum())


def _service(doc: PayloadReader) -> str | None:
    sold = next((line for line in doc.each("shipping_lines") if not line.flag("is_removed")), None)
    return None if sold is None else sold.text("code") or sold.text("title")


def _method(doc: PayloadReader, say: EventBuilder) -> str | None:
    """How the goods reach the customer.

    An order of goods with a shipping line (or rung up at a till) but without any address is collected: nothing could be sent.
    """
    sold = [line for line in doc.each("shipping_lines") if not line.flag("is_removed")]
    for line in sold:
        meaning = say.code(METHOD, line.text("delivery_category"))
        if meaning is not None:
            return meaning.word
    goods = [line.flag("requires_shipping") for line in doc.each("line_items")]
    if not goods:
        return None
    if not any(one is not False for one in goods):
        return "digital"
    collected = doc.has("shipping_address") and not doc.get("shipping_address") and (sold or doc.text("source_name") == "pos")
    return "pickup" if collected else "ship"


def _terms(doc: PayloadReader, say: EventBuilder) -> str | None:
    """When it is paid. Payment terms beat the gateway; of several gateways, the one that pays at the door counts."""
    agreed = doc.get("payment_terms")
    if agreed:
        meaning = say.code(TERMS, agreed.text("payment_terms_type"))
        return "invoice" if meaning is None else meaning.word
    names = [text for one in doc.each("payment_gateway_names") if (text := one.text())]
    known = {name: GATEWAY.get(name) for name in names}
    words = {meaning.word for name in known if (meaning := say.code(GATEWAY, name) if known[name] else None)}
    if "on_delivery" in words:
        return "on_delivery"
    return words.pop() if len(words) == 1 and all(known.values()) else None
