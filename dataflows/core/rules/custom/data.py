"""Data kinds that no form says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from dataflows.core.history.facts import Facts
from dataflows.core.history.parcels import scan_of
from dataflows.core.history.unclaimed import claimed_at, waited, waits_of
from dataflows.core.policy import RuleSetting
from dataflows.core.policy.setting import Severity
from dataflows.core.rules.conditions import Condition, signal, timeout
from dataflows.core.rules.reading import ended_for
from dataflows.core.rules.structs import Found
from dataflows.core.rules.vocabulary import UNHEARD
from schemas.events import OrderLinked, ShipTo
from schemas.place_names import stated_place
from schemas.record import Record


def unmapped_status(o: Facts, s: RuleSetting) -> Found:
    for shipment in o.shipments:
        for parcel in shipment.parcels:
            for record, clear in _unmapped(parcel.scans) if parcel.having(reason="unmapped") else ():
                setting, lifted = o.of(shipment, s), ended_for(o, shipment, parcel)
                yield signal(o, setting, record, clears=(clear,), lifted=lifted, scope=shipment.scope, shipment=shipment)
    for parcel in o.returned.parcels:
        for record, clear in _unmapped(parcel.scans):
            yield signal(o, s, record, clears=(clear,), lifted=o.ended)


def _unmapped(scans: Sequence[Record]) -> Iterable[tuple[Record, int | None]]:
    """Scans whose code is unmapped, and when the next scan with a known one came."""
    found: list[tuple[Record, int | None]] = []
    known: int | None = None
    for record in reversed(scans):
        if scan_of(record).reason == "unmapped":
            found.append((record, known))
        else:
            known = record.at
    return reversed(found)


def unmapped_place(o: Facts, s: RuleSetting) -> Found:
    """A region matters only where its country has several zones and the order does not state its own."""
    for text, since, until, record in o.segments(lambda fields: _unmapped_place(o, fields.ship_to)):
        if text is not None:
            yield signal(o, s, record, at=since, clears=(until,), lifted=o.ended, detail=text)


def mapped_place(data: object, _: RuleSetting) -> bool:
    """Whether an event is the placing of an order whose country and region are known."""
    ship_to = cast("ShipTo | None", getattr(data, "ship_to", None))
    return ship_to is not None and not stated_place(ship_to.country, ship_to.region).unmapped


def _unmapped_place(o: Facts, ship_to: ShipTo | None) -> str | None:
    if ship_to is None:
        return None
    unmapped = stated_place(ship_to.country, ship_to.region).unmapped
    if "country" in unmapped:
        return f"the country {ship_to.country!r}"
    if "region" in unmapped and o.policy.valid_zone(ship_to.timezone) is None:
        return f"the region {ship_to.region!r} of {ship_to.country}"
    return None


def orphan_signal(o: Facts, s: RuleSetting) -> Found:
    """Judged by log time. Of an alias that no order has claimed the identity step says when its events waited. A part is no orphan."""
    calendar = o.policy.tenant_calendar(o.tenant)
    if waits := waits_of(o.t):
        for note in waits:
            records = waited(o.t, note)
            yield timeout(s, calendar, note.at, f"first {records[0].event.type} logged", records, met=claimed_at(note))
        return
    first = o.t.first_logged
    known = [link.log for link in o.t.of("order.linked") if link.order in cast("OrderLinked", link.event.data).children]
    known += [record.log for record in o.t.of("order.placed")]
    met = min(known, default=None)
    yield timeout(s, calendar, first.log, f"first {first.event.type} logged", (first,), met=met)


def clock_skew(o: Facts, s: RuleSetting) -> Found:
    for record in o.t.records:
        if record.at > record.log + s.margin.n and not record.event.type.startswith(UNHEARD):
            reached = record.at if o.now >= record.at else None
            yield signal(o, s, record, at=record.log, clears=(reached,), look_again=None if reached else record.at)


def identity_unresolved(o: Facts, s: RuleSetting) -> Found:
    for note in o.t.notes:
        if note.kind == "data.identity_unresolved" and o.placed is not None:
            yield signal(o, s, o.placed, at=note.at, lifted=o.ended)
            return


def rule_failed(o: Facts, s: RuleSetting) -> Found:
    """Judged by log time, after all others, by what the engine has noted of them."""
    if s.switch == "off":
        return
    for failure in o.t.failures:
        found = o.t.find(failure.source, failure.id)
        proof = () if found is None else (found,)
        steps: tuple[tuple[int, Severity], ...] = ((failure.since, s.severity),)
        detail = f"{failure.kind}: {failure.error}"
        resolution = None if failure.until is None else "cleared"
        yield Condition(s, None, failure.since, failure.until, steps, proof, timed=False, detail=detail, resolution=resolution)
