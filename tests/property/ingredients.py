"""What random events are made of: `data` of every event type, for one order with identifiers of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
GRID = tuple(
    sorted(
        {HOUR * 12 * n for n in range(50)}
        | {DAY * n for n in range(25)}
        | {MINUTE, MINUTE * 10, MINUTE * 15, HOUR, HOUR * 4, HOUR * 8, HOUR * 24, HOUR * 25, DAY * 2 + MINUTE, DAY * 3 + MINUTE}
    )
)
SCANS = (
    *("unknown", "label_created", "accepted", "in_transit", "in_transit", "customs", "out_for_delivery", "attempt_failed"),
    *("ready_for_pickup", "delayed", "held", "exception", "damaged", "lost", "returning", "returned", "delivered", "delivered"),
    *("failed_final", "cancelled", "expired"),
)
REASONS = (
    *(None, None, None, None, None, None, "missorted", "refused", "disposed", "prohibited", "rejected", "pickup_failed", "not_found"),
    *("documents", "duty", "customs", "address", "final_attempt", "unmapped", "other", "of_tomorrow"),
)
STEPS = ("warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed")
HOLDS = ("fraud", "credit", "payment", "address", "inventory", "customs", "manual", "other")


def iso(moment: datetime) -> str:
    """RFC 3339."""
    return moment.isoformat()


def one_of(*values: object) -> st.SearchStrategy[object]:
    """One of the values."""
    return st.sampled_from(values)


@dataclass(frozen=True)
class Ingredients:
    """What the events of one order are drawn from."""

    name: str
    base: datetime
    lines: tuple[tuple[dict[str, object], ...], ...]

    def id(self, letter: str, number: object) -> str:
        """An identifier of this order's own."""
        return f"{letter}-{self.name}-{number}"

    def date(self, draw: DrawFn) -> str | None:
        """A `*_by` value: none, a date or an instant on the grid."""
        at = self.base + draw(st.sampled_from(GRID))
        return draw(
            st.sampled_from((None, at.date().isoformat(), at.date().isoformat(), iso(at), f"{at.date().isoformat()}/{iso(at + DAY)}"))
        )

    def some_lines(self, draw: DrawFn) -> list[dict[str, object]] | None:
        """Lines of an event: none, or some of the order's."""
        chosen = draw(st.sampled_from((None, *self.lines)))
        return None if chosen is None else [dict(line) for line in chosen]


LINES: tuple[tuple[dict[str, object], ...], ...] = (
    ({"line_id": "1", "sku": "A", "quantity": 2}, {"line_id": "2", "sku": "B", "quantity": 1}),
    ({"line_id": "1", "sku": "A", "quantity": 2},),
    ({"sku": "A", "quantity": 1},),
    ({"line_id": "2", "sku": "B", "quantity": 1},),
    ({"sku": "B"},),
    ({"sku": "Z", "quantity": 1}, {"sku": "A", "quantity": 2}),
)


PLACES: tuple[dict[str, object], ...] = (
    {"country": "DE"},
    {"country": "US", "region": "CA"},
    {"country": "NL", "timezone": "Europe/Amsterdam"},
    {"region": "X"},
    {},
)


def _placed(order: Ingredients, draw: DrawFn) -> dict[str, object]:
    lines = draw(st.sampled_from((None, None, order.lines[0], order.lines[0], order.lines[1])))
    dated = [] if lines is None else [dict(line) for line in lines]
    if dated and draw(st.integers(0, 3)) == 0:
        dated[0] |= {"ship_by": order.date(draw), "promised_by": order.date(draw)}
    address = draw(st.sampled_from(PLACES))
    return {
        "total": draw(one_of({"amount": "100.00", "currency": "EUR"}, {"amount": "100.00", "currency": "EUR"}, None)),
        "ship_to": address | ({"address_hash": "h"} if draw(st.integers(0, 3)) == 0 else {}),
        "customer": {"id": "c1"},
        "lines": dated or None,
        "ship_by": order.date(draw),
        "promised_by": order.date(draw),
        "method": draw(one_of(None, None, None, None, "ship", "local", "digital", "pickup", "tomorrow")),
        "payment_terms": draw(one_of(None, None, None, "prepaid", "on_ship", "invoice", "external", "tomorrow")),
    }


def _money(draw: DrawFn) -> object:
    return draw(
        one_of(
            {"amount": "100.00", "currency": "EUR"},
            {"amount": "60.00", "currency": "EUR"},
            {"amount": "40.00", "currency": "EUR"},
            {"amount": "100.00", "currency": "USD"},
        )
    )


def _updated(order: Ingredients, draw: DrawFn) -> dict[str, object]:
    which = draw(st.integers(0, 6))
    return (
        {"ship_by": order.date(draw)}
        if which == 0
        else {"promised_by": order.date(draw)}
        if which == 1
        else {"lines": [dict(line) for line in draw(st.sampled_from(order.lines[:3]))]}
        if which == 2
        else {"ship_to": {"country": "NL"}}
        if which == 3
        else {"total": draw(one_of({"amount": "60.00", "currency": "EUR"}, None))}
        if which == 4
        else {"payment_terms": draw(one_of("prepaid", "on_ship", "invoice"))}
        if which == 5
        else {"method": draw(one_of("ship", "local", None))}
    )


def _parcels(order: Ingredients, draw: DrawFn) -> dict[str, object]:
    which = draw(st.integers(0, 5))
    one, two, three = (order.id("t", n) for n in (1, 2, 3))
    first = order.id("s", 1)
    choices: tuple[dict[str, object], ...] = (
        {"shipment_id": first, "tracking_number": one},
        {"shipment_id": first, "tracking_numbers": [one, two]},
        {"shipment_id": order.id("s", 2), "tracking_number": three},
        {"tracking_number": one},
        {"shipment_id": first},
        {},
    )
    return choices[which]


def _scan(order: Ingredients, draw: DrawFn) -> dict[str, object]:
    one, two, three, back = order.id("t", 1), order.id("t", 2), order.id("t", 3), order.id("u", 1)
    where = draw(
        one_of(
            *[{"tracking_number": one}] * 4,
            {"tracking_number": two},
            {"tracking_number": three},
            {"tracking_number": back},
            {"shipment_id": order.id("s", 1)},
            {},
        )
    )
    assert isinstance(where, dict)
    if draw(st.integers(0, 7)) == 0:
        return {"status": "unknown", "reason": None, "eta": order.date(draw), **where}
    eta = order.date(draw) if draw(st.integers(0, 4)) == 0 else None
    return {"status": draw(one_of(*SCANS)), "reason": draw(one_of(*REASONS)), "eta": eta, **where}


def data_of(type_: str, order: Ingredients, draw: DrawFn) -> dict[str, object]:
    """Random `data` of an event type for an order."""
    payment = {"payment_id": draw(one_of(order.id("p", 1), order.id("p", 1), order.id("p", 2), None))}
    sku = {"sku": draw(one_of("A", "B", None))}
    back = {"return_id": draw(one_of(order.id("r", 1), order.id("r", 2), None))}
    match type_:
        case "order.placed":
            return _placed(order, draw)
        case "order.updated":
            return _updated(order, draw)
        case "order.cancelled" | "order.cancel_requested":
            return {"lines": order.some_lines(draw)}
        case "order.hold_placed":
            shipment = draw(one_of(None, None, None, order.id("s", 1), order.id("s", 9)))
            return {"hold": draw(one_of(*HOLDS)), "hold_id": draw(one_of(None, None, "h1")), "shipment_id": shipment}
        case "order.hold_released":
            shipment = draw(one_of(None, None, None, order.id("s", 1)))
            return {"hold": draw(one_of(None, *HOLDS)), "hold_id": draw(one_of(None, None, "h1")), "shipment_id": shipment}
        case "payment.authorized":
            expires = iso(order.base + draw(st.sampled_from(GRID)))
            return {**payment, "amount": _money(draw), "expires_at": draw(one_of(None, expires, expires))}
        case "payment.captured":
            return {**payment, "amount": _money(draw), "final": draw(one_of(None, None, True))}
        case "payment.failed":
            stage, decline = draw(one_of(None, "authorization", "capture", "refund", "tomorrow")), draw(one_of(None, "soft", "hard"))
            return {**payment, "stage": stage, "decline": decline}
        case "payment.refunded":
            amount = draw(one_of(_money(draw), _money(draw), None))
            return {**payment, **back, "amount": amount, "lines": order.some_lines(draw) if draw(st.booleans()) else None}
        case "payment.disputed" | "payment.dispute_closed":
            return {**payment, "dispute_id": draw(one_of(None, order.id("d", 1))), "stage": draw(one_of(None, "inquiry", "chargeback"))}
        case "payment.voided":
            return payment
        case "inventory.short":
            return {**sku, "available": draw(one_of(None, 0, 1)), "substitutes": draw(one_of(None, [], ["C"])), "site": "w1"}
        case "warehouse.pick_short":
            return {**sku, "site": "w1"}
        case "warehouse.rejected":
            reasons = (None, "routing", "sku_unknown", "sku_inactive", "customs_data", "validation", "other", "tomorrow")
            return {**sku, "reason": draw(one_of(*reasons))}
        case "inventory.allocated" | "inventory.backordered":
            return {"lines": order.some_lines(draw)}
        case "warehouse.label_created" | "warehouse.shipped":
            replaces = draw(one_of(None, None, None, None, order.id("s", 1), order.id("t", 3)))
            return {**_parcels(order, draw), "lines": order.some_lines(draw), "replaces": replaces, "site": draw(one_of(None, "w1"))}
        case "warehouse.shipment_cancelled":
            return draw(st.sampled_from(({"shipment_id": order.id("s", 1)}, {"tracking_number": order.id("t", 3)})))
        case "carrier.scan":
            return _scan(order, draw)
        case "address.validated" | "address.invalid" | "address.change_requested":
            return {"risk": draw(one_of(None, "low", "medium", "high", "tomorrow"))}
        case "support.contacted":
            return {"intent": draw(one_of("not_received", "other"))}
        case "invoice.issued" | "invoice.disputed":
            return {"invoice_id": order.id("i", 1)}
        case _ if type_.startswith("return."):
            return {**back, "tracking_number": draw(one_of(None, None, order.id("u", 1), order.id("t", 2)))}
        case _:
            return {"lines": order.some_lines(draw)}
