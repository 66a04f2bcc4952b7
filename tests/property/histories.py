"""Random histories of a few orders: all event types, on a coarse grid of time so that ties and exact deadlines happen.

Events are contract events as dicts. Three weeks of 2026 or 2027 are drawn from, with changes of the clocks and public holidays in them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hypothesis.strategies import DrawFn

LONG = os.environ.get("ORDERWATCH_PROPERTIES") == "long"
"""Set ORDERWATCH_PROPERTIES=long for a search of an hour instead of a minute."""

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BASES = (datetime(2026, 3, 23, 9, tzinfo=UTC), datetime(2026, 12, 18, 9, tzinfo=UTC), datetime(2026, 11, 2, 0, tzinfo=UTC))
GRID = tuple(
    sorted(
        {HOUR * 12 * n for n in range(50)}
        | {DAY * n for n in range(25)}
        | {MINUTE, MINUTE * 10, MINUTE * 15, HOUR, HOUR * 4, HOUR * 8, HOUR * 24, HOUR * 25, DAY * 2 + MINUTE, DAY * 3 + MINUTE}
    )
)
DELAYS = (*[timedelta(0)] * 7, MINUTE * 15, HOUR, HOUR * 26, DAY * 5)
AFTER = (timedelta(0), MINUTE * 16, DAY, DAY * 3, DAY * 8, DAY * 32, DAY * 58)
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
SOURCES = {
    "order": "/storefront/acme",
    "payment": "/payments/adyen",
    "inventory": "/warehouse/w1",
    "warehouse": "/warehouse/w1",
    "carrier": "/carrier/ups",
    "evidence": "/desk/acme",
}
ARRIVAL = frozenset({"data.orphan_signal", "data.clock_skew"})
"""Kinds that speak about arrival, so that arrival may change them."""


def examples(few: int) -> settings:
    """Settings for a property: `few` examples in continuous integration, forty times as many in a long search."""
    return settings(
        max_examples=few * 40 if LONG else few,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        print_blob=True,
    )


@dataclass(frozen=True)
class History:
    """Events in no particular order, each with when it was recorded; `base` is the earliest instant on the grid."""

    base: datetime
    events: tuple[tuple[Mapping[str, object], datetime], ...]

    def lines(self, delays: Sequence[timedelta] | None = None) -> list[dict[str, object]]:
        """The events as a file; `delays` (used in turn) replace how long after their time they were recorded."""
        told = [
            (recorded if delays is None else _time(event) + delays[n % len(delays)], n, event)
            for n, (event, recorded) in enumerate(self.events)
        ]
        return [{**event, "recordedtime": iso(recorded)} for recorded, _, event in sorted(told, key=lambda one: one[:2])]

    @property
    def last(self) -> datetime:
        """When the last event was recorded or will happen."""
        return max(max(recorded, _time(event)) for event, recorded in self.events)


def iso(moment: datetime) -> str:
    """RFC 3339."""
    return moment.isoformat()


def _time(event: Mapping[str, object]) -> datetime:
    return datetime.fromisoformat(str(event["time"]))


def one_of(*values: object) -> st.SearchStrategy[object]:
    """One of the values."""
    return st.sampled_from(values)


@dataclass(frozen=True)
class _Order:
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


def _placed(order: _Order, draw: DrawFn) -> dict[str, object]:
    lines = draw(st.sampled_from((None, None, LINES[0], LINES[0], LINES[1])))
    dated = [] if lines is None else [dict(line) for line in lines]
    if dated and draw(st.integers(0, 3)) == 0:
        dated[0] |= {"ship_by": order.date(draw), "promised_by": order.date(draw)}
    place = draw(
        one_of(
            {"country": "DE"}, {"country": "US", "region": "CA"}, {"country": "NL", "timezone": "Europe/Amsterdam"}, {"region": "X"}, None
        )
    )
    address = dict(place) if isinstance(place, dict) else {}
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


def _updated(order: _Order, draw: DrawFn) -> dict[str, object]:
    which = draw(st.integers(0, 6))
    return (
        {"ship_by": order.date(draw)}
        if which == 0
        else {"promised_by": order.date(draw)}
        if which == 1
        else {"lines": [dict(line) for line in draw(st.sampled_from(LINES[:3]))]}
        if which == 2
        else {"ship_to": {"country": "NL"}}
        if which == 3
        else {"total": draw(one_of({"amount": "60.00", "currency": "EUR"}, None))}
        if which == 4
        else {"payment_terms": draw(one_of("prepaid", "on_ship", "invoice"))}
        if which == 5
        else {"method": draw(one_of("ship", "local", None))}
    )


def _parcels(order: _Order, draw: DrawFn) -> dict[str, object]:
    which = draw(st.integers(0, 5))
    one, two, three = (order.id("t", n) for n in (1, 2, 3))
    first = order.id("s", 1)
    return (
        {"shipment_id": first, "tracking_number": one},
        {"shipment_id": first, "tracking_numbers": [one, two]},
        {"shipment_id": order.id("s", 2), "tracking_number": three},
        {"tracking_number": one},
        {"shipment_id": first},
        {},
    )[which]


def _scan(order: _Order, draw: DrawFn) -> dict[str, object]:
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
    eta = order.date(draw) if draw(st.integers(0, 4)) == 0 else None
    return {"status": draw(one_of(*SCANS)), "reason": draw(one_of(*REASONS)), "eta": eta, **where}


def data_of(type_: str, order: _Order, draw: DrawFn) -> dict[str, object]:
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


TYPES = (
    *("order.updated", "order.updated", "order.cancel_requested", "order.cancelled", "order.hold_placed", "order.hold_placed"),
    *("order.hold_released", "payment.authorized", "payment.captured", "payment.captured", "payment.voided", "payment.failed"),
    *("payment.refunded", "payment.disputed", "payment.dispute_closed", "inventory.allocated", "inventory.short", "inventory.backordered"),
    *("address.validated", "address.invalid", "address.change_requested", *STEPS, "warehouse.pick_short", "warehouse.rejected"),
    *("warehouse.label_created", "warehouse.label_created", "warehouse.shipped", "warehouse.shipped", "warehouse.shipped"),
    *("warehouse.shipment_cancelled", "carrier.scan", "carrier.scan", "carrier.scan", "carrier.scan", "carrier.scan", "carrier.scan"),
    *("return.requested", "return.authorized", "return.shipped", "return.received", "return.inspected", "invoice.issued"),
    *("invoice.disputed", "support.contacted", "evidence.withdrawn", "action.approved"),
)
ALIASES = ("payment_id", "shipment_id", "tracking_number", "tracking_numbers", "return_id", "invoice_id", "dispute_id")


@st.composite
def histories(draw: DrawFn, *, most: int = 14, skew: bool = True) -> History:
    """One to three orders of up to `most` further events each; `skew`: now and then an event is recorded before it happened."""
    base = draw(st.sampled_from(BASES))
    events: list[tuple[Mapping[str, object], datetime]] = []
    for name in ("o1", "o2", "o3")[: draw(st.sampled_from((1, 1, 1, 2, 3)))]:
        order = _Order(name, base, LINES)
        types = draw(st.lists(st.sampled_from(TYPES), max_size=most))
        if draw(st.integers(0, 11)):
            types = ["order.placed", *types]
        own: list[str] = []
        for number, type_ in enumerate(types):
            data: dict[str, object]
            if type_ == "evidence.withdrawn":
                data = {"event_id": draw(st.sampled_from(own or ["none"]))}
            elif type_ == "action.approved":
                data = {"action_id": "a"}
            else:
                data = data_of(type_, order, draw)
            early = type_ == "order.placed"
            at = base + draw(st.sampled_from(GRID[:3] if early else GRID))
            identity = f"{name}-{number:02}"
            own.append(identity)
            event: dict[str, object] = {
                "specversion": "1.0",
                "id": identity,
                "source": SOURCES.get(type_.split(".", maxsplit=1)[0], "/desk/acme"),
                "type": type_,
                "time": iso(at),
                "subject": name,
                "data": {field: value for field, value in data.items() if value is not None or type_ == "order.updated"},
            }
            named = [alias for alias in ALIASES if data.get(alias)]
            nameless = type_ in ("carrier.scan", "payment.captured", "payment.refunded", "return.received", "warehouse.shipped")
            if nameless and named and draw(st.integers(0, 3)) == 0:
                del event["subject"]
            delay = draw(st.sampled_from(DELAYS))
            recorded = at - HOUR if skew and draw(st.integers(0, 40)) == 40 else at + delay
            events.append((event, recorded))
            if draw(st.integers(0, 15)) == 15:
                events.append((event, recorded + draw(st.sampled_from(DELAYS))))
    if not events:
        order = _Order("o1", base, LINES)
        placed: dict[str, object] = {"specversion": "1.0", "id": "o1-00", "source": "/storefront/acme", "type": "order.placed"}
        events.append(({**placed, "time": iso(base), "subject": "o1", "data": {}}, base))
    return History(base, tuple(events))
