"""BigCommerce's orders, as its V2 API answers them, and the webhook that says their status.

An order names its products and addresses by links, unless they were fetched and put in their place (`products`, `shipping_addresses`), or
came along as `consignments`. What it adds up (items shipped, money given back) is told by its shipments and transactions, not by it; but an
order that was set to shipped by hand has no shipment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from sources.adapters.base import EventBuilder, digest
from sources.adapters.bigcommerce.fields import moment, need_moment
from sources.adapters.bigcommerce.tables import PAYMENT, PAYMENT_STATUS, STATUS
from sources.adapters.moments import unix
from sources.adapters.money import Money, amount_of, currency
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.scans import SCAN
from sources.adapters.shops import known, no_later, order_event, own_id, owner_of, part_of, ship_to, snapshot, updated

COMPLETED: Final = "10"
"""The status of an order that was fetched, too."""
TEST_GATEWAY: Final = "Test Payment Gateway"
"""What BigCommerce calls the means of payment of orders that are only tried out."""


def read_order(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """What an order's snapshot says."""
    number = payload.need_id("id")
    builder.test_mode(is_test=payload.text("payment_method") == TEST_GATEWAY)
    meaning = builder.code(STATUS, payload.need_id("status_id"))
    if meaning is not None and meaning.ignored:
        yield Ignored("order", meaning.why)
        return
    step = None if meaning is None else meaning.term
    owner, parts = owner_of(builder, payload, number, payload.id("external_order_id") or None)
    created = need_moment(payload, "date_created")
    changed = moment(payload, "date_modified") or created
    total, fields = _total(payload), _fields(payload, builder)
    standing = [f"placed-{number}"]
    products = _products(payload)
    listed, lines = products is not None, lines_of(products or [])
    yield order_event(
        builder, owner, "order.placed", f"placed-{number}", created, {**fields, "total": total, "lines": lines or None}, changed
    )
    if changed > created:
        patch = known(payload, fields, _SOURCES)
        # Links instead of addresses say nothing of a change, and only some statuses say that an order is collected.
        for name, nothing in (("ship_to", None), ("service", None), ("method", "ship")):
            if fields[name] == nothing:
                patch.pop(name, None)
        if total is not None:
            patch["total"] = total
        if listed:
            patch["lines"] = lines
        yield updated(builder, owner, number, changed, patch)
    hold = {"hold_id": own_id(builder, number)}
    if step == "held":
        yield order_event(
            builder, parts, "order.hold_placed", f"hold-{digest(number, changed)}", changed, {**hold, "hold": "manual"}, changed
        )
    elif step is not None and changed > created:
        yield order_event(builder, parts, "order.hold_released", f"unheld-{digest(number, changed)}", changed, hold, changed)
    if step == "packed":
        yield order_event(builder, parts, "warehouse.packed", f"packed-{number}", changed, {}, changed)
    left = moment(payload, "date_shipped")
    # What left was paid before, and an order does not say when its first part left.
    bound = created if payload.number("items_shipped") else no_later(changed, left)
    paid = builder.code(PAYMENT_STATUS, payload.text("payment_status"))
    if paid is not None and not paid.ignored:
        term = paid.term.removeprefix("payment.")
        yield order_event(builder, parts, paid.term, f"order-{term}-{number}", max(created, bound), {}, changed)
    if step == "cancelled":
        standing.append(f"cancelled-{number}")
        yield order_event(builder, parts, "order.cancelled", f"cancelled-{number}", changed, {}, changed)
    yield snapshot(builder, f"order/{number}", "order.placed", changed, standing, parts)
    if step == "shipped" and fields["method"] == "ship" and payload.number("items_shipped") == 0:
        data: dict[str, Any] = {"shipment_id": own_id(builder, f"order-{number}")}
        yield order_event(builder, parts, "warehouse.shipped", f"shipped-order-{number}", left or changed, data, changed)
    elif payload.id("status_id") == COMPLETED and fields["method"] == "pickup":
        data = {"status": "delivered", "shipment_id": own_id(builder, f"order-{number}"), "raw": {"code": COMPLETED}}
        yield order_event(builder, parts, SCAN, f"collected-{number}", left or changed, data, changed)


def read_status(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """A webhook that says an order's new status: of most it says too little to tell a fact, but it says when it was."""
    data = payload.need("data")
    number = data.need_id("id")
    meaning = builder.code(STATUS, data.get("status").need_id("new_status_id"))
    before = STATUS.get(data.get("status").id("previous_status_id"))
    at = unix(payload, "created_at")
    if at is None:
        raise RefuseError("missing_field", payload.get("created_at").path)
    owner, hold = part_of(builder, number), {"hold_id": own_id(builder, number)}
    standing = [f"placed-{number}"]
    if meaning is not None and meaning.terms == ("cancelled",):
        standing.append(f"cancelled-{number}")
        yield order_event(builder, owner, "order.cancelled", standing[-1], at, {}, at)
    elif meaning is not None and meaning.terms == ("held",):
        yield order_event(builder, owner, "order.hold_placed", f"hold-{digest(number, at)}", at, {**hold, "hold": "manual"}, at)
    elif meaning is not None and meaning.terms == ("packed",):
        yield order_event(builder, owner, "warehouse.packed", f"packed-{number}", at, {}, at)
    elif meaning is not None and before is not None and before.terms == ("held",):
        yield order_event(builder, owner, "order.hold_released", f"unheld-{digest(number, at)}", at, hold, at)
    else:
        yield Ignored("store/order/statusUpdated", "names only an ID and a status: fetch the order and adapt the answer")
    if meaning is not None and not meaning.ignored:
        yield snapshot(builder, f"order/{number}", "order.placed", at, standing, owner)


_SOURCES: Final = {
    "customer": ("customer_id",),
    "ship_to": ("shipping_addresses", "consignments"),
    "channel": ("order_source",),
    "service": ("shipping_addresses", "consignments"),
    "method": ("order_is_digital",),
    "payment_terms": ("payment_method",),
}
"""By field: those of BigCommerce's that it is read from."""


def _fields(payload: PayloadReader, builder: EventBuilder) -> dict[str, Any]:
    customer = payload.id("customer_id")
    gateway = payload.text("payment_method")
    terms = builder.code(PAYMENT, gateway) if PAYMENT.get(gateway) is not None else None
    places = _addresses(payload)
    only = places[0] if len(places) == 1 else None
    return {
        # 0 is a guest: guests have nothing in common.
        "customer": None if customer in (None, "0") else {"id": customer},
        "ship_to": None if only is None else ship_to(
            only.text("country_iso2"), only.text("state"), only.text("zip"), only.text("city"), only.text("street_1"), only.text("street_2")
        ),
        "channel": payload.text("order_source"),
        "service": None if only is None else only.text("shipping_method"),
        "method": _method(payload),
        "payment_terms": terms and terms.term,
    }  # fmt: skip


def _method(payload: PayloadReader) -> str:
    if payload.flag("order_is_digital"):
        return "digital"
    return "pickup" if payload.id("status_id") == "8" or _fetched(payload) else "ship"


def _fetched(payload: PayloadReader) -> bool:
    """Whether all that can be touched is fetched by the customer, as far as consignments say."""
    goods = [one for one in payload.each("consignments") if isinstance(one.value, dict)]
    return any(one.get("pickups") for one in goods) and not any(one.get("shipping") for one in goods)


def _addresses(payload: PayloadReader) -> list[PayloadReader]:
    """Where the order goes, if it says so itself. Of several places none is the order's."""
    places = payload.get("shipping_addresses")
    if isinstance(places.value, list):
        return list(places.each())
    return [
        one for consignment in payload.each("consignments") if isinstance(consignment.value, dict) for one in consignment.each("shipping")
    ]


def _total(payload: PayloadReader) -> Money | None:
    """What the customer pays, in the currency that they pay in: `currency_code` is only the one that prices were shown in."""
    code = payload.text("default_currency_code") or payload.text("currency_code")
    return None if code is None else amount_of(payload, "total_inc_tax", currency(code, payload.get("default_currency_code").path))


def _products(payload: PayloadReader) -> list[PayloadReader] | None:
    """What was ordered: the products in the place of their link, else those of the consignments; None if the order has neither."""
    if isinstance(payload.get("products").value, list):
        return list(payload.each("products"))
    sorts = ("shipping", "pickups", "downloads")
    goods = [one for consignment in payload.each("consignments") for name in sorts for one in consignment.each(name)]
    found = [item for one in goods if isinstance(one.get("line_items").value, list) for item in one.each("line_items")]
    return found or None


def lines_of(products: Iterable[PayloadReader]) -> list[dict[str, Any]]:
    """An order's products as lines. What belongs to another line (an option that is a product of its own) goes with that one."""
    found: list[dict[str, Any]] = []
    for one in products:
        quantity = one.quantity("quantity")
        if quantity == 0 or one.id("parent_order_product_id") not in (None, "0"):
            continue
        line = {"line_id": one.need_id("id"), "sku": one.id("sku") or None, "quantity": quantity}
        found.append({name: value for name, value in line.items() if value is not None})
    return found
