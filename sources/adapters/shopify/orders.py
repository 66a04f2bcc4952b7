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
from sources.adapters.bounds import bounded, latest
from sources.adapters.moments import at, need_at
from sources.adapters.money import Money
from sources.adapters.output import AdapterOutput, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.shopify.common import ShopifyOrderRef, id_of, lines_of, money_in, need_id_of, order_event
from sources.adapters.shopify.fulfillments import read_fulfillment
from sources.adapters.shopify.payments import kept_of_cash, read_refund, read_transaction
from sources.adapters.shopify.tables import CANCEL, CONSENT, FINANCIAL, GATEWAY, METHOD, TERMS
from sources.adapters.shopify.totals import total_of


def read_order(payload: PayloadReader, builder: EventBuilder, *, new: bool = False) -> Iterator[AdapterOutput]:
    """What an order's snapshot says; `new`: it is the first one, and changes nothing."""
    builder.test_mode(is_test=payload.flag("test"))
    number = need_id_of(payload)
    created = need_at(payload, "created_at")
    updated = at(payload, "updated_at") or created
    owner, parts = ShopifyOrderRef(number, payload.id("name"), updated), ShopifyOrderRef(number, None, updated)
    if builder.connection.order_field:
        owner = parts = ShopifyOrderRef(builder.order_of(payload), number, updated)
    fields = _fields(payload, builder)
    # Of an order that is digital as a whole each line is.
    sorts = fields["method"] != "digital"
    placed = {**fields, "total": money_in(payload, "total_price"), "lines": lines_of(payload.each("line_items"), sorts=sorts) or None}
    yield order_event(builder, owner, "order.placed", f"placed-{number}", created, placed, updated)
    if not new:
        patch = {name: value for name, value in fields.items() if any(payload.has(source) for source in _SOURCES[name])}
        if payload.has("total_price"):
            patch["total"] = total_of(payload)
        if payload.has("line_items"):
            patch["lines"] = lines_of(payload.each("line_items"), "current_quantity", sorts=sorts)
        # Two changes within a second have the same `updated_at`: what is said tells them apart.
        content = orjson.dumps(patch, option=orjson.OPT_SORT_KEYS).decode()
        yield order_event(builder, owner, "order.updated", f"updated-{number}-{digest(updated, content)}", updated, patch, updated)
    cancelled = at(payload, "cancelled_at")
    if cancelled is not None:
        code = payload.text("cancel_reason")
        reason = builder.code(CANCEL, code)
        data = {"reason": reason.term if reason is not None else "other" if code else None}
        yield order_event(builder, parts, "order.cancelled", f"cancelled-{number}", cancelled, data, updated)
    code = payload.text("presentment_currency") or payload.text("currency")
    # What was paid is told before what left: both may have been said at the same instant.
    cash = _cash(payload, code)
    paid = list(builder.each(payload.each("transactions"), lambda one: read_transaction(one, builder, parts, code, cash)))
    yield from paid
    status = builder.code(FINANCIAL, payload.text("financial_status"))
    if status is not None and not status.ignored and not any(isinstance(one, dict) and one["type"] == status.term for one in paid):
        if status.term == "payment.voided":
            when = latest(created, updated, [one for one in (cancelled, _moment(payload, "closed_at")) if one is not None])
        else:
            when = bounded(created, updated, _later(payload, cancelled), fresh="x-shopify-topic" in builder.headers)
        yield order_event(builder, parts, status.term, f"order-{status.term.removeprefix('payment.')}-{number}", when, {}, updated)
    yield from builder.each(payload.each("fulfillments"), lambda one: read_fulfillment(one, builder, parts))
    yield from builder.each(payload.each("refunds"), lambda one: read_refund(one, builder, parts, code))


def _cash(payload: PayloadReader, code: str | None) -> dict[str, Money]:
    """What was kept of cash, by the transactions that stand in the order; one that cannot be read is refused where it is told."""
    try:
        return kept_of_cash([one for one in payload.each("transactions") if isinstance(one.value, dict)], code, total_of(payload))
    except RefuseError:
        return {}


def _later(payload: PayloadReader, cancelled: datetime | None) -> list[datetime | None]:
    """The times of what an order's snapshot shows that comes after it was paid: it left, money went back, it was cancelled or closed."""
    refunds = (one for one in payload.each("refunds") if isinstance(one.value, dict) and one.get("transactions"))
    return [cancelled, _moment(payload, "closed_at"), *(_moment(one, "created_at") for one in (*payload.each("fulfillments"), *refunds))]


def _moment(payload: PayloadReader, name: str) -> datetime | None:
    """An instant that only bounds another; one that cannot be read is refused where it is told."""
    try:
        return at(payload, name)
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


def _fields(payload: PayloadReader, builder: EventBuilder) -> dict[str, Any]:
    return {
        "customer": _customer(payload, builder),
        "ship_to": _ship_to(payload.get("shipping_address")),
        "channel": payload.text("source_name"),
        "service": _service(payload),
        "method": _method(payload, builder),
        "payment_terms": _terms(payload, builder),
    }


def _customer(payload: PayloadReader, builder: EventBuilder) -> dict[str, Any] | None:
    customer = payload.get("customer")
    if not customer:
        return None
    consents: list[str] = []
    for channel in ("email", "sms"):
        consent = customer.get(f"{channel}_marketing_consent")
        state = builder.code(CONSENT, consent.text("state")) if consent else None
        if state is not None and not state.ignored:
            consents.append(channel)
    if not customer.has("email_marketing_consent") and payload.flag("buyer_accepts_marketing"):
        consents.insert(0, "email")
    return {"id": id_of(customer), "consents": consents}


def _ship_to(payload: PayloadReader) -> dict[str, Any] | None:
    if not payload:
        return None
    country = payload.text("country_code")
    region = payload.text("province_code") or payload.text("province")
    postal_code = payload.text("zip")
    # Without the region, which some write and others leave to the town.
    whole = [payload.text("address1"), payload.text("address2"), payload.text("city"), postal_code, country]
    return {
        "country": country,
        "region": region,
        "postal_code": postal_code,
        "address_hash": digest(*map(_plain, whole)) if whole[0] else None,
    }


def _plain(text: str | None) -> str:
    """Letters and digits only: `12, High St.` and `12 high st` are one address."""
    return "".join(character for character in (text or "").casefold() if character.isalnum())


def _service(payload: PayloadReader) -> str | None:
    sold = next((line for line in payload.each("shipping_lines") if not line.flag("is_removed")), None)
    return None if sold is None else sold.text("code") or sold.text("title")


def _method(payload: PayloadReader, builder: EventBuilder) -> str | None:
    """How the goods reach the customer.

    An order of goods with a shipping line (or rung up at a till) but without any address is collected: nothing could be sent.
    """
    sold = [line for line in payload.each("shipping_lines") if not line.flag("is_removed")]
    for line in sold:
        meaning = builder.code(METHOD, line.text("delivery_category"))
        if meaning is not None:
            return meaning.term
    goods = [line.flag("requires_shipping") for line in payload.each("line_items")]
    if not goods:
        return None
    if not any(one is not False for one in goods):
        return "digital"
    collected = payload.has("shipping_address") and not payload.get("shipping_address") and (sold or payload.text("source_name") == "pos")
    return "pickup" if collected else "ship"


def _terms(payload: PayloadReader, builder: EventBuilder) -> str | None:
    """When it is paid. Payment terms beat the gateway; of several gateways, the one that pays at the door counts."""
    agreed = payload.get("payment_terms")
    if agreed:
        meaning = builder.code(TERMS, agreed.text("payment_terms_type"))
        return "invoice" if meaning is None else meaning.term
    names = [text for one in payload.each("payment_gateway_names") if (text := one.text())]
    known = {name: GATEWAY.get(name) for name in names}
    terms = {meaning.term for name in known if (meaning := builder.code(GATEWAY, name) if known[name] else None)}
    if "on_delivery" in terms:
        return "on_delivery"
    return terms.pop() if len(terms) == 1 and all(known.values()) else None
