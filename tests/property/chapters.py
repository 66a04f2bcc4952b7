"""Stretches of an order's life as sources tell them: parcels announced one number at a time, labels without lines, voids after confirms.

A chapter is a list of events (type and data) in the order in which they happen. Drawn at random, single events seldom come together like
this; what comes before a chapter, between its events and after it is drawn as ever.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import strategies as st

from tests.property.ingredients import LINES, Ingredients, one_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn

Data = dict[str, object]


class Told(NamedTuple):
    """An event of a chapter; `soon`: so long after the one before it, `source` and `subject` where they are not those of its kind."""

    type: str
    data: Data
    soon: timedelta | None = None
    source: str | None = None
    subject: str | None = None


LABEL, SHIPPED, VOID, SCAN = "warehouse.label_created", "warehouse.shipped", "warehouse.shipment_cancelled", "carrier.scan"
SHARED = "t-shared"
"""A tracking number that several orders of a history may announce: freight."""
SAME_SKU: tuple[tuple[Data, ...], ...] = (
    ({"line_id": "1", "sku": "A", "quantity": 1}, {"line_id": "2", "sku": "A", "quantity": 1}),
    ({"sku": "A", "quantity": 2},),
    ({"sku": "A", "quantity": 1},),
    ({"line_id": "1", "quantity": 1},),
    ({"line_id": "2", "sku": "A"},),
    ({"line_id": "1", "sku": "A", "quantity": 1}, {"sku": "A", "quantity": 1}),
)
"""Two lines of one SKU, and the ways in which they are named."""
KITS: tuple[tuple[Data, ...], ...] = (
    (
        {"line_id": "1", "sku": "K", "quantity": 1, "components": [{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 2}]},
        {"line_id": "2", "sku": "B", "quantity": 1},
    ),
    ({"sku": "K", "quantity": 2, "components": [{"sku": "A", "quantity": 1}]},),
    ({"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 2}),
    ({"sku": "A", "quantity": 1},),
    ({"sku": "B", "quantity": 3},),
    ({"line_id": "1", "quantity": 1},),
    ({"line_id": "1", "sku": "A", "quantity": 1},),
    ({"sku": "K", "quantity": 1},),
)
"""A kit with components, and the ways in which it is named."""
PARENTS: tuple[tuple[Data, ...], ...] = (
    (
        {"line_id": "1", "sku": "K", "quantity": 1},
        {"line_id": "2", "sku": "A", "quantity": 1, "parent_line_id": "1"},
        {"line_id": "3", "sku": "B", "quantity": 2, "parent_line_id": "1"},
    ),
    ({"line_id": "1", "sku": "K", "quantity": 1}, {"line_id": "2", "sku": "A", "quantity": 1, "parent_line_id": "1"}),
    (
        {"line_id": "1", "sku": "K", "quantity": 1},
        {"line_id": "2", "sku": "L", "quantity": 1, "parent_line_id": "1"},
        {"line_id": "3", "sku": "A", "quantity": 2, "parent_line_id": "2"},
        {"line_id": "4", "sku": "B", "quantity": 1, "parent_line_id": "1", "method": "digital"},
    ),
    ({"line_id": "2", "sku": "A", "quantity": 1}, {"line_id": "3", "sku": "B", "quantity": 2}),
    ({"sku": "A", "quantity": 1},),
    ({"sku": "B", "quantity": 2},),
    ({"line_id": "1", "quantity": 1},),
)
"""A kit whose parts are lines, or kits."""
METHODS: tuple[tuple[Data, ...], ...] = (
    ({"line_id": "1", "sku": "A", "quantity": 2}, {"line_id": "2", "sku": "B", "quantity": 1, "method": "digital"}),
    ({"line_id": "1", "sku": "A", "quantity": 2}, {"line_id": "2", "sku": "B", "quantity": 1, "method": "pickup"}),
    ({"line_id": "1", "sku": "A", "quantity": 1}, {"line_id": "3", "sku": "A", "quantity": 1, "method": "tomorrow"}),
    ({"sku": "A", "quantity": 2},),
    ({"line_id": "2", "sku": "B"},),
)
"""Lines that reach the customer in ways of their own."""
BASKETS = (LINES, LINES, SAME_SKU, KITS, PARENTS, METHODS)
MOVES = ("accepted", "in_transit", "in_transit", "out_for_delivery", "delivered", "delivered", "attempt_failed", "held", "exception")
EUR: Data = {"amount": "100.00", "currency": "EUR"}


def lines_or_none(order: Ingredients, draw: DrawFn) -> Data:
    """Some lines of the order, or none."""
    lines = order.some_lines(draw)
    return {} if lines is None else {"lines": lines}


def moves(number: str, draw: DrawFn, most: int = 3) -> list[Told]:
    """Scans of a parcel."""
    statuses = draw(st.lists(st.sampled_from((*MOVES, "returning", "returned", "lost", "cancelled", "label_created")), max_size=most))
    return [Told(SCAN, {"status": status, "tracking_number": number, "eta": None}) for status in statuses]


def _pieces(order: Ingredients, draw: DrawFn) -> list[Told]:
    """Two parcels of one shipment, of which the second is announced alone."""
    shipment, one, two = order.id("s", 1), order.id("t", 1), order.id("t", 2)
    second: Data = {"shipment_id": shipment, **draw(st.sampled_from(({"tracking_number": two}, {"tracking_numbers": [two]})))}
    told: list[Told] = [
        Told(draw(st.sampled_from((LABEL, SHIPPED))), {"shipment_id": shipment, "tracking_number": one, **lines_or_none(order, draw)}),
        Told(draw(st.sampled_from((LABEL, LABEL, SHIPPED))), {**second, **lines_or_none(order, draw)}),
    ]
    if draw(st.integers(0, 1)):
        told.insert(draw(st.integers(0, 2)), Told(SHIPPED, {"shipment_id": shipment, **lines_or_none(order, draw)}))
    scans = [*moves(one, draw), *moves(two, draw, 2)]
    return [*told, *draw(st.permutations(scans))]


def _labelled(order: Ingredients, draw: DrawFn) -> list[Told]:
    """A label with or without lines, and a confirmation with or without them, by shipment, number or both."""
    shipment, number = order.id("s", 1), order.id("t", 1)
    names: tuple[Data, ...] = (
        {"shipment_id": shipment, "tracking_number": number},
        {"shipment_id": shipment},
        {"tracking_number": number},
    )
    label, confirm = draw(st.sampled_from(names)), draw(st.sampled_from(names))
    told: list[Told] = [Told(LABEL, {**label, **lines_or_none(order, draw)}), Told(SHIPPED, {**confirm, **lines_or_none(order, draw)})]
    if draw(st.integers(0, 2)) == 0:  # Another system, or the same one again, confirms it too.
        again = {**draw(st.sampled_from(names)), **(told[1].data if draw(st.booleans()) else lines_or_none(order, draw))}
        soon = draw(st.sampled_from((None, timedelta(minutes=1), timedelta(hours=1))))
        told.append(Told(SHIPPED, again, soon, draw(st.sampled_from((None, "/warehouse/shop")))))
    return [*told, *moves(number, draw)]


def _voided(order: Ingredients, draw: DrawFn) -> list[Told]:
    """A label, its void and its confirmation, in any order."""
    shipment, number = order.id("s", 1), order.id("t", 1)
    both: Data = {"shipment_id": shipment, "tracking_number": number}
    void: Data = draw(st.sampled_from(({"shipment_id": shipment}, {"tracking_number": number}, both)))
    told: list[Told] = [Told(LABEL, both), Told(VOID, void), Told(SHIPPED, {**both, **lines_or_none(order, draw)})]
    told = draw(st.permutations(told))
    again: list[Told] = (
        [Told(SHIPPED, {"shipment_id": order.id("s", 2), "tracking_number": order.id("t", 3)})] if draw(st.booleans()) else []
    )
    return [*told, *moves(number, draw), *again]


def _freight(order: Ingredients, draw: DrawFn) -> list[Told]:
    """A number that another order may have too; its scans name no order."""
    ship: Data = {"shipment_id": order.id("s", 3), "tracking_number": SHARED, **lines_or_none(order, draw)}
    told: list[Told] = [Told(draw(st.sampled_from((LABEL, SHIPPED, SHIPPED))), ship), *moves(SHARED, draw)]
    return draw(st.permutations(told)) if draw(st.booleans()) else told


def _paid(order: Ingredients, draw: DrawFn) -> list[Told]:
    """Authorizations, voids, captures and refunds of one or two payments, about a shipment."""
    steps = ("authorized", "authorized", "voided", "captured", "failed", "refunded")
    told: list[Told] = []
    for step in draw(st.lists(st.sampled_from((*(f"payment.{step}" for step in steps), SHIPPED)), min_size=2, max_size=5)):
        payment: Data = {"payment_id": draw(one_of(order.id("p", 1), order.id("p", 1), order.id("p", 2)))}
        if step == SHIPPED:
            told.append(Told(step, {"shipment_id": order.id("s", 1), "tracking_number": order.id("t", 1), **lines_or_none(order, draw)}))
        elif step == "payment.failed":
            stage, decline = draw(one_of("authorization", "capture")), draw(one_of(None, "soft", "hard"))
            told.append(Told(step, {**payment, "stage": stage, "decline": decline}))
        elif step == "payment.voided":
            told.append(Told(step, payment))
        else:
            told.append(Told(step, {**payment, "amount": draw(one_of(EUR, EUR, {"amount": "40.00", "currency": "EUR"}))}))
    return told


def _replaced(order: Ingredients, draw: DrawFn) -> list[Told]:
    """A shipment that another one replaces, named by its ID or number."""
    first: Data = {"shipment_id": order.id("s", 1), "tracking_number": order.id("t", 1), **lines_or_none(order, draw)}
    replaces = draw(one_of(order.id("s", 1), order.id("t", 1), order.id("s", 2)))
    second: Data = {
        "shipment_id": order.id("s", 2),
        "tracking_number": order.id("t", 3),
        "replaces": replaces,
        **lines_or_none(order, draw),
    }
    told: list[Told] = [Told(SHIPPED, first), *moves(order.id("t", 1), draw, 2), Told(draw(st.sampled_from((LABEL, SHIPPED))), second)]
    return [*told, *moves(order.id("t", 3), draw, 2)]


def _sent_back(order: Ingredients, draw: DrawFn) -> list[Told]:
    """A return, whose number may be one that was or will be used for a parcel to the customer."""
    number = draw(st.sampled_from((order.id("u", 1), order.id("t", 2))))
    back: Data = {"return_id": order.id("r", 1), "tracking_number": number}
    steps = ("return.requested", "return.authorized", "return.shipped", "return.received", "return.inspected")
    count = draw(st.integers(1, 4))
    told: list[Told] = [Told(step, {**back, **lines_or_none(order, draw)}) for step in steps[:count]]
    out = Told(draw(st.sampled_from((LABEL, SHIPPED))), {"shipment_id": order.id("s", 2), "tracking_number": number})
    if draw(st.booleans()):
        told.insert(draw(st.integers(0, len(told))), out)
    return [*told, *moves(number, draw)]


def _worked(order: Ingredients, draw: DrawFn) -> list[Told]:
    """The steps of a warehouse for all lines or some, one after another."""
    steps = ("inventory.allocated", "warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed")
    count = draw(st.integers(1, 5))
    told: list[Told] = [Told(step, {**lines_or_none(order, draw), "site": draw(one_of(None, "w1"))}) for step in steps[:count]]
    return [*told, *(told[-1:] if draw(st.booleans()) else [])]


BUILT_IN: tuple[Callable[[Ingredients, DrawFn], list[Told]], ...] = (
    *(_pieces, _pieces, _labelled, _labelled, _voided, _voided),
    *(_freight, _paid, _replaced, _sent_back, _worked),
)
