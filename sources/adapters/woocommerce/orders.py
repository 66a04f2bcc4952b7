"""WooCommerce's orders: each message about one carries the whole order as it then stood.

Each of them tells what any other would have told, under the same IDs, so that a webhook that was lost is made good by the next. An order
says when it was paid and completed; of a cancellation, a failure or a refund it says only that it was, by the time of its last change.

A status is set by hand as often as by the shop: an order that is no longer cancelled is wanted again (`History`), one on hold
is held until it is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sources.adapters.base import EventBuilder, digest
from sources.adapters.money import Money, amount_of, currency, is_zero
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.shops import ShopOrderRef, given_back, known, order_event, own_id, owner_of, part_of, ship_to, snapshot, updated
from sources.adapters.woocommerce.fields import meta, moment, region
from sources.adapters.woocommerce.shipments import TRACKING, labels
from sources.adapters.woocommerce.tables import METHOD, PAYMENT, STATUS

CHECKOUTS: Final = frozenset(("checkout", "store-api"))
"""Values of `created_via`: a checkout asks for a way of shipping wherever something is to be shipped."""
TEST_MODES: Final = {"_wcpay_mode": "test", "_ppcp_paypal_payment_mode": "sandbox"}
"""Meta data by which payment plugins (WooPayments, PayPal Payments) mark an order of their test mode. WooCommerce itself has no mark."""
PREORDERED: Final = "_wc_pre_orders_is_pre_order"
CHARGED: Final = "_wc_pre_orders_when_charged"
"""Meta data of WooCommerce Pre-Orders: that an order is one, and whether it is paid at once or upon its release."""
PARTS: Final = ("bundled_by", "composite_parent")
"""Fields of a line that is part of another (Product Bundles, Composite Products): the line of the whole is counted."""


def read_order(payload: PayloadReader, builder: EventBuilder, *, restored: bool = False) -> Iterator[AdapterOutput]:
    """What an order's snapshot says; `restored`: it was just taken out of the trash."""
    builder.test_mode(is_test=any(meta(payload, key).value == mode for key, mode in TEST_MODES.items()))
    number = payload.need_id("id")
    status = payload.need_text("status").removeprefix("wc-")
    meaning = builder.code(STATUS, status)
    if meaning is not None and meaning.ignored:
        yield Ignored(f"order {status}", meaning.why)
        return
    step = None if meaning is None else meaning.term
    owner, parts = owner_of(builder, payload, number, payload.id("number"))
    created = moment(builder, payload, "date_created")
    if created is None:
        raise RefuseError("missing_field", payload.get("date_created_gmt").path)
    changed = moment(builder, payload, "date_modified") or created
    total, fields = _total(payload), _fields(payload, builder)
    standing = [f"placed-{number}"]
    yield order_event(
        builder, owner, "order.placed", f"placed-{number}", created, {**fields, "total": total, "lines": _lines(payload)}, changed
    )
    if changed > created:
        patch = known(payload, fields, _SOURCES)
        if total is not None:
            patch["total"] = total
        if payload.has("line_items"):
            patch["lines"] = _lines(payload) or []
        yield updated(builder, owner, number, changed, patch)
    parent = payload.id("parent_id")
    if parent not in (None, "0", number) and builder.connection.order_field is None:
        # Plugins for several sellers (Dokan, MultiVendorX) divide an order into one for each.
        linked = {"parent": parent, "children": [number]}
        yield builder.event("order.linked", f"linked-{number}", created, linked, order=parent, recorded=changed)
    yield from _hold(builder, parts, number, created, changed, step, paid=moment(builder, payload, "date_paid") is not None)
    yield from _money(payload, builder, parts, number, changed, total, step)
    if step == "cancelled":
        standing.append(f"cancelled-{number}")
        yield order_event(builder, parts, "order.cancelled", f"cancelled-{number}", changed, {}, changed)
    stated_at = max(changed, builder.received) if restored and builder.received is not None else changed
    yield snapshot(builder, f"order/{number}", "order.placed", stated_at, standing, parts)
    yield from _goods(payload, builder, parts, number, created, changed, fields["method"], step)


def read_deleted(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """An order that was put into the trash: only its ID is left. Raises RefuseError where nothing says when that was."""
    number = payload.need_id("id")
    if builder.received is None:
        raise RefuseError("missing_field", "when it was deleted: no time of receipt")
    owner, id_ = part_of(builder, number), f"deleted-{number}"
    yield order_event(builder, owner, "order.cancelled", id_, builder.received, {"reason": "deleted"}, builder.received)
    yield snapshot(builder, f"order/{number}", "order.cancelled", builder.received, [f"placed-{number}", id_], owner)


_SOURCES: Final = {
    "customer": ("customer_id",),
    "ship_to": ("shipping",),
    "channel": ("created_via",),
    "service": ("shipping_lines",),
    "method": ("shipping_lines",),
    "payment_terms": ("payment_method", "meta_data"),
    "tags": (),
}
"""By field: those of WooCommerce's that it is read from. An update says no tags: it would take away those of others."""


def _fields(payload: PayloadReader, builder: EventBuilder) -> dict[str, Any]:
    customer = payload.id("customer_id")
    to = payload.get("shipping")
    sold = next(iter(payload.each("shipping_lines")), None)
    gateway = payload.text("payment_method")
    terms = builder.code(PAYMENT, gateway) if PAYMENT.get(gateway) is not None else None
    return {
        # 0 is a guest: guests have nothing in common.
        "customer": None if customer in (None, "0") else {"id": customer},
        "ship_to": ship_to(
            to.text("country"), region(to), to.text("postcode"), to.text("city"), to.text("address_1"), to.text("address_2")
        ),
        "channel": payload.text("created_via"),
        "service": None if sold is None else sold.text("method_title") or sold.text("method_id"),
        "method": _method(payload, builder),
        # Nobody owes anything for what is paid upon its release before that comes, just before it is sent.
        "payment_terms": "on_ship" if meta(payload, CHARGED).value == "upon_release" else terms and terms.term,
        "tags": ["preorder"] if meta(payload, PREORDERED).value else None,
    }  # fmt: skip


def _method(payload: PayloadReader, builder: EventBuilder) -> str | None:
    """How the goods reach the customer. Without a shipping line nothing is shipped that a checkout sold, or that nobody is to work on."""
    sold = list(payload.each("shipping_lines"))
    for line in sold:
        code = line.text("method_id")
        meaning = builder.code(METHOD, code) if METHOD.get(code) is not None else None
        if meaning is not None:
            return meaning.term
    if sold:
        return "ship"
    if not payload.has("shipping_lines"):
        return None
    unsent = payload.text("created_via") in CHECKOUTS or not any(
        payload.get("shipping").text(name) for name in ("country", "postcode", "address_1")
    )
    return "digital" if unsent or payload.flag("needs_processing") is False else "ship"


def _lines(payload: PayloadReader) -> list[dict[str, Any]] | None:
    found: list[dict[str, Any]] = []
    for line in payload.each("line_items"):
        pieces = _pieces(line)
        if pieces == 0 or any(line.get(name) for name in PARTS):
            continue
        one = {"line_id": line.need_id("id"), "sku": line.id("sku") or None, "quantity": pieces}
        found.append({name: value for name, value in one.items() if value is not None})
    return found or None


def _pieces(line: PayloadReader) -> int | None:
    """How many; None where plugins sell by weight or length, of which no number of pieces can be said."""
    value = line.get("quantity").value
    if isinstance(value, float) and not value.is_integer():
        line.read.add(line.get("quantity").path)
        return None
    return line.quantity("quantity")


def _total(payload: PayloadReader) -> Money | None:
    code = payload.text("currency")
    return None if code is None else amount_of(payload, "total", currency(code, payload.get("currency").path))


def _hold(
    builder: EventBuilder, owner: ShopOrderRef, number: str, created: datetime, changed: datetime, step: str | None, *, paid: bool
) -> Iterator[AdapterOutput]:
    """`on-hold` waits for the payment; of an order that is paid, for a person; a pre-order for its goods. Any other one ends it."""
    hold_id = own_id(builder, number)
    if step in ("held", "preordered"):
        kind = "inventory" if step == "preordered" else "manual" if paid else "payment"
        data = {"hold": kind, "hold_id": hold_id}
        yield order_event(builder, owner, "order.hold_placed", f"hold-{digest(number, kind, changed)}", changed, data, changed)
    elif step is not None and changed > created:
        yield order_event(
            builder, owner, "order.hold_released", f"unheld-{digest(number, changed)}", changed, {"hold_id": hold_id}, changed
        )


def _money(
    payload: PayloadReader,
    builder: EventBuilder,
    owner: ShopOrderRef,
    number: str,
    changed: datetime,
    total: Money | None,
    step: str | None,
) -> Iterator[AdapterOutput]:
    """What was paid, refused and given back. WooCommerce takes the whole total at once, unless a plugin asks for a deposit first."""
    payment = payload.id("transaction_id") or None
    paid = moment(builder, payload, "date_paid")
    if step == "part":
        yield Ignored("deposit", "the order does not say how much of it was paid")
    elif paid is not None:
        data = {"payment_id": payment, "amount": None if total is None or is_zero(total) else total}
        yield order_event(builder, owner, "payment.captured", f"paid-{number}", paid, data, changed)
    if step == "failed":
        yield order_event(builder, owner, "payment.failed", f"failed-{digest(number, payment)}", changed, {"payment_id": payment}, changed)

    def refunded(refund: PayloadReader) -> Iterator[AdapterOutput]:
        amount = given_back(refund, "total", currency(payload.text("currency"), payload.get("currency").path))
        if amount is None or is_zero(amount):
            yield Ignored("refund", "moved no money")
            return
        back = {"payment_id": payment, "amount": amount}
        yield order_event(builder, owner, "payment.refunded", f"refund-{refund.need_id('id')}", changed, back, changed)

    yield from builder.each(payload.each("refunds"), refunded)


def _goods(
    payload: PayloadReader,
    builder: EventBuilder,
    owner: ShopOrderRef,
    number: str,
    created: datetime,
    changed: datetime,
    method: str | None,
    step: str | None,
) -> Iterator[AdapterOutput]:
    """What left, and in which parcels. Completed is the shop's word that all of it did, or was collected; whatever became of it then.

    An order that is to be worked on was not completed after all, though it keeps the date.
    """
    done = None if step in ("open", "held", "part") else moment(builder, payload, "date_completed")
    if step == "completed":
        done = done or changed
    shipment = own_id(builder, number)
    shown: list[str] = []
    if done is not None and method in (None, "ship", "local"):
        shown.append(f"shipped-{number}")
        yield order_event(builder, owner, "warehouse.shipped", f"shipped-{number}", done, {"shipment_id": shipment}, changed)
    elif done is not None and method == "pickup":
        data = {"status": "delivered", "shipment_id": shipment, "raw": {"code": "completed"}}
        yield order_event(builder, owner, "carrier.scan", f"collected-{number}", done, data, changed)
    numbers: list[str] = []
    for output in labels(builder, owner, number, meta(payload, TRACKING).each(), created, changed, done):
        shown.append(output["id"])
        numbers.append(output["data"]["tracking_number"])
        yield output
    if numbers:
        yield snapshot(builder, f"shipment/{number}", "warehouse.shipped", changed, shown, owner, numbers[0])
