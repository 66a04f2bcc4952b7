"""Magento's orders, as they stand.

An order says nothing of when it changed but `updated_at`; where it carries its history of statuses, that says more. Its invoices, shipments
and credit memos are objects of their own, which name it by `entity_id`, and tell money and goods; what an order adds up of them is not told
again, but that it was paid in full, or made complete by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sources.adapters.base import EventBuilder, digest
from sources.adapters.magento.fields import flag, moment, money, need_moment, pieces
from sources.adapters.magento.tables import METHOD, PAYMENT, STATE, STATUS
from sources.adapters.money import Money, is_zero
from sources.adapters.output import AdapterOutput
from sources.adapters.payload import PayloadReader
from sources.adapters.shops import ShopOrderRef, known, no_later, order_event, own_id, owner_of, ship_to, snapshot, updated

HOLDS: Final = frozenset(("manual", "payment", "fraud"))
PAID: Final = frozenset(("processing", "complete", "closed"))
"""Statuses that an order has from its payment on, or, where its money is taken later, from its authorization on."""


def read_order(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """What an order's snapshot says."""
    number = payload.need_id("entity_id")
    step = _step(payload, builder)
    owner, parts = owner_of(builder, payload, number, payload.id("increment_id"))
    created = need_moment(payload, "created_at")
    changed = moment(payload, "updated_at") or created
    total, fields = money(payload, "grand_total", payload.text("order_currency_code")), _fields(payload, builder)
    standing = [f"placed-{number}"]
    lines, left = _lines(payload), _lines(payload, less_canceled=True)
    yield order_event(
        builder, owner, "order.placed", f"placed-{number}", created, {**fields, "total": total, "lines": lines or None}, changed
    )
    if changed > created:
        patch = known(payload, fields, _SOURCES)
        if total is not None:
            patch["total"] = total
        if payload.has("items") and step != "canceled":
            patch["lines"] = left
        yield updated(builder, owner, number, changed, patch)
    yield from _hold(payload, builder, parts, number, created, changed, step)
    yield from _money(payload, builder, parts, number, created, changed, total)
    if step == "canceled":
        time = _since(payload, changed, "canceled")
        standing.append(f"cancelled-{number}")
        yield order_event(builder, parts, "order.cancelled", f"cancelled-{number}", time, {}, changed)
    yield snapshot(builder, f"order/{number}", "order.placed", changed, standing, parts)
    if step == "complete" and fields["method"] == "ship" and _never_shipped(payload):
        time, data = _since(payload, changed, "complete"), {"shipment_id": own_id(builder, f"order-{number}")}
        yield order_event(builder, parts, "warehouse.shipped", f"shipped-order-{number}", time, data, changed)


def _step(payload: PayloadReader, builder: EventBuilder) -> str | None:
    """What the order's state means; None for one that is in no table. Its status says it where there is no state, and of `fraud`."""
    state, status = payload.text("state"), payload.text("status")
    of_status = STATUS.get(status)
    by_status = state is None or (of_status is not None and of_status.term == "fraud")
    meaning = builder.code(STATUS, status) if by_status else builder.code(STATE, state)
    return None if meaning is None else meaning.term


def _since(payload: PayloadReader, changed: datetime, *statuses: str) -> datetime:
    """Since when the order has had one of these statuses: by its history the first entry of the last such stretch, else its last change."""
    entries = [(moment(one, "created_at"), one.text("status")) for one in payload.each("status_histories")]
    since: datetime | None = None
    for time, status in sorted(((time, status) for time, status in entries if time is not None), key=lambda one: one[0]):
        if status not in statuses:
            since = None
        elif since is None:
            since = time
    return no_later(changed, since)


_SOURCES: Final = {
    "customer": ("customer_id",),
    "ship_to": ("extension_attributes", "addresses"),
    "service": ("shipping_description",),
    "method": ("is_virtual", "extension_attributes"),
    "payment_terms": ("payment",),
}
"""By field: those of Magento's that it is read from."""


def _fields(payload: PayloadReader, builder: EventBuilder) -> dict[str, Any]:
    customer = None if flag(payload, "customer_is_guest") else payload.id("customer_id")
    gateway = payload.get("payment").text("method")
    terms = builder.code(PAYMENT, gateway) if PAYMENT.get(gateway) is not None else None
    first = next(iter(payload.get("extension_attributes").each("shipping_assignments")), None)
    shipping = payload.get("extension_attributes", "shipping") if first is None else first.get("shipping")
    to = shipping.get("address")
    if not to:
        # Events have a list of addresses instead.
        to = next((one for one in payload.each("addresses") if one.text("address_type") == "shipping"), to)
    street = [line.text() for line in to.each("street")]
    region = to.text("region_code") or to.text("region")
    carrier = shipping.text("method")
    method = builder.code(METHOD, carrier) if METHOD.get(carrier) is not None else None
    return {
        "customer": None if customer in (None, "0") else {"id": customer},
        "ship_to": ship_to(to.text("country_id"), region, to.text("postcode"), to.text("city"), *street),
        "service": payload.text("shipping_description"),
        "method": "digital" if flag(payload, "is_virtual") else "ship" if method is None else method.term,
        "payment_terms": terms and terms.term,
    }


def _lines(payload: PayloadReader, *, less_canceled: bool = False) -> list[dict[str, Any]]:
    """What was ordered, each thing once: of a configurable product or a bundle the line that went into the cart, not its parts."""
    found: list[dict[str, Any]] = []
    for item in payload.each("items"):
        ordered = pieces(item, "qty_ordered")
        canceled = (pieces(item, "qty_canceled") or 0) if less_canceled else 0
        quantity = None if ordered is None else max(0, ordered - canceled)
        if item.id("parent_item_id") not in (None, "0") or quantity == 0:
            continue
        line = {"line_id": item.need_id("item_id"), "sku": item.id("sku"), "quantity": quantity}
        found.append({name: value for name, value in line.items() if value is not None})
    return found


def _never_shipped(payload: PayloadReader) -> bool:
    """Whether the order has no shipment: then its completion, which somebody set by hand, is all that says that it left."""
    shipped = [pieces(item, "qty_shipped") for item in payload.each("items")]
    return bool(shipped) and all(one == 0 for one in shipped)


def _hold(
    payload: PayloadReader, builder: EventBuilder, owner: ShopOrderRef, number: str, created: datetime, changed: datetime, step: str | None
) -> Iterator[AdapterOutput]:
    hold_id = own_id(builder, number)
    if step in HOLDS:
        time = _since(payload, changed, "holded", "payment_review", "fraud")
        data = {"hold": step, "hold_id": hold_id}
        yield order_event(builder, owner, "order.hold_placed", f"hold-{digest(number, step, time)}", time, data, changed)
    elif step is not None and changed > created:
        yield order_event(
            builder, owner, "order.hold_released", f"unheld-{digest(number, changed)}", changed, {"hold_id": hold_id}, changed
        )


def _money(
    payload: PayloadReader,
    builder: EventBuilder,
    owner: ShopOrderRef,
    number: str,
    created: datetime,
    changed: datetime,
    total: Money | None,
) -> Iterator[AdapterOutput]:
    """What was reserved when the order was placed, and that all of it was paid: how much each time is said by the invoices."""
    code, payment = payload.text("order_currency_code"), payload.get("payment")
    transaction = payment.id("last_trans_id")
    reserved = money(payment, "amount_authorized", code)
    if reserved is not None and not is_zero(reserved):
        data = {"payment_id": transaction, "amount": reserved}
        yield order_event(builder, owner, "payment.authorized", f"authorized-{number}", created, data, changed)
    paid = money(payload, "total_paid", code)
    if total is not None and paid is not None and not is_zero(paid) and Decimal(paid["amount"]) >= Decimal(total["amount"]):
        yield order_event(builder, owner, "payment.captured", f"paid-order-{number}", _paid_by(payload, created, changed), {}, changed)


def _paid_by(payload: PayloadReader, created: datetime, changed: datetime) -> datetime:
    """When an order that is paid was so at the latest: when it was seen to be; if goods left, before they did, which it does not date."""
    if not any(pieces(item, "qty_shipped") for item in payload.each("items")):
        return changed
    entries = [moment(one, "created_at") for one in payload.each("status_histories") if one.text("status") in PAID]
    return max(created, min((one for one in entries if one is not None), default=created))
