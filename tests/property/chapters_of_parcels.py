"""Stretches of an order's life about parcels: reprints, relabels, hand-offs, reports of two sources, letters without a number."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.property.chapters import LABEL, SCAN, SHIPPED, VOID, Data, Told, lines_or_none, moves
from tests.property.ingredients import Ingredients, one_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn

AGGREGATOR = "/carrier/aftership"


def _reprinted(order: Ingredients, draw: DrawFn) -> list[Told]:
    """A label is voided and printed again, under its number or another, of the same shipment."""
    shipment, one = order.id("s", 1), order.id("t", 1)
    two = draw(st.sampled_from((one, order.id("t", 2))))
    void: Data = draw(
        st.sampled_from(({"tracking_number": one}, {"shipment_id": shipment}, {"shipment_id": shipment, "tracking_number": one}))
    )
    first: Data = {"shipment_id": shipment, "tracking_number": one, **lines_or_none(order, draw)}
    second: Data = {"shipment_id": shipment, "tracking_number": two, **lines_or_none(order, draw)}
    told = [Told(draw(st.sampled_from((LABEL, LABEL, SHIPPED))), first), Told(VOID, void), Told(LABEL, second)]
    if draw(st.booleans()):
        told.append(Told(SHIPPED, {"shipment_id": shipment, **draw(st.sampled_from(({}, {"tracking_number": two})))}))
    return [*told, *moves(two, draw)]


def _relabelled(order: Ingredients, draw: DrawFn) -> list[Told]:
    """A parcel gets another number on its way, which its shipment may or may not have named."""
    one, two = order.id("t", 1), order.id("t", draw(st.sampled_from((2, 3))))
    both: Data = {"tracking_number": two, "replaces_number": one}
    told = [Told(draw(st.sampled_from((LABEL, SHIPPED))), {"shipment_id": order.id("s", 1), "tracking_number": one})]
    rest = [*moves(one, draw), Told("carrier.relabelled", both), *moves(two, draw)]
    return [*told, *(draw(st.permutations(rest)) if draw(st.booleans()) else rest)]


def _taken_over(order: Ingredients, draw: DrawFn) -> list[Told]:
    """Another carrier takes the parcel over and gives it a number of its own."""
    one, two = order.id("t", 1), order.id("t", 2)
    carriers = draw(st.sampled_from((("ups", "usps"), ("ups", "ups"), (None, None), ("UPS", "ups"), ("ups", None))))
    told = [Told(SHIPPED, {"shipment_id": order.id("s", 1), "tracking_numbers": [one, two], **lines_or_none(order, draw)})]
    for number, carrier, source in ((one, carriers[0], None), (two, carriers[1], draw(st.sampled_from((None, AGGREGATOR))))):
        told += [move._replace(data=move.data | {"carrier": carrier}, source=source) for move in moves(number, draw)]
    return told


def _reported_twice(order: Ingredients, draw: DrawFn) -> list[Told]:
    """Two sources tell of the same scans, the second a little later, now and then with a reason of its own."""
    number = order.id("t", 1)
    told = [Told(SHIPPED, {"shipment_id": order.id("s", 1), "tracking_number": number})]
    for _ in range(draw(st.integers(1, 4))):
        status = draw(st.sampled_from(("in_transit", "attempt_failed", "attempt_failed", "held", "exception", "delivered", "unknown")))
        reasons = st.sampled_from((None, None, "customs", "address", "unmapped"))
        told.append(Told(SCAN, {"status": status, "tracking_number": number, "reason": draw(reasons)}))
        if draw(st.integers(0, 3)):
            soon = timedelta(minutes=draw(st.sampled_from((0, 1, 15, 16))))
            again: Data = {"status": status, "tracking_number": number, "reason": draw(reasons)}
            told.append(Told(SCAN, again, soon, AGGREGATOR))
    return told


def _untracked(order: Ingredients, draw: DrawFn) -> list[Told]:
    """A shipment without a number, which may be scanned by its ID all the same."""
    shipment = order.id("s", draw(st.sampled_from((1, 2))))
    told = [Told(draw(st.sampled_from((SHIPPED, SHIPPED, LABEL))), {"shipment_id": shipment, **lines_or_none(order, draw)})]
    if draw(st.integers(0, 2)) == 0:
        told.append(Told(SCAN, {"status": draw(st.sampled_from(("in_transit", "ready_for_pickup", "delivered"))), "shipment_id": shipment}))
    return told


def _estimated(order: Ingredients, draw: DrawFn) -> list[Told]:
    """A carrier that says when it will deliver, several times, with or without a scan."""
    number = order.id("t", draw(st.sampled_from((1, 3))))
    told = [Told(SHIPPED, {"shipment_id": order.id("s", 1), "tracking_number": number})]
    for _ in range(draw(st.integers(1, 3))):
        status = draw(one_of("unknown", "in_transit", "label_created", "ready_for_pickup"))
        told.append(Told(SCAN, {"status": status, "tracking_number": number, "eta": order.date(draw)}))
    return [*told, *moves(number, draw, 1)]


PARCELS: tuple[Callable[[Ingredients, DrawFn], list[Told]], ...] = (
    *(_reprinted, _reprinted, _relabelled, _taken_over, _reported_twice, _untracked, _estimated),
)
