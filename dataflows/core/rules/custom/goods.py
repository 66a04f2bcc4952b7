"""Kinds about goods that no form says: a part has left, goods wait to be fetched, stock is awaited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import pairwise
from typing import cast

from dataflows.core.history.again import running
from dataflows.core.history.facts import Facts
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.backorders import backorders, lifted, waits_of
from dataflows.core.rules.conditions import count, timeout
from dataflows.core.rules.dates import DueStretch, dated, shipping
from dataflows.core.rules.structs import Found
from dataflows.core.rules.vocabulary import Date
from schemas.instants import FAR, earliest
from schemas.record import Record

READY = ("warehouse.packed", "ready")


def split_incomplete(o: Facts, s: RuleSetting) -> Found:
    if not o.lines:
        return
    whole = o.shipped
    left = sorted((x for x in o.shipments if x.left and x.shipped is not None), key=lambda x: x.shipped or 0)
    parts = [x.shipped for x in left if x.shipped is not None and (whole is None or x.shipped < whole)]
    if not parts:
        return
    known = [one for due in dated(o, Date.SHIP_BY.value, list(shipping(o)), Facts.ship_deadline) for one in _in_stock(o, s, due)]
    handed: dict[int | None, list[Record]] = {}
    for x in left:
        handed.setdefault(x.shipped, []).extend(x.handovers)
    for at, until in pairwise((*parts, whole)):
        when = max(cast("int", at), o.placed_at)
        evidence, floors = tuple(handed[at]), _floors(known, when, until)
        for begun, ends in running(when, o.pauses):
            for (since, floor), (moved, _) in pairwise((*floors, (None, None))):
                if since is not None and floor is not None:
                    lift = earliest(o.ended, ends)
                    yield timeout(
                        *(s, o.calendar(s), begun, "part shipped", evidence),
                        since=since, met=until, lifted=lift, moved=moved, not_before=floor,
                    )  # fmt: skip


def _in_stock(o: Facts, s: RuleSetting, due: DueStretch) -> Iterator[DueStretch]:
    """What of a stretch without a date the unit did not wait for supply: that it follows is awaited from when there was some."""
    if due.by is not None:
        yield due
        return
    for begun, until in running(due.since, waits_of(o, due.unit.key)):
        end = earliest(due.until, until)
        if end is None or begun < end:
            yield due._replace(since=begun, until=end, by=None if begun == due.since else count(o.calendar(s), begun, s.threshold))


def _floors(known: Iterable[DueStretch], at: int, until: int | None) -> list[tuple[int, int | None]]:
    """Before when the rest of an order need not follow a part, and since when that is so; None while nothing of it is awaited."""
    waits: list[tuple[int, int, int]] = []
    for one in known:
        since, end = max(one.since, at), earliest(one.until, one.unit.met)
        if (end is None or since < end) and (until is None or since < until):
            waits.append((since, FAR if end is None else end, -FAR if one.by is None else one.by))
    waits.sort()
    found: list[tuple[int, int | None]] = [(at, None)]
    awaited: list[tuple[int, int]] = []
    place = 0
    for instant in sorted({at, *(x for since, end, _ in waits for x in (since, end) if x < (FAR if until is None else until))}):
        while place < len(waits) and waits[place][0] <= instant:
            heappush(awaited, (waits[place][2], waits[place][1]))
            place += 1
        while awaited and awaited[0][1] <= instant:
            heappop(awaited)
        floor = awaited[0][0] if awaited else None
        if floor != found[-1][1]:
            found.append((instant, floor))
    return found


def pickup_uncollected(o: Facts, s: RuleSetting) -> Found:
    """From when a unit that is to be fetched was ready until it was fetched, or handed over in no parcel once it was ready."""
    if "pickup" not in o.methods:
        return
    collected = {(unit.key, unit.level, unit.since): unit.met for unit in o.units("delivered")}
    handed = {(unit.key, unit.level, unit.since): unit.met for unit in o.units("handed")}
    evidence = tuple(o.t.of("warehouse.packed")) or tuple(r for r in o.t.of("carrier.scan"))
    for unit in o.units(*READY):
        if unit.met is None or o.method_by(unit.key) != "pickup":
            continue
        known = (unit.key, unit.level, unit.since)
        met = o.obligations_met("delivered", unit.key, unit.level) if unit.key else collected.get(known)
        over = o.obligations_met("handed", unit.key, unit.level) if unit.key else handed.get(known)
        if over is not None and over > unit.met:
            met = earliest(met, over)
        shown = tuple(r for r in evidence if r.at <= unit.met)[-1:]
        yield timeout(s, o.calendar(s), max(unit.met, o.placed_at), "ready", shown, met=met, lifted=earliest(o.ended, unit.gone))


def backorder_aged(o: Facts, s: RuleSetting) -> Found:
    for wait in backorders(o):
        if wait.expected is None:
            yield timeout(s, o.calendar(s), wait.since, "backordered", (wait.record,), met=wait.until, lifted=o.ended)
    for hold in o.holds:
        if hold.hold == "inventory":
            supplied = o.t.of("inventory.allocated", "warehouse.shipped")
            came = next((r.at for r in supplied if r.at >= hold.record.at), None)
            met = earliest(hold.released, came)
            yield timeout(s, o.calendar(s), hold.record.at, "backordered", (hold.record,), met=met, lifted=o.ended)


def backorder_overdue(o: Facts, s: RuleSetting) -> Found:
    for wait in backorders(o):
        if wait.expected is not None:
            evidence, lift = (wait.record,), lifted(o, wait)
            yield timeout(
                s, o.calendar(s), wait.expected, "expected", evidence, since=wait.since, begun=wait.since, met=wait.until, lifted=lift
            )
