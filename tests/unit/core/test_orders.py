"""Which orders are kept unpacked: as many as fit into the bytes that they may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataflows.core.engine.order import Order
from dataflows.core.engine.orders import EVENT_BYTES, ORDER_BYTES, OrderCache
from tests.support.codec import CODEC
from tests.support.logs import T0, line, record

if TYPE_CHECKING:
    from dataflows.core.engine.triggers import Profile


def unprofiled(_: Order) -> Profile | None:
    """No policy is asked."""
    return None


def grow(orders: OrderCache, key: str, events: int) -> None:
    """Finds an order, or opens it, once for each of so many events that it is given."""
    for number in range(events):
        order = orders.find(key)
        if order is None:
            order = Order("default", key)
            orders.add(key, order)
        order.timeline.add(record(line(f"{key}-{len(order.timeline.records)}", T0 + number, order=key), T0 + number))


def unpacked(orders: OrderCache) -> dict[str, Order]:
    """The orders that are kept unpacked."""
    return orders._young | orders._old  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("tracked", [False, True])
@pytest.mark.parametrize("events", [1, 4, 40])
def test_what_is_kept_unpacked_is_bounded_by_bytes_not_by_number(events: int, *, tracked: bool) -> None:
    """Orders with many events are fewer; none is lost, and what is packed is what it was."""
    orders = OrderCache(CODEC, unprofiled, hot := 200_000)
    if tracked:
        orders.changes()
    for number in range(300):
        grow(orders, f"A-{number}", events)
    kept = unpacked(orders)
    assert (
        0
        < sum(ORDER_BYTES + EVENT_BYTES * len(order.timeline.records) for order in kept.values())
        <= hot + ORDER_BYTES + EVENT_BYTES * events
    )
    assert len(orders) == 300
    assert {len(CODEC.unpack(key, packed).timeline.records) for key, packed in orders.rows()} == {events}


def test_an_order_that_grows_while_it_is_kept_makes_room_for_itself() -> None:
    """Its bytes are counted as it grows, not only when it is unpacked."""
    orders = OrderCache(CODEC, unprofiled, hot := 200_000)
    for number in range(10):
        grow(orders, f"A-{number}", 1)
    for _ in range(20):
        for number in range(10):
            grow(orders, f"A-{number}", 1)
    grow(orders, "B", 1)
    assert (
        sum(ORDER_BYTES + EVENT_BYTES * len(order.timeline.records) for order in unpacked(orders).values())
        <= hot + ORDER_BYTES + EVENT_BYTES * 21
    )


def test_an_order_above_the_bound_is_kept_while_it_is_the_last_one_found() -> None:
    """Whoever found it may change it until another one is found."""
    orders = OrderCache(CODEC, unprofiled, 1)
    grow(orders, "A", 50)
    found = orders.find("A")
    assert found is not None
    assert found is orders.find("A")
    orders.find("B")
    grow(orders, "B", 1)
    again = orders.find("A")
    assert again is not None
    assert len(again.timeline.records) == 50
