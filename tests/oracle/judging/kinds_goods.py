"""inventory.* and fulfilment.*, each by its sentence in section 3 of the catalogue; and the per-line deadlines of both dates."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from tests.oracle.judging.conditions import Condition, signal, timeout
from tests.oracle.judging.covering import ZERO, cells_of
from tests.oracle.judging.kinds_order import rejected, sku_scope, times
from tests.oracle.judging.money import Account
from tests.oracle.judging.parcels import first
from tests.oracle.judging.reading import NEVER, Event, Json, Line, items, lines_of, number, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from decimal import Decimal

    from tests.oracle.judging.facts import Order
    from tests.oracle.judging.goods import Step, Unit


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
    if order.awaits("allocated", of=[order.site]):
        backordered = first(order.of("inventory.backordered"))
        for start, end in order.lives:
            for at, until in running(start, order.pauses):
                lifted = min(order.x, backordered, until, end)
                found += timeout(order, "inventory.allocation_overdue", at, reached=order.allocated, lifted=lifted)
    waits = backorders(order)
    aged = [(wait.start, wait.end) for wait in waits if not wait.expected]
    for hold in order.holds:
        if hold.hold == "inventory":
            came = [event for event in order.of("inventory.allocated", "warehouse.shipped") if event.at >= hold.start]
            aged.append((hold.start, min(hold.release, first(came))))
    for start, end in aged:
        found += timeout(order, "inventory.backorder_aged", start, reached=end, lifted=order.x)
    for wait in waits:
        if wait.expected:
            by, lifted = order.ship_deadline(wait.expected), min(order.x, wait.replaced, wait.gone)
            kind, begun = "inventory.backorder_overdue", wait.start
            found += timeout(order, kind, by, since=begun, begun=begun, reached=wait.end, lifted=lifted)
    return found


class Backorder(NamedTuple):
    """A line (none: all) that waits for supply from `start` until `end`, or until it is `gone` or `replaced` by another such event."""

    start: int
    end: int
    key: str | None
    expected: str | None
    replaced: int
    gone: int


def backorders(order: Order) -> list[Backorder]:
    """What waits for supply."""

    def keys_of(event: Event) -> set[str] | None:
        return {key for line in event.lines for key, _ in cells_of(line, order.in_turn) or [(line.key, None)]} if event.lines else None

    def meets(key: str | None, event: Event) -> bool:
        named = keys_of(event)
        return key is None or named is None or key in named

    found: list[Backorder] = []
    told = order.of("inventory.backordered")
    for n, event in enumerate(told):
        keys: list[str | None] = [*sorted(keys_of(event) or ())]
        for key in keys or [None]:
            came = [
                one
                for one in order.of("inventory.allocated", "warehouse.shipped")
                if one.at >= event.at and meets(key, one) and (key is None or beyond_stock(order, event, key, one))
            ]
            again = [one for one in told[n + 1 :] if meets(key, one)]
            gone = [unit.gone for unit in order.units if unit.key == key]
            found.append(Backorder(event.at, first(came), key, event.text("expected_at"), first(again), max(gone, default=NEVER)))
    return found


def beyond_stock(order: Order, event: Event, key: str, supply: Event) -> bool:
    """Whether more of a line is there, by a supply, than a backorder left in stock. A backorder of no plain quantity left none."""
    mine = [line for line in event.lines if (key, None) in cells_of(line, order.in_turn)]
    plain = bool(mine) and all(line.quantity is not None and len(cells_of(line, order.in_turn)) == 1 for line in mine)
    others = [line for line in event.lines if line not in mine and key in {one for one, _ in cells_of(line, order.in_turn)}]
    if not plain or others:
        return True
    stock = order.owed(event.at).get(key, ZERO) - sum((line.quantity or ZERO for line in mine), ZERO)
    shipped, allocated = order.steps["shipped"], order.steps["allocated"]
    left = so_many(order, shipped, key, supply.at)
    if supply.type == "warehouse.shipped":
        there = left
    else:
        unannounced = left - so_many(order, allocated, key, supply.at - 1)
        there = so_many(order, allocated, key, supply.at) + max(unannounced, ZERO)
    return stock <= 0 or there > stock


def so_many(order: Order, steps: list[Step], key: str, until: int) -> Decimal:
    """The most of a line that some steps had ever covered by an instant."""
    instants = sorted({max(step.at, order.placed) for step in steps} | set(order.changes))
    return max((order.covered(steps, at).get(key, ZERO) for at in instants if at <= until), default=ZERO)


def waits_of(order: Order, key: str) -> list[tuple[int, int]]:
    """From when until when a line waits for supply."""
    return [(wait.start, wait.end) for wait in backorders(order) if wait.key is None or wait.key == key]


def fulfilment_kinds(order: Order) -> list[Condition]:
    """All of fulfilment.*."""
    found: list[Condition] = []
    if order.awaits("released", of=[order.site]):
        found += release_overdue(order)
    told = order.of("warehouse.released")
    if order.awaits("picked", told, sites(order, told)):
        for at, until in running(order.cover("warehouse.released"), order.pauses):
            found += timeout(order, "fulfilment.pick_overdue", at, reached=order.picked, lifted=min(order.x, until))
    told = order.of("warehouse.picked")
    if order.awaits("packed", told, sites(order, told)):
        for at, until in running(order.cover("warehouse.picked"), order.pauses):
            found += timeout(order, "fulfilment.pack_overdue", at, reached=order.packed, lifted=min(order.x, until))
    found += ship_overdue(order)
    for hold in order.holds:
        if hold.hold in ("payment", "address", "customs", "manual", "other"):
            found += timeout(order, "fulfilment.hold_aged", hold.start, reached=hold.release, lifted=order.x, scope=hold.scope)
    found += rejected(order, "fulfilment.routing_rejected", "routing")
    found += rejected(order, "fulfilment.customs_data_missing", "customs_data")
    if order.awaits("shipped"):
        found += split_incomplete(order)
    return found + pickup_uncollected(order)


def sites(order: Order, steps: list[Event]) -> list[str | None]:
    """The sites of some steps, else the order's."""
    return [site for step in steps if (site := step.text("site"))] or [order.site]


def pickup_uncollected(order: Order) -> list[Condition]:
    """Ready to be fetched, and nobody comes for it."""
    kind, found = "fulfilment.pickup_uncollected", list[Condition]()
    if not order.awaits("delivered"):
        return []
    for unit in order.units:
        if order.method_of(unit.key) == "pickup":
            ready, lifted = order.ready_of(unit), min(order.x, unit.gone)
            collected, given = (order.met(unit, *order.chains(name)) for name in ("delivered", "given away"))
            # What left before it was ready went to where it is fetched.
            reached = min(collected, given if given > ready else NEVER)
            found += timeout(order, kind, max(ready, order.placed), reached=reached, lifted=lifted)
    return found


class Dated(NamedTuple):
    """A stretch of time during which a unit has a date (`by`) or none; `own`: whether the date is its line's own."""

    unit: Unit
    start: int
    end: int
    by: int | None
    own: bool

    @property
    def scope(self) -> str | None:
        """The line, where the date is its own."""
        return f"line:{self.unit.key}" if self.own else None


def dated(
    order: Order, name: str, met: Callable[[Unit], int], deadline: Callable[[str], int], due: Callable[[int], int] = lambda by: by
) -> list[Dated]:
    """By which date each unit is owed, and when.

    A unit that was added later takes a date that was told before only if that lies ahead and something before it still waited for it. What
    fell due while the order was held (and its line had not left), or before a cancelled order was wanted again, is void.
    """
    found: list[Dated] = []
    for unit in order.units:

        def date_of(fields: Json, key: str = unit.key) -> tuple[str | None, bool]:
            own = next((text_of(line, name) for line in lines_of(fields) if line.key == key), None) if key else None
            return (own, True) if own else (text(fields, name), False)

        for segment in order.segments(date_of):
            (value, own), start, end = segment.value, max(segment.start, unit.since), min(segment.end, unit.gone)
            by = deadline(value) if value else None
            if by is not None and segment.start < unit.ordered:
                others = [other for other in order.units if other.since < unit.since <= other.gone and (other.key == unit.key or not own)]
                waiting = any(met(other) >= unit.since for other in others if own or not own_date(order, other, name))
                by = by if due(by) > unit.since and waiting else None
            elif by is not None and segment.start < unit.since and due(by) <= unit.since:
                by = None
            line = [other for other in order.units if (other.key, other.since, other.gone) == (unit.key, unit.since, unit.gone)]
            if by is not None and any(order.ship_of(other) > due(by) for other in line):
                held = [release for hold, release in order.pauses if hold <= due(by) < release and segment.start < release]
                if held:
                    start, by = max(start, *held), None
            if start < end:
                found.append(Dated(unit, start, end, by, own and by is not None))
    return found


def text_of(line: Line, name: str) -> str | None:
    """A date of a line."""
    return line.ship_by if name == "ship_by" else line.promised_by


def own_date(order: Order, unit: Unit, name: str) -> bool:
    """Whether the unit's line had a date of its own when the unit came to be owed."""
    return any(text_of(line, name) for line in order.lines_at(unit.since) if line.key == unit.key)


def release_overdue(order: Order) -> list[Condition]:
    """Not released to the warehouse a day before it has to leave."""
    kind, found = "fulfilment.release_overdue", list[Condition]()
    setting = order.setting(kind)

    def due(by: int) -> int:
        return order.calendar(setting.clock).add(by, setting.threshold)

    for one in dated(order, "ship_by", order.release_of, order.ship_deadline, due):
        if one.by is not None and due(one.by) > one.start:
            lifted = min(order.x, one.end)
            found += timeout(order, kind, one.by, begun=one.start, reached=order.release_of(one.unit), lifted=lifted, scope=one.scope)
    return found


def running(anchor: int, pauses: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """From when until when a span counts that begins at an anchor: each pause ends it, and it begins anew after each."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(pauses):
        if end <= anchor:
            continue
        if start > anchor:
            found.append((anchor, start))
        anchor = end
    return [*found, (anchor, NEVER)] if anchor < NEVER else found


def ship_overdue(order: Order) -> list[Condition]:
    """Not shipped by the date, or, where there is none, within three days of payment."""
    kind, found = "fulfilment.ship_overdue", list[Condition]()
    if not order.awaits("shipped"):
        return []
    fallback, account = order.setting(kind).fallback, Account(order)
    packs = order.awaits("packed", of=[order.site])
    for one in dated(order, "ship_by", order.ship_of, order.ship_deadline):
        unit, reached, lifted = one.unit, order.ship_of(one.unit), min(order.x, one.end)
        if one.by is not None:
            found += timeout(order, kind, one.by, since=one.start, begun=one.start, reached=reached, lifted=lifted, scope=one.scope)
        elif fallback is not None and (order.method_of(unit.key) in ("ship", "local") or packs):
            anchor = max(account.settled() if order.terms == "prepaid" else order.placed, unit.since)
            for begun, until in running(anchor, [*order.pauses, *waits_of(order, unit.key)]):
                by = order.calendar(order.setting(kind).clock).add(begun, fallback)
                ends = min(lifted, until)
                found += timeout(order, kind, begun, due=by, counted=fallback, since=one.start, reached=reached, lifted=ends)
    return found


def delivery_overdue(order: Order) -> list[Condition]:
    """Not delivered by the promised date."""
    kind, found = "shipment.delivery_overdue", list[Condition]()
    if not order.awaits("delivered"):
        return []
    for one in dated(order, "promised_by", order.promise_of, order.promise_deadline):
        if one.by is not None and order.method_of(one.unit.key) in ("ship", "local"):
            reached, lifted = order.promise_of(one.unit), min(order.x, one.end)
            found += timeout(order, kind, one.by, since=one.start, begun=one.start, reached=reached, lifted=lifted, scope=one.scope)
    return found + replacements_overdue(order)


def replacements_overdue(order: Order) -> list[Condition]:
    """A replacement that does not come by its own promise."""
    found: list[Condition] = []
    for one in order.shipments:
        told = [line.promised_by for event in one.replaces for line in event.lines if line.promised_by]
        if told and any(order.method_of(unit.key) in ("ship", "local") for unit in order.units):
            by = min(order.promise_deadline(promise) for promise in told)
            since, reached, lifted = first(one.replaces), order.came(one), order.xs(one)
            kind, carrier = "shipment.delivery_overdue", one.carrier
            scope = one.scope
            found += timeout(order, kind, by, since=since, begun=since, reached=reached, lifted=lifted, scope=scope, carrier=carrier)
    return found


def split_incomplete(order: Order) -> list[Condition]:
    """A part was shipped and the rest does not follow."""
    if not order.lines:
        return []
    left = [max(one.shipped, order.placed) for one in order.shipments if one.counts and one.shipped < NEVER]
    parts = sorted(at for at in left if at < order.ship)
    setting = order.setting("fulfilment.split_incomplete")
    found: list[Condition] = []
    for at, following in pairwise([*parts, order.ship]):
        dates = [one for due in dated(order, "ship_by", order.ship_of, order.ship_deadline) for one in in_stock(order, due)]
        changes = {edge for one in dates for edge in (one.start, one.end, order.ship_of(one.unit)) if at < edge < following}
        for since, moved in pairwise([*sorted({at, *changes}), NEVER]):
            # What need not leave before its date need not follow a part before it either, wherever that date is moved to.
            rest = [one for one in dates if one.start <= since < one.end and order.ship_of(one.unit) > since]
            by = min((-NEVER if one.by is None else one.by for one in rest), default=-NEVER)
            for begun, until in running(at, order.pauses) if rest else []:
                due = max(order.calendar(setting.clock).add(begun, setting.threshold), by)
                lifted = min(order.x, until, moved)
                found += timeout(order, "fulfilment.split_incomplete", begun, since=since, due=due, reached=following, lifted=lifted)
    return found


def in_stock(order: Order, one: Dated) -> list[Dated]:
    """The stretches in which something without a date does not wait for supply; after a wait it has the span of a part before it is due."""
    if one.by is not None:
        return [one]
    setting, found = order.setting("fulfilment.split_incomplete"), list[Dated]()
    for start, end in running(one.start, waits_of(order, one.unit.key)):
        if start < min(end, one.end):
            by = None if start == one.start else order.calendar(setting.clock).add(start, setting.threshold)
            found.append(one._replace(start=start, end=min(end, one.end), by=by))
    return found
