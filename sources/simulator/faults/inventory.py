"""Faults of stock."""

from __future__ import annotations

from sources.simulator.faults.base import Faults
from sources.simulator.life import live
from sources.simulator.moments import DAY, HOUR, MINUTE
from sources.simulator.order import SimulatedOrder
from sources.simulator.parts import Data

FAULTS = Faults()


def _short(order: SimulatedOrder, at: int, available: int | None, **data: object) -> str:
    """Appends a shortage of the first line. Returns its scope."""
    line = order.lines[0]
    amount = {} if available is None else {"available": available}
    content = {"site": order.site.name, "sku": line.sku, "ordered": line.quantity, **amount, **data}
    order.add(at, order.site.source, "inventory.short", content)
    return f"line:{line.sku}"


def _live_slowly(order: SimulatedOrder) -> int:
    """A life that is allocated after 3 hours (4 business hours are allowed). Returns an instant before that."""
    order.waits["allocated"] = 3 * HOUR
    live(order)
    return order.placed + order.rng.randint(15, 90) * MINUTE


@FAULTS.one("inventory.oversold")
def sold_twice(order: SimulatedOrder) -> None:
    """Allocated, then not there after all; allocated again from elsewhere before the release, or shipped all the same."""
    again = order.rng.random() < 0.5
    order.waits |= {"allocated": 20 * MINUTE, "released": 8 * HOUR}
    live(order)
    scope = _short(order, order.placed + 2 * HOUR, 0)
    if again:
        data: Data = {"site": order.site.name, **order.naming(order.lines)}
        order.add(order.placed + 4 * HOUR, order.site.source, "inventory.allocated", data)
    order.expect("inventory.oversold", "resolved", scope)


@FAULTS.one("inventory.out_of_stock")
def nothing_on_the_shelf(order: SimulatedOrder) -> None:
    """None available; found within hours."""
    scope = _short(order, _live_slowly(order), order.rng.choice((0, None)))
    order.expect("inventory.out_of_stock", "resolved", scope)


@FAULTS.one("inventory.partial")
def some_on_the_shelf(order: SimulatedOrder) -> None:
    """Fewer available than ordered; the rest is found within hours."""
    order.lines[0].quantity += 1
    scope = _short(order, _live_slowly(order), 1)
    order.expect("inventory.partial", "resolved", scope)


@FAULTS.one("inventory.substitution_needed")
def a_substitute_is_offered(order: SimulatedOrder) -> None:
    """None available, another product could be sent: both are said."""
    scope = _short(order, _live_slowly(order), 0, substitutes=["SKU-9001", "SKU-9002"])
    order.expect("inventory.substitution_needed", "resolved", scope)
    order.expect("inventory.out_of_stock", "resolved", scope)


@FAULTS.one("inventory.short_pick")
def not_found_by_the_picker(order: SimulatedOrder) -> None:
    """The picker does not find it, then does."""
    order.names_lines = True
    order.waits |= {"picked": 3 * HOUR, "picking": 2 * HOUR}
    live(order)
    line = order.lines[0]
    order.warehouse(order.when["pick_started"] + HOUR, "pick_short", sku=line.sku, ordered=line.quantity, picked=0)
    order.expect("inventory.short_pick", "resolved", f"line:{line.sku}")


@FAULTS.one("inventory.sku_unknown")
def the_warehouse_does_not_know_the_product(order: SimulatedOrder) -> None:
    """Refused for an unknown product, released after a correction."""
    _refused(order, "sku_unknown")


@FAULTS.one("inventory.sku_inactive")
def the_product_is_no_longer_active(order: SimulatedOrder) -> None:
    """Refused for an inactive product, released after a correction."""
    _refused(order, "sku_inactive")


def _refused(order: SimulatedOrder, reason: str) -> None:
    order.waits["released"] = 6 * HOUR
    live(order)
    sku = order.lines[-1].sku if order.rng.random() < 0.7 else None
    order.warehouse(order.when["released"] - 2 * HOUR, "rejected", reason=reason, **({} if sku is None else {"sku": sku}))
    order.expect(f"inventory.{reason}", "resolved", None if sku is None else f"line:{sku}")


@FAULTS.one("inventory.allocation_overdue")
def allocated_after_eight_days(order: SimulatedOrder) -> None:
    """Allocated after 8 days (4 business hours are allowed)."""
    order.waits["allocated"] = 8 * DAY
    live(order)
    order.expect("inventory.allocation_overdue", "resolved")


@FAULTS.one("inventory.backorder_aged")
def forty_days_on_backorder(order: SimulatedOrder) -> None:
    """On backorder for 40 days (30 are allowed), or held for stock as long."""
    if order.rng.random() < 0.6:
        order.waits["allocated"] = 40 * DAY
        live(order)
        order.add(order.placed + 25 * MINUTE, order.site.source, "inventory.backordered", order.naming(order.lines))
    else:
        order.earliest_release = order.placed + 40 * DAY
        live(order)
        hold: Data = {"hold": "inventory", "hold_id": f"hold_{order.index}"}
        order.add(order.placed + HOUR, order.storefront, "order.hold_placed", hold)
        order.add(order.earliest_release, order.storefront, "order.hold_released", hold)
    order.expect("inventory.backorder_aged", "resolved")


@FAULTS.one("inventory.backorder_aged")
def two_months_on_backorder(order: SimulatedOrder) -> None:
    """On backorder for 56 days: warned at 30, worse at 53."""
    order.waits["allocated"] = 56 * DAY
    live(order)
    order.add(order.placed + 25 * MINUTE, order.site.source, "inventory.backordered", order.naming(order.lines))
    order.expect("inventory.backorder_aged", "resolved")
