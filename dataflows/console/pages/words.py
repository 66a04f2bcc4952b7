"""The words of events, states and reasons: marked here, translated where they are shown."""

from __future__ import annotations

from typing import Final

from dataflows.console.text import mark

LANES: Final = {
    "storefront": mark("Storefront"),
    "payment": mark("Payment"),
    "warehouse": mark("Warehouse"),
    "carrier": mark("Carrier"),
    "messages": mark("Messages"),
    "orderwatch": mark("Orderwatch"),
    "actions": mark("Actions"),
    "decisions": mark("Decisions"),
}
EVENTS: Final = {
    "order.placed": mark("placed"),
    "order.updated": mark("order changed"),
    "order.cancel_requested": mark("cancel asked for"),
    "order.cancelled": mark("cancelled"),
    "order.cancel_declined": mark("cancel declined"),
    "order.reinstated": mark("reinstated"),
    "order.linked": mark("linked to other orders"),
    "order.hold_placed": mark("hold placed"),
    "order.hold_released": mark("hold released"),
    "payment.authorized": mark("authorised"),
    "payment.captured": mark("captured"),
    "payment.voided": mark("authorisation voided"),
    "payment.failed": mark("payment failed"),
    "payment.refunded": mark("refunded"),
    "payment.disputed": mark("disputed"),
    "payment.dispute_closed": mark("dispute closed"),
    "inventory.allocated": mark("allocated"),
    "inventory.short": mark("stock short"),
    "inventory.backordered": mark("backordered"),
    "address.validated": mark("address validated"),
    "address.invalid": mark("address invalid"),
    "address.change_requested": mark("address change asked for"),
    "warehouse.released": mark("released"),
    "warehouse.pick_started": mark("pick started"),
    "warehouse.picked": mark("picked"),
    "warehouse.packed": mark("packed"),
    "warehouse.pick_short": mark("picked short"),
    "warehouse.rejected": mark("rejected by the warehouse"),
    "warehouse.label_created": mark("label made"),
    "warehouse.shipped": mark("shipped"),
    "warehouse.shipment_cancelled": mark("shipment cancelled"),
    "carrier.scan": mark("scan"),
    "carrier.relabelled": mark("relabelled"),
    "return.requested": mark("return asked for"),
    "return.authorized": mark("return authorised"),
    "return.shipped": mark("return shipped"),
    "return.received": mark("return received"),
    "return.inspected": mark("return inspected"),
    "return.cancelled": mark("return cancelled"),
    "invoice.issued": mark("invoice issued"),
    "invoice.disputed": mark("invoice disputed"),
    "support.contacted": mark("customer wrote"),
    "message.sent": mark("message sent"),
    "evidence.withdrawn": mark("evidence withdrawn"),
    "exception.raised": mark("raised"),
    "exception.updated": mark("changed"),
    "exception.resolved": mark("resolved"),
    "exception.retracted": mark("taken back"),
    "case.acknowledged": mark("acknowledged"),
    "case.assigned": mark("assigned"),
    "case.snoozed": mark("snoozed"),
    "case.waiting": mark("set to wait"),
    "case.noted": mark("note"),
    "case.labelled": mark("labelled"),
    "case.resolved": mark("case resolved"),
    "case.reopened": mark("case reopened"),
    "action.initiated": mark("action asked for"),
    "action.approved": mark("approved"),
    "action.rejected": mark("rejected"),
    "action.observed": mark("outcome observed"),
    "suggestion.made": mark("suggestion"),
    "policy.activated": mark("policy activated"),
    "automation.paused": mark("automation paused"),
    "automation.resumed": mark("automation resumed"),
}
"""Few words for each type of event, as they stand beside a mark."""
SCANS: Final = {
    "unknown": mark("unknown status"),
    "label_created": mark("label made"),
    "accepted": mark("accepted"),
    "in_transit": mark("in transit"),
    "customs": mark("customs"),
    "out_for_delivery": mark("out for delivery"),
    "attempt_failed": mark("attempt failed"),
    "ready_for_pickup": mark("ready for pick-up"),
    "delayed": mark("delayed"),
    "held": mark("held"),
    "exception": mark("exception"),
    "damaged": mark("damaged"),
    "lost": mark("lost"),
    "returning": mark("returning"),
    "returned": mark("returned"),
    "delivered": mark("delivered"),
    "failed_final": mark("delivery failed for good"),
    "cancelled": mark("cancelled"),
    "expired": mark("expired"),
}
STATES: Final = {
    "proposed": mark("proposed"),
    "requested": mark("requested"),
    "begun": mark("begun"),
    "executed": mark("executed"),
    "failed": mark("failed"),
    "in_doubt": mark("in doubt"),
    "rejected": mark("rejected"),
    "expired": mark("expired"),
    "withdrawn": mark("withdrawn"),
    "blocked": mark("blocked"),
}
"""States of actions."""
STATUSES: Final = {
    "open": mark("open"),
    "resolved": mark("resolved"),
    "retracted": mark("taken back"),
    "suppressed": mark("suppressed"),
}
CASES: Final = {
    "new": mark("new"),
    "acknowledged": mark("acknowledged"),
    "assigned": mark("assigned"),
    "snoozed": mark("snoozed"),
    "waiting": mark("waiting"),
    "resolved": mark("resolved"),
    "open": mark("open again"),
}
RESOLUTIONS: Final = {
    "milestone": mark("what was waited for came"),
    "promise_moved": mark("the promise was moved after it had passed"),
    "cleared": mark("the trouble is over"),
    "lifted": mark("it is no longer expected"),
    "case": mark("a person closed the case"),
    "expired": mark("there had been no news for too long"),
    "policy_changed": mark("it does not hold under a policy that was activated"),
}
HANDLING: Final = {
    "auto": mark("its first action is requested at once"),
    "review": mark("its first action is proposed, and a person decides"),
    "block": mark("automation on the order pauses until a person has decided"),
}
"""What the lane of an exception means."""
TERMS: Final = {
    "severity": mark("its severity"),
    "breach": mark("how probable the breach is"),
    "time_left": mark("how little time is left"),
    "lateness": mark("how late it is"),
    "value": mark("the money at stake"),
    "tier": mark("the customer's tier"),
    "blocking": mark("stopping the order"),
    "reopenings": mark("having come back"),
}
"""The terms of a score."""
EFFECTS: Final = {
    "block": mark("nothing is done by itself"),
    "review": mark("a person decides"),
    "auto": mark("may be done at once"),
    "withdraw": mark("the message is taken back"),
}
"""What a guardrail does."""


def words_of(table: dict[str, str], name: str | None) -> str:
    """The English words of a name; one that is not in the table stands for itself."""
    if name is None:
        return ""
    return table.get(name) or name.rpartition(".")[2].replace("_", " ")
