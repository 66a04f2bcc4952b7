"""Conflict kinds that no form says."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import cast

from dataflows.core.history.facts import Facts
from dataflows.core.history.ledger import Authorization
from dataflows.core.history.obligations import Refund
from dataflows.core.history.parcels import possession, scan_of, turned_back
from dataflows.core.history.quantities import line_key
from dataflows.core.history.shipments import MOVING, Shipment
from dataflows.core.history.timeline import happened
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import after, signal
from dataflows.core.rules.reading import ended_for, speaks_of
from dataflows.core.rules.structs import Found
from dataflows.core.rules.vocabulary import GOES_ON
from schemas.events import Line, PaymentRefunded, PickShort
from schemas.instants import FAR, earliest
from schemas.record import Record

FETCHED = frozenset(("pickup", "digital"))
ONGOING = frozenset(("label_created", "accepted", "in_transit", "customs", "out_for_delivery", "attempt_failed", "ready_for_pickup"))


def delivered_without_ship(o: Facts, s: RuleSetting) -> Found:
    for shipment in o.shipments:
        if _fetched(o, shipment):
            continue
        at, handed, seen = shipment.delivered, shipment.handed_over, shipment.first_scan
        if at is not None and not (handed is not None and handed <= at) and not (seen is not None and seen < at):
            evidence = tuple(r for r in shipment.scans if r.at == at)
            lifted = ended_for(o, shipment)
            yield signal(
                o,
                o.of(shipment, s),
                evidence[0],
                at=at,
                clears=(handed,),
                lifted=lifted,
                scope=shipment.scope,
                evidence=evidence,
                shipment=shipment,
                absence=True,
            )


def _fetched(o: Facts, shipment: Shipment) -> bool:
    """Whether its delivery is that somebody fetched goods, which no warehouse ships and no carrier has."""
    return o.methods <= FETCHED or ("pickup" in o.methods and not shipment.labels)


def shipped_unpaid(o: Facts, s: RuleSetting) -> Found:
    """Nothing had been authorized or captured, or all that was captured had gone back before the order was ever paid."""
    authorizations: list[Authorization] | None = None
    for shipment in o.shipments:
        left = shipment.shipped
        if left is None or shipment.voided is not None:
            continue
        for at, ended in _unpaid_from(o, left):
            taken = o.captured is not None and o.captured <= at
            if taken and not _all_went_back(o, at):
                continue
            over = next((until for since, until, _ in o.owing if since <= at and (until is None or at < until)), at)
            if over is not None and over <= at:
                continue
            authorizations = o.ledger.authorizations() if authorizations is None else authorizations
            if any(known.lives(at) for known in authorizations):
                continue
            secured = after((*(known.record.at for known in authorizations), *o.instants("payment.captured")), at + 1)
            evidence = tuple(r for r in (*shipment.handovers, *shipment.scans) if r.at == left)
            # What went back before the order was ever paid ended nothing.
            over_by = o.cancelled if taken and o.refunded is not None and o.refunded <= at else o.ended
            lifted = earliest(over_by, ended, over)
            # An order of which money was told shows itself that it is.
            shown = taken or any(known.record.at <= at for known in authorizations)
            yield signal(o, s, evidence[0], at=at, clears=(secured,), lifted=lifted, evidence=evidence, absence=True, shown=shown)


def _all_went_back(o: Facts, at: int) -> bool:
    """Whether what had been captured of an order that was never paid had gone back by an instant."""
    if o.t.by_type.keys().isdisjoint(("payment.refunded", "payment.dispute_closed")) or (o.paid_up is not None and o.paid_up <= at):
        return False
    return not any(since <= at and (until is None or at < until) for since, until, _ in o.ledger.kept())


def _unpaid_from(o: Facts, left: int) -> Iterator[tuple[int, int | None]]:
    """From when on goods that left must be paid, and until when: from their leaving, and again each time that the order is wanted again.

    Goods may leave before their order is placed, by the clocks of two systems: what it owes, and who pays it, is known from then on.
    """
    for life in o.lives:
        at = max(left, life.since)
        if life.until is None or at < life.until:
            yield at, life.until


def _moves(shipment: Shipment, since: int) -> Record | None:
    """The first sign, after `since`, that a shipment leaves or moves on. A parcel that has turned back moves on its way back."""
    signs = [r for r in shipment.handovers if r.at > since]
    for parcel in shipment.parcels:
        back = next((r.at for r in parcel.scans if turned_back(r)), FAR)
        moves = (r for r in parcel.scans if since < r.at < back and possession(r) and scan_of(r).status in MOVING)
        signs.extend(islice(moves, 1))
    return min(signs, key=happened, default=None)


def _came_back(shipment: Shipment) -> list[int]:
    return [r.at for r in shipment.scans if turned_back(r)]


def cancelled_but_moving(o: Facts, s: RuleSetting) -> Found:
    ends: list[tuple[int, int | None]] = [(at, after.since) for (_, at, _), after in pairwise(o.lives) if at is not None]
    if o.cancelled is not None:
        ends.append((o.cancelled, None))
    for cancelled, again in ends:
        for shipment in o.shipments:
            sign = _moves(shipment, cancelled)
            if sign is not None and (again is None or sign.at < again):
                lifted = earliest(shipment.voided, shipment.replaced, again)
                yield signal(
                    o, o.of(shipment, s), sign, clears=_came_back(shipment), lifted=lifted, scope=shipment.scope, shipment=shipment
                )


def refunded_but_moving(o: Facts, s: RuleSetting) -> Found:
    refunds = o.obligations.refunds if any(cast("PaymentRefunded", r.event.data).lines for r in o.t.of("payment.refunded")) else []
    for shipment in o.shipments if refunds or o.refunded is not None else ():
        since = [o.refunded] if o.refunded is not None and (_left_by(shipment, o.refunded) or _was_paid(o, o.refunded)) else []
        since.extend(r.record.at for r in refunds if _meets(o, shipment, r.beyond) or _sent(o, shipment, r))
        for at in since:
            if (shipment.delivered is not None and shipment.delivered <= at) or (o.cancelled is not None and o.cancelled <= at):
                continue
            sign = _moves(shipment, at)
            if sign is not None:
                lifted = earliest(shipment.voided, shipment.replaced)
                yield signal(
                    o, o.of(shipment, s), sign, clears=_came_back(shipment), lifted=lifted, scope=shipment.scope, shipment=shipment
                )


def _left_by(shipment: Shipment, at: int) -> bool:
    return shipment.shipped is not None and shipment.shipped <= at


def _was_paid(o: Facts, at: int) -> bool:
    """Whether an order had been paid by an instant, as far as anybody waits for that; what left unpaid is another conflict."""
    return o.paid_on not in ("prepaid", "on_ship") or o.captured is None or (o.paid_up is not None and o.paid_up <= at)


def _meets(o: Facts, shipment: Shipment, lines: Sequence[Line]) -> bool:
    """Whether lines are in a shipment; one without lines may hold any."""
    if not lines:
        return False
    if not shipment.lines:
        return True
    refunded = {key for line in lines for key in _keys(o, line)}
    return any(key in refunded for line in shipment.lines for key in _keys(o, line))


def _sent(o: Facts, shipment: Shipment, refund: Refund) -> bool:
    """Whether a shipment left after a refund that had waived what is in it."""
    at, obliged = shipment.shipped, o.obligations
    if at is None or at <= refund.record.at:
        return False
    owed, held = obliged.at(at).owed, {key for line in shipment.lines or () for key in _keys(o, line)}
    left = obliged.sent_by(at)
    return any(key in held and _ahead(o, key, left, owed) for key in refund.waived)


def _ahead(o: Facts, key: str, left: Mapping[str, int], owed: Mapping[str, int]) -> bool:
    """Whether more of the goods of a line has left than is owed of them; which of the lines of one SKU they are is all the same."""
    lines = o.obligations.shape.lines
    same = [name for name, line in lines.items() if name == key or (line.sku and line.sku == lines[key].sku)]
    return sum(left.get(name, 0) - owed.get(name, 0) for name in same) > 0


def _keys(o: Facts, line: Line) -> Sequence[str]:
    """The order lines that a line speaks of; where the order has none, the line's own name."""
    return [key for key, _ in o.obligations.shape.speaks_of(line)] or (line_key(line),)


def released_on_credit_hold(o: Facts, s: RuleSetting) -> Found:
    steps = o.t.of(*GOES_ON.types)
    for h in o.holds:
        if h.hold == "credit":
            place = bisect_left(steps, h.record.at, key=_instant)
            record = steps[place] if place < len(steps) else None
            if record is not None and h.lasts(record.at):
                yield signal(o, s, record, clears=(h.released,), lifted=o.ended, evidence=(h.record, record))


def _instant(record: Record) -> int:
    return record.at


def short_after_ship_confirm(o: Facts, s: RuleSetting) -> Found:
    for record in o.t.of("warehouse.pick_short"):
        sku = cast("PickShort", record.event.data).sku
        confirmed = [r for x in o.shipments if speaks_of(x.lines, sku) for r in x.handovers if r.at <= record.at]
        if confirmed:
            again = [r.at for r, d in o.handovers if d.lines and speaks_of(d.lines, sku)]
            evidence = (confirmed[0], record)
            yield signal(o, s, record, clears=again, lifted=o.ended, scope=f"line:{sku}" if sku else None, evidence=evidence)


def tracking_reused(o: Facts, s: RuleSetting) -> Found:
    for note in o.t.notes:
        shipment = o.shipment(note.scope_id) if note.kind == "conflict.tracking_reused" else None
        if shipment is not None:
            known = (*shipment.labels, *shipment.handovers, *shipment.scans)
            evidence = tuple(r for r in known if r.at == note.at) or known[:1]
            setting, lifted = o.of(shipment, s), ended_for(o, shipment)
            yield signal(o, setting, evidence[0], at=note.at, lifted=lifted, scope=shipment.scope, evidence=evidence, shipment=shipment)
