"""Shipment kinds that a carrier reports: each begins with a scan and ends with the scan that contradicts it."""

from __future__ import annotations

from dataflows.core.rules.custom.shipment import attempts_exhausted, delivered_disputed
from dataflows.core.rules.forms import custom, reported
from dataflows.core.rules.vocabulary import POSSESSED, Milestone, Next, Scope, Strictly, excluding, scan

OWN_KIND = tuple(
    "pickup_failed missorted refused disposed prohibited rejected not_found documents duty customs unmapped final_attempt".split()
)
OVER = (Milestone.DELIVERED, Milestone.RETURNED)
WHY = ("reason", "status")

# fmt: off
RULES = (
    reported(
        "shipment.pickup_failed", "The carrier could not collect the parcel from the warehouse.",
        when=scan(reason="pickup_failed"), until=POSSESSED, unless=Milestone.ENDED, each=Scope.PARCEL, methods=("ship",), detail=WHY,
        owner="CARR", severity="medium", lane="auto",
        actions={"rebook_pickup": "the parcel is still in the warehouse"},
        source="event (X12 AY)", advice="a collection as booked",
    ),
    reported(
        "shipment.lost_confirmed", "The carrier says that the parcel is lost.",
        when=scan("lost"), until=OVER, unless=Milestone.ENDED, each=Scope.PARCEL, methods=("ship",), detail=WHY,
        owner="CARR", severity="critical", lane="review",
        actions={"file_claim": "the carrier is liable", "approve_replacement": "the customer has nothing"},
        advice="nothing: the carrier lost it",
    ),
    reported(
        "shipment.delay_reported", "The carrier reports a delay, or an exception without a kind of its own.",
        when=(scan("delayed"), scan("exception", where=excluding("reason", *OWN_KIND))),
        until=Next(scan("delayed", "exception"), other=True), unless=Milestone.ENDED, each=Scope.PARCEL, methods=("ship",), detail=WHY,
        owner="CARR", severity="low", lane="auto",
        actions={"watch": "tell the customer only if the promise moves"},
        advice="nothing that the shop can do",
    ),
    reported(
        "shipment.misrouted", "The carrier sorted the parcel to the wrong place.",
        when=scan(reason="missorted"), until=Next(scan(reason="missorted"), other=True), unless=Milestone.ENDED, each=Scope.PARCEL,
        methods=("ship",), detail=WHY,
        owner="CARR", severity="low", lane="auto",
        actions={"watch": "it usually finds its way within a day"},
        source="event (X12 AA)", advice="a readable label",
    ),
    reported(
        "shipment.customs_hold", "Customs holds the parcel; graver after three business days.",
        when=scan("held", reason="customs"), until=Next(scan(reason="customs"), other=True), unless=Milestone.ENDED, each=Scope.PARCEL,
        methods=("ship",), detail=WHY,
        owner="CARR", severity="medium", lane="review", clock="carrier", steps=(("3 bd", "high"),),
        suppressed_by=("shipment.documents_missing", "shipment.duty_unpaid"), feeds=("carrier",),
        actions={"request_documents": "customs waits for papers"},
        source="event; P: 3 business days", advice="complete customs data",
    ),
    reported(
        "shipment.documents_missing", "The parcel waits for documents; graver after three business days.",
        when=scan(reason="documents"), until=Next(scan(reason="documents"), other=True), unless=Milestone.ENDED, each=Scope.PARCEL,
        methods=("ship",), detail=WHY,
        owner="CARR", severity="medium", lane="review", clock="carrier", steps=(("3 bd", "high"),), feeds=("carrier",),
        actions={"request_documents": "nothing moves without them"},
        source="event; P: 3 business days", advice="complete customs documents",
    ),
    reported(
        "shipment.duty_unpaid", "The parcel waits for its duty to be paid; graver after three business days.",
        when=scan(reason="duty"), until=Next(scan(reason="duty"), other=True), unless=Milestone.ENDED, each=Scope.PARCEL, methods=("ship",),
        detail=WHY,
        owner="CARR", severity="medium", lane="review", clock="carrier", steps=(("3 bd", "high"),), feeds=("carrier",),
        actions={"ask_customer": "somebody must pay the duty"},
        source="event; P: 3 business days", advice="duty paid at checkout",
    ),
    reported(
        "shipment.attempt_failed", "A delivery attempt failed.",
        when=scan("attempt_failed"), until=Next(scan("attempt_failed"), other=True), unless=Milestone.ENDED, each=Scope.PARCEL,
        methods=("ship",), detail=WHY,
        owner="CS", severity="medium", lane="auto", suppressed_by=("shipment.attempts_exhausted",),
        actions={"ask_customer": "agree on another time or place"},
        source="event (Shippo: action required)", advice="a recipient who is at home",
    ),
    custom(
        "shipment.attempts_exhausted", "The third delivery attempt failed, or the carrier says that it was the last.",
        find=attempts_exhausted, inputs=("carrier.scan:attempt_failed", "carrier.scan:failed_final", "carrier.scan+reason"),
        methods=("ship",), clears="a delivered, returning or returned scan, or the end of the shipment",
        count=3, owner="CS", severity="high", lane="review",
        actions={"decide_reship": "reship or take back"},
        source="count 3, or the carrier's final-attempt code", advice="a customer who was asked after the first attempt",
    ),
    reported(
        "shipment.refused", "The recipient refused the parcel.",
        when=scan(reason="refused"), until=OVER, unless=Milestone.ENDED, each=Scope.PARCEL, methods=("ship",), detail=WHY,
        owner="CS", severity="high", lane="review",
        actions={"contact_customer": "ask why"},
        advice="nothing that the shop can do",
    ),
    reported(
        "shipment.damaged", "The carrier reports damage.",
        when=scan("damaged"), until=(Strictly(Milestone.DELIVERED), Strictly(Milestone.RETURNED)), unless=Milestone.ENDED,
        each=Scope.PARCEL, methods=("ship",), detail=WHY,
        owner="CARR", severity="high", lane="review",
        actions={"file_claim": "the carrier is liable", "approve_replacement": "the goods may be useless"},
        advice="better packing",
    ),
    reported(
        "shipment.disposed", "The carrier disposed of the parcel.",
        when=scan(reason="disposed"), until=OVER, unless=Milestone.ENDED, each=Scope.PARCEL, methods=("ship",), detail=WHY,
        owner="CARR", severity="high", lane="block",
        actions={"create_task": "refund or replace"},
        advice="an answer to the carrier in time",
    ),
    reported(
        "shipment.prohibited", "The goods may not be carried or imported.",
        when=scan(reason="prohibited"), until=OVER, unless=Milestone.ENDED, each=Scope.PARCEL, methods=("ship",), detail=WHY,
        owner="CARR", severity="high", lane="block",
        actions={"create_task": "refund, and block the SKU for that lane"},
        advice="a check of the goods against the lane",
    ),
    reported(
        "shipment.rejected_by_carrier", "The carrier refused to take the parcel.",
        when=scan(reason="rejected"), until=OVER, unless=Milestone.ENDED, each=Scope.PARCEL, methods=("ship",), detail=WHY,
        owner="CARR", severity="high", lane="block",
        actions={"create_task": "ship with another carrier"},
        advice="a parcel within the carrier's terms",
    ),
    reported(
        "shipment.return_to_sender", "The parcel is going back to its sender.",
        when=scan("returning", "returned"), until=(scan("delivered", text="a delivered scan"), Milestone.SETTLED), unless=Milestone.ENDED,
        each=Scope.PARCEL,
        methods=("ship",), first=True,
        owner="CS", severity="high", lane="review",
        actions={"decide_reship": "reship or refund"},
        advice="a deliverable address and a recipient",
    ),
    custom(
        "shipment.delivered_disputed", "The customer says that a delivered parcel did not arrive.",
        find=delivered_disputed, inputs=("support.contacted",), methods=("ship",),
        clears="a full refund, a replacement, or the cancellation",
        owner="CS", severity="high", lane="review",
        actions={"send_proof_of_delivery": "show the customer where it was left"},
        advice="a proof of delivery",
    ),
)
