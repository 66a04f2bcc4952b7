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
from sources.adapters.doc import PayloadReader
from sources.adapters.moments import unix
from sources.adapters.money import Money, amount_of, currency
from sources.adapters.scans import SCAN
from sources.adapters.shops import known, no_later, own_id, owner_of, part_of, ship_to, snapshot, tell, updated
from sources.adapters.told import AdapterOutput, Ignored, RefuseError

COMPLETED: Final = "10"
"""The status of an order that was fetched, too."""
TEST_GATEWAY: Final = "Test Payment Gateway"
"""What BigCommerce calls the means of payment of orders that are only tried out."""


def read_order(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """What an order's snapshot says."""
    number = doc.need_id("id")
    say.test_mode(is_test=doc.text("payment_method") == TEST_GATEWAY)
    meaning = say.code(STATUS, doc.need_id("status_id"))
    if meaning is not None and meaning.ignored:
        yield Ignored("order", meaning.why)
        return
    step = None if meaning is None else meaning.word
    owner, parts = owner_of(say, doc, number, doc.id("external_order_id") or None)
    created = need_moment(doc, "date_created")
    changed = moment(doc, "date_modified") or created
    total, fields = _total(doc), _fields(doc, say)
    standing = [f"placed-{number}"]
    products = _products(doc)
    listed, lines = products is not None, lines_of(products or [])
    yield tell(say, owner, "order.placed", f"placed-{number}", created, {**fields, "total": total, "lines": lines or None}, changed)
    if changed > created:
        patch = known(doc, fields, _SOURCES)
        # Links instead of addresses say nothing of a change, and only some statuses say that an order is collected.
        for name, nothing in (("ship_to", None), ("service", None), ("method", "ship")):
            if fields[name] == nothing:
                patch.pop(name, None)
        if total is not None:
            patch["total"] = total
        if listed:
            patch["lines"] = lines
        yield updated(say, owner, number, changed, patch)
    hold = {"hold_id": own_id(say, number)}
    if step == "held":
        yield tell(say, parts, "order.hold_placed", f"hold-{digest(number, changed)}", changed, {**hold, "hold": "manual"}, changed)
    elif step is not None and changed > created:
        yield tell(say, parts, "order.hold_released", f"unheld-{digest(number, changed)}", changed, hold, changed)
    if step == "packed":
        yield tell(say, parts, "warehouse.packed", f"packed-{number}", changed, {}, changed)
    left = moment(doc, "date_shipped")
    # What left was paid before, and an order does not say when its first part left.
    bound = created if doc.number("items_shipped") else no_later(changed, left)
    paid = say.code(PAYMENT_STATUS, doc.text("payment_status"))
    if paid is not None and not paid.ignored:
        word = paid.word.removeprefix("payment.")
        yield tell(say, parts, paid.word, f"order-{word}-{number}", max(created, bound), {}, changed)
    if step == "cancelled":
        standing.append(f"cancelled-{number}")
        yield tell(say, parts, "order.cancelled", f"cancelled-{number}", changed, {}, changed)
    yield snapshot(say, f"order/{number}", "order.placed", changed, standing, parts)
    if step == "shipped" and fields["method"] == "ship" and doc.number("items_shipped") == 0:
        data: dict[str, Any] = {"shipment_id": own_id(say, f"order-{number}")}
        yield tell(say, parts, "warehouse.shipped", f"shipped-order-{number}", left or changed, data, changed)
    elif doc.id("status_id") == COMPLETED and fields["method"] == "pickup":
        data = {"status": "delivered", "shipment_id": own_id(say, f"order-{number}"), "raw": {"code": COMPLETED}}
        yield tell(say, parts, SCAN, f"collected-{number}", left or changed, data, changed)


def read_status(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """A webhook that says an order's new status: of most it says too little to tell a fact, but it says when it was."""
    data = doc.need("data")
    number = data.need_id("id")
    meaning = say.code(STATUS, data.get("status").need_id("new_status_id"))
    before = STATUS.get(data.get("status").id("previous_status_id"))
    at = unix(doc, "created_at")
    if at is None:
        raise RefuseError("missing_field", doc.get("created_at").path)
    owner, hold = part_of(say, number), {"hold_id": own_id(say, number)}
    standing = [f"placed-{number}"]
    if meaning is not None and meaning.words == ("cancelled",):
        standing.append(f"cancelled-{number}")
        yield tell(say, owner, "order.cancelled", standing[-1], at, {}, at)
    elif meaning is not None and meaning.words == ("held",):
        yield tell(say, owner, "order.hold_placed", f"hold-{digest(number, at)}", at, {**hold, "hold": "manual"}, at)
    elif meaning is not None and meaning.words == ("packed",):
        yield tell(say, owner, "warehouse.packed", f"packed-{number}", at, {}, at)
    elif meaning is not None and before is not None and before.words == ("held",):
        yield tell(say, owner, "order.hold_released", f"unheld-{digest(number, at)}", at, hold, at)
    else:
        yield Ignored("store/order/statusUpdated", "names only an ID and a status: fetch the order and adapt the answer")
    if meaning is not None and not meaning.ignored:
        yield snapshot(say, f"order/{number}", "order.placed", at, standing, owner)


_SOURCES: Final = {
    "customer": ("customer_id",),
    "ship_to": ("shipping_addresses", "consignments"),
    "channel": ("order_source",),
    "service": ("shipping_addresses", "consignments"),
    "method": ("order_is_digital",),
    "payment_terms": ("payment_method",),
}
"""By field: those of BigCommerce's that it is read from."""


def _fields(doc: PayloadReader, say: EventBuilder) -> dict[str, Any]:
    customer = doc.id("customer_id")
    gateway = doc.text("payment_method")
    terms = say.code(PAYMENT, gateway) if PAYMENT.get(gateway) is not None else None
    places = _addresses(doc)
    only = places[0] if len(places) == 1 else None
    return {
        # 0 is a guest: guests have nothing in common.
        "customer": None if customer in (None, "0") else {"id": customer},
        "ship_to": None if only is None else ship_to(
            only.text("country_iso2"), only.text("state"), only.text("zip"), only.text("city"), only.text("street_1"), only.text("street_2")
        ),
        "channel": doc.text("order_source"),
        "service": None if only is None else only.text("shipping_method"),
        "method": "digital" if doc.flag("order_is_digital") else "pickup" if doc.id("status_id") == "8" or _fetched(doc) else "ship",
        "payment_terms": terms and terms.word,
    }  # fmt: skip


def _fetched(doc: PayloadReader) -> bool:
    """Whether all that can be touched is fetched by the customer, as far as consignments say."""
    goods = [one for one in doc.each("consignments") if isinstance(one.value, dict)]
    return any(one.get("pickups") for one in goods) and not any(one.get("shipping") for one in goods)


def _addresses(doc: PayloadReader) -> list[PayloadReader]:
    """Where the order goes, if it says so itself. Of several places none is the order's."""
    places = doc.get("shipping_addresses")
    if isinstance(places.value, list):
        return list(places.each())
    return [one for consignment in doc.each("consignments") if isinstance(consignment.value, dict) for one in consignment.each("shipping")]


def _total(doc: PayloadReader) -> Money | None:
    """What the customer pays, in the currency that they pay in: `currency_code` is only the one that prices were shown in."""
    code = doc.text("default_currency_code") or doc.text("currency_code")
    return None if code is None else amount_of(doc, "total_inc_tax", currency(code, doc.get("default_currency_code").path))


def _products(doc: PayloadReader) -> list[PayloadReader] | None:
    """What was ordered: the products in the place of their link, else those of the consignments; None if the order has neither."""
    if isinstance(doc.get("products").value, list):
        return list(doc.each("products"))
    sorts = ("shipping", "pickups", "downloads")
    goods = [one for consignment in doc.each("consignments") for name in sorts for one in consignment.each(name)]
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
