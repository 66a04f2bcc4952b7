"""conflict.*, return.* and data.*, each by its sentence in section 3 of the catalogue."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from tests.oracle.judging.conditions import Condition, signal, state, timeout
from tests.oracle.judging.facts import ZERO, Order, matching
from tests.oracle.judging.kinds_goods import speaks_of
from tests.oracle.judging.kinds_order import sku_scope, times, unpaid_milestone
from tests.oracle.judging.kinds_shipment import following, reason
from tests.oracle.judging.reading import NEVER, Event, Line, lines_of
from tests.oracle.judging.shipments import Shipment, estimate, first, possession, with_status

NOT_MOVING = ("returning", "returned", "held", "lost", "damaged", "failed_final")
REGRESSIONS = ("label_created", "accepted", "in_transit", "customs", "out_for_delivery", "attempt_failed", "ready_for_pickup")


def conflict_kinds(order: Order) -> list[Condition]:
    """All of conflict.*."""
    found: list[Condition] = []
    for shipment in order.shipments:
        at = shipment.delivered
        seen = any(scan.at < at for scan in shipment.scans if possession(scan))
        if at < NEVER and not seen and not any(event.at <= at for event in shipment.ships) and "shipped" in order.policy.emits:
            end = min(order.xs(shipment), first(shipment.ships))
            found += state(order, "conflict.delivered_without_ship", at, end, scope=shipment.scope)
        found += moving(order, shipment)
        for scans in shipment.parcels.values():
            found += regressions(order, shipment, scans)
        for number, since in order.reused:
            if number in shipment.numbers:
                found += state(order, "conflict.tracking_reused", since, order.xs(shipment), scope=shipment.scope)
    left = min((one.shipped for one in order.shipments if one.voided == NEVER), default=NEVER)
    if unpaid_milestone(order) and left < min(order.auth, NEVER):
        found += state(order, "conflict.shipped_unpaid", left, min(order.auth, order.x))
    for event in order.of("warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed", "warehouse.shipped"):
        for hold in order.holds:
            if hold.hold == "credit" and hold.start <= event.at < hold.release:
                found += signal(order, "conflict.released_on_credit_hold", event, [hold.release], x=order.x)
    for event in order.of("warehouse.pick_short"):
        found += short_after_ship_confirm(order, event)
    if order.lines:
        found += quantities(order)
    return found


def regressions(order: Order, shipment: Shipment, scans: list[Event]) -> list[Condition]:
    """A parcel that moves again after its end."""
    over = first(with_status(scans, "delivered", "returned"))
    found: list[Condition] = []
    for n, scan in enumerate(scans):
        if scan.at > over and scan.text("status") in REGRESSIONS:
            clear = following(scans[n + 1 :], lambda one: one.text("status") in ("delivered", "returned"))
            x, scope = order.xs(shipment), shipment.scope
            found += signal(order, "conflict.status_regression", scan, [clear], x=x, scope=scope)
    return found


def moving(order: Order, shipment: Shipment) -> list[Condition]:
    """A shipment that moves although the order was cancelled or its money given back."""

    def moves_after(at: int) -> int:
        moves = [scan for scan in shipment.scans if possession(scan) and scan.text("status") not in NOT_MOVING]
        return first([event for event in [*moves, *shipment.ships] if event.at > at])

    def wrong(kind: str, start: int) -> list[Condition]:
        back = [scan.at for scan in with_status(shipment.scans, "returning", "returned") if scan.at >= start]
        end = min([shipment.voided, shipment.replaced, *back])
        return state(order, kind, start, end, scope=shipment.scope) if start < NEVER else []

    found: list[Condition] = []
    if order.cx < NEVER:
        found += wrong("conflict.cancelled_but_moving", moves_after(order.cx))
    refunds = [order.ref] if order.ref < NEVER else []
    refunds += [event.at for event in order.of("payment.refunded") if _meet(order, event.lines, shipment.lines)]
    for at in refunds:
        if shipment.delivered > at and order.cx > at:
            found += wrong("conflict.refunded_but_moving", moves_after(at))
    return found


def _meet(order: Order, some: list[Line], others: list[Line]) -> bool:
    """Whether refunded lines are in a shipment; one of unknown lines may hold any."""
    if some and not others:
        return True

    def names(lines: list[Line]) -> set[str]:
        return {one.key for line in lines for one in (matching(line, order.lines) or [line])}

    return bool(names(some) & names(others))


def short_after_ship_confirm(order: Order, event: Event) -> list[Condition]:
    """A short pick of what was confirmed as shipped before."""
    sku = event.text("sku")
    confirmed = any(
        confirmation.at <= event.at and speaks_of(shipment.lines, sku) for shipment in order.shipments for confirmation in shipment.ships
    )
    again = [other for other in order.of("warehouse.shipped") if other.lines and speaks_of(other.lines, sku)]
    kind = "conflict.short_after_ship_confirm"
    return signal(order, kind, event, times(again), x=order.x, scope=sku_scope(event)) if confirmed else []


def quantities(order: Order) -> list[Condition]:
    """Shipments of more than was ordered: a whole shipment too many, or too much of a line."""
    found: list[Condition] = []
    segments = order.segments(lines_of)

    def key_of(line: Line) -> str:
        for lines in (order.in_turn, *(segment.value for segment in reversed(segments))):
            mine = matching(line, lines)
            if mine:
                return mine[0].key
        return line.key

    def ordered(lines: list[Line], key: str) -> Decimal:
        return sum((order.whole(line) for line in lines if line.key == key), ZERO)

    def pieces(shipment: Shipment, taken: dict[str, Decimal]) -> dict[str, Decimal]:
        """What is in a shipment by line; several lines of one SKU take of it in turn what `taken` has left of each."""
        sums: dict[str, Decimal] = {}
        for line in shipment.lines:
            known = matching(line, order.in_turn)
            quantity = line.quantity if line.quantity is not None else sum(map(order.whole, known), ZERO) or Decimal(1)
            for one in known if len(known) > 1 else []:
                room = order.whole(one) - taken.get(one.key, ZERO) - sums.get(one.key, ZERO)
                part = min(quantity, max(room, ZERO))
                quantity -= part
                if part:
                    sums[one.key] = sums.get(one.key, ZERO) + part
            if quantity or not known:
                sums[key_of(line)] = sums.get(key_of(line), ZERO) + quantity
        return sums

    gone = [one for one in order.shipments if one.lines and one.shipped < NEVER and one.voided == NEVER and one.replaced == NEVER]
    gone.sort(key=lambda one: (one.shipped, one.key))
    taken: dict[str, Decimal] = {}
    counted: list[tuple[int, dict[str, Decimal]]] = []
    for shipment in gone:
        mine = pieces(shipment, taken)
        repeats = all(quantity > ordered(order.lines, key) - taken.get(key, ZERO) for key, quantity in mine.items())
        if taken and repeats and not shipment.replaces:
            end = order.xs(shipment)
            found += state(order, "conflict.duplicate_shipment", shipment.shipped, end, scope=shipment.scope)
            continue
        counted.append((shipment.shipped, mine))
        for key, quantity in mine.items():
            taken[key] = taken.get(key, ZERO) + quantity
    for at, mine in counted:
        for key in mine:

            def fits(when: int, lines: list[Line], key: str = key) -> bool:
                return sum((other.get(key, ZERO) for since, other in counted if since <= when), ZERO) <= ordered(lines, key)

            in_force = next((one.value for one in segments if one.start <= at < one.end), segments[0].value)
            if not fits(at, in_force):
                mended = min((one.start for one in segments if one.start > at and fits(one.start, one.value)), default=NEVER)
                found += state(order, "conflict.quantity_mismatch", at, min(mended, order.x), scope=f"line:{key}")
    return found


def return_kinds(order: Order) -> list[Condition]:
    """All of return.*."""
    found: list[Condition] = []
    emits = order.policy.emits
    steps = [event for event in order.history if event.type.startswith("return.")]
    for name in dict.fromkeys(event.text("return_id") for event in steps):
        scope = f"return:{name}" if name else None
        mine = [event for event in steps if event.text("return_id") == name]
        parcels = {number for event in mine for number in event.numbers} & order.return_numbers
        scans = [event for event in order.of("carrier.scan") if parcels.intersection(event.numbers) and not estimate(event)]
        sent = [event for event in mine if event.type == "return.shipped"]
        received = [event for event in mine if event.type == "return.received"]
        refunds = order.of("payment.refunded")
        of_it = [event for event in refunds if name and event.text("return_id") == name]
        of_any = [event for event in refunds if not event.text("return_id") and event.at >= first(mine)]
        for event in mine:
            if event.type == "return.authorized" and "return_shipped" in emits:
                used = first([*sent, *received, *(scan for scan in scans if possession(scan))])
                found += timeout(order, "return.label_unused", event.at, reached=used, scope=scope)
        if "scans" in emits:
            spoken = sorted({event.at for event in [*sent, *scans]})
            reached = first([*received, *with_status(scans, "delivered")])
            for at, then in pairwise([*spoken, NEVER]):
                carrier = next((event.text("carrier") for event in reversed([*sent, *scans]) if event.text("carrier")), None)
                found += timeout(order, "return.transit_stalled", at, reached=min(then, reached), scope=scope, carrier=carrier)
        for event in received:
            if "inspected" in emits:
                inspected = first([*(one for one in mine if one.type == "return.inspected"), *of_it])
                found += timeout(order, "return.inspection_overdue", event.at, reached=inspected, scope=scope)
            if "refunded" in emits:
                found += timeout(order, "return.received_not_refunded", event.at, reached=first([*of_it, *of_any]), scope=scope)
    return found


def data_kinds(order: Order) -> list[Condition]:
    """What the events say about the feeds that they come from."""
    found: list[Condition] = []
    for shipment in order.shipments:
        for scans in shipment.parcels.values():
            found += _unmapped(order, scans, shipment.scope, order.xs(shipment))
    for number in sorted(order.return_numbers):
        scans = [scan for scan in order.of("carrier.scan") if number in scan.numbers]
        found += _unmapped(order, scans, None, order.x)
    for event in order.history:
        if event.at > event.log + order.setting("data.clock_skew").threshold.n:
            found += state(order, "data.clock_skew", event.log, event.at)
    for event in order.unresolved:
        found += signal(order, "data.identity_unresolved", event)
    return found


def _unmapped(order: Order, scans: list[Event], scope: str | None, x: int) -> list[Condition]:
    found: list[Condition] = []
    for n, scan in enumerate(scans):
        if reason(scan) == "unmapped":
            clear = following(scans[n + 1 :], lambda one: reason(one) != "unmapped")
            found += signal(order, "data.unmapped_status", scan, [clear], x=x, scope=scope)
    return found
