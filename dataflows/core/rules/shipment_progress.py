"""Shipment kinds that wait: no first scan, no further scan, a promise that nears or breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from dataflows.core.history.facts import Facts
from dataflows.core.history.shipments import Parcel, Shipment, possession, scan_of
from dataflows.core.policy import RuleSetting
from dataflows.core.policy.setting import RuleDefaults
from dataflows.core.rules.conditions import Condition, least, signal, timeout
from dataflows.core.rules.fulfilment import ended_for, line_value, promised_lines
from dataflows.core.rules.model import rule
from schemas.instants import DAY, earliest
from schemas.record import Record

Found = Iterable[Condition | None]
UNDER_WAY = frozenset(("accepted", "in_transit", "customs", "out_for_delivery", "attempt_failed", "delayed", "exception", "unknown"))
UNTOLD = frozenset(("customs", "documents", "duty"))


def lifted_for(o: Facts, shipment: Shipment) -> int | None:
    """When nothing more was expected of a shipment: its order ended, or it was voided or replaced."""
    return earliest(o.ended, shipment.voided, shipment.replaced)


def over_for(o: Facts, shipment: Shipment, parcel: Parcel) -> int | None:
    """When a parcel's journey was over."""
    return earliest(lifted_for(o, shipment), parcel.delivered, parcel.returned)


def tracked(o: Facts) -> Iterator[tuple[Shipment, Parcel]]:
    """All parcels with a tracking number of an order that is shipped."""
    if o.method == "ship":
        for shipment in o.shipments:
            for parcel in shipment.parcels:
                if parcel.tracking:
                    yield shipment, parcel


@rule(
    "shipment.first_scan_missing",
    "timeout",
    definition="The carrier has not scanned a parcel: a warning two business days after the hand-over (else the label), raised after four.",
    clears="the first possession scan, or the end of the shipment",
    prevented_by="a carrier.scan that shows possession",
    source="warning: Narvar's day 2; raised: Onward, 4 business days",
    actions=(("ask_warehouse", "the parcel may never have left"), ("hold_message", "do not tell the customer that it is on its way")),
    defaults=RuleDefaults(
        owner="FULF",
        severity="medium",
        lane="auto",
        threshold="4 bd",
        clock="carrier",
        steps=(("2 bd", "low"),),
        suppressed_by=("shipment.tracking_invalid",),
        feeds=("carrier",),
    ),
    arms=("warehouse.label_created", "warehouse.shipped"),
    met_by=("scanned",),
)
def first_scan_missing(o: Facts, s: RuleSetting) -> Found:
    if o.method != "ship" or not o.emits("scans"):
        return
    for shipment in o.shipments:
        setting = o.of(shipment, s)
        if not shipment.trackings:
            continue
        calendar = o.calendar(setting, shipment)
        met, lifted, handed = shipment.first_scan, lifted_for(o, shipment), shipment.handed_over
        if shipment.labels and (handed is None or shipment.labels[0].at < handed):
            label = shipment.labels[0]
            yield timeout(setting, calendar, label.at, "label made", (label,), scope=shipment.scope, met=met, lifted=lifted, moved=handed)
        if handed is not None:
            evidence = (shipment.handovers[0],)
            yield timeout(setting, calendar, handed, "handed over", evidence, scope=shipment.scope, met=met, lifted=lifted)


@rule(
    "shipment.tracking_invalid",
    "timeout",
    definition="The carrier has not known the tracking number for 24 hours.",
    clears="any other scan, or the end of the shipment",
    prevented_by="a label that the carrier knows",
    source="P: 24 hours (parcelLab: Invalid ID)",
    actions=(("recheck_label", "the number may be mistyped"),),
    defaults=RuleDefaults(owner="FULF", severity="medium", lane="review", threshold="24 h", feeds=("carrier",)),
    arms=("carrier.scan+reason",),
)
def tracking_invalid(o: Facts, s: RuleSetting) -> Found:
    for shipment, parcel in tracked(o) if o.emits("scans") else ():
        unknown = next((r for r in parcel.scans if scan_of(r).reason == "not_found"), None)
        if unknown is not None:
            met = next(
                (
                    r.at
                    for r in parcel.scans
                    if r.at >= unknown.at and scan_of(r).reason != "not_found" and scan_of(r).status not in ("unknown", "expired")
                ),
                None,
            )
            setting = o.of(shipment, s)
            calendar, lifted = o.calendar(setting, shipment), lifted_for(o, shipment)
            yield timeout(setting, calendar, unknown.at, "not found", (unknown,), scope=shipment.scope, met=met, lifted=lifted)


def _gaps(o: Facts, s: RuleSetting) -> Found:
    for shipment, parcel in tracked(o) if o.emits("scans") else ():
        setting = o.of(shipment, s)
        span = setting.threshold if o.domestic or setting.international is None else setting.international
        over = over_for(o, shipment, parcel)
        calendar = o.calendar(setting, shipment)
        soonest = min(least(span), *[least(step.at) for step in setting.steps]) if setting.steps else least(span)
        has_it = False
        for position, record in enumerate(parcel.scans):
            has_it = has_it or possession(record)
            if has_it and scan_of(record).status in UNDER_WAY:
                following = parcel.following(position)
                until = following.at if following else None
                if until is not None and until - record.at <= soonest:
                    continue
                label = f"last scan {scan_of(record).status}"
                yield timeout(setting, calendar, record.at, label, (record,), scope=shipment.scope, span=span, met=until, lifted=over)


@rule(
    "shipment.scan_gap",
    "timeout",
    definition="A parcel under way has not been scanned for three business days (five where it crosses a border).",
    clears="the next scan, or the end of the shipment",
    prevented_by="a carrier.scan",
    source="Onward: 3 business days domestic, 5 international",
    actions=(("trace_request", "ask the carrier where it is"),),
    defaults=RuleDefaults(
        owner="CARR",
        severity="low",
        lane="auto",
        threshold="3 bd",
        international="5 bd",
        clock="carrier",
        suppressed_by=("shipment.stuck", "shipment.lost_suspected", "shipment.lost_confirmed"),
        feeds=("carrier",),
    ),
    arms=("carrier.scan",),
    met_by=("carrier.scan:delivered", "carrier.scan:returned"),
    silence=True,
)
def scan_gap(o: Facts, s: RuleSetting) -> Found:
    yield from _gaps(o, s)


@rule(
    "shipment.stuck",
    "timeout",
    definition="A scan gap goes on for another three business days (five where the parcel crosses a border).",
    clears="the next scan, or the end of the shipment",
    prevented_by="a carrier.scan",
    source="P: the scan gap twice",
    actions=(("trace_request", "the first gap did not close"), ("notify_customer", "the parcel is delayed")),
    defaults=RuleDefaults(
        owner="CARR",
        severity="high",
        lane="review",
        threshold="6 bd",
        international="10 bd",
        clock="carrier",
        suppressed_by=("shipment.lost_suspected", "shipment.lost_confirmed"),
        feeds=("carrier",),
    ),
    arms=("carrier.scan",),
    met_by=("carrier.scan:delivered", "carrier.scan:returned"),
    silence=True,
)
def stuck(o: Facts, s: RuleSetting) -> Found:
    yield from _gaps(o, s)


@rule(
    "shipment.lost_suspected",
    "timeout",
    definition="A parcel under way has not been scanned for 30 days, or the carrier let its number expire.",
    clears="the next scan, or the end of the shipment",
    prevented_by="a carrier.scan",
    source="AfterShip: expired after 30 days without information; carriers' own limits go into overrides",
    actions=(("file_claim", "the carrier has probably lost it"), ("approve_replacement", "the customer has waited long enough")),
    defaults=RuleDefaults(
        owner="CARR", severity="high", lane="review", threshold="30 d", suppressed_by=("shipment.lost_confirmed",), feeds=("carrier",)
    ),
    arms=("carrier.scan",),
    on=("carrier.scan:expired",),
    met_by=("carrier.scan:delivered", "carrier.scan:returned"),
    silence=True,
)
def lost_suspected(o: Facts, s: RuleSetting) -> Found:
    yield from _gaps(o, s)
    for shipment, parcel in tracked(o):
        for position, record in enumerate(parcel.scans):
            if scan_of(record).status == "expired":
                following = parcel.following(position)
                clears = (following.at if following else None,)
                yield signal(o.of(shipment, s), record, clears=clears, lifted=over_for(o, shipment, parcel), scope=shipment.scope)


def _promise(o: Facts, at: int) -> int | None:
    """The promise deadline in force at an instant."""
    promised = next((fields.promised_by for fields, since, _ in reversed(o.versions) if since <= at), None)
    return None if promised is None else o.promise_deadline(promised)


@rule(
    "shipment.eta_slip",
    "signal",
    definition="The carrier's estimate lies after the promise; without a promise, more than 24 hours after its first estimate.",
    clears="an estimate or a promise that fits, the delivery, or the end of the shipment",
    prevented_by="an estimate within the promise",
    source="any slip past the promise; P: 24 hours without one",
    actions=(("notify_customer", "before the promise breaks"),),
    defaults=RuleDefaults(owner="ECOM", severity="medium", lane="auto", suppressed_by=("shipment.delivery_overdue",)),
    on=("late eta", "order.updated"),
)
def eta_slip(o: Facts, s: RuleSetting) -> Found:
    if o.method != "ship":
        return
    for shipment in o.shipments:
        for parcel in shipment.parcels:
            estimates = [(r.at, o.promise_deadline(text), r) for r in parcel.told if (text := scan_of(r).eta) is not None]
            if not estimates:
                continue
            first = estimates[0][1]
            moments = sorted({at for at, _, _ in estimates} | {since for _, since, _ in o.versions if since > estimates[0][0]})
            began: tuple[int, Record] | None = None
            spells: list[tuple[int, Record, int | None]] = []
            for at in moments:
                _, eta, record = next(e for e in reversed(estimates) if e[0] <= at)
                promise = _promise(o, at)
                slipped = eta > (promise if promise is not None else first + DAY)
                if slipped and began is None:
                    began = (at, record)
                elif not slipped and began is not None:
                    spells.append((*began, at))
                    began = None
            if began is not None:
                spells.append((*began, None))
            lifted = earliest(lifted_for(o, shipment), parcel.delivered)
            for start, record, until in spells:
                yield signal(o.of(shipment, s), record, at=start, clears=(until,), lifted=lifted, scope=shipment.scope)


@rule(
    "shipment.delivery_overdue",
    "timeout",
    definition="The order (or a line with a promise of its own) was not delivered by the end of the promised day, shipped or not.",
    clears="the delivery of all of it, a moved promise, or the end of the order",
    prevented_by="a delivered scan for every parcel",
    source="the order's own promise; escalates on the next business day (parcelLab)",
    actions=(("notify_customer", "the promise is broken"), ("trace_request", "ask the carrier where it is")),
    defaults=RuleDefaults(
        owner="CARR",
        severity="medium",
        lane="auto",
        anchor="promised_by",
        clock="destination",
        steps=(("1 bd", "high"),),
        suppressed_by=("shipment.lost_confirmed",),
        feeds=("carrier",),
    ),
    on=("order.updated",),
    arms=("order.placed",),
    dated="promised_by",
    met_by=("carrier.scan:delivered",),
)
def delivery_overdue(o: Facts, s: RuleSetting) -> Found:
    if o.method not in ("ship", "local") or not o.emits("scans"):
        return
    calendar = o.calendar(s)
    plain, own = promised_lines(o, "promised_by")
    if plain or not o.lines:
        met = o.delivered if len(plain) == len(o.lines) else o.delivered_of(o.subset(plain))
        lifted = ended_for(o, plain)
        for promised, since, until, record in o.segments(lambda fields: fields.promised_by):
            if promised is not None:
                label = f"promised by {promised}"
                yield timeout(s, calendar, o.promise_deadline(promised), label, (record,), since=since, met=met, lifted=lifted, moved=until)
    for key in own:
        met, lifted = o.delivered_of(o.subset([key])), ended_for(o, [key])
        for promised, since, until, record in o.segments(line_value(key, "promised_by")):
            if promised is not None:
                label, at = f"line {key} promised by {promised}", o.promise_deadline(promised)
                yield timeout(s, calendar, at, label, (record,), scope=f"line:{key}", since=since, met=met, lifted=lifted, moved=until)


@rule(
    "shipment.held",
    "timeout",
    definition="The carrier has held a parcel for one business day, other than for customs, documents or duty.",
    clears="the next scan that is no hold, or the end of the shipment",
    prevented_by="a scan that shows movement",
    source="P: 1 business day",
    actions=(("ask_carrier", "find out what it waits for"),),
    defaults=RuleDefaults(owner="CARR", severity="medium", lane="review", threshold="1 bd", clock="carrier", feeds=("carrier",)),
    arms=("carrier.scan:held",),
)
def held(o: Facts, s: RuleSetting) -> Found:
    yield from _spells(o, s, lambda r: scan_of(r).status == "held" and scan_of(r).reason not in UNTOLD, "held")


@rule(
    "shipment.pickup_unclaimed",
    "timeout",
    definition="A parcel waits at a pick-up point: a reminder after three days, raised after five.",
    clears="the next scan of another status, or the end of the shipment",
    prevented_by="a delivered scan",
    source="P: 3 and 5 days",
    actions=(("remind_customer", "it goes back when the time is over"),),
    defaults=RuleDefaults(owner="CS", severity="medium", lane="auto", threshold="5 d", steps=(("3 d", "low"),), feeds=("carrier",)),
    arms=("carrier.scan:ready_for_pickup",),
)
def pickup_unclaimed(o: Facts, s: RuleSetting) -> Found:
    yield from _spells(o, s, lambda r: scan_of(r).status == "ready_for_pickup", "ready for pick-up")


def _spells(o: Facts, s: RuleSetting, belongs: Callable[[Record], bool], label: str) -> Found:
    """A timeout from the first of each run of scans that belong together."""
    for shipment, parcel in tracked(o):
        setting = o.of(shipment, s)
        calendar, over = o.calendar(setting, shipment), over_for(o, shipment, parcel)
        first: Record | None = None
        for record in parcel.scans:
            if belongs(record):
                first = first or record
            elif first is not None:
                yield timeout(setting, calendar, first.at, label, (first,), scope=shipment.scope, met=record.at, lifted=over)
                first = None
        if first is not None:
            yield timeout(setting, calendar, first.at, label, (first,), scope=shipment.scope, lifted=over)


@rule(
    "shipment.rts_stalled",
    "timeout",
    definition="A parcel on its way back to its sender has not arrived within ten business days.",
    clears="a returned or delivered scan, or the end of the shipment",
    prevented_by="a returned scan",
    source="P: 10 business days",
    actions=(("trace_request", "the goods are nowhere"),),
    defaults=RuleDefaults(owner="CARR", severity="medium", lane="review", threshold="10 bd", clock="carrier", feeds=("carrier",)),
    arms=("carrier.scan:returning",),
)
def rts_stalled(o: Facts, s: RuleSetting) -> Found:
    for shipment, parcel in tracked(o) if o.emits("scans") else ():
        first = next((r for r in parcel.scans if scan_of(r).status == "returning"), None)
        if first is not None:
            met = parcel.first("returned", "delivered")
            setting = o.of(shipment, s)
            calendar, lifted = o.calendar(setting, shipment), lifted_for(o, shipment)
            yield timeout(setting, calendar, first.at, "going back", (first,), scope=shipment.scope, met=met, lifted=lifted)
