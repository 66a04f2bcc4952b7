"""Shipment kinds that a carrier reports: each begins with a scan and ends with the scan that contradicts it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

from dataflows.core.history.facts import Facts
from dataflows.core.history.shipments import Parcel, possession, scan_of
from dataflows.core.policy import RuleSetting
from dataflows.core.policy.setting import RuleDefaults
from dataflows.core.rules.conditions import Condition, signal
from dataflows.core.rules.model import rule
from dataflows.core.rules.shipment_progress import lifted_for
from schemas.events import CarrierScan, SupportContacted
from schemas.record import Record

Found = Iterable[Condition | None]
OWN_KIND = frozenset(
    "pickup_failed missorted refused disposed prohibited rejected not_found documents duty customs unmapped final_attempt".split()
)
ENDINGS = frozenset(("refused", "disposed", "prohibited", "rejected"))


def _reported(
    o: Facts,
    s: RuleSetting,
    begins: Callable[[CarrierScan], bool],
    clears: Callable[[Parcel, int], Iterable[int | None]],
) -> Found:
    """A condition per scan that `begins` it, until one of the instants that `clears` gives for the parcel and the scan's position."""
    if o.method != "ship":
        return
    for shipment in o.shipments:
        for parcel in shipment.parcels:
            for position, record in enumerate(parcel.scans):
                if begins(scan_of(record)):
                    setting = o.of(shipment, s)
                    calendar = o.calendar(setting, shipment)
                    detail = scan_of(record).reason or scan_of(record).status
                    yield signal(
                        setting,
                        record,
                        clears=clears(parcel, position),
                        lifted=lifted_for(o, shipment),
                        scope=shipment.scope,
                        detail=detail,
                        calendar=calendar,
                    )


def _until(ends: Callable[[CarrierScan], bool]) -> Callable[[Parcel, int], Iterable[int | None]]:
    """Cleared by the parcel's next scan for which `ends` holds."""

    def clears(parcel: Parcel, position: int) -> Iterable[int | None]:
        return (next((r.at for r in parcel.scans[position + 1 :] if ends(scan_of(r))), None),)

    return clears


def _scans_from(ends: Callable[[Record], bool]) -> Callable[[Parcel, int], Iterable[int | None]]:
    """Cleared by any scan of the parcel, at or after this one, for which `ends` holds."""

    def clears(parcel: Parcel, position: int) -> Iterable[int | None]:
        at = parcel.scans[position].at
        return (next((r.at for r in parcel.scans if r.at >= at and ends(r)), None),)

    return clears


def _over_later(parcel: Parcel, position: int) -> Iterable[int | None]:
    """As `_over`, but not at the same instant: what arrives damaged is damaged."""
    return (at for at in _over(parcel, position) if at is not None and at > parcel.scans[position].at)


def _over(parcel: Parcel, position: int) -> Iterable[int | None]:
    """Cleared by the parcel's delivery or its return to the sender."""
    del position
    return (parcel.delivered, parcel.returned)


def _arrived(*statuses: str) -> Callable[[Record], bool]:
    return lambda r: scan_of(r).status in statuses


@rule(
    "shipment.pickup_failed",
    "signal",
    definition="The carrier could not collect the parcel from the warehouse.",
    clears="a possession scan, or the end of the shipment",
    prevented_by="a collection as booked",
    source="event (X12 AY)",
    actions=(("rebook_pickup", "the parcel is still in the warehouse"),),
    defaults=RuleDefaults(owner="CARR", severity="medium", lane="auto"),
    on=("carrier.scan+reason",),
)
def pickup_failed(o: Facts, s: RuleSetting) -> Found:
    yield from _reported(o, s, lambda d: d.reason == "pickup_failed", _scans_from(possession))


@rule(
    "shipment.lost_confirmed",
    "signal",
    definition="The carrier says that the parcel is lost.",
    clears="its delivery or return, or the end of the shipment",
    prevented_by="nothing: the carrier lost it",
    source="event",
    actions=(("file_claim", "the carrier is liable"), ("approve_replacement", "the customer has nothing")),
    defaults=RuleDefaults(owner="CARR", severity="critical", lane="review"),
    on=("carrier.scan:lost",),
)
def lost_confirmed(o: Facts, s: RuleSetting) -> Found:
    yield from _reported(o, s, lambda d: d.status == "lost", _over)


def _delayed(d: CarrierScan) -> bool:
    return d.status == "delayed" or (d.status == "exception" and d.reason not in OWN_KIND)


@rule(
    "shipment.delay_reported",
    "signal",
    definition="The carrier reports a delay, or an exception without a kind of its own.",
    clears="the next scan with another status, or the end of the shipment",
    prevented_by="nothing that the shop can do",
    source="event",
    actions=(("watch", "tell the customer only if the promise moves"),),
    defaults=RuleDefaults(owner="CARR", severity="low", lane="auto"),
    on=("carrier.scan:delayed", "carrier.scan:exception"),
)
def delay_reported(o: Facts, s: RuleSetting) -> Found:
    yield from _reported(o, s, _delayed, _until(lambda d: d.status not in ("delayed", "exception")))


@rule(
    "shipment.misrouted",
    "signal",
    definition="The carrier sorted the parcel to the wrong place.",
    clears="the next scan without that reason, or the end of the shipment",
    prevented_by="a readable label",
    source="event (X12 AA)",
    actions=(("watch", "it usually finds its way within a day"),),
    defaults=RuleDefaults(owner="CARR", severity="low", lane="auto"),
    on=("carrier.scan+reason",),
)
def misrouted(o: Facts, s: RuleSetting) -> Found:
    yield from _reported(o, s, lambda d: d.reason == "missorted", _until(lambda d: d.reason != "missorted"))


@rule(
    "shipment.customs_hold",
    "signal",
    definition="Customs holds the parcel; graver after three business days.",
    clears="the next scan without that reason, or the end of the shipment",
    prevented_by="complete customs data",
    source="event; P: 3 business days",
    actions=(("request_documents", "customs waits for papers"),),
    defaults=RuleDefaults(
        owner="CARR",
        severity="medium",
        lane="review",
        clock="carrier",
        steps=(("3 bd", "high"),),
        suppressed_by=("shipment.documents_missing", "shipment.duty_unpaid"),
        feeds=("carrier",),
    ),
    on=("carrier.scan:held",),
)
def customs_hold(o: Facts, s: RuleSetting) -> Found:
    def holds(d: CarrierScan) -> bool:
        return d.status == "held" and d.reason == "customs"

    yield from _reported(o, s, holds, _until(lambda d: d.reason != "customs"))


@rule(
    "shipment.documents_missing",
    "signal",
    definition="The parcel waits for documents; graver after three business days.",
    clears="the next scan without that reason, or the end of the shipment",
    prevented_by="complete customs documents",
    source="event; P: 3 business days",
    actions=(("request_documents", "nothing moves without them"),),
    defaults=RuleDefaults(owner="CARR", severity="medium", lane="review", clock="carrier", steps=(("3 bd", "high"),), feeds=("carrier",)),
    on=("carrier.scan+reason",),
)
def documents_missing(o: Facts, s: RuleSetting) -> Found:
    yield from _reported(o, s, lambda d: d.reason == "documents", _until(lambda d: d.reason != "documents"))


@rule(
    "shipment.duty_unpaid",
    "signal",
    definition="The parcel waits for its duty to be paid; graver after three business days.",
    clears="the next scan without that reason, or the end of the shipment",
    prevented_by="duty paid at checkout",
    source="event; P: 3 business days",
    actions=(("ask_customer", "somebody must pay the duty"),),
    defaults=RuleDefaults(owner="CARR", severity="medium", lane="review", clock="carrier", steps=(("3 bd", "high"),), feeds=("carrier",)),
    on=("carrier.scan+reason",),
)
def duty_unpaid(o: Facts, s: RuleSetting) -> Found:
    yield from _reported(o, s, lambda d: d.reason == "duty", _until(lambda d: d.reason != "duty"))


@rule(
    "shipment.attempt_failed",
    "signal",
    definition="A delivery attempt failed.",
    clears="the next scan with another status, or the end of the shipment",
    prevented_by="a recipient who is at home",
    source="event (Shippo: action required)",
    actions=(("ask_customer", "agree on another time or place"),),
    defaults=RuleDefaults(owner="CS", severity="medium", lane="auto", suppressed_by=("shipment.attempts_exhausted",)),
    on=("carrier.scan:attempt_failed",),
)
def attempt_failed(o: Facts, s: RuleSetting) -> Found:
    yield from _reported(o, s, lambda d: d.status == "attempt_failed", _until(lambda d: d.status != "attempt_failed"))


@rule(
    "shipment.attempts_exhausted",
    "signal",
    definition="The third delivery attempt failed, or the carrier says that it was the last.",
    clears="a delivered, returning or returned scan, or the end of the shipment",
    prevented_by="a customer who was asked after the first attempt",
    source="count 3, or the carrier's final-attempt code",
    actions=(("decide_reship", "reship or take back"),),
    defaults=RuleDefaults(owner="CS", severity="high", lane="review"),
    on=("carrier.scan:attempt_failed", "carrier.scan:failed_final", "carrier.scan+reason"),
)
def attempts_exhausted(o: Facts, s: RuleSetting) -> Found:
    clears = _scans_from(_arrived("delivered", "returning", "returned"))
    if o.method != "ship":
        return
    for shipment in o.shipments:
        for parcel in shipment.parcels:
            attempts = 0
            for position, record in enumerate(parcel.scans):
                data = scan_of(record)
                attempts += data.status == "attempt_failed"
                third = data.status == "attempt_failed" and attempts == 3
                final = data.reason == "final_attempt" or (data.status == "failed_final" and data.reason not in ENDINGS)
                if third or final:
                    lifted, scope = lifted_for(o, shipment), shipment.scope
                    yield signal(o.of(shipment, s), record, clears=clears(parcel, position), lifted=lifted, scope=scope)


@rule(
    "shipment.refused",
    "signal",
    definition="The recipient refused the parcel.",
    clears="its delivery or return, or the end of the shipment",
    prevented_by="nothing that the shop can do",
    source="event",
    actions=(("contact_customer", "ask why"),),
    defaults=RuleDefaults(owner="CS", severity="high", lane="review"),
    on=("carrier.scan+reason",),
)
def refused(o: Facts, s: RuleSetting) -> Found:
    yield from _reported(o, s, lambda d: d.reason == "refused", _over)


@rule(
    "shipment.damaged",
    "signal",
    definition="The carrier reports damage.",
    clears="its delivery or return, or the end of the shipment",
    prevented_by="better packing",
    source="event",
    actions=(("file_claim", "the carrier is liable"), ("approve_replacement", "the goods may be useless")),
    defaults=RuleDefaults(owner="CARR", severity="high", lane="review"),
    on=("carrier.scan:damaged",),
)
def damaged(o: Facts, s: RuleSetting) -> Found:
    yield from _reported(o, s, lambda d: d.status == "damaged", _over_later)


@rule(
    "shipment.disposed",
    "signal",
    definition="The carrier disposed of the parcel.",
    clears="its delivery or return, or the end of the shipment",
    prevented_by="an answer to the carrier in time",
    source="event",
    actions=(("create_task", "refund or replace"),),
    defaults=RuleDefaults(owner="CARR", severity="high", lane="block"),
    on=("carrier.scan+reason",),
)
def disposed(o: Facts, s: RuleSetting) -> Found:
    yield from _reported(o, s, lambda d: d.reason == "disposed", _over)


@rule(
    "shipment.prohibited",
    "signal",
    definition="The goods may not be carried or imported.",
    clears="its delivery or return, or the end of the shipment",
    prevented_by="a check of the goods against the lane",
    source="event",
    actions=(("create_task", "refund, and block the SKU for that lane"),),
    defaults=RuleDefaults(owner="CARR", severity="high", lane="block"),
    on=("carrier.scan+reason",),
)
def prohibited(o: Facts, s: RuleSetting) -> Found:
    yield from _reported(o, s, lambda d: d.reason == "prohibited", _over)


@rule(
    "shipment.rejected_by_carrier",
    "signal",
    definition="The carrier refused to take the parcel.",
    clears="its delivery or return, or the end of the shipment",
    prevented_by="a parcel within the carrier's terms",
    source="event",
    actions=(("create_task", "ship with another carrier"),),
    defaults=RuleDefaults(owner="CARR", severity="high", lane="block"),
    on=("carrier.scan+reason",),
)
def rejected_by_carrier(o: Facts, s: RuleSetting) -> Found:
    yield from _reported(o, s, lambda d: d.reason == "rejected", _over)


@rule(
    "shipment.return_to_sender",
    "signal",
    definition="The parcel is going back to its sender.",
    clears="a delivered scan, or the end of the shipment",
    prevented_by="a deliverable address and a recipient",
    source="event",
    actions=(("decide_reship", "reship or refund"),),
    defaults=RuleDefaults(owner="CS", severity="high", lane="review"),
    on=("carrier.scan:returning", "carrier.scan:returned"),
)
def return_to_sender(o: Facts, s: RuleSetting) -> Found:
    for shipment in o.shipments if o.method == "ship" else ():
        for parcel in shipment.parcels:
            for position, record in enumerate(parcel.scans):
                if scan_of(record).status in ("returning", "returned"):
                    clears = _scans_from(_arrived("delivered"))(parcel, position)
                    yield signal(o.of(shipment, s), record, clears=clears, lifted=lifted_for(o, shipment), scope=shipment.scope)
                    break


@rule(
    "shipment.delivered_disputed",
    "signal",
    definition="The customer says that a delivered parcel did not arrive.",
    clears="a full refund, a replacement, or the cancellation",
    prevented_by="a proof of delivery",
    source="event",
    actions=(("send_proof_of_delivery", "show the customer where it was left"),),
    defaults=RuleDefaults(owner="CS", severity="high", lane="review"),
    on=("support.contacted",),
)
def delivered_disputed(o: Facts, s: RuleSetting) -> Found:
    for record in o.t.of("support.contacted") if o.method == "ship" else ():
        data = cast("SupportContacted", record.event.data)
        if data.intent == "not_received" and any(x.delivered is not None and x.delivered <= record.at for x in o.shipments):
            yield signal(s, record, clears=[x.shipped for x in o.shipments if x.replaces], lifted=o.ended)
