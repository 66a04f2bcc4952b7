"""Return kinds: goods, inspection or money that should be coming back and are not."""

from __future__ import annotations

from dataflows.core.rules.forms import overdue, silent
from dataflows.core.rules.vocabulary import POSSESSED, Milestone, Scope, event

RECEIVED = event("return.received", text="its arrival")

# fmt: off
RULES = (
    overdue(
        "return.label_unused", "A return was authorized and nothing was sent back for 14 days.",
        since=event("return.authorized"), within="14 d", until=(event("return.shipped"), POSSESSED, RECEIVED), each=Scope.RETURN,
        label="return authorized", emits="return_shipped",
        owner="CS", severity="low", lane="auto", feeds=("carrier", "warehouse"),
        actions={"remind_customer": "the return window runs"},
        source="P: 14 days",
    ),
    silent(
        "return.transit_stalled", "A return parcel has not been scanned for five business days.",
        heard=event("return.shipped"), within="5 bd", each=Scope.RETURN, emits="progress",
        owner="CARR", severity="medium", lane="review", clock="carrier", feeds=("carrier",),
        actions={"trace_parcel": "the customer waits for money"},
        source="P: 5 business days",
    ),
    overdue(
        "return.inspection_overdue", "A returned parcel was not inspected within two business days of its arrival.",
        since=RECEIVED, within="2 bd", until=(event("return.inspected", text="the inspection"), Milestone.NAMED_REFUND), each=Scope.RETURN,
        label="return received", emits="inspected",
        owner="FULF", severity="medium", lane="review", clock="site", feeds=("warehouse",),
        actions={"create_warehouse_task": "inspect the return"},
        source="P: 2 business days",
    ),
    overdue(
        "return.received_not_refunded", "A return arrived and was not refunded within three business days.",
        since=RECEIVED, within="3 bd", until=Milestone.REFUND, each=Scope.RETURN, label="return received", emits="refunded",
        owner="FIN", severity="medium", lane="review", clock="tenant", feeds=("payments",),
        actions={"approve_refund": "the goods are back"},
        source="P: 3 business days",
    ),
)
