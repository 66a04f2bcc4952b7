"""conflict.*, return.* and data.*, each by its sentence in section 3 of the catalogue."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tests.oracle.judging.conditions import Condition, graced, signal, state, timeout
from tests.oracle.judging.covering import ZERO, Cell, Tally, cells_of
from tests.oracle.judging.facts import Order
from tests.oracle.judging.kinds_goods import speaks_of
from tests.oracle.judging.kinds_order import sku_scope, times, unpaid_milestone
from tests.oracle.judging.kinds_shipment import following, xs_of
from tests.oracle.judging.learned import told_for
from tests.oracle.judging.money import Account, stretches
from tests.oracle.judging.parcels import Parcel, estimate, first, possession, reason, told_once, with_status
from tests.oracle.judging.places import SEVERAL_ZONES, country_code, region_code
from tests.oracle.judging.reading import MINUTE, NEVER, Event, Json, Line, mapping, text
from tests.oracle.judging.shipments import Shipment, lent, naming, one_parcel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

NOT_MOVING = ("returning", "returned", "held", "lost", "damaged", "failed_final")
REGRESSIONS = ("label_created", "accepted", "in_transit", "customs", "out_for_delivery", "attempt_failed", "ready_for_pickup")


def conflict_kinds(order: Order) -> list[Condition]:
    """All of conflict.*."""
    found: list[Condition] = []
    for shipment in order.shipments:
        at, handed = shipment.delivered, min((parcel.handed for parcel in shipment.live), default=NEVER)
        seen = any(scan.at < at for scan in shipment.scans if possession(scan))
        if at < NEVER and not seen and handed > at and order.awaits("shipped") and not fetched(order, shipment):
            found += graced(order, "conflict.delivered_without_ship", at, min(order.xs(shipment), handed), scope=shipment.scope)
        found += moving(order, shipment)
        for parcel in shipment.parcels:
            found += regressions(order, shipment, parcel)
        for number, since in order.reused:
            if number in shipment.numbers:
                found += state(order, "conflict.tracking_reused", since, order.xs(shipment), scope=shipment.scope)
    found += shipped_unpaid(order)
    for event in order.of("warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed", "warehouse.shipped"):
        for hold in order.holds:
            if hold.hold == "credit" and hold.start <= event.at < hold.release:
                found += signal(order, "conflict.released_on_credit_hold", event, [hold.release], x=order.x)
    for event in order.of("warehouse.pick_short"):
        found += short_after_ship_confirm(order, event)
    if order.lines:
        found += quantities(order)
    return found


def fetched(order: Order, shipment: Shipment) -> bool:
    """Whether a delivery is a collection: units that are fetched owe no shipping."""
    methods = {order.method_of(line.key) for line in order.lines} or {order.method}
    return methods <= {"pickup", "digital"} or ("pickup" in methods and not shipment.labels)


def shipped_unpaid(order: Order) -> list[Condition]:
    """A shipment that left while nothing of what is owed was authorized or captured, in each of the order's lives, from its placing on.

    Nothing is captured, either, if all of it had gone back before the order was ever paid. An order of which money was told by then shows
    that it is told.
    """
    account = Account(order)
    found: list[Condition] = []
    if order.terms not in ("prepaid", "on_ship"):
        return found
    armed = unpaid_milestone(order)
    for shipment in order.shipments:
        if shipment.voided < NEVER or shipment.shipped == NEVER:
            continue
        for since, until in order.lives:
            at = max(shipment.shipped, since)
            nothing = min((end for start, end in account.owing if start <= at < end), default=at)
            given_back = order.cap <= at and account.settled() > at and not account.kept(at)
            live = any(one.event.at <= at <= min(one.ended, one.expires) for one in account.authorizations)
            if at < until and not live and (order.cap > at or given_back):
                told = given_back or any(one.event.at <= at for one in account.authorizations)
                over = order.cx if given_back and order.ref <= at else order.x
                end = min(account.secured_again(at), nothing, over, until)
                if armed or (told and order.policy.emits is None):
                    found += graced(order, "conflict.shipped_unpaid", at, end)
    return found


def turned(scan: Event) -> bool:
    """Whether a parcel is on its way back from then on."""
    return scan.text("status") in ("returning", "returned") or reason(scan) == "refused"


def regressions(order: Order, shipment: Shipment, parcel: Parcel) -> list[Condition]:
    """A parcel that moves again after its end; what follows an end within a quarter of an hour is of before, by another clock."""
    scans = parcel.scans
    ends = with_status(scans, "delivered", "returned")
    found: list[Condition] = []
    for n, scan in enumerate(scans):
        since = max((end.at for end in ends if end.at <= scan.at), default=None)
        if since is not None and scan.at > since + 15 * MINUTE and scan.text("status") in REGRESSIONS:
            x, scope = xs_of(order, shipment, parcel), shipment.scope
            clears = times(with_status(scans[n + 1 :], "delivered", "returned"))
            found += signal(order, "conflict.status_regression", scan, clears, x=x, scope=scope)
    return found


def moving(order: Order, shipment: Shipment) -> list[Condition]:
    """A shipment that moves although the order was cancelled or its money given back."""

    def moves_after(at: int) -> int:
        moves: list[Event] = []
        for parcel in shipment.parcels:
            back = first([scan for scan in parcel.scans if turned(scan)])
            on = [scan for scan in parcel.scans if possession(scan) and scan.text("status") not in NOT_MOVING]
            moves += [scan for scan in on if scan.at < back]
        return first([event for event in [*moves, *shipment.ships] if event.at > at])

    def wrong(kind: str, start: int, lifted: int = NEVER) -> list[Condition]:
        back = [scan.at for scan in shipment.scans if turned(scan) and scan.at >= start]
        end = min([lifted, shipment.voided, shipment.replaced, *back])
        return state(order, kind, start, end, scope=shipment.scope) if start < NEVER else []

    def sent(at: int, waived: Mapping[str, Decimal]) -> bool:
        """Whether it left after a refund that had waived what is in it."""
        if not at < shipment.shipped < NEVER:
            return False
        covered = order.covered(order.handed_over, shipment.shipped, order.cancelled(shipment.shipped))
        owed, held = order.owed(shipment.shipped), {key for line in shipment.lines for key, _ in cells_of(line, order.in_turn)}

        def more_than_owed(key: str) -> bool:
            same = [line.key for line in order.in_turn if line.key == key or (line.sku and line.sku == skus[key])]
            return sum(covered.get(one, ZERO) - owed.get(one, ZERO) for one in same) > 0

        skus = {line.key: line.sku for line in order.in_turn}
        return any(waived[key] > 0 and more_than_owed(key) for key in held & set(waived))

    found: list[Condition] = []
    for cancelled, again in [*order.gaps, (order.cx, NEVER)]:
        if cancelled < NEVER and moves_after(cancelled) < again:
            found += wrong("conflict.cancelled_but_moving", moves_after(cancelled), again)
    never_paid = order.terms in ("prepaid", "on_ship") and order.cap < NEVER and order.ref < Account(order).settled()
    unpaid = never_paid and shipment.shipped > order.ref
    refunds = [order.ref] if order.ref < NEVER and not unpaid else []
    refunds += [event.at for event, waived, left in order.refunds if _meet(order, left, shipment.lines) or sent(event.at, waived)]
    for at in refunds:
        if shipment.delivered > at and order.cx > at:
            found += wrong("conflict.refunded_but_moving", moves_after(at))
    return found


def _meet(order: Order, some: list[Line], others: list[Line]) -> bool:
    """Whether refunded lines are in a shipment; one of unknown lines may hold any."""
    if some and not others:
        return True

    def names(lines: list[Line]) -> set[str]:
        return {key for line in lines for key, _ in (cells_of(line, order.in_turn) or [(line.key, None)])}

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
    """Shipments of more than was ordered: a whole shipment too many, too much of a line, or something that nobody ordered.

    Each is compared with what was owed when it left, by the order's lines as they stood then, without what was cancelled.
    """
    found: list[Condition] = []
    gone = [one for one in order.shipments if one.confirmed and one.shipped < NEVER and one.voided == NEVER and one.replaced == NEVER]
    gone.sort(key=lambda one: (one.shipped, one.key))
    left: list[tuple[Shipment, dict[Cell, Decimal]]] = []

    def owed_at(at: int) -> Tally:
        most = order.most(at)
        return Tally([line for line in order.in_turn if most[line.key] > 0], order.uncancelled(at), most)

    for shipment in gone:
        at = shipment.shipped
        tally = owed_at(at)
        taken = still_out(order, left, at, tally)
        tally.filled.update(taken)
        over = tally.add(shipment.confirmed, shared=True)
        surplus: dict[Cell, Decimal] = {}
        unknown = [line for line, cell, _ in over if cell is None]
        for _, cell, quantity in over:
            if cell:
                surplus[cell] = surplus.get(cell, ZERO) + quantity
        mine = {cell: tally.filled.get(cell, ZERO) - taken.get(cell, ZERO) for cell in tally.filled} | surplus
        repeats = not unknown and all(cell in surplus for cell, quantity in mine.items() if quantity > 0)
        if any(quantity > 0 for _, held in left for quantity in held.values()) and repeats and not shipment.replaces:
            end = order.xs(shipment)
            found += state(order, "conflict.duplicate_shipment", at, end, scope=shipment.scope)
            continue
        held = {cell: tally.filled.get(cell, ZERO) + surplus.get(cell, ZERO) - taken.get(cell, ZERO) for cell in {*tally.filled, *surplus}}
        left.append((shipment, held))
        for cell in surplus:
            total = taken.get(cell, ZERO) + held[cell]

            def fits(when: int, cell: Cell = cell, quantity: Decimal = total) -> bool:
                return quantity <= owed_at(when).size(cell)

            mended = min((when for when, _ in order.orders if when > at and fits(when)), default=NEVER)
            found += state(order, "conflict.quantity_mismatch", at, min(mended, order.x), scope=f"line:{cell[0]}")
        for line in unknown:
            known = [when for when, lines in order.orders if when > at and cells_of(line, lines)]
            end = min([*known, order.x])
            found += state(order, "conflict.unordered_item", at, end, scope=f"line:{line.sku or line.line_id}")
    return found


def still_out(order: Order, left: list[tuple[Shipment, dict[Cell, Decimal]]], at: int, tally: Tally) -> dict[Cell, Decimal]:
    """What of all that left is still out at an instant, and may not be sent again.

    It is not what is in shipments of which a parcel turned back, was lost, damaged or disposed of, or that the customer misses after the
    delivery; nor what a return names for which the customer gets goods (all, if it names nothing), unless that was called off.
    """
    out: dict[Cell, Decimal] = {}
    for shipment, held in left:
        failed = [
            scan for scan in shipment.scans if turned(scan) or scan.text("status") in ("lost", "damaged") or reason(scan) == "disposed"
        ]
        missed = [event for event in order.of("support.contacted") if event.text("intent") == "not_received"]
        failed += [event for event in missed if event.at >= shipment.delivered]
        for cell, quantity in held.items():
            out[cell] = out.get(cell, ZERO) + (ZERO if first(failed) <= at else quantity)
    steps = [event for event in order.history if event.type.startswith("return.") and event.at <= at]
    for name in dict.fromkeys(event.text("return_id") for event in steps):
        mine = [event for event in steps if event.text("return_id") == name]
        if mine[-1].type == "return.cancelled" or resolution(mine) not in ("exchange", "replacement"):
            continue
        named = [event.lines for event in mine if event.lines]
        if not named:
            return dict.fromkeys(out, ZERO)
        for line in named[-1]:
            wanted = line.quantity
            for cell in cells_of(line, tally.lines):
                less = out.get(cell, ZERO) if wanted is None else min(wanted, out.get(cell, ZERO))
                out[cell] = out.get(cell, ZERO) - less
                wanted = None if wanted is None else wanted - less
    return out


def return_kinds(order: Order) -> list[Condition]:
    """All of return.*."""
    found: list[Condition] = []
    account = Account(order)

    def repayable(at: int) -> bool:
        """Whether there is money that can go back; while nothing was told of it, whether it is taken to have been paid."""
        if account.kept(at):
            return True
        silent = account.began > at and order.ref > at
        return silent and order.terms in ("prepaid", "on_ship") and any(start <= at < end for start, end in account.owing)

    steps = [event for event in order.history if event.type.startswith("return.")]
    for name in dict.fromkeys(event.text("return_id") for event in steps):
        scope = f"return:{name}" if name else None
        mine = [event for event in steps if event.text("return_id") == name]
        out = order.of("warehouse.label_created", "warehouse.shipped")
        parcels: set[str] = set()
        for same in [one_parcel(order.history, number) for event in mine for number in event.numbers]:
            parcels |= same if first(naming(mine, same)) < first(naming(out, same)) else set()
            since = min((lent(order.history).get(number, NEVER) for number in same), default=NEVER)
            parcels |= same if any(event.at >= since for event in naming(mine, same)) else set()
        scans = told_once([event for event in order.return_scans if parcels.intersection(event.numbers) and not estimate(event)])
        sent = [event for event in mine if event.type == "return.shipped"]
        received = [event for event in mine if event.type == "return.received"]
        called_off = [event.at for event in mine if event.type == "return.cancelled"]
        by_name, by_lines, of_any = settling(order, mine)

        def lifted(anchor: int, called_off: list[int] = called_off) -> int:
            return min((at for at in called_off if at >= anchor), default=NEVER)

        for event in mine:
            if event.type == "return.authorized" and order.awaits("return_shipped", [event]):
                used = first([*sent, *received, *(scan for scan in scans if possession(scan))])
                found += timeout(order, "return.label_unused", event.at, reached=used, lifted=lifted(event.at), scope=scope)
        spoken = sorted({event.at for event in [*sent, *scans]})
        reached = first([*received, *with_status(scans, "delivered")])
        for at, then in pairwise([*spoken, NEVER]):
            carrier = next((event.text("carrier") for event in reversed([*sent, *scans]) if event.text("carrier")), None)
            over = min(then, reached)
            if watched(order, [event for event in [*sent, *scans] if event.at == at], [scan for scan in scans if scan.at <= at]):
                found += timeout(order, "return.transit_stalled", at, reached=over, lifted=lifted(at), scope=scope, carrier=carrier)
        for event in received:
            if order.awaits("inspected", [event]):
                inspected = first([*(one for one in mine if one.type == "return.inspected"), *by_name, *by_lines])
                found += timeout(order, "return.inspection_overdue", event.at, reached=inspected, lifted=lifted(event.at), scope=scope)
            if order.awaits("refunded", [event]) and resolution(mine) == "refund":
                refunded = first([*by_name, *by_lines, *of_any])
                for start, end in stretches([event.at, *(at for at in account.changes if at > event.at)], repayable):
                    over = min(lifted(event.at), end)
                    found += timeout(order, "return.received_not_refunded", start, reached=refunded, lifted=over, scope=scope)
    return found


def watched(order: Order, anchors: list[Event], scans: list[Event]) -> bool:
    """Whether the next word on a return's parcel is waited for, the last being `anchors`: its carrier tells of progress, or has of this."""
    moved = any(possession(scan) and scan.text("status") != "accepted" for scan in scans)
    carriers = [told_for(event, "progress") for event in anchors if event.type == "carrier.scan"]
    if order.policy.emits is None and moved:
        return True
    return order.awaits("progress", anchors, carriers)


def resolution(steps: list[Event]) -> str:
    """What a return ends in, as it was said last: money back unless the source says otherwise."""
    told = [one for event in steps if (one := event.text("resolution")) in ("refund", "exchange", "replacement", "none")]
    return told[-1] if told else "refund"


def settling(order: Order, steps: list[Event]) -> tuple[list[Event], list[Event], list[Event]]:
    """The refunds that settle a return, of any amount: those that name it, those of its lines, and those of nothing in particular.

    One that names no return counts once the return had begun, and if it is not a gesture of goodwill.
    """
    name, lines = steps[0].text("return_id"), [line for event in steps for line in event.lines]
    refunds = order.of("payment.refunded")
    by_name = [event for event in refunds if name and event.text("return_id") == name]
    free = [event for event in refunds if not event.text("return_id") and event.at >= first(steps) and event.text("reason") != "goodwill"]
    by_lines = [event for event in free if event.lines and lines and _meet(order, event.lines, lines)]
    return by_name, by_lines, [event for event in free if not event.lines or not lines]


def data_kinds(order: Order) -> list[Condition]:
    """What the events say about the feeds that they come from."""
    found: list[Condition] = []
    for shipment in order.shipments:
        for parcel in shipment.parcels:
            found += _unmapped(order, parcel.scans, shipment.scope, xs_of(order, shipment, parcel))
    for number in sorted(order.return_numbers | set(lent(order.history))):
        scans = told_once([scan for scan in order.return_scans if number in scan.numbers])
        found += _unmapped(order, scans, None, order.x)
    for event in order.history:
        decision = event.type.startswith(("case.", "action.", "automation.", "suggestion."))
        if not decision and event.at > event.log + order.setting("data.clock_skew").threshold.n:
            found += state(order, "data.clock_skew", event.log, event.at)
    for segment in order.segments(unknown_place):
        if segment.value:
            found += state(order, "data.unmapped_place", segment.start, min(segment.end, order.x))
    for event in order.unresolved:
        found += signal(order, "data.identity_unresolved", event)
    return found


def unknown_place(fields: Json) -> bool:
    """Whether the destination is no country, or no region of one where that decides on the zone."""
    place = mapping(fields, "ship_to")
    written, region = text(place, "country"), text(place, "region")
    country = country_code(written)
    zoned = text(place, "timezone") is not None or country not in SEVERAL_ZONES
    return (written is not None and country is None) or (region is not None and not zoned and region_code(country, region) is None)


def _unmapped(order: Order, scans: list[Event], scope: str | None, x: int) -> list[Condition]:
    found: list[Condition] = []
    for n, scan in enumerate(scans):
        if reason(scan) == "unmapped":
            clear = following(scans[n + 1 :], lambda one: reason(one) != "unmapped")
            found += signal(order, "data.unmapped_status", scan, [clear], x=x, scope=scope)
    return found
