"""inventory.* and fulfilment.*, each by its sentence in section 3 of the catalogue; and the per-line deadlines of both dates."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tests.oracle.judging.conditions import Condition, signal, timeout
from tests.oracle.judging.kinds_order import rejected, sku_scope, times
from tests.oracle.judging.reading import NEVER, Event, Json, Line, items, lines_of, number, text
from tests.oracle.judging.shipments import first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.oracle.judging.facts import Order


def speaks_of(lines: Sequence[Line], sku: str | None) -> bool:
    """Whether lines have the SKU; where either is not said, it may be any."""
    return not lines or sku is None or any(line.sku == sku for line in lines)


def cancels(order: Order, event: Event, sku: str | None) -> bool:
    """Whether a line cancel takes the SKU, by its name or by the ID of its line."""
    ids = {line.line_id for line in order.lines if line.sku == sku and line.line_id}
    return sku is not None and any(line.sku == sku or line.line_id in ids for line in event.lines)


def inventory_kinds(order: Order) -> list[Condition]:
    """All of inventory.*."""
    found: list[Condition] = []
    allocated = order.of("inventory.allocated")

    def supplied(event: Event) -> list[Event]:
        sku = event.text("sku")
        return [other for other in allocated if speaks_of(other.lines, sku)]

    def tell(kind: str, event: Event, *further: Event) -> list[Condition]:
        if order.ship <= event.at:
            return []
        taken = [other for other in order.of("order.cancelled") if cancels(order, other, event.text("sku"))]
        clears = [*times(supplied(event)), *times(taken), *times(list(further)), order.ship]
        return signal(order, kind, event, clears, x=order.x, scope=sku_scope(event))

    for event in order.of("inventory.short"):
        available = number(event.data, "available")
        if any(other.at <= event.at for other in supplied(event)):
            found += tell("inventory.oversold", event)
        elif available is None or available <= 0:
            found += tell("inventory.out_of_stock", event)
        else:
            found += tell("inventory.partial", event)
        if items(event.data, "substitutes"):
            found += tell("inventory.substitution_needed", event)
    for event in order.of("warehouse.pick_short"):
        sku = event.text("sku")
        walked = [other for other in order.of("warehouse.picked", "warehouse.packed") if other.lines and speaks_of(other.lines, sku)]
        found += tell("inventory.short_pick", event, *walked)
    found += rejected(order, "inventory.sku_unknown", "sku_unknown", scoped=True)
    found += rejected(order, "inventory.sku_inactive", "sku_inactive", scoped=True)
    backordered = order.of("inventory.backordered")
    if "allocated" in order.policy.emits:
        lifted = min(order.x, first(backordered))
        found += timeout(order, "inventory.allocation_overdue", order.placed, reached=order.allocated, lifted=lifted)
    aged = [(event.at, NEVER) for event in backordered]
    aged += [(hold.start, hold.release) for hold in order.holds if hold.hold == "inventory"]
    for start, release in aged:
        came = first([event for event in order.of("inventory.allocated", "warehouse.shipped") if event.at >= start])
        found += timeout(order, "inventory.backorder_aged", start, reached=min(came, release), lifted=order.x)
    return found


def fulfilment_kinds(order: Order) -> list[Condition]:
    """All of fulfilment.*."""
    found: list[Condition] = []
    emits = order.policy.emits
    if "released" in emits:
        for segment in order.segments(lambda fields: text(fields, "ship_by")):
            if segment.value:
                by = order.ship_deadline(segment.value)
                setting = order.setting("fulfilment.release_overdue")
                if order.calendar(setting.clock).add(by, setting.threshold) > segment.start:
                    lifted = min(order.x, segment.end)
                    found += timeout(order, "fulfilment.release_overdue", by, reached=order.released, lifted=lifted)
    if "picked" in emits:
        anchor = order.cover("warehouse.released")
        found += timeout(order, "fulfilment.pick_overdue", anchor, reached=order.picked, lifted=order.x)
    if "packed" in emits:
        anchor = order.cover("warehouse.picked")
        found += timeout(order, "fulfilment.pack_overdue", anchor, reached=order.packed, lifted=order.x)
    found += ship_overdue(order)
    for hold in order.holds:
        if hold.hold in ("payment", "address", "customs", "manual", "other"):
            found += timeout(order, "fulfilment.hold_aged", hold.start, reached=hold.release, lifted=order.x, scope=hold.scope)
    found += rejected(order, "fulfilment.routing_rejected", "routing")
    found += rejected(order, "fulfilment.customs_data_missing", "customs_data")
    if "shipped" in emits:
        found += split_incomplete(order)
    return found


def by_date(
    order: Order,
    kind: str,
    name: str,
    reached: Callable[[Iterable[str]], int],
    deadline: Callable[[str], int],
) -> list[Condition]:
    """A deadline by a date of the order and of its lines: once for the lines without a date of their own, once for each with one."""
    found: list[Condition] = []

    def own(line: Line) -> str | None:
        return line.ship_by if name == "ship_by" else line.promised_by

    common = [line for line in order.lines if not own(line)]
    if common or not order.lines:
        for segment in order.segments(lambda fields: text(fields, name)):
            if segment.value:
                lifted = min(order.x, segment.end, order.gone(common))
                done = reached([line.key for line in common])
                found += timeout(order, kind, deadline(segment.value), since=segment.start, reached=done, lifted=lifted)
    keys = dict.fromkeys(line.key for _, fields in order.states for line in lines_of(fields) if own(line))
    for key in keys:

        def own_date(fields: Json, key: str = key) -> str | None:
            return next((own(line) for line in lines_of(fields) if line.key == key), None)

        lines = [line for line in order.lines if line.key == key]
        for segment in order.segments(own_date):
            if segment.value:
                lifted = min(order.x, segment.end, order.gone(lines))
                done = reached([key]) if lines else NEVER
                by = deadline(segment.value)
                found += timeout(order, kind, by, since=segment.start, reached=done, lifted=lifted, scope=f"line:{key}")
    return found


def ship_overdue(order: Order) -> list[Condition]:
    """Not shipped by the date, or, where there is none, within three days of payment."""
    if order.method == "digital" or "shipped" not in order.policy.emits:
        return []
    kind = "fulfilment.ship_overdue"
    found = by_date(order, kind, "ship_by", order.ship_of, order.ship_deadline)
    anchor = order.cap if order.terms == "prepaid" else order.placed
    fallback = order.setting(kind).fallback

    def undated(fields: Json) -> bool:
        return not text(fields, "ship_by") and not any(line.ship_by for line in lines_of(fields))

    if order.method == "ship" and anchor < NEVER and fallback is not None:
        for segment in order.segments(undated):
            if segment.value:
                by = order.calendar(order.setting(kind).clock).add(anchor, fallback)
                lifted = min(order.x, segment.end)
                found += timeout(order, kind, anchor, due=by, since=segment.start, reached=order.ship, lifted=lifted)
    return found


def delivery_overdue(order: Order) -> list[Condition]:
    """Not delivered by the promised date."""
    if order.method not in ("ship", "local") or "scans" not in order.policy.emits:
        return []
    return by_date(order, "shipment.delivery_overdue", "promised_by", order.delivery_of, order.promise_deadline)


def split_incomplete(order: Order) -> list[Condition]:
    """A part was shipped and the rest does not follow."""
    alive = [one for one in order.shipments if one.voided == NEVER]
    if not order.lines or not all(one.lines for one in alive if one.shipped < NEVER):
        return []
    parts = sorted(one.shipped for one in alive if one.shipped < min(order.ship, NEVER))
    setting = order.setting("fulfilment.split_incomplete")
    found: list[Condition] = []
    for at, following in pairwise([*parts, order.ship]):
        due = order.calendar(setting.clock).add(at, setting.threshold)
        ship_by = order.in_force("ship_by", at)
        if ship_by:
            due = max(due, order.ship_deadline(ship_by))
        found += timeout(order, "fulfilment.split_incomplete", at, due=due, reached=following, lifted=order.x)
    return found
