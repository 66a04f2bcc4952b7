"""Data kinds: what arrives is unmapped, unplaced, ambiguous or dated wrongly. Two of them speak about arrival, not about the order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dataflows.core.history.facts import Facts
from dataflows.core.history.shipments import scan_of
from dataflows.core.policy import RuleSetting
from dataflows.core.policy.setting import RuleDefaults, Severity
from dataflows.core.rules.conditions import Condition, signal, timeout
from dataflows.core.rules.model import rule
from dataflows.core.rules.shipment_progress import lifted_for
from schemas.record import Record

Found = Iterable[Condition | None]
SKEW = 15 * 60 * 1_000_000
"""How far in the future of its log time an event may lie: 15 minutes (P)."""


@rule(
    "data.unmapped_status",
    "signal",
    definition="A carrier's code is in no table, so its meaning is unknown.",
    clears="the next scan whose code is known, or the end of the shipment",
    prevented_by="a complete code table",
    source="event",
    actions=(("map_code", "add the code to the carrier's table"),),
    defaults=RuleDefaults(owner="DATA", severity="low", lane="review"),
    on=("carrier.scan+reason",),
)
def unmapped_status(o: Facts, s: RuleSetting) -> Found:
    for shipment in o.shipments:
        for parcel in shipment.parcels:
            for record, clear in _unmapped(parcel.scans):
                yield signal(o.of(shipment, s), record, clears=(clear,), lifted=lifted_for(o, shipment), scope=shipment.scope)
    for tracking in sorted(o.returning):
        for record, clear in _unmapped([r for r in o.t.of("carrier.scan") if scan_of(r).tracking_number == tracking]):
            yield signal(s, record, clears=(clear,), lifted=o.ended)


def _unmapped(scans: Sequence[Record]) -> Iterable[tuple[Record, int | None]]:
    """Scans whose code is unmapped, and when the next scan with a known one came."""
    for position, record in enumerate(scans):
        if scan_of(record).reason == "unmapped":
            yield record, next((r.at for r in scans[position + 1 :] if scan_of(r).reason != "unmapped"), None)


@rule(
    "data.orphan_signal",
    "timeout",
    definition="An event has waited 15 minutes of log time for the order, or for the tie to an order, that it belongs to.",
    clears="the order, or the tie",
    prevented_by="an order.placed (or an event that ties the alias) in time",
    source="P: 15 minutes",
    actions=(("find_order", "a feed may be late, or an order lost"),),
    defaults=RuleDefaults(owner="DATA", severity="medium", lane="review", threshold="15 m"),
    on=("order.placed",),
    arms=("*",),
    unless=("order.placed",),
)
def orphan_signal(o: Facts, s: RuleSetting) -> Found:
    """Judged by log time; the identity step does the same for aliases that no order has claimed."""
    first = min((*o.t.records, *o.t.hidden), key=lambda r: r.position)
    placed = o.placed.log if o.placed is not None else None
    yield timeout(s, o.policy.tenant_calendar(o.tenant), first.log, f"first {first.event.type} logged", (first,), met=placed)


@rule(
    "data.clock_skew",
    "signal",
    definition="An event is dated more than 15 minutes after it was logged.",
    clears="log time reaching the event's date",
    prevented_by="a source with a right clock",
    source="P: 15 minutes",
    actions=(("mend_clock", "deadlines that rest on this source are wrong"),),
    defaults=RuleDefaults(owner="DATA", severity="low", lane="review"),
    on=("future",),
)
def clock_skew(o: Facts, s: RuleSetting) -> Found:
    for record in o.t.records:
        if record.at > record.log + SKEW:
            reached = record.at if o.now >= record.at else None
            yield signal(s, record, at=record.log, clears=(reached,), look_again=None if reached else record.at)


@rule(
    "data.identity_unresolved",
    "signal",
    definition="An alias that may name one order only is tied to this order and to another.",
    clears="nothing: the source must be mended",
    prevented_by="unique identifiers",
    source="event",
    actions=(("reconcile", "find out which order the alias belongs to"),),
    defaults=RuleDefaults(owner="DATA", severity="medium", lane="block"),
    on=("note",),
)
def identity_unresolved(o: Facts, s: RuleSetting) -> Found:
    for note in o.t.notes:
        if note.kind == "data.identity_unresolved" and o.placed is not None:
            yield signal(s, o.placed, at=note.at, lifted=o.ended)
            return


@rule(
    "data.rule_failed",
    "signal",
    definition="A rule could not be judged of this order because of a fault in the program; what it says of the order may be missing.",
    clears="the rule being judged of the order without failing",
    prevented_by="a rule that stands whatever an order's history is",
    source="log",
    actions=(("mend_rule", "what the rule says of the order is missing or out of date"),),
    defaults=RuleDefaults(owner="DATA", severity="high", lane="review"),
)
def rule_failed(o: Facts, s: RuleSetting) -> Found:
    """Judged by log time, after all others, by what the engine has noted of them."""
    if s.switch == "off":
        return
    for failure in o.t.failures:
        proof = tuple(r for r in o.t.records if (r.event.source, r.event.id) == (failure.source, failure.id))
        steps: tuple[tuple[int, Severity], ...] = ((failure.since, s.severity),)
        detail = f"{failure.kind}: {failure.error}"
        resolution = None if failure.until is None else "cleared"
        yield Condition(s, None, failure.since, failure.until, steps, proof, timed=False, detail=detail, resolution=resolution)
