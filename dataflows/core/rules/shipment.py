"""Shipment kinds that wait: no first scan, no further scan, a promise that nears or breaks."""

from __future__ import annotations

from decimal import Decimal

from dataflows.core.clocks.spans import ZERO, span
from dataflows.core.policy.setting import Step
from dataflows.core.rules.custom.shipment import eta_passed, eta_slip, promised
from dataflows.core.rules.forms import custom, lasting, overdue, silent
from dataflows.core.rules.structs import Reported
from dataflows.core.rules.vocabulary import Date, Milestone, Next, Scope, Staying, excluding, scan

UNDER_WAY = scan("accepted", "in_transit", "customs", "out_for_delivery", "attempt_failed", "delayed", "exception", "unknown")

DEAR_TO_LOSE = (("*", Decimal(100)), ("JPY", Decimal(10000)), ("KRW", Decimal(100000)))
"""The total of an order whose parcel somebody asks for as soon as it is late and has been long under way (P: as `DEAR_TO_PAY`)."""
EXPIRED = Reported(
    when=(scan("expired"),),
    until=(Next(scan(text="scan")),),
    unless=(Milestone.OVER,),
    each=Scope.PARCEL,
    tracked=True,
    methods=("ship",),
)
"""The carrier let the number expire."""

# fmt: off
RULES = (
    overdue(
        "shipment.first_scan_missing",
        "The carrier has not scanned a parcel: a warning two business days after the hand-over (else the label), raised after four.",
        since=(Milestone.LABELLED, Milestone.HANDED_OVER), within="4 bd", until=Milestone.FIRST_SCAN, unless=Milestone.ENDED,
        each=Scope.SHIPMENT, methods=("ship",), emits="first_scan",
        owner="FULF", severity="medium", lane="auto", clock="carrier", steps=(("2 bd", "low"),),
        suppressed_by=("shipment.tracking_invalid",), feeds=("carrier",),
        actions={"ask_warehouse": "the parcel may never have left", "hold_message": "do not tell the customer that it is on its way"},
        source="warning: Narvar's day 2; raised: Onward, 4 business days",
    ),
    overdue(
        "shipment.tracking_invalid", "The carrier has not known the tracking number for 24 hours.",
        since=scan(reason="not_found"), within="24 h",
        until=scan(where=(*excluding("reason", "not_found"), *excluding("status", "unknown", "expired")), text="any other scan"),
        unless=Milestone.ENDED, each=Scope.PARCEL, label="not found", methods=("ship",), emits="delivered",
        owner="FULF", severity="medium", lane="review", feeds=("carrier",),
        actions={"recheck_label": "the number may be mistyped"},
        source="P: 24 hours (parcelLab: Invalid ID)", advice="a label that the carrier knows",
    ),
    silent(
        "shipment.scan_gap", "A parcel under way has not been scanned for three business days (five where it crosses a border).",
        heard=UNDER_WAY, within="3 bd", unless=Milestone.OVER, each=Scope.PARCEL, methods=("ship",), emits="progress",
        international="5 bd", owner="CARR", severity="low", lane="auto", clock="carrier",
        suppressed_by=("shipment.stuck", "shipment.lost_suspected", "shipment.lost_confirmed"), feeds=("carrier",),
        actions={"trace_request": "ask the carrier where it is"},
        source="Onward: 3 business days domestic, 5 international",
    ),
    silent(
        "shipment.stuck", "A scan gap goes on for another three business days (five where the parcel crosses a border).",
        heard=UNDER_WAY, within="6 bd", unless=Milestone.OVER, each=Scope.PARCEL, methods=("ship",), emits="progress",
        international="10 bd", owner="CARR", severity="high", lane="review", clock="carrier",
        suppressed_by=("shipment.lost_suspected", "shipment.lost_confirmed"), feeds=("carrier",),
        actions={"trace_request": "the first gap did not close", "notify_customer": "the parcel is delayed"},
        source="P: the scan gap twice",
    ),
    silent(
        "shipment.lost_suspected", "A parcel under way has not been scanned for 30 days, or the carrier let its number expire.",
        heard=UNDER_WAY, within="30 d", unless=Milestone.OVER, each=Scope.PARCEL, methods=("ship",), emits="progress",
        also=(EXPIRED,),
        owner="CARR", severity="high", lane="review", suppressed_by=("shipment.lost_confirmed",), feeds=("carrier",),
        actions={"file_claim": "the carrier has probably lost it", "approve_replacement": "the customer has waited long enough"},
        source="AfterShip: expired after 30 days without information; carriers' own limits go into overrides",
    ),
    custom(
        "shipment.eta_slip",
        "The carrier's estimate lies after the promise; without a promise, more than 24 hours after its first estimate.",
        find=eta_slip, inputs=("late eta", "order.updated"), methods=("ship",),
        clears="an estimate or a promise that fits, the delivery, or the end of the shipment",
        margin="24 h", owner="ECOM", severity="medium", lane="auto",
        suppressed_by=("shipment.delivery_overdue", "shipment.eta_passed"),
        actions={"notify_customer": "before the promise breaks"},
        source="any slip past the promise; P: 24 hours without one", advice="an estimate within the promise",
    ),
    custom(
        "shipment.eta_passed", "No delivery was promised, and the carrier's own estimate has passed.",
        find=eta_passed, inputs=("eta", "order.updated", "order.placed"), fits=promised, methods=("ship",), emits="delivered",
        dated=True,
        clears="the delivery (or being ready for pick-up), a later estimate, a promise, or the end of the shipment",
        within="0 s", grace="2 h", owner="CARR", severity="medium", lane="auto", clock="carrier",
        suppressed_by=("shipment.lost_confirmed",), feeds=("carrier",),
        actions={"trace_request": "the carrier is late by its own word"},
        source="the carrier's estimate; grace: carriers are asked every two hours", advice="a delivery by the day that the carrier named",
    ),
    overdue(
        "shipment.delivery_overdue",
        "The order (or a line with a promise of its own) was not delivered by the end of the promised day, shipped or not.",
        since=Date.PROMISED_BY, until=Milestone.DELIVERED, unless=Milestone.ENDED, each=Scope.LINE, methods=("ship", "local"),
        emits="delivered",
        anchor="promised_by", owner="CARR", severity="medium", lane="auto", clock="destination",
        # What has not left is its warehouse's, and no carrier is to be asked for it.
        steps=(
            ("1 bd", "high"), Step(at=ZERO, severity="high", unless="shipped", owner="FULF"),
            Step(at=span("28 d"), severity="high", since="shipped"),
            Step(at=span("10 d"), severity="high", since="shipped", above=DEAR_TO_LOSE),
        ),
        suppressed_by=("shipment.lost_confirmed", "order.pending_too_long"), feeds=("carrier",),
        actions={
            "notify_customer": "the promise is broken", "trace_request": "ask the carrier where it is, if it has left",
            "create_warehouse_task": "if it has not left: ship it now",
        },
        source="the order's own promise; escalates on the next business day (parcelLab)",
    ),
    lasting(
        "shipment.held", "The carrier has held a parcel for one business day, other than for customs, documents or duty.",
        state=Staying(scan("held", where=excluding("reason", "customs", "documents", "duty")), "held"), within="1 bd",
        unless=Milestone.OVER, methods=("ship",),
        owner="CARR", severity="medium", lane="review", clock="carrier", feeds=("carrier",),
        actions={"ask_carrier": "find out what it waits for"},
        source="P: 1 business day",
    ),
    lasting(
        "shipment.pickup_unclaimed", "A parcel waits at a pick-up point: a reminder after three days, raised after five.",
        state=Staying(scan("ready_for_pickup"), "ready for pick-up"), within="5 d", unless=Milestone.OVER, methods=("ship",),
        owner="CS", severity="medium", lane="auto", steps=(("3 d", "low"),), feeds=("carrier",),
        actions={"remind_customer": "it goes back when the time is over"},
        source="P: 3 and 5 days",
    ),
    overdue(
        "shipment.rts_stalled", "A parcel on its way back to its sender has not arrived within ten business days.",
        since=scan("returning"), within="10 bd", until=(Milestone.RETURNED, Milestone.DELIVERED), unless=Milestone.ENDED, each=Scope.PARCEL,
        label="going back", methods=("ship",), emits="progress",
        owner="CARR", severity="medium", lane="review", clock="carrier", feeds=("carrier",),
        actions={"trace_request": "the goods are nowhere"},
        source="P: 10 business days",
    ),
)
