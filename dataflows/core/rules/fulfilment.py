"""Fulfilment kinds: the warehouse has not done its next step in time, or says that it cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

from dataflows.core.history.facts import Facts
from dataflows.core.history.quantities import line_key
from dataflows.core.policy import RuleSetting
from dataflows.core.policy.setting import RuleDefaults
from dataflows.core.rules.conditions import Condition, silences, timeout
from dataflows.core.rules.model import rule
from dataflows.core.rules.order import rejections
from dataflows.core.rules.payment import hold_scope
from schemas.events import OrderPlaced
from schemas.instants import DAY, earliest

Found = Iterable[Condition | None]
HOLD_OWNERS = {"payment": "FIN", "address": "CS", "customs": "CARR", "manual": "OPS", "other": "OPS"}
SHIP_OVERDUE = ("fulfilment.ship_overdue",)


@rule(
    "fulfilment.release_overdue",
    "timeout",
    definition="The order was not released to its warehouse 24 hours before its ship-by date.",
    clears="the release, or the end of the order",
    prevented_by="a warehouse.released",
    source="IBM Sterling's example rule: 24 hours before the requested ship date",
    actions=(("nudge_release", "the warehouse needs the last day"),),
    defaults=RuleDefaults(owner="OPS", severity="medium", lane="auto", threshold="-24 h", suppressed_by=SHIP_OVERDUE, feeds=("warehouse",)),
    on=("order.updated",),
    arms=("order.placed",),
    dated="ship_by",
    met_by=("warehouse.released", "warehouse.picked", "warehouse.packed", "warehouse.shipped", "scanned"),
)
def release_overdue(o: Facts, s: RuleSetting) -> Found:
    if not o.emits("released"):
        return
    for ship_by, since, until, record in o.segments(lambda fields: fields.ship_by):
        if ship_by is not None and o.ship_deadline(ship_by) - DAY > since:
            anchor = o.ship_deadline(ship_by)
            label = f"ship by {ship_by}"
            yield timeout(s, o.calendar(s), anchor, label, (record,), since=since, met=o.released, lifted=o.ended, moved=until)


@rule(
    "fulfilment.pick_overdue",
    "timeout",
    definition="Not all lines were picked within eight business hours of the release.",
    clears="the pick (or a later step), or the end of the order",
    prevented_by="a warehouse.picked",
    source="P: 8 business hours",
    actions=(("create_warehouse_task", "the release waits in the warehouse"),),
    defaults=RuleDefaults(
        owner="FULF", severity="medium", lane="auto", threshold="8 bh", clock="site", suppressed_by=SHIP_OVERDUE, feeds=("warehouse",)
    ),
    arms=("warehouse.released",),
    met_by=("warehouse.picked", "warehouse.packed", "warehouse.shipped", "scanned"),
)
def pick_overdue(o: Facts, s: RuleSetting) -> Found:
    anchor = o.cover("warehouse.released")
    if anchor is not None and o.emits("picked"):
        evidence = tuple(o.t.of("warehouse.released"))
        yield timeout(s, o.calendar(s), anchor, "released", evidence, met=o.picked, lifted=o.ended)


@rule(
    "fulfilment.pack_overdue",
    "timeout",
    definition="Not all lines were packed within four business hours of the pick.",
    clears="the packing (or a later step), or the end of the order",
    prevented_by="a warehouse.packed",
    source="P: 4 business hours",
    actions=(("create_warehouse_task", "picked goods wait for packing"),),
    defaults=RuleDefaults(
        owner="FULF", severity="medium", lane="auto", threshold="4 bh", clock="site", suppressed_by=SHIP_OVERDUE, feeds=("warehouse",)
    ),
    arms=("warehouse.picked",),
    met_by=("warehouse.packed", "warehouse.shipped", "scanned"),
)
def pack_overdue(o: Facts, s: RuleSetting) -> Found:
    anchor = o.cover("warehouse.picked")
    if anchor is not None and o.emits("packed"):
        evidence = tuple(o.t.of("warehouse.picked"))
        yield timeout(s, o.calendar(s), anchor, "picked", evidence, met=o.packed, lifted=o.ended)


def promised_lines(o: Facts, name: str) -> tuple[list[str], list[str]]:
    """The lines that have no date of their own as the order stands, and those that ever had one (`name`: ship_by or promised_by)."""
    plain = [key for key, line in o.lines.items() if getattr(line, name) is None]
    own: dict[str, None] = {}
    for fields, _, _ in o.versions:
        own.update((line_key(line, i), None) for i, line in enumerate(fields.lines or ()) if getattr(line, name) is not None)
    return plain, list(own)


def line_value(key: str, name: str) -> Callable[[OrderPlaced], str | None]:
    """Reads one line's own date from a version of the order."""

    def value(fields: OrderPlaced) -> str | None:
        lines = enumerate(fields.lines or ())
        return next((cast("str | None", getattr(line, name)) for i, line in lines if line_key(line, i) == key), None)

    return value


def ended_for(o: Facts, keys: list[str]) -> int | None:
    """When the order ended, or all of these lines were cancelled."""
    cancelled = [o.gone[key] for key in keys if key in o.gone]
    return earliest(max(cancelled) if keys and len(cancelled) == len(keys) else None, o.ended)


@rule(
    "fulfilment.ship_overdue",
    "timeout",
    definition="The order (or a line with a date of its own) had not left by its ship-by date; without one, 72 hours after it was paid.",
    clears="the shipment of all of it, a moved date, or the end of the order",
    prevented_by="a warehouse.shipped or a possession scan",
    source="the order's own ship_by; without one 72 h after payment (Wonderment: 72 to 96 h)",
    actions=(("notify_customer", "the order leaves late"), ("create_warehouse_task", "ship it now")),
    defaults=RuleDefaults(
        owner="FULF",
        severity="high",
        lane="auto",
        clock="site",
        anchor="ship_by",
        fallback=("captured", "72 h"),
        feeds=("warehouse", "carrier"),
    ),
    on=("order.updated",),
    arms=("order.placed", "payment.captured"),
    dated="ship_by",
    met_by=("warehouse.shipped", "scanned"),
)
def ship_overdue(o: Facts, s: RuleSetting) -> Found:
    if o.method == "digital" or not o.emits("shipped") or o.placed is None:
        return
    calendar = o.calendar(s)
    plain, own = promised_lines(o, "ship_by")
    if plain or not o.lines:
        wanted = o.subset(plain)
        met = o.shipped if len(plain) == len(o.lines) else o.shipped_of(wanted)
        lifted = ended_for(o, plain)
        for ship_by, since, until, record in o.segments(lambda fields: fields.ship_by):
            if ship_by is not None:
                label = f"ship by {ship_by}"
                yield timeout(s, calendar, o.ship_deadline(ship_by), label, (record,), since=since, met=met, lifted=lifted, moved=until)
    for key in own:
        met, lifted = o.shipped_of(o.subset([key])), ended_for(o, [key])
        for ship_by, since, until, record in o.segments(line_value(key, "ship_by")):
            if ship_by is not None:
                label, at = f"line {key} ship by {ship_by}", o.ship_deadline(ship_by)
                yield timeout(s, calendar, at, label, (record,), scope=f"line:{key}", since=since, met=met, lifted=lifted, moved=until)
    yield from _undated(o, s)


def _undated(o: Facts, s: RuleSetting) -> Found:
    """The fallback: while neither the order nor a line has a date, counted from the capture (prepaid) or from placing."""
    if s.fallback is None or o.method != "ship" or o.placed is None:
        return
    paid = o.terms == "prepaid" and s.fallback.anchor == "captured"
    anchor = o.captured if paid else o.placed_at
    if anchor is None:
        return
    evidence, label = (tuple(o.t.of("payment.captured")[:1]), "captured") if paid else ((o.placed,), "placed")
    for dated, since, until, _ in o.segments(lambda fields: bool(fields.ship_by or any(line.ship_by for line in fields.lines or ()))):
        if not dated:
            span, met = s.fallback.threshold, o.shipped
            yield timeout(s, o.calendar(s), anchor, label, evidence, span=span, since=since, met=met, lifted=o.ended, moved=until)


@rule(
    "fulfilment.hold_aged",
    "timeout",
    definition="A hold (payment, address, customs, manual or other) has lasted two business days.",
    clears="the release of the hold, or the end of the order",
    prevented_by="an order.hold_released",
    source="P: 2 business days",
    actions=(("escalate", "somebody must decide on the hold"),),
    defaults=RuleDefaults(owner="OPS", severity="medium", lane="review", threshold="2 bd"),
    arms=("order.hold_placed",),
)
def hold_aged(o: Facts, s: RuleSetting) -> Found:
    for h in o.holds:
        owner = HOLD_OWNERS.get(h.hold)
        if owner is not None:
            scope = hold_scope(o, h.shipment_id)
            label = f"{h.hold} hold"
            met, lifted = h.released, o.ended
            yield timeout(s, o.calendar(s), h.record.at, label, (h.record,), scope=scope, met=met, lifted=lifted, owner=owner)


@rule(
    "fulfilment.routing_rejected",
    "signal",
    definition="The site refused the order's routing.",
    clears="a later warehouse step, or the end of the order",
    prevented_by="a site that may serve the order",
    source="event",
    actions=(("propose_reroute", "another site may take it"),),
    defaults=RuleDefaults(owner="OPS", severity="high", lane="review"),
    on=("warehouse.rejected",),
)
def routing_rejected(o: Facts, s: RuleSetting) -> Found:
    yield from rejections(o, s, "routing")


@rule(
    "fulfilment.customs_data_missing",
    "signal",
    definition="The warehouse cannot ship for want of customs data.",
    clears="a later warehouse step, or the end of the order",
    prevented_by="tariff codes and origin in the item master",
    source="event (ShipBob 404)",
    actions=(("create_task", "complete the customs data"),),
    defaults=RuleDefaults(owner="FULF", severity="high", lane="block"),
    on=("warehouse.rejected",),
)
def customs_data_missing(o: Facts, s: RuleSetting) -> Found:
    yield from rejections(o, s, "customs_data")


@rule(
    "fulfilment.split_incomplete",
    "timeout",
    definition="Some lines have left and the rest has been silent for three business days.",
    clears="the next shipment, or the end of the order",
    prevented_by="a warehouse.shipped for the remaining lines",
    source="P: 3 business days",
    actions=(("notify_partial", "the customer has only a part"),),
    defaults=RuleDefaults(
        owner="FULF",
        severity="medium",
        lane="review",
        threshold="3 bd",
        clock="site",
        suppressed_by=SHIP_OVERDUE,
        feeds=("warehouse", "carrier"),
    ),
    arms=("part shipped", "unannounced"),
    needs=("lines",),
)
def split_incomplete(o: Facts, s: RuleSetting) -> Found:
    left = sorted((x for x in o.shipments if x.voided is None and x.shipped is not None), key=lambda x: x.shipped or 0)
    if not o.lines or not o.emits("shipped") or any(x.lines is None for x in left):
        return
    parts = [x.shipped for x in left if x.shipped is not None and (o.shipped is None or x.shipped < o.shipped)]
    for at, until in silences(parts, o.shipped):
        ship_by = next((fields.ship_by for fields, since, _ in reversed(o.versions) if since <= at), None)
        floor = o.ship_deadline(ship_by) if ship_by else None
        evidence = tuple(r for x in left if x.shipped == at for r in x.handovers)
        yield timeout(s, o.calendar(s), at, "part shipped", evidence, met=until, lifted=o.ended, not_before=floor)
